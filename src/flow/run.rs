//! One auction being run: the lead, what was fixed for it, and how far it is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::closing::Ended;
use super::exchange::Exchange;
use super::fanout::Asked;
use super::plan::{AuctionPlan, Notes, PostTerms, TakenNotes};
use super::sell::Purpose;
pub use super::stop::Stop;
use super::store_time::StoreTime;
use crate::decide::rank::{Standing, rank};
use crate::domain::auction::{Account, HoldId, LeadView, RankEntry};
use crate::domain::bid::{Bid, Lost, NoBid};
use crate::domain::campaign::Price;
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::BidId;
use crate::domain::lead::{Lead, Warning};
use crate::domain::money::Money;
use crate::domain::ping::AnonymizedPing;
use crate::domain::record::{
    BidRecord, CandidateRecord, CandidateVerdict, Opened, Part, PingRecord, PingResult, Ranked,
    RoundResult,
};
use crate::domain::slug::CampaignId;
use crate::domain::time::plus_ms;
use crate::eligibility::{Considered, Eligibility, consider};
use crate::faults::planted;
use crate::ping::redact::redact;
use crate::ports::auction_store::{Create, Decide, Effect, Hold};
use crate::registry::snapshot::{CompiledCampaign, Snapshot};
use crate::settle::caps::charges;
use crate::vault::lead_day;

/// A campaign that may buy the lead, with what it may see before.
#[derive(Clone)]
pub struct Invited {
    /// The campaign.
    pub campaign: Arc<CompiledCampaign>,
    /// What its ping shows; `None` for a fixed price.
    pub ping: Option<Arc<AnonymizedPing>>,
    /// Ends ties.
    pub tie_key: u64,
}

impl Invited {
    /// The standing of this campaign at `price`.
    #[must_use]
    pub fn standing(&self, price: Money) -> Standing {
        Standing {
            tier: 1,
            effective_price: price,
            tie_key: self.tie_key,
            campaign: self.campaign.id.clone(),
        }
    }
}

/// One auction being run.
pub struct Run {
    /// The lead.
    pub lead: Lead,
    /// What was fixed when it came in.
    pub plan: AuctionPlan,
    /// The registry it runs on.
    pub snapshot: Arc<Snapshot>,
    /// Who may buy it.
    pub invited: Vec<Invited>,
    /// The fence under which it is ours.
    pub fence: u64,
    /// The lead as the store last told.
    pub view: Option<Arc<LeadView>>,
    /// What the store's clock says, once it was heard.
    pub(super) store_time: Option<StoreTime>,
    /// By when the auction must be over.
    pub deadline: Instant,
    /// Time spent waiting for buyers.
    pub waited: Duration,
    /// Time in which an offer waited for the vendor.
    pub paused: Duration,
    /// What the vendor's post took, for a lead that was offered.
    pub taken: Option<TakenNotes>,
    /// Parts of the decision record that go with the next write.
    pub parts: Vec<Part>,
    /// The round being or last run, from 1.
    pub round: u16,
    /// What else settles with the next write.
    pub pending_effects: Vec<Effect>,
    /// The ranking to be decided.
    pub(super) pending_rank: Vec<RankEntry>,
    /// Bids below the floor, in the form of a ranking.
    pub(super) low_bids: Vec<RankEntry>,
    /// Whether somebody had no room when its turn came.
    pub has_no_room: bool,
    /// Whether somebody's turn was passed over to spare its endpoint.
    pub has_spared_post: bool,
    /// When an unknown post of it must be looked at again.
    pub due_at: Option<Timestamp>,
    /// How it ended, for what is counted.
    pub ended: Option<Ended>,
}

/// A bid with its standing, while it is ranked.
struct Contender {
    invited: usize,
    bid: Bid,
    bid_id: BidId,
    standing: Standing,
    valid_until: Timestamp,
}

impl Run {
    /// Begins with a lead that just came in.
    pub(super) fn new(
        exchange: &Exchange,
        lead: Lead,
        warnings: Vec<Warning>,
        purpose: Purpose,
    ) -> Self {
        let snapshot = exchange.snapshot();
        let price_floor =
            snapshot.floor_price(&lead.vendor, &lead.vertical, lead.floor).unwrap_or(Money::MAX);
        let price_floor = if planted("floor_forgotten") { Money::ZERO } else { price_floor };
        let auction_ms = i64::try_from(exchange.limits.auction_ms).unwrap_or(i64::MAX);
        let duplicate = exchange.duplicate_of(&snapshot, &lead);
        let plan = AuctionPlan {
            vertical: lead.vertical.clone(),
            margin: snapshot.margin_for(&lead.vendor, &lead.vertical),
            price_floor,
            currency: snapshot.currency.clone(),
            received_at: lead.received_at,
            deadline: plus_ms(lead.received_at, auction_ms),
            pinged: 0,
            invited: Vec::new(),
            test: lead.test,
            warnings,
            duplicate,
            is_ping: purpose == Purpose::Offer,
        };
        Self::with_plan(exchange, lead, plan, snapshot)
    }

