//! XML.

use super::{Attributes, Key, Mark, Scalar, Shape, Writer};

/// Writes XML elements.
///
/// Characters that XML 1.0 cannot hold in any form (most control characters) are left out.
pub(in super::super) struct XmlWriter<'o> {
    out: &'o mut String,
}

impl<'o> XmlWriter<'o> {
    pub(in super::super) const fn new(out: &'o mut String) -> Self {
        Self { out }
    }

    fn start(&mut self, name: &str, attributes: &Attributes<'_>) {
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            push_escaped(self.out, value.as_text(), true);
            self.out.push('"');
        }
    }
}

impl Writer for XmlWriter<'_> {
    fn mark(&self) -> Mark {
        Mark { length: self.out.len(), is_first: false }
    }

    fn roll_back(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
    }

    fn scalar(&mut self, key: Key<'_>, attributes: &Attributes<'_>, value: &Scalar<'_>) {
        let Some(name) = name_of(key) else { return };
        self.start(name, attributes);
        let text = value.as_text();
        if text.is_empty() {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        push_escaped(self.out, text, false);
        self.end(name);
    }

    fn open(&mut self, key: Key<'_>, attributes: &Attributes<'_>, shape: Shape) {
        if let (Some(name), Shape::Object) = (name_of(key), shape) {
            self.start(name, attributes);
            self.out.push('>');
        }
    }

    fn close(&mut self, key: Key<'_>, shape: Shape) {
        if let (Some(name), Shape::Object) = (name_of(key), shape) {
            self.end(name);
        }
    }
}

impl XmlWriter<'_> {
    fn end(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }
}

const fn name_of(key: Key<'_>) -> Option<&str> {
    match key {
        Key::Root => None,
        Key::Name(name) | Key::Item { name, .. } => Some(name),
    }
}

/// Whether a character can stand in XML 1.0.
pub(in super::super) const fn is_allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// A text as content, or as the value of an attribute.
pub(in super::super) fn push_escaped(out: &mut String, text: &str, is_attribute: bool) {
    let mut from = 0;
    for (at, c) in text.char_indices() {
        let escaped = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' if is_attribute => "&quot;",
            '\r' => "&#13;",
            '\n' if is_attribute => "&#10;",
            '\t' if is_attribute => "&#9;",
            c if is_allowed(c) => continue,
            _ => "",
        };
        out.push_str(&text[from..at]);
        out.push_str(escaped);
        from = at + c.len_utf8();
    }
    out.push_str(&text[from..]);
}
