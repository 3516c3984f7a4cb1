//! From the fields of a lead's hash to the lead as everybody sees it.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use redis::Value;

use super::rows::{Head, decode, time_of};
use crate::domain::auction::{Attempt, LeadState, LeadView, RankEntry, Seat, SeatState};
use crate::domain::ids::PostId;
use crate::domain::post::Verdict;
use crate::ports::auction_store::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Something that this program cannot have written.
pub(super) fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} cannot be read"))
}

/// The letter of a verdict in the scripts.
pub(super) const fn verdict_letter(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "A",
        Verdict::Rejected => "R",
        Verdict::NotSent => "N",
        Verdict::Unknown => "U",
        Verdict::GivenUp => "G",
    }
}

/// The verdict of a letter; `-` is none.
pub(super) fn parse_verdict(letter: &str) -> Result<Option<Verdict>> {
    Ok(Some(match letter {
        "-" => return Ok(None),
        "A" => Verdict::Accepted,
        "R" => Verdict::Rejected,
        "N" => Verdict::NotSent,
        "U" => Verdict::Unknown,
        "G" => Verdict::GivenUp,
        _ => return Err(corrupt("a verdict")),
    }))
}

/// The fields of a lead's hash, as they come.
#[derive(Default)]
struct Fields {
    run: String,
    seats: String,
    head: Vec<u8>,
    created_at: Option<i64>,
    closed_at: Option<i64>,
    closing: Option<Vec<u8>>,
    offers: Bytes,
    taken: Bytes,
    rounds: Vec<(u16, Vec<u8>)>,
    facts: Vec<(u32, Bytes)>,
}

impl Fields {
    fn read(pairs: Vec<Value>) -> Result<Self> {
        let mut fields = Self::default();
        let mut pairs = pairs.into_iter();
        while let (Some(name), Some(value)) = (pairs.next(), pairs.next()) {
            fields.add(&text_of(name)?, bytes_of(value)?)?;
        }
        Ok(fields)
    }

    fn add(&mut self, name: &str, value: Vec<u8>) -> Result<()> {
        match name {
            "run" => self.run = into_text(value)?,
            "seats" => self.seats = into_text(value)?,
            "head" => self.head = value,
            "created_at" => self.created_at = Some(number(&into_text(value)?)?),
            "closed_at" => self.closed_at = Some(number(&into_text(value)?)?),
            "closing" => self.closing = Some(value),
            "offers" => self.offers = value.into(),
            "taken" => self.taken = value.into(),
            other => {
                if let Some(round) = other.strip_prefix("rank:") {
                    self.rounds.push((number(round)?, value));
                } else if other.starts_with("fact:") {
                    self.facts.push(parse_fact(value)?);
                }
            }
        }
        Ok(())
    }

    fn rank(&mut self) -> Result<Vec<RankEntry>> {
        self.rounds.sort_unstable_by_key(|(round, _)| *round);
        let mut rank = Vec::new();
        for (_, entries) in &self.rounds {
            rank.extend(decode::<Vec<RankEntry>>("a ranking", entries)?);
        }
        Ok(rank)
    }
}

/// `<number>:<bytes>`.
fn parse_fact(value: Vec<u8>) -> Result<(u32, Bytes)> {
    let colon = value.iter().position(|byte| *byte == b':').ok_or_else(|| corrupt("a fact"))?;
    let text = std::str::from_utf8(&value[..colon]).map_err(|_| corrupt("a fact"))?;
    Ok((number(text)?, Bytes::from(value).slice(colon + 1..)))
}

