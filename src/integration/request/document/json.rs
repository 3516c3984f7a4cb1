//! JSON.

use super::{Attributes, Key, Mark, Scalar, Shape, Writer};

/// Writes JSON.
pub(in super::super) struct JsonWriter<'o> {
    out: &'o mut String,
    /// Whether what comes next is the first in its object or list.
    is_first: bool,
}

impl<'o> JsonWriter<'o> {
    pub(in super::super) const fn new(out: &'o mut String) -> Self {
        Self { out, is_first: true }
    }

    fn begin(&mut self, key: Key<'_>) {
        if !self.is_first {
            self.out.push(',');
        }
        self.is_first = false;
        if let Key::Name(name) = key {
            push_text(self.out, name);
            self.out.push(':');
        }
    }
}

impl Writer for JsonWriter<'_> {
    fn mark(&self) -> Mark {
        Mark { length: self.out.len(), is_first: self.is_first }
    }

    fn roll_back(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        self.is_first = mark.is_first;
    }

    fn scalar(&mut self, key: Key<'_>, _: &Attributes<'_>, value: &Scalar<'_>) {
        self.begin(key);
        match value {
            Scalar::Text(text) => push_text(self.out, text),
            Scalar::Number(digits) => self.out.push_str(digits),
            Scalar::Boolean(truth) => self.out.push_str(if *truth { "true" } else { "false" }),
            Scalar::Null => self.out.push_str("null"),
        }
    }

    fn open(&mut self, key: Key<'_>, _: &Attributes<'_>, shape: Shape) {
        self.begin(key);
        self.out.push(if shape == Shape::Object { '{' } else { '[' });
        self.is_first = true;
    }

    fn close(&mut self, _: Key<'_>, shape: Shape) {
        self.out.push(if shape == Shape::Object { '}' } else { ']' });
        self.is_first = false;
    }
}

/// A text in quotes, escaped.
pub(in super::super) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escaped = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1f | 0x7f => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        if escaped.is_empty() {
            out.push_str("\\u00");
            out.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            out.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        } else {
            out.push_str(escaped);
        }
        from = at + 1;
    }
    out.push_str(&text[from..]);
    out.push('"');
}
