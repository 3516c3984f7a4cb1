//! Sources: the names under which a profile reaches what a request is made from.
//!
//! A bare name is a field of the lead, unless it is one of the exchange's own words; `lead.` before
//! a field that is named like such a word reaches it all the same.

use super::super::fault::{Faults, Place};
use super::super::nearest::{hint, nearest};
use super::super::phase::{Phase, Sight};
use crate::domain::disclosure::OF_CONSENT;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::integration) enum Source {
    /// All fields of the lead.
    Whole,
    /// A field of the lead, or of a numbered item of one of its lists.
    Lead(FieldPath),
    /// A field of the item at hand, in a list.
    Item(String),
    /// The item at hand, where items are plain texts.
    Itself,
    /// The number of the item at hand, counted from this.
    Number(i64),
    /// An element of consent.
    Consent(Consent),
    /// One of the exchange's own words.
    Word(Word),
    /// A named reference of the bid.
    Bid(String),
    /// A setting of the campaign.
    Setting(String),
    /// A secret of the campaign.
    Secret(String),
    /// What an earlier call brought, by its whole name.
    Captured(String),
    /// A field of a vendor's request, or a part of what the vendor is told: the names that lead to it.
    Given(Vec<String>),
}

/// What the names of sources mean, by who is spoken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(in crate::integration) enum Vocabulary {
    /// A request to a buyer: the lead and the exchange's own words.
    #[default]
    Buyer,
    /// A vendor's request: the vendor's own fields.
    Vendor,
    /// The answer to a vendor.
    Answer,
}

/// A field of the lead; of a list, one of its items and perhaps a field in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::integration) struct FieldPath {
    pub(in crate::integration) name: String,
    /// The number of the item, from 0.
    pub(in crate::integration) item: Option<usize>,
    pub(in crate::integration) inner: Option<String>,
}

/// The elements of consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::integration) enum Consent {
    UserAgent,
    Text,
    GivenAt,
    Ip,
    PageUrl,
    TrustedformCertUrl,
    JornayaLeadId,
    Sellers,
    Kind,
    AgeSeconds,
    HasTrustedformCert,
    HasJornayaLeadId,
}

/// Consent by name, and whether a ping may have it (with the disclosure of that name, if any).
pub(in crate::integration) const CONSENT: [(&str, Consent); 12] = [
    ("text", Consent::Text),
    ("given_at", Consent::GivenAt),
    ("ip", Consent::Ip),
    ("page_url", Consent::PageUrl),
    ("trustedform_cert_url", Consent::TrustedformCertUrl),
    ("jornaya_lead_id", Consent::JornayaLeadId),
    ("sellers", Consent::Sellers),
    ("user_agent", Consent::UserAgent),
    ("kind", Consent::Kind),
    ("age_seconds", Consent::AgeSeconds),
    ("has_trustedform_cert", Consent::HasTrustedformCert),
    ("has_jornaya_lead_id", Consent::HasJornayaLeadId),
];

/// The values of `consent.kind`: the strongest proof there is.
pub(in crate::integration) const CONSENT_KINDS: [&str; 4] =
    ["trustedform", "jornaya", "text", "none"];

/// The exchange's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::integration) enum Word {
    Test,
    Now,
    RequestId,
    CampaignId,
    Currency,
    Vertical,
    Vendor,
    SubSource,
    Floor,
    DeadlineMs,
    SeatsMax,
    SoldTo,
    PingId,
    PostId,
    LeadId,
    Price,
    Seats,
    SoldPrice,
    ReceivedAt,
    SubmittedAt,
}

use Phase::{Completion, Confirm, LoserNotice, Ping, Post, Preping, Status};

const OF_A_LEAD: &[Phase] = &[Preping, Ping, Post, Confirm, Completion];
const OF_A_SALE: &[Phase] = &[Post, Confirm, Completion];
const OF_A_POST: &[Phase] = &[Post, Confirm, Status, Completion];
const OF_A_BID: &[Phase] = &[Post, Confirm, Status, LoserNotice, Completion];
const OF_A_PING: &[Phase] = &[Preping, Ping, Post, Confirm, Status, LoserNotice, Completion];

