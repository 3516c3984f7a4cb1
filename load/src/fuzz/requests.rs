//! Profiles of every shape, sound and broken, and what they make of hostile leads: faults, a refusal
//! with a reason, or a request that is well-formed.

mod judged;

use std::collections::BTreeMap;
use std::sync::Arc;

use gavel::domain::bid::SeatsWanted;
use gavel::domain::ids::{LeadId, Partition, PingId, PostId};
use gavel::domain::lead::{Consent, Fields, Lead, Source, Value};
use gavel::domain::money::Money;
use gavel::domain::pii::Pii;
use gavel::domain::ping::AnonymizedPing;
use gavel::domain::slug::{CampaignId, VendorId, VerticalId};
use gavel::domain::vertical::Vertical;
use gavel::integration::{
    Frame, Matter, PingInput, PostInput, Profile, RenderRefused, SecretText, WonBid,
};
use gavel::ping::redact::redact;
use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;

use super::Judged;
use super::mutate::mutate;
use judged::judge_request;

/// What may become of a profile and a lead.
pub const OUTCOMES: &[&str] = &[
    "faulty",
    "not sent",
    "sent: application/json",
    "sent: application/x-www-form-urlencoded",
    "sent: application/xml; charset=utf-8",
    "sent: text/xml; charset=utf-8",
    "sent: text/plain; charset=utf-8",
    "sent: no body",
];

/// The campaign's own URL.
const OWN_URL: &str = "https://buyer.example/x";

/// Fields of the lead and their like.
const SOURCES: [&str; 23] = [
    "zip",
    "first_name",
    "phone",
    "email",
    "born",
    "miles",
    "income",
    "insured",
    "drivers",
    "drivers.1.name",
    "drivers.2.born",
    "email_domain",
    "phone_sha256",
    "consent.user_agent",
    "consent.ip",
    "consent.text",
    "consent.given_at",
    "bid.reference",
    "price",
    "now",
    "test",
    "setting.sender",
    "secret.key",
];

/// Steps that may stand beside a source, with what may stand beside those.
const STEPS: [&str; 22] = [
    "",
    "",
    "",
    ", date = \"MM/DD/YYYY hh:mm:ss +hhmm\"",
    ", date = \"unix\"",
    ", phone = \"NNN-NNN-NNNN\"",
    ", phone = \"last4\"",
    ", digits = \"last3\"",
    ", case = \"title\", max_chars = 3",
    ", hash = \"sha1\"",
    ", boolean = [\"Y\", \"N\"]",
    ", map = { own = 1, rent = true, x = \"<&\\\"\" }, default = \"]]>\"",
    ", bands = { 0 = \"a\", 500 = 2 }",
    ", decimals = 2",
    ", cents = true",
    ", times = 1000000",
    ", divided_by = 7, as = \"number\"",
    ", as = \"text\"",
    ", as = \"boolean\"",
    ", since = \"months\"",
    ", email = \"domain\", missing = \"null\"",
    ", count = true, required = true",
];

const NAMES: [&str; 12] = [
    "a",
    "b",
    "\"Lead.Zip\"",
    "c-d",
    "_e",
    "\"driver{n}\"",
    "\"x{i}_y\"",
    "\"é\"",
    "\"p:q\"",
    "F",
    "\"\"",
    "xmlns",
];

const TEMPLATES: [&str; 7] = [
    "{{ lead.zip }}",
    "{% for d in lead.drivers %}{{ d.name|upper }}{% endfor %}",
    "{\\\"a\\\":{{ lead.first_name }}}",
    "<a b='{{ lead.first_name|safe }}'>{{ lead.zip }}</a>",
    "a={{ lead.first_name }}&b={{ price }}",
    "{{ 'x' * 100000 }}",
    "{% if lead.zip is defined %}{{ lead.first_name ~ lead.zip }}{% endif %}",
];

/// URLs that profiles may have: the campaign's own, below it, and such as would lead out of it.
const URLS: [&str; 9] = [
    "{url}?y=z&k={SOURCE}",
    "{url}/{SOURCE}",
    "{url}/.{SOURCE}",
    "{url}/a/{SOURCE}{SOURCE}/b?k={SOURCE}",
    "{url}&k={SOURCE}",
    "{url}/../{SOURCE}",
    "{url}/a%2F%2e%2E/{SOURCE}",
    "{url}/..\\\\{SOURCE}",
    "{url}/a?k=/../{SOURCE}",
];

