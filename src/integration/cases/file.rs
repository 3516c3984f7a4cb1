//! A case as its file has it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value as Json};

use super::super::nearest::hint;
use super::super::phase::{PHASES, Phase};
use crate::domain::bid::SeatsWanted;
use crate::domain::campaign::OnUnmatched;
use crate::domain::money::Money;
use crate::domain::slug::VerticalId;

/// The longest file of a case, in bytes.
pub const CASE_BYTES_MAX: usize = 262_144;
/// The most calls of one case.
const STEPS_MAX: usize = 32;

/// When a case happens unless it says: 2026-11-23T14:02:03Z.
const CASE_NOW: Timestamp = Timestamp::constant(1_795_442_523, 0);

/// What a reply can mean, by its names in `means`.
const MEANINGS: [&str; 16] = [
    "bids",
    "no_bid",
    "outcome",
    "reason",
    "buyer_lead_id",
    "redirect_url",
    "price",
    "token",
    "expires_ms",
    "expires_at",
    "rule",
    "ruled",
    "words",
    "next_step",
    "captures",
    "retry_after_s",
];
/// What one bid can say.
const OF_A_BID: [&str; 8] = [
    "price",
    "reference",
    "seats",
    "max_shared",
    "legal_name",
    "phone_number",
    "expires_ms",
    "expires_at",
];

/// Why a text is no case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {detail}")]
pub struct InvalidCase {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub detail: String,
}

/// One case.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in a sentence.
    pub about: String,
    /// Where requests and replies are known from.
    #[serde(default)]
    pub source: String,
    /// What the source does not say and was taken to be so.
    #[serde(default)]
    pub assumed: Vec<String>,
    /// The product line of the lead.
    pub vertical: VerticalId,
    /// Fields of the lead beside the vertical's examples; null takes one away.
    #[serde(default)]
    pub lead: Map<String, Json>,
    /// Elements of consent beside the usual ones; null takes one away.
    #[serde(default)]
    pub consent: Map<String, Json>,
    /// Whether the lead is a test.
    #[serde(default)]
    pub test: bool,
    /// When it happens.
    #[serde(default = "case_now")]
    pub now: Timestamp,
    /// The lowest price that can win.
    #[serde(default = "floor")]
    pub floor: Money,
    /// How many seats the lead has.
    #[serde(default = "one")]
    pub seats_max: u8,
    /// Milliseconds that are left for each answer.
    #[serde(default = "deadline_ms")]
    pub deadline_ms: u64,
    /// The buyers that have the lead already.
    #[serde(default)]
    pub sold_to: Vec<String>,
    /// What the campaign gives to the profile.
    #[serde(default)]
    pub campaign: CaseCampaign,
    /// The calls, in their order.
    pub steps: Vec<CaseStep>,
}

/// What the campaign of a case gives to the profile.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaseCampaign {
    /// Its URLs by call; `https://buyer.example/CALL` if it has none.
    pub urls: BTreeMap<String, String>,
    /// Its settings; a setting without default gets its own name as its value.
    pub settings: BTreeMap<String, String>,
    /// Its secrets, made up; `NAME-secret` if it has none.
    pub secrets: BTreeMap<String, String>,
    /// Its disclosures; those that the profile needs if there is no list.
    pub disclosures: Option<Vec<String>>,
    /// The highest bid it takes.
    pub max_bid: Option<Money>,
    /// What an answer means that no rule matches.
    pub on_unmatched: OnUnmatched,
}

/// One call of a case.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CaseStep {
    /// Which call.
    #[serde(deserialize_with = "phase")]
    pub call: Phase,
    /// The request that is to be sent.
    #[serde(default)]
    pub request: Option<CaseRequest>,
    /// Why no request is to be sent: `missing_field` and its like.
    #[serde(default)]
    pub not_sent: Option<String>,
    /// Whether the post was sent before without a definite answer.
    #[serde(default)]
    pub repeat: bool,
    /// The bid it is about, if no ping of the case brought it.
    #[serde(default)]
    pub bid: Option<CaseBid>,
    /// What the buyer answers.
    #[serde(default)]
    pub reply: Option<CaseReply>,
    /// What the answer means.
    #[serde(default)]
    pub means: Map<String, Json>,
}

