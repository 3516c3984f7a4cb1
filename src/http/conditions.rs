//! Conditions of a change (RFC 9110, section 13): `If-Match` and `If-None-Match`.
//!
//! An object's answer carries its tag as `ETag`. Whoever sends it back as `If-Match` overwrites
//! nobody else's change; `If-None-Match: *` makes an object only if there is none.

use actix_web::http::header::{ETAG, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH};
use actix_web::{HttpResponse, HttpResponseBuilder};
use serde::Serialize;

use super::error::{ApiError, Code};
use super::headers;
use crate::flow::administer::Precondition;

/// The most tags one `If-Match` may name.
const TAGS_MAX: usize = 16;

/// Reads the condition of a request.
///
/// # Errors
/// [`Code::MalformedRequest`] for what cannot be a condition here.
pub(super) fn of(headers: &HeaderMap) -> Result<Precondition, ApiError> {
    let if_match = headers::single(headers, &IF_MATCH)?;
    let if_none_match = headers::single(headers, &IF_NONE_MATCH)?;
    match (if_match, if_none_match) {
        (None, None) => Ok(Precondition::None),
        (Some("*"), None) => Ok(Precondition::Exists),
        (None, Some("*")) => Ok(Precondition::IsNew),
        (Some(tags), None) => tags
            .split(',')
            .map(|tag| Some(tag.trim().strip_prefix('"')?.strip_suffix('"')?.to_owned()))
            .collect::<Option<Vec<_>>>()
            .filter(|tags| tags.len() <= TAGS_MAX)
            .map(Precondition::Tagged)
            .ok_or_else(|| malformed("If-Match is `*`, or tags as ETag gave them.")),
        (_, Some(_)) => Err(malformed("If-None-Match is `*` here, and not beside If-Match.")),
    }
}

/// The answer that shows an object, with its tag as `ETag` if it has one.
pub(super) fn tagged(
    mut response: HttpResponseBuilder,
    tag: Option<String>,
    view: impl Serialize,
) -> HttpResponse {
    if let Some(tag) = tag {
        let value = HeaderValue::try_from(format!("\"{tag}\"")).expect("a tag is hexadecimal");
        response.insert_header((ETAG, value));
    }
    response.json(view)
}

fn malformed(detail: &'static str) -> ApiError {
    ApiError::new(Code::MalformedRequest, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_read_whole_or_refused() {
        let check = |lines: &[(&'static str, &'static str)], expect: Option<Precondition>| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                let name = actix_web::http::header::HeaderName::from_static(name);
                headers.append(name, HeaderValue::from_static(value));
            }
            assert_eq!(of(&headers).ok(), expect, "{lines:?}");
        };
        let tagged = |tags: &[&str]| {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            Some(Precondition::Tagged(tags))
        };
        check(&[], Some(Precondition::None));
        check(&[("if-match", "*")], Some(Precondition::Exists));
        check(&[("if-none-match", "*")], Some(Precondition::IsNew));
        check(&[("if-match", "\"a1\"")], tagged(&["a1"]));
        check(&[("if-match", "\"a1\", \"b2\"")], tagged(&["a1", "b2"]));
        check(&[("if-match", "a1")], None);
        check(&[("if-match", "W/\"a1\"")], None);
        check(&[("if-match", "\"a1\""), ("if-match", "\"b2\"")], None);
        check(&[("if-none-match", "\"a1\"")], None);
        check(&[("if-match", "*"), ("if-none-match", "*")], None);
    }
}
