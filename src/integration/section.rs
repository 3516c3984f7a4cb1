//! The cursor over a profile's text: tables whose keys are taken one by one, with every fault noted
//! at its place.
//!
//! Who compiles a part of a profile takes the keys it knows out of a [`Section`] and then calls
//! [`Section::finish`], which notes every key that is left as unknown, beside the nearest one that
//! was asked for. A value of the wrong type is noted where it is taken, and taken as absent, so that
//! one pass finds every fault of a file.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::fault::{Faults, Place};
use super::nearest::{hint, nearest};

/// The longest text of a profile, in bytes.
pub const PROFILE_BYTES_MAX: usize = 262_144;

/// Something taken out of a file, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At<T> {
    /// What was taken.
    pub(super) value: T,
    /// Its offset in the file.
    pub(super) at: usize,
    /// Its path, as TOML names it.
    pub(super) path: String,
}

impl<T> At<T> {
    /// The place, for faults.
    pub(super) fn place(&self) -> Place<'_> {
        Place { at: self.at, path: &self.path }
    }

    /// Something else at the same place.
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> At<U> {
        At { value: change(self.value), at: self.at, path: self.path }
    }
}

/// A constant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Literal {
    /// A text.
    Text(String),
    /// A number by its digits, as JSON writes numbers: `12`, `-0.50`.
    Number(String),
    /// True or false.
    Boolean(bool),
}

impl Literal {
    /// The constant as plain text.
    pub(super) fn as_text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(text) => text,
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
        }
    }
}

/// One value of the file, of whatever type.
pub(super) struct Entry<'t> {
    value: DeValue<'t>,
    at: usize,
    path: String,
}

/// One table of the file.
pub(super) struct Section<'t> {
    entries: DeTable<'t>,
    at: usize,
    path: String,
    asked: Vec<&'static str>,
}

/// Parses the text of a profile. `None` if it is no TOML, with what is wrong noted.
pub(super) fn parse<'t>(text: &'t str, faults: &mut Faults<'_>) -> Option<Section<'t>> {
    let start = Place { at: 0, path: "" };
    if text.len() > PROFILE_BYTES_MAX {
        faults.error(start, format!("a profile has at most {PROFILE_BYTES_MAX} bytes"));
        return None;
    }
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let at = error.span().map_or(0, |span| span.start);
        faults.error(Place { at, path: "" }, format!("not TOML: {}", error.message()));
    }
    errors.is_empty().then(|| Section::new(root.into_inner(), 0, String::new()))
}

impl<'t> Section<'t> {
    const fn new(entries: DeTable<'t>, at: usize, path: String) -> Self {
        Self { entries, at, path, asked: Vec::new() }
    }

