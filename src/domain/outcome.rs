//! Outcomes: what a buyer reports of a lead it bought.
//!
//! A report may carry a few figures and a time and nothing else: every one of them has its own
//! field here, so that no text about a consumer can come along.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::EventType;
use super::ids::OutcomeId;
use super::money::Money;
use super::schema::UtcTime;
use super::slug::{BuyerId, CampaignId};

/// The longest call that can be reported, in seconds: a day.
pub const DURATION_S_MAX: u32 = 86_400;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum OutcomeType {
    /// The consumer was reached.
    #[serde(rename = "contacted")]
    Contacted,
    /// There is an appointment.
    #[serde(rename = "appointment.set")]
    AppointmentSet,
    /// A call took place.
    #[serde(rename = "call.completed")]
    CallCompleted,
    /// The consumer bought.
    #[serde(rename = "policy.sold")]
    PolicySold,
}

impl OutcomeType {
    /// Every type.
    pub const ALL: [Self; 4] =
        [Self::Contacted, Self::AppointmentSet, Self::CallCompleted, Self::PolicySold];

    /// The event that tells the vendor of it; both have one name.
    #[must_use]
    pub const fn event_type(self) -> EventType {
        match self {
            Self::Contacted => EventType::Contacted,
            Self::AppointmentSet => EventType::AppointmentSet,
            Self::CallCompleted => EventType::CallCompleted,
            Self::PolicySold => EventType::PolicySold,
        }
    }
}

/// What a report may say beside its type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeDetails {
    /// How long a call took, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u32>,
    /// For when an appointment was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<UtcTime>")]
    pub appointment_at: Option<Timestamp>,
    /// What a policy costs each month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub premium_monthly: Option<Money>,
    /// What a policy costs each year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub premium_annual: Option<Money>,
    /// What a policy covers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage_amount: Option<Money>,
}

impl OutcomeDetails {
    /// The names of all fields, for documents and errors.
    pub const FIELDS: [&str; 5] =
        ["duration_s", "appointment_at", "premium_monthly", "premium_annual", "coverage_amount"];

    /// Whether nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The fields whose values cannot be meant.
    #[must_use]
    pub fn faults(&self) -> Vec<&'static str> {
        let is_negative = |amount: Option<Money>| amount.is_some_and(|amount| amount < Money::ZERO);
        [
            ("duration_s", self.duration_s.is_some_and(|duration| duration > DURATION_S_MAX)),
            ("premium_monthly", is_negative(self.premium_monthly)),
            ("premium_annual", is_negative(self.premium_annual)),
            ("coverage_amount", is_negative(self.coverage_amount)),
        ]
        .into_iter()
        .filter_map(|(name, is_wrong)| is_wrong.then_some(name))
        .collect()
    }
}

/// A report as it is kept among the facts of its auction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Its id.
    pub outcome_id: OutcomeId,
    /// What happened.
    #[serde(rename = "type")]
    pub outcome_type: OutcomeType,
    /// When, as the buyer says.
    #[schemars(with = "UtcTime")]
    pub occurred_at: Timestamp,
    /// Who reports.
    pub buyer_id: BuyerId,
    /// The campaign that bought the lead.
    pub campaign_id: CampaignId,
    /// More.
    #[serde(default, skip_serializing_if = "OutcomeDetails::is_empty")]
    pub data: OutcomeDetails,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_figures_are_read() {
        let read = |text: &str| serde_json::from_str::<OutcomeDetails>(text);
        let details = read(r#"{"duration_s":95,"premium_monthly":"41.50"}"#).unwrap();
        assert_eq!((details.duration_s, details.faults()), (Some(95), vec![]));
        for refused in [
            r#"{"note":"call Grace at 5"}"#,
            r#"{"duration_s":"95 s"}"#,
            r#"{"premium_monthly":"41.50 for Grace"}"#,
            r#"{"appointment_at":"tomorrow"}"#,
        ] {
            assert!(read(refused).is_err(), "{refused}");
        }
        let wrong = read(r#"{"duration_s":86401,"premium_annual":"-1.00"}"#).unwrap();
        assert_eq!(wrong.faults(), ["duration_s", "premium_annual"]);
    }

    #[test]
    fn the_fields_in_the_list_are_those_that_are_read() {
        let full = OutcomeDetails {
            duration_s: Some(1),
            appointment_at: Some(Timestamp::UNIX_EPOCH),
            premium_monthly: Some(Money::ZERO),
            premium_annual: Some(Money::ZERO),
            coverage_amount: Some(Money::ZERO),
        };
        let json = serde_json::to_value(full).unwrap();
        let mut names: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut listed = OutcomeDetails::FIELDS.to_vec();
        names.sort_unstable();
        listed.sort_unstable();
        assert_eq!(names, listed);
    }
}
