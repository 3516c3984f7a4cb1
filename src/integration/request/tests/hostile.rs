//! Whatever stands in a lead, what is sent is well-formed, and no value ends the place it is in.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::super::phase::Phase;
use super::super::RenderRefused;
use crate::domain::lead::{Fields, Value};
use crate::domain::pii::Pii;
use crate::integration::tests::sample::{Sample, compile, faults, sample};

/// The sample with a lead of these texts.
fn with(values: &[(&str, &str)]) -> Sample {
    let mut sample = sample(&[]);
    let mut fields = Fields::new();
    for (name, text) in values {
        fields.push(Arc::from(*name), Value::Text((*text).to_owned()));
    }
    sample.lead.fields = Pii::new(fields);
    sample
}

fn body(profile: &str, values: &[(&str, &str)]) -> String {
    with(values).body(profile, Phase::Post)
}

/// A text without what XML cannot hold.
fn in_xml(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\0'..='\x08' | '\x0b' | '\x0c' | '\x0e'..='\x1f' | '\u{fffe}' | '\u{ffff}')).collect()
}

/// Texts with what could end a place: quotes, brackets, control characters, lines.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[\\x00-\\x7f]{0,20}",
        "(</?[ax]+>|<!\\[CDATA\\[|\\]\\]>|<!--|-->|&[a-z]+;|&#0;|\"|'|\\r\\n|\\{\\{|%00|\u{fffe}|\u{ffff}|\u{85}|\u{2028}){0,6}",
    ]
}

const JSON: &str = "[post.request]\nbody = \"json\"\nfields = { a = \"a\", b = { text = \"x{b}y\" }, c.fields = { a = \"a\" } }\n";
const FORM: &str =
    "[post.request]\nbody = \"form\"\nfields = { a = \"a\", b = { text = \"x{b}y\" } }\n";
const XML: &str = "[post.request]\nbody = \"xml\"\nwrap = \"r\"\nattributes = { a = \"a\" }\nfields = { b = { from = \"b\", attributes = { a = \"a\" } } }\n";
const SOAP: &str = "[post.request]\nbody = \"soap\"\nwrap = \"r\"\nattributes = { a = \"a\" }\nfields = { b = { from = \"b\", attributes = { a = \"a\" } } }\n";
const NESTED: &str = "[post.request]\nbody = \"form\"\n[post.request.fields.m]\ndocument = \"xml\"\nwrap = \"r\"\nattributes = { a = \"a\" }\n\
    fields = { b = { from = \"b\", attributes = { a = \"a\" } } }\n";
const JSON_IN_XML: &str = "[post.request]\nbody = \"xml\"\nwrap = \"r\"\n[post.request.fields.j]\ndocument = \"json\"\nfields = { a = \"a\" }\n";
const TEMPLATE_JSON: &str = "[post.request]\nbody = \"json\"\ntemplate = '{\"a\":{{ lead.a }},\"b\":{{ (lead.b ~ \"\")|safe }}}'\n";
const TEMPLATE_XML: &str = "[post.request]\nbody = \"xml\"\ntemplate = '<r a=\"{{ lead.a|safe }}\"><b a=\"{{ lead.a }}\">{{ lead.b|safe }}</b></r>'\n";
const TEMPLATE_FORM: &str =
    "[post.request]\nbody = \"form\"\ntemplate = 'a={{ lead.a }}&b=x{{ lead.b|safe }}y'\n";

fn check_xml(text: &str, a: &str, b: &str) -> Result<(), TestCaseError> {
    let document = roxmltree::Document::parse(text);
    let document = document.map_err(|error| TestCaseError::fail(format!("{error}: {text:?}")))?;
    let all: Vec<_> = document.descendants().filter(|node| node.is_element()).collect();
    let root = all.iter().find(|node| node.has_tag_name("r")).unwrap();
    let inner = all.iter().find(|node| node.has_tag_name("b")).unwrap();
    prop_assert_eq!(root.attribute("a"), Some(&*in_xml(a)));
    prop_assert_eq!(inner.attribute("a"), Some(&*in_xml(a)));
    prop_assert_eq!(inner.text().unwrap_or_default(), in_xml(b));
    prop_assert_eq!(inner.children().filter(roxmltree::Node::is_element).count(), 0);
    Ok(())
}

