//! Eligibility: which campaigns a lead is offered to, and for every other one the rule that says no.
//!
//! This module decides from the lead, the registry's snapshot and what is known of full caps and
//! empty accounts; it asks nobody and changes nothing. The exact check of caps and balances is the
//! hold in the store: what is passed in here only spares pings that could not win. Rules and traces
//! hold names, never a value of the lead.

pub mod explain;
mod predicate;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;

use crate::domain::campaign::CampaignState;
use crate::domain::lead::Lead;
use crate::domain::slug::CampaignId;
use crate::registry::snapshot::{CompiledCampaign, Snapshot};
use crate::registry::vertical::CompiledVertical;

use predicate::Values;

/// The rule of a campaign that is not active.
pub const RULE_STATE: &str = "campaign_state";
/// The rule of a campaign whose endpoints are not proved.
pub const RULE_VERIFICATION: &str = "verification";
/// The rule of a campaign for calls where the lead's vendor connects none.
pub const RULE_CALLS: &str = "calls_not_taken";

/// What was decided about one campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Eligibility {
    /// It is asked.
    Eligible,
    /// It is not.
    Excluded {
        /// Why: `campaign_state`, `verification`, `calls_not_taken`, `filter:<field>`,
        /// `profile:<field>`, `cap:<per>`, `balance`.
        rule: String,
    },
}

/// One campaign of the lead's vertical and what was decided about it.
#[derive(Clone)]
pub struct Considered {
    /// The campaign.
    pub campaign: Arc<CompiledCampaign>,
    /// The decision.
    pub verdict: Eligibility,
}

/// Considers every campaign of the lead's vertical but archived ones, in the order of their ids.
///
/// `today` is the day on which ages are counted. `no_room` names campaigns whose caps or accounts
/// are known to be full, each with the rule (`cap:day`, `balance`).
#[must_use]
pub fn consider(
    lead: &Lead,
    snapshot: &Snapshot,
    today: Date,
    no_room: &BTreeMap<CampaignId, String>,
) -> Vec<Considered> {
    let Some(vertical) = snapshot.verticals.get(&lead.vertical) else { return Vec::new() };
    let matter = Matter::of(lead, vertical, snapshot, today);
    candidates(snapshot, lead)
        .map(|campaign| Considered {
            campaign: Arc::clone(campaign),
            verdict: match exclusion(campaign, &matter, no_room) {
                None => Eligibility::Eligible,
                Some(rule) => Eligibility::Excluded { rule },
            },
        })
        .collect()
}

/// The campaigns that are considered at all.
fn candidates<'a>(
    snapshot: &'a Snapshot,
    lead: &Lead,
) -> impl Iterator<Item = &'a Arc<CompiledCampaign>> {
    let campaigns = snapshot.campaigns_of(&lead.vertical);
    campaigns.iter().filter(|campaign| campaign.state != CampaignState::Archived)
}

/// What is known of a lead, found once for all campaigns.
struct Matter<'a> {
    values: Values<'a>,
    /// Whether its vendor can connect a consumer's call.
    takes_calls: bool,
}

impl<'a> Matter<'a> {
    fn of(lead: &'a Lead, vertical: &CompiledVertical, snapshot: &Snapshot, today: Date) -> Self {
        let takes_calls = snapshot.takes_calls(&lead.vendor);
        Self { values: Values::of(lead, vertical, today), takes_calls }
    }
}

/// The first rule that excludes the campaign.
fn exclusion(
    campaign: &CompiledCampaign,
    matter: &Matter<'_>,
    no_room: &BTreeMap<CampaignId, String>,
) -> Option<String> {
    let Matter { values, takes_calls } = matter;
    if let Some(rule) = state_rule(campaign.state) {
        return Some(rule.to_owned());
    }
    // Its buyer would pay for a call that nobody connects.
    if !takes_calls && campaign.is_for_calls() {
        return Some(RULE_CALLS.to_owned());
    }
    if let Some(filter) = &campaign.filter
        && !values.pass(filter.root())
    {
        return Some(values.failing_rule(filter.root()));
    }
    if let Some(profile) = &campaign.profile
        && let Some(need) = values.unmet(profile)
    {
        return Some(need.rule.clone());
    }
    no_room.get(&campaign.id).cloned()
}

const fn state_rule(state: CampaignState) -> Option<&'static str> {
    match state {
        CampaignState::Active => None,
        CampaignState::PendingVerification => Some(RULE_VERIFICATION),
        CampaignState::Draft | CampaignState::Paused | CampaignState::Archived => Some(RULE_STATE),
    }
}

#[cfg(test)]
mod tests;
