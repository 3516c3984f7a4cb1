//! Calls that only tell a buyer something, where its format has them: that its bid lost, and how a
//! sale went on.
//!
//! Nothing of the sale hangs on them. Each is sent beside the answer to the vendor, and again only
//! as long as the buyer cannot have seen it or asks for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::post::Won;
use super::{Call, Captured, NotMade, ProfileCalls, Speaker, http_reply};
use crate::domain::money::Money;
use crate::domain::post::Verdict;
use crate::flow::cascade::Turn;
use crate::flow::exchange::Exchange;
use crate::flow::run::Run;
use crate::integration::reply::Sign;
use crate::integration::{BidInput, Frame, Phase, RenderRefused, RenderedRequest};
use crate::ports::buyer_wire::WireReply;
use crate::registry::snapshot::CompiledCampaign;

/// How long one notice may take.
const NOTICE_TIME_MAX: Duration = Duration::from_secs(10);
/// How often one is sent at most.
const TRIES_MAX: u32 = 3;
/// Pause before the second time; doubles.
const PAUSE: Duration = Duration::from_millis(500);

/// One loser to be told.
struct Notice {
    campaign: Arc<CompiledCampaign>,
    bid: Won,
    sold_price: Money,
    currency: String,
}

impl Exchange {
    /// Tells whoever is to hear of a verdict that was written: of a sale its losers and its buyer, with
    /// what the reply to the post brought.
    pub(in crate::flow) fn after_verdict(
        &self,
        run: &Run,
        turn: &Turn,
        (verdict, replied): (Verdict, Captured),
    ) {
        if verdict == Verdict::Accepted {
            self.tell_losers(run, turn);
            self.complete_sale(run, turn, replied);
        }
    }

    /// Tells every campaign that bid and does not have the lead, once, if its profile has a notice:
    /// the outbid, those below the floor, and those that refused their post or could not get it. One
    /// that may have the lead all the same is told nothing.
    fn tell_losers(&self, run: &Run, winner: &Turn) {
        let Some(view) = &run.view else { return };
        let attempts = view.seats.iter().flat_map(|seat| &seat.attempts);
        let may_have_it = attempts.filter(|attempt| {
            let has_not = matches!(attempt.verdict, Some(Verdict::Rejected | Verdict::NotSent));
            !has_not || attempt.has_conflict
        });
        let mut known: Vec<_> = may_have_it.map(|attempt| &attempt.campaign).collect();
        known.push(&winner.entry.campaign);
        for entry in view.rank.iter().chain(&run.low_bids) {
            // Of several bids of a campaign the best comes first.
            if known.contains(&&entry.campaign) {
                continue;
            }
            known.push(&entry.campaign);
            let campaign = run.snapshot.campaigns.get(&entry.campaign);
            let has_notice = |campaign: &&Arc<CompiledCampaign>| {
                let profile = campaign.profile.as_ref();
                profile.is_some_and(|known| known.profile.uses(Phase::LoserNotice).is_some())
            };
            let Some(campaign) = campaign.filter(has_notice) else { continue };
            let notice = Notice {
                campaign: Arc::clone(campaign),
                bid: Won::of_entry(entry),
                sold_price: winner.entry.price,
                currency: run.plan.currency.clone(),
            };
            let profiles = Arc::clone(&self.profiles);
            self.tasks.spawn(&self.auctions, async move {
                if let Err(reason) = profiles.tell(&notice).await {
                    tracing::info!(campaign = %notice.campaign.id, reason, "loser_notice.failed");
                }
            });
        }
    }
}

impl ProfileCalls {
    async fn tell(self: &Arc<Self>, notice: &Notice) -> Result<(), NotMade> {
        let speaker = Speaker::of(&notice.campaign, &notice.currency).ok_or("profile")?;
        let profile = &speaker.profile.profile;
        let render = |frame: Frame<'_>| {
            profile.render_loser_notice(&BidInput {
                frame,
                bid: notice.bid.bid(),
                post_id: None,
                lead_id: None,
                sold_price: Some(notice.sold_price),
            })
        };
        self.notify(speaker, Phase::LoserNotice, Captured::new(), render).await
    }

    /// Sends what only tells something until the buyer has taken it.
    pub(super) async fn notify(
        self: &Arc<Self>,
        speaker: Speaker<'_>,
        phase: Phase,
        mut captured: Captured,
        render: impl Fn(Frame<'_>) -> Result<RenderedRequest, RenderRefused>,
    ) -> Result<(), NotMade> {
        let request_id = self.request_id();
        let (mut tries, mut pause) = (0, PAUSE);
        loop {
            let deadline = Instant::now() + NOTICE_TIME_MAX;
            captured.extend(self.token_for(speaker, &[phase], deadline).await?);
            let make = |captured: &Captured| {
                let call = Call { phase, request_id: &request_id, captured, deadline };
                self.request(speaker, call, &render)
            };
            let came = self.call(speaker, (phase, deadline), &mut captured, make).await?;
            tries += 1;
            let again = match &came.result {
                Ok(reply) => match sign_of(speaker, phase, reply) {
                    Sign::Taken => return Ok(()),
                    Sign::Retry => "retry_later",
                    Sign::Unclear => return Err("unclear"),
                    Sign::Refused => return Err("refused"),
                },
                Err(error) if error.sent => return Err(error.failure.as_str()),
                Err(error) => error.failure.as_str(),
            };
            if tries >= TRIES_MAX {
                return Err(again);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }
}

fn sign_of(speaker: Speaker<'_>, phase: Phase, reply: &WireReply) -> Sign {
    match speaker.profile.profile.reply(phase) {
        Some(reader) => reader.read_sign(&http_reply(reply)).0,
        None => match reply.status {
            200..=299 => Sign::Taken,
            425 | 429 => Sign::Retry,
            408 => Sign::Unclear,
            400..=499 => Sign::Refused,
            _ => Sign::Unclear,
        },
    }
}
