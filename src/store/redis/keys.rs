//! The names of keys. The braces are the hash tag: everything between them decides the slot, so a
//! partition's keys are together, and so are an account's.

use crate::domain::auction::{Account, HoldId};
use crate::domain::ids::{LeadId, Partition, PostId};
use jiff::tz::TimeZone;

/// The marks of the installation.
pub(super) const INSTALL: &str = "x:{install}";
/// Every account that ever had a journal.
pub(super) const ACCOUNTS: &str = "a:{accounts}";

fn of_partition(partition: Partition, rest: &str) -> String {
    format!("x:{{p{:04}}}:{rest}", partition.0)
}

/// An idempotency key.
pub(super) fn idempotency(partition: Partition, digest: &[u8; 32]) -> String {
    of_partition(partition, &format!("K:{}", hex(digest)))
}

/// A lead. Ends with the id's text.
pub(super) fn lead(lead_id: LeadId) -> String {
    of_partition(lead_id.partition(), &format!("L:{lead_id}"))
}

/// A lead's sealed parts: the lead itself, and its posts by seat and candidate.
pub(super) fn sealed(lead_id: LeadId) -> String {
    of_partition(lead_id.partition(), &format!("pii:{lead_id}"))
}

/// Which lead, seat and candidate a post belongs to.
pub(super) fn post(post_id: PostId) -> String {
    of_partition(post_id.partition(), &format!("post:{post_id}"))
}

/// Leads by the time somebody must look at them.
pub(super) fn due(partition: Partition) -> String {
    of_partition(partition, "due")
}

/// The mark of a partition, by which a master of a cluster is known to have its data.
pub(super) fn mark(partition: Partition) -> String {
    of_partition(partition, "mark")
}

/// The outbox.
pub(super) fn outbox(partition: Partition) -> String {
    of_partition(partition, "ob")
}

/// A duplicate claim.
pub(super) fn duplicate(digest: &[u8; 32]) -> String {
    format!("d:{{{}}}", hex(digest))
}

/// An account as the index of accounts names it: `buyer:beta`.
pub(super) fn account_text(account: &Account) -> String {
    match account {
        Account::Buyer(buyer) => format!("buyer:{buyer}"),
        Account::Vendor(vendor) => format!("vendor:{vendor}"),
    }
}

/// The account of a text made by [`account_text`].
pub(super) fn parse_account(text: &str) -> Option<Account> {
    match text.split_once(':')? {
        ("buyer", slug) => Some(Account::Buyer(slug.parse().ok()?)),
        ("vendor", slug) => Some(Account::Vendor(slug.parse().ok()?)),
        _ => None,
    }
}

/// A key of an account: `acct`, `caps`, `open`, `age`, `ends`, `jrn`.
pub(super) fn account(account: &Account, part: &str) -> String {
    format!("a:{{{}}}:{part}", account_text(account))
}

/// How the holds of leads minted on one day ended.
pub(super) fn ended_holds(of: &Account, hold: &HoldId) -> String {
    let minted = jiff::Timestamp::from_millisecond(hold.lead_id.minted_ms()).unwrap_or_default();
    let day = TimeZone::UTC.to_datetime(minted).date();
    account(of, &format!("holds:{}", day.strftime("%Y%m%d")))
}

/// A credit's operation.
pub(super) fn operation(of: &Account, op_id: &str) -> String {
    account(of, &format!("op:{op_id}"))
}

/// A hold: `lead_..:1:acme-tx`, as journals name it.
pub(super) fn hold_text(hold: &HoldId) -> String {
    format!("{}:{}:{}", hold.lead_id, hold.seat, hold.campaign)
}

/// The hold of a text made by [`hold_text`].
pub(super) fn parse_hold(text: &str) -> Option<HoldId> {
    let mut parts = text.splitn(3, ':');
    let lead_id = LeadId::parse(parts.next()?).ok()?;
    let seat = parts.next()?.parse().ok()?;
    Some(HoldId { lead_id, seat, campaign: parts.next()?.parse().ok()? })
}

/// Bytes as small hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}
