//! What is wrong with a profile, and where in its file.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

/// The most faults of one file that are kept: whoever reads more has started over.
const FAULTS_MAX: usize = 200;

/// Whether a profile can be used in spite of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The profile is refused.
    Error,
    /// The profile can be used; somebody should look at it.
    Warning,
}

/// One thing that is wrong with a profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The line in the file, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// Where in the profile, as TOML names it: `ping.request.fields.zip_code`. Empty for the file.
    pub at: String,
    /// Whether the profile can be used all the same.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to write instead, if that can be said.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    /// `12:5: error: ping.request: unknown key `feilds`; did you mean `fields`?`
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(out, "{}:{}: {severity}: ", self.line, self.column)?;
        if !self.at.is_empty() {
            write!(out, "{}: ", self.at)?;
        }
        out.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(out, "; {hint}"),
            None => Ok(()),
        }
    }
}

/// A place in a file: an offset, and the path of the table or value there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// The offset in bytes.
    pub(super) at: usize,
    /// The path as TOML names it.
    pub(super) path: &'a str,
}

/// The faults of one file, collected while it is compiled.
pub(super) struct Faults<'t> {
    text: &'t str,
    list: Vec<Fault>,
    is_refused: bool,
}

impl<'t> Faults<'t> {
    /// No faults yet, of the file with this text.
    pub(super) const fn of(text: &'t str) -> Self {
        Self { text, list: Vec::new(), is_refused: false }
    }

    /// Notes something for which the profile is refused.
    pub(super) fn error(&mut self, place: Place<'_>, message: impl Into<String>) {
        self.note(place, Severity::Error, message.into(), None);
    }

    /// The same, with what to write instead.
    pub(super) fn error_with(
        &mut self,
        place: Place<'_>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.note(place, Severity::Error, message.into(), Some(hint.into()));
    }

    /// Notes something that somebody should look at.
    pub(super) fn warning(
        &mut self,
        place: Place<'_>,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.note(place, Severity::Warning, message.into(), hint);
    }

    /// Whether anything was noted for which the profile is refused.
    pub(super) const fn is_refused(&self) -> bool {
        self.is_refused
    }

    /// What was noted, in the order of the file.
    pub(super) fn into_list(mut self) -> Vec<Fault> {
        self.list.sort_by_key(|fault| (fault.line, fault.column, fault.severity));
        // What one request includes from another is looked at with both.
        let mut seen = BTreeSet::new();
        self.list.retain(|fault| {
            seen.insert((fault.line, fault.column, fault.at.clone(), fault.message.clone()))
        });
        self.list
    }

    fn note(
        &mut self,
        place: Place<'_>,
        severity: Severity,
        message: String,
        hint: Option<String>,
    ) {
        self.is_refused |= severity == Severity::Error;
        if self.list.len() >= FAULTS_MAX {
            return;
        }
        let (line, column) = line_and_column(self.text, place.at);
        let at = place.path.to_owned();
        self.list.push(Fault { line, column, at, severity, message, hint });
    }
}

/// Line and column of an offset, both from 1, the column in characters.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let before = &text[..at];
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
