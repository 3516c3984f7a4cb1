use std::sync::Arc;

use jsonschema::Validator;
use proptest::prelude::*;

use super::*;
use crate::intake::document::ContentKind;
use crate::intake::sample::{SAMPLE_NOW, sample};
use crate::intake::{Body, Contact, IntakeContext, read};
use crate::registry::vertical::{compile, parse_toml, shipped};

/// A vertical with its schema, ready to judge bodies.
struct Judge {
    vertical: Arc<CompiledVertical>,
    schema: Validator,
}

impl Judge {
    fn new(vertical: CompiledVertical) -> Self {
        let schema = schema(&vertical, &IntakeLimits::default());
        jsonschema::meta::validate(&schema).unwrap();
        let schema = jsonschema::draft202012::new(&schema).unwrap();
        Self { vertical: Arc::new(vertical), schema }
    }

    fn shipped() -> Vec<Self> {
        let compiled = shipped().iter().map(|(_, text)| compile(parse_toml(text).unwrap()));
        compiled.map(|vertical| Self::new(vertical.unwrap())).collect()
    }

    fn reads(&self, body: &Json) -> bool {
        let limits = IntakeLimits::default();
        let context = IntakeContext {
            verticals: &|id| (id == self.vertical.id()).then(|| Arc::clone(&self.vertical)),
            strict: false,
            is_test_key: false,
            contact: Contact::Required,
            limits: &limits,
            now: SAMPLE_NOW,
        };
        let bytes = body.to_string();
        read(Body { content: ContentKind::Json, bytes: bytes.as_bytes() }, &context).is_ok()
    }

    /// Whatever the schema refuses, the reader refuses.
    fn agree(&self, body: &Json) {
        if self.reads(body) && !self.schema.is_valid(body) {
            let errors: Vec<_> =
                self.schema.iter_errors(body).map(|error| error.to_string()).collect();
            panic!("read, but refused by the schema: {errors:?} in {body}");
        }
    }
}

#[test]
fn every_sample_is_accepted_by_both() {
    for judge in Judge::shipped() {
        for seed in 0..20 {
            let body = sample(&judge.vertical, seed);
            assert!(judge.reads(&body), "{body}");
            judge.agree(&body);
        }
    }
}

/// Texts that vendors really send, right and wrong.
const ODD_TEXTS: &[&str] = &[
    "",
    " \t",
    "\u{a0}",
    "x",
    "0",
    "1",
    "-1",
    "1.00",
    "1.00001",
    "1e3",
    "$5",
    " 12 ",
    "yes",
    "N",
    "Off",
    "TX",
    "tx",
    " Texas ",
    "new york",
    "75201",
    "75201-1234",
    "752011234",
    "7520",
    "(214) 555-7312",
    "2145557312",
    "214-555-0142",
    "+1 214 555 7312",
    "ann@example.com",
    " Ann@Example.COM ",
    "ann@x",
    "1957-03-02",
    "3/2/1957",
    "03/02/1957",
    "1957-02-30",
    "2999-01-01",
    "2026-01-05T14:00:00Z",
    "2026-01-05 08:00:00.5-06:00",
    "2026-01-05T14:00:00",
    "203.0.113.9",
    "2001:db8::1",
    "::ffff:1.2.3.4",
    "HTTPS://quotes.example/a",
    "quotes.example",
    "https://cert.trustedform.com/abc",
    "HTTPS://Cert.TrustedForm.com/abc",
    "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "Part Time",
    "MALE",
    "mercedes benz",
    "20",
    "final_expense",
    "1HGCM82633A004352",
    "Line\nbreak",
];

/// Values of all kinds.
fn odd_values() -> Vec<Json> {
    let others = [
        json!(null),
        json!(true),
        json!(false),
        json!(0),
        json!(1),
        json!(-1),
        json!(1.5),
        json!(15.0),
        json!(1e300),
        json!(99_999_999_999_i64),
        json!([]),
        json!({}),
        json!([null]),
        json!([{}]),
        json!(["Acme"]),
        json!(["Acme", " "]),
        json!("x".repeat(61)),
        json!("x".repeat(8_000)),
        json!("é".repeat(60)),
        json!(20),
        json!(100),
        json!(300_001),
    ];
    ODD_TEXTS.iter().map(|text| json!(text)).chain(others).collect()
}

