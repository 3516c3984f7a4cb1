use serde_json::{Value as Json, json};

use super::*;
use crate::domain::lead::{Consent, Fields, Value};
use crate::domain::money::Money;
use crate::domain::vertical::ConsentElement;
use crate::registry::vertical::{compile, parse_toml, shipped};

fn find(id: &VerticalId) -> Option<Arc<CompiledVertical>> {
    let (_, text) = shipped().iter().find(|(name, _)| *name == id.as_str())?;
    Some(Arc::new(compile(parse_toml(text).unwrap()).unwrap()))
}

/// Reads a body under a context that a test may have changed.
fn read_with(
    body: &Json,
    change: impl FnOnce(&mut IntakeContext<'_>),
) -> Result<Submission, InvalidSubmission> {
    let limits = IntakeLimits::default();
    let mut context = IntakeContext {
        verticals: &find,
        strict: false,
        is_test_key: false,
        contact: Contact::Required,
        limits: &limits,
        now: "2026-11-23T14:05:00Z".parse().unwrap(),
    };
    change(&mut context);
    read(Body { content: ContentKind::Json, bytes: body.to_string().as_bytes() }, &context)
}

fn read_json(body: &Json) -> Result<Submission, InvalidSubmission> {
    read_with(body, |_| {})
}

fn read_form(body: &str) -> Result<Submission, InvalidSubmission> {
    let limits = IntakeLimits::default();
    let context = IntakeContext {
        verticals: &find,
        strict: false,
        is_test_key: false,
        contact: Contact::Required,
        limits: &limits,
        now: "2026-11-23T14:05:00Z".parse().unwrap(),
    };
    read(Body { content: ContentKind::Form, bytes: body.as_bytes() }, &context)
}

/// The lead that the API's description shows.
fn sample() -> Json {
    json!({
        "vertical": "final_expense",
        "lead": {
            "first_name": "Margaret", "last_name": "Ellison", "phone": "(214) 555-7312",
            "email": "Margaret@Example.com", "state": "Texas", "zip": "75201-1234",
            "date_of_birth": "1957-03-02", "gender": "Female", "tobacco": false,
            "coverage_amount": 15000
        },
        "consent": {
            "text": "I agree to be called.", "given_at": "2026-11-23T14:00:00Z",
            "ip": "203.0.113.9", "page_url": "https://quotes.example/final",
            "trustedform_cert_url": "https://cert.trustedform.com/0123456789abcdef",
            "jornaya_lead_id": "A1B2C3D4-E5F6-7890-ABCD-EF1234567890", "sellers": ["Acme Life"],
            "user_agent": " Mozilla/5.0 (X11) "
        },
        "source": {"sub_id": 42, "click_id": "c-1"},
        "submitted_at": "2026-11-23T14:01:00Z", "floor": "10.00", "wait_ms": 8000, "test": false
    })
}

/// The sample with `value` at `pointer`.
fn sample_with(pointer: &str, value: Json) -> Json {
    let mut body = sample();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[key] = value;
    body
}

fn faults(read: Result<Submission, InvalidSubmission>) -> Vec<(String, &'static str)> {
    let errors = read.err().expect("the body is refused").errors;
    errors.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
}

/// The body is refused with exactly these places and codes.
fn refused(body: &Json, expect: &[(&str, &str)]) {
    let found = faults(read_json(body));
    let found: Vec<_> = found.iter().map(|(pointer, code)| (&**pointer, *code)).collect();
    assert_eq!(found, expect, "{body}");
}

fn fields_of(submission: &Submission) -> Vec<(String, Value)> {
    let fields: &Fields = submission.fields.expose();
    fields.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect()
}

#[test]
fn the_described_lead_is_read_and_normalized() {
    let read = read_json(&sample()).unwrap();
    let text = |value: &str| Value::Text(value.to_owned());
    let expected = [
        ("first_name", text("Margaret")),
        ("last_name", text("Ellison")),
        ("phone", text("+12145557312")),
        ("email", text("Margaret@example.com")),
        ("state", text("TX")),
        ("zip", text("75201")),
        ("date_of_birth", Value::Date(jiff::civil::date(1957, 3, 2))),
        ("gender", text("female")),
        ("tobacco", Value::Boolean(false)),
        ("coverage_amount", Value::Integer(15_000)),
    ];
    assert_eq!(fields_of(&read), expected.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(
        *read.consent.expose(),
        Consent {
            text: Some("I agree to be called.".to_owned()),
            given_at: Some("2026-11-23T14:00:00Z".parse().unwrap()),
            ip: Some("203.0.113.9".parse().unwrap()),
            page_url: Some("https://quotes.example/final".to_owned()),
            trustedform_cert_url: Some("https://cert.trustedform.com/0123456789abcdef".to_owned()),
            jornaya_lead_id: Some("A1B2C3D4-E5F6-7890-ABCD-EF1234567890".to_owned()),
            sellers: vec!["Acme Life".to_owned()],
            user_agent: Some("Mozilla/5.0 (X11)".to_owned()),
        }
    );
    assert_eq!(
        read.source,
        Source { sub_id: Some("42".to_owned()), click_id: Some("c-1".to_owned()) }
    );
    assert_eq!(read.vertical.as_str(), "final_expense");
    assert_eq!(read.submitted_at, Some("2026-11-23T14:01:00Z".parse().unwrap()));
    assert_eq!(read.floor, Some(Money::parse("10").unwrap()));
    assert_eq!(read.wait_ms, Some(8_000));
    assert_eq!((read.test, read.consent_missing, read.warnings), (false, vec![], vec![]));
}

#[test]
fn a_form_of_the_same_lead_comes_to_the_same_fields() {
    let form = "vertical=final_expense&lead[first_name]=Margaret&lead.last_name=Ellison\
        &lead[phone]=%28214%29+555-7312&lead[email]=Margaret%40Example.com&lead[state]=Texas\
        &lead[zip]=75201-1234&lead[date_of_birth]=03%2F02%2F1957&lead[gender]=FEMALE\
        &lead[tobacco]=no&lead[coverage_amount]=15000&lead[city]=&floor=10.00&wait_ms=8000\
        &consent[text]=I+agree+to+be+called.&consent[given_at]=2026-11-23T14:00:00Z\
        &consent[sellers][]=Acme+Life&test=0";
    let (form, json) = (read_form(form).unwrap(), read_json(&sample()).unwrap());
    assert_eq!(fields_of(&form), fields_of(&json));
    assert_eq!(form.consent.expose().sellers, json.consent.expose().sellers);
    assert_eq!((form.floor, form.wait_ms, form.test), (json.floor, json.wait_ms, json.test));
}

#[test]
fn every_fault_is_told_at_once_in_the_vertical_s_order() {
    let body = json!({
        "vertical": "final_expense",
        "lead": {
            "coverage_amount": 999, "tobacco": "perhaps", "gender": "?", "last_name": " ",
            "date_of_birth": "1957-02-30", "zip": "75201", "state": "ZZ", "email": "nobody",
            "phone": "12", "monthly_budget": "1e2"
        },
        "consent": {"given_at": "2026-11-23T14:10:01Z", "ip": "x", "page_url": "x", "sellers": "x", "user_agent": 1,
                    "trustedform_cert_url": "https://x.example", "jornaya_lead_id": "x", "text": 1},
        "source": {"sub_id": {}},
        "submitted_at": "yesterday", "floor": "-1", "wait_ms": 99, "test": "perhaps"
    });
    refused(
        &body,
        &[
            ("/test", "invalid_boolean"),
            ("/lead/first_name", "required"),
            ("/lead/last_name", "required"),
            ("/lead/phone", "invalid_phone"),
            ("/lead/email", "invalid_email"),
            ("/lead/state", "invalid_state"),
            ("/lead/date_of_birth", "invalid_date"),
            ("/lead/gender", "not_in_values"),
            ("/lead/tobacco", "invalid_boolean"),
            ("/lead/coverage_amount", "out_of_range"),
            ("/lead/monthly_budget", "invalid_number"),
            ("/consent/text", "type"),
            ("/consent/given_at", "in_future"),
            ("/consent/ip", "invalid_ip"),
            ("/consent/page_url", "invalid_url"),
            ("/consent/trustedform_cert_url", "invalid_certificate"),
            ("/consent/jornaya_lead_id", "invalid_jornaya_lead_id"),
            ("/consent/sellers", "type"),
            ("/consent/user_agent", "type"),
            ("/source/sub_id", "type"),
            ("/submitted_at", "invalid_timestamp"),
            ("/floor", "invalid_number"),
            ("/wait_ms", "out_of_range"),
        ],
    );
    let error = read_json(&body).err().unwrap();
    assert_eq!(error.kind, FaultKind::InvalidLead);
    assert_eq!(error.to_string(), "23 fields are missing or wrong");
}

#[test]
fn a_body_without_its_parts_is_refused() {
    refused(&json!({}), &[("/vertical", "required"), ("/lead", "required")]);
    refused(&json!({"vertical": 1, "lead": 1}), &[("/vertical", "type"), ("/lead", "type")]);
    refused(&sample_with("/consent", json!("yes")), &[("/consent", "type")]);
    refused(&sample_with("/source", json!([])), &[("/source", "type")]);
    refused(&sample_with("/floor", json!(true)), &[("/floor", "type")]);
}

#[test]
fn an_unknown_vertical_is_its_own_error() {
    for name in ["timeshare", "Final Expense", "", "../x"] {
        let error = read_json(&sample_with("/vertical", json!(name))).err().unwrap();
        let code = error.errors[0].code;
        let expect = if name.is_empty() {
            (FaultKind::InvalidLead, "required")
        } else {
            (FaultKind::UnknownVertical, "unknown_vertical")
        };
        assert_eq!((error.kind, code), expect, "{name}");
    }
}

#[test]
fn blank_values_count_as_absent() {
    let mut body = sample();
    for blank in ["city", "address", "payment_method", "height_inches"] {
        body["lead"][blank] = json!(if blank == "city" { Json::Null } else { json!(" ") });
    }
    for key in ["source", "submitted_at", "floor", "wait_ms", "test"] {
        body[key] = Json::Null;
    }
    body["consent"]["ip"] = json!("");
    let read = read_json(&body).unwrap();
    assert_eq!(fields_of(&read), fields_of(&read_json(&sample()).unwrap()));
    assert_eq!((read.floor, read.wait_ms, read.submitted_at), (None, None, None));
    assert_eq!(read.consent.expose().ip, None);
    refused(&sample_with("/lead/phone", json!("  ")), &[("/lead/phone", "required")]);
    refused(&sample_with("/lead/phone", Json::Null), &[("/lead/phone", "required")]);
}

#[test]
fn unknown_fields_are_listed_and_left_aside() {
    let mut body = sample();
    body["campaign"] = json!("x");
    body["lead"]["shoe_size"] = json!(44);
    body["consent"]["colour"] = json!("red");
    body["source"]["utm_source"] = json!("x");
    let read = read_json(&body).unwrap();
    let found: Vec<_> = read.warnings.iter().map(|w| (&*w.pointer, &*w.code)).collect();
    let places = ["/campaign", "/lead/shoe_size", "/consent/colour", "/source/utm_source"];
    assert_eq!(found, places.map(|place| (place, "unknown_field")));
    assert_eq!(fields_of(&read), fields_of(&read_json(&sample()).unwrap()));

    let strict = faults(read_with(&body, |context| context.strict = true));
    assert_eq!(strict, places.map(|place| (place.to_owned(), "unknown_field")));
}

#[test]
fn lists_and_their_counts_are_bounded() {
    let mut warned: Vec<String> = Vec::new();
    let mut body = sample();
    for at in 0..300 {
        body["lead"][format!("x{at}")] = json!(1);
    }
    warned.extend(read_json(&body).unwrap().warnings.into_iter().map(|warning| warning.pointer));
    assert_eq!(warned.len(), WARNINGS_MAX);
    let strict = faults(read_with(&body, |context| context.strict = true));
    assert_eq!(strict.len(), FAULTS_MAX);

    let sellers = |many: usize| sample_with("/consent/sellers", json!(vec!["Acme"; many]));
    assert_eq!(read_json(&sellers(100)).unwrap().consent.expose().sellers.len(), 100);
    refused(&sellers(101), &[("/consent/sellers", "too_many_items")]);
    refused(
        &sample_with("/consent/sellers", json!(["A", "", 1])),
        &[("/consent/sellers/1", "required"), ("/consent/sellers/2", "type")],
    );
}

#[test]
fn a_zip_code_outside_its_state_is_a_fault_of_the_zip_code() {
    refused(&sample_with("/lead/zip", json!("10001")), &[("/lead/zip", "zip_not_in_state")]);
    refused(&sample_with("/lead/state", json!("OK")), &[("/lead/zip", "zip_not_in_state")]);
}

#[test]
fn fictional_numbers_pass_in_tests_only() {
    let fictional = sample_with("/lead/phone", json!("214-555-0142"));
    refused(&fictional, &[("/lead/phone", "fictional_phone")]);
    let by_key = read_with(&fictional, |context| context.is_test_key = true).unwrap();
    assert!(by_key.test);
    let mut by_body = fictional;
    by_body["test"] = json!(true);
    assert!(read_json(&by_body).unwrap().test);
}

#[test]
fn a_test_key_makes_every_lead_a_test() {
    let read = read_with(&sample(), |context| context.is_test_key = true).unwrap();
    assert!(read.test);
}

#[test]
fn missing_consent_is_named_and_is_no_fault() {
    let missing = |body: &Json| read_json(body).unwrap().consent_missing;
    let mut body = sample();
    body.as_object_mut().unwrap().remove("consent");
    assert_eq!(missing(&body), [ConsentElement::Text, ConsentElement::GivenAt]);
    body["consent"] = json!({"text": " ", "given_at": "2026-11-23T14:00:00Z"});
    assert_eq!(missing(&body), [ConsentElement::Text]);
    body["vertical"] = json!("medicare_supplement");
    body["lead"]["medicare_parts"] = json!("parts a and b");
    body["consent"] = json!({"text": "Yes.", "given_at": "2026-11-23T14:00:00Z", "sellers": []});
    assert_eq!(missing(&body), [ConsentElement::Sellers]);
    body["consent"]["sellers"] = json!(["Acme Life"]);
    assert_eq!(missing(&body), []);
}

fn auto() -> Json {
    let mut body = sample();
    body["vertical"] = json!("auto_insurance");
    for gone in ["tobacco", "coverage_amount", "gender", "date_of_birth"] {
        body["lead"].as_object_mut().unwrap().remove(gone);
    }
    body["lead"]["currently_insured"] = json!("yes");
    body["lead"]["drivers"] = json!([
        {"first_name": "Ann", "last_name": "Lee", "date_of_birth": "1984-06-19", "violations": "1"},
        {"first_name": "Bo", "last_name": "Lee", "date_of_birth": "2001-01-31"}
    ]);
    body["lead"]["vehicles"] = json!([{"year": 2021, "make": "Mercedes-Benz", "model": "C 300"}]);
    body
}

#[test]
fn lists_are_read_item_by_item() {
    let read = read_json(&auto()).unwrap();
    let Some(Value::List(drivers)) = read.fields.expose().value("drivers") else { unreachable!() };
    let names: Vec<_> = drivers.iter().map(|driver| driver.value("first_name").unwrap()).collect();
    assert_eq!(names, [&Value::Text("Ann".to_owned()), &Value::Text("Bo".to_owned())]);
    assert_eq!(drivers[0].value("violations"), Some(&Value::Integer(1)));
    let Some(Value::List(cars)) = read.fields.expose().value("vehicles") else { unreachable!() };
    assert_eq!(cars[0].value("make"), Some(&Value::Text("mercedes_benz".to_owned())));
}

#[test]
fn faults_in_a_list_name_the_item() {
    let mut body = auto();
    body["lead"]["drivers"][1] = json!({"first_name": "Bo", "last_name": "Lee",
        "date_of_birth": "2027-01-01", "shoe_size": 44});
    body["lead"]["vehicles"] = json!([7, {"year": 1919, "make": "Trabant"}]);
    refused(
        &body,
        &[
            ("/lead/drivers/1/date_of_birth", "in_future"),
            ("/lead/vehicles/0", "type"),
            ("/lead/vehicles/1/year", "out_of_range"),
            ("/lead/vehicles/1/make", "not_in_values"),
            ("/lead/vehicles/1/model", "required"),
        ],
    );
    let set = |list: Json| {
        let mut body = auto();
        body["lead"]["vehicles"] = list;
        body
    };
    let car = json!({"year": 2021, "make": "kia", "model": "Soul"});
    assert!(read_json(&set(json!(vec![car.clone(); 8]))).is_ok());
    refused(&set(json!(vec![car; 9])), &[("/lead/vehicles", "too_many_items")]);
    refused(&set(json!([])), &[("/lead/vehicles", "required")]);
    refused(&set(json!({"0": 1})), &[("/lead/vehicles", "type")]);
}

#[test]
fn a_ping_needs_no_contact_data_and_keeps_none() {
    let mut body = auto();
    for gone in ["first_name", "last_name", "phone", "email"] {
        body["lead"].as_object_mut().unwrap().remove(gone);
    }
    for gone in ["first_name", "last_name"] {
        body["lead"]["drivers"][0].as_object_mut().unwrap().remove(gone);
    }
    let ping = |context: &mut IntakeContext<'_>| context.contact = Contact::LeftAside;
    assert_eq!(faults(read_json(&body)).len(), 6);
    body["lead"]["phone"] = json!("12");
    let read = read_with(&body, ping).unwrap();
    assert!(read.fields.expose().value("phone").is_none());
    let left_aside: Vec<_> =
        read.warnings.iter().map(|warning| (&*warning.pointer, &*warning.code)).collect();
    let places = ["/lead/phone", "/lead/drivers/1/first_name", "/lead/drivers/1/last_name"];
    assert_eq!(left_aside, places.map(|place| (place, "contact_in_ping")));
    body["lead"].as_object_mut().unwrap().remove("zip");
    let found = faults(read_with(&body, ping));
    assert_eq!(found, [("/lead/zip".to_owned(), "required")]);
}

#[test]
fn the_wait_and_the_order_of_keys_leave_the_canonical_bytes_alone() {
    let canonical = |body: &Json| read_json(body).unwrap().canonical.expose().clone();
    let waiting = sample_with("/wait_ms", json!(100));
    assert_eq!(canonical(&waiting), canonical(&sample()));
    assert_ne!(canonical(&sample_with("/floor", json!("10.01"))), canonical(&sample()));
    assert_ne!(canonical(&sample_with("/test", json!(true))), canonical(&sample()));
}

#[test]
fn waits_are_bounded_by_the_operator_s_limits() {
    for (wait, passes) in [(99, false), (100, true), (300_000, true), (300_001, false)] {
        assert_eq!(read_json(&sample_with("/wait_ms", json!(wait))).is_ok(), passes, "{wait}");
    }
    let limits = IntakeLimits { wait_ms: 1..=5, ..IntakeLimits::default() };
    let body = sample_with("/wait_ms", json!(8_000)).to_string();
    let context = IntakeContext {
        verticals: &find,
        strict: false,
        is_test_key: false,
        contact: Contact::Required,
        limits: &limits,
        now: "2026-11-23T14:05:00Z".parse().unwrap(),
    };
    let read = read(Body { content: ContentKind::Json, bytes: body.as_bytes() }, &context);
    assert_eq!(faults(read), [("/wait_ms".to_owned(), "out_of_range")]);
}

#[test]
fn no_fault_and_no_warning_repeats_a_value() {
    let canary = "CanaryQuill";
    let mut places = 0;
    let body = auto();
    let mut pointers = vec![String::new()];
    while let Some(pointer) = pointers.pop() {
        match body.pointer(&pointer).unwrap() {
            Json::Object(entries) => {
                pointers.extend(entries.keys().map(|key| format!("{pointer}/{key}")));
            }
            Json::Array(items) => {
                pointers.extend((0..items.len()).map(|at| format!("{pointer}/{at}")));
            }
            _ => {}
        }
        for planted in [
            json!(format!("{canary}@@")),
            json!({canary: canary}),
            json!([canary]),
            json!(format!("{canary} {canary} 2145550142")),
            json!(format!("9{canary}")),
        ] {
            if pointer.is_empty() {
                continue;
            }
            let mut body = body.clone();
            *body.pointer_mut(&pointer).unwrap() = planted;
            if let Json::Object(lead) = &mut body["lead"] {
                lead.insert(format!("{canary} 2145557312"), json!(canary));
            }
            places += 1;
            let told = match read_json(&body) {
                Ok(read) => format!("{:?}", read.warnings),
                Err(error) => format!("{error} {error:?}"),
            };
            // A key that looks like a name is repeated, a value never.
            let told = told.replace(&format!("/{canary}\""), "");
            assert!(!told.contains("Canary") && !told.contains("21455"), "{pointer}: {told}");
        }
    }
    assert!(places > 100);
}
