//! A lead, a campaign and a profile's text for the tests of this module.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::bid::SeatsWanted;
use crate::domain::decimal::Decimal;
use crate::domain::ids::{LeadId, Partition, PingId, PostId};
use crate::domain::lead::{Consent, Fields, Lead, Source, Value};
use crate::domain::money::Money;
use crate::domain::pii::Pii;
use crate::domain::ping::AnonymizedPing;
use crate::domain::slug::{CampaignId, VendorId, VerticalId};
use crate::domain::vertical::Vertical;
use crate::integration::fault::Fault;
use crate::integration::input::{
    BidInput, Frame, Matter, PingInput, PostInput, SecretText, WonBid,
};
use crate::integration::phase::Phase;
use crate::integration::profile::Profile;
use crate::integration::request::{RenderRefused, RenderedRequest};

const VERTICAL: &str = r#"{
    "id": "auto", "name": "Auto", "field": [
        {"name": "first_name", "type": "name", "pii": "contact", "required": true},
        {"name": "last_name", "type": "name", "pii": "contact"},
        {"name": "phone", "type": "phone", "pii": "contact", "required": true},
        {"name": "email", "type": "email", "pii": "contact"},
        {"name": "ssn", "type": "text", "pii": "sensitive"},
        {"name": "state", "type": "state", "pii": "quasi", "exposure": "as_is", "required": true},
        {"name": "zip", "type": "zip", "pii": "quasi", "exposure": "zip3", "required": true},
        {"name": "date_of_birth", "type": "date", "pii": "quasi", "exposure": "age_band"},
        {"name": "own_or_rent", "type": "enum", "values": ["own", "rent", "other"],
         "pii": "none", "exposure": "as_is"},
        {"name": "insured", "type": "boolean", "pii": "none", "exposure": "as_is"},
        {"name": "miles", "type": "integer", "pii": "none", "exposure": "as_is"},
        {"name": "income", "type": "money", "pii": "none", "exposure": "as_is"},
        {"name": "years_there", "type": "integer", "pii": "none", "exposure": "as_is"},
        {"name": "months_there", "type": "integer", "pii": "none", "exposure": "as_is"},
        {"name": "drivers", "type": "list", "pii": "none", "exposure": "as_is", "item": [
            {"name": "name", "type": "name", "pii": "contact"},
            {"name": "gender", "type": "enum", "values": ["female", "male"], "pii": "none",
             "exposure": "as_is"},
            {"name": "born", "type": "date", "pii": "quasi", "exposure": "year"},
            {"name": "accidents", "type": "integer", "pii": "none", "exposure": "as_is"}]},
        {"name": "vehicles", "type": "list", "pii": "none", "exposure": "as_is", "item": [
            {"name": "year", "type": "integer", "pii": "none", "exposure": "as_is"},
            {"name": "make", "type": "text", "pii": "none", "exposure": "as_is"}]}
    ]}"#;

