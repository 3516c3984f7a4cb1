use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::*;
use crate::domain::decimal::Decimal;
use crate::domain::money::Money;

/// A field of that type; further keys override.
fn field(kind: &str, more: Json) -> Field {
    let mut described = json!({"name": "f", "type": kind});
    for (key, value) in more.as_object().unwrap() {
        described[key] = value.clone();
    }
    serde_json::from_value(described).unwrap()
}

fn context() -> FieldContext {
    FieldContext { is_test: false, now: "2026-11-23T12:00:00Z".parse().unwrap() }
}

fn node(value: &Json) -> Node {
    match value {
        Json::Null => Node::Null,
        Json::Bool(truth) => Node::Bool(*truth),
        Json::Number(number) => Node::Number(number.to_string()),
        Json::String(text) => Node::Text(text.clone()),
        Json::Array(items) => Node::Array(items.iter().map(node).collect()),
        Json::Object(entries) => {
            Node::Object(entries.iter().map(|(key, value)| (key.clone(), node(value))).collect())
        }
    }
}

/// Each input comes to the value, or is refused with the code.
fn check(field: &Field, cases: &[(Json, Result<Value, FaultCode>)]) {
    for (input, expect) in cases {
        let read = read(field, &node(input), &context()).map_err(|refusal| refusal.code);
        assert_eq!(&read, expect, "{input} as {:?}", field.kind);
    }
}

fn text(value: &str) -> Result<Value, FaultCode> {
    Ok(Value::Text(value.to_owned()))
}

#[test]
fn phones_become_e164() {
    let invalid = || Err(FaultCode::InvalidPhone);
    check(
        &field("phone", json!({})),
        &[
            (json!("+12145557312"), text("+12145557312")),
            (json!("(214) 555-7312"), text("+12145557312")),
            (json!(" 214.555.7312\n"), text("+12145557312")),
            (json!("1 214 555 7312"), text("+12145557312")),
            (json!("214/555-7312"), text("+12145557312")),
            (json!("787-555-7312"), text("+17875557312")),
            (json!("671-646-7312"), text("+16716467312")),
            (json!("555-7312"), invalid()),
            (json!("214555731"), invalid()),
            (json!("21455573122"), invalid()),
            (json!("114-555-7312"), invalid()),
            (json!("214-155-7312"), invalid()),
            (json!("214-911-7312"), invalid()),
            (json!("214-555-1212"), invalid()),
            (json!("416-555-7312"), invalid()),
            (json!("+442079460958"), invalid()),
            (json!("800-555-7312"), invalid()),
            (json!("900-555-7312"), invalid()),
            (json!("214-555-7312 x5"), invalid()),
            (json!("tel:+12145557312"), invalid()),
            (json!("1-800-FLOWERS"), invalid()),
            (json!("0000000000"), invalid()),
            (json!("２１４５５５７３１２"), invalid()),
            (json!("+1214555731200000000000000000000000"), invalid()),
            (json!("214-555-0100"), Err(FaultCode::FictionalPhone)),
            (json!("214-555-0199"), Err(FaultCode::FictionalPhone)),
            (json!("214-555-0200"), text("+12145550200")),
            (json!("214-555-0099"), text("+12145550099")),
            (json!(2_145_557_312_i64), Err(FaultCode::Type)),
        ],
    );
}

#[test]
fn a_test_lead_may_have_a_fictional_number() {
    let test = FieldContext { is_test: true, ..context() };
    let read = read(&field("phone", json!({})), &node(&json!("2145550142")), &test);
    assert_eq!(read, Ok(Value::Text("+12145550142".to_owned())));
}

