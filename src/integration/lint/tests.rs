//! A profile held against a vertical.

use crate::domain::vertical::PiiClass;
use crate::integration::tests::sample::{compile, vertical};

fn check(profile: &str, disclosures: &[&str], expect: &[&str]) {
    let disclosures: Vec<String> = disclosures.iter().map(|name| (*name).to_owned()).collect();
    let faults = compile(profile).lint(&vertical(), &disclosures);
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults, expect, "{profile}");
}

fn ping(fields: &str) -> String {
    format!("[ping.request]\nbody = \"json\"\n[ping.request.fields]\n{fields}")
}

#[test]
fn a_ping_names_the_disclosures_it_needs_and_those_that_are_missing() {
    let profile = ping(
        "a = \"zip\"\nb = \"zip3\"\nc = \"age\"\nd = \"consent.ip\"\ne = \"state\"\nf = \"phone\"\ng = \"ssn\"\n\
         h = { each = \"drivers\", from = \"item.born\" }\ni = { each = \"drivers\", from = \"item.born_year\" }\n",
    );
    let needed = compile(&profile).disclosures(&vertical());
    assert_eq!(needed, ["age", "drivers", "ip", "ssn", "zip"]);
    check(
        &profile,
        &["ssn"],
        &[
            "5:5: error: ping.request.fields.a: a ping has no `zip` without its disclosure; use `zip3`, or give the campaign disclosures = [\"zip\"]",
            "7:5: error: ping.request.fields.c: a ping has no `age` without its disclosure; give the campaign disclosures = [\"age\"]",
            "8:5: error: ping.request.fields.d: a ping has no `consent.ip` without its disclosure; give the campaign disclosures = [\"ip\"]",
            "10:5: error: ping.request.fields.f: a ping never has `phone`: it would name the person",
            "12:32: error: ping.request.fields.h.from: a ping has no `drivers.born` without a disclosure; use `item.born_year`, or give the campaign disclosures = [\"drivers\"]",
        ],
    );
}

#[test]
fn what_no_lead_has_is_an_error_with_what_was_meant() {
    check(
        "[post.request]\nbody = \"json\"\n[post.request.fields]\na = \"zipp\"\nb = { each = \"drivers\", from = \"item.gendr\" }\n\
         c = \"drivers.1.sex\"\nd = \"age\"\ne = \"zip3\"\n",
        &[],
        &[
            "5:5: error: post.request.fields.a: leads of `auto` have no `zipp`; did you mean `zip`?",
            "6:32: error: post.request.fields.b.from: an item of `drivers` has no `gendr`; did you mean `gender`?",
            "7:5: error: post.request.fields.c: an item of `drivers` has no `sex`; known here: name, gender, born, accidents",
        ],
    );
}

#[test]
fn what_would_often_be_missing_is_warned_of() {
    check(
        "[post.request]\nbody = \"json\"\n[post.request.fields]\n\
         a = { from = \"own_or_rent\", map = { own = 1, rentt = 2 } }\n\
         b = { from = \"insured\", map = { true = 1 }, default = 0 }\n\
         c = { from = \"email\", required = true }\nd = { from = \"state\", required = true }\n\
         e = { from = \"zip\", date = \"YYYY\" }\nf = { from = \"miles\", phone = \"digits\" }\ng = \"drivers\"\n\
         h = { each = \"drivers\", from = \"item.gender\", map = { female = \"F\" } }\n",
        &[],
        &[
            "5:14: warning: post.request.fields.a.from: the map has no word for rent, other; add them, or a default = \"..\"",
            "5:14: warning: post.request.fields.a.from: `own_or_rent` is never `rentt`; did you mean `rent`?",
            "7:14: warning: post.request.fields.c.from: it is required, and leads of `auto` may lack `email`: such leads are not offered",
            "9:14: warning: post.request.fields.e.from: `zip` is of a type for which this makes no value",
            "10:14: warning: post.request.fields.f.from: `miles` is of a type for which this makes no value",
            "11:5: warning: post.request.fields.g: `drivers` is of a type for which this makes no value",
            "12:32: warning: post.request.fields.h.from: the map has no word for male; add them, or a default = \"..\"",
        ],
    );
}

#[test]
fn what_a_later_call_requires_is_told_with_what_becomes_of_leads_without_it() {
    let call = |phase: &str| {
        format!(
            "[{phase}.request]\nurl = \"https://b.example/x\"\nbody = \"json\"\n\
             fields = {{ a = {{ from = \"email\", required = true }} }}\n"
        )
    };
    let post = "[post.request]\nbody = \"json\"\nfields = { a = \"phone\" }\n";
    let lacks = "it is required, and leads of `auto` may lack `email`";
    for (phase, then) in [
        (
            "confirm",
            "such leads are posted, and where the buyer asks for the second post their fate stays unknown",
        ),
        ("completion", "the buyer is not told of such sales"),
    ] {
        check(
            &format!("{post}{}", call(phase)),
            &[],
            &[&format!("8:25: warning: {phase}.request.fields.a.from: {lacks}: {then}")],
        );
    }
}

