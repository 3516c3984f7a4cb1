//! Checks on the outbox.

use super::StoreFactory;
use super::fixtures::{PARTITION, Stand, account, closing, hold_id, money, ok, outcome, record};
use crate::domain::disposition::Disposition;
use crate::domain::ids::Partition;
use crate::domain::post::Verdict;
use crate::ports::auction_store::{Effect, Outcome, Recorded};

fn settle() -> Vec<Effect> {
    vec![
        Effect::Capture { account: account(), hold: hold_id(1), amount: money(5) },
        Effect::Void { account: account(), hold: hold_id(2) },
        Effect::FreeDuplicate { digest: [8; 32] },
        record("sold"),
    ]
}

pub(super) async fn effects_wait_until_they_are_acknowledged(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    let accepted = Outcome { effects: settle(), ..outcome(lead_id, 1, 0, Verdict::Accepted) };
    ok(stand.store.outcome(accepted)).await;
    let entries = stand.outbox().await;
    let effects: Vec<Effect> = entries.iter().map(|entry| entry.effect.clone()).collect();
    assert_eq!(effects, [vec![record("received")], settle()].concat());
    assert!(entries.iter().all(|entry| entry.lead_id == lead_id));
    let first_two = ok(stand.store.outbox_read(PARTITION, 0, 2)).await;
    assert_eq!(first_two, entries[..2], "the oldest come first");
    let behind = |after| stand.store.outbox_read(PARTITION, after, 2);
    assert_eq!(ok(behind(entries[0].id)).await, entries[1..3], "a page goes on behind another");
    assert_eq!(ok(behind(entries[3].id)).await, entries[4..]);
    assert_eq!(ok(behind(entries[4].id)).await, []);
    assert_eq!(ok(behind(u64::MAX)).await, []);
    assert_eq!(ok(stand.store.outbox_read(Partition(4), 0, 10)).await, []);
    ok(stand.store.outbox_ack(Partition(4), vec![entries[0].id])).await;
    let done = vec![entries[0].id, entries[2].id, 999_999];
    ok(stand.store.outbox_ack(PARTITION, done.clone())).await;
    ok(stand.store.outbox_ack(PARTITION, done)).await;
    let left = [entries[1].clone(), entries[3].clone(), entries[4].clone()];
    assert_eq!(stand.outbox().await, left);
    let behind_one_that_is_gone = ok(stand.store.outbox_read(PARTITION, entries[0].id, 10)).await;
    assert_eq!(behind_one_that_is_gone, left);
}

pub(super) async fn effects_of_a_verdict_that_does_not_count_are_not_written(
    factory: &dyn StoreFactory,
) {
    let stand = Stand::new(factory).await;
    let lead_id = stand.decided(1, &["beta-tx"]).await;
    stand.post(lead_id, 1, 0, "beta-tx").await;
    let with = |verdict, text: &'static str| Outcome {
        effects: settle(),
        late_record: vec![bytes::Bytes::from_static(text.as_bytes())],
        ..outcome(lead_id, 1, 0, verdict)
    };
    let rejected = ok(stand.store.outcome(with(Verdict::Rejected, "rejected"))).await;
    assert_eq!(rejected.reply, Recorded::Recorded);
    let conflict = ok(stand.store.outcome(with(Verdict::Accepted, "accepted late"))).await;
    assert_eq!(conflict.reply, Recorded::Conflict);
    let stands = ok(stand.store.outcome(with(Verdict::NotSent, "not sent, late"))).await;
    assert_eq!(stands.reply, Recorded::Stands(Verdict::Rejected));
    ok(stand.store.outcome(with(Verdict::NotSent, "not sent, again"))).await;
    let late = vec![record("accepted late"), record("not sent, late")];
    let expected = [vec![record("received")], settle(), late].concat();
    assert_eq!(stand.effects().await, expected);
}

pub(super) async fn a_leads_entries_are_numbered_in_order(factory: &dyn StoreFactory) {
    let stand = Stand::new(factory).await;
    let (first, second) = (stand.create(1).await, stand.create(2).await);
    for lead_id in [first, second] {
        let end = closing(Disposition::Unsold);
        ok(stand.store.finish(lead_id, 1, end, vec![record("end"), record("answer")])).await;
    }
    let fact = bytes::Bytes::from_static(b"fact");
    ok(stand.store.append(first, "fact".to_owned(), fact, vec![record("fact")])).await;
    let entries = stand.outbox().await;
    assert!(entries.is_sorted_by(|one, next| one.id < next.id));
    for (lead_id, expected) in [(first, vec![1, 2, 3, 4]), (second, vec![1, 2, 3])] {
        let of_lead = entries.iter().filter(|entry| entry.lead_id == lead_id);
        assert_eq!(of_lead.map(|entry| entry.sequence).collect::<Vec<_>>(), expected);
    }
}
