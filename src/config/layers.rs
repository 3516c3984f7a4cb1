//! Three layers of settings, one over the other: the defaults, the file, the environment.
//!
//! A layer overrides single keys of a section. Sections are read into their types one by one, and a
//! section that does not fit is tried key by key, so that one run finds every fault. Where a value
//! came from is remembered, so that a fault can say it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::de::DeserializeOwned;
use toml::de::DeTable;
use toml::{Table, Value};

use super::{ENVIRONMENT_PREFIX, Fault, TEMPLATE};

/// Sections without a default: they are there only if somebody writes them.
const OPTIONAL_SECTIONS: [&str; 1] = ["admin"];

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    /// A line of the file, from 1.
    Line(usize),
    /// An environment variable, with its text.
    Variable(String, String),
}

/// A key of a section, or a section as a whole.
type Key = (String, Option<String>);

/// The settings, layered, and what is wrong with them so far.
pub(super) struct Layers {
    file: String,
    defaults: Table,
    merged: Table,
    origins: BTreeMap<Key, Origin>,
    faults: Vec<(Option<Origin>, Fault)>,
}

impl Layers {
    /// Lays the file's `text` and then `environment` over the defaults.
    pub(super) fn new(
        text: &str,
        path: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let defaults: Table =
            TEMPLATE.parse().expect("the embedded file is TOML: every test that reads it says so");
        let mut layers = Self {
            file: path.display().to_string(),
            merged: defaults.clone(),
            defaults,
            origins: BTreeMap::new(),
            faults: Vec::new(),
        };
        layers.add_file(text);
        let mut variables: Vec<_> = environment
            .into_iter()
            .filter(|(name, _)| name.starts_with(ENVIRONMENT_PREFIX))
            .collect();
        // Another kind comes first: it sweeps away what the default kind has, and nothing else.
        variables.sort_by_key(|(name, _)| (!name.ends_with("__KIND"), name.clone()));
        for (name, text) in variables {
            layers.add_variable(name, text);
        }
        layers
    }

    fn add_file(&mut self, text: &str) {
        let line_of = |offset: usize| text[..offset.min(text.len())].matches('\n').count() + 1;
        let (spanned, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let line = error.span().map(|span| Origin::Line(line_of(span.start)));
            self.fault(line, String::new(), error.message().to_owned());
        }
        for (name, section) in spanned.get_ref() {
            let line = line_of(name.span().start);
            let name = name.get_ref().to_string();
            let is_first = self.origins.insert((name.clone(), None), Origin::Line(line)).is_none();
            let keys = section.get_ref().as_table().filter(|_| is_first);
            for key in keys.into_iter().flat_map(|table| table.keys()) {
                let line = Origin::Line(line_of(key.span().start));
                self.origins.insert((name.clone(), Some(key.get_ref().to_string())), line);
            }
        }
        let Ok(table) = text.parse::<Table>() else { return };
        for (name, section) in table {
            match section {
                Value::Table(section) => self.merge(&name, section),
                _ => self.fault_at(&name, None, "is a section, not a value".to_owned()),
            }
        }
    }

    fn add_variable(&mut self, name: String, text: String) {
        let path = name[ENVIRONMENT_PREFIX.len()..].to_ascii_lowercase();
        let (section, key) = match path.split_once("__") {
            Some((section, key)) if !section.is_empty() && !key.is_empty() => (section, key),
            _ => {
                let message = "is not of the form GAVEL__SECTION__KEY".to_owned();
                self.fault(Some(Origin::Variable(name, text)), String::new(), message);
                return;
            }
        };
        let value = match format!("value = {text}").parse::<Table>() {
            Ok(mut table) if table.len() == 1 => table.remove("value"),
            _ => None,
        };
        let value = value.unwrap_or_else(|| Value::String(text.clone()));
        let origin = Origin::Variable(name, text);
        self.origins.entry((section.to_owned(), None)).or_insert_with(|| origin.clone());
        self.origins.insert((section.to_owned(), Some(key.to_owned())), origin);
        self.merge(section, Table::from_iter([(key.to_owned(), value)]));
    }

    fn merge(&mut self, name: &str, over: Table) {
        let slot = self.merged.entry(name).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(section) = slot else { return };
        // Another kind of store or records has other settings: the default kind's do not apply.
        if over.get("kind").is_some_and(|kind| Some(kind) != section.get("kind")) {
            section.clear();
        }
        section.extend(over);
    }

