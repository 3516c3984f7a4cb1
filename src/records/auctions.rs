//! Decision records: their parts as they came, each auction in short, and the ids that lead to
//! them.
//!
//! A summary is worked out anew from all parts of its auction whenever some are added, in the same
//! transaction. It is never counted up, so repeats and disorder cannot make it wrong.

use std::collections::{BTreeMap, BTreeSet};

use super::column;
use super::pool::{Pool, Transaction, Turn};
use super::sql::{ManyRows, Row, Statement, Value};
use crate::domain::ids::{BidId, LeadId, PingId, PostId};
use crate::domain::money::Money;
use crate::domain::record::{AuctionRecord, Part, SeatMoney};
use crate::ports::records::{AuctionFilter, AuctionSummary, LeadParts, RecordPart, RecordsError};

const ADD_PARTS: ManyRows = ManyRows {
    head: "INSERT INTO auction_parts (lead_id, sequence, part) VALUES",
    tail: " ON CONFLICT (lead_id, sequence) DO NOTHING",
};

const ADD_IDS: ManyRows = ManyRows {
    head: "INSERT INTO auction_ids (id, lead_id) VALUES",
    tail: " ON CONFLICT (id) DO NOTHING",
};

pub(super) const PARTS: Statement = Statement::new(
    "SELECT lead_id, sequence, part FROM auction_parts WHERE lead_id = $1 ORDER BY sequence",
);

pub(super) const PARTS_OF_MANY: ManyRows = ManyRows {
    head: "SELECT lead_id, sequence, part FROM auction_parts WHERE lead_id IN (VALUES",
    tail: ") ORDER BY lead_id, sequence",
};

const SET_SUMMARIES: ManyRows = ManyRows {
    head: "INSERT INTO auctions (lead_id, vendor_id, vertical, registry_version, disposition, \
           reason, is_test, received_at_us, closed_at_us, elapsed_ms, pinged, bids, seats_sold, \
           price, margin, payout) VALUES",
    tail: " ON CONFLICT (lead_id) DO UPDATE SET disposition = excluded.disposition, \
           reason = excluded.reason, closed_at_us = excluded.closed_at_us, \
           elapsed_ms = excluded.elapsed_ms, pinged = excluded.pinged, bids = excluded.bids, \
           seats_sold = excluded.seats_sold, price = excluded.price, margin = excluded.margin, \
           payout = excluded.payout",
};

const SUMMARIES_SINCE: Statement = Statement::new(
    "SELECT lead_id, vendor_id, vertical, disposition, reason, is_test, received_at_us, \
     closed_at_us, elapsed_ms, pinged, bids, price, margin, payout \
     FROM auctions WHERE received_at_us >= $1",
);

pub(super) const RECEIVED_AT: Statement =
    Statement::new("SELECT received_at_us FROM auctions WHERE lead_id = $1");

/// As [`RECEIVED_AT`], of a vendor's own: where a list goes on must not tell of another's leads.
const RECEIVED_AT_OF: Statement =
    Statement::new("SELECT received_at_us FROM auctions WHERE lead_id = $1 AND vendor_id = $2");

pub(super) const LEAD_OF_ID: Statement = Statement::new(
    "SELECT auction_ids.lead_id FROM auction_ids \
     JOIN auctions ON auctions.lead_id = auction_ids.lead_id WHERE auction_ids.id = $1",
);

pub(super) async fn add(pool: &Pool, parts: Vec<RecordPart>) -> Result<(), RecordsError> {
    let mut rows = Vec::with_capacity(parts.len());
    let mut ids = Vec::new();
    let mut leads = BTreeSet::new();
    for given in parts {
        let RecordPart { lead_id, sequence, part } = given;
        let text = String::from_utf8(part).map_err(|_| unreadable(lead_id, sequence.into()))?;
        let part = read_part(lead_id, sequence.into(), &text)?;
        let id_of_lead = lead_id.to_string();
        ids.extend(ids_of(&part).map(|id| vec![id.into(), id_of_lead.as_str().into()]));
        rows.push(vec![id_of_lead.into(), i64::from(sequence).into(), text.into()]);
        leads.insert(lead_id);
    }
    if rows.is_empty() {
        return Ok(());
    }
    let turns: Vec<Turn> = leads.iter().map(|lead_id| Turn::Parts(lead_id.partition())).collect();
    let mut transaction = pool.write(&turns).await?;
    if transaction.run_all(ADD_PARTS.statements(rows)).await? > 0 {
        transaction.run_all(ADD_IDS.statements(ids)).await?;
        summarize(&mut transaction, &leads).await?;
    }
    transaction.commit().await
}