/// The lead of a hash's fields, names and values in turn; `None` for a hash that is not there.
pub(super) fn lead_of(pairs: Vec<Value>) -> Result<Option<Arc<LeadView>>> {
    if pairs.is_empty() {
        return Ok(None);
    }
    let mut fields = Fields::read(pairs)?;
    let head: Head = decode("a lead's head", &fields.head)?;
    let rank = fields.rank()?;
    let words: Vec<&str> = fields.run.split(' ').collect();
    let [state, fence, lease_until, _, _, _, rounds, _, expires_at] = words[..] else {
        return Err(corrupt("a lead's run"));
    };
    let state = match state {
        "R" => LeadState::Received,
        "O" => LeadState::Offered { expires_at: time_of(number(expires_at)?) },
        "D" => LeadState::Decided,
        "C" => LeadState::Closed,
        _ => return Err(corrupt("a lead's state")),
    };
    let closing = fields.closing.as_deref().map(|bytes| decode("a closing", bytes)).transpose()?;
    fields.facts.sort_unstable_by_key(|(number, _)| *number);
    Ok(Some(Arc::new(LeadView {
        lead_id: head.lead_id,
        vendor: head.vendor,
        state,
        fence: number(fence)?,
        lease_until: time_of(number(lease_until)?),
        fingerprint: head.fingerprint,
        registry_version: head.registry_version,
        seats: parse_seats(&fields.seats)?,
        rounds: number(rounds)?,
        rank,
        closing,
        plan: head.plan,
        offers: fields.offers,
        taken: fields.taken,
        created_at: fields.created_at.map(time_of).ok_or_else(|| corrupt("a lead's beginning"))?,
        closed_at: fields.closed_at.map(time_of),
        facts: fields.facts.into_iter().map(|(_, fact)| fact).collect(),
    })))
}

fn parse_seats(text: &str) -> Result<Vec<Seat>> {
    text.split('|').filter(|part| !part.is_empty()).map(parse_seat).collect()
}

fn parse_seat(text: &str) -> Result<Seat> {
    let mut parts = text.split(',');
    let state = parts.next().unwrap_or_default();
    let k = || number(state.get(1..).unwrap_or_default());
    let state = match state.as_bytes().first() {
        Some(b'O') => SeatState::Open,
        Some(b'P') => SeatState::Posting { k: k()? },
        Some(b'U') => SeatState::Unknown { k: k()? },
        Some(b'S') => SeatState::Sold { k: k()? },
        Some(b'X') => SeatState::Unresolved { k: k()? },
        _ => return Err(corrupt("a seat")),
    };
    Ok(Seat { state, attempts: parts.map(parse_attempt).collect::<Result<_>>()? })
}

fn parse_attempt(text: &str) -> Result<Attempt> {
    let words: Vec<&str> = text.split(':').collect();
    let [k, campaign, post_id, intended_at, verdict, conflict, _, _] = words[..] else {
        return Err(corrupt("an attempt"));
    };
    Ok(Attempt {
        k: number(k)?,
        campaign: campaign.parse().map_err(|_| corrupt("an attempt's campaign"))?,
        post_id: PostId::parse(post_id).map_err(|_| corrupt("an attempt's post"))?,
        intended_at: time_of(number(intended_at)?),
        verdict: parse_verdict(verdict)?,
        has_conflict: conflict == "1",
    })
}

/// A number's text.
pub(super) fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| corrupt("a number"))
}

/// A reply's bytes.
pub(super) fn bytes_of(value: Value) -> Result<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        Value::Int(number) => Ok(number.to_string().into_bytes()),
        _ => Err(corrupt("a reply")),
    }
}

/// A reply's bytes, or `None` for nothing.
pub(super) fn optional_bytes_of(value: Value) -> Result<Option<Vec<u8>>> {
    if value == Value::Nil { Ok(None) } else { bytes_of(value).map(Some) }
}

/// A reply's text.
pub(super) fn text_of(value: Value) -> Result<String> {
    into_text(bytes_of(value)?)
}

/// A reply's parts.
pub(super) fn array_of(value: Value) -> Result<Vec<Value>> {
    match value {
        Value::Array(values) => Ok(values),
        Value::Map(pairs) => Ok(pairs.into_iter().flat_map(|(key, value)| [key, value]).collect()),
        _ => Err(corrupt("a reply")),
    }
}

/// A reply's time.
pub(super) fn time_in(value: Value) -> Result<Timestamp> {
    Ok(time_of(number(&text_of(value)?)?))
}

fn into_text(bytes: Vec<u8>) -> Result<String> {
    String::from_utf8(bytes).map_err(|_| corrupt("a text"))
}
