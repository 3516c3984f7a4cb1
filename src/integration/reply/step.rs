//! Steps that make a reply's text readable before it is read: `unescape`, `url_decode`, `wrap_root`
//! and `cut`.

use std::borrow::Cow;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Replaces `&lt;` and its like by their signs, once.
    Unescape,
    /// Replaces `%3C` and `+` by their signs, once.
    UrlDecode,
    /// Puts an element around it, for XML with several roots or none.
    WrapRoot(Box<str>),
    /// Leaves what stands between the first of one text and the next of another. A mark that is not
    /// there leaves nothing, so that the reply is read as empty and never as something else.
    Cut { after: Option<Box<str>>, before: Option<Box<str>> },
}

impl Step {
    /// The text after the step.
    pub(super) fn apply<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        match self {
            Self::Unescape => unescape(text),
            Self::UrlDecode => url_decode(text),
            Self::WrapRoot(name) => Cow::Owned(format!("<{name}>{text}</{name}>")),
            Self::Cut { after, before } => {
                map(text, |text| cut(text, after.as_deref(), before.as_deref()))
            }
        }
    }
}

/// A part of a text, without a copy where there is none yet.
fn map<'t>(text: Cow<'t, str>, part: impl Fn(&str) -> &str) -> Cow<'t, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(part(text)),
        Cow::Owned(text) => Cow::Owned(part(&text).to_owned()),
    }
}

fn cut<'t>(text: &'t str, after: Option<&str>, before: Option<&str>) -> &'t str {
    let rest = match after {
        Some(mark) => text.split_once(mark).map_or("", |(_, rest)| rest),
        None => text,
    };
    match before {
        Some(mark) => rest.split_once(mark).map_or("", |(part, _)| part),
        None => rest,
    }
}

/// The longest name or number between `&` and `;`, in bytes.
const REFERENCE_BYTES_MAX: usize = 12;

/// Replaces the references that XML and HTML share, once; others stay.
pub(super) fn unescape(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains('&') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let end = after.bytes().take(REFERENCE_BYTES_MAX).position(|byte| byte == b';');
        match end.and_then(|end| Some((character(&after[..end])?, end))) {
            Some((character, end)) => {
                out.push(character);
                rest = &after[end + 1..];
            }
            None => {
                out.push('&');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The character that `&name;` stands for.
pub(super) fn character(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// Replaces `%XX` and `+`, once; what is no valid escape stays.
pub(super) fn url_decode(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return text;
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let escaped = match byte {
            b'%' => digit(at + 1)
                .zip(digit(at + 2))
                .and_then(|(high, low)| u8::try_from(high * 16 + low).ok()),
            _ => None,
        };
        out.push(escaped.unwrap_or(if byte == b'+' { b' ' } else { byte }));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(step: &Step, text: &str, expect: &str) {
        assert_eq!(step.apply(text.into()), expect, "{step:?} {text}");
        assert_eq!(step.apply(text.to_owned().into()), expect, "{step:?} {text}");
    }

    #[test]
    fn each_step_does_one_thing_once() {
        check(
            &Step::Unescape,
            "&lt;a b=&quot;1&quot;&gt;&amp;lt;&lt;/a&gt;",
            "<a b=\"1\">&lt;</a>",
        );
        check(&Step::Unescape, "&#65;&#x42;&#X43;&apos;&nbsp;", "ABC'\u{a0}");
        check(&Step::Unescape, "a & b &copy; &#xd800; &#; &", "a & b &copy; &#xd800; &#; &");
        check(
            &Step::Unescape,
            "\u{e9}&\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9};",
            "\u{e9}&\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9};",
        );
        check(&Step::UrlDecode, "https%3A%2f%2Fx+y%", "https://x y%");
        check(&Step::UrlDecode, "%zz%e9%C3%A9", "%zz\u{fffd}\u{e9}");
        check(&Step::WrapRoot("r".into()), "<a/><b/>", "<r><a/><b/></r>");
    }

    #[test]
    fn a_cut_without_its_mark_leaves_nothing() {
        let cut = |after: Option<&str>, before: Option<&str>| Step::Cut {
            after: after.map(Into::into),
            before: before.map(Into::into),
        };
        check(&cut(Some("("), Some(")")), "call({\"a\":1}); // )", "{\"a\":1}");
        check(&cut(Some("#"), None), "a#b#c", "b#c");
        check(&cut(None, Some("#")), "a#b#c", "a");
        check(&cut(Some("#"), Some("!")), "a!b", "");
        check(&cut(None, Some("#")), "ab", "");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_step_panic(text in "\\PC*|[&#x%+;0-9a-f]*") {
            let _ = Step::Unescape.apply(text.as_str().into());
            let _ = Step::UrlDecode.apply(text.as_str().into());
        }
    }
}
