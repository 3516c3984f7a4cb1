//! What a reply comes to, as cases write it.

use serde_json::{Map, Value as Json, json};

use super::super::confirmation::of_second_post;
use super::super::phase::Phase;
use super::super::reference::{REFERENCE, unpack};
use super::super::reply::{
    HttpReply, Life, PingReading, PostReading, PostSettings, ProfileBid, ReplyReader, Sign, Terms,
    TokenFailure, Told,
};
use super::run::Carried;
use crate::domain::bid::{NoBid, SeatsWanted};
use crate::domain::post::{Acceptance, PostOutcome, StatusAnswer};

/// What a reply is held against.
#[derive(Clone, Copy)]
pub struct Standard<'a> {
    /// Of a bid.
    pub terms: Terms<'a>,
    /// Of an answer to a post.
    pub post: PostSettings,
}

/// Whether a reply accepts or refuses, in words that the profile knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepts,
    Refuses,
    Neither,
}

/// What a reply means, with its verdict, and with what later calls use of it.
pub(super) struct Meant {
    pub(super) means: Map<String, Json>,
    pub(super) verdict: Verdict,
    pub(super) carried: Carried,
}

/// What a reply to a call means, as cases and tools show it.
#[must_use]
pub fn meaning(
    reader: &ReplyReader,
    call: Phase,
    reply: &HttpReply<'_>,
    standard: Standard<'_>,
) -> Map<String, Json> {
    read(reader, call, reply, standard).means
}

/// The same with its verdict, and with what later calls use of it.
pub(super) fn read(
    reader: &ReplyReader,
    call: Phase,
    reply: &HttpReply<'_>,
    standard: Standard<'_>,
) -> Meant {
    let mut carried = Carried::default();
    let (mut out, verdict) = match call {
        Phase::Ping => {
            let reading = reader.read_ping(reply, standard.terms);
            carried.bid = reading.bids.as_ref().ok().and_then(|bids| bids.first().cloned());
            of_ping(&reading)
        }
        Phase::Post | Phase::Confirm => {
            let reading = reader.read_post(reply, standard.post);
            let reading = if call == Phase::Confirm { of_second_post(reading) } else { reading };
            carried.capture("reply", &reading.told);
            of_post(&reading)
        }
        Phase::Status => of_status(reader.read_status(reply)),
        Phase::Login => match reader.read_token(reply) {
            Ok(token) => {
                carried.capture("login", &token.told);
                carried.captured.push(("login.token".to_owned(), token.text.to_string()));
                let mut out = outcome("token");
                out.insert("token".to_owned(), json!(token.text.as_str()));
                life(token.life, &mut out);
                (out, Verdict::Accepts)
            }
            Err(TokenFailure::Refused) => (outcome("refused"), Verdict::Refuses),
            Err(TokenFailure::Unclear) => (outcome("unclear"), Verdict::Neither),
        },
        Phase::Preping | Phase::LoserNotice | Phase::Completion => {
            let (sign, told) = reader.read_sign(reply);
            if call == Phase::Preping {
                carried.capture("preping", &told);
            }
            match sign {
                Sign::Taken => (outcome("taken"), Verdict::Accepts),
                Sign::Refused => (outcome("refused"), Verdict::Refuses),
                Sign::Retry => (outcome("retry"), Verdict::Neither),
                Sign::Unclear => (outcome("unclear"), Verdict::Neither),
            }
        }
    };
    out.retain(|_, value| !value.is_null());
    Meant { means: out, verdict, carried }
}

fn outcome(word: &str) -> Map<String, Json> {
    Map::from_iter([("outcome".to_owned(), json!(word))])
}

fn of_ping(reading: &PingReading) -> (Map<String, Json>, Verdict) {
    let mut out = Map::new();
    let verdict = match &reading.bids {
        Ok(bids) => {
            out.insert("bids".to_owned(), bids.iter().map(of_bid).collect());
            Verdict::Accepts
        }
        Err(reason) => {
            out.insert("no_bid".to_owned(), json!(reason.as_str()));
            if *reason == NoBid::Declined { Verdict::Refuses } else { Verdict::Neither }
        }
    };
    told(&reading.told, &mut out);
    (out, verdict)
}

