//! No question may take longer the more history there is.

use super::sql::{Statement, Value};
use super::*;
use crate::domain::disposition::Disposition;
use crate::domain::ids::Partition;
use crate::records::auctions;

/// Whether SQLite answers a statement by indexes alone, and in the order they give.
async fn uses_indexes(records: &SqlRecords, statement: Statement) {
    let text = format!("EXPLAIN QUERY PLAN {}", statement.text);
    let explain = Statement { text: text.into(), values: statement.values };
    let mut steps = Vec::new();
    for mut row in records.pool.fetch(explain.clone()).await.unwrap() {
        for _ in 0..3 {
            row.integer().unwrap();
        }
        steps.push(row.text().unwrap());
    }
    let tables = ["auction_parts", "auctions", "auction_ids", "ledger"];
    for step in &steps {
        let scanned = tables.iter().any(|table| step.starts_with(&format!("SCAN {table}")));
        assert!(!scanned && !step.contains("TEMP B-TREE"), "{}: {steps:?}", explain.text);
    }
    let searches = steps.iter().filter(|step| step.starts_with("SEARCH")).count();
    assert!(searches > 0, "{}: {steps:?}", explain.text);
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
        uses_indexes(&records, statement).await;
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
                let filter = AuctionFilter { vendor, disposition, after, ..newest };
                uses_indexes(&records, auctions::summaries(&filter, after.map(|_| 5))).await;
            }
        }
    }
}
