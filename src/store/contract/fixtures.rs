//! Arguments the checks start from.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::StoreFactory;
use crate::domain::auction::{Account, Closing, HoldId, LeadView, RankEntry, StoredAnswer};
use crate::domain::disposition::Disposition;
use crate::domain::ids::{BidId, LeadId, Partition, PostId};
use crate::domain::money::Money;
use crate::domain::post::Verdict;
use crate::domain::slug::{BuyerId, CampaignId, VendorId};
use crate::domain::time::plus_ms;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{
    CapCharge, Create, Created, Decide, Decided, Effect, Fenced, Hold, Intended, Intent, LeadReply,
    NodeId, OutboxEntry, Outcome, Recorded, StoreError, StoreFuture,
};

/// How long owners in the checks hold a lease, in milliseconds.
pub(super) const LEASE_MS: u64 = 10_000;
/// The node most checks run on.
pub(super) const NODE: NodeId = NodeId(1);
/// Another node.
pub(super) const OTHER_NODE: NodeId = NodeId(2);
/// The partition of all leads here.
pub(super) const PARTITION: Partition = Partition(3);

/// A store under check, with the factory that made it.
pub(super) struct Stand<'a> {
    pub(super) factory: &'a dyn StoreFactory,
    pub(super) store: Arc<dyn AuctionStore>,
    /// The store's time when the check began.
    pub(super) began: Timestamp,
}

/// What an operation gave; a store that fails here fails the check.
pub(super) async fn ok<T>(reply: StoreFuture<'_, T>) -> T {
    reply.await.expect("the store answers")
}

/// That an operation was refused because of its arguments.
pub(super) async fn refused<T: std::fmt::Debug>(reply: StoreFuture<'_, T>) {
    let error = reply.await.expect_err("the store refuses the arguments");
    assert!(matches!(error, StoreError::Limit(_)), "{error}");
}

/// The lead of a reply.
pub(super) fn lead_of<T>(reply: &LeadReply<T>) -> Arc<LeadView> {
    Arc::clone(reply.lead.as_ref().expect("the reply shows the lead"))
}

impl<'a> Stand<'a> {
    pub(super) async fn new(factory: &'a dyn StoreFactory) -> Self {
        let store = factory.fresh().await;
        let began = ok(store.read(LeadId::new(PARTITION, 0))).await.now;
        Self { factory, store, began }
    }

    /// The same data after a crash.
    pub(super) async fn restart(self) -> Self {
        let store = self.factory.restart(self.store).await;
        Self { factory: self.factory, store, began: self.began }
    }

    /// The id of the check's `number`th lead.
    pub(super) fn lead_id(&self, number: u8) -> LeadId {
        let minted = u128::try_from(self.began.as_millisecond()).expect("after 1970");
        LeadId::new(PARTITION, minted << 80 | 7 << 76 | u128::from(number))
    }

    /// Arguments that take the `number`th lead in, with two seats.
    pub(super) fn create_arguments(&self, number: u8) -> Create {
        Create {
            key_digest: [number; 32],
            key_ttl_ms: 600_000,
            lead_id: self.lead_id(number),
            vendor: vendor("acme"),
            fingerprint: [number ^ 0xff; 32],
            sealed: Bytes::from(vec![number; 100]),
            plan: Bytes::from_static(b"plan"),
            registry_version: 7,
            seats: 2,
            node: NODE,
            lease_ms: LEASE_MS,
            closing: None,
            effects: vec![record("received")],
        }
    }

    /// Takes the `number`th lead in.
    pub(super) async fn create(&self, number: u8) -> LeadId {
        let reply = ok(self.store.create(self.create_arguments(number))).await;
        assert_eq!(reply.reply, Created::Created { fence: 1 });
        self.lead_id(number)
    }

    /// Takes the `number`th lead in and ranks `campaigns` for it, in that order.
    pub(super) async fn decided(&self, number: u8, campaigns: &[&str]) -> LeadId {
        let lead_id = self.create(number).await;
        let rank = campaigns.iter().map(|campaign| self.entry(campaign)).collect();
        let decide = Decide { lead_id, fence: 1, round: 1, rank, effects: Vec::new() };
        let reply = ok(self.store.decide(decide)).await;
        assert_eq!(reply.reply, Fenced::Ok(Decided::Decided));
        lead_id
    }

    /// A candidate: `buyer-anything` is a campaign of `buyer`, whose legal entity is its first
    /// letter.
    pub(super) fn entry(&self, campaign: &str) -> RankEntry {
        let buyer = campaign.split('-').next().unwrap_or(campaign);
        RankEntry {
            campaign: campaign_id(campaign),
            buyer: buyer_id(buyer),
            legal_entity: buyer.chars().take(1).collect(),
            bid_id: BidId::new(9),
            price: money(250_000),
            valid_until: plus_ms(self.began, 60_000),
            terms: Bytes::from_static(b"terms"),
        }
    }

