//! What becomes of single values.

use proptest::prelude::*;

use super::super::super::phase::Phase;
use crate::integration::tests::sample::{compile, faults, sample};

/// The value that a field's table makes of the sample's whole lead, as JSON; `-` if it is missing.
fn made(field: &str) -> String {
    let profile = format!("[post.request]\nbody = \"json\"\n[post.request.fields]\nx = {field}\n");
    let body = sample(&[]).body(&profile, Phase::Post);
    let value = body.strip_prefix("{\"x\":").and_then(|rest| rest.strip_suffix('}'));
    value.unwrap_or("-").to_owned()
}

fn check(field: &str, expect: &str) {
    assert_eq!(made(field), expect, "{field}");
}

#[test]
fn capability_09_values_become_the_buyers_words() {
    check(
        r#"{ from = "own_or_rent", map = { own = "Own/Buying", rent = "Rent" } }"#,
        r#""Own/Buying""#,
    );
    check(r#"{ from = "own_or_rent", map = { own = 1, rent = 2 } }"#, "1");
    check(r#"{ from = "own_or_rent", map = { rent = "R" }, default = "N" }"#, r#""N""#);
    check(r#"{ from = "own_or_rent", map = { rent = "R" } }"#, "-");
    check(r#"{ from = "own_or_rent", map = { rent = "R" }, unmapped = "keep" }"#, r#""own""#);
    check(r#"{ from = "insured", boolean = ["Y", "N"] }"#, r#""Y""#);
    check(r#"{ from = "insured", boolean = [1, 2] }"#, "1");
    check(r#"{ from = "insured", map = { true = "Yes", false = "No" } }"#, r#""Yes""#);
    check(r#""insured""#, "true");
    check(r#"{ from = "insured", as = "text" }"#, r#""true""#);
}

#[test]
fn capability_09_numbers_become_the_code_of_their_band() {
    let bands = r#"bands = { 0 = "A", 5000 = "B", 12000 = "C", 20000 = "D" }"#;
    check(&format!("{{ from = \"miles\", {bands} }}"), r#""C""#);
    check(&format!("{{ from = \"income\", {bands} }}"), r#""A""#);
    check(r#"{ from = "miles", bands = { 20000 = "D" }, default = "none" }"#, r#""none""#);
    check(r#"{ from = "miles", bands = { 1 = 1, 251 = 251, 501 = 501 } }"#, "501");
}

#[test]
fn numbers_are_brought_within_bounds() {
    let clamp = |of: &str, bounds: &str, expect: &str| {
        check(&format!("{{ from = \"{of}\", clamp = {{ {bounds} }} }}"), expect);
    };
    clamp("miles", "at_most = 10000", "10000");
    clamp("miles", "at_least = 100, at_most = 100000", "12000");
    clamp("miles", "at_least = 12000.5", "12000.5");
    clamp("income", "at_most = 1000", &made(r#"{ from = "income", divided_by = 42, times = 10 }"#));
    clamp("score", "at_least = 0, at_most = 12", "12");
    clamp("zip", "at_most = 7000", r#""7000""#);
    clamp("state", "at_most = 7000", "-");
    check(
        r#"{ from = "miles", divided_by = 1000, clamp = { at_most = 5 }, bands = { 0 = "A", 6 = "B" } }"#,
        r#""A""#,
    );
    check(r#"{ from = "price", clamp = { at_most = 20 }, decimals = 0 }"#, r#""20""#);
}

#[test]
fn capability_09_a_map_goes_by_two_values_or_is_gated_on_a_list_of_zips() {
    let profile = "[lists]\nmetro = [\"07001\", \"07002\"]\n\
        [value_maps.need.own]\nTX = \"111\"\n[value_maps.need.rent]\nTX = \"222\"\n\
        [post.request]\nbody = \"json\"\n[post.request.fields]\n\
        need = { from = [\"own_or_rent\", \"state\"], map = \"need\" }\n\
        id.first = [{ value = \"metro\", when = { from = \"zip\", in_list = \"metro\" } }, { value = \"other\" }]\n";
    assert_eq!(sample(&[]).body(profile, Phase::Post), r#"{"need":"111","id":"metro"}"#);
}

#[test]
fn capability_10_the_same_value_is_a_number_or_a_text() {
    check(r#""zip""#, r#""07001""#);
    check(r#"{ from = "zip", as = "number" }"#, "7001");
    check(r#""miles""#, "12000");
    check(r#"{ from = "miles", as = "text" }"#, r#""12000""#);
    check(r#""income""#, r#""4200.00""#);
    check(r#"{ from = "income", as = "number" }"#, "4200.00");
    check(r#"{ from = "income", decimals = 0, as = "number" }"#, "4200");
    check(r#"{ from = "score", decimals = 3 }"#, r#""12.500""#);
    check(r#"{ from = "income", cents = true }"#, "420000");
    check(r#"{ from = "income", times = 12, decimals = 2 }"#, r#""50400.00""#);
    check(r#"{ from = "miles", divided_by = 7, as = "text" }"#, r#""1714.2857""#);
    check(r#"{ value = 12.50 }"#, "12.50");
    check(r#"{ value = true }"#, "true");
    check(r#"{ from = "first_name", as = "number" }"#, "-");
}

#[test]
fn capability_10_all_values_of_a_document_are_texts() {
    let profile = "[post.request]\nbody = \"json\"\ntypes = \"text\"\n[post.request.fields]\n\
        a = \"miles\"\nb = { value = 1 }\nc = \"insured\"\n";
    assert_eq!(sample(&[]).body(profile, Phase::Post), r#"{"a":"12000","b":"1","c":"true"}"#);
}

#[test]
fn capability_11_a_date_is_split_into_three_fields() {
    check(r#"{ from = "date_of_birth", date = "MM" }"#, r#""03""#);
    check(r#"{ from = "date_of_birth", date = "D", as = "number" }"#, "2");
    check(r#"{ from = "date_of_birth", date = "YYYY" }"#, r#""1957""#);
    check(
        r#"{ from = "consent.given_at", date = "YYYY-MM-DD hh:mm:ss" }"#,
        r#""2026-11-23 14:00:00""#,
    );
}

#[test]
fn capability_12_phones_and_other_digits_are_written_as_the_buyer_writes_them() {
    check(r#"{ from = "phone", phone = "digits" }"#, r#""2145557312""#);
    check(r#"{ from = "phone", phone = "NNN-NNN-NNNN" }"#, r#""214-555-7312""#);
    check(r#"{ from = "phone", phone = "(NNN) NNN-NNNN" }"#, r#""(214) 555-7312""#);
    check(r#"{ from = "phone", phone = "e164" }"#, r#""+12145557312""#);
    check(r#"{ from = "phone", phone = "last4" }"#, r#""7312""#);
    check(r#"{ from = "phone", phone = "area" }"#, r#""214""#);
    check(r#"{ from = "phone", phone = "exchange" }"#, r#""555""#);
    check(r#"{ from = "ssn", digits = "NNN-NN-NNNN" }"#, r#""123-45-6789""#);
    check(r#"{ from = "ssn", digits = "last4" }"#, r#""6789""#);
    check(r#"{ from = "zip", digits = "NNN-NN-NNNN" }"#, "-");
    check(r#"{ from = "first_name", phone = "digits" }"#, "-");
    check(r#"{ from = "consent.text", max_chars = 3 }"#, r#""I a""#);
    check(r#"{ from = "email", email = "domain", case = "lower" }"#, r#""example.com""#);
    check(r#"{ from = "first_name", case = "upper" }"#, r#""ADA""#);
}

#[test]
fn capability_13_values_are_computed() {
    check(r#"{ months = { years = "years_there", months = "months_there" } }"#, "29");
    check(r#"{ months = { years = "years_there", months = "other" } }"#, "24");
    check(r#"{ months = { years = "other", months = "other" } }"#, "-");
    check(r#""age""#, "69");
    check(r#"{ from = "date_of_birth", since = "years" }"#, "69");
    check(r#"{ from = "date_of_birth", since = "months" }"#, "836");
    check(r#"{ from = "consent.given_at", since = "seconds" }"#, "123");
    check(r#"{ from = "now", date = "YYYY-MM-DD hh:mm:ss" }"#, r#""2026-11-23 14:02:03""#);
    check(r#""request_id""#, r#""req_1""#);
    check(r#"{ from = "drivers", count = true }"#, "2");
    check(r#"{ from = "drivers", sum = "accidents" }"#, "3");
}

#[test]
fn capability_15_hashes_are_of_the_normalized_value() {
    check(
        r#"{ from = "phone", phone = "digits", hash = "md5" }"#,
        "\"2f36c44497dee69ff00d54ba1efc14f8\"",
    );
    check(
        r#"{ from = "email", case = "lower", hash = "sha1" }"#,
        "\"8a14fe6feabbfe368538aafa1982b08fa96988c2\"",
    );
    check(
        r#"{ from = "email", case = "lower", hash = "sha256" }"#,
        "\"d9acb9853197a9408e7ca823a0eef9cb5c5b51c4c18683fdf2b83e29b671a09e\"",
    );
}

#[test]
fn capability_15_companies_that_have_the_lead_are_listed() {
    check(r#"{ from = "sold_to", join = "|" }"#, r#""First Co|Second, Inc""#);
    check(r#"{ each = "sold_to", from = "item" }"#, r#"["First Co","Second, Inc"]"#);
}

#[test]
fn a_text_has_values_in_it_and_is_missing_if_one_of_them_is() {
    check(r#"{ text = "{first_name} {last_name} ({{{zip}}})" }"#, r#""Ada Byron ({07001})""#);
    check(r#"{ text = "{first_name} {middle_name}" }"#, "-");
}

#[test]
fn steps_that_are_written_wrongly_are_told_with_what_to_write() {
    let check = |field: &str, expect: &str| {
        let text = format!("[post.request]\nbody = \"json\"\n[post.request.fields]\nx = {field}\n");
        let faults = faults(&text);
        assert!(faults.iter().any(|fault| fault.contains(expect)), "{field}: {faults:?}");
    };
    check(r#"{ from = "phone", phone = "NNN-NNNN" }"#, "ten digits");
    check(r#"{ from = "phone", phne = "digits" }"#, "did you mean `phone`?");
    check(r#"{ from = "date_of_birth", date = "yyyy" }"#, "`y` means nothing in a date");
    check(r#"{ from = "insured", boolean = ["Y"] }"#, "write [\"Y\", \"N\"]");
    check(r#"{ from = "miles", bands = { low = 1 } }"#, "`low` is no number");
    check(r#"{ from = "own_or_rent", map = "ownership" }"#, "write [value_maps.ownership]");
    check(r#"{ from = "own_or_rent", unmapped = "keep" }"#, "beside a `map` only");
    check(r#"{ from = "zip", hash = "md4" }"#, "did you mean `md5`?");
    check(r#"{ value = "a", case = "upper" }"#, "without steps");
    check(r#"{ from = "zip", value = "a" }"#, "only one of from, value");
    check("{ case = \"upper\" }", "nothing says where the value comes from");
    check("\"Zip\"", "`Zip` is no source");
    check("1", "write { value = 1 }");
}

proptest! {
    #[test]
    fn no_value_of_a_lead_makes_a_step_panic(text in ".{0,24}", at in 0..19_usize) {
        use crate::domain::lead::{Fields, Value};
        let steps = [
            "count = true", "sum = \"x\"", "join = \",\"", "since = \"years\"", "since = \"seconds\"",
            "times = 1000000", "divided_by = 3", "map = { a = 1 }", "bands = { 0 = 1 }",
            "email = \"domain\"", "phone = \"last4\"", "digits = \"last4\"", "date = \"D M YY hh AM +hhmm\"",
            "decimals = 2", "cents = true", "boolean = [1, 0]", "case = \"title\"", "max_chars = 2",
            "hash = \"sha256\"",
        ];
        let profile = format!(
            "[post.request]\nbody = \"json\"\n[post.request.fields]\nx = {{ from = \"v\", {} }}\n",
            steps[at],
        );
        let profile = compile(&profile);
        for value in [Value::Text(text), Value::Integer(i64::MAX), Value::Integer(i64::MIN)] {
            let mut sample = sample(&[]);
            let mut fields = Fields::new();
            fields.push("v".into(), value);
            sample.lead.fields = crate::domain::pii::Pii::new(fields);
            let rendered = profile.render_post(&sample.post_input()).ok();
            let body = rendered.map(|rendered| rendered.body).unwrap();
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
        }
    }
}
