//! The money book: the journals of all accounts, line by line, for ever.

use std::collections::BTreeMap;

use super::column;
use super::pool::{Pool, Transaction};
use super::sql::{ManyRows, Row, Statement, Value};
use crate::domain::auction::Account;
use crate::ports::auction_store::JournalEntry;
use crate::ports::records::{BookTotals, CreditNote, LedgerLine, NotedEntry, RecordsError};

const ADD: ManyRows = ManyRows {
    head: "INSERT INTO ledger (account_kind, account_id, sequence, at_us, kind, op_id, amount, \
           is_unheld) VALUES",
    tail: " ON CONFLICT (account_kind, account_id, sequence) DO NOTHING",
};

/// The lines kept under given names. The join finds each by the index; `IN` over the three columns
/// would read the whole book.
pub(super) const KEPT: ManyRows = ManyRows {
    head: "WITH given (account_kind, account_id, sequence) AS (VALUES",
    tail: ") SELECT ledger.account_kind, ledger.account_id, ledger.sequence, at_us, kind, op_id, \
           amount, is_unheld FROM given CROSS JOIN ledger \
           WHERE ledger.account_kind = given.account_kind \
           AND ledger.account_id = given.account_id AND ledger.sequence = given.sequence",
};

pub(super) const LINES: Statement = Statement::new(
    "SELECT sequence, at_us, kind, op_id, amount, is_unheld FROM ledger \
     WHERE account_kind = $1 AND account_id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
);

const NOTE: Statement = Statement::new(
    "INSERT INTO credit_notes (account_kind, account_id, op_id, note, actor) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_kind, account_id, op_id) DO NOTHING",
);

pub(super) const NOTED_LINES: Statement = Statement::new(
    "SELECT sequence, at_us, kind, ledger.op_id, amount, is_unheld, note, actor FROM ledger \
     LEFT JOIN credit_notes ON credit_notes.account_kind = ledger.account_kind \
     AND credit_notes.account_id = ledger.account_id AND credit_notes.op_id = ledger.op_id \
     AND ledger.kind IN ('deposit', 'adjustment') \
     WHERE ledger.account_kind = $1 AND ledger.account_id = $2 AND sequence > $3 \
     ORDER BY sequence LIMIT $4",
);

const TOTALS: Statement = Statement::new(
    "SELECT \
     CAST(COALESCE(SUM(CASE WHEN account_kind = 'buyer' AND kind = 'capture' \
     THEN -amount ELSE 0 END), 0) AS BIGINT), \
     CAST(COALESCE(SUM(CASE WHEN account_kind = 'vendor' AND kind = 'payout' \
     THEN amount ELSE 0 END), 0) AS BIGINT) \
     FROM ledger",
);

