//! A body taken apart: every field read, every fault found, nothing decided.
//!
//! All faults are told at once, those of the lead in the order of the vertical's fields.
//! Consent that the vertical requires and the vendor did not send is no fault: such a lead is valid,
//! is recorded, and is refused as `consent_missing`.

pub(super) mod consent;
pub(super) mod lead;
pub(super) mod post;

use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::Timestamp;

use super::canonical::canonical;
use super::document::{self, ContentKind, DocumentLimits, Node};
use super::fault::{
    FAULTS_MAX, FaultCode, FaultKind, FieldFault, InvalidSubmission, Refusal, plain_step,
};
use super::fields::{FieldContext, date, is_blank, number, text, text_of, truth};
use crate::domain::lead::{Source, Submission, Warning};
use crate::domain::limits::Limits;
use crate::domain::pii::Pii;
use crate::domain::slug::VerticalId;
use crate::registry::vertical::CompiledVertical;

/// The keys of a body.
pub const BODY_KEYS: [&str; 8] =
    ["vertical", "lead", "consent", "source", "submitted_at", "floor", "wait_ms", "test"];
/// The keys of `source`.
pub const SOURCE_KEYS: [&str; 2] = ["sub_id", "click_id"];
/// The longest `sub_id` or `click_id`, in characters.
pub const SOURCE_LENGTH_MAX: usize = 256;
/// The most warnings one answer lists.
pub const WARNINGS_MAX: usize = 100;

/// A request's body, not yet looked at.
#[derive(Clone, Copy)]
pub struct Body<'b> {
    /// How it is written.
    pub content: ContentKind,
    /// Its bytes.
    pub bytes: &'b [u8],
}

/// What a body may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntakeLimits {
    /// Of the document.
    pub document: DocumentLimits,
    /// Of `wait_ms`: the shortest and the longest wait, in milliseconds.
    pub wait_ms: RangeInclusive<u64>,
}

impl Default for IntakeLimits {
    fn default() -> Self {
        Self::from(&Limits::default())
    }
}

impl From<&Limits> for IntakeLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            document: DocumentLimits::from(limits),
            wait_ms: limits.wait_ms_min..=limits.wait_ms_max,
        }
    }
}

/// Whether a lead must carry its required contact fields already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    /// A lead to be sold now.
    Required,
    /// A ping: contact data follows with the post, or never. What comes of it is left aside.
    LeftAside,
}

/// What reading a body depends on besides the body.
pub struct IntakeContext<'c> {
    /// Finds a vertical.
    pub verticals: &'c dyn Fn(&VerticalId) -> Option<Arc<CompiledVertical>>,
    /// Whether unknown fields are refused instead of left aside.
    pub strict: bool,
    /// Whether the vendor's key is a test key, so that every lead is a test.
    pub is_test_key: bool,
    /// Whether contact fields are needed, or not even kept.
    pub contact: Contact,
    /// What a body may hold.
    pub limits: &'c IntakeLimits,
    /// The present instant.
    pub now: Timestamp,
}

/// Reads a body.
///
/// # Errors
/// [`InvalidSubmission`]: unreadable, too large, an unknown vertical, or every field that is missing
/// or wrong.
pub fn read(body: Body<'_>, context: &IntakeContext<'_>) -> Result<Submission, InvalidSubmission> {
    let document = document::parse(body.content, body.bytes, &context.limits.document)?;
    read_document(&document, context)
}

