//! SQL as the records speak it: statements with values, and rows.
//!
//! One text with `$1` placeholders serves every database; values are integers, texts and bytes and
//! nothing else. Only rows of values have `?` for each: SQLite looks for a placeholder with a number
//! among all before it, once to read it and once to bind it, which is most of the work of a statement
//! with thousands. A database that knows numbers alone numbers them as it is given them. No driver is
//! known here: `pool` runs the statements.

use std::borrow::Cow;

use crate::ports::records::RecordsError;

/// Placeholders in one statement at most; the databases stop at 32,766 (SQLite) and 65,535
/// (Postgres).
const PLACEHOLDERS_MAX: usize = 16_000;

/// A value for a placeholder. An absent one still has a type: some databases ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(Some(integer))
    }
}

impl From<Option<i64>> for Value {
    fn from(integer: Option<i64>) -> Self {
        Self::Integer(integer)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Integer(Some(i64::from(flag)))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<&str>> for Value {
    fn from(text: Option<&str>) -> Self {
        Self::Text(text.map(str::to_owned))
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(bytes: Option<Vec<u8>>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(Some(bytes))
    }
}

/// A statement with its values in the order of their placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Statement {
    /// Never holds a value; made of texts in this module and numbers of placeholders.
    pub(super) text: Cow<'static, str>,
    pub(super) values: Vec<Value>,
}

impl Statement {
    pub(super) const fn new(text: &'static str) -> Self {
        Self { text: Cow::Borrowed(text), values: Vec::new() }
    }

    /// Adds the value of the next placeholder.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Adds text, with a `$` for the place of `value` in it.
    pub(super) fn push(&mut self, text: &'static str, value: impl Into<Value>) {
        self.values.push(value.into());
        let placeholder = format!("${}", self.values.len());
        self.text.to_mut().push_str(&text.replacen('$', &placeholder, 1));
    }

    /// Whether the same text will come again, so that it is worth keeping it prepared.
    pub(super) const fn is_fixed(&self) -> bool {
        matches!(self.text, Cow::Borrowed(_))
    }
}

/// A statement over many rows of values, such as `INSERT INTO t (a, b) VALUES .. ON CONFLICT ..`.
#[derive(Debug, Clone, Copy)]
pub(super) struct ManyRows {
    /// What stands before the rows.
    pub(super) head: &'static str,
    /// What stands after them.
    pub(super) tail: &'static str,
}

impl ManyRows {
    /// As many statements as the limit on placeholders asks for; none for no rows.
    ///
    /// All rows must have the same number of values, at least one.
    pub(super) fn statements(self, rows: Vec<Vec<Value>>) -> Vec<Statement> {
        let Some(columns) = rows.first().map(Vec::len) else { return Vec::new() };
        let mut statements = Vec::new();
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let some = rows.by_ref().take(PLACEHOLDERS_MAX / columns);
            statements.push(self.statement(some, columns));
        }
        statements
    }

    fn statement(self, rows: impl Iterator<Item = Vec<Value>>, columns: usize) -> Statement {
        let mut text = self.head.to_owned();
        let mut values = Vec::new();
        for row in rows {
            debug_assert_eq!(row.len(), columns, "all rows have the same columns");
            text.push_str(if values.is_empty() { " (" } else { ", (" });
            for (index, value) in row.into_iter().enumerate() {
                values.push(value);
                text.push_str(if index == 0 { "?" } else { ", ?" });
            }
            text.push(')');
        }
        text.push_str(self.tail);
        Statement { text: Cow::Owned(text), values }
    }
}

/// A value that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// A row that came back; its cells are taken from left to right.
#[derive(Debug)]
pub(super) struct Row {
    cells: std::vec::IntoIter<Cell>,
}

impl Row {
    pub(super) fn new(cells: Vec<Cell>) -> Self {
        Self { cells: cells.into_iter() }
    }

    fn next(&mut self) -> Result<Cell, RecordsError> {
        self.cells.next().ok_or_else(|| corrupt("a row with too few columns"))
    }

    pub(super) fn optional_integer(&mut self) -> Result<Option<i64>, RecordsError> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Integer(integer) => Ok(Some(integer)),
            Cell::Text(_) | Cell::Bytes(_) => Err(corrupt("a column that should be an integer")),
        }
    }

    pub(super) fn optional_text(&mut self) -> Result<Option<String>, RecordsError> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Text(text) => Ok(Some(text)),
            Cell::Integer(_) | Cell::Bytes(_) => Err(corrupt("a column that should be a text")),
        }
    }

    pub(super) fn integer(&mut self) -> Result<i64, RecordsError> {
        self.optional_integer()?.ok_or_else(|| corrupt("an integer that is missing"))
    }

    pub(super) fn text(&mut self) -> Result<String, RecordsError> {
        self.optional_text()?.ok_or_else(|| corrupt("a text that is missing"))
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, RecordsError> {
        match self.next()? {
            Cell::Bytes(bytes) => Ok(bytes),
            Cell::Null | Cell::Integer(_) | Cell::Text(_) => {
                Err(corrupt("a column that should be bytes"))
            }
        }
    }

    pub(super) fn optional_bytes(&mut self) -> Result<Option<Vec<u8>>, RecordsError> {
        match self.next()? {
            Cell::Null => Ok(None),
            Cell::Bytes(bytes) => Ok(Some(bytes)),
            Cell::Integer(_) | Cell::Text(_) => Err(corrupt("a column that should be bytes")),
        }
    }

    pub(super) fn flag(&mut self) -> Result<bool, RecordsError> {
        Ok(self.integer()? != 0)
    }
}

fn corrupt(what: &str) -> RecordsError {
    RecordsError::Corrupt(what.to_owned())
}

#[cfg(test)]
mod tests;
