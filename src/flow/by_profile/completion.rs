//! Telling the buyer how a sale went on, where its format has a call for it.
//!
//! A format that says nothing of a telephone call is told right after the sale. One that does
//! (`call.duration_s`) waits until that call is reported (`call.completed`), whoever reports it with
//! a key of the buyer: its own systems, or the operator's exchange of calls on its behalf.

use std::sync::Arc;

use super::post::{PostMatter, Won};
use super::{Captured, NotMade, ProfileCalls, Speaker};
use crate::domain::auction::{LeadView, SeatState};
use crate::domain::ids::PostId;
use crate::domain::lead::Lead;
use crate::domain::money::Money;
use crate::domain::outcome::{Outcome, OutcomeType};
use crate::domain::ping::AnonymizedPing;
use crate::flow::cascade::Turn;
use crate::flow::exchange::Exchange;
use crate::flow::fanout::SEATS;
use crate::flow::resolve::turn_at;
use crate::flow::run::Run;
use crate::integration::{Frame, Matter, Phase, PostInput};
use crate::registry::snapshot::CompiledCampaign;

/// What begins the names of what was reported of a call.
const CALL: &str = "call.";

/// Everything that one completion is made from.
struct Completion {
    campaign: Arc<CompiledCampaign>,
    lead: Lead,
    ping: Arc<AnonymizedPing>,
    bid: Won,
    post_id: PostId,
    matter: PostMatter,
    floor: Money,
    currency: String,
    captured: Captured,
}

/// Whether the campaign's format has a completion, and whether that waits for a telephone call.
fn waits_for_call(campaign: &CompiledCampaign, currency: &str) -> Option<bool> {
    let speaker = Speaker::of(campaign, currency)?;
    speaker.profile.profile.uses(Phase::Completion)?;
    Some(speaker.needs(Phase::Completion, CALL))
}

impl Exchange {
    /// Tells the buyer of its purchase, unless its format waits for a call.
    pub(super) fn complete_sale(&self, run: &Run, turn: &Turn, replied: Captured) {
        let Some(campaign) = run.snapshot.campaigns.get(&turn.entry.campaign) else { return };
        if waits_for_call(campaign, &run.plan.currency) == Some(false) {
            self.complete(run, turn, campaign, replied);
        }
    }

    /// Tells the buyer of a call that was reported for a lead it has, if its format waits for that.
    pub(in crate::flow) async fn call_is_over(&self, view: Arc<LeadView>, outcome: &Outcome) {
        let snapshot = self.snapshot();
        let Some(campaign) = snapshot.campaigns.get(&outcome.campaign_id) else { return };
        let is_call = outcome.outcome_type == OutcomeType::CallCompleted;
        if !is_call || waits_for_call(campaign, &snapshot.currency) != Some(true) {
            return;
        }
        let state = view.seats.first().map(|seat| seat.state);
        let Some(SeatState::Sold { k }) = state else { return };
        let Some(turn) = turn_at(&view, k) else { return };
        let mut captured = Captured::new();
        captured.insert(format!("{CALL}occurred_at"), outcome.occurred_at.to_string());
        let duration_s = outcome.data.duration_s.map(|seconds| seconds.to_string());
        captured.extend(duration_s.map(|text| (format!("{CALL}duration_s"), text)));
        match self.open(view).await {
            Ok(run) => self.complete(&run, &turn, campaign, captured),
            Err(error) => tracing::warn!(campaign = %campaign.id, %error, "completion.failed"),
        }
    }

    fn complete(
        &self,
        run: &Run,
        turn: &Turn,
        campaign: &Arc<CompiledCampaign>,
        captured: Captured,
    ) {
        let completion = Completion {
            campaign: Arc::clone(campaign),
            lead: run.lead.clone(),
            ping: run.ping_of(campaign),
            bid: Won::of_entry(&turn.entry),
            post_id: turn.post_id,
            matter: self.matter_of(run, campaign, tokio::time::Instant::now()),
            floor: run.plan.price_floor,
            currency: run.plan.currency.clone(),
            captured,
        };
        let profiles = Arc::clone(&self.profiles);
        self.tasks.spawn(&self.auctions, async move {
            if let Err(reason) = profiles.send_completion(&completion).await {
                tracing::warn!(campaign = %completion.campaign.id, reason, "completion.failed");
            }
        });
    }
}

impl ProfileCalls {
    async fn send_completion(self: &Arc<Self>, completion: &Completion) -> Result<(), NotMade> {
        let speaker = Speaker::of(&completion.campaign, &completion.currency).ok_or("profile")?;
        let profile = &speaker.profile.profile;
        let render = |frame: Frame<'_>| {
            profile.render_completion(&PostInput {
                frame,
                matter: Matter {
                    vertical: &completion.lead.vertical,
                    test: completion.lead.test,
                    vendor: &completion.matter.source_ref,
                    sub_source: completion.matter.sub_ref.as_deref(),
                    floor: completion.floor,
                    deadline_ms: completion.matter.deadline_ms,
                    seats_max: SEATS,
                    sold_to: &completion.matter.sold_to,
                },
                post_id: completion.post_id,
                bid: completion.bid.bid(),
                lead: &completion.lead,
                ping: Some(&completion.ping),
            })
        };
        self.notify(speaker, Phase::Completion, completion.captured.clone(), render).await
    }
}