/// Reads a body that is parsed already, or that an inbound profile put together.
///
/// # Errors
/// As [`read()`].
pub fn read_document(
    document: &Node,
    context: &IntakeContext<'_>,
) -> Result<Submission, InvalidSubmission> {
    let Node::Object(entries) = document else { return Err(not_an_object()) };
    let mut reader = Reader::new(context);
    for (key, _) in entries.iter().filter(|(key, _)| !BODY_KEYS.contains(&key.as_str())) {
        reader.unknown("", key);
    }
    let body = Object { entries, pointer: String::new() };
    let vertical = reader.vertical(&body);
    let says_test = reader.optional(&body, "test", truth::boolean).unwrap_or(false);
    reader.field.is_test = context.is_test_key || says_test;
    let lead = reader.object(&body, "lead", Need::Required);
    let fields = match (&vertical, lead) {
        (Some(vertical), Some(lead)) => lead::fields(&mut reader, vertical.fields(), &lead, None),
        _ => crate::domain::lead::Fields::new(),
    };
    let consent = consent::consent(&mut reader, &body);
    let source = reader.source(&body);
    let now = context.now;
    let submitted_at =
        reader.optional(&body, "submitted_at", |node| date::past_instant(text_of(node)?, now));
    let floor = reader.optional(&body, "floor", number::amount);
    let wait_ms = reader.wait_ms(&body);
    let vertical = reader.finish(vertical)?;
    Ok(Submission {
        vertical: vertical.id().clone(),
        consent_missing: consent::missing(&vertical.vertical().consent, &consent),
        fields: Pii::new(fields),
        consent: Pii::new(consent),
        source,
        submitted_at,
        floor,
        wait_ms,
        test: reader.field.is_test,
        warnings: reader.warnings,
        canonical: Pii::new(canonical(document)),
    })
}

fn not_an_object() -> InvalidSubmission {
    let fault = Refusal::new(FaultCode::Type, "the body is an object").at(String::new());
    let detail = "the body cannot be read: it is not an object".to_owned();
    InvalidSubmission { kind: FaultKind::MalformedBody, detail, errors: vec![fault] }
}

/// An object of the body and its place.
struct Object<'n> {
    entries: &'n [(String, Node)],
    pointer: String,
}

impl<'n> Object<'n> {
    /// The value of a key, unless it is blank.
    fn value(&self, key: &str) -> Option<&'n Node> {
        let (_, node) = self.entries.iter().find(|(known, _)| known == key)?;
        (!is_blank(node)).then_some(node)
    }

    /// Where the value of a key of ours stands.
    fn place(&self, key: &str) -> String {
        format!("{}/{key}", self.pointer)
    }
}

/// Whether something may be absent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Required,
    Optional,
}

/// Collects faults and warnings while a body is read.
struct Reader<'c> {
    context: &'c IntakeContext<'c>,
    field: FieldContext,
    faults: Vec<FieldFault>,
    warnings: Vec<Warning>,
    is_vertical_unknown: bool,
}

impl<'c> Reader<'c> {
    fn new(context: &'c IntakeContext<'c>) -> Self {
        Self {
            context,
            field: FieldContext { is_test: context.is_test_key, now: context.now },
            faults: Vec::new(),
            warnings: Vec::new(),
            is_vertical_unknown: false,
        }
    }