proptest! {
    #[test]
    fn json_holds_any_text(a in hostile(), b in hostile()) {
        for profile in [JSON, TEMPLATE_JSON] {
            let body = body(profile, &[("a", &a), ("b", &b)]);
            let json: serde_json::Value = serde_json::from_str(&body)
                .map_err(|error| TestCaseError::fail(format!("{error}: {body:?}")))?;
            prop_assert_eq!(json["a"].as_str(), Some(&*a));
            let expect = if profile == JSON { format!("x{b}y") } else { b.clone() };
            prop_assert_eq!(json["b"].as_str(), Some(&*expect));
        }
    }

    #[test]
    fn a_form_holds_any_text(a in hostile(), b in hostile()) {
        for profile in [FORM, TEMPLATE_FORM] {
            let body = body(profile, &[("a", &a), ("b", &b)]);
            let pairs: Vec<_> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
            prop_assert_eq!(&pairs, &[("a".to_owned(), a.clone()), ("b".to_owned(), format!("x{b}y"))]);
        }
    }

    #[test]
    fn xml_soap_and_xml_in_a_form_hold_any_text_that_xml_can_hold(a in hostile(), b in hostile()) {
        let values = [("a", &*a), ("b", &*b)];
        for profile in [XML, SOAP, TEMPLATE_XML] {
            check_xml(&body(profile, &values), &a, &b)?;
        }
        let form = body(NESTED, &values);
        let pairs: Vec<_> = form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        prop_assert_eq!(pairs.len(), 1);
        check_xml(&pairs[0].1, &a, &b)?;
        let outer = body(JSON_IN_XML, &values);
        let document = roxmltree::Document::parse(&outer).unwrap();
        let inner = document.descendants().find(|node| node.has_tag_name("j")).unwrap();
        let json: serde_json::Value = serde_json::from_str(inner.text().unwrap()).unwrap();
        prop_assert_eq!(json["a"].as_str(), Some(&*a.replace(['\u{fffe}', '\u{ffff}'], "")));
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_the_url_or_a_header(text in hostile()) {
        let sample = with(&[("a", &text)]);
        let profile = compile(
            "[post.request]\nbody = \"query\"\nurl = \"{url}/x/{a}/y?k={a}\"\nfields = { f = \"a\" }\nheaders = { X-A = \"a\" }\n",
        );
        match profile.render_post(&sample.post_input()) {
            Ok(rendered) => {
                let url = url::Url::parse(&rendered.url).unwrap();
                prop_assert_eq!(url.as_str(), &rendered.url);
                prop_assert_eq!(url.host_str(), Some("buyer.example"));
                prop_assert_eq!(url.path_segments().unwrap().count(), 4);
                prop_assert_eq!(url.fragment(), None);
                let pairs: Vec<_> = url.query_pairs().into_owned().collect();
                prop_assert_eq!(&pairs, &[("k".to_owned(), text.clone()), ("f".to_owned(), text)]);
                let header = &rendered.headers[0].1;
                prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t'));
            }
            Err(RenderRefused::Header { .. } | RenderRefused::Url { .. }) => {}
            Err(refused) => return Err(TestCaseError::fail(refused.to_string())),
        }
    }

    #[test]
    fn no_text_makes_compiling_panic(text in "(\\[(ping|post|login)\\.request(\\.fields)?\\]\n|[a-z_]{1,8} = (\"[a-z.{}]{0,9}\"|[0-9]|true|\\{ (from|value|text|each|map|fields) = (\"[a-z.]{0,6}\"|\\{\\}|\\[\\]) \\})\n|body = \"(json|xml|form|soap|text|query)\"\n|wrap = \"[a-z:]{1,4}\"\n){0,14}") {
        let _ = super::super::super::profile::Profile::compile(&text);
    }
}

#[test]
fn a_header_with_a_line_break_is_refused_and_not_shortened() {
    let profile = compile("[post.request]\nbody = \"none\"\nheaders = { X-A = \"a\" }\n");
    for text in ["x\r\nEvil: 1", "x\nEvil: 1", "x\0", "é", " x"] {
        let refused = profile.render_post(&with(&[("a", text)]).post_input()).err();
        assert_eq!(refused, Some(RenderRefused::Header { name: "x-a".to_owned() }), "{text:?}");
    }
}

#[test]
fn a_path_does_not_climb() {
    let profile = compile("[post.request]\nbody = \"none\"\nurl = \"{url}/{a}\"\n");
    for text in ["..", ".", ""] {
        let refused = profile.render_post(&with(&[("a", text)]).post_input()).err();
        assert_eq!(refused.map(|refused| refused.as_str()), Some("url"), "{text:?}");
    }
}

#[test]
fn no_url_is_written_that_leads_out_of_the_campaigns_own() {
    let faults = |path: &str| {
        let url = path.replace('\\', "\\\\");
        faults(&format!("[post.request]\nbody = \"none\"\nurl = \"{url}\"\n"))
    };
    for path in [
        "/..",
        "/.",
        "/../../other",
        "/a/../../b",
        "/a/..",
        "/..?a={zip}",
        "/%2e%2e/other",
        "/%2E./other",
        "/.%2e",
        "/%2e",
        "/..%2Fother",
        "/..%2fother",
        "/a%2F..%2F..%2Fother",
        "/..%5cother",
        "/..%5Cother",
        "/a%252F%252e%252E%252fother",
        "/%25252e%25252e",
        "/..;a=b/other",
        "/..%3Ba=b/other",
        "/..\\other",
        "/a\\..\\..\\other",
    ] {
        for base in ["{url}", "https://buyer.example/api", "https://buyer.example"] {
            let found = faults(&format!("{base}{path}"));
            let expect = "a path that leads out of where it stands";
            assert!(found.len() == 1 && found[0].contains(expect), "{base}{path}: {found:?}");
        }
    }
    for path in ["/a.b/c..d/...", "/..a", "/a/%2Fb", "?a=../..", "/a?b=..%2F..", "&a=/.."] {
        assert_eq!(faults(&format!("{{url}}{path}")), Vec::<String>::new(), "{path}");
    }
}

#[test]
fn no_value_leads_out_of_the_campaigns_own_url() {
    let rendered = |url: &str, own: &str, value: &str| {
        let profile = compile(&format!("[post.request]\nbody = \"none\"\nurl = \"{url}\"\n"));
        let mut sample = with(&[("a", value)]);
        sample.url = own.to_owned();
        match profile.render_post(&sample.post_input()) {
            Ok(rendered) => rendered.url,
            Err(refused) => format!("no {}", refused.as_str()),
        }
    };
    let api = "https://buyer.example/api";
    for value in
        [".", "..", "", "../x", "..\\x", "a/../../x", "%2e%2e", "%2e%2e%2fx", "%252e%252e", "..;x"]
    {
        assert_eq!(rendered("{url}/{a}", api, value), "no url", "{value}");
        assert_eq!(rendered("{url}/x/{a}/y", api, value), "no url", "{value}");
        assert_eq!(rendered("https://buyer.example/{a}", api, value), "no url", "{value}");
    }
    // Where only a part of a segment is a value.
    assert_eq!(rendered("{url}/.{a}", api, "."), "no url");
    assert_eq!(rendered("{url}/.{a}", api, "x"), "https://buyer.example/api/.x");
    assert_eq!(rendered("{url}/{a}{a}", api, "."), "no url");
    assert_eq!(rendered("{url}/{a}", api, "a/b"), "https://buyer.example/api/a%2Fb");
    assert_eq!(rendered("{url}/{a}", api, "1.5"), "https://buyer.example/api/1.5");
    // In a query nothing is a path.
    assert_eq!(rendered("{url}?a={a}", api, "../x"), "https://buyer.example/api?a=..%2Fx");
    assert_eq!(
        rendered("{url}/{a}", "https://buyer.example/api?to=", "../x"),
        "https://buyer.example/api?to=/..%2Fx"
    );
    // What only looks as if it stood below it.
    assert_eq!(rendered("{url}&a={a}", api, "x"), "no url");
    assert_eq!(rendered("{url}&a={a}", "https://buyer.example", "x"), "no url");
    assert_eq!(rendered("{url}&/..;/{a}", "https://buyer.example/p/", "x"), "no url");
    assert_eq!(rendered("{url}&/%252e%252e/{a}", "https://buyer.example/p/", "x"), "no url");
    assert_eq!(
        rendered("{url}&a={a}", "https://buyer.example/api?k=1", "x"),
        "https://buyer.example/api?k=1&a=x"
    );
    assert_eq!(rendered("{url}/{a}", "https://buyer.example", "x"), "https://buyer.example/x");
    assert_eq!(
        rendered("{url}/{a}", "https://buyer.example/a/", "x"),
        "https://buyer.example/a//x"
    );
}

#[test]
fn a_request_that_is_too_large_is_not_sent() {
    let long = "&".repeat(100_000);
    let profile = compile(XML);
    let refused = profile.render_post(&with(&[("a", &long), ("b", "")]).post_input()).err();
    assert_eq!(refused, Some(RenderRefused::TooLarge));
}