#[test]
fn emails_keep_their_local_part_and_lower_their_domain() {
    let invalid = || Err(FaultCode::InvalidEmail);
    let long = |local: usize, domain: usize| {
        json!(format!("{}@{}.com", "a".repeat(local), vec!["b".repeat(60); domain].join(".")))
    };
    check(
        &field("email", json!({})),
        &[
            (json!(" Ann.Lee+x@Example.COM "), text("Ann.Lee+x@example.com")),
            (json!("o'neil@mail.example.co.uk"), text("o'neil@mail.example.co.uk")),
            (json!("a@b.co"), text("a@b.co")),
            (long(64, 3), text(long(64, 3).as_str().unwrap())),
            (long(65, 3), invalid()),
            (long(64, 4), invalid()),
            (json!("ann"), invalid()),
            (json!("ann@localhost"), invalid()),
            (json!("ann@example"), invalid()),
            (json!("ann@example.c"), invalid()),
            (json!("ann@10.0.0.1"), invalid()),
            (json!("ann@[10.0.0.1]"), invalid()),
            (json!("ann lee@example.com"), invalid()),
            (json!("\"ann lee\"@example.com"), invalid()),
            (json!("Ann <ann@example.com>"), invalid()),
            (json!("ann@@example.com"), invalid()),
            (json!("ann@exa_mple.com"), invalid()),
            (json!("ann@-example.com"), invalid()),
            (json!(".ann@example.com"), invalid()),
            (json!("änn@example.com"), invalid()),
            (json!(true), Err(FaultCode::Type)),
        ],
    );
}

#[test]
fn states_are_codes_or_names() {
    let invalid = || Err(FaultCode::InvalidState);
    check(
        &field("state", json!({})),
        &[
            (json!("TX"), text("TX")),
            (json!(" tx "), text("TX")),
            (json!("Texas"), text("TX")),
            (json!("new  york"), text("NY")),
            (json!("DISTRICT OF COLUMBIA"), text("DC")),
            (json!("PR"), text("PR")),
            (json!("XX"), invalid()),
            (json!("Tex"), invalid()),
            (json!("AE"), invalid()),
            (json!("T X"), invalid()),
            (json!(5), Err(FaultCode::Type)),
        ],
    );
    for (code, name) in crate::domain::us_state::STATES {
        assert_eq!(place::state(code), Ok(code));
        assert_eq!(place::state(&name.to_uppercase()), Ok(code));
    }
}

#[test]
fn zip_codes_keep_five_digits() {
    let invalid = || Err(FaultCode::InvalidZip);
    check(
        &field("zip", json!({})),
        &[
            (json!("75201"), text("75201")),
            (json!(" 02108-1234 "), text("02108")),
            (json!("752011234"), text("75201")),
            (json!("7520"), invalid()),
            (json!("752011"), invalid()),
            (json!("75201-"), invalid()),
            (json!("75201-123"), invalid()),
            (json!("75201 1234"), invalid()),
            (json!("7520l"), invalid()),
            (json!("00000"), invalid()),
            (json!("７５２０１"), invalid()),
            (json!(75201), Err(FaultCode::Type)),
        ],
    );
}

#[test]
fn dates_are_iso_or_month_first() {
    let invalid = || Err(FaultCode::InvalidDate);
    let date = |year, month, day| Ok(Value::Date(jiff::civil::date(year, month, day)));
    let bounded = field("date", json!({"min": "1900-01-01", "max": "2026-12-31"}));
    check(
        &bounded,
        &[
            (json!("1957-03-02"), date(1957, 3, 2)),
            (json!("03/02/1957"), date(1957, 3, 2)),
            (json!(" 3/2/1957 "), date(1957, 3, 2)),
            (json!("1900-01-01"), date(1900, 1, 1)),
            (json!("2026-12-31"), date(2026, 12, 31)),
            (json!("2024-02-29"), date(2024, 2, 29)),
            (json!("2023-02-29"), invalid()),
            (json!("13/02/1957"), invalid()),
            (json!("1957-3-2"), invalid()),
            (json!("57-03-02"), invalid()),
            (json!("3/2/57"), invalid()),
            (json!("1957/03/02"), invalid()),
            (json!("02-03-1957"), invalid()),
            (json!("19570302"), invalid()),
            (json!("1957-03-02T00:00:00Z"), invalid()),
            (json!("1957-+3-02"), invalid()),
            (json!("1899-12-31"), Err(FaultCode::OutOfRange)),
            (json!("2027-01-01"), Err(FaultCode::OutOfRange)),
            (json!(19_570_302), Err(FaultCode::Type)),
        ],
    );
}

#[test]
fn a_birth_date_is_not_in_the_future_and_other_dates_may_be() {
    let born = field("date", json!({"pii": "quasi", "exposure": "age_band"}));
    check(
        &born,
        &[
            (json!("2026-11-23"), Ok(Value::Date(jiff::civil::date(2026, 11, 23)))),
            (json!("2026-11-24"), Err(FaultCode::InFuture)),
        ],
    );
    check(
        &field("date", json!({})),
        &[(json!("2030-01-01"), Ok(Value::Date(jiff::civil::date(2030, 1, 1))))],
    );
}