    /// Goes on with a lead that was taken in before.
    pub(super) fn with_plan(
        exchange: &Exchange,
        lead: Lead,
        plan: AuctionPlan,
        snapshot: Arc<Snapshot>,
    ) -> Self {
        Self {
            deadline: exchange.instant_of(plan.deadline),
            lead,
            plan,
            snapshot,
            invited: Vec::new(),
            fence: 0,
            view: None,
            store_time: None,
            waited: Duration::ZERO,
            paused: Duration::ZERO,
            taken: None,
            parts: Vec::new(),
            pending_effects: Vec::new(),
            round: 0,
            pending_rank: Vec::new(),
            low_bids: Vec::new(),
            has_no_room: false,
            has_spared_post: false,
            due_at: None,
            ended: None,
        }
    }

    /// Makes the lead ours, as of this time of the store.
    pub(super) fn own(&mut self, now: Timestamp, view: Arc<LeadView>, fence: u64) {
        self.store_time = Some(StoreTime::heard(now));
        self.fence = fence;
        self.round = view.rounds;
        self.view = Some(view);
    }

    /// Takes the lead as the store told it last.
    pub(super) fn refresh(&mut self, view: Option<Arc<LeadView>>) -> Result<(), Stop> {
        let missing = || Stop::Bug("the store lost a lead".to_owned());
        self.view = Some(view.ok_or_else(missing)?);
        Ok(())
    }

    /// The lead as the store told it last.
    pub(super) fn view(&self) -> Result<&Arc<LeadView>, Stop> {
        self.view.as_ref().ok_or_else(|| Stop::Bug("a lead was used before it was ours".to_owned()))
    }

    /// Finds who may buy the lead; gives the refusal if there is one. Writes the first part of the
    /// decision record.
    pub(super) fn consider(
        &mut self,
        exchange: &Exchange,
        is_consent_missing: bool,
    ) -> Option<(Disposition, Reason)> {
        let candidates = if is_consent_missing { Vec::new() } else { self.invite(exchange) };
        self.count_pinged();
        self.plan.invited =
            self.invited.iter().map(|invited| invited.campaign.id.clone()).collect();
        self.parts.push(Part::Opened(Opened {
            lead_id: self.lead.id,
            vendor_id: self.lead.vendor.clone(),
            vertical: self.lead.vertical.clone(),
            registry_version: self.snapshot.version,
            floor: self.plan.price_floor,
            test: self.lead.test,
            received_at: self.lead.received_at,
            candidates,
        }));
        if is_consent_missing {
            Some((Disposition::Refused, Reason::ConsentMissing))
        } else if self.invited.is_empty() {
            Some((Disposition::Unsold, Reason::NoEligibleBuyer))
        } else {
            None
        }
    }

    /// Fills `invited` for a lead that was taken in before: of those it was planned for, all that
    /// are still eligible and were not posted to. A post to the same campaign would have the same
    /// id, and may only ever have the same bytes.
    pub(super) fn invite_again(&mut self, exchange: &Exchange) {
        self.invite(exchange);
        let seats = self.view.as_ref().map_or(&[][..], |view| &view.seats);
        let attempts = seats.iter().flat_map(|seat| &seat.attempts);
        let planned = &self.plan.invited;
        self.invited.retain(|Invited { campaign, .. }| {
            planned.contains(&campaign.id)
                && !attempts.clone().any(|attempt| attempt.campaign == campaign.id)
        });
    }

    /// Counts who is pinged.
    pub(super) fn count_pinged(&mut self) {
        let pinged = self.invited.iter().filter(|invited| invited.ping.is_some());
        self.plan.pinged = u32::try_from(pinged.count()).unwrap_or(u32::MAX);
    }

    /// Fills `invited`, and tells of every campaign of the vertical what was decided about it.
    fn invite(&mut self, exchange: &Exchange) -> Vec<CandidateRecord> {
        let today = self.lead.received_at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        // Test leads are out of caps and money.
        let no_room = if self.lead.test { BTreeMap::new() } else { exchange.no_room.now() };
        let considered = consider(&self.lead, &self.snapshot, today, &no_room);
        let mut pings: BTreeMap<Vec<String>, Arc<AnonymizedPing>> = BTreeMap::new();
        let mut records = Vec::with_capacity(considered.len());
        self.invited.clear();
        for Considered { campaign, verdict } in considered {
            let rule = match verdict {
                Eligibility::Eligible => None,
                Eligibility::Excluded { rule } => Some(rule),
            };
            let is_pinged = matches!(campaign.campaign.price, Price::Bid { .. });
            let ping = (rule.is_none() && is_pinged).then(|| {
                let disclosures = &campaign.campaign.disclosures;
                let make = || Arc::new(self.redacted(disclosures, today));
                Arc::clone(pings.entry(disclosures.clone()).or_insert_with(make))
            });
            records.push(candidate_record(&campaign, rule.clone(), ping.as_deref()));
            if rule.is_none() {
                let tie_key = exchange.vault.tie_key(self.lead.id, &campaign.id);
                self.invited.push(Invited { campaign, ping, tie_key });
            }
        }
        records
    }

