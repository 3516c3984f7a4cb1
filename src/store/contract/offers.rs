//! Checks on offers: a ranked lead that waits for the vendor.

use bytes::Bytes;

use super::StoreFactory;
use super::fixtures::{
    LEASE_MS, NODE, OTHER_NODE, Stand, closing, intent, lead_of, ok, record, refused,
};
use crate::domain::auction::LeadState;
use crate::domain::disposition::Disposition;
use crate::domain::ids::LeadId;
use crate::domain::time::plus_ms;
use crate::ports::auction_store::{
    Claimed, Decide, Decided, Expired, Fenced, Intended, Offer, Take, Taken,
};

const OFFER_MS: u64 = 60_000;

fn offer(stand: &Stand<'_>, lead_id: LeadId) -> Offer {
    Offer {
        lead_id,
        fence: 1,
        rank: vec![stand.entry("beta-tx"), stand.entry("gamma-tx")],
        offers: Bytes::from_static(b"offers"),
        expires_at: plus_ms(stand.began, OFFER_MS.cast_signed()),
        effects: vec![record("offered")],
    }
}

async fn offered(stand: &Stand<'_>, number: u8) -> LeadId {
    let lead_id = stand.create(number).await;
    let reply = ok(stand.store.offer(offer(stand, lead_id))).await;
    assert_eq!(reply.reply, Fenced::Ok(Decided::Decided));
    lead_id
}

fn take(lead_id: LeadId) -> Take {
    Take {
        lead_id,
        fingerprint: [4; 32],
        sealed: Bytes::from_static(b"sealed with contact"),
        offer_ids: Bytes::from_static(b"off_1"),
        node: OTHER_NODE,
        lease_ms: LEASE_MS,
        effects: vec![record("taken")],
    }
}

pub(super) async fn an_offered_lead_waits_without_an_owner(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = offered(&stand, 1).await;
    let lead = stand.read(lead_id).await;
    let expires_at = plus_ms(stand.began, OFFER_MS.cast_signed());
    assert_eq!(lead.state, LeadState::Offered { expires_at });
    assert_eq!(lead.offers, Bytes::from_static(b"offers"));
    let again = ok(stand.store.offer(offer(&stand, lead_id))).await;
    assert_eq!(again.reply, Fenced::Ok(Decided::Decided), "our own repeat");
    let mut other = offer(&stand, lead_id);
    other.rank.reverse();
    assert_eq!(ok(stand.store.offer(other)).await.reply, Fenced::Ok(Decided::Already));
    factory.advance(LEASE_MS).await;
    assert_eq!(stand.due().await, [], "nobody needs to look before the offer ends");
    let claim = ok(stand.store.claim(lead_id, NODE, LEASE_MS)).await;
    assert_eq!(claim.reply, Claimed::Held);
    assert_eq!(ok(stand.store.renew(lead_id, 1, LEASE_MS)).await.reply, Fenced::Fenced);
    let post = ok(stand.store.intent(intent(lead_id, 1, 0, "beta-tx"))).await;
    assert_eq!(post.reply, Fenced::Ok(Intended::Stale), "the vendor has not posted");
    let end = stand.store.finish(lead_id, 1, closing(Disposition::Unsold), Vec::new());
    assert_eq!(ok(end).await.reply, Fenced::Fenced, "an offer binds");
    assert_eq!(stand.read(lead_id).await, lead);
    assert_eq!(stand.effects().await, [record("received"), record("offered")]);
}

