use std::sync::Arc;

use serde_json::{Value as Json, json};

use super::*;
use crate::domain::lead::{Submission, Value};
use crate::domain::slug::VerticalId;
use crate::intake::spec::posting_spec;
use crate::intake::{Contact, ContentKind, read};
use crate::registry::vertical::{compile, parse_toml, shipped};

fn find(id: &VerticalId) -> Option<Arc<CompiledVertical>> {
    let (_, text) = shipped().iter().find(|(name, _)| *name == id.as_str())?;
    Some(Arc::new(compile(parse_toml(text).unwrap()).unwrap()))
}

fn context(limits: &IntakeLimits, contact: Contact) -> IntakeContext<'_> {
    IntakeContext {
        verticals: &find,
        strict: false,
        is_test_key: false,
        contact,
        limits,
        now: "2026-11-23T14:05:00Z".parse().unwrap(),
    }
}

fn parsed(body: &str, content: ContentKind) -> Result<PostDocument, InvalidSubmission> {
    PostDocument::parse(Body { content, bytes: body.as_bytes() }, &IntakeLimits::default())
}

fn pinged(body: &Json) -> Submission {
    let limits = IntakeLimits::default();
    let body = body.to_string();
    let body = Body { content: ContentKind::Json, bytes: body.as_bytes() };
    read(body, &context(&limits, Contact::LeftAside)).unwrap()
}

fn post_to(ping: &Submission, body: &Json) -> Result<PostSubmission, InvalidSubmission> {
    let vertical = find(&ping.vertical).unwrap();
    let limits = IntakeLimits::default();
    let pinged = Pinged { vertical: &vertical, fields: &ping.fields, consent: &ping.consent };
    let document = parsed(&body.to_string(), ContentKind::Json).unwrap();
    document.read(&pinged, &context(&limits, Contact::Required))
}

fn ping() -> Json {
    json!({
        "vertical": "final_expense",
        "lead": {
            "state": "TX", "zip": "75201", "date_of_birth": "1957-03-02", "gender": "female",
            "tobacco": false, "coverage_amount": 15000
        },
        "consent": {"trustedform_cert_url": "https://cert.trustedform.com/0123456789abcdef"}
    })
}

fn contact() -> Json {
    json!({"first_name": "Margaret", "last_name": "Ellison", "phone": "(214) 555-7312"})
}

/// Contact data with `more` beside it.
fn contact_and(more: &Json) -> Json {
    let mut lead = contact();
    for (key, value) in more.as_object().unwrap() {
        lead[key] = value.clone();
    }
    json!({"ping_id": "ping_1", "lead": lead})
}