/// A request that is to be sent. What it does not name may be anything.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CaseRequest {
    /// The method.
    pub method: Option<String>,
    /// The URL; without its query if `query` is there.
    pub url: Option<String>,
    /// The pairs of the URL's query, in any order; several of a name as a list.
    pub query: Option<Map<String, Json>>,
    /// Headers by name; null for one that must not be there.
    pub headers: BTreeMap<String, Option<String>>,
    /// The body: a text is compared to the byte, anything else as JSON.
    pub body: Option<Json>,
    /// The pairs of a form, in any order; several of a name as a list.
    pub form: Option<Map<String, Json>>,
    /// The lines of an XML document; breaks and spaces at their ends do not count.
    pub xml: Option<Vec<String>>,
}

/// A reply.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CaseReply {
    /// The HTTP status.
    #[serde(default = "ok")]
    pub status: u16,
    /// Its headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body: a text as it is, anything else as JSON.
    #[serde(default)]
    pub body: Option<Json>,
    /// The body as lines that are put together without breaks.
    #[serde(default)]
    pub lines: Option<Vec<String>>,
    /// The body in base64, for other characters than UTF-8.
    #[serde(default)]
    pub base64: Option<String>,
}

/// A bid that no ping of the case brought.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CaseBid {
    /// What the buyer pays.
    pub price: Money,
    /// The buyer's reference: a text, or several by name.
    #[serde(default)]
    pub reference: Option<Json>,
    /// Which seats it is for.
    #[serde(default)]
    pub seats: SeatsWanted,
    /// What the lead was sold for, in a notice to a loser.
    #[serde(default)]
    pub sold_price: Option<Money>,
}

impl Case {
    /// Reads a case.
    ///
    /// # Errors
    /// [`InvalidCase`] with the place.
    pub fn parse(text: &str) -> Result<Self, InvalidCase> {
        let whole = |detail: String| InvalidCase { line: 1, column: 1, detail };
        if text.len() > CASE_BYTES_MAX {
            return Err(whole(format!("a case has at most {CASE_BYTES_MAX} bytes")));
        }
        let case: Self = serde_json::from_str(text).map_err(|error| {
            let told = error.to_string();
            let detail = told.rsplit_once(" at line ").map_or(told.as_str(), |(detail, _)| detail);
            InvalidCase { line: error.line(), column: error.column(), detail: detail.to_owned() }
        })?;
        if case.steps.is_empty() || case.steps.len() > STEPS_MAX {
            return Err(whole(format!("a case has 1 to {STEPS_MAX} steps")));
        }
        let unknown = |name: &&String| !PHASES.iter().any(|phase| phase.as_str() == *name);
        if let Some(name) = case.campaign.urls.keys().find(unknown) {
            return Err(whole(format!("campaign.urls: there is no call `{name}`")));
        }
        let step =
            case.steps.iter().position(|step| step.reply.is_none() && !step.means.is_empty());
        if let Some(at) = step {
            return Err(whole(format!("steps.{at}: there is no reply that could mean something")));
        }
        for (at, step) in case.steps.iter().enumerate() {
            if let Some(fault) = unknown_meaning(&step.means) {
                return Err(whole(format!("steps.{at}.means{fault}")));
            }
        }
        Ok(case)
    }
}

/// The first key of a meaning that no reply can have: where it stands, and what was meant.
fn unknown_meaning(means: &Map<String, Json>) -> Option<String> {
    let of_bids = means.get("bids").and_then(Json::as_array).into_iter().flatten().enumerate();
    let of_bids = of_bids.filter_map(|(at, bid)| Some((format!(".bids.{at}"), bid.as_object()?)));
    let tables = std::iter::once((String::new(), means)).chain(of_bids);
    tables.into_iter().find_map(|(path, table)| {
        let known: &[&str] = if path.is_empty() { &MEANINGS } else { &OF_A_BID };
        let name = table.keys().find(|name| !known.contains(&name.as_str()))?;
        let hint = hint(name, known).map(|hint| format!("; {hint}")).unwrap_or_default();
        Some(format!("{path}: unknown key `{name}`{hint}"))
    })
}

fn phase<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Phase, D::Error> {
    let name = String::deserialize(deserializer)?;
    let known = PHASES.into_iter().find(|phase| phase.as_str() == name);
    known.ok_or_else(|| {
        let names = PHASES.map(Phase::as_str).join(", ");
        serde::de::Error::custom(format!("there is no call `{name}`; write one of {names}"))
    })
}

const fn case_now() -> Timestamp {
    CASE_NOW
}

fn floor() -> Money {
    Money::parse("5.00").expect("five is an amount")
}

const fn one() -> u8 {
    1
}

const fn deadline_ms() -> u64 {
    1_900
}

const fn ok() -> u16 {
    200
}
