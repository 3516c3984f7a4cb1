//! What a request is rendered from.
//!
//! Each call has an input of its own type. A [`PingInput`] has an anonymized ping and no place for a
//! lead, so that no mapping, whatever it says, can put more into a ping than redaction let through.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};
use zeroize::Zeroizing;

use crate::domain::bid::SeatsWanted;
use crate::domain::ids::{LeadId, PingId, PostId};
use crate::domain::lead::Lead;
use crate::domain::money::Money;
use crate::domain::ping::AnonymizedPing;
use crate::domain::slug::{CampaignId, VerticalId};

/// A secret that a campaign gives to its profile: no `Debug`, wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Wraps the text of a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the request it belongs into.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

/// What every call has, whatever it is for.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// Whose campaign it is.
    pub campaign_id: &'a CampaignId,
    /// The campaign's URL for this call, if it has one.
    pub url: Option<&'a str>,
    /// The currency of prices.
    pub currency: &'a str,
    /// The present time.
    pub now: Timestamp,
    /// A text that no other request has.
    pub request_id: &'a str,
    /// What the campaign sets for the profile's settings.
    pub settings: &'a BTreeMap<String, String>,
    /// What the campaign gives for the profile's secrets.
    pub secrets: &'a BTreeMap<String, SecretText>,
    /// What earlier calls brought, by its source: `login.token`, `preping.id`, `reply.key`; and what
    /// was reported of a telephone call, `call.duration_s`.
    pub captured: &'a BTreeMap<String, String>,
}

/// What stands beside the lead in calls about one.
#[derive(Clone, Copy)]
pub struct Matter<'a> {
    /// The product line.
    pub vertical: &'a VerticalId,
    /// Whether it is a test.
    pub test: bool,
    /// A pseudonym of the vendor, stable for this buyer.
    pub vendor: &'a str,
    /// A pseudonym of the vendor's sub-source, stable for this buyer.
    pub sub_source: Option<&'a str>,
    /// The lowest price that can win.
    pub floor: Money,
    /// Milliseconds that are left for the answer.
    pub deadline_ms: u64,
    /// How many seats the lead has.
    pub seats_max: u8,
    /// The companies that may have the lead already.
    pub sold_to: &'a [String],
}

/// What a ping, or the call before it, is rendered from.
#[derive(Clone, Copy)]
pub struct PingInput<'a> {
    /// What every call has.
    pub frame: Frame<'a>,
    /// What stands beside the lead.
    pub matter: Matter<'a>,
    /// This ping.
    pub ping_id: PingId,
    /// All that may be seen of the lead.
    pub ping: &'a AnonymizedPing,
}

/// The bid a later call is about.
#[derive(Clone, Copy)]
pub struct WonBid<'a> {
    /// The ping it answered; none for a fixed price.
    pub ping_id: Option<PingId>,
    /// The buyer's own reference, as the bid has it.
    pub reference: Option<&'a str>,
    /// What the buyer pays, or bid.
    pub price: Money,
    /// Which seats it is for.
    pub seats: SeatsWanted,
}

/// What a post, or a call that follows one, is rendered from.
#[derive(Clone, Copy)]
pub struct PostInput<'a> {
    /// What every call has.
    pub frame: Frame<'a>,
    /// What stands beside the lead.
    pub matter: Matter<'a>,
    /// This post.
    pub post_id: PostId,
    /// The bid that won.
    pub bid: WonBid<'a>,
    /// The lead.
    pub lead: &'a Lead,
    /// What the ping showed of it, for names that only a ping has (`zip3`, `age_band`).
    pub ping: Option<&'a AnonymizedPing>,
}

/// What a notice to a loser, or a question for a post's fate, is rendered from.
#[derive(Clone, Copy)]
pub struct BidInput<'a> {
    /// What every call has.
    pub frame: Frame<'a>,
    /// The bid it is about.
    pub bid: WonBid<'a>,
    /// The post it is about.
    pub post_id: Option<PostId>,
    /// The lead's id, where the buyer knows it.
    pub lead_id: Option<LeadId>,
    /// What the lead was sold for, where that is told.
    pub sold_price: Option<Money>,
}

/// What a render sees, of whatever call: made from the types above, and nowhere else.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) matter: Option<Matter<'a>>,
    pub(super) ping: Option<&'a AnonymizedPing>,
    pub(super) lead: Option<&'a Lead>,
    pub(super) ping_id: Option<PingId>,
    pub(super) post_id: Option<PostId>,
    pub(super) lead_id: Option<LeadId>,
    pub(super) bid: Option<WonBid<'a>>,
    pub(super) sold_price: Option<Money>,
    /// What a vendor sent, or is told.
    pub(super) given: Option<&'a Map<String, Json>>,
}

impl<'a> From<&Frame<'a>> for Seen<'a> {
    fn from(frame: &Frame<'a>) -> Self {
        Self {
            frame: *frame,
            matter: None,
            ping: None,
            lead: None,
            ping_id: None,
            post_id: None,
            lead_id: None,
            bid: None,
            sold_price: None,
            given: None,
        }
    }
}

impl<'a> From<&PingInput<'a>> for Seen<'a> {
    fn from(input: &PingInput<'a>) -> Self {
        Self {
            matter: Some(input.matter),
            ping: Some(input.ping),
            ping_id: Some(input.ping_id),
            ..Self::from(&input.frame)
        }
    }
}

impl<'a> From<&PostInput<'a>> for Seen<'a> {
    fn from(input: &PostInput<'a>) -> Self {
        Self {
            matter: Some(input.matter),
            ping: input.ping,
            lead: Some(input.lead),
            ping_id: input.bid.ping_id,
            post_id: Some(input.post_id),
            lead_id: Some(input.lead.id),
            bid: Some(input.bid),
            ..Self::from(&input.frame)
        }
    }
}

impl<'a> From<&BidInput<'a>> for Seen<'a> {
    fn from(input: &BidInput<'a>) -> Self {
        Self {
            ping_id: input.bid.ping_id,
            post_id: input.post_id,
            lead_id: input.lead_id,
            bid: Some(input.bid),
            sold_price: input.sold_price,
            ..Self::from(&input.frame)
        }
    }
}
