//! Cases: what a buyer was sent and what it answered, written down so that a profile can be held
//! against it.
//!
//! A case is one JSON file: a lead, and the calls that are made for it, each with the request that is
//! to be sent, the reply that came back, and what the reply means. Whatever a case leaves out has a
//! value of its own: the lead is made of the vertical's examples, secrets and settings have made-up
//! texts, and the campaign discloses what the profile's ping asks for. Cases are run in memory;
//! nothing is sent.

mod compare;
mod declared;
mod evidence;
mod file;
mod meaning;
mod run;

pub use declared::undeclared;
pub use evidence::Evidence;
pub use file::{
    CASE_BYTES_MAX, Case, CaseBid, CaseCampaign, CaseReply, CaseRequest, CaseStep, InvalidCase,
};
pub use meaning::{Standard, meaning};
pub use run::{CASE_VENDOR, CaseReport, Difference, Session, Setting, Staged, StepReport};

#[cfg(test)]
mod tests;
