//! Replies of names and values: `status=accepted&price=12.50`, or with other signs between them.

use std::borrow::Cow;

use super::json::Broken;
use super::limits::PAIRS_MAX;
use super::step::url_decode;

/// How names and values stand apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FormSigns {
    /// Between two pairs.
    pub(super) pair: Box<str>,
    /// Between a name and its value.
    pub(super) value: Box<str>,
    /// Whether `%20` and `+` stand for other signs.
    pub(super) is_escaped: bool,
}

impl Default for FormSigns {
    fn default() -> Self {
        Self { pair: "&".into(), value: "=".into(), is_escaped: true }
    }
}

/// The pairs of a reply.
#[derive(Debug)]
pub(super) struct FormPairs<'t>(Vec<(Cow<'t, str>, Cow<'t, str>)>);

impl<'t> FormPairs<'t> {
    /// Reads the pairs; a part without a sign between name and value is skipped.
    pub(super) fn read(text: &'t str, signs: &FormSigns) -> Result<Self, Broken> {
        let decode = |part: &'t str| {
            let part = Cow::Borrowed(part.trim());
            if signs.is_escaped { url_decode(part) } else { part }
        };
        let mut pairs = Vec::new();
        for part in text.split(&*signs.pair) {
            let Some((name, value)) = part.split_once(&*signs.value) else { continue };
            if pairs.len() >= PAIRS_MAX {
                return Err(Broken);
            }
            pairs.push((decode(name), decode(value)));
        }
        if pairs.is_empty() { Err(Broken) } else { Ok(Self(pairs)) }
    }

    /// The values of a name, in their order.
    pub(super) fn values<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.0.iter().filter(move |(of, _)| of == name).map(|(_, value)| value.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_with_the_signs_of_the_format() {
        let check = |text: &str, signs: &FormSigns, name: &str, expect: &[&str]| {
            let pairs = FormPairs::read(text, signs).unwrap();
            let values: Vec<&str> = pairs.values(name).collect();
            assert_eq!(values, expect, "{text}");
        };
        let form = FormSigns::default();
        check("a=1&b=x+y%21&c", &form, "b", &["x y!"]);
        check("a=1&a=2", &form, "a", &["1", "2"]);
        check(" status = ok ", &form, "status", &["ok"]);
        let lines = FormSigns { pair: "\n".into(), value: ":".into(), is_escaped: false };
        check("Result: yes\r\nURL: https://x/?a=b+c\r\n", &lines, "URL", &["https://x/?a=b+c"]);
        assert!(FormPairs::read("no pairs here", &form).is_err());
        assert!(FormPairs::read(&"a=1&".repeat(PAIRS_MAX + 1), &form).is_err());
    }
}