#[test]
fn traces_and_parts_of_the_consent_are_disclosures_by_their_own_names() {
    let profile = ping(
        "a = \"email_domain\"\nb = \"phone_area\"\nc = \"phone_sha256\"\nd = \"consent.text\"\n\
         e = \"consent.user_agent\"\nf = \"phone_domain\"\n",
    );
    let needed = compile(&profile).disclosures(&vertical());
    let all = ["consent_text", "consent_user_agent", "email_domain", "phone_area", "phone_sha256"];
    assert_eq!(needed, all);
    let unknown = "10:5: error: ping.request.fields.f: leads of `auto` have no `phone_domain`";
    let faults = compile(&profile).lint(&vertical(), &all.map(str::to_owned));
    assert_eq!(faults.len(), 1);
    assert!(faults[0].to_string().starts_with(unknown), "{}", faults[0]);
    check(
        &profile.replace("f = \"phone_domain\"\n", ""),
        &["email_domain", "phone_sha256", "consent_user_agent"],
        &[
            "6:5: error: ping.request.fields.b: a ping has no `phone_area` without its disclosure; give the campaign disclosures = [\"phone_area\"]",
            "8:5: error: ping.request.fields.d: a ping has no `consent.text` without its disclosure; give the campaign disclosures = [\"consent_text\"]",
        ],
    );
    check(
        "[post.request]\nbody = \"json\"\nfields = { a = \"phone_area\" }\n",
        &[],
        &[
            "4:16: error: post.request.fields.a: only a campaign that discloses `phone_area` has it; take it from `phone`, by a step",
        ],
    );
}

#[test]
fn what_a_vertical_forbids_to_disclose_no_ping_can_have() {
    let profile = compile(&ping(
        "a = \"zip\"\nb = \"age\"\nc = \"ssn\"\nd = \"email_md5\"\ne = \"consent.ip\"\nf = \"zip3\"\n",
    ));
    let disclosures = profile.disclosures(&vertical());
    let check = |forbid: &[PiiClass], expect: &[&str]| {
        let mut vertical = vertical();
        vertical.disclosure.forbid = forbid.to_vec();
        let faults = profile.lint(&vertical, &disclosures);
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert_eq!(faults, expect, "{forbid:?}");
    };
    check(&[], &[]);
    check(
        &[PiiClass::Quasi],
        &[
            "5:5: error: ping.request.fields.a: a ping never has `zip`: `auto` forbids to disclose quasi data; use `zip3`",
            "6:5: error: ping.request.fields.b: a ping never has `age`: `auto` forbids to disclose quasi data",
            "9:5: error: ping.request.fields.e: a ping never has `consent.ip`: `auto` forbids to disclose quasi data",
        ],
    );
    check(
        &[PiiClass::Contact, PiiClass::Sensitive],
        &[
            "7:5: error: ping.request.fields.c: a ping never has `ssn`: `auto` forbids to disclose sensitive data",
            "8:5: error: ping.request.fields.d: a ping never has `email_md5`: `auto` forbids to disclose contact data",
        ],
    );
}

#[test]
fn a_condition_that_never_holds_is_warned_of() {
    let profile = "[post.request]\nbody = \"json\"\n[post.request.fields]\n\
        a = { value = 1, when = { from = \"own_or_rent\", is = \"rentt\" } }\n\
        b = { value = 1, when = { not = { from = \"insured\", in = [\"yes\", \"true\"] } } }\n\
        c = { value = 1, when = { from = \"consent.kind\", is = \"trusted_form\" } }\n\
        d = { value = 1, when = { from = \"state\", at_least = 2 } }\n\
        e = { each = \"drivers\", when = { from = \"item.gender\", is = \"woman\" }, from = \"item.name\" }\n\
        f = { value = 1, when = { from = \"zip\", is = \"anything\" } }\n\
        g = { value = 1, when = { from = \"consent.has_jornaya_lead_id\", is = \"yes\" } }\n";
    check(
        profile,
        &[],
        &[
            "5:34: warning: post.request.fields.a.when.from: `own_or_rent` is never `rentt`; did you mean `rent`?",
            "6:42: warning: post.request.fields.b.when.not.from: `insured` is never `yes`; known here: true, false",
            "7:34: warning: post.request.fields.c.when.from: `consent.kind` is never `trusted_form`; did you mean `trustedform`?",
            "8:34: warning: post.request.fields.d.when.from: `state` is no number, so that the condition never holds",
            "9:41: warning: post.request.fields.e.when.from: `gender` is never `woman`; known here: female, male",
            "11:34: warning: post.request.fields.g.when.from: `consent.has_jornaya_lead_id` is never `yes`; known here: true, false",
        ],
    );
}

#[test]
fn a_part_of_a_list_that_a_ping_lacks_has_its_coarse_name_in_the_hint() {
    check(
        &ping("a = { each = \"drivers\", from = \"item.born\" }\n"),
        &[],
        &[
            "5:32: error: ping.request.fields.a.from: a ping has no `drivers.born` without a disclosure; use `item.born_year`, or give the campaign disclosures = [\"drivers\"]",
        ],
    );
}
