//! A request that is another one with differences.

use super::*;
use crate::integration::tests::sample::compile;

/// The bodies of the ping and of the post.
fn check_both(profile: &str, ping: &str, post: &str) {
    assert_eq!(sample(&[]).body(profile, Phase::Ping), ping, "{profile}");
    assert_eq!(sample(&[]).body(profile, Phase::Post), post, "{profile}");
}

const DRIVERS: &str = "[ping.request]\nbody = \"form\"\n[ping.request.fields.drivers]\neach = \"drivers\"\n\
    fields = { \"driver{n}\" = { value = 1 }, \"driver{n}_sex\" = \"item.gender\" }\n\
    [post.request]\ninclude = \"ping\"\n";

#[test]
fn fields_of_the_same_list_become_one_list() {
    let post = "[post.request.fields.drivers]\neach = \"drivers\"\nat_most = 1\n\
        fields = { \"driver{n}_born\" = { from = \"item.born\", date = \"YYYY\" }, \"driver{n}\" = { value = 2 } }\n";
    let profile = format!("{DRIVERS}{post}");
    check_both(
        &profile,
        "driver1=1&driver1_sex=female&driver2=1&driver2_sex=male",
        "driver1=2&driver1_sex=female&driver1_born=1957",
    );
    assert_eq!(compile(&profile).warnings(), []);
    check_both(
        "[ping.request]\nbody = \"json\"\n[ping.request.fields.cars]\neach = \"vehicles\"\nat_most = 1\nfields = { n = \"number\" }\n\
         [post.request]\ninclude = \"ping\"\n[post.request.fields.cars]\neach = \"vehicles\"\nfields = { make = \"item.make\" }\n",
        "{\"cars\":[{\"n\":1}]}",
        "{\"cars\":[{\"n\":1,\"make\":\"Toyota\"}]}",
    );
}

#[test]
fn fields_of_another_list_take_its_place_and_what_is_lost_is_warned_of() {
    let lost = |post: &str, expect: &[&str]| {
        let profile = format!("{DRIVERS}[post.request.fields]\n{post}\n");
        check_faults(&profile, expect);
        let body = sample(&[]).body(&profile, Phase::Post);
        assert!(!body.contains("sex"), "{body}");
    };
    lost(
        "drivers = { each = \"vehicles\", fields = { \"driver{n}\" = \"item.make\" } }",
        &[
            "warning: post.request.fields.drivers: it takes the place of `drivers`, and is without driver{n}_sex; write the same `each`",
        ],
    );
    lost(
        "drivers = \"state\"",
        &["it takes the place of `drivers`, and is without driver{n}, driver{n}_sex; write"],
    );
    lost("drivers = { omit = true }", &[]);
}

#[test]
fn what_is_left_out_and_is_not_there_is_warned_of() {
    check_faults(
        &format!("{DRIVERS}[post.request.fields]\ndriver = {{ omit = true }}\n"),
        &[
            "warning: post.request.fields.driver: there is no `driver` here that could be left out; did you mean `drivers`?",
        ],
    );
}

#[test]
fn an_object_keeps_its_names_and_takes_the_condition_of_the_later_one() {
    check_both(
        "[ping.request]\nbody = \"form\"\nnesting = \"brackets\"\n[ping.request.fields.home.fields]\nstate = \"state\"\n\
         [post.request]\ninclude = \"ping\"\n[post.request.fields.home.fields]\nzip = \"zip\"\n\
         [post.request.fields.person.fields]\nname = \"first_name\"\n",
        "home%5Bstate%5D=TX",
        "home%5Bstate%5D=TX&home%5Bzip%5D=07001&person%5Bname%5D=Ada",
    );
    check_both(
        "[ping.request]\nbody = \"json\"\nfields = { state = \"state\", home = { fields = { a = \"zip3\" } } }\n\
         [post.request]\ninclude = \"ping\"\nfields = { home = { when = \"not test\", fields = { b = \"zip\" } } }\n",
        "{\"state\":\"TX\",\"home\":{\"a\":\"070\"}}",
        "{\"state\":\"TX\"}",
    );
}

#[test]
fn fields_of_the_query_are_changed_as_those_of_the_body() {
    let profile = "[ping.request]\nbody = \"none\"\nquery = { a = \"state\", b = { value = 1 }, c = { value = 2 } }\n\
        [post.request]\ninclude = \"ping\"\nquery = { b = \"zip\", c = { omit = true }, d = { value = 3 } }\n";
    check(profile, Phase::Ping, "GET https://buyer.example/api?a=TX&b=1&c=2\n");
    check(profile, Phase::Post, "GET https://buyer.example/api?a=TX&b=07001&d=3\n");
}

#[test]
fn a_bound_that_bounds_nothing_is_refused() {
    let check_field = |field: &str, expect: &[&str]| {
        let profile =
            format!("[post.request]\nbody = \"json\"\n[post.request.fields]\nx = {field}\n");
        check_faults(&profile, expect);
    };
    check_field(
        "{ from = \"price\", at_most = 100 }",
        &["`at_most` bounds nothing here; write clamp = { at_most = .. } to bound a number"],
    );
    check_field("{ from = \"price\", at_least = 100 }", &["`at_least` bounds nothing here"]);
    check_field("{ at_most = 3, fields = { a = \"zip\" } }", &["`at_most` bounds nothing here"]);
    check_field("{ each = \"drivers\", at_most = 3, from = \"item.gender\" }", &[]);
    check_field(
        "{ from = \"price\", cents = true, decimals = 2 }",
        &["`decimals` and `cents` do not go together; leave one of them out"],
    );
    check_field(
        "{ from = \"drivers\", count = true, join = \",\" }",
        &["`count` and `join` do not go together"],
    );
    check_field(
        "{ from = \"price\", clamp = {} }",
        &["no bound is named; write clamp = { at_least = 0"],
    );
    check_field(
        "{ from = \"price\", clamp = { at_least = 2, at_most = 1 } }",
        &["no number is within the bounds"],
    );
    check_field(
        "{ from = \"price\", clamp = { at_mots = 2 } }",
        &["unknown key `at_mots`; did you mean `at_most`?"],
    );
}

#[test]
fn a_condition_that_always_holds_is_warned_of() {
    let of = |when: &str| {
        format!(
            "[post.request]\nbody = \"json\"\nfields = {{ a = {{ value = 1, when = {when} }} }}\n"
        )
    };
    check_faults(
        &of("\"consent.kind\""),
        &[
            "warning: post.request.fields.a.when: it always has a value, so that the condition always holds; write { from = \"consent.kind\", in = ",
        ],
    );
    check_faults(&of("{ not = \"floor\" }"), &["it always has a value"]);
    check_faults(&of("{ from = \"consent.kind\", is = \"jornaya\" }"), &[]);
    check_faults(&of("\"consent.has_jornaya_lead_id\""), &[]);
}

#[test]
fn whether_there_is_a_certificate_is_in_a_ping_that_does_not_show_it() {
    let profile = "[ping.request]\nbody = \"json\"\nfields = { kind = \"consent.kind\", tf = \"consent.has_trustedform_cert\", \
        j = { from = \"consent.has_jornaya_lead_id\", boolean = [\"1\", \"0\"] }, cert = \"consent.trustedform_cert_url\" }\n\
        [post.request]\ninclude = \"ping\"\n";
    check_both(
        profile,
        r#"{"kind":"trustedform","tf":true,"j":"0"}"#,
        r#"{"kind":"trustedform","tf":true,"j":"0","cert":"https://cert.trustedform.com/abc"}"#,
    );
}
