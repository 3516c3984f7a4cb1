//! One auction as text for a terminal: who was considered, who bid what and how fast, who got it.
//!
//! It draws a decision record and knows nothing else: no clock, no colours, no terminal. Bars
//! compare elapsed times with each other, so that the buyer everybody waited for is seen at once.

use jiff::Timestamp;

use super::table::{Table, cut, plain};
use crate::domain::bid::Lost;
use crate::domain::disposition::Disposition;
use crate::domain::money::Money;
use crate::domain::offer::PingAndPost;
use crate::domain::record::{
    AuctionRecord, CandidateRecord, CandidateVerdict, Fact, PingResult, PostAttempt, PostRecord,
    PostResult,
};
use crate::domain::time::ms_between;

/// The narrowest drawing, in characters: below it nothing could be told apart.
pub const WIDTH_MIN: usize = 60;

/// The widest drawing, in characters: beyond it the eye loses the line.
pub const WIDTH_MAX: usize = 160;

/// Draws `record` with lines of at most `width` characters, held between [`WIDTH_MIN`] and
/// [`WIDTH_MAX`]. Every line ends with a line feed.
#[must_use]
pub fn timeline(record: &AuctionRecord, width: usize) -> String {
    let width = width.clamp(WIDTH_MIN, WIDTH_MAX);
    let mut text = String::new();
    for line in drawn(record, width) {
        text.push_str(cut(&line, width).trim_end());
        text.push('\n');
    }
    text
}

/// The same with every line as long as it is, for files and pipes.
#[must_use]
pub fn whole_timeline(record: &AuctionRecord) -> String {
    let lines = drawn(record, WIDTH_MAX);
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn drawn(record: &AuctionRecord, width: usize) -> Vec<String> {
    let mut lines = heading(record);
    section(&mut lines, "candidates", candidates(record, width));
    section(&mut lines, "offers", offers(record));
    section(&mut lines, "posts", posts(record));
    section(&mut lines, "money", money(record));
    section(&mut lines, "facts", record.facts.iter().map(fact).collect());
    lines
}

fn section(lines: &mut Vec<String>, title: &str, rows: Vec<String>) {
    if rows.is_empty() {
        return;
    }
    lines.push(String::new());
    lines.push(title.to_owned());
    lines.extend(rows.into_iter().map(|row| format!("  {row}")));
}

fn heading(record: &AuctionRecord) -> Vec<String> {
    let test = if record.test { "  TEST" } else { "" };
    let title = format!("{}  {} from {}{test}", record.id, record.vertical, record.vendor_id);
    let received = format!(
        "received {:.3}, floor {}, registry {}",
        record.received_at, record.floor, record.registry_version
    );
    vec![title, received, result(record)]
}

fn result(record: &AuctionRecord) -> String {
    let mut text = record.disposition.as_str().to_owned();
    if let Some(reason) = record.reason {
        text.push_str(&format!(": {}", reason.as_str()));
    }
    if record.disposition == Disposition::Pending {
        text.push_str(&format!(" ({})", plain(&record.state)));
    }
    if let Some(elapsed_ms) = record.elapsed_ms {
        text.push_str(&format!(" after {elapsed_ms} ms"));
    }
    if let Some(overhead_ms) = record.overhead_ms {
        text.push_str(&format!(", {overhead_ms} ms of it ours"));
    }
    text
}

/// Ranked bids first, then what was asked in vain, then what was not asked.
fn candidates(record: &AuctionRecord, width: usize) -> Vec<String> {
    let mut candidates: Vec<&CandidateRecord> = record.candidates.iter().collect();
    candidates.sort_by_key(|candidate| {
        let rank = candidate.rank.unwrap_or(u16::MAX);
        let is_excluded = candidate.verdict == CandidateVerdict::Excluded;
        (is_excluded, rank, candidate.bid.is_none(), candidate.campaign_id.clone())
    });
    let longest = candidates.iter().filter_map(|candidate| ping_ms(candidate)).max().unwrap_or(0);
    let bar_width = if width < 100 { 12 } else { 24 };
    let mut table = Table::new("rllrlrl");
    for candidate in candidates {
        let bar = ping_ms(candidate).map(|elapsed| bar(elapsed, longest, bar_width));
        table.row([
            candidate.rank.map(|rank| rank.to_string()).unwrap_or_default(),
            format!("{} of {}", candidate.campaign_id, candidate.buyer_id),
            offer(candidate),
            price(candidate),
            bar.unwrap_or_default(),
            ping_ms(candidate).map(|elapsed| format!("{elapsed} ms")).unwrap_or_default(),
            fate(record, candidate),
        ]);
    }
    table.lines()
}

fn ping_ms(candidate: &CandidateRecord) -> Option<i64> {
    candidate.ping.as_ref().map(|ping| ping.elapsed_ms)
}

fn offer(candidate: &CandidateRecord) -> String {
    match (candidate.verdict, &candidate.ping) {
        (CandidateVerdict::Excluded, _) => "excluded",
        (CandidateVerdict::FixedPrice, _) => "fixed",
        (CandidateVerdict::Pinged, Some(ping)) if ping.result == PingResult::Bid => "bid",
        (CandidateVerdict::Pinged, Some(_)) => "no bid",
        (CandidateVerdict::Pinged, None) => "pinged",
        (CandidateVerdict::NotAsked, _) => "not asked",
    }
    .to_owned()
}

fn price(candidate: &CandidateRecord) -> String {
    match &candidate.bid {
        Some(bid) if bid.effective_price != bid.price => {
            format!("{} as {}", bid.price, bid.effective_price)
        }
        Some(bid) => bid.price.to_string(),
        None => String::new(),
    }
}

/// What became of a candidate, and by which rule.
fn fate(record: &AuctionRecord, candidate: &CandidateRecord) -> String {
    let has_it = record.posts.iter().find(|post| {
        post.campaign_id == candidate.campaign_id && post.outcome == PostResult::Accepted
    });
    if let Some(post) = has_it {
        return format!("won seat {}", post.seat);
    }
    let no_bid = candidate.ping.as_ref().and_then(|ping| {
        let status = ping.http_status.map(|status| format!(" {status}")).unwrap_or_default();
        let detail = ping.detail.as_deref().map(|detail| format!(" ({})", plain(detail)));
        let detail = detail.unwrap_or_default();
        ping.reason.map(|reason| format!("{}{status}{detail}", reason.as_str()))
    });
    let lost = candidate.lost_reason.map(lost_text);
    let parts = [no_bid, lost.map(str::to_owned), candidate.rule.as_deref().map(plain)];
    let mut parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.dedup();
    parts.join(", ")
}

const fn lost_text(lost: Lost) -> &'static str {
    match lost {
        Lost::Outbid => "outbid",
        Lost::BelowFloor => "below_floor",
        Lost::ClosedEarly => "closed_early",
        Lost::NoCapacity => "no_capacity",
        Lost::PostRejected => "post_rejected",
        Lost::PostNotSent => "post_not_sent",
        Lost::PostUnknown => "post_unknown",
        Lost::Expired => "expired",
        Lost::NotTaken => "not_taken",
    }
}

