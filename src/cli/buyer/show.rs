//! Requests and meanings as they are shown.

use serde_json::{Map, Value as Json};

use crate::integration::RenderedRequest;

/// A request to the byte, as HTTP writes it, with the length of its body left out.
#[must_use]
pub fn request(request: &RenderedRequest) -> String {
    let mut text = format!("{} {}\n", request.method, request.url);
    for (name, value) in &request.headers {
        text.push_str(&format!("{name}: {value}\n"));
    }
    if request.signs {
        text.push_str("(signed by the exchange)\n");
    }
    if !request.body.is_empty() {
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&request.body));
        text.push('\n');
    }
    text
}

/// What a reply means, on one line for each part.
#[must_use]
pub fn meaning(means: &Map<String, Json>) -> String {
    means.iter().map(|(name, value)| format!("{name}: {value}\n")).collect()
}

/// A text with each line moved to the right.
#[must_use]
pub fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
