//! No question may take longer the more history there is.

use super::sql::{Statement, Value};
use super::*;
use crate::domain::disposition::Disposition;
use crate::domain::ids::Partition;
use crate::records::{auctions, events, registry};

/// Tables, and their names in statements, that grow for ever.
const GROWING: [&str; 11] = [
    "auction_parts",
    "auctions",
    "auction_ids",
    "ledger",
    "events",
    "event_attempts",
    "registry_changes",
    "registry_objects",
    "object",
    "other",
    "secrets",
];

/// Whether SQLite answers a statement by indexes alone, in the order they give, and looks for one
/// of `equals` in them.
async fn uses_indexes(records: &SqlRecords, statement: Statement, equals: &[&str]) {
    let text = format!("EXPLAIN QUERY PLAN {}", statement.text);
    let explain = Statement { text: text.into(), values: statement.values };
    let mut steps = Vec::new();
    for mut row in records.pool.fetch(explain.clone()).await.unwrap() {
        for _ in 0..3 {
            row.integer().unwrap();
        }
        steps.push(row.text().unwrap());
    }
    for step in &steps {
        let scanned = GROWING.iter().any(|table| step.starts_with(&format!("SCAN {table}")));
        assert!(!scanned && !step.contains("TEMP B-TREE"), "{}: {steps:?}", explain.text);
    }
    let searches = |step: &&String| step.starts_with("SEARCH");
    let finds = |step: &String| equals.iter().any(|column| step.contains(&format!("{column}=?")));
    let found = steps.iter().filter(searches).any(finds);
    assert!(found || equals.is_empty(), "{}: {steps:?}", explain.text);
}

#[tokio::test]
async fn history_is_searched_by_indexes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let records = open(folder.path()).await;
    let line = |sequence: i64| vec![Value::from("buyer"), "acme".into(), sequence.into()];
    let lead = |lead: &str| vec![Value::from(lead)];
    let fixed = [auctions::PARTS.bind("lead"), auctions::RECEIVED_AT.bind("lead")];
    let many = auctions::PARTS_OF_MANY.statements(vec![lead("a"), lead("b")]);
    let kept = ledger::KEPT.statements(vec![line(1), line(2)]);
    let lines = ledger::LINES.bind("buyer").bind("acme").bind(1).bind(10);
    let statements = fixed.into_iter().chain(many).chain(kept);
    for statement in statements.chain([lines, auctions::LEAD_OF_ID.bind("id")]) {
        uses_indexes(&records, statement, &["lead_id", "account_id", "id"]).await;
    }
}

#[tokio::test]
async fn the_registry_is_read_without_its_history() {
    let folder = tempfile::tempdir().unwrap();
    let records = open(folder.path()).await;
    for statement in [registry::OBJECTS, registry::OBJECTS_AT.bind(7)] {
        uses_indexes(&records, statement, &["version"]).await;
    }
    uses_indexes(&records, registry::SECRETS.bind(7), &["valid_until_us"]).await;
}

#[tokio::test]
async fn what_is_due_is_found_by_an_index_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let records = open(folder.path()).await;
    let due = events::DUE.bind("ep").bind(false).bind(5).bind(4);
    let next = events::NEXT_DUE.bind("ep").bind(true);
    for statement in [due, next] {
        uses_indexes(&records, statement, &["is_retry"]).await;
    }
    let make_due = events::MAKE_DUE.statements(vec![vec![5.into(), "evt".into()]]).remove(0);
    let make_next_due = events::MAKE_NEXT_DUE.bind(5).bind("ep").bind("lead");
    for statement in [make_due, make_next_due] {
        uses_indexes(&records, statement, &["subject"]).await;
    }
    let held_back = events::HOLD_BACK.bind("evt");
    let later = events::HOLD_BACK_LATER.bind("ep").bind("lead").bind(1);
    for statement in [held_back, later] {
        uses_indexes(&records, statement, &["subject"]).await;
    }
    uses_indexes(&records, events::OLD.bind(5).bind(10), &[]).await;
    uses_indexes(&records, events::OLD_WAITING.bind(5).bind(10).bind("ep"), &["endpoint_id"]).await;
    let after =
        AttemptKey { at: at("2026-11-23T14:00:00Z"), event_id: EventId::new(1), attempt: 1 };
    for after in [None, Some(after)] {
        let attempts = events::attempts_of(EndpointId::new(1), 10, after);
        uses_indexes(&records, attempts, &["endpoint_id"]).await;
    }
}

#[tokio::test]
async fn lists_are_read_from_an_index_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let records = open(folder.path()).await;
    let vendors = [None, Some("acme".parse().unwrap())];
    let leads = [None, Some(LeadId::new(Partition(1), 77))];
    for vendor in vendors {
        for disposition in [None, Some(Disposition::Sold)] {
            for after in leads {
                let vendor = vendor.clone();
                let newest = AuctionFilter::newest(10);
                let by_vendor = vendor.iter().map(|_| "vendor_id");
                let by_disposition = disposition.iter().map(|_| "disposition");
                let equals: Vec<&str> = by_vendor.chain(by_disposition).collect();
                let filter = AuctionFilter { vendor, disposition, after, ..newest };
                let statement = auctions::summaries(&filter, after.map(|_| 5));
                uses_indexes(&records, statement, &equals).await;
            }
        }
    }
}
