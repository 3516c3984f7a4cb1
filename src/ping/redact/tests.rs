use std::sync::Arc;

use super::*;
use crate::domain::ids::{LeadId, Partition};
use crate::domain::lead::Source;
use crate::domain::money::Money;
use crate::domain::pii::Pii;
use crate::domain::slug::{VendorId, VerticalId};

const VERTICAL: &str = r#"{
    "id": "t", "name": "T", "field": [
        {"name": "first_name", "type": "name", "pii": "contact", "exposure": "as_is"},
        {"name": "phone", "type": "phone", "pii": "contact"},
        {"name": "email", "type": "email", "pii": "contact"},
        {"name": "zip", "type": "zip", "pii": "quasi", "exposure": "zip3"},
        {"name": "date_of_birth", "type": "date", "pii": "quasi", "exposure": "age_band"},
        {"name": "moved_in", "type": "date", "pii": "quasi", "exposure": "year"},
        {"name": "tobacco", "type": "boolean", "pii": "none", "exposure": "as_is"},
        {"name": "notes", "type": "text"},
        {"name": "coverage_amount", "type": "integer", "pii": "none", "exposure": "bucket",
         "buckets": [5000, 10000, 20000]},
        {"name": "drivers", "type": "list", "pii": "none", "exposure": "as_is", "item": [
            {"name": "name", "type": "name", "pii": "contact"},
            {"name": "birth", "type": "date", "pii": "quasi", "exposure": "age_band"}]}
    ]}"#;

fn lead() -> Lead {
    let text = |text: &str| Value::Text(text.to_owned());
    let mut driver = Fields::new();
    driver.push("name".into(), text("Robin"));
    driver.push("birth".into(), Value::Date(jiff::civil::date(1990, 6, 1)));
    let mut fields = Fields::new();
    for (name, value) in [
        ("first_name", text("Ada")),
        ("phone", text("+12145550123")),
        ("email", text("Ada@example.com")),
        ("zip", text("75201")),
        ("date_of_birth", Value::Date(jiff::civil::date(1957, 3, 2))),
        ("moved_in", Value::Date(jiff::civil::date(2019, 8, 9))),
        ("tobacco", Value::Boolean(false)),
        ("notes", text("call after six")),
        ("coverage_amount", Value::Integer(15_000)),
        ("drivers", Value::List(vec![driver])),
    ] {
        fields.push(Arc::from(name), value);
    }
    Lead {
        id: LeadId::new(Partition(0), 1),
        vendor: VendorId::parse("v").unwrap(),
        vertical: VerticalId::parse("t").unwrap(),
        fields: Pii::new(fields),
        consent: Pii::new(Consent {
            text: Some("I agree".to_owned()),
            given_at: Some("2026-11-23T14:00:00Z".parse().unwrap()),
            ip: Some("203.0.113.9".parse().unwrap()),
            trustedform_cert_url: Some("https://cert.trustedform.com/abc".to_owned()),
            user_agent: Some("Mozilla/5.0".to_owned()),
            ..Consent::default()
        }),
        source: Source { sub_id: Some("s1".to_owned()), click_id: Some("c1".to_owned()) },
        submitted_at: None,
        floor: Money::ZERO,
        received_at: "2026-11-23T14:01:00Z".parse().unwrap(),
        test: false,
    }
}

fn redacted(disclosures: &[&str]) -> AnonymizedPing {
    let vertical: Vertical = serde_json::from_str(VERTICAL).unwrap();
    let disclosures: Vec<String> = disclosures.iter().map(|&name| name.to_owned()).collect();
    redact(&lead(), &vertical, &disclosures, jiff::civil::date(2026, 11, 23))
}

#[test]
fn a_ping_without_disclosures_shows_coarse_values_only() {
    let ping = redacted(&[]);
    let expect = json!({
        "zip3": "752", "age_band": "65-69", "moved_in_year": 2019, "tobacco": false,
        "coverage_amount_bucket": "10000-19999", "drivers": [{"age_band": "35-39"}],
    });
    assert_eq!(Json::Object(ping.lead), expect);
    let consent = json!({"kind": "trustedform", "age_seconds": 60});
    assert_eq!(Json::Object(ping.consent), consent);
    assert_eq!(ping.disclosed, Vec::<String>::new());
}

