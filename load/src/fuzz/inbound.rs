//! Vendors' requests in their own formats, through the inbound profiles that come with the program:
//! each is refused, or becomes a body of the exchange's own; what is said is well-formed, and holds no
//! key.

use gavel::integration::inbound::{Call, FaultTold, Fields, Inbound, SHIPPED, Told, shipped};
use jiff::Timestamp;
use rand::RngExt;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value as Json};

use super::Judged;
use super::mutate::mutate;

/// What may become of a request.
pub const OUTCOMES: &[&str] = &["lead", "ping", "post", "not read", "no call", "other kind"];

/// The key in the requests.
const KEY: &str = "gavel-key-7f";

/// Valid requests: paths, content types and bodies.
const REQUESTS: [(&str, &str, &str); 5] = [
    (
        "api.php",
        "application/x-www-form-urlencoded",
        "Key=gavel-key-7f&Mode=ping&TYPE=21&State=TX&Zip=75201&DOB=03%2F02%2F1957&Gender=F&Cost=1.00",
    ),
    (
        "api.php",
        "application/json",
        r#"{"Request":{"Key":"gavel-key-7f","Mode":"post","TYPE":21,"Lead_ID":"ping_1","First_Name":"Ada","Drivers":[{"a":1}]}}"#,
    ),
    (
        "genericPostlead.php",
        "text/xml",
        "<?xml version=\"1.0\"?><R a=\"1\"><Key>gavel-key-7f</Key><Zip>75201</Zip><D><E>1</E><E>2 &amp; 3</E></D></R>",
    ),
    (
        "post.do",
        "",
        "lp_campaign_id=60b1&lp_campaign_key=gavel-key-7f&lp_ping_id=p&phone_home=2145557312&dob=1957-03-02&lp_response=JSON",
    ),
    (
        "direct_post",
        "application/json; charset=iso-8859-1",
        r#"{"lp_campaign_id":19,"lp_key":"gavel-key-7f","zip_code":"75201","lp_action":"test","tcpa_text":"Yes."}"#,
    ),
];

/// Words of the formats.
const NAMES: [&str; 12] = [
    "Key",
    "Mode",
    "ping",
    "post",
    "Request",
    "lp_key",
    "lp_ping_id",
    "lp_response",
    "XML",
    "Zip",
    "<!DOCTYPE r [<!ENTITY x \"y\">]>",
    "]]>",
];

/// Profiles ready to read.
pub struct Profiles(Vec<Inbound>);

impl Profiles {
    pub fn new() -> Self {
        Self(SHIPPED.iter().filter_map(|(name, _)| shipped(name)).collect())
    }

    /// Makes a case and judges it.
    pub fn judge(&self, random: &mut ChaCha8Rng) -> Judged {
        let (path, content_type, valid) = REQUESTS.choose(random).copied().unwrap_or_default();
        let fits = |profile: &&Inbound| profile.has_path(path);
        let profile = self.0.iter().find(fits).ok_or("no profile has the path")?;
        let mut body = valid.as_bytes().to_vec();
        if random.random_range(0..16) != 0 {
            mutate(&mut body, &NAMES, random);
        }
        let kind = if random.random_bool(0.9) { content_type } else { "application/pdf" };
        let now = Timestamp::UNIX_EPOCH;
        let mut fields = match profile.read_query("") {
            Ok(fields) => fields,
            Err(error) => return Err(format!("an empty query: {error}")),
        };
        let Some(written) = profile.written(Some(kind), &body) else { return Ok("other kind") };
        let read = profile.read_body(&mut fields, written, (Some(kind), &body));
        check_words(profile, &fields)?;
        if read.is_err() {
            return Ok("not read");
        }
        drop(profile.take_key(&mut fields, &|_| None));
        if profile.gather(&mut fields).is_err() {
            return Ok("not read");
        }
        let Some(call) = profile.call(path, &fields, now) else { return Ok("no call") };
        let Ok(made) = profile.submission(call, &fields, now) else { return Ok("not read") };
        let body: Map<String, Json> =
            serde_json::from_slice(&made.body).map_err(|error| format!("no JSON: {error}"))?;
        if !matches!(body.get("lead"), Some(Json::Object(_))) {
            return Err("a body without a lead".to_owned());
        }
        Ok(call.as_str())
    }
}

/// Whatever was read, a refusal is well-formed and tells no key.
fn check_words(profile: &Inbound, fields: &Fields) -> Result<(), String> {
    let faults = [FaultTold { pointer: "/lead/zip", code: "required", detail: "<&\">" }];
    let told = Told::Refusal {
        call: Some(Call::Ping),
        status: 422,
        code: "invalid_lead",
        detail: "",
        faults: &faults,
        retry_after_s: None,
    };
    let said = profile.answer(&told, fields, Timestamp::UNIX_EPOCH).ok_or("no words")?;
    let is_well_formed = match said.content_type {
        "application/json" => serde_json::from_str::<Json>(&said.body).is_ok(),
        _ => roxmltree::Document::parse(&said.body).is_ok(),
    };
    if !is_well_formed {
        return Err(format!("not well-formed: {}", said.body));
    }
    if said.body.contains(KEY) { Err(format!("the key is told: {}", said.body)) } else { Ok(()) }
}