pub(super) async fn an_offer_is_taken_once(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = offered(&stand, 1).await;
    let reply = ok(stand.store.take(take(lead_id))).await;
    assert_eq!(reply.reply, Taken::Taken { fence: 2 });
    let lead = lead_of(&reply);
    assert_eq!((lead.state, lead.fence), (LeadState::Decided, 2));
    assert_eq!(lead.taken, Bytes::from_static(b"off_1"));
    assert_eq!(lead.lease_until, plus_ms(reply.now, LEASE_MS.cast_signed()));
    let sealed = ok(stand.store.sealed_lead(lead_id)).await;
    assert_eq!(sealed, Some(Bytes::from_static(b"sealed with contact")));
    let again = ok(stand.store.take(take(lead_id))).await;
    assert_eq!(again.reply, Taken::Taken { fence: 2 }, "our own repeat");
    let retry = Take { sealed: Bytes::from_static(b"sealed anew"), ..take(lead_id) };
    assert_eq!(ok(stand.store.take(retry)).await.reply, Taken::Same, "the vendor's repeat");
    let other = Take { fingerprint: [5; 32], ..take(lead_id) };
    assert_eq!(ok(stand.store.take(other)).await.reply, Taken::Mismatch);
    let kept = ok(stand.store.sealed_lead(lead_id)).await;
    assert_eq!(kept, sealed, "the first one stays");
    let effects = [record("received"), record("offered"), record("taken")];
    assert_eq!(stand.effects().await, effects, "once, whoever comes again");
    let mut post = intent(lead_id, 1, 0, "beta-tx");
    assert_eq!(ok(stand.store.intent(post.clone())).await.reply, Fenced::Fenced, "the old owner");
    post.fence = 2;
    assert_eq!(ok(stand.store.intent(post)).await.reply, Fenced::Ok(Intended::Ok));
}

pub(super) async fn an_offer_ends_by_the_stores_time(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = offered(&stand, 1).await;
    let expire = || {
        let end = closing(Disposition::Expired);
        stand.store.expire_offer(lead_id, end, vec![record("expired")])
    };
    refused(stand.store.expire_offer(lead_id, closing(Disposition::Unsold), Vec::new())).await;
    factory.advance(OFFER_MS - 1_000).await;
    assert_eq!(ok(expire()).await.reply, Expired::TooEarly);
    factory.advance(1_000).await;
    assert_eq!(stand.due().await, [lead_id]);
    assert_eq!(ok(stand.store.take(take(lead_id))).await.reply, Taken::Expired);
    assert_eq!(ok(expire()).await.reply, Expired::Closed);
    assert_eq!(ok(expire()).await.reply, Expired::Closed, "a repeat");
    let lead = stand.read(lead_id).await;
    assert_eq!(lead.closing, Some(closing(Disposition::Expired)));
    assert_eq!(ok(stand.store.take(take(lead_id))).await.reply, Taken::Expired);
    let effects = [record("received"), record("offered"), record("expired")];
    assert_eq!(stand.effects().await, effects);
}

pub(super) async fn a_taken_offer_does_not_expire(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = offered(&stand, 1).await;
    ok(stand.store.take(take(lead_id))).await;
    factory.advance(OFFER_MS).await;
    let expired = stand.store.expire_offer(lead_id, closing(Disposition::Expired), Vec::new());
    assert_eq!(ok(expired).await.reply, Expired::Taken);
    assert_eq!(stand.read(lead_id).await.state, LeadState::Decided);
}

pub(super) async fn nothing_but_an_offer_can_be_taken(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let missing = ok(stand.store.take(take(stand.lead_id(9)))).await;
    assert_eq!((missing.reply, missing.lead), (Taken::Missing, None));
    let lead_id = stand.decided(1, &["beta-tx"]).await;
    assert_eq!(ok(stand.store.take(take(lead_id))).await.reply, Taken::Missing);
    let late = ok(stand.store.offer(offer(&stand, lead_id))).await;
    assert_eq!(late.reply, Fenced::Ok(Decided::Already), "it was ranked for good");
    let waiting = offered(&stand, 2).await;
    let rank = vec![stand.entry("delta-tx")];
    let again = Decide { lead_id: waiting, fence: 1, round: 1, rank, effects: Vec::new() };
    assert_eq!(ok(stand.store.decide(again)).await.reply, Fenced::Ok(Decided::Already));
}