    /// Writes an intent under fence 1 and expects it to be granted.
    pub(super) async fn post(&self, lead_id: LeadId, seat: u8, k: u16, campaign: &str) {
        let reply = ok(self.store.intent(intent(lead_id, seat, k, campaign))).await;
        assert_eq!(reply.reply, Fenced::Ok(Intended::Ok));
    }

    /// Writes a verdict without anything beside it.
    pub(super) async fn verdict(
        &self,
        lead_id: LeadId,
        seat: u8,
        k: u16,
        verdict: Verdict,
    ) -> Recorded {
        ok(self.store.outcome(outcome(lead_id, seat, k, verdict))).await.reply
    }

    /// The lead as it stands.
    pub(super) async fn read(&self, lead_id: LeadId) -> Arc<LeadView> {
        lead_of(&ok(self.store.read(lead_id)).await)
    }

    /// What waits in the outbox.
    pub(super) async fn outbox(&self) -> Vec<OutboxEntry> {
        ok(self.store.outbox_read(PARTITION, 0, 1_000)).await
    }

    /// The effects that wait in the outbox.
    pub(super) async fn effects(&self) -> Vec<Effect> {
        self.outbox().await.into_iter().map(|entry| entry.effect).collect()
    }

    /// Leads that are due.
    pub(super) async fn due(&self) -> Vec<LeadId> {
        let due = ok(self.store.due(PARTITION, 1_000)).await;
        due.into_iter().map(|due| due.lead_id).collect()
    }
}

pub(super) fn vendor(slug: &str) -> VendorId {
    VendorId::parse(slug).expect("a slug")
}

pub(super) fn buyer_id(slug: &str) -> BuyerId {
    BuyerId::parse(slug).expect("a slug")
}

pub(super) fn campaign_id(slug: &str) -> CampaignId {
    CampaignId::parse(slug).expect("a slug")
}

/// The account the money checks use.
pub(super) fn account() -> Account {
    Account::Buyer(buyer_id("beta"))
}

pub(super) fn money(ten_thousandths: i64) -> Money {
    Money::from_ten_thousandths(ten_thousandths).expect("an amount")
}

pub(super) fn record(text: &'static str) -> Effect {
    Effect::Record(Bytes::from_static(text.as_bytes()))
}

pub(super) fn closing(disposition: Disposition) -> Closing {
    let body = Bytes::from(format!("{{\"disposition\":\"{}\"}}", disposition.as_str()));
    Closing { disposition, answer: StoredAnswer { status: 200, body } }
}

/// The post of a lead's seat to a campaign.
pub(super) fn post_id(lead_id: LeadId, seat: u8, campaign: &str) -> PostId {
    let text = campaign.bytes().fold(u128::from(seat), |sum, byte| sum * 257 + u128::from(byte));
    PostId::new(PARTITION, text ^ (lead_id.bits() << 64))
}

pub(super) fn intent(lead_id: LeadId, seat: u8, k: u16, campaign: &str) -> Intent {
    Intent {
        lead_id,
        fence: 1,
        seat,
        k,
        campaign: campaign_id(campaign),
        post_id: post_id(lead_id, seat, campaign),
        sealed_post: Bytes::from_static(b"sealed post"),
        lease_ms: LEASE_MS,
    }
}

pub(super) fn outcome(lead_id: LeadId, seat: u8, k: u16, verdict: Verdict) -> Outcome {
    Outcome {
        lead_id,
        seat,
        k,
        verdict,
        fence: None,
        due_at: None,
        closing: None,
        effects: Vec::new(),
        late_record: Vec::new(),
    }
}

/// A hold of the check's account: `number` names the lead.
pub(super) fn hold_id(number: u8) -> HoldId {
    let lead_id = LeadId::new(PARTITION, u128::from(number) + (1 << 80));
    HoldId { lead_id, seat: 1, campaign: campaign_id("beta-tx") }
}

/// A hold of `amount` ten-thousandths under a credit limit of zero, charging no cap.
pub(super) fn hold(number: u8, amount: i64) -> Hold {
    Hold {
        account: account(),
        hold: hold_id(number),
        amount: money(amount),
        credit_limit: Some(Money::ZERO),
        caps: Vec::new(),
    }
}

/// A cap of `limit` leads.
pub(super) fn cap(counter: &str, limit: i64) -> CapCharge {
    CapCharge {
        rule: "cap:day".to_owned(),
        counter: counter.to_owned(),
        limit,
        add: 1,
        ends_at: None,
    }
}