/// Works out the summaries of `leads` from all their parts; none where the first is missing.
async fn summarize(
    transaction: &mut Transaction,
    leads: &BTreeSet<LeadId>,
) -> Result<(), RecordsError> {
    let leads = leads.iter().map(|lead_id| vec![lead_id.to_string().into()]).collect();
    let mut parts: BTreeMap<LeadId, Vec<Part>> = BTreeMap::new();
    for statement in PARTS_OF_MANY.statements(leads) {
        for row in transaction.fetch(statement).await? {
            let (lead_id, part) = kept_part(row)?;
            parts.entry(lead_id).or_default().push(part);
        }
    }
    let records = parts.into_values().filter_map(AuctionRecord::assemble);
    let summaries = records.map(summary_values).collect::<Result<_, _>>()?;
    transaction.run_all(SET_SUMMARIES.statements(summaries)).await?;
    Ok(())
}

pub(super) async fn read(
    pool: &Pool,
    lead_id: LeadId,
) -> Result<Option<AuctionRecord>, RecordsError> {
    let rows = pool.fetch(PARTS.bind(lead_id.to_string())).await?;
    let parts = rows.into_iter().map(|row| Ok(kept_part(row)?.1));
    Ok(AuctionRecord::assemble(parts.collect::<Result<Vec<_>, RecordsError>>()?))
}

pub(super) async fn parts_of(
    pool: &Pool,
    leads: Vec<LeadId>,
) -> Result<Vec<LeadParts>, RecordsError> {
    let leads = leads.iter().map(|lead_id| vec![lead_id.to_string().into()]).collect();
    let mut parts: BTreeMap<LeadId, Vec<(u32, Part)>> = BTreeMap::new();
    for statement in PARTS_OF_MANY.statements(leads) {
        for mut row in pool.fetch(statement).await? {
            let lead_id = column::lead_id(&row.text()?)?;
            let sequence: u32 = column::count(row.integer()?)?;
            let part = read_part(lead_id, sequence.into(), &row.text()?)?;
            parts.entry(lead_id).or_default().push((sequence, part));
        }
    }
    Ok(parts.into_iter().collect())
}

pub(super) async fn find(pool: &Pool, id: String) -> Result<Option<LeadId>, RecordsError> {
    if let Some(lead_id) = LeadId::parse_any(&id) {
        let known = pool.fetch(RECEIVED_AT.bind(lead_id.to_string())).await?;
        return Ok(if known.is_empty() { None } else { Some(lead_id) });
    }
    let is_indexed =
        PingId::parse(&id).is_ok() || BidId::parse(&id).is_ok() || PostId::parse(&id).is_ok();
    if !is_indexed {
        return Ok(None);
    }
    let rows = pool.fetch(LEAD_OF_ID.bind(id)).await?;
    rows.into_iter().next().map(|mut row| column::lead_id(&row.text()?)).transpose()
}

pub(super) async fn list(
    pool: &Pool,
    filter: AuctionFilter,
) -> Result<Vec<AuctionSummary>, RecordsError> {
    let received_us = match filter.after {
        None => None,
        Some(after) => {
            let received = match &filter.vendor {
                None => RECEIVED_AT.bind(after.to_string()),
                Some(vendor) => RECEIVED_AT_OF.bind(after.to_string()).bind(vendor.as_str()),
            };
            match pool.fetch(received).await?.pop() {
                None => return Ok(Vec::new()),
                Some(mut row) => Some(row.integer()?),
            }
        }
    };
    pool.fetch(summaries(&filter, received_us)).await?.into_iter().map(summary).collect()
}