fn faults(read: Result<PostSubmission, InvalidSubmission>) -> Vec<(String, &'static str)> {
    let errors = read.err().expect("the body is refused").errors;
    errors.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

#[test]
fn a_post_adds_contact_data_and_consent_to_what_the_ping_said() {
    let body = json!({
        "ping_id": " ping_1 ", "offer_ids": ["off_1", "off_2"], "min_payout": "12.50",
        "lead": contact(), "wait_ms": 5000, "vertical": "final_expense",
        "consent": {"text": "I agree to be called.", "given_at": "2026-11-23T14:00:00Z"}
    });
    let post = post_to(&pinged(&ping()), &body).unwrap();
    let names: Vec<&str> = post.fields.expose().iter().map(|(name, _)| name).collect();
    let expect = [
        "first_name",
        "last_name",
        "phone",
        "state",
        "zip",
        "date_of_birth",
        "gender",
        "tobacco",
        "coverage_amount",
    ];
    assert_eq!(names, expect);
    let phone = post.fields.expose().value("phone").cloned();
    assert_eq!(phone, Some(Value::Text("+12145557312".to_owned())));
    let consent = post.consent.expose();
    assert!(consent.text.is_some() && consent.trustedform_cert_url.is_some());
    assert_eq!(post.consent_missing, []);
    let wanted = post.offer_ids.clone().unwrap();
    assert_eq!(wanted, ["off_1", "off_2"]);
    assert_eq!(post.min_payout, Some(Money::parse("12.5").unwrap()));
    let left_aside: Vec<&str> =
        post.warnings.iter().map(|warning| warning.pointer.as_str()).collect();
    assert_eq!(left_aside, ["/vertical"]);
}

#[test]
fn what_the_ping_fixed_may_be_said_again_and_not_changed_or_added() {
    let ping = pinged(&ping());
    let check = |more: Json, expect: &[(&str, &str)]| match post_to(&ping, &contact_and(&more)) {
        Ok(_) => assert_eq!(expect, [], "{more}"),
        refused => {
            let found = faults(refused);
            let found: Vec<_> = found.iter().map(|(place, code)| (&**place, *code)).collect();
            assert_eq!(found, expect, "{more}");
        }
    };
    check(json!({}), &[]);
    check(json!({"state": "Texas", "zip": "75201-1234", "coverage_amount": "15000"}), &[]);
    check(json!({"gender": "", "tobacco": null}), &[]);
    check(json!({"state": "FL"}), &[("/lead/state", "frozen"), ("/lead/zip", "zip_not_in_state")]);
    check(json!({"date_of_birth": "1957-03-03"}), &[("/lead/date_of_birth", "frozen")]);
    check(json!({"tobacco": true}), &[("/lead/tobacco", "frozen")]);
    check(json!({"height_inches": 64}), &[("/lead/height_inches", "frozen")]);
    check(json!({"height_inches": 6400}), &[("/lead/height_inches", "out_of_range")]);
    check(
        json!({"phone": "12", "email": "no", "zip": "75202"}),
        &[
            ("/lead/phone", "invalid_phone"),
            ("/lead/email", "invalid_email"),
            ("/lead/zip", "frozen"),
        ],
    );
}

#[test]
fn every_contact_field_that_the_vertical_requires_must_be_in_the_post() {
    let expect = ["/lead/first_name", "/lead/last_name", "/lead/phone"]
        .map(|place| (place.to_owned(), "required"));
    let ping = pinged(&ping());
    assert_eq!(faults(post_to(&ping, &json!({"ping_id": "ping_1"}))), expect);
    assert_eq!(faults(post_to(&ping, &json!({"ping_id": "ping_1", "lead": {}}))), expect);
}

#[test]
fn the_items_of_a_list_are_fixed_and_get_their_contact_data_in_their_order() {
    let limits = IntakeLimits::default();
    let auto = find(&VerticalId::parse("auto_insurance").unwrap()).unwrap();
    let mut body = posting_spec(&auto, "https://exchange.example", &limits).example;
    let drivers = body["lead"]["drivers"].as_array().unwrap().len();
    let ping = pinged(&body);
    let kept = ping.fields.expose().value("drivers").cloned();
    let Some(Value::List(items)) = kept else { panic!("the ping lost its drivers") };
    assert!(items.iter().all(|item| item.value("first_name").is_none()));
    let left_aside = ping.warnings.iter().filter(|warning| warning.code == "contact_in_ping");
    assert!(left_aside.count() >= 3 + 2 * drivers);

    body["ping_id"] = json!("ping_1");
    let post = post_to(&ping, &body).unwrap();
    let whole = post.fields.expose().value("drivers").cloned();
    let Some(Value::List(items)) = whole else { panic!("the post lost its drivers") };
    assert!(items.iter().all(|item| item.value("first_name").is_some()));

    let mut nameless = body.clone();
    nameless["lead"].as_object_mut().unwrap().remove("drivers");
    let found = faults(post_to(&ping, &nameless));
    assert_eq!(found.len(), 2 * drivers);
    assert_eq!(found[0], ("/lead/drivers/0/first_name".to_owned(), "required"));

    let mut older = body.clone();
    older["lead"]["drivers"][0]["date_of_birth"] = json!("1950-01-01");
    let expect = [("/lead/drivers/0/date_of_birth".to_owned(), "frozen")];
    assert_eq!(faults(post_to(&ping, &older)), expect);

    let mut more = body;
    let one = more["lead"]["drivers"][0].clone();
    more["lead"]["drivers"].as_array_mut().unwrap().push(one);
    assert_eq!(faults(post_to(&ping, &more)), [("/lead/drivers".to_owned(), "frozen")]);
}

#[test]
fn consent_may_be_added_and_not_changed() {
    let ping = pinged(&ping());
    let mut body = contact_and(&json!({}));
    body["consent"] = json!({"text": "I agree."});
    let post = post_to(&ping, &body).unwrap();
    assert_eq!(post.consent_missing, [ConsentElement::GivenAt]);
    body["consent"] = json!({
        "trustedform_cert_url": "https://cert.trustedform.com/fedcba9876543210", "ip": "nowhere"
    });
    let expect = [("/consent/ip", "invalid_ip"), ("/consent/trustedform_cert_url", "frozen")];
    let found = faults(post_to(&ping, &body));
    assert_eq!(found, expect.map(|(place, code)| (place.to_owned(), code)));
}

#[test]
fn the_choice_of_offers_is_a_short_list_of_texts() {
    let ping = pinged(&ping());
    let check = |offers: Json, least: Json, expect: &[(&str, &str)]| {
        let mut body = contact_and(&json!({}));
        body["offer_ids"] = offers;
        body["min_payout"] = least;
        let found = faults(post_to(&ping, &body));
        let found: Vec<_> = found.iter().map(|(place, code)| (&**place, *code)).collect();
        assert_eq!(found, expect, "{body}");
    };
    check(json!([]), json!("1"), &[("/offer_ids", "too_few_items")]);
    check(json!(vec!["off_1"; OFFERS_MAX + 1]), json!(1), &[("/offer_ids", "too_many_items")]);
    check(json!("off_1"), json!(1), &[("/offer_ids", "type")]);
    check(json!(["off_1", 2]), json!(1), &[("/offer_ids/1", "type")]);
    check(json!(null), json!("-1"), &[("/min_payout", "invalid_number")]);
}

#[test]
fn a_post_without_its_ping_is_no_post() {
    for body in ["{}", r#"{"ping_id": " "}"#, r#"{"ping_id": null}"#] {
        let errors = parsed(body, ContentKind::Json).err().unwrap().errors;
        assert_eq!((&*errors[0].pointer, errors[0].code), ("/ping_id", "required"), "{body}");
    }
    let errors = parsed(r#"{"ping_id": 7}"#, ContentKind::Json).err().unwrap().errors;
    assert_eq!((&*errors[0].pointer, errors[0].code), ("/ping_id", "type"));
    assert_eq!(parsed("[]", ContentKind::Json).err().unwrap().kind, FaultKind::MalformedBody);
}

#[test]
fn a_form_is_a_post_like_any_other() {
    let form = "ping_id=ping_1&offer_ids[0]=off_1&lead[first_name]=Margaret\
                &lead[last_name]=Ellison&lead.phone=2145557312&wait_ms=700";
    let document = parsed(form, ContentKind::Form).unwrap();
    let ping = pinged(&ping());
    let vertical = find(&ping.vertical).unwrap();
    let limits = IntakeLimits::default();
    let pinged = Pinged { vertical: &vertical, fields: &ping.fields, consent: &ping.consent };
    let post = document.read(&pinged, &context(&limits, Contact::Required)).unwrap();
    assert_eq!(post.offer_ids.unwrap(), ["off_1"]);
    assert_eq!((document.ping_id(), document.wait_ms()), ("ping_1", Some(700)));
    let patient = parsed(&form.replace("700", "800"), ContentKind::Form).unwrap();
    assert_eq!(patient.canonical().expose(), document.canonical().expose());
}