const HOSTILE: [&str; 17] = [
    "",
    ".",
    "..",
    "%2e%2e",
    "own",
    "07001",
    "+12145557312",
    "Ada.Byron@Example.com",
    "a\r\nb: c",
    "</a><b>]]>&amp;\"'",
    "\0\u{1}\u{b}\u{fffe}\u{ffff}\u{85}",
    "\u{202e}é\u{1f600}",
    "../..",
    "{{ 7 * 7 }}{zip}",
    "a&b=c#d?e%00",
    "2026-11-23T14:00:00Z",
    "1957-03-02",
];

/// What every case uses.
pub struct Requests {
    vertical: Vertical,
    campaign: CampaignId,
    vendor: VendorId,
    settings: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretText>,
    captured: BTreeMap<String, String>,
    sold_to: Vec<String>,
    disclosures: Vec<String>,
}

impl Requests {
    pub fn new() -> anyhow::Result<Self> {
        let vertical = serde_json::from_value(serde_json::json!({
            "id": "t", "name": "T", "field": [
                {"name": "zip", "type": "zip", "pii": "quasi", "exposure": "as_is"},
                {"name": "first_name", "type": "name", "pii": "contact", "required": true},
                {"name": "phone", "type": "phone", "pii": "contact"},
                {"name": "email", "type": "email", "pii": "contact"},
                {"name": "born", "type": "date", "pii": "quasi", "exposure": "year"},
                {"name": "miles", "type": "integer", "pii": "none", "exposure": "as_is"},
                {"name": "income", "type": "money", "pii": "none", "exposure": "as_is"},
                {"name": "insured", "type": "boolean", "pii": "none", "exposure": "as_is"},
                {"name": "drivers", "type": "list", "pii": "none", "exposure": "as_is", "item": [
                    {"name": "name", "type": "name", "pii": "contact"},
                    {"name": "born", "type": "date", "pii": "quasi", "exposure": "as_is"}]}
            ]
        }))?;
        let text = |text: &str| text.to_owned();
        Ok(Self {
            vertical,
            campaign: CampaignId::parse("c").map_err(|fault| anyhow::anyhow!("{fault}"))?,
            vendor: VendorId::parse("v").map_err(|fault| anyhow::anyhow!("{fault}"))?,
            settings: BTreeMap::from([(text("sender"), text("77"))]),
            secrets: BTreeMap::from([(text("key"), SecretText::new(text("k&\"<")))]),
            captured: BTreeMap::from([(text("login.token"), text("t"))]),
            sold_to: vec![text("A & B")],
            disclosures: ["email_domain", "phone_sha256", "consent_text"].map(text).to_vec(),
        })
    }

    /// Makes a profile and a lead, and judges what becomes of them.
    pub fn judge(&self, random: &mut ChaCha8Rng) -> Judged {
        let mut text = profile(random);
        if random.random_bool(0.25) {
            let mut bytes = text.into_bytes();
            mutate(&mut bytes, &["from", "each", "fields", "when", "[ping.request]"], random);
            text = String::from_utf8_lossy(&bytes).into_owned();
        }
        let profile = match Profile::compile(&text) {
            Ok(profile) => profile,
            Err(faults) if faults.is_empty() || faults.iter().any(|fault| fault.line == 0) => {
                return Err(format!("refused without a fault at a place: {text}"));
            }
            Err(_) => return Ok("faulty"),
        };
        drop(profile.lint(&self.vertical, &self.disclosures));
        drop(profile.disclosures(&self.vertical));
        let lead = self.lead(random);
        let today = jiff::civil::date(2026, 11, 23);
        let ping = redact(&lead, &self.vertical, &self.disclosures, today);
        let rendered = if random.random_bool(0.4) {
            profile.render_ping(&self.ping_input(&lead, &ping))
        } else {
            profile.render_post(&self.post_input(&lead, &ping))
        };
        match rendered {
            Err(RenderRefused::NoSuchRequest) => Ok("not sent"),
            Err(refused) if refused.as_str().is_empty() => Err("refused without reason".to_owned()),
            Err(_) => Ok("not sent"),
            Ok(rendered) => judge_request(&rendered).map_err(|why| format!("{why}: {text}")),
        }
    }

