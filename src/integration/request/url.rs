//! URLs with values in them.

use super::super::fault::Faults;
use super::super::section::At;
use super::node::Piece;
use super::parse::Parser;
use super::refused::RenderRefused;
use super::scope::Scope;

/// The longest URL, in bytes.
pub const URL_BYTES_MAX: usize = 8_192;

/// Stands for the campaign's own URL of a call.
const OWN: &str = "{url}";

/// A URL, the campaign's own unless it says otherwise.
#[derive(Debug, Clone)]
pub(in crate::integration) struct UrlPattern {
    /// What it begins with, if not the campaign's own URL.
    base: Option<String>,
    pub(super) pieces: Vec<Piece>,
}

impl UrlPattern {
    /// The campaign's own URL.
    pub(super) const fn own() -> Self {
        Self { base: None, pieces: Vec::new() }
    }

    /// Whether the campaign has to have a URL for the call.
    pub(super) const fn needs_own(&self) -> bool {
        self.base.is_none()
    }

    /// The URL for a request.
    ///
    /// # Errors
    /// If the campaign has no URL, or a value is missing or cannot stand in one.
    pub(super) fn render(&self, scope: &Scope<'_>) -> Result<String, RenderRefused> {
        let refused = |why| RenderRefused::Url { why };
        let own = || scope.seen.frame.url.ok_or(refused("the campaign has no URL for this call"));
        let mut url = match &self.base {
            Some(base) => base.clone(),
            None => own()?.to_owned(),
        };
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => url.push_str(text),
                Piece::Source(source) => {
                    let value = scope.read(&source.value).and_then(|value| value.into_text());
                    let value = value.ok_or(refused("a value in it is missing"))?;
                    if matches!(&*value, "" | "." | "..") {
                        return Err(refused("a value in it would change its path"));
                    }
                    push_encoded(&mut url, &value);
                }
            }
        }
        if url.len() > URL_BYTES_MAX { Err(RenderRefused::TooLarge) } else { Ok(url) }
    }
}

impl Parser<'_, '_> {
    /// Reads `{url}/{bid.reference}` or `https://host/path/{bid.reference}`.
    pub(super) fn url(&mut self, text: &At<String>) -> Option<UrlPattern> {
        let (base, rest) = match text.value.strip_prefix(OWN) {
            Some(rest) => (None, rest.to_owned()),
            None => {
                let (base, rest) = split_host(text, self.faults)?;
                (Some(base), rest)
            }
        };
        let rest = At { value: rest, at: text.at, path: text.path.clone() };
        let pieces = self.pieces(&rest)?;
        let is_clean = |piece: &Piece| match piece {
            Piece::Text(text) => text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#'),
            Piece::Source(_) => true,
        };
        let first = pieces.first();
        let is_joined = match (&base, first) {
            (None, Some(Piece::Source(_))) => false,
            (None, Some(Piece::Text(text))) => text.starts_with(['/', '?', '&']),
            _ => true,
        };
        if !pieces.iter().all(is_clean) {
            self.faults.error(text.place(), "a URL has no spaces and no `#`; write %20, %23");
            return None;
        }
        if !is_joined {
            self.faults.error_with(
                text.place(),
                "what follows the campaign's URL begins with `/`, `?` or `&`",
                "write {url}/{bid.reference}",
            );
            return None;
        }
        Some(UrlPattern { base, pieces })
    }
}

/// Scheme and host, which no value may be part of, and what follows.
fn split_host(text: &At<String>, faults: &mut Faults<'_>) -> Option<(String, String)> {
    let scheme = ["https://", "http://"].into_iter().find(|scheme| text.value.starts_with(scheme));
    let split = scheme.and_then(|scheme| {
        let end = text.value[scheme.len()..].find(['/', '?', '{'])? + scheme.len();
        let is_host = end > scheme.len() && !text.value[end..].starts_with('{');
        is_host.then(|| text.value.split_at(end))
    });
    match split {
        Some((base, rest)) if url::Url::parse(base).is_ok_and(|url| url.username().is_empty()) => {
            Some((base.to_owned(), rest.to_owned()))
        }
        _ => {
            faults.error_with(
                text.place(),
                "a URL begins with the campaign's own, or with a scheme and a host without values",
                "write {url}/path, or https://host.example/path/{bid.reference}",
            );
            None
        }
    }
}

/// A value as part of a path or a query: all but letters, digits and `-._~` by their codes.
fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                out.push(digit.to_ascii_uppercase());
            }
        }
    }
}