    fn fault(&mut self, refusal: Refusal, pointer: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(refusal.at(pointer));
        }
    }

    fn keep<T>(&mut self, read: Result<T, Refusal>, pointer: String) -> Option<T> {
        read.map_err(|refusal| self.fault(refusal, pointer)).ok()
    }

    fn required(&mut self, pointer: String) {
        self.fault(Refusal::new(FaultCode::Required, "this field is required"), pointer);
    }

    /// A key that nothing is known about: a warning, or a fault for strict keys.
    fn unknown(&mut self, parent: &str, key: &str) {
        let pointer = plain_step(parent, key);
        if self.context.strict {
            self.fault(Refusal::new(FaultCode::UnknownField, "there is no such field"), pointer);
        } else if self.warnings.len() < WARNINGS_MAX {
            let code = FaultCode::UnknownField.as_str().to_owned();
            let detail = "there is no such field; it was left aside".to_owned();
            self.warnings.push(Warning { pointer, code, detail });
        }
    }

    /// A contact field of a ping.
    fn contact_in_ping(&mut self, pointer: String) {
        if self.warnings.len() < WARNINGS_MAX {
            let code = FaultCode::ContactInPing.as_str().to_owned();
            let detail = "contact data was left aside; send it with the post".to_owned();
            self.warnings.push(Warning { pointer, code, detail });
        }
    }

    /// A value that differs from what the ping has fixed.
    fn frozen(&mut self, pointer: String) {
        let rule = "the ping has fixed this field; leave it out, or send it as it was";
        self.fault(Refusal::new(FaultCode::Frozen, rule), pointer);
    }

    /// A value of the body that may be absent.
    fn optional<T>(
        &mut self,
        object: &Object<'_>,
        key: &str,
        read: impl FnOnce(&Node) -> Result<T, Refusal>,
    ) -> Option<T> {
        let node = object.value(key)?;
        self.keep(read(node), object.place(key))
    }

    /// An object inside an object.
    fn object<'n>(&mut self, parent: &Object<'n>, key: &str, need: Need) -> Option<Object<'n>> {
        let pointer = parent.place(key);
        match parent.value(key) {
            Some(Node::Object(entries)) => Some(Object { entries, pointer }),
            Some(_) => {
                self.fault(Refusal::new(FaultCode::Type, "an object"), pointer);
                None
            }
            None => {
                if need == Need::Required {
                    self.required(pointer);
                }
                None
            }
        }
    }

    fn vertical(&mut self, body: &Object<'_>) -> Option<Arc<CompiledVertical>> {
        let pointer = body.place("vertical");
        let Some(node) = body.value("vertical") else {
            self.required(pointer);
            return None;
        };
        let name = self.keep(text_of(node), pointer.clone())?;
        let found = VerticalId::parse(name).ok().and_then(|id| (self.context.verticals)(&id));
        if found.is_none() {
            self.is_vertical_unknown = true;
            let refusal = Refusal::new(FaultCode::UnknownVertical, "there is no such vertical");
            self.fault(refusal, pointer);
        }
        found
    }

    fn source(&mut self, body: &Object<'_>) -> Source {
        let Some(source) = self.object(body, "source", Need::Optional) else {
            return Source::default();
        };
        for (key, _) in source.entries.iter().filter(|(key, _)| !is_one_of(key, &SOURCE_KEYS)) {
            self.unknown(&source.pointer, key);
        }
        // Vendors count their sub-sources, so a number is as good as a text here.
        let name = |node: &Node| match node {
            Node::Number(number) => Ok(number.clone()),
            node => text::plain(text_of(node)?, SOURCE_LENGTH_MAX),
        };
        Source {
            sub_id: self.optional(&source, "sub_id", name),
            click_id: self.optional(&source, "click_id", name),
        }
    }

    /// How long the vendor waits, within the limits.
    fn wait_ms(&mut self, body: &Object<'_>) -> Option<u64> {
        let limits = &self.context.limits.wait_ms;
        let (shortest, longest) = (*limits.start(), *limits.end());
        self.optional(body, "wait_ms", |node| number::whole_between(node, shortest, longest))
    }

    /// The vertical, if there was no fault.
    fn finish(
        &mut self,
        vertical: Option<Arc<CompiledVertical>>,
    ) -> Result<Arc<CompiledVertical>, InvalidSubmission> {
        if self.is_vertical_unknown {
            return Err(InvalidSubmission {
                kind: FaultKind::UnknownVertical,
                detail: "the lead names a vertical that does not exist here".to_owned(),
                errors: std::mem::take(&mut self.faults),
            });
        }
        self.finish_faults()?;
        Ok(vertical.expect("a vertical that is not named, or not known, is a fault"))
    }

    /// Refuses the body if there was a fault.
    fn finish_faults(&mut self) -> Result<(), InvalidSubmission> {
        let errors = std::mem::take(&mut self.faults);
        let detail = match errors.len() {
            0 => return Ok(()),
            1 => "one field is missing or wrong".to_owned(),
            FAULTS_MAX.. => format!("{FAULTS_MAX} or more fields are missing or wrong"),
            many => format!("{many} fields are missing or wrong"),
        };
        Err(InvalidSubmission { kind: FaultKind::InvalidLead, detail, errors })
    }
}

fn is_one_of(key: &str, keys: &[&str]) -> bool {
    keys.contains(&key)
}

#[cfg(test)]
mod tests;
