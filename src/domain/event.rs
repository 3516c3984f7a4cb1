//! Events: what vendors and buyers may be told of, and the endpoints they are told at.
//!
//! Every type of event stands in one list ([`EventType::ALL`]) with who may hear of it and what it
//! means; `docs/API.md` shows the same list.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::key::Role;
use super::party::Party;

/// The most endpoints one vendor or buyer may have.
pub const ENDPOINTS_PER_OWNER_MAX: usize = 10;

/// What an event tells.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum EventType {
    /// A lead is safe, and its auction begins.
    #[serde(rename = "lead.received")]
    LeadReceived,
    /// The lead is sold; this is its payout.
    #[serde(rename = "lead.sold")]
    LeadSold,
    /// The lead ended unsold, refused or expired, for this reason.
    #[serde(rename = "lead.unsold")]
    LeadUnsold,
    /// A buyer's answer did not arrive: the lead's end is not known yet.
    #[serde(rename = "lead.pending")]
    LeadPending,
    /// A lead that was pending has its end.
    #[serde(rename = "lead.resolved")]
    LeadResolved,
    /// The buyer has the lead, at this price.
    #[serde(rename = "bid.won")]
    BidWon,
    /// The buyer's bid did not win, for this reason.
    #[serde(rename = "bid.lost")]
    BidLost,
    /// The buyer has reached the consumer.
    #[serde(rename = "contacted")]
    Contacted,
    /// The buyer has an appointment with the consumer.
    #[serde(rename = "appointment.set")]
    AppointmentSet,
    /// The buyer has spoken with the consumer.
    #[serde(rename = "call.completed")]
    CallCompleted,
    /// The consumer has bought from the buyer.
    #[serde(rename = "policy.sold")]
    PolicySold,
    /// Another endpoint of the same owner was disabled.
    #[serde(rename = "endpoint.disabled")]
    EndpointDisabled,
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 12] = [
        Self::LeadReceived,
        Self::LeadPending,
        Self::LeadSold,
        Self::LeadUnsold,
        Self::LeadResolved,
        Self::Contacted,
        Self::AppointmentSet,
        Self::CallCompleted,
        Self::PolicySold,
        Self::BidWon,
        Self::BidLost,
        Self::EndpointDisabled,
    ];

    /// The type as in bodies, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeadReceived => "lead.received",
            Self::LeadSold => "lead.sold",
            Self::LeadUnsold => "lead.unsold",
            Self::LeadPending => "lead.pending",
            Self::LeadResolved => "lead.resolved",
            Self::BidWon => "bid.won",
            Self::BidLost => "bid.lost",
            Self::Contacted => "contacted",
            Self::AppointmentSet => "appointment.set",
            Self::CallCompleted => "call.completed",
            Self::PolicySold => "policy.sold",
            Self::EndpointDisabled => "endpoint.disabled",
        }
    }

    /// What it means, for the document of the API.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::LeadReceived => "A lead is safe, and its auction begins.",
            Self::LeadSold => "The lead is sold; this is its payout.",
            Self::LeadUnsold => "The lead ended unsold, refused or expired, for this reason.",
            Self::LeadPending => {
                "A buyer's answer did not arrive: the lead's end is not known yet."
            }
            Self::LeadResolved => "A lead that was pending has its end.",
            Self::BidWon => "The buyer has the lead, at this price.",
            Self::BidLost => "The buyer's bid did not win, for this reason.",
            Self::Contacted => "The buyer has reached the consumer.",
            Self::AppointmentSet => "The buyer has an appointment with the consumer.",
            Self::CallCompleted => "The buyer has spoken with the consumer.",
            Self::PolicySold => "The consumer has bought from the buyer.",
            Self::EndpointDisabled => "Another endpoint of the same owner was disabled.",
        }
    }

    /// Whether a party of `role` may hear of it.
    #[must_use]
    pub const fn is_for(self, role: Role) -> bool {
        match self {
            Self::LeadReceived
            | Self::LeadSold
            | Self::LeadUnsold
            | Self::LeadPending
            | Self::LeadResolved
            | Self::Contacted
            | Self::AppointmentSet
            | Self::CallCompleted
            | Self::PolicySold => matches!(role, Role::Vendor),
            Self::BidWon | Self::BidLost => matches!(role, Role::Buyer),
            Self::EndpointDisabled => matches!(role, Role::Vendor | Role::Buyer),
        }
    }

    /// Reads what [`EventType::as_str`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

/// Whether an endpoint hears of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// It has not yet answered a challenge.
    PendingVerification,
    /// It does.
    Active,
    /// It does not; see [`DisabledReason`].
    Disabled,
}

impl EndpointState {
    /// The state as in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingVerification => "pending_verification",
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// Who or what disabled an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisabledReason {
    /// Its owner.
    Owner,
    /// An operator; only an operator may enable it again.
    Operator,
    /// It answered 410.
    Gone,
    /// For days every attempt failed.
    Failing,
}

impl DisabledReason {
    /// The reason as in the API, records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Operator => "operator",
            Self::Gone => "gone",
            Self::Failing => "failing",
        }
    }
}

/// Where a vendor or a buyer hears of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoint {
    /// Whose it is.
    pub owner: Party,
    /// Where it is.
    pub url: String,
    /// What it hears of.
    pub types: BTreeSet<EventType>,
    /// Whether it hears of anything.
    pub state: EndpointState,
    /// Why not, if it is disabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_reason: Option<DisabledReason>,
    /// Whether it was active once: what happens while it is proved anew is kept for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub was_proved: bool,
    /// When it was registered.
    pub created_at: Timestamp,
}

impl Endpoint {
    /// Whether it is to be told of `event_type` when that happens now: at once if it is active, and
    /// once it has passed its challenge if it was active before.
    #[must_use]
    pub fn hears(&self, event_type: EventType) -> bool {
        let is_heard = match self.state {
            EndpointState::Active => true,
            EndpointState::PendingVerification => self.was_proved,
            EndpointState::Disabled => false,
        };
        is_heard && self.types.contains(&event_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_one_name_in_json_and_everywhere() {
        for event_type in EventType::ALL {
            let json = serde_json::to_string(&event_type).unwrap();
            assert_eq!(json, format!("\"{}\"", event_type.as_str()));
            assert_eq!(EventType::parse(event_type.as_str()), Some(event_type));
            let heard = [Role::Vendor, Role::Buyer].iter().any(|role| event_type.is_for(*role));
            assert!(heard && !event_type.is_for(Role::Operator), "{event_type:?}");
        }
        assert_eq!(EventType::parse("lead.lost"), None);
    }

    #[test]
    fn the_document_lists_every_type_with_who_hears_of_it_and_what_it_means() {
        let document = include_str!("../../docs/API.md");
        for event_type in EventType::ALL {
            let roles = [Role::Vendor, Role::Buyer].into_iter();
            let heard: Vec<&str> =
                roles.filter(|role| event_type.is_for(*role)).map(Role::as_str).collect();
            let (name, meaning) = (event_type.as_str(), event_type.description());
            let row = format!("| `{name}` | {} | {meaning} |", heard.join(", "));
            assert_eq!(document.matches(&row).count(), 1, "{row}");
        }
    }
}
