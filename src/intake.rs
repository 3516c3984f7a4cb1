//! Intake: the bytes a vendor sends become a lead, or a list of everything that is wrong with them.
//!
//! The way of a body: [`document`] parses JSON or a form within limits; [`read()`] takes the
//! document apart against the vertical, with one function per type of field in [`fields`];
//! [`canonical`] keeps the bytes that tell one submission from another. [`schema`] and [`spec`]
//! describe the same rules to vendors, and [`sample`] makes leads that keep them.
//!
//! Nothing here knows who the vendor is, what a lead is worth or what becomes of it. No value of a
//! consumer is ever repeated: a fault names a place, a code and what would be right.

pub mod canonical;
pub mod document;
pub mod fault;
pub mod fields;
pub mod read;
pub mod sample;
pub mod schema;
pub mod spec;
pub mod zip_states;

pub use document::{ContentKind, DocumentLimits, Node};
pub use fault::{CodeMeaning, FaultKind, FieldFault, InvalidSubmission, codes};
pub use read::post::{POST_KEYS, Pinged, PostDocument, PostSubmission};
pub use read::{Body, Contact, IntakeContext, IntakeLimits, read, read_document};
