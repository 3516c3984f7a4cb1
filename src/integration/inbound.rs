//! Inbound profiles: a vendor's wire format, described in a file, in the language of profiles
//! reversed.
//!
//! An inbound profile translates and does nothing else: [`Inbound`] makes the body of one of the
//! exchange's own routes from a vendor's request (`incoming` reads its fields, `submission` names
//! them anew), and the vendor's words from the exchange's own answer (`told`). What a lead is, who
//! may submit it and what becomes of it is decided where it always is. It is compiled once
//! (`compile`), on top of another one if it says so; those that come with the program are in
//! `shipped`.

mod compile;
mod incoming;
mod shipped;
mod submission;
mod told;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json};

use super::fault::{Fault, Faults};
use super::profile::Profile;
use super::request::{Condition, Mapping, Shapes, Single};
use super::section;
use crate::domain::slug::VendorId;

pub use compile::KEYS_MAX;
pub use incoming::{FIELD_BYTES_MAX, FIELDS_MAX, Unreadable};
pub use shipped::{SHIPPED, shipped};
pub use submission::Submission;
pub use told::{Answered, FaultTold, Told};

/// What a vendor asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Call {
    /// To sell a lead.
    Lead,
    /// To hear what a lead would bring.
    Ping,
    /// To take an offer.
    Post,
}

impl Call {
    /// The call as profiles name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Ping => "ping",
            Self::Post => "post",
        }
    }
}

/// How a vendor's request is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// In the URL alone.
    Query,
    /// As a form.
    Form,
    /// As JSON.
    Json,
    /// As XML.
    Xml,
}

/// The fields of a vendor's request. No `Debug`: they may say anything about a person.
#[derive(Clone, Default, PartialEq)]
pub struct Fields(Map<String, Json>);

/// A compiled inbound profile.
#[derive(Debug, Clone)]
pub struct Inbound {
    name: String,
    source: String,
    description: String,
    /// How requests may be written.
    written: Vec<Written>,
    /// Groups that may stand around all fields, from the outside in.
    wrap: Vec<String>,
    /// Where the vendor's key may stand.
    keys: Vec<KeyPlace>,
    /// Fields that are read by nobody and are not told of.
    ignored: BTreeSet<String>,
    /// Lists that are written as numbered fields.
    numbered: Vec<Numbered>,
    calls: Vec<CallRule>,
    /// Who may call it; nobody named is everybody.
    vendors: Vec<VendorId>,
    /// Parts of a body beside the lead, by our names.
    parts: BTreeMap<&'static str, Single>,
    lead: Mapping,
    consent: Mapping,
    origin: Mapping,
    /// In which format the answer is written: `json` or `xml`.
    format: Option<Single>,
    answers: Vec<AnswerRule>,
    /// The names of the fields that are read.
    known: BTreeSet<String>,
    warnings: Vec<Fault>,
}

/// Where a vendor's key may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
enum KeyPlace {
    /// In a field.
    Field(String),
    /// In a header of this lower-case name.
    Header(String),
}

/// A list that is written as numbered fields: `driver{n}_{name}`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Numbered {
    list: String,
    before: String,
    between: String,
    after: String,
    /// The number of the first item.
    first: usize,
}

/// Which request is which call.
#[derive(Debug, Clone)]
struct CallRule {
    call: Call,
    path: String,
    when: Option<Condition>,
}

/// What is said in some case.
#[derive(Debug, Clone)]
struct AnswerRule {
    when: Option<Condition>,
    /// The HTTP status, if not the exchange's own.
    status: Option<u16>,
    shapes: Shapes,
}

impl Inbound {
    /// Compiles the text of an inbound profile; `find` gives the one it says it is based on.
    ///
    /// # Errors
    /// Everything that is wrong with it, and what somebody should look at, in the order of the text.
    pub fn compile(text: &str, find: &dyn Fn(&str) -> Option<Self>) -> Result<Self, Vec<Fault>> {
        let mut faults = Faults::of(text);
        let root = section::parse(text, &mut faults);
        let profile = root.and_then(|root| compile::read(root, find, &mut faults));
        let is_refused = faults.is_refused();
        let list = faults.into_list();
        match profile {
            Some(profile) if !is_refused => Ok(Self { warnings: list, ..profile }),
            _ => Err(list),
        }
    }

    /// The profile's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it was written from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it is, in a sentence.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// What compiling found that somebody should look at.
    #[must_use]
    pub fn warnings(&self) -> &[Fault] {
        &self.warnings
    }

    /// Whether it has a call at this path.
    #[must_use]
    pub fn has_path(&self, path: &str) -> bool {
        self.calls.iter().any(|rule| rule.path == path)
    }

    /// Its calls with their paths, in the order in which they are tried.
    pub fn calls(&self) -> impl Iterator<Item = (Call, &str)> {
        self.calls.iter().map(|rule| (rule.call, rule.path.as_str()))
    }

    /// Whether it is for this vendor.
    #[must_use]
    pub fn is_for(&self, vendor: &VendorId) -> bool {
        self.vendors.is_empty() || self.vendors.contains(vendor)
    }

    /// Whether a request may be written so.
    #[must_use]
    pub fn takes(&self, written: Written) -> bool {
        self.written.contains(&written)
    }
}

/// Whether the text of a profile is one of an inbound profile; of what is no profile at all, no.
#[must_use]
pub fn is_inbound(text: &str) -> bool {
    let mut faults = Faults::of(text);
    let root = section::parse(text, &mut faults);
    root.is_some_and(|root| root.has(compile::DIRECTION))
}

/// The name of a profile, for a buyer or for vendors.
///
/// # Errors
/// Everything that is wrong with it.
pub fn name_of(text: &str) -> Result<String, Vec<Fault>> {
    if is_inbound(text) {
        return Inbound::compile(text, &shipped).map(|profile| profile.name);
    }
    Profile::compile(text).map(|profile| profile.name().to_owned())
}

#[cfg(test)]
mod tests;