    /// Checks the `kind` of a section, takes it out and gives which of `known` it is.
    ///
    /// `planned` kinds are known but not part of this version.
    pub(super) fn kind(
        &mut self,
        name: &str,
        known: &[&'static str],
        planned: &[&str],
    ) -> Option<&'static str> {
        let section = self.merged.get_mut(name)?.as_table_mut()?;
        let kind = section.remove("kind");
        if let Some(defaults) = self.defaults.get_mut(name).and_then(Value::as_table_mut) {
            let usual = defaults.remove("kind");
            // Another kind has other settings: they are not to be tried beside the default kind's.
            if usual.is_some() && usual != kind {
                defaults.clear();
            }
        }
        let one_of = known.join("` or `");
        let found = |kind: &str| known.iter().copied().find(|known| *known == kind);
        let message = match kind.as_ref().and_then(Value::as_str) {
            Some(kind) if known.contains(&kind) => return found(kind),
            Some(kind) if planned.contains(&kind) => {
                format!("`{kind}` is not available in this version; use `{one_of}`")
            }
            _ => format!("must be `{one_of}`"),
        };
        self.fault_at(name, Some("kind"), message);
        None
    }

    /// Reads a section; `None` if it has faults, which are kept.
    pub(super) fn section<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        self.settle_variables::<T>(name);
        let section = self.merged.get(name)?.as_table()?.clone();
        let error = match section.clone().try_into() {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let before = self.faults.len();
        for (key, value) in section {
            if self.origins.contains_key(&(name.to_owned(), Some(key.clone())))
                && let Err(message) = self.try_key::<T>(name, &key, value)
            {
                self.fault_at(name, Some(&key), message);
            }
        }
        if self.faults.len() == before {
            self.fault_at(name, None, error.message().to_owned());
        }
        None
    }

    /// Reads a section that may be left out; the outer `None` means faults.
    pub(super) fn optional_section<T: DeserializeOwned>(
        &mut self,
        name: &str,
    ) -> Option<Option<T>> {
        if self.merged.contains_key(name) { self.section(name).map(Some) } else { Some(None) }
    }

    /// A variable's text is read as TOML first (`9000`, `["a"]`); where that does not fit, as the
    /// bare text it is (`10.50` for an amount).
    fn settle_variables<T: DeserializeOwned>(&mut self, name: &str) {
        let Some(section) = self.merged.get(name).and_then(Value::as_table).cloned() else {
            return;
        };
        for (key, value) in section {
            let origin = self.origins.get(&(name.to_owned(), Some(key.clone())));
            let Some(Origin::Variable(_, text)) = origin else { continue };
            let bare = Value::String(text.clone());
            if self.try_key::<T>(name, &key, value).is_err()
                && self.try_key::<T>(name, &key, bare.clone()).is_ok()
                && let Some(section) = self.merged.get_mut(name).and_then(Value::as_table_mut)
            {
                section.insert(key, bare);
            }
        }
    }

    /// Reads the section with all values at their defaults but one.
    fn try_key<T: DeserializeOwned>(
        &self,
        name: &str,
        key: &str,
        value: Value,
    ) -> Result<(), String> {
        let defaults = self.defaults.get(name).and_then(Value::as_table);
        let mut section = defaults.cloned().unwrap_or_default();
        section.insert(key.to_owned(), value);
        let read: Result<T, _> = section.try_into();
        read.map(drop).map_err(|error| error.message().to_owned())
    }

    /// Whether a value stands in the file, where others may read it.
    pub(super) fn stands_in_file(&self, section: &str, key: &str) -> bool {
        let origin = self.origins.get(&(section.to_owned(), Some(key.to_owned())));
        matches!(origin, Some(Origin::Line(_)))
    }

    /// Keeps a fault of a section, or of one of its keys.
    pub(super) fn fault_at(&mut self, section: &str, key: Option<&str>, message: String) {
        let of_key = self.origins.get(&(section.to_owned(), key.map(str::to_owned)));
        let origin = of_key.or_else(|| self.origins.get(&(section.to_owned(), None))).cloned();
        let key = key.map_or_else(|| section.to_owned(), |key| format!("{section}.{key}"));
        self.fault(origin, key, message);
    }

    fn fault(&mut self, origin: Option<Origin>, key: String, message: String) {
        let place = match &origin {
            Some(Origin::Line(line)) => format!("{}:{line}", self.file),
            Some(Origin::Variable(name, _)) => name.clone(),
            None => String::new(),
        };
        // An error of the TOML reader may carry a second line with what it would have taken.
        let message = message.trim_end().replace('\n', ", ");
        self.faults.push((origin, Fault { place, key, message }));
    }

    /// Everything that is wrong, the file's lines first.
    pub(super) fn into_faults(mut self) -> Vec<Fault> {
        let optional = OPTIONAL_SECTIONS.into_iter().map(str::to_owned);
        let known: BTreeSet<String> = self.defaults.keys().cloned().chain(optional).collect();
        let unknown: Vec<String> =
            self.merged.keys().filter(|name| !known.contains(*name)).cloned().collect();
        let known = Vec::from_iter(known).join(", ");
        for name in unknown {
            self.fault_at(&name, None, format!("unknown section; known are {known}"));
        }
        self.faults.sort_by(|(left, a), (right, b)| (left, &a.key).cmp(&(right, &b.key)));
        self.faults.into_iter().map(|(_, fault)| fault).collect()
    }
}
