//! A vendor's post: the contact data of a lead that was pinged before.
//!
//! What the ping said is fixed. A post may say it again, and gets a fault for every field that it
//! says differently or adds; only contact fields and further proof of consent are new.

use super::consent;
use super::{Body, IntakeContext, IntakeLimits, Need, Object, Reader, lead, not_an_object};
use crate::domain::lead::{CONSENT_KEYS, Consent, Fields, Warning};
use crate::domain::money::Money;
use crate::domain::offer::OFFERS_MAX;
use crate::domain::pii::Pii;
use crate::domain::vertical::ConsentElement;
use crate::intake::canonical::canonical;
use crate::intake::document::{self, Node};
use crate::intake::fault::{FaultCode, FaultKind, InvalidSubmission, Refusal};
use crate::intake::fields::{is_blank, number, text_of};
use crate::registry::vertical::CompiledVertical;

/// The keys of a vendor's post.
pub const POST_KEYS: [&str; 6] =
    ["ping_id", "offer_ids", "min_payout", "lead", "consent", "wait_ms"];

/// A vendor's post that is parsed and not yet held against its ping. No `Debug`: it holds a
/// consumer's data.
pub struct PostDocument {
    entries: Vec<(String, Node)>,
    ping_id: String,
    canonical: Pii<Vec<u8>>,
}

/// What the ping fixed.
pub struct Pinged<'p> {
    /// The vertical.
    pub vertical: &'p CompiledVertical,
    /// The lead's fields so far.
    pub fields: &'p Pii<Fields>,
    /// The proof of consent so far.
    pub consent: &'p Pii<Consent>,
}

/// A vendor's post, read: the whole lead, and what the vendor takes.
#[derive(Clone)]
pub struct PostSubmission {
    /// The consumer's data, that of the ping included.
    pub fields: Pii<Fields>,
    /// The consumer's consent, that of the ping included.
    pub consent: Pii<Consent>,
    /// Elements of consent that the vertical requires and that neither body has.
    pub consent_missing: Vec<ConsentElement>,
    /// The offers it takes, as it writes them; absent = the best one.
    pub offer_ids: Option<Vec<String>>,
    /// From what payout on anybody else may get the lead; absent = what the offer pays.
    pub min_payout: Option<Money>,
    /// What was left aside.
    pub warnings: Vec<Warning>,
}

impl PostDocument {
    /// Parses a body, and finds the ping it belongs to.
    ///
    /// # Errors
    /// [`InvalidSubmission`]: unreadable, too large, or without a ping id.
    pub fn parse(body: Body<'_>, limits: &IntakeLimits) -> Result<Self, InvalidSubmission> {
        let document = document::parse(body.content, body.bytes, &limits.document)?;
        let canonical = Pii::new(canonical(&document));
        let Node::Object(entries) = document else { return Err(not_an_object()) };
        let named = entries.iter().find(|(key, node)| key == "ping_id" && !is_blank(node));
        let missing = || Refusal::new(FaultCode::Required, "this field is required");
        let ping_id = named.ok_or_else(missing).and_then(|(_, node)| text_of(node));
        let ping_id = ping_id.map(|text| text.trim().to_owned());
        match ping_id {
            Ok(ping_id) => Ok(Self { entries, ping_id, canonical }),
            Err(refusal) => Err(InvalidSubmission {
                kind: FaultKind::InvalidLead,
                detail: "one field is missing or wrong".to_owned(),
                errors: vec![refusal.at("/ping_id".to_owned())],
            }),
        }
    }

    /// The ping it names, as it writes it.
    #[must_use]
    pub fn ping_id(&self) -> &str {
        &self.ping_id
    }

    /// The bytes that tell whether two posts are the same.
    #[must_use]
    pub const fn canonical(&self) -> &Pii<Vec<u8>> {
        &self.canonical
    }

    /// How long the vendor waits for an answer, if it says so in a number; [`PostDocument::read`]
    /// refuses anything else.
    #[must_use]
    pub fn wait_ms(&self) -> Option<u64> {
        let (_, node) = self.entries.iter().find(|(key, _)| key == "wait_ms")?;
        number::whole_between(node, 0, u64::MAX).ok()
    }

