//! Rankings: the first one of each round holds for ever.

use jiff::Timestamp;

use super::lead::Lead;
use super::rows::{self, RankRow};
use super::{Result, State, owns, reply};
use crate::domain::auction::{LeadState, RankEntry};
use crate::ports::auction_store::{Decide, Decided, Fenced, LeadReply, Offer, StoreError};
use crate::store::embedded::engine::Table;
use crate::store::limits;

impl State {
    /// Sets a round's ranking.
    pub(in super::super) fn decide(
        &mut self,
        now: Timestamp,
        decide: Decide,
    ) -> Result<LeadReply<Fenced<Decided>>> {
        limits::effects(&decide.effects)?;
        let Some(mut lead) = self.lead(decide.lead_id)? else {
            return Ok(reply(now, None, Fenced::Fenced));
        };
        if lead.view.fence != decide.fence {
            return Ok(reply(now, Some(&lead), Fenced::Fenced));
        }
        if (1..=lead.view.rounds).contains(&decide.round) {
            let decided = ranked_before(&lead, decide.round, &decide.rank);
            return Ok(reply(now, Some(&lead), Fenced::Ok(decided)));
        }
        if !owns(&lead, decide.fence) {
            return Ok(reply(now, Some(&lead), Fenced::Fenced));
        }
        if decide.round != lead.view.rounds + 1 {
            let (round, rounds) = (decide.round, lead.view.rounds);
            return Err(StoreError::Limit(format!("round {round} after {rounds} rounds")));
        }
        check_rank(&lead, &decide.rank)?;
        append_round(&mut lead, decide.rank);
        lead.edit().state = LeadState::Decided;
        self.add_effects(&mut lead, decide.effects);
        self.save_rank(&lead);
        self.save(lead.clone());
        Ok(reply(now, Some(&lead), Fenced::Ok(Decided::Decided)))
    }

    /// Sets the ranking and waits for the vendor; the lease ends.
    pub(in super::super) fn offer(
        &mut self,
        now: Timestamp,
        offer: Offer,
    ) -> Result<LeadReply<Fenced<Decided>>> {
        limits::effects(&offer.effects)?;
        limits::opaque("offers", &offer.offers)?;
        let Some(mut lead) = self.lead(offer.lead_id)? else {
            return Ok(reply(now, None, Fenced::Fenced));
        };
        if lead.view.rounds > 0 && offered_like(&lead, &offer) {
            return Ok(reply(now, Some(&lead), Fenced::Ok(Decided::Decided)));
        }
        if lead.view.fence != offer.fence {
            return Ok(reply(now, Some(&lead), Fenced::Fenced));
        }
        if lead.view.rounds > 0 {
            return Ok(reply(now, Some(&lead), Fenced::Ok(Decided::Already)));
        }
        if !owns(&lead, offer.fence) {
            return Ok(reply(now, Some(&lead), Fenced::Fenced));
        }
        check_rank(&lead, &offer.rank)?;
        append_round(&mut lead, offer.rank);
        let view = lead.edit();
        view.state = LeadState::Offered { expires_at: offer.expires_at };
        view.offers = offer.offers;
        view.lease_until = view.lease_until.min(now);
        self.add_effects(&mut lead, offer.effects);
        self.save_rank(&lead);
        self.save(lead.clone());
        Ok(reply(now, Some(&lead), Fenced::Ok(Decided::Decided)))
    }

    fn save_rank(&mut self, lead: &Lead) {
        let row = RankRow { rank: lead.view.rank.clone(), offers: lead.view.offers.clone() };
        self.put(Table::Ranks, rows::lead_key(lead.view.lead_id), &row);
    }
}

fn check_rank(lead: &Lead, rank: &[RankEntry]) -> Result<()> {
    limits::within("ranking", lead.view.rank.len() + rank.len(), limits::RANK_MAX)?;
    for entry in rank {
        limits::opaque("bid terms", &entry.terms)?;
        limits::within("legal entity", entry.legal_entity.len(), limits::TEXT_BYTES_MAX)?;
    }
    Ok(())
}

fn append_round(lead: &mut Lead, rank: Vec<RankEntry>) {
    let start = lead.view.rank.len();
    let start = u32::try_from(start).expect("rankings are bounded by RANK_MAX");
    lead.notes.round_starts.push(start);
    let view = lead.edit();
    view.rank.extend(rank);
    view.rounds += 1;
}

/// The same ranking again is the same decision; any other came too late.
fn ranked_before(lead: &Lead, round: u16, rank: &[RankEntry]) -> Decided {
    if round_of(lead, round) == Some(rank) { Decided::Decided } else { Decided::Already }
}

fn round_of(lead: &Lead, round: u16) -> Option<&[RankEntry]> {
    let index = usize::from(round).checked_sub(1)?;
    let start = *lead.notes.round_starts.get(index)? as usize;
    let end = lead.notes.round_starts.get(index + 1).map(|end| *end as usize);
    lead.view.rank.get(start..end.unwrap_or(lead.view.rank.len()))
}

/// Whether this very offer was written before: by an owner no newer than the lead's, since taking
/// an offer makes a new one.
fn offered_like(lead: &Lead, offer: &Offer) -> bool {
    let expiry_fits = match lead.view.state {
        LeadState::Offered { expires_at } => expires_at == offer.expires_at,
        _ => true,
    };
    offer.fence <= lead.view.fence
        && expiry_fits
        && lead.view.offers == offer.offers
        && round_of(lead, 1) == Some(&offer.rank)
}