#[test]
fn whole_numbers_are_read_from_numbers_and_texts() {
    let invalid = || Err(FaultCode::InvalidNumber);
    let out = || Err(FaultCode::OutOfRange);
    let exponent = Node::Number("1e3".to_owned());
    let bounded = field("integer", json!({"min": -5, "max": 1000}));
    check(
        &bounded,
        &[
            (json!(15), Ok(Value::Integer(15))),
            (json!(-5), Ok(Value::Integer(-5))),
            (json!(1000), Ok(Value::Integer(1000))),
            (json!(" 15 "), Ok(Value::Integer(15))),
            (json!("007"), Ok(Value::Integer(7))),
            (json!(15.0), Ok(Value::Integer(15))),
            (json!(-6), out()),
            (json!(1001), out()),
            (json!(u64::MAX), out()),
            (json!(15.5), invalid()),
            (json!("15,000"), invalid()),
            (json!("$15"), invalid()),
            (json!("+15"), invalid()),
            (json!("fifteen"), invalid()),
            (json!("0x10"), invalid()),
            (json!(true), Err(FaultCode::Type)),
            (json!([15]), Err(FaultCode::Type)),
        ],
    );
    let refusal = read(&bounded, &exponent, &context()).unwrap_err();
    assert_eq!(refusal.code, FaultCode::InvalidNumber);
    let refusal = read(&bounded, &node(&json!(1001)), &context()).unwrap_err();
    assert_eq!(refusal.detail, "from -5 to 1000");
}

#[test]
fn decimals_and_amounts_are_exact() {
    let decimal = |text: &str| Ok(Value::Decimal(Decimal::parse(text).unwrap()));
    check(
        &field("decimal", json!({"min": "-0.5"})),
        &[
            (json!(2.5), decimal("2.5")),
            (json!("2.0001"), decimal("2.0001")),
            (json!("-0.5"), decimal("-0.5")),
            (json!("-0.5001"), Err(FaultCode::OutOfRange)),
            (json!("2.00001"), Err(FaultCode::InvalidNumber)),
            (json!("2."), Err(FaultCode::InvalidNumber)),
        ],
    );
    let money = |text: &str| Ok(Value::Money(Money::parse(text).unwrap()));
    check(
        &field("money", json!({"max": 1000})),
        &[
            (json!("12.50"), money("12.5")),
            (json!(12.5), money("12.5")),
            (json!(0), money("0")),
            (json!("1000.0000"), money("1000")),
            (json!("1000.0001"), Err(FaultCode::OutOfRange)),
            (json!("99999999999999999"), Err(FaultCode::OutOfRange)),
            (json!("-1"), Err(FaultCode::InvalidNumber)),
            (json!("$12.50"), Err(FaultCode::InvalidNumber)),
            (json!("1,012.50"), Err(FaultCode::InvalidNumber)),
            (json!("12.50001"), Err(FaultCode::InvalidNumber)),
            (json!(false), Err(FaultCode::Type)),
        ],
    );
}

#[test]
fn truths_have_many_spellings() {
    let boolean = field("boolean", json!({}));
    for yes in [
        json!(true),
        json!(1),
        json!("true"),
        json!("YES"),
        json!(" Y "),
        json!("1"),
        json!("on"),
        json!("T"),
    ] {
        check(&boolean, &[(yes, Ok(Value::Boolean(true)))]);
    }
    for no in [
        json!(false),
        json!(0),
        json!("False"),
        json!("no"),
        json!("N"),
        json!("0"),
        json!("off"),
        json!("f"),
    ] {
        check(&boolean, &[(no, Ok(Value::Boolean(false)))]);
    }
    check(
        &boolean,
        &[
            (json!(2), Err(FaultCode::InvalidBoolean)),
            (json!("maybe"), Err(FaultCode::InvalidBoolean)),
            (json!({}), Err(FaultCode::Type)),
        ],
    );
}