    /// Reads the post against its ping; `context.is_test_key` says whether the lead is a test.
    ///
    /// # Errors
    /// [`InvalidSubmission`] with every field that is missing, wrong, or not as in the ping.
    pub fn read(
        &self,
        pinged: &Pinged<'_>,
        context: &IntakeContext<'_>,
    ) -> Result<PostSubmission, InvalidSubmission> {
        let mut reader = Reader::new(context);
        for (key, _) in self.entries.iter().filter(|(key, _)| !POST_KEYS.contains(&key.as_str())) {
            reader.unknown("", key);
        }
        let body = Object { entries: &self.entries, pointer: String::new() };
        let offer_ids = offer_ids(&mut reader, &body);
        let min_payout = reader.optional(&body, "min_payout", number::amount);
        let nothing = Object { entries: &[], pointer: "/lead".to_owned() };
        let said = reader.object(&body, "lead", Need::Optional).unwrap_or(nothing);
        let list = pinged.vertical.fields();
        let fields = lead::fields(&mut reader, list, &said, Some(pinged.fields.expose()));
        let consent = consent::consent(&mut reader, &body);
        let consent = joined(&mut reader, pinged.consent.expose(), consent);
        let _ = reader.wait_ms(&body);
        reader.finish_faults()?;
        Ok(PostSubmission {
            consent_missing: consent::missing(&pinged.vertical.vertical().consent, &consent),
            fields: Pii::new(fields),
            consent: Pii::new(consent),
            offer_ids,
            min_payout,
            warnings: reader.warnings,
        })
    }
}

fn offer_ids(reader: &mut Reader<'_>, body: &Object<'_>) -> Option<Vec<String>> {
    let pointer = body.place("offer_ids");
    let items = match body.value("offer_ids")? {
        Node::Array(items) if items.is_empty() => {
            let rule = "at least one offer; leave the field out to take the best one";
            reader.fault(Refusal::new(FaultCode::TooFewItems, rule), pointer);
            return None;
        }
        Node::Array(items) if items.len() <= OFFERS_MAX => items,
        Node::Array(_) => {
            let rule = format!("at most {OFFERS_MAX} offers");
            reader.fault(Refusal::new(FaultCode::TooManyItems, rule), pointer);
            return None;
        }
        _ => {
            reader.fault(Refusal::new(FaultCode::Type, "a list of offer ids"), pointer);
            return None;
        }
    };
    let read = items.iter().enumerate().filter_map(|(at, item)| {
        let text = text_of(item).map(|text| text.trim().to_owned());
        reader.keep(text, format!("{pointer}/{at}"))
    });
    Some(read.collect())
}

/// The consent of both bodies; an element that both have must be the same.
fn joined(reader: &mut Reader<'_>, pinged: &Consent, posted: Consent) -> Consent {
    let mut join = Join { reader };
    let sellers =
        |consent: &Consent| Some(consent.sellers.clone()).filter(|sellers| !sellers.is_empty());
    let both_sellers = (sellers(pinged), sellers(&posted));
    let [text, given_at, ip, page_url, certificate, jornaya, named, browser] = CONSENT_KEYS;
    Consent {
        text: join.one(text, pinged.text.clone(), posted.text),
        given_at: join.one(given_at, pinged.given_at, posted.given_at),
        ip: join.one(ip, pinged.ip, posted.ip),
        page_url: join.one(page_url, pinged.page_url.clone(), posted.page_url),
        trustedform_cert_url: join.one(
            certificate,
            pinged.trustedform_cert_url.clone(),
            posted.trustedform_cert_url,
        ),
        jornaya_lead_id: join.one(jornaya, pinged.jornaya_lead_id.clone(), posted.jornaya_lead_id),
        sellers: join.one(named, both_sellers.0, both_sellers.1).unwrap_or_default(),
        user_agent: join.one(browser, pinged.user_agent.clone(), posted.user_agent),
    }
}

struct Join<'r, 'c> {
    reader: &'r mut Reader<'c>,
}

impl Join<'_, '_> {
    fn one<T: PartialEq>(&mut self, key: &str, pinged: Option<T>, posted: Option<T>) -> Option<T> {
        if pinged.is_some() && posted.is_some() && pinged != posted {
            self.reader.frozen(format!("/consent/{key}"));
        }
        pinged.or(posted)
    }
}

#[cfg(test)]
mod tests;
