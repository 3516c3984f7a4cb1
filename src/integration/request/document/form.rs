//! Forms and query strings.

use super::super::node::Nesting;
use super::{Attributes, Key, Mark, Scalar, Shape, Writer};

/// Writes `name=value` pairs.
pub(in super::super) struct FormWriter<'o> {
    out: &'o mut String,
    /// Where the pairs begin: before it stands what is not ours.
    start: usize,
    nesting: Nesting,
    /// The names of what is open, written out.
    path: String,
    /// The lengths of `path` before each of them.
    lengths: Vec<usize>,
}

impl<'o> FormWriter<'o> {
    pub(in super::super) const fn new(out: &'o mut String, nesting: Nesting) -> Self {
        let start = out.len();
        Self { out, start, nesting, path: String::new(), lengths: Vec::new() }
    }

    fn push_name(&mut self, key: Key<'_>) {
        let number;
        let (name, is_item) = match key {
            Key::Root => return,
            Key::Name(name) => (name, false),
            Key::Item { name, .. } if self.nesting == Nesting::Flat => (name, false),
            Key::Item { position, .. } => {
                number = position.to_string();
                (number.as_str(), true)
            }
        };
        match self.nesting {
            Nesting::Flat => {
                self.path.clear();
                self.path.push_str(name);
            }
            _ if self.path.is_empty() && !is_item => self.path.push_str(name),
            Nesting::Brackets => {
                self.path.push('[');
                self.path.push_str(name);
                self.path.push(']');
            }
            Nesting::Dots => {
                self.path.push('.');
                self.path.push_str(name);
            }
        }
    }
}

impl Writer for FormWriter<'_> {
    fn mark(&self) -> Mark {
        Mark { length: self.out.len(), is_first: false }
    }

    fn roll_back(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
    }

    fn scalar(&mut self, key: Key<'_>, _: &Attributes<'_>, value: &Scalar<'_>) {
        let length = self.path.len();
        self.push_name(key);
        if self.out.len() > self.start {
            self.out.push('&');
        }
        push_encoded(self.out, &self.path);
        self.out.push('=');
        push_encoded(self.out, value.as_text());
        self.path.truncate(length);
    }

    fn open(&mut self, key: Key<'_>, _: &Attributes<'_>, _: Shape) {
        self.lengths.push(self.path.len());
        if self.nesting != Nesting::Flat {
            self.push_name(key);
        }
    }

    fn close(&mut self, _: Key<'_>, _: Shape) {
        self.path.truncate(self.lengths.pop().unwrap_or_default());
    }
}

/// A text as it stands in a form: letters, digits and `*-._` as they are, a space as `+`.
fn push_encoded(out: &mut String, text: &str) {
    out.extend(form_urlencoded::byte_serialize(text.as_bytes()));
}
