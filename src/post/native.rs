//! The native post: its bytes, what an answer to it means, and what a status URL says
//! (DESIGN section 6, PROTOCOL a6).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};

use super::rendered::RenderedPost;
use crate::domain::bid::SeatsWanted;
use crate::domain::campaign::OnUnmatched;
use crate::domain::ids::{LeadId, PingId, PostId};
use crate::domain::lead::{Consent, Lead};
use crate::domain::money::Money;
use crate::domain::post::{Acceptance, PostOutcome, REJECTION_REASONS, StatusAnswer};
use crate::domain::reply::RawReply;

/// The longest buyer's lead id or redirect URL that is kept, in bytes.
pub const ANSWER_TEXT_BYTES_MAX: usize = 2_048;

/// What a post says beside the lead.
#[derive(Debug, Clone)]
pub struct PostFrame<'a> {
    /// This post; also its `Idempotency-Key`.
    pub post_id: PostId,
    /// The lead.
    pub lead_id: LeadId,
    /// The ping the bid answered; none for a fixed price.
    pub ping_id: Option<PingId>,
    /// The buyer's own reference from its bid.
    pub reference: Option<&'a str>,
    /// The price the buyer pays.
    pub price: Money,
    /// What was sold.
    pub seats: SeatsWanted,
    /// Where it goes.
    pub post_url: &'a str,
    /// Where its fate can be asked.
    pub status_url: Option<&'a str>,
    /// Whether it is a test.
    pub test: bool,
}

#[derive(Serialize)]
struct PostBody<'a> {
    post_id: PostId,
    lead_id: LeadId,
    ping_id: Option<PingId>,
    #[serde(rename = "ref")]
    reference: Option<&'a str>,
    price: Money,
    seats: SeatsWanted,
    lead: Json,
    consent: Map<String, Json>,
    test: bool,
}

/// Renders the post of a lead.
#[must_use]
pub fn render(frame: &PostFrame<'_>, lead: &Lead) -> RenderedPost {
    let body = PostBody {
        post_id: frame.post_id,
        lead_id: frame.lead_id,
        ping_id: frame.ping_id,
        reference: frame.reference,
        price: frame.price,
        seats: frame.seats,
        lead: lead.fields.expose().to_json(),
        consent: whole_consent(lead.consent.expose()),
        test: frame.test,
    };
    let body = serde_json::to_vec(&body)
        .expect("a struct of texts, numbers and JSON maps always serializes");
    RenderedPost {
        method: "POST".to_owned(),
        url: frame.post_url.to_owned(),
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("idempotency-key".to_owned(), frame.post_id.to_string()),
        ],
        body: body.into(),
        status_url: frame.status_url.map(str::to_owned),
        is_signed: true,
    }
}

fn whole_consent(consent: &Consent) -> Map<String, Json> {
    let mut out = Map::new();
    let texts = [
        ("text", consent.text.clone()),
        ("given_at", consent.given_at.map(|given| given.to_string())),
        ("ip", consent.ip.map(|ip| ip.to_string())),
        ("page_url", consent.page_url.clone()),
        ("trustedform_cert_url", consent.trustedform_cert_url.clone()),
        ("jornaya_lead_id", consent.jornaya_lead_id.clone()),
        ("user_agent", consent.user_agent.clone()),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            out.insert(name.to_owned(), Json::String(text));
        }
    }
    if !consent.sellers.is_empty() {
        out.insert("sellers".to_owned(), json!(consent.sellers));
    }
    out
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    Accepted,
    Rejected,
    NotFound,
}

/// What a buyer says about a post, in the answer to it or at its status URL.
#[derive(Deserialize)]
struct Answer {
    result: Said,
    reason: Option<String>,
    buyer_lead_id: Option<String>,
    redirect_url: Option<String>,
}

