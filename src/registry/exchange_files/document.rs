//! One TOML file whose parts can be read one by one, each fault with its place in the file.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, ValueDeserializer};

use super::{FILE_BYTES_MAX, FileFault, SourceFile};

/// A parsed file.
pub(super) struct Document<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) root: Table<'a>,
}

/// A table of the file, with where it stands.
pub(super) struct Table<'a> {
    entries: DeTable<'a>,
    span: Range<usize>,
}

/// A text taken out of a table, with where it stands.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) at: usize,
}

impl<'a> Document<'a> {
    pub(super) fn parse(file: &'a SourceFile) -> Result<Self, FileFault> {
        if file.text.len() > FILE_BYTES_MAX {
            return Err(fault_at(file, 0, format!("longer than {FILE_BYTES_MAX} bytes")));
        }
        let root = DeTable::parse(&file.text).map_err(|error| fault_of(file, &error, 0))?;
        let span = root.span();
        Ok(Self { file, root: Table { entries: root.into_inner(), span } })
    }

    /// Reads the whole file as one object.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T, FileFault> {
        self.root.read(self.file)
    }
}

impl<'a> Table<'a> {
    /// Where the table begins, as an offset into the file.
    pub(super) const fn start(&self) -> usize {
        self.span.start
    }

    /// Reads what is left of the table as one object.
    pub(super) fn read<T: DeserializeOwned>(self, file: &SourceFile) -> Result<T, FileFault> {
        let start = self.span.start;
        let value = Spanned::new(self.span, DeValue::Table(self.entries));
        T::deserialize(ValueDeserializer::from(value))
            .map_err(|error| fault_of(file, &error, start))
    }

    /// Takes a text out of the table, if it is there.
    pub(super) fn take_text(
        &mut self,
        key: &str,
        file: &SourceFile,
    ) -> Result<Option<Text>, FileFault> {
        let Some(value) = self.entries.remove(key) else { return Ok(None) };
        let at = value.span().start;
        match value.into_inner() {
            DeValue::String(text) => Ok(Some(Text { text: text.into_owned(), at })),
            _ => Err(fault_at(file, at, format!("`{key}` is a text in quotes"))),
        }
    }

    /// Whether nothing is left in the table.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes a table of tables (`key.name = { .. }`) out of the table, in the order of the names;
    /// none if it is not there.
    pub(super) fn take_named_tables(
        &mut self,
        key: &str,
        file: &SourceFile,
    ) -> Result<Vec<(String, Table<'a>)>, FileFault> {
        let Some(value) = self.entries.remove(key) else { return Ok(Vec::new()) };
        let wrong = |at| fault_at(file, at, format!("`{key}` is written as {key}.name = {{ .. }}"));
        let at = value.span().start;
        let DeValue::Table(entries) = value.into_inner() else { return Err(wrong(at)) };
        let table = |(name, item): (Spanned<DeString<'a>>, Spanned<DeValue<'a>>)| {
            let span = item.span();
            match item.into_inner() {
                DeValue::Table(entries) => {
                    Ok((name.into_inner().into_owned(), Table { entries, span }))
                }
                _ => Err(wrong(span.start)),
            }
        };
        entries.into_iter().map(table).collect()
    }

    /// Takes an array of tables (`[[key]]`) out of the table; none if it is not there.
    pub(super) fn take_tables(
        &mut self,
        key: &str,
        file: &SourceFile,
    ) -> Result<Vec<Table<'a>>, FileFault> {
        let Some(value) = self.entries.remove(key) else { return Ok(Vec::new()) };
        let at = value.span().start;
        let wrong = |at| fault_at(file, at, format!("`{key}` is written as [[{key}]]"));
        let DeValue::Array(items) = value.into_inner() else { return Err(wrong(at)) };
        let table = |item: Spanned<DeValue<'a>>| {
            let span = item.span();
            match item.into_inner() {
                DeValue::Table(entries) => Ok(Table { entries, span }),
                _ => Err(wrong(span.start)),
            }
        };
        items.into_iter().map(table).collect()
    }

    /// Puts a text into the table that the file leaves to its name; gives the offset of one that
    /// is there already.
    pub(super) fn put_text(&mut self, key: &'static str, text: String) -> Option<usize> {
        let value = Spanned::new(self.span.clone(), DeValue::String(DeString::Owned(text)));
        let key = Spanned::new(self.span.clone(), DeString::Borrowed(key));
        self.entries.insert(key, value).map(|old| old.span().start)
    }
}

/// The fault of a parser's error; `start` is its place if the parser names none.
fn fault_of(file: &SourceFile, error: &toml::de::Error, start: usize) -> FileFault {
    let at = error.span().map_or(start, |span| span.start);
    fault_at(file, at, error.message().to_owned())
}

/// A fault at an offset into the file.
pub(super) fn fault_at(file: &SourceFile, at: usize, detail: impl Into<String>) -> FileFault {
    let Place { line, column } = place_of(file, at);
    FileFault { path: file.path.clone(), line, column, detail: detail.into() }
}

/// Line and column, counted from 1.
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

pub(super) fn place_of(file: &SourceFile, at: usize) -> Place {
    let before = file.text.get(..at).unwrap_or_default();
    Place {
        line: before.matches('\n').count() + 1,
        column: before.rsplit('\n').next().unwrap_or_default().chars().count() + 1,
    }
}
