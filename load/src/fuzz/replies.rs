//! Buyers' replies, through the real readers: a bid or a reason, an outcome that the bytes bear out.

use gavel::domain::bid::NoBid;
use gavel::domain::campaign::OnUnmatched;
use gavel::domain::money::Money;
use gavel::domain::post::{PostOutcome, REJECTION_REASONS, StatusAnswer};
use gavel::domain::reply::RawReply;
use gavel::ping::native::{self as ping, BidTerms, LEGAL_NAME_BYTES_MAX, REFERENCE_BYTES_MAX};
use gavel::post::native::{self as post, ANSWER_TEXT_BYTES_MAX};
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

use super::Judged;
use super::mutate::mutate;

/// What may become of a reply.
pub const OUTCOMES: &[&str] = &[
    "ping: bid",
    "ping: no bid",
    "post: accepted",
    "post: rejected",
    "post: not sent",
    "post: unknown",
    "status: accepted",
    "status: rejected",
    "status: not found",
    "status: unclear",
];

/// Valid replies to a ping.
const PING_REPLIES: [&str; 8] = [
    r#"{"bid":{"price":"24.50","currency":"USD","seats":"exclusive","ref":"r-1","legal_name":"A LLC"}}"#,
    r#"{"bid":{"price":24.5,"seats":"shared","max_shared":3}}"#,
    r#"{"bids":[{"price":"12.00"},{"price":"14.0001","ref":"b"},{"price":0.01,"seats":"either"}]}"#,
    r#"{"bid":{"price":"100000.00"}}"#,
    r#"{"bid":null,"reason":"filtered"}"#,
    r#"{"bid":{"price":"5","currency":"EUR"}}"#,
    r#"{ "bid" : { "price" : "0.0001" , "ref" : "\u00e9\ud83d\ude00" } }"#,
    "",
];

/// Valid replies to a post or a status question.
const POST_REPLIES: [&str; 8] = [
    r#"{"result":"accepted","buyer_lead_id":"b-1","redirect_url":"https://buyer.example/next"}"#,
    r#"{"result":"accepted"}"#,
    r#"{"result":"rejected","reason":"duplicate"}"#,
    r#"{"result":"rejected","reason":"capped"}"#,
    r#"{"result":"rejected"}"#,
    r#"{"result":"not_found"}"#,
    r#"{"result":"pending"}"#,
    "<html><body>Bad gateway</body></html>",
];

/// Words of the format.
const NAMES: [&str; 14] = [
    "bid",
    "bids",
    "price",
    "currency",
    "seats",
    "max_shared",
    "ref",
    "legal_name",
    "result",
    "accepted",
    "rejected",
    "not_found",
    "reason",
    "buyer_lead_id",
];

/// Statuses other than the usual one.
const STATUSES: [u16; 16] =
    [201, 204, 301, 307, 400, 404, 408, 409, 422, 425, 429, 500, 502, 503, 100, 999];

/// Reasons that are the readers' own.
const OUR_REASONS: [&str; 11] = [
    "compressed",
    "contradictory",
    "duplicate_of_repeat",
    "http_408",
    "http_425",
    "http_429",
    "http_4xx",
    "http_5xx",
    "malformed",
    "redirect",
    "other",
];

/// Makes a case and judges it.
pub fn judge(random: &mut ChaCha8Rng) -> Judged {
    let is_ping = random.random_bool(0.4);
    let valid: &[&str] = if is_ping { &PING_REPLIES } else { &POST_REPLIES };
    let mut body = valid.choose(random).copied().unwrap_or_default().as_bytes().to_vec();
    // One in eight stays whole: what it means depends on status and headers.
    if random.random_range(0..8) != 0 {
        mutate(&mut body, &NAMES, random);
    }
    let encodings = [None, None, None, None, None, Some("identity"), Some("gzip"), Some("\u{0}br")];
    let other_status = STATUSES.choose(random).copied().unwrap_or(200);
    let reply = RawReply {
        status: if random.random_bool(0.6) { 200 } else { other_status },
        content_encoding: encodings.choose(random).copied().flatten(),
        body: &body,
    };
    match (is_ping, random.random_bool(0.7)) {
        (true, _) => judge_ping(reply, random),
        (false, true) => judge_post(reply, random),
        (false, false) => judge_status(reply),
    }
}