fn of_bid(bid: &ProfileBid) -> Json {
    let mut out = Map::new();
    out.insert("price".to_owned(), json!(bid.bid.price));
    if bid.bid.seats == SeatsWanted::Shared {
        out.insert("seats".to_owned(), json!("shared"));
    }
    let reference = bid.bid.reference.as_deref().map(|text| {
        let parts = unpack(text);
        match parts.get(REFERENCE) {
            Some(alone) if parts.len() == 1 => json!(alone),
            _ => json!(parts),
        }
    });
    out.insert("reference".to_owned(), json!(reference));
    out.insert("max_shared".to_owned(), json!(bid.bid.max_shared));
    out.insert("legal_name".to_owned(), json!(bid.bid.legal_name));
    out.insert("phone_number".to_owned(), json!(bid.bid.phone_number));
    life(bid.life, &mut out);
    out.retain(|_, value| !value.is_null());
    Json::Object(out)
}

fn life(life: Option<Life>, out: &mut Map<String, Json>) {
    match life {
        Some(Life::Ms(ms)) => drop(out.insert("expires_ms".to_owned(), json!(ms))),
        Some(Life::Until(at)) => drop(out.insert("expires_at".to_owned(), json!(at.to_string()))),
        None => {}
    }
}

fn of_post(reading: &PostReading) -> (Map<String, Json>, Verdict) {
    let with_reason = |word: &str, reason: &str| {
        let mut out = outcome(word);
        out.insert("reason".to_owned(), json!(reason));
        out
    };
    let (mut out, verdict) = match &reading.outcome {
        PostOutcome::Accepted(acceptance) => (accepted(acceptance), Verdict::Accepts),
        PostOutcome::Rejected { reason } => (with_reason("rejected", reason), Verdict::Refuses),
        PostOutcome::NotSent { reason } => (with_reason("not_sent", reason), Verdict::Neither),
        PostOutcome::Unknown { reason } => (with_reason("unknown", reason), Verdict::Neither),
    };
    let verdict = match verdict {
        // A status that no rule names is a refusal, but none that the profile was written for.
        Verdict::Refuses if reading.told.rule.is_none() => Verdict::Neither,
        verdict => verdict,
    };
    out.insert("price".to_owned(), json!(reading.price));
    told(&reading.told, &mut out);
    (out, verdict)
}

fn accepted(acceptance: &Acceptance) -> Map<String, Json> {
    let mut out = outcome("accepted");
    out.insert("buyer_lead_id".to_owned(), json!(acceptance.buyer_lead_id));
    out.insert("redirect_url".to_owned(), json!(acceptance.redirect_url));
    out
}

fn of_status(answer: StatusAnswer) -> (Map<String, Json>, Verdict) {
    match answer {
        StatusAnswer::Accepted(acceptance) => (accepted(&acceptance), Verdict::Accepts),
        StatusAnswer::Rejected => (outcome("rejected"), Verdict::Refuses),
        StatusAnswer::NotFound => (outcome("not_found"), Verdict::Neither),
        StatusAnswer::Unclear => (outcome("unclear"), Verdict::Neither),
    }
}

/// What stands beside the outcome: the rule from 1, its word, and the buyer's own words.
fn told(told: &Told, out: &mut Map<String, Json>) {
    out.insert("rule".to_owned(), json!(told.rule.map(|rule| rule + 1)));
    out.insert("ruled".to_owned(), json!(told.outcome.map(super::super::reply::Outcome::as_str)));
    out.insert("words".to_owned(), json!(told.reason.as_ref().map(|words| words.expose())));
    out.insert("next_step".to_owned(), json!(told.next_step.as_deref()));
    out.insert("retry_after_s".to_owned(), json!(told.retry_after_s));
    let captures =
        told.captures.iter().map(|(name, text)| (name.to_string(), json!(text.expose())));
    let captures: Map<String, Json> = captures.collect();
    if !captures.is_empty() {
        out.insert("captures".to_owned(), Json::Object(captures));
    }
}
