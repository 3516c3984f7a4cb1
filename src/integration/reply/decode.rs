//! From bytes to text: what a reply's characters are.
//!
//! In this order: a byte order mark, the profile's `charset`, the header's, the XML declaration's,
//! UTF-8 if the bytes are valid UTF-8, and Windows-1252 else. No bytes fail: what is not of the
//! encoding becomes U+FFFD.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

/// How far into a reply its XML declaration may reach, in bytes.
const DECLARATION_BYTES_MAX: usize = 256;

/// The text of `body`. `fixed` is the profile's charset, `content_type` the header.
pub(in crate::integration) fn decode<'b>(
    body: &'b [u8],
    fixed: Option<&'static Encoding>,
    content_type: Option<&str>,
) -> Cow<'b, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        return encoding.decode_without_bom_handling(&body[mark..]).0;
    }
    let told = fixed
        .or_else(|| content_type.and_then(header_charset))
        .or_else(|| declared(body).filter(|encoding| encoding.is_ascii_compatible()));
    match (told, std::str::from_utf8(body)) {
        (None, Ok(text)) => Cow::Borrowed(text),
        (Some(encoding), Ok(text)) if encoding == UTF_8 => Cow::Borrowed(text),
        // A reply that says UTF-8 and is not is in what such servers use without saying so.
        (None, Err(_)) => WINDOWS_1252.decode_without_bom_handling(body).0,
        (Some(encoding), Err(_)) if encoding == UTF_8 && fixed.is_none() => {
            WINDOWS_1252.decode_without_bom_handling(body).0
        }
        (Some(encoding), _) => encoding.decode_without_bom_handling(body).0,
    }
}

/// The encoding of a `charset` label, such as `utf-8` or `iso-8859-1`.
pub(super) fn encoding(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label(label.as_bytes())
}

/// `text/xml; charset="utf-8"`.
fn header_charset(content_type: &str) -> Option<&'static Encoding> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| encoding(value.trim().trim_matches('"')))?
    })
}

/// `<?xml version="1.0" encoding="iso-8859-1"?>`. One that could be read says that the encoding
/// holds ASCII, so `utf-16` there is a mistake and not taken.
fn declared(body: &[u8]) -> Option<&'static Encoding> {
    let body = body.trim_ascii_start();
    let head = &body[..body.len().min(DECLARATION_BYTES_MAX)];
    let head = head.strip_prefix(b"<?xml")?;
    let end = head.windows(2).position(|pair| pair == b"?>")?;
    let declaration = std::str::from_utf8(&head[..end]).ok()?;
    let (_, after) = declaration.split_once("encoding")?;
    let value = after.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    encoding(value[1..].split(quote).next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(body: &[u8], fixed: Option<&str>, content_type: Option<&str>, expect: &str) {
        let fixed = fixed.map(|label| encoding(label).unwrap());
        assert_eq!(decode(body, fixed, content_type), expect, "{body:?} {content_type:?}");
    }

    #[test]
    fn the_characters_are_what_the_first_teller_says() {
        check(b"caf\xc3\xa9", None, None, "caf\u{e9}");
        check(b"caf\xe9", None, None, "caf\u{e9}");
        check(b"caf\xe9", None, Some("text/html; charset=iso-8859-1"), "caf\u{e9}");
        check(b"\xd0\xb8", None, Some("text/plain; Charset=\"koi8-r\""), "п╦");
        check(b"caf\xe9 \x80", None, Some("text/xml; charset=utf-8"), "caf\u{e9} \u{20ac}");
        check(b"\xef\xbb\xbf{}", None, Some("a/b; charset=iso-8859-1"), "{}");
        check(b"\xff\xfea\0b\0", None, None, "ab");
        check(b"\xfe\xff\0a\0b", Some("utf-8"), None, "ab");
        check(b"a\0b\0", Some("utf-16le"), None, "ab");
        check(b"\xe9\xff", Some("utf-8"), None, "\u{fffd}\u{fffd}");
        check(b"\xe9", Some("windows-1251"), Some("a/b; charset=utf-8"), "й");
        check(b"x", None, Some("a/b; charset=no-such"), "x");
        check(b"x", None, Some("a/b; charset"), "x");
    }

    #[test]
    fn an_xml_declaration_is_believed_as_far_as_it_can_be_true() {
        let xml = |label: &str, rest: &[u8]| {
            [format!("<?xml version='1.0' encoding=\"{label}\"?>").as_bytes(), rest].concat()
        };
        let text = |label: &str, rest: &[u8]| decode(&xml(label, rest), None, None).into_owned();
        assert!(text("iso-8859-1", b"<a>\xe9</a>").ends_with("<a>\u{e9}</a>"));
        assert!(text("utf-16", b"<a>\xc3\xa9</a>").ends_with("<a>\u{e9}</a>"));
        assert!(text("utf-8", b"<a>\xe9</a>").ends_with("<a>\u{e9}</a>"));
    }
}
