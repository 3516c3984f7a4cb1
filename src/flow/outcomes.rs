//! Outcomes: what a buyer reports of a lead it bought becomes a fact of the auction, and through
//! the outbox an event to the vendor.

use jiff::Timestamp;

use super::exchange::{Exchange, FlowError};
use crate::domain::ids::{LeadId, OutcomeId};
use crate::domain::outcome::{Outcome, OutcomeDetails, OutcomeType};
use crate::domain::record::{AuctionRecord, Fact, Part, PostRecord, PostResult};
use crate::domain::slug::BuyerId;
use crate::ports::auction_store::Effect;

/// The most outcomes one buyer reports of one lead. A lead takes facts of others, too, and each
/// outcome is told to the vendor.
pub const OUTCOMES_PER_BUYER_MAX: usize = 50;

/// What a buyer reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeReport {
    /// What happened.
    pub outcome_type: OutcomeType,
    /// When.
    pub occurred_at: Timestamp,
    /// More.
    pub data: OutcomeDetails,
    /// Names the report.
    pub idempotency_key: String,
}

/// Reply to a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeReply {
    /// It is kept.
    Kept {
        /// Its id.
        outcome_id: OutcomeId,
        /// Whether it was kept before.
        is_replay: bool,
    },
    /// The key was used for another report.
    Mismatch,
    /// The lead has not ended yet.
    Open,
    /// The buyer has reported as often as it may, or the lead ended too long ago to take more.
    Over,
    /// There is no such lead, or the buyer does not have it.
    Unknown,
}

impl Exchange {
    /// Takes a buyer's report of a lead it bought, once per idempotency key.
    ///
    /// # Errors
    /// [`FlowError::Store`], [`FlowError::Records`].
    pub async fn report_outcome(
        &self,
        buyer: &BuyerId,
        lead_id: LeadId,
        report: OutcomeReport,
    ) -> Result<OutcomeReply, FlowError> {
        let record = self.auction(None, &lead_id.to_string()).await?;
        let Some(post) = record.as_ref().and_then(|record| post_of(record, buyer)) else {
            return Ok(OutcomeReply::Unknown);
        };
        let digest = self.vault.outcome_digest(lead_id, buyer, &report.idempotency_key);
        let outcome = Outcome {
            outcome_id: OutcomeId::new(digest),
            outcome_type: report.outcome_type,
            occurred_at: report.occurred_at,
            buyer_id: buyer.clone(),
            campaign_id: post.campaign_id.clone(),
            data: report.data,
        };
        if let Some(kept) = record.as_ref().and_then(|record| kept(record, outcome.outcome_id)) {
            return Ok(reply(kept, &outcome, true));
        }
        let reported = record.iter().flat_map(outcomes_of).filter(|known| known.buyer_id == *buyer);
        if reported.count() >= OUTCOMES_PER_BUYER_MAX {
            return Ok(OutcomeReply::Over);
        }
        let fact = Fact {
            kind: "outcome".to_owned(),
            at: self.now(),
            post_id: Some(post.post_id),
            note: None,
            outcome: Some(outcome.clone()),
        };
        let part = super::run::part_bytes(&Part::Fact(fact));
        let effects = vec![Effect::Record(part.clone())];
        let fact_id = outcome.outcome_id.to_string();
        let append = self.store.append(lead_id, fact_id, part, effects);
        let appended = match self.timed("append", append).await {
            Err(crate::ports::auction_store::StoreError::Limit(_)) => {
                return Ok(OutcomeReply::Over);
            }
            appended => appended?,
        };
        if !appended.reply {
            let is_open = appended.lead.is_some();
            return Ok(if is_open { OutcomeReply::Open } else { OutcomeReply::Over });
        }
        self.outbox.mark(lead_id);
        let view = appended.lead;
        // Of two reports under one key that come at once, only one is kept.
        let record = self.auction(None, &lead_id.to_string()).await?;
        let first = record.as_ref().and_then(|record| kept(record, outcome.outcome_id));
        let reply = first.map_or(
            OutcomeReply::Kept { outcome_id: outcome.outcome_id, is_replay: false },
            |first| reply(first, &outcome, false),
        );
        if let (OutcomeReply::Kept { .. }, Some(view)) = (reply, view) {
            self.call_is_over(view, &outcome).await;
        }
        Ok(reply)
    }
}

/// The post by which the buyer has the lead.
fn post_of<'a>(record: &'a AuctionRecord, buyer: &BuyerId) -> Option<&'a PostRecord> {
    let is_sold = |post: &&PostRecord| post.outcome == PostResult::Accepted;
    record.posts.iter().filter(is_sold).find(|post| post.buyer_id == *buyer)
}

/// What buyers have reported of a lead, oldest first.
pub fn outcomes_of(record: &AuctionRecord) -> impl Iterator<Item = &Outcome> {
    record.facts.iter().filter_map(|fact| fact.outcome.as_ref())
}

fn kept(record: &AuctionRecord, id: OutcomeId) -> Option<&Outcome> {
    outcomes_of(record).find(|known| known.outcome_id == id)
}

fn reply(kept: &Outcome, asked: &Outcome, is_replay: bool) -> OutcomeReply {
    if kept == asked {
        OutcomeReply::Kept { outcome_id: kept.outcome_id, is_replay }
    } else {
        OutcomeReply::Mismatch
    }
}