/// The words with the calls that have them; an empty list is all of them.
pub(in crate::integration) const WORDS: [(&str, Word, &[Phase]); 20] = [
    ("test", Word::Test, OF_A_LEAD),
    ("now", Word::Now, &[]),
    ("request_id", Word::RequestId, &[]),
    ("campaign_id", Word::CampaignId, &[]),
    ("currency", Word::Currency, &[]),
    ("vertical", Word::Vertical, OF_A_LEAD),
    ("vendor", Word::Vendor, OF_A_LEAD),
    ("sub_source", Word::SubSource, OF_A_LEAD),
    ("floor", Word::Floor, OF_A_LEAD),
    ("deadline_ms", Word::DeadlineMs, OF_A_LEAD),
    ("seats_max", Word::SeatsMax, OF_A_LEAD),
    ("sold_to", Word::SoldTo, OF_A_LEAD),
    ("ping_id", Word::PingId, OF_A_PING),
    ("post_id", Word::PostId, OF_A_POST),
    ("lead_id", Word::LeadId, OF_A_POST),
    ("price", Word::Price, OF_A_BID),
    ("seats", Word::Seats, OF_A_BID),
    ("sold_price", Word::SoldPrice, &[LoserNotice]),
    ("received_at", Word::ReceivedAt, OF_A_SALE),
    ("submitted_at", Word::SubmittedAt, OF_A_SALE),
];

/// The families of names with a dot, beside fields of lists.
const FAMILIES: [&str; 10] =
    ["lead", "item", "consent", "bid", "setting", "secret", "login", "preping", "reply", "call"];

/// What an answer to a vendor may tell.
pub(in crate::integration) const TOLD: [&str; 22] = [
    "outcome",
    "message",
    "call",
    "disposition",
    "reason",
    "code",
    "detail",
    "lead_id",
    "ping_id",
    "payout",
    "currency",
    "offer_id",
    "seats",
    "expires_at",
    "redirect_url",
    "phone_number",
    "status_url",
    "retry_after_s",
    "fault_field",
    "faults",
    "offers",
    "sales",
];

/// What is reported of a telephone call.
const OF_CALLS: [&str; 2] = ["duration_s", "occurred_at"];

impl Source {
    /// Reads the name of a source as it is meant where it stands.
    pub(in crate::integration) fn parse_in(
        vocabulary: Vocabulary,
        text: &str,
        place: Place<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        if vocabulary == Vocabulary::Buyer {
            return Self::parse(text, place, faults);
        }
        let path = |text: &str| {
            let names: Vec<String> = text.split('/').map(str::to_owned).collect();
            let are_names = names.iter().all(|name| !name.trim().is_empty() && name.len() <= 200);
            (are_names && names.len() <= 8).then_some(names)
        };
        let found = match (vocabulary, text.split_once('.')) {
            (_, Some(("item", name))) if !name.is_empty() => Some(Self::Item(name.to_owned())),
            _ if text == "item" => Some(Self::Itself),
            (Vocabulary::Vendor, _) => path(text).map(Self::Given),
            (_, Some(("given", name))) => path(name).map(|mut names| {
                names.insert(0, "given".to_owned());
                Self::Given(names)
            }),
            _ if text == "number" => Some(Self::Number(1)),
            _ => TOLD.contains(&text).then(|| Self::Given(vec![text.to_owned()])),
        };
        if found.is_none() {
            let hint = match (vocabulary, hint(text, &TOLD)) {
                (Vocabulary::Answer, Some(hint)) => hint,
                (Vocabulary::Answer, None) => {
                    format!(
                        "write given.NAME for a field of the request, or one of {}",
                        TOLD.join(", ")
                    )
                }
                _ => "write the name of a field, `group/field` for one in a group".to_owned(),
            };
            faults.error_with(place, format!("`{text}` is no source here"), hint);
        }
        found
    }