/// What names a line: the kind of its account, the account, the sequence.
type LineKey = (&'static str, String, i64);

pub(super) async fn add(pool: &Pool, lines: Vec<LedgerLine>) -> Result<(), RecordsError> {
    let mut rows: BTreeMap<LineKey, Vec<Value>> = BTreeMap::new();
    for line in lines {
        let (kind, id) = account_columns(&line.account);
        let key: LineKey = (kind, id.to_owned(), column::counter(line.entry.sequence)?);
        let values = line_values(&key, line.entry);
        match rows.get(&key) {
            Some(known) if *known != values => return Err(differs(&key)),
            _ => drop(rows.insert(key, values)),
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut transaction = pool.write(&[]).await?;
    let added = transaction.run_all(ADD.statements(rows.values().cloned().collect())).await?;
    if added < rows.len() as u64 {
        compare(&mut transaction, &rows).await?;
    }
    transaction.commit().await
}

/// Refuses lines that say otherwise than those kept: taking them for repeats would lose money.
async fn compare(
    transaction: &mut Transaction,
    rows: &BTreeMap<LineKey, Vec<Value>>,
) -> Result<(), RecordsError> {
    let keys = rows.keys().map(|(kind, id, sequence)| {
        vec![Value::from(*kind), Value::from(id.as_str()), Value::from(*sequence)]
    });
    let mut kept = 0;
    for statement in KEPT.statements(keys.collect()) {
        for mut row in transaction.fetch(statement).await? {
            let (kind, id) = (row.text()?, row.text()?);
            let entry = entry(row)?;
            let kind = if kind == BUYER { BUYER } else { VENDOR };
            let key: LineKey = (kind, id, column::counter(entry.sequence)?);
            if rows.get(&key).is_none_or(|given| *given != line_values(&key, entry)) {
                return Err(differs(&key));
            }
            kept += 1;
        }
    }
    debug_assert_eq!(kept, rows.len(), "every line is there after it was added");
    Ok(())
}

fn differs((kind, id, sequence): &LineKey) -> RecordsError {
    RecordsError::Corrupt(format!(
        "line {sequence} of {kind} {id} differs from the one in the book"
    ))
}

pub(super) async fn lines(
    pool: &Pool,
    account: Account,
    after_sequence: u64,
    limit: usize,
) -> Result<Vec<JournalEntry>, RecordsError> {
    let (kind, id) = account_columns(&account);
    let after = i64::try_from(after_sequence).unwrap_or(i64::MAX);
    let statement = LINES.bind(kind).bind(id).bind(after).bind(column::limit(limit));
    pool.fetch(statement).await?.into_iter().map(entry).collect()
}

pub(super) async fn note(pool: &Pool, note: CreditNote) -> Result<(), RecordsError> {
    let CreditNote { account, op_id, note, actor } = note;
    let (kind, id) = account_columns(&account);
    let statement = NOTE.bind(kind).bind(id).bind(op_id).bind(note.as_deref()).bind(actor);
    let mut transaction = pool.write(&[]).await?;
    transaction.run(statement).await?;
    transaction.commit().await
}

pub(super) async fn noted_lines(
    pool: &Pool,
    account: Account,
    after_sequence: u64,
    limit: usize,
) -> Result<Vec<NotedEntry>, RecordsError> {
    let (kind, id) = account_columns(&account);
    let after = i64::try_from(after_sequence).unwrap_or(i64::MAX);
    let statement = NOTED_LINES.bind(kind).bind(id).bind(after).bind(column::limit(limit));
    let noted = |mut row: Row| {
        let entry = entry_of(&mut row)?;
        Ok(NotedEntry { entry, note: row.optional_text()?, actor: row.optional_text()? })
    };
    pool.fetch(statement).await?.into_iter().map(noted).collect()
}

pub(super) async fn totals(pool: &Pool) -> Result<BookTotals, RecordsError> {
    let rows = pool.fetch(TOTALS).await?;
    let Some(mut row) = rows.into_iter().next() else { return Ok(BookTotals::default()) };
    Ok(BookTotals { buyer_debits: row.integer()?, vendor_payouts: row.integer()? })
}

const BUYER: &str = "buyer";
const VENDOR: &str = "vendor";

fn account_columns(account: &Account) -> (&'static str, &str) {
    match account {
        Account::Buyer(buyer) => (BUYER, buyer.as_str()),
        Account::Vendor(vendor) => (VENDOR, vendor.as_str()),
    }
}

fn line_values((account_kind, account_id, sequence): &LineKey, entry: JournalEntry) -> Vec<Value> {
    vec![
        (*account_kind).into(),
        account_id.as_str().into(),
        (*sequence).into(),
        column::us(entry.at).into(),
        entry.kind.into(),
        entry.op_id.into(),
        entry.amount.ten_thousandths().into(),
        entry.is_unheld.into(),
    ]
}

fn entry(mut row: Row) -> Result<JournalEntry, RecordsError> {
    entry_of(&mut row)
}

fn entry_of(row: &mut Row) -> Result<JournalEntry, RecordsError> {
    Ok(JournalEntry {
        sequence: column::count(row.integer()?)?,
        at: column::instant(row.integer()?)?,
        kind: row.text()?,
        op_id: row.text()?,
        amount: column::money(row.integer()?)?,
        is_unheld: row.flag()?,
    })
}