#[test]
fn an_enum_takes_other_spellings_and_keeps_its_own() {
    let not = || Err(FaultCode::NotInValues);
    let choice = field("enum", json!({"values": ["part_time", "Full Time", "20", "a+b", "none"]}));
    check(
        &choice,
        &[
            (json!("part_time"), text("part_time")),
            (json!("Part time"), text("part_time")),
            (json!("PART--TIME"), text("part_time")),
            (json!("parttime"), text("part_time")),
            (json!(" full-time "), text("Full Time")),
            (json!("20"), text("20")),
            (json!(20), text("20")),
            (json!("A+B"), text("a+b")),
            (json!("par t_time"), not()),
            (json!("part_tim"), not()),
            (json!("part_times"), not()),
            (json!("a b"), not()),
            (json!(20.5), not()),
            (json!(true), Err(FaultCode::Type)),
        ],
    );
    let refusal = read(&choice, &node(&json!("x")), &context()).unwrap_err();
    assert_eq!(refusal.detail, "one of part_time, Full Time, 20, a+b, none");
}

#[test]
fn names_are_tidied() {
    let character = || Err(FaultCode::InvalidCharacter);
    check(
        &field("name", json!({"max": 12})),
        &[
            (json!(" Ann  Lee "), text("Ann Lee")),
            (json!("O'Neil-Søn"), text("O'Neil-Søn")),
            (json!("李"), text("李")),
            (json!("St. Louis"), text("St. Louis")),
            (json!("---"), character()),
            (json!("123"), character()),
            (json!("Ann\u{7}"), character()),
            (json!("Ann\nLee"), character()),
            (json!("Ann\u{202e}eeL"), character()),
            (json!("Ann\u{200b}"), character()),
            (json!("\u{a0}"), character()),
            (json!("Ann Lee Jones"), Err(FaultCode::TooLong)),
            (json!("Søren Søren1"), text("Søren Søren1")),
            (json!(1), Err(FaultCode::Type)),
        ],
    );
}

#[test]
fn texts_keep_their_lines_and_their_bounds() {
    check(
        &field("text", json!({"min": 3, "max": 8})),
        &[
            (json!(" a\n\tb "), text("a\n\tb")),
            (json!("12345678"), text("12345678")),
            (json!("ab "), Err(FaultCode::TooShort)),
            (json!("123456789"), Err(FaultCode::TooLong)),
            (json!("ab\u{0}c"), Err(FaultCode::InvalidCharacter)),
            (json!("ab\u{1b}c"), Err(FaultCode::InvalidCharacter)),
        ],
    );
    let refusal = read(&field("text", json!({})), &node(&json!("x".repeat(1_001))), &context());
    assert_eq!(refusal.unwrap_err().detail, "at most 1000 characters");
}

#[test]
fn instants_have_an_offset_and_have_passed() {
    let now = context().now;
    let check = |text: &str, expect: Result<&str, FaultCode>| {
        let read = date::past_instant(text, now).map_err(|refusal| refusal.code);
        assert_eq!(read, expect.map(|instant| instant.parse().unwrap()), "{text}");
    };
    check("2026-11-23T11:00:00Z", Ok("2026-11-23T11:00:00Z"));
    check(" 2026-11-23t05:00:00.125-06:00 ", Ok("2026-11-23T11:00:00.125Z"));
    check("2026-11-23 11:00:00+00:00", Ok("2026-11-23T11:00:00Z"));
    check("2026-11-23T12:05:00Z", Ok("2026-11-23T12:05:00Z"));
    check("2026-11-23T12:05:01Z", Err(FaultCode::InFuture));
    for bad in [
        "2026-11-23",
        "2026-11-23T11:00:00",
        "2026-11-23T11:00Z",
        "20261123T110000Z",
        "2026-13-23T11:00:00Z",
        "2026-11-23T25:00:00Z",
        "2026-11-23T11:00:00.Z",
        "1763895600",
        "2026-11-23T11:00:00Z[UTC]",
        "2026-11-23T11:00:00+0000",
        "2026-11-23T11:00:00,5Z",
        "",
    ] {
        check(bad, Err(FaultCode::InvalidTimestamp));
    }
}