    /// What a ping of the campaign shows of the lead.
    pub(super) fn ping_of(&self, campaign: &CompiledCampaign) -> Arc<AnonymizedPing> {
        let invited = self.invited.iter().find(|invited| invited.campaign.id == campaign.id);
        if let Some(ping) = invited.and_then(|invited| invited.ping.as_ref()) {
            return Arc::clone(ping);
        }
        let today = self.lead.received_at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        Arc::new(self.redacted(&campaign.campaign.disclosures, today))
    }

    fn redacted(&self, disclosures: &[String], today: jiff::civil::Date) -> AnonymizedPing {
        match self.snapshot.verticals.get(&self.lead.vertical) {
            Some(vertical) => redact(&self.lead, vertical.vertical(), disclosures, today),
            None => AnonymizedPing::default(),
        }
    }

    /// The arguments of trip 1.
    pub(super) fn create(
        &mut self,
        exchange: &Exchange,
        (key_digest, key_ttl_ms): ([u8; 32], u64),
        fingerprint: [u8; 32],
        refusal: Option<(Disposition, Reason)>,
    ) -> Result<Create, Stop> {
        let closing = refusal
            .map(|(disposition, reason)| exchange.closing(self, disposition, Some(reason), &[]));
        let sealed = match closing {
            Some(_) => bytes::Bytes::new(),
            None => exchange.vault.seal_whole_lead(&self.lead, lead_day(self.lead.id))?.into(),
        };
        Ok(Create {
            key_digest,
            key_ttl_ms,
            lead_id: self.lead.id,
            vendor: self.lead.vendor.clone(),
            fingerprint,
            sealed,
            plan: self.plan.to_bytes(),
            registry_version: self.snapshot.version,
            seats: 1,
            node: exchange.node,
            lease_ms: exchange.limits.lease_ms,
            closing,
            effects: self.take_parts(),
        })
    }

    /// Ranks what the round brought; gives the first candidate, or `None` if nobody may win.
    pub(super) fn rank(&mut self, asked: Asked) -> Option<RankEntry> {
        self.round += 1;
        self.waited += asked.waited;
        let mut contenders = Vec::new();
        for (index, answer) in asked.answers.iter().enumerate() {
            for (place, bid) in answer.bids.iter().flatten().enumerate() {
                let standing = self.invited[index].standing(bid.price);
                let valid_until = answer.holds_until(place, asked.bids_valid_until);
                contenders.push(Contender {
                    invited: index,
                    bid: bid.clone(),
                    bid_id: answer.bid_id,
                    standing,
                    valid_until,
                });
            }
        }
        let ranking = rank(contenders, self.plan.price_floor, |contender| &contender.standing);
        let low = ranking.below_floor.iter().map(|contender| self.rank_entry(contender, &asked));
        let low: Vec<_> = low.collect();
        self.low_bids.extend(low);
        self.record_round(&asked, &ranking.ranked, &ranking.below_floor);
        self.pending_rank =
            ranking.ranked.iter().map(|contender| self.rank_entry(contender, &asked)).collect();
        self.pending_rank.first().cloned()
    }

    fn rank_entry(&self, contender: &Contender, asked: &Asked) -> RankEntry {
        let campaign = &self.invited[contender.invited].campaign;
        let legal_name = contender.bid.legal_name.as_deref();
        let terms = PostTerms {
            ping_id: asked.answers[contender.invited].ping_id,
            reference: contender.bid.reference.clone(),
            seats: contender.bid.seats,
            legal_name: contender.bid.legal_name.clone(),
            phone_number: contender.bid.phone_number.clone(),
            by_call: campaign.is_for_calls(),
            round: self.round,
        };
        RankEntry {
            campaign: campaign.id.clone(),
            buyer: campaign.buyer_id.clone(),
            legal_entity: legal_name.unwrap_or(campaign.buyer.legal_entity()).to_owned(),
            bid_id: contender.bid_id,
            price: contender.bid.price,
            valid_until: contender.valid_until,
            terms: terms.to_bytes(),
        }
    }

