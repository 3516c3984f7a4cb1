//! No question may take longer the more history there is: each is answered by indexes, and lists in the
//! order that an index gives. Whether there is such an index is asked of the planner, with everything
//! else forbidden; with an empty database it would read whole tables otherwise.

use super::*;
use crate::domain::disposition::Disposition;
use crate::domain::ids::{EndpointId, EventId, LeadId};
use crate::ports::records::AuctionFilter;
use crate::ports::records::events::AttemptKey;
use crate::records::{auctions, events, ledger};

const ONLY_INDEXES: [&str; 4] = [
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL enable_bitmapscan = off",
    "SET LOCAL enable_sort = off",
    "SET LOCAL enable_incremental_sort = off",
];

/// How a statement would be carried out.
async fn plan(records: &SqlRecords, asked: Statement) -> String {
    let mut transaction = records.pool.snapshot().await.unwrap();
    for setting in ONLY_INDEXES {
        transaction.run(statement(setting)).await.unwrap();
    }
    let text = format!("EXPLAIN (COSTS OFF) {}", asked.text);
    let explain = Statement { text: text.into(), values: asked.values };
    let rows = transaction.fetch(explain).await.unwrap();
    rows.into_iter().map(|mut row| row.text().unwrap() + "\n").collect()
}

/// Whether a plan reads no whole table and sorts nothing of one.
async fn uses_indexes(records: &SqlRecords, asked: Statement) {
    let text = asked.text.clone();
    let plan = plan(records, asked).await;
    assert!(plan.contains("Index"), "{text}\n{plan}");
    assert!(!plan.contains("Seq Scan"), "{text}\n{plan}");
}

/// As [`uses_indexes`], and nothing is sorted.
async fn comes_in_order(records: &SqlRecords, asked: Statement) {
    let text = asked.text.clone();
    let plan = plan(records, asked).await;
    assert!(plan.contains("Index") && !plan.contains("Sort"), "{text}\n{plan}");
}

#[tokio::test]
async fn history_is_searched_by_indexes() {
    let bench = Bench::postgres().await;
    let records = bench.open().await;
    let line = |sequence: i64| vec![Value::from("buyer"), "acme".into(), sequence.into()];
    let lead = |lead: &str| vec![Value::from(lead)];
    let many = auctions::PARTS_OF_MANY.statements(vec![lead("a"), lead("b")]);
    let kept = ledger::KEPT.statements(vec![line(1), line(2)]);
    let due = events::MAKE_DUE.statements(vec![vec![5.into(), "evt".into()]]);
    let fixed = [auctions::RECEIVED_AT.bind("lead"), auctions::LEAD_OF_ID.bind("id")];
    for asked in many.into_iter().chain(kept).chain(due).chain(fixed) {
        uses_indexes(&records, asked).await;
    }
    comes_in_order(&records, auctions::PARTS.bind("lead")).await;
    comes_in_order(&records, ledger::LINES.bind("buyer").bind("acme").bind(1).bind(10)).await;
}

#[tokio::test]
async fn lists_and_what_is_due_come_in_the_order_of_an_index() {
    let bench = Bench::postgres().await;
    let records = bench.open().await;
    for vendor in [None, Some("acme".parse().unwrap())] {
        for disposition in [None, Some(Disposition::Sold)] {
            for after in [None, Some(LeadId::new(Partition(1), 77))] {
                let newest = AuctionFilter::newest(10);
                let filter = AuctionFilter { vendor: vendor.clone(), disposition, after, ..newest };
                comes_in_order(&records, auctions::summaries(&filter, after.map(|_| 5))).await;
            }
        }
    }
    comes_in_order(&records, events::DUE.bind("ep").bind(false).bind(5).bind(4)).await;
    comes_in_order(&records, events::NEXT_DUE.bind("ep").bind(true)).await;
    let at = jiff::Timestamp::UNIX_EPOCH;
    let after = AttemptKey { at, event_id: EventId::new(1), attempt: 1 };
    for after in [None, Some(after)] {
        // The events beside the attempts are found one by one.
        let asked = events::attempts_of(EndpointId::new(1), 10, after);
        comes_in_order(&records, asked).await;
    }
}

#[tokio::test]
async fn a_list_without_an_index_would_be_noticed() {
    let bench = Bench::postgres().await;
    let records = bench.open().await;
    let asked = statement("SELECT lead_id FROM auctions WHERE reason = 'x' ORDER BY pinged");
    let plan = plan(&records, asked).await;
    assert!(plan.contains("Sort") && plan.contains("Seq Scan"), "{plan}");
}
