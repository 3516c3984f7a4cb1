//! URLs with values in them.
//!
//! A URL that begins with the campaign's own goes to that host and to that path or below it, whatever
//! a profile writes behind it and whatever stands in a value: a buyer's own profile reaches nothing
//! else, although the exchange carries the secrets.

use std::borrow::Cow;

use url::Url;

use super::super::fault::Faults;
use super::super::section::At;
use super::node::Piece;
use super::parse::Parser;
use super::refused::RenderRefused;
use super::scope::Scope;

/// The longest URL, in bytes.
pub const URL_BYTES_MAX: usize = 8_192;

/// How often signs of a path may stand by the codes of their codes.
const CODES_DEPTH_MAX: usize = 8;

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
        let (start, is_in_query) = (url.len(), url.contains('?'));
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
            if url.len() > URL_BYTES_MAX {
                return Err(RenderRefused::TooLarge);
            }
        }
        if url.len() > start {
            if !is_in_query && climbs(before_query(&url[start..])) {
                return Err(refused("a value in it would change its path"));
            }
            if self.base.is_none() && !is_below(&url, own()?) {
                return Err(refused("it leaves the campaign's own URL"));
            }
        }
        Ok(url)
    }
}

/// What stands before the query.
fn before_query(text: &str) -> &str {
    text.split_once('?').map_or(text, |(path, _)| path)
}

/// Whether a path has a segment that leads to another one: `.` or `..`, also with parameters, and
/// also where these signs, or those between segments, stand by their codes, or by the codes of those.
fn climbs(path: &str) -> bool {
    let leads_elsewhere = |segment: &str| {
        let name = segment.split_once(';').map_or(segment, |(name, _)| name);
        matches!(name, "." | "..")
    };
    let mut path = Cow::Borrowed(path);
    for _ in 0..CODES_DEPTH_MAX {
        if path.split(['/', '\\']).any(leads_elsewhere) {
            return true;
        }
        match without_codes(&path) {
            Some(decoded) => path = Cow::Owned(decoded),
            None => return false,
        }
    }
    true
}

/// The text with the signs that part and name segments instead of their codes, once; none if there
/// are no such codes.
fn without_codes(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut is_changed = false;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let sign = match after.as_bytes() {
            [b'2', b'e' | b'E', ..] => Some('.'),
            [b'2', b'f' | b'F', ..] => Some('/'),
            [b'5', b'c' | b'C', ..] => Some('\\'),
            [b'3', b'b' | b'B', ..] => Some(';'),
            [b'2', b'5', ..] => Some('%'),
            _ => None,
        };
        is_changed |= sign.is_some();
        out.push(sign.unwrap_or('%'));
        rest = if sign.is_some() { &after[2..] } else { after };
    }
    out.push_str(rest);
    is_changed.then_some(out)
}

/// Whether a URL, as those read it who send it, is `own` or stands below it.
fn is_below(url: &str, own: &str) -> bool {
    let (Ok(url), Ok(own)) = (Url::parse(url), Url::parse(own)) else { return false };
    let is_same_host = url.scheme() == own.scheme()
        && url.host() == own.host()
        && url.port_or_known_default() == own.port_or_known_default()
        && url.username() == own.username()
        && url.password() == own.password();
    let rest = url.path().strip_prefix(own.path());
    is_same_host
        && rest.is_some_and(|rest| {
            rest.is_empty() || rest.starts_with('/') || own.path().ends_with('/')
        })
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
        let with_values = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Source(_) => "x".to_owned(),
        };
        let whole: String = pieces.iter().map(with_values).collect();
        // What goes on with a query that the campaign's URL has begun is no path.
        let path = if whole.starts_with('&') { "" } else { before_query(&whole) };
        if climbs(path) {
            self.faults.error_with(
                text.place(),
                "the URL has a path that leads out of where it stands",
                "leave out `.` and `..`, and write the path from the host on",
            );
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
        Some((base, rest)) if Url::parse(base).is_ok_and(|url| url.username().is_empty()) => {
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