/// The vertical of the sample.
pub(in crate::integration) fn vertical() -> Vertical {
    serde_json::from_str(VERTICAL).unwrap()
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn fields(values: Vec<(&str, Value)>) -> Fields {
    let mut fields = Fields::new();
    for (name, value) in values {
        fields.push(Arc::from(name), value);
    }
    fields
}

/// The values of a driver.
fn driver(name: &str, gender: &str, born: jiff::civil::Date, accidents: i64) -> Fields {
    fields(vec![
        ("name", text(name)),
        ("gender", text(gender)),
        ("born", Value::Date(born)),
        ("accidents", Value::Integer(accidents)),
    ])
}

fn vehicle(year: i64, make: &str) -> Fields {
    fields(vec![("year", Value::Integer(year)), ("make", text(make))])
}

/// A whole lead.
pub(in crate::integration) fn lead() -> Lead {
    let fields = fields(vec![
        ("first_name", text("Ada")),
        ("last_name", text("Byron")),
        ("phone", text("+12145557312")),
        ("email", text("Ada.Byron@Example.com")),
        ("ssn", text("123456789")),
        ("state", text("TX")),
        ("zip", text("07001")),
        ("date_of_birth", Value::Date(jiff::civil::date(1957, 3, 2))),
        ("own_or_rent", text("own")),
        ("insured", Value::Boolean(true)),
        ("miles", Value::Integer(12_000)),
        ("income", Value::Money(Money::parse("4200").unwrap())),
        ("years_there", Value::Integer(2)),
        ("months_there", Value::Integer(5)),
        (
            "drivers",
            Value::List(vec![
                driver("Ada", "female", jiff::civil::date(1957, 3, 2), 1),
                driver("Tom", "male", jiff::civil::date(1990, 12, 31), 2),
            ]),
        ),
        ("vehicles", Value::List(vec![vehicle(2019, "Toyota"), vehicle(2004, "Ford & Sons")])),
        ("score", Value::Decimal(Decimal::parse("12.5").unwrap())),
    ]);
    Lead {
        id: LeadId::new(Partition(0), 1),
        vendor: VendorId::parse("v").unwrap(),
        vertical: VerticalId::parse("auto").unwrap(),
        fields: Pii::new(fields),
        consent: Pii::new(Consent {
            text: Some("I agree".to_owned()),
            given_at: Some("2026-11-23T14:00:00Z".parse().unwrap()),
            ip: Some("203.0.113.9".parse().unwrap()),
            page_url: Some("https://quotes.example/?a=1&b=2".to_owned()),
            trustedform_cert_url: Some("https://cert.trustedform.com/abc".to_owned()),
            user_agent: Some("Mozilla/5.0".to_owned()),
            ..Consent::default()
        }),
        source: Source { sub_id: Some("s1".to_owned()), click_id: Some("c1".to_owned()) },
        submitted_at: None,
        floor: Money::ZERO,
        received_at: "2026-11-23T14:01:00Z".parse().unwrap(),
        test: true,
    }
}

/// Everything a request can be rendered from.
pub(in crate::integration) struct Sample {
    pub(in crate::integration) lead: Lead,
    pub(in crate::integration) ping: AnonymizedPing,
    pub(in crate::integration) campaign: CampaignId,
    pub(in crate::integration) url: String,
    pub(in crate::integration) settings: BTreeMap<String, String>,
    pub(in crate::integration) secrets: BTreeMap<String, SecretText>,
    pub(in crate::integration) captured: BTreeMap<String, String>,
    pub(in crate::integration) sold_to: Vec<String>,
    pub(in crate::integration) reference: String,
}

fn names(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

/// The sample, its ping with these disclosures.
pub(in crate::integration) fn sample(disclosures: &[&str]) -> Sample {
    let lead = lead();
    let disclosures: Vec<String> = disclosures.iter().map(|name| (*name).to_owned()).collect();
    let today = jiff::civil::date(2026, 11, 23);
    let ping = crate::ping::redact::redact(&lead, &vertical(), &disclosures, today);
    let secrets = [("key", "k&y"), ("user", "gavel"), ("password", "a:b")];
    let secret = |(name, text): (&str, &str)| (name.to_owned(), SecretText::new(text.to_owned()));
    Sample {
        lead,
        ping,
        campaign: CampaignId::parse("acme-tx").unwrap(),
        url: "https://buyer.example/api".to_owned(),
        settings: names(&[("sender_id", "77")]),
        secrets: secrets.into_iter().map(secret).collect(),
        captured: names(&[("login.token", "tok-1"), ("reply.capture_key", "ck-9")]),
        sold_to: vec!["First Co".to_owned(), "Second, Inc".to_owned()],
        reference: r#"{"lead":"L-7","reference":"B/1 2"}"#.to_owned(),
    }
}

impl Sample {
    pub(in crate::integration) fn frame(&self) -> Frame<'_> {
        Frame {
            campaign_id: &self.campaign,
            url: Some(&self.url),
            currency: "USD",
            now: "2026-11-23T14:02:03Z".parse().unwrap(),
            request_id: "req_1",
            settings: &self.settings,
            secrets: &self.secrets,
            captured: &self.captured,
        }
    }

    fn matter(&self) -> Matter<'_> {
        Matter {
            vertical: &self.lead.vertical,
            test: self.lead.test,
            vendor: "src_9",
            sub_source: Some("sub_4"),
            floor: Money::parse("7.50").unwrap(),
            deadline_ms: 1_900,
            seats_max: 3,
            sold_to: &self.sold_to,
        }
    }

    pub(in crate::integration) fn bid(&self) -> WonBid<'_> {
        WonBid {
            ping_id: Some(PingId::new(7)),
            reference: Some(&self.reference),
            price: Money::parse("21.50").unwrap(),
            seats: SeatsWanted::Exclusive,
        }
    }

    pub(in crate::integration) fn ping_input(&self) -> PingInput<'_> {
        PingInput {
            frame: self.frame(),
            matter: self.matter(),
            ping_id: PingId::new(7),
            ping: &self.ping,
        }
    }

    pub(in crate::integration) fn post_input(&self) -> PostInput<'_> {
        PostInput {
            frame: self.frame(),
            matter: self.matter(),
            post_id: PostId::new(Partition(0), 9),
            bid: self.bid(),
            lead: &self.lead,
            ping: Some(&self.ping),
        }
    }

    pub(in crate::integration) fn bid_input(&self) -> BidInput<'_> {
        BidInput {
            frame: self.frame(),
            bid: self.bid(),
            post_id: None,
            lead_id: None,
            sold_price: Money::parse("23").ok(),
        }
    }

    /// Renders a call of the profile with this text.
    pub(in crate::integration) fn render(
        &self,
        profile: &str,
        phase: Phase,
    ) -> Result<RenderedRequest, RenderRefused> {
        let profile = compile(profile);
        match phase {
            Phase::Login => profile.render_login(&self.frame()),
            Phase::Preping => profile.render_preping(&self.ping_input()),
            Phase::Ping => profile.render_ping(&self.ping_input()),
            Phase::Post => profile.render_post(&self.post_input()),
            Phase::Confirm => profile.render_confirm(&self.post_input()),
            Phase::Completion => profile.render_completion(&self.post_input()),
            Phase::Status => profile.render_status(&self.bid_input()),
            Phase::LoserNotice => profile.render_loser_notice(&self.bid_input()),
        }
    }

    /// The body of a call that is rendered.
    pub(in crate::integration) fn body(&self, profile: &str, phase: Phase) -> String {
        let rendered = self.render(profile, phase);
        let rendered = rendered.unwrap_or_else(|refused| panic!("{refused}: {profile}"));
        String::from_utf8(rendered.body).unwrap()
    }
}

