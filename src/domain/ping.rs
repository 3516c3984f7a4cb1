//! Pings: what a buyer may see of a lead before it has bought it.

use serde_json::{Map, Value};

/// The part of a lead that one campaign may see, ready to be put into any wire format.
///
/// It is made in `ping::redact` and nowhere else; whatever is not in it cannot be sent in a ping.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AnonymizedPing {
    /// Coarse fields, and what the campaign's disclosures add, under their names in the ping.
    pub lead: Map<String, Value>,
    /// What is told about consent.
    pub consent: Map<String, Value>,
    /// Whether there is a `TrustedForm` certificate; where it is disclosed, `consent` has it.
    pub has_trustedform_cert: bool,
    /// Whether there is a Jornaya id.
    pub has_jornaya_lead_id: bool,
    /// Names in `lead`, for the record of who saw what.
    pub fields_sent: Vec<String>,
    /// Disclosures that added something.
    pub disclosed: Vec<String>,
}