/// `elapsed` against `longest` as a bar; never empty, so that a fast answer is seen too.
fn bar(elapsed: i64, longest: i64, width: usize) -> String {
    let share = elapsed.max(0).saturating_mul(width as i64) / longest.max(1);
    let filled = usize::try_from(share).unwrap_or(0).clamp(1, width);
    format!("{}{}", "█".repeat(filled), "░".repeat(width - filled))
}

/// What a vendor's ping was offered, and what its post took.
fn offers(record: &AuctionRecord) -> Vec<String> {
    let Some(PingAndPost { offered, taken }) = &record.offer else { return Vec::new() };
    let offset_ms = |at: Timestamp| ms_between(record.received_at, at);
    let mut table = Table::new("lrll");
    for offer in &offered.offers {
        let is_taken =
            taken.as_ref().is_some_and(|taken| taken.offer_ids.contains(&offer.offer_id));
        table.row([
            offer.campaign_id.to_string(),
            format!("payout {}", offer.payout),
            if is_taken { "taken".to_owned() } else { String::new() },
            offer.offer_id.to_string(),
        ]);
    }
    let mut lines = table.lines();
    let (made_ms, over_ms) = (offset_ms(offered.offered_at), offset_ms(offered.expires_at));
    lines.push(format!("+{made_ms} ms  offered, until +{over_ms} ms"));
    if let Some(taken) = taken {
        let taken_ms = offset_ms(taken.taken_at);
        lines.push(format!("+{taken_ms} ms  taken, others from payout {} on", taken.min_payout));
    }
    lines
}

fn posts(record: &AuctionRecord) -> Vec<String> {
    let mut lines = Vec::new();
    for post in &record.posts {
        lines.push(post_line(post));
        let attempts = post.attempts.iter();
        lines.extend(attempts.map(|attempt| attempt_line(record.received_at, attempt)));
    }
    lines
}

fn post_line(post: &PostRecord) -> String {
    let reason = post.reason.as_deref().map(|reason| format!(": {}", plain(reason)));
    format!(
        "seat {}  {} at {}  {}{}  {}",
        post.seat,
        post.campaign_id,
        post.price,
        outcome_text(post.outcome),
        reason.unwrap_or_default(),
        post.post_id
    )
}

const fn outcome_text(outcome: PostResult) -> &'static str {
    match outcome {
        PostResult::Accepted => "accepted",
        PostResult::Rejected => "rejected",
        PostResult::NotSent => "not_sent",
        PostResult::Unknown => "unknown",
        PostResult::GivenUp => "given_up",
        PostResult::Conflict => "conflict",
    }
}

fn attempt_line(received_at: Timestamp, attempt: &PostAttempt) -> String {
    let status = attempt.http_status.map(|status| format!(" {status}")).unwrap_or_default();
    let offset_ms = ms_between(received_at, attempt.at);
    let result = plain(&attempt.result);
    format!("  +{offset_ms} ms  {result}{status} in {} ms", attempt.elapsed_ms)
}

fn money(record: &AuctionRecord) -> Vec<String> {
    let mut table = Table::new("lrrr");
    let amount = |name: &str, amount: Money| format!("{name} {amount}");
    for seat in &record.money {
        table.row([
            format!("seat {}", seat.seat),
            amount("price", seat.price),
            amount("margin", seat.margin),
            amount("payout", seat.payout),
        ]);
    }
    table.lines()
}

fn fact(fact: &Fact) -> String {
    let post = fact.post_id.map(|post_id| format!("  {post_id}")).unwrap_or_default();
    let note = fact.note.as_deref().map(|note| format!("  {}", plain(note))).unwrap_or_default();
    let outcome = fact.outcome.as_ref().map(|outcome| {
        let name = outcome.outcome_type.event_type().as_str();
        format!("  {name} by {} at {:.0}", outcome.campaign_id, outcome.occurred_at)
    });
    let outcome = outcome.unwrap_or_default();
    format!("{:.3}  {}{outcome}{post}{note}", fact.at, plain(&fact.kind))
}

#[cfg(test)]
mod tests;