    /// Reads the name of a source; notes what it is if it is none.
    pub(in crate::integration) fn parse(
        text: &str,
        place: Place<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        if let Some((_, word, _)) = WORDS.iter().find(|(name, ..)| *name == text) {
            return Some(Self::Word(*word));
        }
        match text {
            "item" => return Some(Self::Itself),
            "number" => return Some(Self::Number(1)),
            "position" => return Some(Self::Number(0)),
            _ => {}
        }
        let parsed = match text.split_once('.') {
            Some(("lead", rest)) => FieldPath::parse(rest).map(Self::Lead),
            Some(("item", rest)) => is_name(rest).then(|| Self::Item(rest.to_owned())),
            Some(("bid", rest)) => is_part(rest).then(|| Self::Bid(rest.to_owned())),
            Some(("setting", rest)) => is_name(rest).then(|| Self::Setting(rest.to_owned())),
            Some(("secret", rest)) => is_name(rest).then(|| Self::Secret(rest.to_owned())),
            Some(("call", rest)) => {
                if !OF_CALLS.contains(&rest) {
                    let hint = format!("it has {}", OF_CALLS.join(", "));
                    faults.error_with(place, format!("a call has no `{rest}`"), hint);
                    return None;
                }
                Some(Self::Captured(text.to_owned()))
            }
            Some(("login" | "preping" | "reply", rest)) => {
                is_part(rest).then(|| Self::Captured(text.to_owned()))
            }
            Some(("consent", rest)) => {
                let known = CONSENT.iter().find(|(name, _)| *name == rest);
                if known.is_none() {
                    let names = CONSENT.map(|(name, _)| name).join(", ");
                    let message = format!("consent has no `{rest}`");
                    faults.error_with(place, message, format!("it has {names}"));
                    return None;
                }
                known.map(|(_, element)| Self::Consent(*element))
            }
            _ => FieldPath::parse(text).map(Self::Lead),
        };
        if parsed.is_none() {
            faults.error_with(
                place,
                format!("`{text}` is no source"),
                "write a field of the lead (`zip`, `drivers.1.gender`), `consent.ip`, `setting.x`, \
                 `secret.x`, `bid.reference`, `price`, `now` ..; a constant is `{ value = \"..\" }`",
            );
        }
        parsed
    }

    /// Notes if a call does not have what is named.
    pub(in crate::integration) fn check_phase(
        &self,
        phase: Phase,
        place: Place<'_>,
        faults: &mut Faults<'_>,
    ) {
        let (what, is_there) = match self {
            Self::Whole if phase.sight() == Sight::Whole => return,
            Self::Whole => {
                let message = format!("a {phase} request never has the whole lead");
                return faults.error_with(place, message, "name the fields that it needs");
            }
            Self::Lead(path) => (path.name.as_str(), phase.sight() != Sight::Nothing),
            Self::Consent(_) => ("consent", phase.sight() != Sight::Nothing),
            Self::Bid(_) => ("bid", OF_A_BID.contains(&phase)),
            Self::Word(word) => {
                let known = WORDS.iter().find(|(_, known, _)| known == word);
                known.map_or(("", true), |(name, _, phases)| {
                    (*name, phases.is_empty() || phases.contains(&phase))
                })
            }
            Self::Captured(name) => {
                let family = name.split('.').next().unwrap_or_default();
                let is_there = match family {
                    "login" => phase != Phase::Login,
                    // It is kept nowhere: the ping follows at once, and a post may be made elsewhere.
                    "preping" => phase == Ping,
                    "reply" => matches!(phase, Confirm | Completion),
                    _ => phase == Completion,
                };
                (name.as_str(), is_there)
            }
            Self::Item(_)
            | Self::Itself
            | Self::Number(_)
            | Self::Setting(_)
            | Self::Secret(_)
            | Self::Given(_) => return,
        };
        if !is_there {
            let message = format!("a {phase} request has no `{what}`");
            if what.starts_with("preping.") {
                let hint = "only the ping has what the call before it brought";
                faults.error_with(place, message, hint);
            } else {
                faults.error(place, message);
            }
        }
        if let (Self::Consent(element), Sight::Redacted) = (self, phase.sight()) {
            element.check_in_ping(place, faults);
        }
    }