/// Every place in a body, the body itself left out.
fn places(body: &Json) -> Vec<String> {
    let mut open = vec![String::new()];
    let mut found = Vec::new();
    while let Some(pointer) = open.pop() {
        match body.pointer(&pointer) {
            Some(Json::Object(entries)) => {
                open.extend(entries.keys().map(|key| format!("{pointer}/{key}")));
            }
            Some(Json::Array(items)) => {
                open.extend((0..items.len()).map(|at| format!("{pointer}/{at}")));
            }
            _ => {}
        }
        found.push(pointer);
    }
    found.retain(|pointer| !pointer.is_empty());
    found
}

fn set(body: &mut Json, pointer: &str, value: Json) {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match body.pointer_mut(parent) {
        Some(Json::Object(entries)) => {
            entries.insert(key.to_owned(), value);
        }
        Some(Json::Array(items)) => {
            let at = key.parse::<usize>().unwrap_or(usize::MAX);
            if let Some(item) = items.get_mut(at) {
                *item = value;
            }
        }
        _ => {}
    }
}

/// A sample with every optional field and section.
fn full(vertical: &CompiledVertical, seed: u64) -> Json {
    let mut body = sample(vertical, seed);
    for at in 1..40 {
        let Json::Object(more) = sample(vertical, seed * 100 + at)["lead"].take() else { continue };
        for (key, value) in more {
            let lead = body["lead"].as_object_mut().unwrap();
            lead.entry(key).or_insert(value);
        }
    }
    body["floor"] = json!("1.50");
    body["wait_ms"] = json!(5_000);
    body["test"] = json!(false);
    body["submitted_at"] = json!("2026-01-05T14:00:00Z");
    body["source"]["click_id"] = json!("c");
    body["consent"]["trustedform_cert_url"] = json!("https://cert.trustedform.com/0123456789");
    body["consent"]["jornaya_lead_id"] = json!("A1B2C3D4-E5F6-7890-ABCD-EF1234567890");
    body
}

#[test]
fn an_odd_value_in_any_place_is_refused_by_the_reader_if_by_the_schema() {
    let judge = Judge::new(odd_vertical());
    let body = full(&judge.vertical, 5);
    judge.agree(&body);
    // What is optional takes more than what is required: each of them stands here once.
    for place in places(&body).into_iter().filter(|place| !place.ends_with("_r")) {
        for value in odd_values() {
            let mut body = body.clone();
            set(&mut body, &place, value);
            judge.agree(&body);
        }
    }
}

#[test]
fn the_schema_finds_the_usual_faults_too() {
    let judges = Judge::shipped();
    let judge =
        judges.iter().find(|judge| judge.vertical.id().as_str() == "auto_insurance").unwrap();
    let body = full(&judge.vertical, 1);
    let wrong = |pointer: &str, value: Json| {
        let mut body = body.clone();
        set(&mut body, pointer, value);
        assert!(!judge.schema.is_valid(&body), "{pointer} {body}");
        assert!(!judge.reads(&body), "{pointer}");
    };
    wrong("/vertical", json!("solar"));
    wrong("/lead", json!(null));
    wrong("/lead/phone", json!("12"));
    wrong("/lead/phone", json!(2_145_557_312_i64));
    wrong("/lead/phone", json!(null));
    wrong("/lead/email", json!("nobody"));
    wrong("/lead/state", json!("XX"));
    wrong("/lead/zip", json!("7520"));
    wrong("/lead/policy_expires_on", json!("soon"));
    wrong("/lead/years_at_residence", json!(101));
    wrong("/lead/current_premium", json!("-5"));
    wrong("/lead/credit_rating", json!("superb"));
    wrong("/lead/currently_insured", json!("perhaps"));
    wrong("/lead/first_name", json!("x".repeat(61)));
    wrong("/lead/drivers", json!([]));
    wrong("/lead/drivers/0/date_of_birth", json!(null));
    wrong("/lead/vehicles/0/make", json!("trabant"));
    wrong("/consent/given_at", json!("2026-01-05"));
    wrong("/consent/trustedform_cert_url", json!("https://evil.example/cert.trustedform.com/"));
    wrong("/consent/jornaya_lead_id", json!("x"));
    wrong("/consent/sellers", json!("Acme"));
    wrong("/wait_ms", json!(99));
    wrong("/floor", json!(true));
}