#[test]
fn a_disclosure_adds_its_value_and_is_recorded() {
    let ping = redacted(&["zip", "age", "ip", "trustedform_cert_url"]);
    assert_eq!(ping.lead["zip"], json!("75201"));
    assert!(!ping.lead.contains_key("zip3"));
    assert_eq!(ping.lead["age"], json!(69));
    assert_eq!(ping.consent["ip"], json!("203.0.113.9"));
    assert_eq!(ping.consent["trustedform_cert_url"], json!("https://cert.trustedform.com/abc"));
    assert_eq!(ping.disclosed, ["zip", "age", "ip", "trustedform_cert_url"]);
}

#[test]
fn traces_of_contact_data_and_parts_of_the_consent_are_shown_by_name_alone() {
    let names = [
        "email_domain",
        "phone_area",
        "phone_sha256",
        "email_md5",
        "consent_text",
        "consent_user_agent",
    ];
    let ping = redacted(&names);
    assert_eq!(ping.lead["email_domain"], json!("example.com"));
    assert_eq!(ping.lead["phone_area"], json!("214"));
    let hash = "a5594935287cb3a1fc05be20340d187839243c702afa47cb62753fb1b4c62bb2";
    assert_eq!(ping.lead["phone_sha256"], json!(hash));
    assert_eq!(ping.consent["text"], json!("I agree"));
    assert_eq!(ping.consent["user_agent"], json!("Mozilla/5.0"));
    assert_eq!(ping.disclosed, names);
    let nothing = redacted(&["phone_domain", "email_area", "zip_md5", "text", "first_name_md5"]);
    assert_eq!(nothing.disclosed, Vec::<String>::new());
}

#[test]
fn what_a_vertical_forbids_is_not_shown_whoever_grants_it() {
    let names = ["zip", "age", "email_domain", "notes", "ip", "consent_user_agent", "drivers"];
    let check = |forbid: &[PiiClass], expect: &[&str]| {
        let mut vertical: Vertical = serde_json::from_str(VERTICAL).unwrap();
        vertical.disclosure.forbid = forbid.to_vec();
        let disclosures = names.map(str::to_owned);
        let ping = redact(&lead(), &vertical, &disclosures, jiff::civil::date(2026, 11, 23));
        assert_eq!(ping.disclosed, expect, "{forbid:?}");
        for name in ["zip", "age", "email_domain", "notes"] {
            assert_eq!(ping.lead.contains_key(name), expect.contains(&name), "{forbid:?} {name}");
        }
        ping
    };
    let all = ["zip", "notes", "drivers", "age", "email_domain", "ip", "consent_user_agent"];
    check(&[], &all);
    let ping = check(&[PiiClass::Quasi], &["notes", "email_domain"]);
    assert_eq!(ping.lead["zip3"], json!("752"));
    assert_eq!(ping.lead["drivers"], json!([{"age_band": "35-39"}]));
    check(&[PiiClass::Contact], &["zip", "notes", "age", "ip", "consent_user_agent"]);
    check(
        &[PiiClass::Sensitive],
        &["zip", "drivers", "age", "email_domain", "ip", "consent_user_agent"],
    );
}

#[test]
fn contact_data_is_never_shown_whatever_is_configured() {
    let ping = redacted(&["first_name", "phone"]);
    assert!(!ping.lead.contains_key("first_name") && !ping.lead.contains_key("phone"));
}

#[test]
fn edges_of_coarsening() {
    let check = |age: i64, expect: &str| assert_eq!(age_band(age), expect);
    check(0, "0-4");
    check(64, "60-64");
    check(65, "65-69");
    check(89, "85-89");
    check(90, "90+");
    check(117, "90+");
    assert_eq!(zip3("03601"), "000");
    assert_eq!(zip3("75201"), "752");
    let vertical: Vertical = serde_json::from_str(VERTICAL).unwrap();
    let field = vertical.field("coverage_amount").unwrap();
    let bucket_of = |whole: i64| bucket(field, whole * 10_000).unwrap();
    assert_eq!(bucket_of(4_999), "<5000");
    assert_eq!(bucket_of(5_000), "5000-9999");
    assert_eq!(bucket_of(19_999), "10000-19999");
    assert_eq!(bucket_of(20_000), "20000+");
}