    fn lead(&self, random: &mut ChaCha8Rng) -> Lead {
        let mut text = || {
            let text = HOSTILE.choose(random).copied().unwrap_or_default();
            Value::Text(text.to_owned())
        };
        let mut driver = Fields::new();
        driver.push(Arc::from("name"), text());
        let mut fields = Fields::new();
        for name in ["zip", "first_name", "phone", "email"] {
            fields.push(Arc::from(name), text());
        }
        if random.random_bool(0.8) {
            driver.push(Arc::from("born"), Value::Date(jiff::civil::date(1990, 12, 31)));
            fields.push(Arc::from("born"), Value::Date(jiff::civil::date(1957, 3, 2)));
            fields.push(Arc::from("insured"), Value::Boolean(random.random()));
        }
        fields.push(Arc::from("miles"), Value::Integer(random.random()));
        fields.push(Arc::from("income"), Value::Money(Money::MAX));
        let drivers = vec![driver; random.random_range(0..4)];
        fields.push(Arc::from("drivers"), Value::List(drivers));
        let consent = Consent {
            text: Some(HOSTILE.choose(random).copied().unwrap_or_default().to_owned()),
            given_at: Some(Timestamp::MAX).filter(|_| random.random()),
            ..Consent::default()
        };
        Lead {
            id: LeadId::new(Partition(0), 1),
            vendor: self.vendor.clone(),
            vertical: self.vertical.id.clone(),
            fields: Pii::new(fields),
            consent: Pii::new(consent),
            source: Source::default(),
            submitted_at: None,
            floor: Money::ZERO,
            received_at: Timestamp::UNIX_EPOCH,
            test: random.random(),
        }
    }

    fn frame(&self) -> Frame<'_> {
        Frame {
            campaign_id: &self.campaign,
            url: Some(OWN_URL),
            currency: "USD",
            now: Timestamp::UNIX_EPOCH,
            request_id: "req",
            settings: &self.settings,
            secrets: &self.secrets,
            captured: &self.captured,
        }
    }

    fn matter<'a>(&'a self, vertical: &'a VerticalId, test: bool) -> Matter<'a> {
        Matter {
            vertical,
            test,
            vendor: "s",
            sub_source: None,
            floor: Money::ZERO,
            deadline_ms: 1_000,
            seats_max: 1,
            sold_to: &self.sold_to,
        }
    }

    fn ping_input<'a>(&'a self, lead: &'a Lead, ping: &'a AnonymizedPing) -> PingInput<'a> {
        let matter = self.matter(&lead.vertical, lead.test);
        PingInput { frame: self.frame(), matter, ping_id: PingId::new(7), ping }
    }

    fn post_input<'a>(&'a self, lead: &'a Lead, ping: &'a AnonymizedPing) -> PostInput<'a> {
        PostInput {
            frame: self.frame(),
            matter: self.matter(&lead.vertical, lead.test),
            post_id: PostId::new(Partition(0), 9),
            bid: WonBid {
                ping_id: Some(PingId::new(7)),
                reference: Some("{\"reference\":\"a/b\"}"),
                price: Money::MAX,
                seats: SeatsWanted::Exclusive,
            },
            lead,
            ping: Some(ping),
        }
    }
}

/// The text of a profile, mostly a sound one.
fn profile(random: &mut ChaCha8Rng) -> String {
    let mut text = "profile = \"f\"\nsecrets = [\"key\"]\n[settings.sender]\n".to_owned();
    for phase in ["ping", "post"] {
        text.push_str(&format!("[{phase}.reply]\nformat = \"none\"\nrules = [{{ when = {{ http_status = 200 }}, outcome = \"accept\" }}, {{ when = {{ http_status = 204 }}, outcome = \"refuse\" }}]\n"));
        if phase == "ping" {
            text.push_str("bid = { price = { fixed = \"1\" } }\n");
        }
        text.push_str(&format!("[{phase}.request]\n"));
        if phase == "post" && random.random_bool(0.4) {
            text.push_str("include = \"ping\"\n");
        } else {
            body(&mut text, random);
        }
        if random.random_bool(0.2) {
            let source = format!("{{{}}}", SOURCES.choose(random).copied().unwrap_or_default());
            let url = URLS.choose(random).copied().unwrap_or_default();
            text.push_str(&format!("url = \"{}\"\n", url.replace("{SOURCE}", &source)));
        }
        if random.random_bool(0.2) {
            let source = SOURCES.choose(random).copied().unwrap_or_default();
            text.push_str(&format!(
                "headers = {{ X-A = \"{source}\" }}\nquery = {{ q = \"{source}\" }}\n"
            ));
        }
        if !text.contains("template") && !text.contains("body = \"text\"") {
            text.push_str(&format!("[{phase}.request.fields]\n"));
            fields(&mut text, 0, random);
            // Rarely: where it does not end early it takes a thousand times as long as others.
            if random.random_bool(0.02) {
                text.push_str(&format!("lists = {}\n", nested(random)));
            }
        }
    }
    text
}