    /// The table's own place.
    pub(super) fn place(&self) -> Place<'_> {
        Place { at: self.at, path: &self.path }
    }

    /// Whether a key is there and was not taken yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Whether nothing is left in it.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes a value of any type.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Entry<'t>> {
        self.asked.push(key);
        let (name, value) = self.entries.remove_entry(key)?;
        Some(Entry::new(value, joined(&self.path, key), name.span()))
    }

    /// Takes a text.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<At<String>> {
        self.take(key)?.into_text(faults)
    }

    /// Takes one of several words.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&'static str, T)],
        faults: &mut Faults<'_>,
    ) -> Option<At<T>> {
        self.take(key)?.into_word(words, faults)
    }

    /// Takes true or false.
    pub(super) fn boolean(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<At<bool>> {
        self.take(key)?.into_boolean(faults)
    }

    /// Takes a whole number within bounds.
    pub(super) fn integer(
        &mut self,
        key: &'static str,
        bounds: Range<i64>,
        faults: &mut Faults<'_>,
    ) -> Option<At<i64>> {
        self.take(key)?.into_integer(bounds, faults)
    }

    /// Takes a table.
    pub(super) fn table(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<Section<'t>> {
        self.take(key)?.into_section(faults)
    }

    /// Takes a list of tables, `[[key]]`; an empty one if it is not there.
    pub(super) fn tables(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Vec<Section<'t>> {
        let Some(list) = self.list(key, faults) else { return Vec::new() };
        list.value.into_iter().filter_map(|entry| entry.into_section(faults)).collect()
    }

    /// Takes a list.
    pub(super) fn list(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Option<At<Vec<Entry<'t>>>> {
        self.take(key)?.into_list(faults)
    }

    /// Takes a list of texts, or one text as a list of one; an empty list if it is not there.
    pub(super) fn texts(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Vec<At<String>> {
        self.take(key).map(|entry| entry.into_texts(faults)).unwrap_or_default()
    }

    /// Everything that is left, in the order of the file: for tables whose keys are free names.
    pub(super) fn into_entries(self) -> Vec<(At<String>, Entry<'t>)> {
        let mut entries: Vec<_> = self.entries.into_iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let path = self.path;
        let entry = |(name, value): (Spanned<_>, Spanned<DeValue<'t>>)| {
            let span = name.span();
            let name: String = std::borrow::Cow::into_owned(name.into_inner());
            let path = joined(&path, &name);
            let entry = Entry::new(value, path.clone(), span.clone());
            (At { value: name, at: span.start, path }, entry)
        };
        entries.into_iter().map(entry).collect()
    }

    /// Notes every key that was not taken.
    pub(super) fn finish(self, faults: &mut Faults<'_>) {
        let mut left: Vec<_> = self.entries.iter().map(|(name, _)| name).collect();
        left.sort_by_key(|name| name.span().start);
        for name in left {
            let key: &str = name.get_ref();
            let path = joined(&self.path, key);
            let place = Place { at: name.span().start, path: &path };
            let message = format!("unknown key `{key}`");
            match hint(key, &self.asked) {
                Some(hint) => faults.error_with(place, message, hint),
                None => faults.error(place, message),
            }
        }
    }
}

impl<'t> Entry<'t> {
    /// A value with its place: of a table with a header, the header's; else the value's own.
    fn new(value: Spanned<DeValue<'t>>, path: String, name: Range<usize>) -> Self {
        let own = value.span().start;
        let at = if matches!(value.get_ref(), DeValue::Table(_)) { name.start } else { own };
        Self { value: value.into_inner(), at, path }
    }

    /// The value's place.
    pub(super) fn place(&self) -> Place<'_> {
        Place { at: self.at, path: &self.path }
    }

    /// Whether it is a text.
    pub(super) const fn is_text(&self) -> bool {
        matches!(self.value, DeValue::String(_))
    }

    /// Whether it is a table.
    pub(super) const fn is_table(&self) -> bool {
        matches!(self.value, DeValue::Table(_))
    }

    /// Whether it is a list.
    pub(super) const fn is_list(&self) -> bool {
        matches!(self.value, DeValue::Array(_))
    }

    /// The value as a text.
    pub(super) fn into_text(self, faults: &mut Faults<'_>) -> Option<At<String>> {
        match self.value {
            DeValue::String(text) => {
                Some(At { value: text.into_owned(), at: self.at, path: self.path })
            }
            _ => self.not("a text in quotes", faults),
        }
    }

    /// The value as one of several words.
    pub(super) fn into_word<T: Copy>(
        self,
        words: &[(&'static str, T)],
        faults: &mut Faults<'_>,
    ) -> Option<At<T>> {
        let word = self.into_text(faults)?;
        if let Some((_, meant)) = words.iter().find(|(known, _)| *known == word.value) {
            return Some(word.map(|_| *meant));
        }
        let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
        let near = nearest(&word.value, known.iter().copied());
        let hint = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of: {}", known.join(", ")),
        };
        faults.error_with(word.place(), format!("`{}` has no meaning here", word.value), hint);
        None
    }

    /// The value as true or false.
    pub(super) fn into_boolean(self, faults: &mut Faults<'_>) -> Option<At<bool>> {
        match self.value {
            DeValue::Boolean(truth) => Some(At { value: truth, at: self.at, path: self.path }),
            _ => self.not("true or false, without quotes", faults),
        }
    }

    /// The value as a whole number within bounds.
    pub(super) fn into_integer(
        self,
        bounds: Range<i64>,
        faults: &mut Faults<'_>,
    ) -> Option<At<i64>> {
        let number = match &self.value {
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => return self.not("a whole number, without quotes", faults),
        };
        match number.filter(|number| bounds.contains(number)) {
            Some(number) => Some(At { value: number, at: self.at, path: self.path }),
            None => {
                let (from, to) = (bounds.start, bounds.end - 1);
                faults.error(self.place(), format!("a number from {from} to {to} stands here"));
                None
            }
        }
    }

    /// The value as a table.
    pub(super) fn into_section(self, faults: &mut Faults<'_>) -> Option<Section<'t>> {
        match self.value {
            DeValue::Table(entries) => Some(Section::new(entries, self.at, self.path)),
            _ => self.not("a table: `{ key = .. }`, or lines under a header in brackets", faults),
        }
    }

    /// The value as a list.
    pub(super) fn into_list(self, faults: &mut Faults<'_>) -> Option<At<Vec<Entry<'t>>>> {
        match self.value {
            DeValue::Array(items) => {
                Some(At { value: listed(items, &self.path), at: self.at, path: self.path })
            }
            _ => self.not("a list: `[.., ..]`", faults),
        }
    }

    /// The value as a list of texts, one text as a list of one.
    pub(super) fn into_texts(self, faults: &mut Faults<'_>) -> Vec<At<String>> {
        if self.is_text() {
            return self.into_text(faults).into_iter().collect();
        }
        let Some(list) = self.into_list(faults) else { return Vec::new() };
        list.value.into_iter().filter_map(|entry| entry.into_text(faults)).collect()
    }

    /// The value as a constant.
    pub(super) fn into_literal(self, faults: &mut Faults<'_>) -> Option<At<Literal>> {
        let literal = match &self.value {
            DeValue::String(text) => Some(Literal::Text(text.clone().into_owned())),
            DeValue::Boolean(truth) => Some(Literal::Boolean(*truth)),
            DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
                .ok()
                .map(|number| Literal::Number(number.to_string())),
            DeValue::Float(number) => json_number(number.as_str()).map(Literal::Number),
            _ => None,
        };
        match literal {
            Some(value) => Some(At { value, at: self.at, path: self.path }),
            None => self.not("a constant: a text, a plain number, true or false", faults),
        }
    }

    fn not<T>(self, expected: &str, faults: &mut Faults<'_>) -> Option<T> {
        let found = match &self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date without quotes",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        faults.error(self.place(), format!("{found} stands where {expected} is meant"));
        None
    }
}

fn listed<'t>(items: DeArray<'t>, path: &str) -> Vec<Entry<'t>> {
    let entry = |(index, item): (usize, Spanned<DeValue<'t>>)| {
        let span = item.span();
        Entry::new(item, format!("{path}.{index}"), span)
    };
    items.into_iter().enumerate().map(entry).collect()
}

/// A float of TOML as JSON writes it; `None` for `inf`, `nan` and exponents.
fn json_number(text: &str) -> Option<String> {
    let plain = text.strip_prefix('+').unwrap_or(text);
    serde_json::from_str::<serde_json::Number>(plain).ok()?;
    plain
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte))
        .then(|| plain.to_owned())
}

fn joined(path: &str, key: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = if !key.is_empty() && key.chars().all(is_bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests;
