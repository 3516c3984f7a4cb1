//! Replies as buyers send them, through profiles as integrators write them.

mod bounds;
mod capabilities;
mod faults;
mod formats;
mod meaning;

use super::*;
use crate::domain::bid::NoBid;
use crate::domain::campaign::OnUnmatched;
use crate::domain::money::Money;
use crate::domain::post::{PostOutcome, StatusAnswer};
use crate::integration::fault::Fault;

/// Compiles the lines of a `reply` table, which must have no fault and no warning.
fn reader(role: Role, text: &str) -> ReplyReader {
    let (reader, faults) = compiled(role, text);
    assert_eq!(faults, Vec::<String>::new(), "{text}");
    reader.expect("compiled without a fault")
}

/// Compiles the lines of a `reply` table, with what is wrong with it.
fn compiled(role: Role, text: &str) -> (Option<ReplyReader>, Vec<String>) {
    let told = |faults: &[Fault]| faults.iter().map(ToString::to_string).collect();
    match ReplyReader::compile(text, role) {
        Ok(compiled) => (Some(compiled.reader), told(&compiled.warnings)),
        Err(faults) => (None, told(&faults)),
    }
}

fn http<'a>(status: u16, headers: &'a [(String, String)], body: &'a [u8]) -> HttpReply<'a> {
    HttpReply { raw: RawReply { status, content_encoding: None, body }, headers }
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn terms() -> Terms<'static> {
    Terms {
        currency: "USD",
        max_bid: Some(money("1000")),
        bid_max: money("100000"),
        offers_shared: true,
        is_test: false,
    }
}

/// What a reply to a ping comes to: `bid 12.50 ref`, several with ` + `, or `no declined`.
fn ping(reader: &ReplyReader, status: u16, body: impl AsRef<[u8]>) -> String {
    told_ping(reader.read_ping(&http(status, &[], body.as_ref()), terms()).bids)
}

fn told_ping(bids: Result<Vec<ProfileBid>, NoBid>) -> String {
    let told = |bid: &ProfileBid| {
        format!("bid {} {}", bid.bid.price, bid.bid.reference.as_deref().unwrap_or_default())
    };
    match bids {
        Ok(bids) => bids.iter().map(told).collect::<Vec<_>>().join(" + ").trim_end().to_owned(),
        Err(reason) => format!("no {}", reason.as_str()),
    }
}

const FIRST: PostSettings =
    PostSettings { is_repeat: false, on_unmatched: OnUnmatched::Unknown, is_test: false };
const REPEAT: PostSettings = PostSettings { is_repeat: true, ..FIRST };
/// A first post of a campaign that counts what no rule names as refused.
const REJECTING: PostSettings = PostSettings { on_unmatched: OnUnmatched::Rejected, ..FIRST };

/// What an answer to a first post comes to: `accepted id url`, `rejected reason`, ...
fn post(reader: &ReplyReader, status: u16, body: impl AsRef<[u8]>) -> String {
    told_post(reader.read_post(&http(status, &[], body.as_ref()), FIRST).outcome)
}

fn told_post(outcome: PostOutcome) -> String {
    match outcome {
        PostOutcome::Accepted(acceptance) => {
            let id = acceptance.buyer_lead_id.unwrap_or_default();
            let url = acceptance.redirect_url.unwrap_or_default();
            format!("accepted {id} {url}").trim_end().to_owned()
        }
        PostOutcome::Rejected { reason } => format!("rejected {reason}"),
        PostOutcome::NotSent { reason } => format!("not_sent {reason}"),
        PostOutcome::Unknown { reason } => format!("unknown {reason}"),
    }
}

/// The buyer's own words in a reply.
fn reason(reader: &ReplyReader, status: u16, body: &str) -> String {
    let reading = reader.read_post(&http(status, &[], body.as_bytes()), FIRST);
    reading.told.reason.map(|reason| reason.expose().clone()).unwrap_or_default()
}