/// Compiles a text that has no faults; a text without a name gets one.
pub(in crate::integration) fn compile(text: &str) -> Profile {
    Profile::compile(&named(text)).unwrap_or_else(|faults| panic!("{}\n{text}", listed(&faults)))
}

/// The faults of a text.
pub(in crate::integration) fn faults(text: &str) -> Vec<String> {
    match Profile::compile(&named(text)) {
        Ok(profile) => profile.warnings().iter().map(ToString::to_string).collect(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

/// The faults of a text, as one text.
pub(in crate::integration) fn listed(faults: &[Fault]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

/// What stands for the replies that a text leaves out: a profile without them is refused.
const REPLIES: [(&str, &str); 5] = [
    (
        "ping",
        "bid = { price = \"$.price\", reference = \"$.id\", references = { lead = \"$.lead\" } }",
    ),
    ("post", "captures = { capture_key = \"$.key\" }"),
    ("confirm", ""),
    ("status", ""),
    ("login", "token = \"$.token\""),
];

fn named(text: &str) -> String {
    let mut whole = text.to_owned();
    if !text.starts_with("profile") {
        whole.insert_str(0, "profile = \"t\"\n");
    }
    for (phase, lines) in REPLIES {
        let has_request = text.contains(&format!("[{phase}.request"));
        if has_request && !text.contains(&format!("[{phase}.reply")) {
            let rules = if phase == "login" {
                ""
            } else {
                "rules = [{ when = { http_status = 200 }, outcome = \"accept\" }, \
                 { when = { http_status = 204 }, outcome = \"refuse\" }]\n"
            };
            whole.push_str(&format!("\n[{phase}.reply]\n{lines}\n{rules}"));
        }
    }
    whole
}