impl Answer {
    fn acceptance(self) -> Acceptance {
        let short = |text: &String| text.len() <= ANSWER_TEXT_BYTES_MAX;
        let is_web = |text: &String| text.starts_with("https://") || text.starts_with("http://");
        Acceptance {
            buyer_lead_id: self.buyer_lead_id.filter(short),
            redirect_url: self.redirect_url.filter(short).filter(is_web),
        }
    }

    fn rejection(&self) -> String {
        let reason = self.reason.as_deref().unwrap_or("other");
        let known = REJECTION_REASONS.iter().find(|known| **known == reason);
        (*known.unwrap_or(&"other")).to_owned()
    }
}

fn unmatched(what: &str, on_unmatched: OnUnmatched) -> PostOutcome {
    let reason = what.to_owned();
    match on_unmatched {
        OnUnmatched::Unknown => PostOutcome::Unknown { reason },
        OnUnmatched::Rejected => PostOutcome::Rejected { reason },
    }
}

/// Reads a whole answer to a post.
///
/// `is_repeat` tells that the same post was sent before without a definite answer: then a refusal
/// as `duplicate` is evidence that the first one landed, and never a refusal; and an answer that
/// no rule matches says nothing about the first delivery, whatever `on_unmatched` makes of one.
#[must_use]
pub fn read(reply: RawReply<'_>, is_repeat: bool, on_unmatched: OnUnmatched) -> PostOutcome {
    let on_unmatched = if is_repeat { OnUnmatched::Unknown } else { on_unmatched };
    if reply.is_compressed() {
        return unmatched("compressed", on_unmatched);
    }
    let answer: Option<Answer> = serde_json::from_slice(reply.body).ok();
    let result = answer.as_ref().map(|answer| answer.result);
    match (reply.status, result, answer) {
        (200..=299, Some(Said::Accepted), Some(answer)) => {
            PostOutcome::Accepted(answer.acceptance())
        }
        (200..=299 | 400..=499, Some(Said::Rejected), Some(answer)) => {
            let reason = answer.rejection();
            if is_repeat && reason == "duplicate" {
                return PostOutcome::Unknown { reason: "duplicate_of_repeat".to_owned() };
            }
            PostOutcome::Rejected { reason }
        }
        (400..=499, Some(Said::Accepted), _) => unmatched("contradictory", OnUnmatched::Unknown),
        // Too early, too many: by their definition the buyer has not looked at it.
        (425, ..) => PostOutcome::NotSent { reason: "http_425".to_owned() },
        (429, ..) => PostOutcome::NotSent { reason: "http_429".to_owned() },
        // Something on the way gave up waiting, perhaps for the buyer.
        (408, ..) => unmatched("http_408", on_unmatched),
        (400..=499, ..) if is_repeat => unmatched("http_4xx", on_unmatched),
        (400..=499, ..) => PostOutcome::Rejected { reason: "http_4xx".to_owned() },
        (300..=399, ..) => unmatched("redirect", on_unmatched),
        (500..=599, ..) => unmatched("http_5xx", on_unmatched),
        _ => unmatched("malformed", on_unmatched),
    }
}

/// Reads a whole answer of a status URL.
#[must_use]
pub fn read_status(reply: RawReply<'_>) -> StatusAnswer {
    if !(200..=299).contains(&reply.status) && reply.status != 404 || reply.is_compressed() {
        return StatusAnswer::Unclear;
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(reply.body) else {
        return StatusAnswer::Unclear;
    };
    match (reply.status, answer.result) {
        (200..=299, Said::Accepted) => StatusAnswer::Accepted(answer.acceptance()),
        (200..=299, Said::Rejected) => StatusAnswer::Rejected,
        (_, Said::NotFound) => StatusAnswer::NotFound,
        _ => StatusAnswer::Unclear,
    }
}

/// The status URL of one post.
#[must_use]
pub fn status_url(status_url: &str, post_id: PostId) -> String {
    let joint = if status_url.contains('?') { '&' } else { '?' };
    format!("{status_url}{joint}post_id={post_id}")
}

#[cfg(test)]
mod tests;
