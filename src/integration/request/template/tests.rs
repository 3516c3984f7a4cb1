//! Templates stay within their bounds.

use super::super::super::phase::Phase;
use super::RenderRefused;
use crate::integration::tests::sample::{faults, sample};

fn of(template: &str) -> String {
    format!("[post.request]\nbody = \"text\"\ntemplate = '''{template}'''\n")
}

fn check(template: &str, expect: &str) {
    assert_eq!(sample(&[]).body(&of(template), Phase::Post), expect, "{template}");
}

fn check_refused(template: &str, why: &'static str) {
    let refused = sample(&[]).render(&of(template), Phase::Post).err();
    assert_eq!(refused, Some(RenderRefused::Template { why }), "{template}");
}

fn check_fault(template: &str, expect: &str) {
    let faults = faults(&of(template));
    assert!(faults.iter().any(|fault| fault.contains(expect)), "{template}: {faults:?}");
}

#[test]
fn a_template_sees_the_sources_of_its_call() {
    check(
        "{{ lead.zip }} {{ price }} {{ bid.reference }} {{ consent.ip }}",
        "07001 21.50 B/1 2 203.0.113.9",
    );
    check("{% for driver in lead.drivers %}{{ driver.name|upper }};{% endfor %}", "ADA;TOM;");
    check("{% if lead.middle is defined %}yes{% else %}no{% endif %}", "no");
    check("{% if test %}T{% endif %}{{ seats }}", "Texclusive");
    check("{{ sold_to|join('+') }}", "First Co+Second, Inc");
}

#[test]
fn a_template_that_uses_a_missing_value_is_refused() {
    check_refused("{{ lead.middle }}", "a value is missing");
    check_refused("{{ lead.drivers[7].name }}", "a value is missing");
}

#[test]
fn a_template_cannot_run_or_grow_without_bounds() {
    check_refused(
        "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
        "it needs too much",
    );
    check_refused("{{ 'x' * 9000000 }}", "it needs too much");
    let doubling = "{% set a = a ~ a %}".repeat(60);
    check_refused(&format!("{{% set a = 'xxxxxxxx' %}}{doubling}{{{{ a }}}}"), "it needs too much");
    check_refused("{{ [1, 2] * 4000000 }}", "it needs too much");
}

#[test]
fn a_template_reaches_nothing_outside() {
    check_fault("{% include 'etc/passwd' %}", "of the template");
    check_fault("{% import 'x' as y %}", "of the template");
    check_fault("{% extends 'x' %}", "of the template");
    check_fault("{{ zip }}", "a template has no `zip`; write lead.zip");
    check_fault("{{ ip }}", "write consent.ip");
    check_fault("{{ env.HOME }}", "is no source");
    check_fault("{{ secret.other }}", "the profile declares no secret `other`");
    check_fault("{{ lead.zip", "of the template");
    check_fault("{{ reply.x }}", "a post request has no `reply.x`");
}

#[test]
fn a_value_can_be_a_template_and_a_body_must_be_of_its_format() {
    let profile = "[post.request]\nbody = \"json\"\n[post.request.fields]\n\
        x = { template = '{% for d in lead.drivers %}[{{ d.name }}]{% endfor %}' }\n";
    assert_eq!(sample(&[]).body(profile, Phase::Post), r#"{"x":"[Ada][Tom]"}"#);
    let refused = |body: &str, template: &str| {
        let profile = format!("[post.request]\nbody = \"{body}\"\ntemplate = '{template}'\n");
        sample(&[]).render(&profile, Phase::Post).err()
    };
    let expect = Some(RenderRefused::Template { why: "what it makes is not well-formed" });
    assert_eq!(refused("json", "{\"a\": {{ lead.zip }}"), expect);
    assert_eq!(refused("xml", "<a>{{ lead.zip }}</b>"), expect);
    assert_eq!(refused("xml", "<!DOCTYPE a><a/>"), expect);
}