fn body(text: &mut String, random: &mut ChaCha8Rng) {
    let template = TEMPLATES.choose(random).copied().unwrap_or_default();
    match random.random_range(0..12) {
        0..=2 => text.push_str("body = \"json\"\n"),
        3..=4 => text.push_str("body = \"form\"\n"),
        5 => text.push_str("body = \"form\"\nnesting = \"brackets\"\n"),
        6..=7 => text.push_str("body = \"xml\"\nwrap = \"R\"\nattributes = { \"xmlns:p\" = { value = \"urn:p\" }, a = \"zip\" }\n"),
        8 => text.push_str("body = \"soap\"\nwrap = [\"p:R\", \"S\"]\nattributes = { \"xmlns:p\" = { value = \"urn:p\" } }\n"),
        9 => text.push_str("body = \"query\"\n"),
        10 => text.push_str("body = \"text\"\ntext = \"{zip}|{first_name}\"\n"),
        _ => {
            // A form is what its template makes of it: only its values are the engine's.
            let kind = ["json", "xml", "text"].choose(random).copied().unwrap_or_default();
            let kind = if template.starts_with("a=") { "form" } else { kind };
            text.push_str(&format!("body = \"{kind}\"\ntemplate = \"{template}\"\n"));
        }
    }
}

fn fields(text: &mut String, depth: usize, random: &mut ChaCha8Rng) {
    for number in 0..random.random_range(0..5) {
        let odd = random.random_bool(0.05);
        let name = if odd { NAMES.choose(random).copied().unwrap_or_default() } else { NAMES[0] };
        let name = if odd { name.to_owned() } else { format!("{name}{depth}{number}") };
        text.push_str(&format!("{name} = {}\n", value(depth, random)));
    }
}

/// A field's value on one line.
fn value(depth: usize, random: &mut ChaCha8Rng) -> String {
    let source = SOURCES.choose(random).copied().unwrap_or_default();
    let step = STEPS.choose(random).copied().unwrap_or_default();
    let inner = |random: &mut ChaCha8Rng| value(depth + 1, random);
    match random.random_range(0..if depth > 3 { 6 } else { 13 }) {
        0 | 1 => format!("\"{source}\""),
        2 | 3 => format!("{{ from = \"{source}\"{step} }}"),
        4 => "{ value = \"<&>\\u0001\", when = \"test\" }".to_owned(),
        5 => format!("{{ text = \"{{{source}}}-{{zip}}\", missing = \"empty\" }}"),
        6 => format!(
            "{{ fields = {{ a{depth} = {}, b{depth} = {} }} }}",
            inner(random),
            inner(random)
        ),
        7 => "{ each = \"drivers\", from = \"item.name\", missing = \"empty\" }".to_owned(),
        8 => format!(
            "{{ each = \"drivers\", fields = {{ n{depth} = \"item.born\", m{depth} = \"number\" }} }}"
        ),
        9 => format!("{{ first = [{}, \"zip\"] }}", inner(random)),
        10 => format!("{{ items = [{}, \"{source}\"], missing = \"null\" }}", inner(random)),
        11 => "{ whole = \"lead\" }".to_owned(),
        _ => {
            let kind = ["json", "form", "xml\", wrap = \"D"].choose(random).copied();
            let kind = kind.unwrap_or_default();
            format!("{{ document = \"{kind}\", fields = {{ d{depth} = {} }} }}", inner(random))
        }
    }
}

/// A list in itself, and so on, that writes nothing, or what is not kept.
fn nested(random: &mut ChaCha8Rng) -> String {
    let innermost = [
        "{ from = \"item.no\" }",
        "{ value = 1, when = { from = \"item.name\", is = \"no\" } }",
        "{ template = \"{% for a in range(99) %}{% endfor %}\" }",
        "{ document = \"json\", fields = { w = { whole = \"lead\" } }, hash = \"md5\" }",
    ];
    let innermost = innermost.choose(random).copied().unwrap_or_default().to_owned();
    (0..random.random_range(1..=18)).fold(innermost, |inner, level| {
        format!("{{ each = \"drivers\", fields = {{ \"n{level}_{{n}}\" = {inner} }} }}")
    })
}
