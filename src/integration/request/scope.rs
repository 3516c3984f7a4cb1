//! What sources mean for one request.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::super::datum::{Datum, Item, Items};
use super::super::input::Seen;
use super::effort::Effort;
use super::source::{Consent, FieldPath, Source, Word};
use crate::domain::bid::SeatsWanted;
use crate::domain::lead::{Lead, Value};
use crate::domain::time::years_between;

/// The values at hand while a request is rendered.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) seen: &'a Seen<'a>,
    /// The bid's references by name.
    pub(super) references: &'a BTreeMap<String, String>,
    /// What making the request takes.
    pub(super) effort: &'a Effort,
    /// The item at hand, in a list.
    pub(super) item: Option<Item<'a>>,
    /// Its position, from 0.
    pub(super) position: usize,
}

impl<'a> Scope<'a> {
    /// The same with another item at hand.
    pub(super) const fn at(self, item: Item<'a>, position: usize) -> Self {
        Self { item: Some(item), position, ..self }
    }

    /// The value of a source, if it has one.
    pub(super) fn read(&self, source: &'a Source) -> Option<Datum<'a>> {
        self.effort.add(1);
        match source {
            // It is written by its fields.
            Source::Whole => None,
            Source::Lead(path) => self.field(path),
            Source::Item(name) => self.item?.value(name),
            Source::Itself => self.item?.itself(),
            Source::Number(from) => {
                self.item?;
                Some(Datum::Integer(i64::try_from(self.position).ok()? + from))
            }
            Source::Consent(element) => self.consent(*element),
            Source::Word(word) => self.word(*word),
            Source::Bid(name) => self.references.get(name).map(|text| Datum::text(text)),
            Source::Setting(name) => {
                self.seen.frame.settings.get(name).map(|text| Datum::text(text))
            }
            Source::Secret(name) => {
                self.seen.frame.secrets.get(name).map(|secret| Datum::text(secret.reveal()))
            }
            Source::Captured(name) => {
                self.seen.frame.captured.get(name).map(|text| Datum::text(text))
            }
            Source::Given(path) => self.given(path),
        }
    }

    /// What a vendor sent, or is told, under these names. A blank text is no value, and a group by
    /// itself is a list of one.
    fn given(&self, path: &[String]) -> Option<Datum<'a>> {
        let (first, rest) = path.split_first()?;
        let mut value = self.seen.given?.get(first)?;
        for name in rest {
            value = value.get(name)?;
        }
        match value {
            Json::Object(_) => Some(Datum::List(Items::Json(std::slice::from_ref(value)))),
            Json::String(text) if text.trim().is_empty() => None,
            _ => Datum::of_json(value),
        }
    }

    fn field(&self, path: &FieldPath) -> Option<Datum<'a>> {
        let value = self.top_field(&path.name)?;
        let Some(position) = path.item else { return Some(value) };
        let Datum::List(items) = value else { return None };
        let item = items.at(position)?;
        match &path.inner {
            Some(inner) => item.value(inner),
            None => item.itself(),
        }
    }

    fn top_field(&self, name: &str) -> Option<Datum<'a>> {
        if let Some(lead) = self.seen.lead {
            let fields = lead.fields.expose();
            if let Some(value) = fields.value(name) {
                return Some(Datum::of_lead(value));
            }
            if name == "age"
                && let Some(Value::Date(birth)) = fields.value("date_of_birth")
            {
                let today = jiff::tz::Offset::UTC.to_datetime(self.seen.frame.now).date();
                return Some(Datum::Integer(years_between(*birth, today)));
            }
        }
        self.seen.ping?.lead.get(name).and_then(Datum::of_json)
    }

    fn consent(&self, element: Consent) -> Option<Datum<'a>> {
        if let Some(lead) = self.seen.lead {
            return whole_consent(lead, element);
        }
        let ping = self.seen.ping?;
        match element {
            Consent::HasTrustedformCert => return Some(Datum::Boolean(ping.has_trustedform_cert)),
            Consent::HasJornayaLeadId => return Some(Datum::Boolean(ping.has_jornaya_lead_id)),
            _ => {}
        }
        let consent: &Map<String, Json> = &ping.consent;
        consent.get(element.as_str()).and_then(Datum::of_json)
    }

    fn word(&self, word: Word) -> Option<Datum<'a>> {
        let seen = self.seen;
        let matter = || seen.matter.as_ref();
        Some(match word {
            Word::Now => Datum::Moment(seen.frame.now),
            Word::RequestId => Datum::text(seen.frame.request_id),
            Word::CampaignId => Datum::text(seen.frame.campaign_id.as_str()),
            Word::Currency => Datum::text(seen.frame.currency),
            Word::Test => Datum::Boolean(matter()?.test),
            Word::Vertical => Datum::text(matter()?.vertical.as_str()),
            Word::Vendor => Datum::text(matter()?.vendor),
            Word::SubSource => Datum::text(matter()?.sub_source?),
            Word::Floor => Datum::Money(matter()?.floor),
            Word::DeadlineMs => Datum::Integer(i64::try_from(matter()?.deadline_ms).ok()?),
            Word::SeatsMax => Datum::Integer(i64::from(matter()?.seats_max)),
            Word::SoldTo => Datum::List(Items::Texts(matter()?.sold_to)),
            Word::PingId => Datum::owned(seen.ping_id?.to_string()),
            Word::PostId => Datum::owned(seen.post_id?.to_string()),
            Word::LeadId => Datum::owned(seen.lead_id?.to_string()),
            Word::Price => Datum::Money(seen.bid?.price),
            Word::SoldPrice => Datum::Money(seen.sold_price?),
            Word::Seats => Datum::text(match seen.bid?.seats {
                SeatsWanted::Exclusive => "exclusive",
                SeatsWanted::Shared => "shared",
            }),
            Word::ReceivedAt => Datum::Moment(seen.lead?.received_at),
            Word::SubmittedAt => Datum::Moment(seen.lead?.submitted_at?),
        })
    }
}

fn whole_consent(lead: &Lead, element: Consent) -> Option<Datum<'_>> {
    let consent = lead.consent.expose();
    let text = |text: &'_ Option<String>| text.is_some();
    Some(match element {
        Consent::Text => Datum::text(consent.text.as_deref()?),
        Consent::GivenAt => Datum::Moment(consent.given_at?),
        Consent::Ip => Datum::owned(consent.ip?.to_string()),
        Consent::PageUrl => Datum::text(consent.page_url.as_deref()?),
        Consent::TrustedformCertUrl => Datum::text(consent.trustedform_cert_url.as_deref()?),
        Consent::JornayaLeadId => Datum::text(consent.jornaya_lead_id.as_deref()?),
        Consent::UserAgent => Datum::text(consent.user_agent.as_deref()?),
        Consent::Sellers if consent.sellers.is_empty() => return None,
        Consent::Sellers => Datum::List(Items::Texts(&consent.sellers)),
        Consent::Kind => Datum::text(if text(&consent.trustedform_cert_url) {
            "trustedform"
        } else if text(&consent.jornaya_lead_id) {
            "jornaya"
        } else if text(&consent.text) {
            "text"
        } else {
            "none"
        }),
        Consent::HasTrustedformCert => Datum::Boolean(text(&consent.trustedform_cert_url)),
        Consent::HasJornayaLeadId => Datum::Boolean(text(&consent.jornaya_lead_id)),
        Consent::AgeSeconds => {
            let age = lead.received_at.as_second() - consent.given_at?.as_second();
            Datum::Integer(age.max(0))
        }
    })
}