/// A vertical with every type of field and awkward bounds and values.
fn odd_vertical() -> CompiledVertical {
    let every = |required: bool| {
        let tag = if required { "r" } else { "o" };
        let name = |kind: &str| format!("{kind}_{tag}");
        json!([
            {"name": name("text"), "type": "text", "min": 2, "max": 5},
            {"name": name("name"), "type": "name", "max": 5},
            {"name": name("phone"), "type": "phone", "pii": "contact"},
            {"name": name("email"), "type": "email", "pii": "contact"},
            {"name": name("state"), "type": "state"},
            {"name": name("zip"), "type": "zip"},
            {"name": name("date"), "type": "date", "min": "1950-01-01", "max": "2030-01-01"},
            {"name": name("integer"), "type": "integer", "min": -3, "max": 100},
            {"name": name("decimal"), "type": "decimal", "min": "-0.3", "max": "2.0001"},
            {"name": name("money"), "type": "money", "min": "0.1", "max": "99.9999"},
            {"name": name("boolean"), "type": "boolean"},
            {"name": name("enum"), "type": "enum",
             "values": ["1", "2.50", "3e1", "Part Time", "a_b-c", "[x]^\\y", "$1-$2", "a/b+c*.?(d){2}|e"]},
            {"name": name("list"), "type": "list", "min": 2, "max": 3,
             "item": [{"name": "x", "type": "integer", "required": required}]},
        ])
    };
    let mut fields = every(true).as_array().unwrap().clone();
    for field in &mut fields {
        field["required"] = json!(true);
    }
    fields.extend(every(false).as_array().unwrap().clone());
    let vertical = json!({"id": "odd", "name": "Odd", "field": fields});
    compile(serde_json::from_value(vertical).unwrap()).unwrap()
}

fn odd_text() -> impl Strategy<Value = Json> {
    prop_oneof![
        prop::sample::select(odd_values()),
        ".{0,8}".prop_map(Json::from),
        r"[ \t]{0,2}[-+]?[0-9]{1,4}(\.[0-9]{0,5})?[ \t]?".prop_map(Json::from),
        (-400_i64..4_000_000).prop_map(|n| json!(n)),
        (-40_000_i64..4_000_000).prop_map(|n| serde_json::from_str(&format!("{}", n as f64 / 1e4)).unwrap()),
        "[aA]_?[bB][ _-]{0,3}[cC]|[pP]art[ -]?TIME|[$]1 ?-?[$]2|\\[X\\]\\^\\\\Y|2[.]50?|a/b[+]c[*][.][?][(]D[)]\\{2\\}[|]E".prop_map(Json::from),
        "[0-9]{5}(-?[0-9]{0,4})?".prop_map(Json::from),
        "(0?[1-9]|1[0-2])/[0-3]?[0-9]/(19[0-9]{2}|20[0-9]{2})".prop_map(Json::from),
        prop::collection::vec((-5_i64..200).prop_map(|x| json!({"x": x})), 0..5).prop_map(Json::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn whatever_the_schema_refuses_the_reader_refuses(
        seed in 0_u64..50,
        changes in prop::collection::vec((any::<prop::sample::Index>(), odd_text(), any::<bool>()), 1..3),
    ) {
        thread_local! {
            static JUDGE: Judge = Judge::new(odd_vertical());
        }
        JUDGE.with(|judge| {
            let mut body = full(&judge.vertical, seed);
            let places = places(&body);
            for (at, value, remove) in changes {
                let place = at.get(&places);
                if remove && value.is_null() {
                    let (parent, key) = place.rsplit_once('/').unwrap();
                    if let Some(Json::Object(entries)) = body.pointer_mut(parent) {
                        entries.remove(key);
                    }
                } else {
                    set(&mut body, place, value);
                }
            }
            judge.agree(&body);
        });
    }
}
