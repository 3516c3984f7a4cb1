//! Proof of consent: what the vendor sent of it, and what the vertical misses.

use super::{Need, Object, Reader};
use crate::domain::lead::{CONSENT_KEYS, Consent};
use crate::domain::vertical::{ConsentElement, ConsentRule};
use crate::intake::document::Node;
use crate::intake::fault::{FaultCode, Refusal};
use crate::intake::fields::{date, evidence, is_blank, text, text_of};

/// The longest text of a consent, in characters.
pub const CONSENT_TEXT_LENGTH_MAX: usize = 8_000;
/// The longest name of a browser, in characters.
pub const USER_AGENT_LENGTH_MAX: usize = 500;
/// The most sellers a consent names.
pub const SELLERS_MAX: usize = 100;
/// The longest name of a seller, in characters.
pub const SELLER_LENGTH_MAX: usize = 200;

/// Reads `consent`; an element that is there must be right.
pub(super) fn consent(reader: &mut Reader<'_>, body: &Object<'_>) -> Consent {
    let Some(object) = reader.object(body, "consent", Need::Optional) else {
        return Consent::default();
    };
    for (key, _) in object.entries.iter().filter(|(key, _)| !super::is_one_of(key, &CONSENT_KEYS)) {
        reader.unknown(&object.pointer, key);
    }
    let now = reader.context.now;
    let words = |node: &Node| text::plain(text_of(node)?, CONSENT_TEXT_LENGTH_MAX);
    let browser = |node: &Node| {
        let named = text::plain(text_of(node)?, USER_AGENT_LENGTH_MAX)?;
        Ok(named.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    let given_at = |node: &Node| date::past_instant(text_of(node)?, now);
    let certificate = |node: &Node| evidence::trustedform_cert_url(text_of(node)?);
    let lead_id = |node: &Node| evidence::jornaya_lead_id(text_of(node)?);
    Consent {
        text: reader.optional(&object, "text", words),
        given_at: reader.optional(&object, "given_at", given_at),
        ip: reader.optional(&object, "ip", |node| evidence::ip(text_of(node)?)),
        page_url: reader.optional(&object, "page_url", |node| evidence::page_url(text_of(node)?)),
        trustedform_cert_url: reader.optional(&object, "trustedform_cert_url", certificate),
        jornaya_lead_id: reader.optional(&object, "jornaya_lead_id", lead_id),
        sellers: sellers(reader, &object),
        user_agent: reader.optional(&object, "user_agent", browser),
    }
}

fn sellers(reader: &mut Reader<'_>, consent: &Object<'_>) -> Vec<String> {
    let pointer = consent.place("sellers");
    let items = match consent.value("sellers") {
        None => return Vec::new(),
        Some(Node::Array(items)) if items.len() <= SELLERS_MAX => items,
        Some(Node::Array(_)) => {
            let rule = format!("at most {SELLERS_MAX} sellers");
            reader.fault(Refusal::new(FaultCode::TooManyItems, rule), pointer);
            return Vec::new();
        }
        Some(_) => {
            reader.fault(Refusal::new(FaultCode::Type, "a list of names"), pointer);
            return Vec::new();
        }
    };
    let name = |(at, node): (usize, &Node)| {
        let named = match node {
            blank if is_blank(blank) => Err(Refusal::new(FaultCode::Required, "a seller's name")),
            node => text_of(node).and_then(|name| text::plain(name, SELLER_LENGTH_MAX)),
        };
        reader.keep(named, format!("{pointer}/{at}"))
    };
    items.iter().enumerate().filter_map(name).collect()
}

/// The elements that the vertical requires and that are not there, in the vertical's order.
pub(super) fn missing(rule: &ConsentRule, consent: &Consent) -> Vec<ConsentElement> {
    let is_missing = |element: &&ConsentElement| match element {
        ConsentElement::Text => consent.text.is_none(),
        ConsentElement::GivenAt => consent.given_at.is_none(),
        ConsentElement::Ip => consent.ip.is_none(),
        ConsentElement::PageUrl => consent.page_url.is_none(),
        ConsentElement::TrustedformCertUrl => consent.trustedform_cert_url.is_none(),
        ConsentElement::JornayaLeadId => consent.jornaya_lead_id.is_none(),
        ConsentElement::Sellers => consent.sellers.is_empty(),
        ConsentElement::UserAgent => consent.user_agent.is_none(),
    };
    rule.required.iter().filter(is_missing).copied().collect()
}
