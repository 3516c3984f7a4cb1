//! What commands print: pure functions from values to lines.

use super::desk::KeyRow;
use super::table::{Table, plain};
use crate::flow::administer::ApplyReport;
use crate::ports::records::{AuctionSummary, DayKeyRow};
use crate::registry::plan::{Plan, PlanAction, PlanChange};

/// What was applied, or would be if `plan_only`: the objects that change, then a line that counts,
/// then each secret that was made, this once.
#[must_use]
pub fn applied(report: &ApplyReport, plan_only: bool) -> String {
    let mut text = plan_lines(&report.plan);
    let summary = report.plan.summary();
    let version = report.version;
    if plan_only && !report.plan.is_empty() {
        text.push_str(&format!("planned on version {version}: {summary}; nothing was changed\n"));
    } else {
        text.push_str(&format!("version {version}: {summary}\n"));
    }
    for shown in &report.secrets {
        text.push_str(&format!("secret {} {}\n", shown.campaign, shown.secret.0.text().as_str()));
    }
    text
}

fn plan_lines(plan: &Plan) -> String {
    let mut table = Table::new("llll");
    let changes = plan.changes.iter();
    let is_told =
        |change: &&PlanChange| change.action != PlanAction::Unchanged || !change.kept.is_empty();
    for change in changes.filter(is_told) {
        let PlanChange { kind, id, action, fields, kept } = change;
        let mut notes = vec![fields.join(", ")];
        if !kept.is_empty() {
            notes.push(format!("(set over the API and kept: {})", kept.join(", ")));
        }
        notes.retain(|note| !note.is_empty());
        table.row([action.as_str().to_owned(), kind.to_string(), id.clone(), notes.join(" ")]);
    }
    let unchanged = plan.count(PlanAction::Unchanged);
    if unchanged > 0 {
        let action = PlanAction::Unchanged.as_str().to_owned();
        table.row([action, format!("{unchanged} objects"), String::new(), String::new()]);
    }
    joined(table)
}

/// A list of keys; their secrets are nowhere to be had.
#[must_use]
pub fn keys(rows: &[KeyRow]) -> String {
    let mut table = Table::new("lllll");
    for key in rows {
        let mut notes = Vec::new();
        for (holds, note) in
            [(key.test, "test"), (key.strict, "strict"), (key.require_signature, "signed")]
        {
            notes.extend(holds.then(|| note.to_owned()));
        }
        notes.extend(key.expires_at.map(|at| format!("ends {at:.0}")));
        notes.extend(key.revoked_at.map(|at| format!("revoked {at:.0}")));
        table.row([
            key.key_id.to_string(),
            key.role.to_string(),
            plain(&key.owner),
            format!("made {:.0}", key.created_at),
            notes.join(", "),
        ]);
    }
    joined(table)
}

/// A list of days and what became of their keys.
#[must_use]
pub fn day_keys(rows: &[DayKeyRow]) -> String {
    let mut table = Table::new("ll");
    for row in rows {
        let standing = if row.wrapped.is_some() { "kept" } else { "destroyed" };
        table.row([row.day.to_string(), standing.to_owned()]);
    }
    joined(table)
}

/// A list of auctions, one a line.
#[must_use]
pub fn auctions(rows: &[AuctionSummary]) -> String {
    let mut table = Table::new("llllrrr");
    for auction in rows {
        let reason = auction.reason.map(|reason| format!(": {}", reason.as_str()));
        let test = if auction.test { " TEST" } else { "" };
        table.row([
            format!("{:.0}", auction.received_at),
            auction.lead_id.auction_id(),
            format!("{} from {}{test}", auction.vertical, auction.vendor_id),
            format!("{}{}", auction.disposition.as_str(), reason.unwrap_or_default()),
            format!("{} pinged, {} bid", auction.pinged, auction.bids),
            format!("payout {}", auction.payout),
            auction.elapsed_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
        ]);
    }
    joined(table)
}

fn joined(table: Table) -> String {
    table.lines().into_iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

#[cfg(test)]
mod tests;