    fn record_round(&mut self, asked: &Asked, ranked: &[Contender], low: &[Contender]) {
        // Places run on over rounds, as the ranking does.
        let ranked_before = self.view.as_ref().map_or(0, |view| view.rank.len());
        let results = asked.answers.iter().enumerate().map(|(index, answer)| {
            let place = ranked.iter().position(|contender| contender.invited == index);
            let below = low.iter().find(|contender| contender.invited == index);
            let shown = place.map(|place| &ranked[place]).or(below);
            let no_bid = match &answer.bids {
                Ok(_) if place.is_none() => Some(NoBid::BelowFloor),
                Ok(_) => None,
                Err(reason) => Some(*reason),
            };
            let lost_reason = if place.is_some() {
                None
            } else if below.is_some() {
                Some(Lost::BelowFloor)
            } else {
                answer.is_cut_off.then_some(Lost::ClosedEarly)
            };
            RoundResult {
                campaign_id: self.invited[index].campaign.id.clone(),
                ping: answer.ping_id.map(|ping_id| PingRecord {
                    ping_id,
                    result: if no_bid.is_none() { PingResult::Bid } else { PingResult::NoBid },
                    reason: no_bid,
                    detail: answer.detail.map(str::to_owned),
                    words: answer.words.as_ref().and_then(|words| self.without_person(words)),
                    http_status: answer.http_status,
                    elapsed_ms: answer.elapsed_ms,
                }),
                bid: shown.map(|contender| BidRecord {
                    bid_id: contender.bid_id,
                    price: contender.bid.price,
                    effective_price: contender.standing.effective_price,
                    seats: contender.bid.seats,
                    phone_number: contender.bid.phone_number.clone(),
                }),
                rank: place.map(|place| (ranked_before + place + 1) as u16),
                lost_reason,
            }
        });
        let ranked = Ranked { round: self.round, results: results.collect() };
        self.parts.push(Part::Ranked(ranked));
    }

    /// Why nobody may win.
    pub(super) fn reason_without_rank(&self) -> Reason {
        if !self.low_bids.is_empty() { Reason::NoBidAboveFloor } else { Reason::NoBid }
    }

    /// The arguments of `decide`.
    pub(super) fn decide(&mut self) -> Decide {
        Decide {
            lead_id: self.lead.id,
            fence: self.fence,
            round: self.round,
            rank: std::mem::take(&mut self.pending_rank),
            effects: self.take_parts(),
        }
    }

    /// The name of the hold for a candidate of the only seat.
    pub(super) fn hold_id(&self, campaign: &CampaignId) -> HoldId {
        HoldId { lead_id: self.lead.id, seat: 1, campaign: campaign.clone() }
    }

    /// The hold that a candidate needs; caps are those of the registry the auction runs on, their
    /// windows those of `now`.
    pub(super) fn hold_of(&self, entry: &RankEntry, now: Timestamp) -> Hold {
        let campaign = self.snapshot.campaigns.get(&entry.campaign);
        let caps = campaign.map_or_else(Vec::new, |campaign| {
            let zone = &campaign.buyer.time_zone;
            charges(&campaign.id, &campaign.campaign.caps, zone, entry.price, now)
        });
        Hold {
            account: Account::Buyer(entry.buyer.clone()),
            hold: self.hold_id(&entry.campaign),
            amount: entry.price,
            credit_limit: campaign
                .filter(|_| !planted("credit_limit_forgotten"))
                .and_then(|campaign| campaign.buyer.credit_limit),
            caps: caps.into_iter().map(super::cascade::charge_of).collect(),
        }
    }

    /// What goes into the outbox with the next write: pending effects, then the parts so far.
    pub(super) fn take_parts(&mut self) -> Vec<Effect> {
        let mut effects = std::mem::take(&mut self.pending_effects);
        effects.extend(self.parts.drain(..).map(|part| Effect::Record(part_bytes(&part))));
        effects
    }
}

/// The form in which a part of the decision record travels.
pub(super) fn part_bytes(part: &Part) -> bytes::Bytes {
    serde_json::to_vec(part).expect("parts are texts and numbers and always serialize").into()
}

fn candidate_record(
    campaign: &CompiledCampaign,
    rule: Option<String>,
    ping: Option<&AnonymizedPing>,
) -> CandidateRecord {
    let verdict = match (&rule, ping) {
        (Some(_), _) => CandidateVerdict::Excluded,
        (None, Some(_)) => CandidateVerdict::Pinged,
        (None, None) => CandidateVerdict::FixedPrice,
    };
    CandidateRecord {
        campaign_id: campaign.id.clone(),
        buyer_id: campaign.buyer_id.clone(),
        tier: 1,
        verdict,
        rule,
        fields_sent: ping.map(|ping| ping.fields_sent.clone()).unwrap_or_default(),
        disclosed: ping.map(|ping| ping.disclosed.clone()).unwrap_or_default(),
        lost_reason: None,
        rank: None,
        ping: None,
        bid: None,
    }
}
