//! The reader of paths: what the two path languages have in common.

use super::limits::PATH_BYTES_MAX;

/// What is wrong with a path or pattern of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFault {
    /// Where in its text, in bytes.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

impl PathFault {
    pub(super) fn at(at: usize, message: &str, hint: &str) -> Self {
        Self { at, message: message.to_owned(), hint: hint.to_owned() }
    }
}

/// A place in the text of a path.
pub struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    /// The beginning of a path.
    pub(super) fn new(text: &'t str) -> Result<Self, PathFault> {
        if text.len() > PATH_BYTES_MAX {
            let message = format!("the path is longer than {PATH_BYTES_MAX} bytes");
            return Err(PathFault { at: 0, message, hint: "name a shorter way".to_owned() });
        }
        Ok(Self { text, at: 0 })
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub(super) fn is_over(&self) -> bool {
        self.at == self.text.len()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Goes past `sign` if it stands here.
    pub(super) fn take(&mut self, sign: &str) -> bool {
        let stands = self.rest().starts_with(sign);
        if stands {
            self.at += sign.len();
        }
        stands
    }

    pub(super) fn skip_spaces(&mut self) {
        while self.take(" ") {}
    }

    fn while_is(&mut self, is_part: fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// Letters, digits, `_`, `-`, and anything beyond ASCII; perhaps nothing.
    pub(super) fn name(&mut self) -> &'t str {
        self.while_is(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || !c.is_ascii())
    }

    /// The same and `.`, as names of XML are.
    pub(super) fn dotted_name(&mut self) -> &'t str {
        self.while_is(|c| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') || !c.is_ascii()
        })
    }

    /// A text in single or double quotes; a backslash takes the sign after it as it is.
    pub(super) fn quoted(&mut self) -> Result<String, PathFault> {
        let began = self.at;
        let quote = match self.next() {
            Some(quote @ ('\'' | '"')) => quote,
            _ => return Err(PathFault::at(began, "a text in quotes is missing", "write `'text'`")),
        };
        let mut text = String::new();
        while let Some(sign) = self.next() {
            match sign {
                '\\' => text.extend(self.next()),
                _ if sign == quote => return Ok(text),
                _ => text.push(sign),
            }
        }
        Err(PathFault::at(began, "the text in quotes does not end", "end it with the same quote"))
    }

    /// A whole number, perhaps negative.
    pub(super) fn integer(&mut self) -> Result<i64, PathFault> {
        let began = self.at;
        self.take("-");
        self.while_is(|c| c.is_ascii_digit());
        self.text[began..self.at]
            .parse()
            .map_err(|_| PathFault::at(began, "not a whole number", "write a number such as 0"))
    }

    /// A plain decimal, perhaps negative.
    pub(super) fn decimal(&mut self) -> Result<&'t str, PathFault> {
        let began = self.at;
        self.take("-");
        self.while_is(|c| c.is_ascii_digit() || c == '.');
        let text = &self.text[began..self.at];
        match super::number::compare(text, "0") {
            Some(_) => Ok(text),
            None => Err(PathFault::at(began, "not a number", "write a number such as 12.5")),
        }
    }

    pub(super) fn fault(&self, message: &str, hint: &str) -> PathFault {
        PathFault::at(self.at, message, hint)
    }
}
