//! Pings in a buyer's own format.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Call, Captured, NotMade, PREPING, ProfileCalls, Speaker, end_of, http_reply};
use crate::domain::bid::{Bid, NoBid};
use crate::domain::ids::PingId;
use crate::domain::money::Money;
use crate::domain::pii::Pii;
use crate::domain::ping::AnonymizedPing;
use crate::domain::slug::VerticalId;
use crate::flow::fanout::SEATS;
use crate::integration::reply::{Outcome, ProfileBid, Sign, Terms};
use crate::integration::{Matter, Phase, PingInput};
use crate::ports::buyer_wire::{WireOutcome, WireReply, WireRequest};
use crate::registry::profile::CampaignProfile;
use crate::registry::snapshot::CompiledCampaign;

/// What stands beside the lead in a ping.
pub(in crate::flow) struct PingMatter {
    pub(in crate::flow) vertical: VerticalId,
    pub(in crate::flow) test: bool,
    pub(in crate::flow) source_ref: String,
    pub(in crate::flow) sub_ref: Option<String>,
    pub(in crate::flow) floor: Money,
    pub(in crate::flow) currency: String,
    pub(in crate::flow) sold_to: Vec<String>,
}

/// One ping to be sent.
pub(in crate::flow) struct PingOrder {
    pub(in crate::flow) campaign: Arc<CompiledCampaign>,
    pub(in crate::flow) ping: Arc<AnonymizedPing>,
    pub(in crate::flow) ping_id: PingId,
    pub(in crate::flow) matter: PingMatter,
    /// When the round closes, as buyers are told.
    pub(in crate::flow) closes_at: Instant,
    /// When the call must be over.
    pub(in crate::flow) deadline: Instant,
}

impl PingOrder {
    fn speaker(&self) -> Option<Speaker<'_>> {
        Speaker::of(&self.campaign, &self.matter.currency)
    }

    /// Whether anything has to be called before the ping.
    pub(in crate::flow) fn has_calls_before(&self) -> bool {
        self.speaker().is_some_and(|speaker| {
            let has_preping = speaker.profile.profile.phases().any(|phase| phase == Phase::Preping);
            has_preping || speaker.needs_token(Phase::Ping)
        })
    }

    fn input<'a>(&'a self, frame: crate::integration::Frame<'a>) -> PingInput<'a> {
        let left = self.closes_at.saturating_duration_since(Instant::now());
        let matter = Matter {
            vertical: &self.matter.vertical,
            test: self.matter.test,
            vendor: &self.matter.source_ref,
            sub_source: self.matter.sub_ref.as_deref(),
            floor: self.matter.floor,
            deadline_ms: u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            seats_max: SEATS,
            sold_to: &self.matter.sold_to,
        };
        PingInput { frame, matter, ping_id: self.ping_id, ping: &self.ping }
    }
}

impl ProfileCalls {
    /// The request of a ping before which nothing needs to be called.
    pub(in crate::flow) fn ping_request(
        &self,
        order: &PingOrder,
        captured: &Captured,
    ) -> Result<WireRequest, NotMade> {
        let speaker = order.speaker().ok_or("profile")?;
        let (request_id, deadline) = (order.ping_id.to_string(), order.deadline);
        let call = Call { phase: Phase::Ping, request_id: &request_id, captured, deadline };
        let profile = &speaker.profile.profile;
        self.request(speaker, call, |frame| profile.render_ping(&order.input(frame)))
    }

    /// Sends a ping and what has to go before it.
    pub(in crate::flow) async fn ping(
        self: &Arc<Self>,
        order: PingOrder,
    ) -> Result<WireOutcome, NotMade> {
        let speaker = order.speaker().ok_or("profile")?;
        let profile = &speaker.profile.profile;
        let phases = [Phase::Preping, Phase::Ping];
        let mut captured = self.token_for(speaker, &phases, order.closes_at).await?;
        if profile.uses(Phase::Preping).is_some() {
            let request_id = self.request_id();
            let (phase, request_id, deadline) = (Phase::Preping, &*request_id, order.closes_at);
            let make = |captured: &Captured| {
                let call = Call { phase, request_id, captured, deadline };
                self.request(speaker, call, |frame| profile.render_preping(&order.input(frame)))
            };
            let came = self.call(speaker, (phase, deadline), &mut captured, make).await?;
            let Ok(reply) = &came.result else { return Ok(came) };
            if let Some(reader) = profile.reply(Phase::Preping) {
                let (sign, told) = reader.read_sign(&http_reply(reply));
                if sign != Sign::Taken {
                    return Err("preping");
                }
                captured.extend(told.captured(PREPING));
            }
        }
        let make = |captured: &Captured| self.ping_request(&order, captured);
        self.call(speaker, (Phase::Ping, order.closes_at), &mut captured, make).await
    }
}

/// What a reply to a ping says.
pub(in crate::flow) struct Bids {
    /// Every valid bid, or why there is none.
    pub(in crate::flow) bids: Result<Vec<Bid>, NoBid>,
    /// When each bid ends, where the buyer said so.
    pub(in crate::flow) ends: Vec<Option<Timestamp>>,
    /// The rule that says no.
    pub(in crate::flow) detail: Option<&'static str>,
    /// Why, in the buyer's own words.
    pub(in crate::flow) words: Option<Pii<String>>,
}

/// Reads a whole reply to a ping by the campaign's profile.
pub(in crate::flow) fn read_bids(
    profile: &CampaignProfile,
    reply: &WireReply,
    terms: Terms<'_>,
    now: Timestamp,
) -> Bids {
    let Some(reader) = profile.profile.reply(Phase::Ping) else {
        let bids = Err(NoBid::Malformed);
        return Bids { bids, ends: Vec::new(), detail: None, words: None };
    };
    let reading = reader.read_ping(&http_reply(reply), terms);
    match reading.bids {
        Ok(found) => {
            // Where the call is the delivery, a bid without a number sells nothing.
            let is_for_calls = profile.profile.is_for_calls();
            let is_whole = |bid: &ProfileBid| !is_for_calls || bid.bid.phone_number.is_some();
            let found: Vec<ProfileBid> = found.into_iter().filter(is_whole).collect();
            if found.is_empty() {
                let (bids, detail) = (Err(NoBid::Malformed), Some("phone_number"));
                return Bids { bids, ends: Vec::new(), detail, words: reading.told.reason };
            }
            let ends = found.iter().map(|bid| Some(end_of(bid.life?, now))).collect();
            let bids = found.into_iter().map(|bid| bid.bid).collect();
            Bids { bids: Ok(bids), ends, detail: None, words: None }
        }
        Err(no_bid) => {
            let detail = reading.told.outcome.map(Outcome::as_str);
            let detail = detail.filter(|_| no_bid == NoBid::Declined);
            let words = reading.told.reason;
            Bids { bids: Err(no_bid), ends: Vec::new(), detail, words }
        }
    }
}
