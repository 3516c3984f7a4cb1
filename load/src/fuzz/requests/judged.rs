//! Whether a request is what its headers say, and goes where it may.

use gavel::integration::{RENDERED_BYTES_MAX, RenderedRequest};

use super::{Judged, OUTCOMES};

/// Holds a request against what its headers say it is.
pub(super) fn judge_request(rendered: &RenderedRequest) -> Judged {
    if rendered.body.len() > RENDERED_BYTES_MAX {
        return Err("too large".to_owned());
    }
    let is_clean = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !is_clean(&rendered.url) || rendered.url.contains([' ', '#', '"', '<']) {
        return Err(format!("not a URL: {:?}", rendered.url));
    }
    judge_url(&rendered.url)?;
    for (name, value) in &rendered.headers {
        if !is_clean(name) || value.bytes().any(|byte| byte < b' ' && byte != b'\t') {
            return Err(format!("not a header: {name:?} {value:?}"));
        }
    }
    let text = std::str::from_utf8(&rendered.body).map_err(|_| "not UTF-8".to_owned())?;
    let kind = rendered.headers.iter().find(|(name, _)| name == "content-type");
    let Some((_, kind)) = kind else {
        return if text.is_empty() {
            Ok("sent: no body")
        } else {
            Err("a body without type".into())
        };
    };
    let is_sound = match kind.as_str() {
        "application/json" => serde_json::from_str::<serde_json::Value>(text).is_ok(),
        "application/x-www-form-urlencoded" => is_form(text),
        kind if kind.contains("xml") => roxmltree::Document::parse(text).is_ok(),
        _ => true,
    };
    let outcome = OUTCOMES.iter().find(|outcome| outcome.strip_prefix("sent: ") == Some(kind));
    match outcome {
        Some(outcome) if is_sound => Ok(outcome),
        _ => Err(format!("not {kind}: {text:?}")),
    }
}

/// A URL is the campaign's own or below it, for whoever reads it, and however often its codes are read.
fn judge_url(text: &str) -> Result<(), String> {
    let url = url::Url::parse(text).map_err(|error| format!("not a URL: {error}: {text}"))?;
    let rest = url.path().strip_prefix("/x");
    let is_below = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if url.host_str() != Some("buyer.example") || url.scheme() != "https" || !is_below {
        return Err(format!("another place: {text}"));
    }
    let path = text.split('?').next().unwrap_or_default();
    let mut path = path.to_ascii_lowercase();
    for _ in 0..8 {
        for (code, sign) in [("%2e", "."), ("%2f", "/"), ("%5c", "/"), ("%3b", ";"), ("%25", "%")] {
            path = path.replace(code, sign);
        }
    }
    match path.split(['/', '\\']).any(|segment| matches!(segment, "." | "..")) {
        true => Err(format!("a path that climbs: {text}")),
        false => Ok(()),
    }
}

/// Whether a text is a form; XML documents in its fields must be such.
fn is_form(text: &str) -> bool {
    let is_plain =
        |byte: u8| byte.is_ascii_alphanumeric() || b"*-._+%=&[]~:@/,!$'()".contains(&byte);
    let mut codes = text.split('%').skip(1);
    let is_code =
        |code: &str| code.len() >= 2 && code.bytes().take(2).all(|digit| digit.is_ascii_hexdigit());
    text.bytes().all(is_plain)
        && codes.all(is_code)
        && form_urlencoded::parse(text.as_bytes()).all(|(_, value)| {
            !value.starts_with("<?xml") || roxmltree::Document::parse(&value).is_ok()
        })
}