fn judge_ping(reply: RawReply<'_>, random: &mut ChaCha8Rng) -> Judged {
    let amount = |text: &str| Money::parse(text).map_err(|error| error.to_string());
    let bid_max = amount("100000.00")?;
    let max_bid = if random.random() { Some(amount("40.00")?) } else { None };
    let offers_shared = random.random();
    let terms = BidTerms { currency: "USD", max_bid, bid_max, offers_shared };
    let bids = match ping::read(reply, terms) {
        Ok(bids) => bids,
        // The type is a closed list of reasons.
        Err(NoBid::Late | NoBid::Timeout | NoBid::NotSent) => {
            return Err("a reply that came is called one that did not".to_owned());
        }
        Err(_) => return Ok("ping: no bid"),
    };
    let ceiling = max_bid.map_or(bid_max, |max_bid| max_bid.min(bid_max));
    for bid in &bids {
        let is_within = bid.price > Money::ZERO && bid.price <= ceiling;
        let is_short =
            |text: &Option<String>, max| text.as_ref().is_none_or(|text| text.len() <= max);
        let holds = is_within
            && is_short(&bid.reference, REFERENCE_BYTES_MAX)
            && is_short(&bid.legal_name, LEGAL_NAME_BYTES_MAX);
        if !holds || reply.status != 200 {
            return Err(format!("status {}: a bid beyond its bounds: {bid:?}", reply.status));
        }
    }
    if bids.is_empty() { Err("no bid and no reason".to_owned()) } else { Ok("ping: bid") }
}

fn judge_post(reply: RawReply<'_>, random: &mut ChaCha8Rng) -> Judged {
    let is_repeat = random.random();
    let on_unmatched = if random.random() { OnUnmatched::Unknown } else { OnUnmatched::Rejected };
    let outcome = post::read(reply, is_repeat, on_unmatched);
    let (name, reason) = match &outcome {
        PostOutcome::Accepted(acceptance) => {
            let texts = [&acceptance.buyer_lead_id, &acceptance.redirect_url];
            let is_long = |text: &String| text.len() > ANSWER_TEXT_BYTES_MAX;
            if !(200..300).contains(&reply.status) || texts.into_iter().flatten().any(is_long) {
                return Err(format!("status {}: {outcome:?}", reply.status));
            }
            return Ok("post: accepted");
        }
        PostOutcome::Rejected { reason } if is_repeat && reason == "duplicate" => {
            return Err("a duplicate of our own repeat is taken for a refusal".to_owned());
        }
        PostOutcome::Rejected { reason } => ("post: rejected", reason),
        PostOutcome::NotSent { reason } if !matches!(reply.status, 425 | 429) => {
            return Err(format!("a reply of status {} was never sent: {reason}", reply.status));
        }
        PostOutcome::NotSent { reason } => ("post: not sent", reason),
        PostOutcome::Unknown { reason } => ("post: unknown", reason),
    };
    let is_known =
        OUR_REASONS.contains(&reason.as_str()) || REJECTION_REASONS.contains(&reason.as_str());
    if is_known { Ok(name) } else { Err(format!("the reason `{reason}` is not ours")) }
}

fn judge_status(reply: RawReply<'_>) -> Judged {
    let is_success = (200..300).contains(&reply.status);
    match post::read_status(reply) {
        StatusAnswer::Accepted(_) if is_success => Ok("status: accepted"),
        StatusAnswer::Rejected if is_success => Ok("status: rejected"),
        StatusAnswer::NotFound if is_success || reply.status == 404 => Ok("status: not found"),
        StatusAnswer::Unclear => Ok("status: unclear"),
        other => Err(format!("status {}: {other:?}", reply.status)),
    }
}