/// The list of a filter whose `after`, if any, was received at `received_us`.
pub(super) fn summaries(filter: &AuctionFilter, received_us: Option<i64>) -> Statement {
    let mut statement = SUMMARIES_SINCE.bind(filter.since.map_or(i64::MIN, column::us));
    if let Some(vendor) = &filter.vendor {
        statement.push(" AND vendor_id = $", vendor.as_str());
    }
    if let Some(disposition) = filter.disposition {
        statement.push(" AND disposition = $", disposition.as_str());
    }
    if let Some(vertical) = &filter.vertical {
        statement.push(" AND vertical = $", vertical.as_str());
    }
    if let (Some(after), Some(received_us)) = (filter.after, received_us) {
        statement.push(" AND (received_at_us, lead_id) < ($", received_us);
        statement.push(", $)", after.to_string());
    }
    let limit = column::limit(filter.limit);
    statement.push(" ORDER BY received_at_us DESC, lead_id DESC LIMIT $", limit);
    statement
}

fn kept_part(mut row: Row) -> Result<(LeadId, Part), RecordsError> {
    let lead_id = column::lead_id(&row.text()?)?;
    let sequence = row.integer()?;
    Ok((lead_id, read_part(lead_id, sequence, &row.text()?)?))
}

fn read_part(lead_id: LeadId, sequence: i64, text: &str) -> Result<Part, RecordsError> {
    serde_json::from_str(text).map_err(|_| unreadable(lead_id, sequence))
}

/// Names the part and nothing that stands in it.
fn unreadable(lead_id: LeadId, sequence: i64) -> RecordsError {
    RecordsError::Corrupt(format!("part {sequence} of {lead_id} cannot be read"))
}

/// Ids in a part that do not carry their lead's bits.
fn ids_of(part: &Part) -> impl Iterator<Item = String> {
    let results = match part {
        Part::Ranked(ranked) => ranked.results.as_slice(),
        _ => &[],
    };
    let post = match part {
        Part::Posted(post) => Some(post.post_id.to_string()),
        _ => None,
    };
    let pings = results.iter().filter_map(|result| result.ping.as_ref());
    let bids = results.iter().filter_map(|result| result.bid.as_ref());
    let pings = pings.map(|ping| ping.ping_id.to_string());
    pings.chain(bids.map(|bid| bid.bid_id.to_string())).chain(post)
}

fn summary_values(record: AuctionRecord) -> Result<Vec<Value>, RecordsError> {
    let pinged = record.candidates.iter().filter(|candidate| candidate.ping.is_some()).count();
    let bids = record.candidates.iter().filter(|candidate| candidate.bid.is_some()).count();
    let total = |of: fn(&SeatMoney) -> Money| -> i64 {
        record.money.iter().map(|seat| of(seat).ten_thousandths()).sum()
    };
    Ok(vec![
        record.lead_id.to_string().into(),
        record.vendor_id.as_str().into(),
        record.vertical.as_str().into(),
        record.registry_version.into(),
        record.disposition.as_str().into(),
        record.reason.map(|reason| reason.as_str()).into(),
        record.test.into(),
        column::us(record.received_at).into(),
        record.closed_at.map(column::us).into(),
        record.elapsed_ms.into(),
        column::counter(pinged as u64)?.into(),
        column::counter(bids as u64)?.into(),
        column::counter(record.money.len() as u64)?.into(),
        total(|seat| seat.price).into(),
        total(|seat| seat.margin).into(),
        total(|seat| seat.payout).into(),
    ])
}

fn summary(mut row: Row) -> Result<AuctionSummary, RecordsError> {
    Ok(AuctionSummary {
        lead_id: column::lead_id(&row.text()?)?,
        vendor_id: column::slug(&row.text()?)?,
        vertical: column::slug(&row.text()?)?,
        disposition: column::variant(&row.text()?)?,
        reason: row.optional_text()?.as_deref().map(column::variant).transpose()?,
        test: row.flag()?,
        received_at: column::instant(row.integer()?)?,
        closed_at: column::optional_instant(row.optional_integer()?)?,
        elapsed_ms: row.optional_integer()?,
        pinged: column::count(row.integer()?)?,
        bids: column::count(row.integer()?)?,
        price: column::money(row.integer()?)?,
        margin: column::money(row.integer()?)?,
        payout: column::money(row.integer()?)?,
    })
}
