use super::sample::money;
use super::*;
use crate::domain::money::Money;

fn buyer() -> Account {
    Account::Buyer("acme".parse().unwrap())
}

/// A vendor with the same slug as the buyer: two accounts.
fn vendor() -> Account {
    Account::Vendor("acme".parse().unwrap())
}

fn entry(sequence: u64, kind: &str, amount: Money) -> JournalEntry {
    JournalEntry {
        sequence,
        at: at("2026-11-23T14:00:00.123456Z"),
        kind: kind.to_owned(),
        op_id: format!("{kind}-{sequence}"),
        amount,
        is_unheld: sequence == 3,
    }
}

fn minus(text: &str) -> Money {
    Money::ZERO.checked_sub(money(text)).unwrap()
}

fn buyer_entries() -> Vec<JournalEntry> {
    vec![
        entry(1, "deposit", money("100")),
        entry(2, "capture", minus("24.5")),
        entry(3, "capture", minus("12.0001")),
        entry(4, "return", money("12.0001")),
    ]
}

fn vendor_entries() -> Vec<JournalEntry> {
    vec![entry(1, "payout", money("22")), entry(2, "payout", money("10.5"))]
}

fn lines() -> Vec<LedgerLine> {
    let of = |account: Account, entries: Vec<JournalEntry>| {
        entries.into_iter().map(move |entry| LedgerLine { account: account.clone(), entry })
    };
    of(buyer(), buyer_entries()).chain(of(vendor(), vendor_entries())).collect()
}

#[tokio::test]
async fn an_account_reads_as_its_journal_was() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        records.add_ledger(lines()).await.unwrap();
        assert_eq!(records.ledger(buyer(), 0, 100).await, Ok(buyer_entries()));
        assert_eq!(records.ledger(vendor(), 0, 100).await, Ok(vendor_entries()));
        assert_eq!(records.ledger(buyer(), 1, 2).await, Ok(buyer_entries()[1..3].to_vec()));
        assert_eq!(records.ledger(buyer(), u64::MAX, 2).await, Ok(vec![]));
        let nobody = Account::Buyer("nobody".parse().unwrap());
        assert_eq!(records.ledger(nobody, 0, 100).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn totals_are_what_was_captured_and_what_was_paid_out() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        assert_eq!(records.book_totals().await, Ok(BookTotals::default()));
        records.add_ledger(lines()).await.unwrap();
        let expected = BookTotals { buyer_debits: 365_001, vendor_payouts: 325_000 };
        assert_eq!(records.book_totals().await, Ok(expected));
    }
}

#[tokio::test]
async fn the_same_lines_again_in_any_order_count_once() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let mut reversed = lines();
        reversed.reverse();
        records.add_ledger(reversed[..2].to_vec()).await.unwrap();
        records.add_ledger([reversed.clone(), lines()].concat()).await.unwrap();
        records.add_ledger(lines()).await.unwrap();
        records.add_ledger(vec![]).await.unwrap();
        assert_eq!(records.ledger(buyer(), 0, 100).await, Ok(buyer_entries()));
        let expected = BookTotals { buyer_debits: 365_001, vendor_payouts: 325_000 };
        assert_eq!(records.book_totals().await, Ok(expected));
    }
}

#[tokio::test]
async fn a_line_that_says_otherwise_is_refused_with_its_whole_batch() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        records.add_ledger(lines()).await.unwrap();
        let new = LedgerLine { account: buyer(), entry: entry(5, "deposit", money("1")) };
        let text = "line 2 of buyer acme differs from the one in the book";
        let check = async |change: fn(&mut JournalEntry)| {
            let mut other = entry(2, "capture", minus("24.5"));
            change(&mut other);
            let line = LedgerLine { account: buyer(), entry: other };
            is_corrupt(records.add_ledger(vec![line.clone(), new.clone()]).await, text);
            is_corrupt(records.add_ledger(vec![lines()[1].clone(), line]).await, text);
        };
        check(|entry| entry.amount = money("24.5")).await;
        check(|entry| entry.op_id = "another".to_owned()).await;
        check(|entry| entry.kind = "return".to_owned()).await;
        check(|entry| entry.is_unheld = true).await;
        check(|entry| entry.at = at("2026-11-23T14:00:00.123457Z")).await;
        assert_eq!(records.ledger(buyer(), 0, 100).await, Ok(buyer_entries()));
    }
}

#[tokio::test]
async fn times_finer_than_a_microsecond_are_still_the_same_line() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let mut fine = entry(1, "deposit", money("1"));
        fine.at = at("2026-11-23T14:00:00.123456789Z");
        let line = LedgerLine { account: buyer(), entry: fine };
        records.add_ledger(vec![line.clone()]).await.unwrap();
        records.add_ledger(vec![line]).await.unwrap();
        let kept = vec![entry(1, "deposit", money("1"))];
        assert_eq!(records.ledger(buyer(), 0, 100).await, Ok(kept));
    }
}