#[test]
fn evidence_is_what_it_says() {
    let code = |refusal: Refusal| refusal.code;
    assert_eq!(evidence::ip(" 203.0.113.9 ").map_err(code), Ok("203.0.113.9".parse().unwrap()));
    assert_eq!(evidence::ip("2001:db8::1").map_err(code), Ok("2001:db8::1".parse().unwrap()));
    for bad in ["203.0.113", "203.0.113.9:80", "203.0.113.009", "localhost", "fe80::1%eth0"] {
        assert_eq!(evidence::ip(bad).map_err(code), Err(FaultCode::InvalidIp), "{bad}");
    }
    for good in ["https://quotes.example/a?b=c#d", "HTTP://10.0.0.1:8080/"] {
        assert_eq!(evidence::page_url(good).map_err(code), Ok(good.to_owned()));
    }
    for bad in [
        "quotes.example",
        "ftp://quotes.example",
        "javascript:alert(1)",
        "https://",
        "https:quotes.example",
        "https://a b.example",
        "https://quotes.example/a\nb",
        "//x.example",
    ] {
        assert_eq!(evidence::page_url(bad).map_err(code), Err(FaultCode::InvalidUrl), "{bad}");
    }
    let certificate = "https://cert.trustedform.com/0123456789abcdef0123456789abcdef01234567";
    assert_eq!(evidence::trustedform_cert_url(certificate).map_err(code), Ok(certificate.into()));
    for bad in [
        "http://cert.trustedform.com/abc",
        "https://cert.trustedform.com/",
        "https://cert.trustedform.com",
        "https://cert.trustedform.com.evil.example/abc",
        "https://evil.example/cert.trustedform.com/abc",
        "https://cert.trustedform.com:8443/abc",
        "https://cert.trustedform.com@evil.example/abc",
        "https://user@cert.trustedform.com/abc",
        "https:\\\\cert.trustedform.com\\abc",
        "https://cert.trustedform.com\\@evil.example/abc",
    ] {
        let read = evidence::trustedform_cert_url(bad).map_err(code);
        assert_eq!(read, Err(FaultCode::InvalidCertificate), "{bad}");
    }
    let lead_id = "A1B2C3D4-E5F6-7890-ABCD-EF1234567890";
    assert_eq!(evidence::jornaya_lead_id(lead_id).map_err(code), Ok(lead_id.to_owned()));
    for bad in [
        "A1B2C3D4",
        "A1B2C3D4-E5F6-7890-ABCD-EF123456789G",
        "A1B2C3D4E5F6-7890-ABCD-EF1234567890-",
        "A1B2C3D4-E5F6-7890-ABCD-EF12345678901",
    ] {
        let read = evidence::jornaya_lead_id(bad).map_err(code);
        assert_eq!(read, Err(FaultCode::InvalidLeadId), "{bad}");
    }
}

const KINDS: [&str; 12] = [
    "text", "name", "phone", "email", "state", "zip", "date", "integer", "decimal", "money",
    "boolean", "enum",
];

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic_and_what_is_read_reads_as_itself(
        kind in prop::sample::select(KINDS.to_vec()),
        input in prop_oneof![".{0,40}", "[0-9()+./: -]{0,20}", "[a-z0-9.@-]{0,30}"],
    ) {
        let field = field(kind, json!({"values": if kind == "enum" { json!(["a", "b c"]) } else { json!([]) }}));
        for node in [Node::Text(input.clone()), Node::Number(input)] {
            if let Ok(value) = read(&field, &node, &context()) {
                let again = match &value {
                    Value::Text(text) => Node::Text(text.clone()),
                    Value::Integer(number) => Node::Number(number.to_string()),
                    Value::Decimal(number) => Node::Number(number.to_string()),
                    Value::Money(amount) => Node::Text(amount.to_string()),
                    Value::Boolean(truth) => Node::Bool(*truth),
                    Value::Date(date) => Node::Text(date.to_string()),
                    Value::List(_) => unreachable!("no list was read"),
                };
                prop_assert_eq!(read(&field, &again, &context()), Ok(value));
            }
        }
    }

    #[test]
    fn every_notation_of_a_number_comes_to_the_same(
        line in 2000_u32..10_000, style in prop::sample::select(vec!["+1214555", "(214) 555-", "214.555.", "1-214-555-", "214 555 "])
    ) {
        let read = phone::phone(&format!("{style}{line}"), false);
        prop_assert_eq!(read, Ok(format!("+1214555{line}")));
    }
}