    /// What to ask instead where it always has a value, so that asking whether it has one says
    /// nothing.
    pub(in crate::integration) const fn always_there(&self) -> Option<&'static str> {
        match self {
            Self::Consent(Consent::Kind) => Some(
                "write { from = \"consent.kind\", in = [\"trustedform\", \"jornaya\"] }, \
                 or consent.has_trustedform_cert or consent.has_jornaya_lead_id",
            ),
            Self::Number(_)
            | Self::Word(
                Word::Now
                | Word::RequestId
                | Word::CampaignId
                | Word::Currency
                | Word::Vertical
                | Word::Vendor
                | Word::Floor
                | Word::DeadlineMs
                | Word::SeatsMax,
            ) => Some("compare it: { from = \"..\", is = \"..\" }, or at_least, at_most"),
            _ => None,
        }
    }

    /// Whether it means something only inside a list.
    pub(in crate::integration) const fn is_of_item(&self) -> bool {
        matches!(self, Self::Item(_) | Self::Itself | Self::Number(_))
    }
}

impl Consent {
    /// The element's name.
    pub(in crate::integration) fn as_str(self) -> &'static str {
        let named = CONSENT.iter().find(|(_, element)| *element == self);
        named.map_or("", |(name, _)| name)
    }

    /// The disclosure without which a ping does not have it.
    pub(in crate::integration) fn disclosure(self) -> Option<&'static str> {
        let part = self.as_str();
        OF_CONSENT.iter().find(|(_, known)| *known == part).map(|(name, _)| *name)
    }

    fn check_in_ping(self, place: Place<'_>, faults: &mut Faults<'_>) {
        let is_plain = matches!(
            self,
            Self::Kind | Self::AgeSeconds | Self::HasTrustedformCert | Self::HasJornayaLeadId
        );
        let is_in_pings = is_plain || self.disclosure().is_some();
        if !is_in_pings {
            faults.error_with(
                place,
                format!("a ping never has `consent.{}`", self.as_str()),
                "a ping has consent.kind, consent.age_seconds, consent.has_trustedform_cert and \
                 consent.has_jornaya_lead_id, and by disclosure consent.ip, \
                 consent.text, consent.user_agent, consent.trustedform_cert_url and \
                 consent.jornaya_lead_id",
            );
        }
    }
}

impl FieldPath {
    /// Reads `zip`, `drivers.1` or `drivers.1.gender`.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let name = parts.next().filter(|name| is_name(name))?.to_owned();
        let is_family = || FAMILIES.contains(&&*name);
        let number = match parts.next() {
            None => return Some(Self { name, item: None, inner: None }),
            Some(_) if is_family() => return None,
            Some(number) => number.parse::<usize>().ok()?.checked_sub(1)?,
        };
        let inner = match parts.next() {
            None => None,
            Some(inner) if is_name(inner) => Some(inner.to_owned()),
            Some(_) => return None,
        };
        parts.next().is_none().then_some(Self { name, item: Some(number), inner })
    }
}

/// Whether a text can be the name of a field, a setting, a secret or a reference.
pub(in crate::integration) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_lowercase())
        && text.len() <= 64
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether a text can name what a reply brings.
fn is_part(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.len() <= 64 && text.chars().all(is_plain)
}

/// The word of the exchange that is nearest to a name.
pub(in crate::integration) fn nearest_word(name: &str) -> Option<&'static str> {
    nearest(name, WORDS.iter().map(|(word, ..)| *word))
}
