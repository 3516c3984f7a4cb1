//! Telling losers, where their formats have a call for it.
//!
//! A notice is sent once and not repeated: nothing hangs on it, and its buyer has got no lead.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::post::Won;
use super::{Call, Captured, NotMade, ProfileCalls, Speaker, http_reply};
use crate::domain::money::Money;
use crate::flow::cascade::Turn;
use crate::flow::exchange::Exchange;
use crate::flow::run::Run;
use crate::integration::reply::Sign;
use crate::integration::{BidInput, Frame, Phase};
use crate::registry::snapshot::CompiledCampaign;

/// How long one notice may take.
const NOTICE_TIME_MAX: Duration = Duration::from_secs(10);

/// One loser to be told.
struct Notice {
    campaign: Arc<CompiledCampaign>,
    bid: Won,
    sold_price: Money,
    currency: String,
}

impl Exchange {
    /// Tells every campaign that bid, was never posted to, and whose profile has a notice.
    pub(in crate::flow) fn tell_losers(&self, run: &Run, winner: &Turn) {
        let Some(view) = &run.view else { return };
        let attempts = view.seats.iter().flat_map(|seat| &seat.attempts);
        let mut known: Vec<_> = attempts.map(|attempt| &attempt.campaign).collect();
        known.push(&winner.entry.campaign);
        for (k, entry) in view.rank.iter().enumerate() {
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
            let k = u16::try_from(k).unwrap_or(u16::MAX);
            let turn = Turn { k, entry: entry.clone(), post_id: winner.post_id };
            let notice = Notice {
                campaign: Arc::clone(campaign),
                bid: Won::of(&turn),
                sold_price: winner.entry.price,
                currency: run.plan.currency.clone(),
            };
            let profiles = Arc::clone(&self.profiles);
            self.tasks.spawn(&self.auctions, async move {
                let told = profiles.tell(&notice).await;
                if told != Ok(Sign::Taken) {
                    let reason = told.err().unwrap_or("not_taken");
                    tracing::info!(campaign = %notice.campaign.id, reason, "loser_notice.failed");
                }
            });
        }
    }
}

impl ProfileCalls {
    async fn tell(&self, notice: &Notice) -> Result<Sign, NotMade> {
        let speaker = Speaker::of(&notice.campaign, &notice.currency).ok_or("profile")?;
        let deadline = Instant::now() + NOTICE_TIME_MAX;
        let captured = match speaker.needs_token(Phase::LoserNotice) {
            false => Captured::new(),
            true => match self.token_at_hand(speaker) {
                Some(token) => token,
                None => self.token(speaker, None, deadline).await?,
            },
        };
        let request_id = self.request_id();
        let (phase, request_id) = (Phase::LoserNotice, &*request_id);
        let call = Call { phase, request_id, captured: &captured, deadline };
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
        let request = self.request(speaker, call, render)?;
        let came = self.wire.call(request).await;
        let reply = came.result.as_ref().map_err(|error| error.failure.as_str())?;
        Ok(match profile.reply(phase) {
            Some(reader) => reader.read_sign(&http_reply(reply)).0,
            None if (200..=299).contains(&reply.status) => Sign::Taken,
            None => Sign::Unclear,
        })
    }
}
