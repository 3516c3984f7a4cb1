use proptest::prelude::*;

use super::*;

fn limits() -> DocumentLimits {
    DocumentLimits::default()
}

fn json(text: &str) -> Result<Node, InvalidSubmission> {
    parse(ContentKind::Json, text.as_bytes(), &limits())
}

fn form(text: &str) -> Result<Node, InvalidSubmission> {
    parse(ContentKind::Form, text.as_bytes(), &limits())
}

fn text(value: &str) -> Node {
    Node::Text(value.to_owned())
}

fn object<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Node::Object(entries.into_iter().map(|(key, node)| (key.to_owned(), node)).collect())
}

fn refused(parsed: Result<Node, InvalidSubmission>, code: &str, pointer: &str) {
    let error = parsed.unwrap_err();
    let fault = &error.errors[0];
    assert_eq!((fault.code, &*fault.pointer), (code, pointer), "{error:?}");
    assert_eq!(error.kind, FaultKind::MalformedBody);
}

#[test]
fn json_becomes_a_tree_with_numbers_as_they_were_written() {
    let parsed = json(r#" {"a": [1, -2.50, 1e3, true, null], "b": {"c": "x\u00e9\ny"}, "d": {}} "#);
    let numbers = ["1", "-2.50", "1e3"].map(|number| Node::Number(number.to_owned()));
    let items = numbers.into_iter().chain([Node::Bool(true), Node::Null]).collect();
    let expected = object([
        ("a", Node::Array(items)),
        ("b", object([("c", text("xé\ny"))])),
        ("d", object([])),
    ]);
    assert_eq!(parsed.unwrap(), expected);
}

#[test]
fn a_number_too_long_for_any_float_keeps_every_digit() {
    let parsed = json(r#"{"a": 123456789012345678901234567890.10}"#).unwrap();
    let number = "123456789012345678901234567890.10".to_owned();
    assert_eq!(parsed, object([("a", Node::Number(number))]));
}

#[test]
fn what_is_not_a_json_object_is_refused() {
    for bad in [
        "",
        " ",
        "{",
        r#"{"a" 1}"#,
        r#"{"a": 1} x"#,
        "{'a': 1}",
        r#"{"a": 01}"#,
        "nul",
        r#"{"a": .5}"#,
        r#"{"a": +1}"#,
        r#"{"a": NaN}"#,
        "{\"a\": \"x\ny\"}",
        r#"{"a": 1,}"#,
    ] {
        refused(json(bad), "syntax", "");
    }
    for other in ["[]", "1", "\"x\"", "null"] {
        refused(json(other), "syntax", "");
    }
}

#[test]
fn a_broken_body_is_refused_with_the_line_and_column() {
    let error = json("{\n  \"a\": 1,\n  \"b\": secret\n}").unwrap_err();
    assert_eq!(error.errors[0].detail, "not JSON at line 3, column 8");
    let error = json("{\"a\": ").unwrap_err();
    assert_eq!(error.errors[0].detail, "the JSON ends before it is complete");
}

#[test]
fn a_doubled_key_is_refused_at_any_depth() {
    refused(json(r#"{"a": 1, "a": 2}"#), "duplicate_key", "/a");
    refused(json(r#"{"lead": {"zip": 1, "z\u0069p": 2}}"#), "duplicate_key", "/lead/zip");
    refused(json(r#"{"l": [{"a": 1}, {"a": 1, "a": 1}]}"#), "duplicate_key", "/l/1/a");
    refused(json(r#"{"2145557312": 1, "2145557312": 1}"#), "duplicate_key", "");
    assert!(json(r#"{"a": {"a": {"a": 1}}}"#).is_ok());
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    let parsed = parse(ContentKind::Json, b"{\"a\": \"\xff\"}", &limits());
    refused(parsed, "invalid_utf8", "");
    refused(form("a=%ff"), "invalid_utf8", "/a");
    refused(form("%ff=a"), "invalid_utf8", "");
    let bom = "\u{feff}{\"a\": \"x\"}";
    assert_eq!(json(bom).unwrap(), object([("a", text("x"))]));
}

#[test]
fn nul_characters_and_lone_surrogates_are_refused() {
    refused(json(r#"{"a": "x\u0000"}"#), "invalid_character", "/a");
    refused(json(r#"{"a\u0000": "x"}"#), "invalid_name", "");
    refused(json(r#"{"a": "\ud800"}"#), "syntax", "/a");
    refused(json(r#"{"lead": {"\ud800": 1}}"#), "syntax", "/lead");
    refused(json(r#"{"": 1}"#), "invalid_name", "");
    refused(form("a=%00"), "invalid_character", "/a");
}

#[test]
fn each_limit_holds_exactly() {
    let nested =
        |levels: usize| format!("{{\"a\": {}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    assert!(json(&nested(32)).is_ok());
    let error = json(&nested(33)).unwrap_err();
    assert_eq!(error.errors[0].code, "too_deep");

    let keys = |many: usize| {
        let pairs: Vec<_> = (0..many).map(|at| format!("\"k{at}\": 1")).collect();
        format!("{{{}}}", pairs.join(","))
    };
    assert!(json(&keys(512)).is_ok());
    refused(json(&keys(513)), "too_many_keys", "");
    let spread = format!("{{\"a\": [{}, {}]}}", keys(256), keys(256));
    refused(json(&spread), "too_many_keys", "/a/1");

    let string = |bytes: usize| format!("{{\"a\": \"{}\"}}", "x".repeat(bytes));
    assert!(json(&string(8_192)).is_ok());
    refused(json(&string(8_193)), "too_long", "/a");

    let key = |bytes: usize| format!("{{\"{}\": 1}}", "x".repeat(bytes));
    assert!(json(&key(256)).is_ok());
    refused(json(&key(257)), "invalid_name", "");

    let number = |digits: usize| format!("{{\"a\": {}}}", "1".repeat(digits));
    assert!(json(&number(64)).is_ok());
    refused(json(&number(65)), "too_long", "/a");

    let items = |many: usize| format!("{{\"a\": [{}]}}", vec!["1"; many].join(","));
    assert!(json(&items(4_095)).is_ok());
    refused(json(&items(4_096)), "too_many_keys", "/a");
}

#[test]
fn a_body_above_its_limit_is_refused_unread() {
    let limits = DocumentLimits { body_bytes: 10, ..limits() };
    assert!(parse(ContentKind::Json, b"{\"a\": 123}", &limits).is_ok());
    let error = parse(ContentKind::Json, b"{\"a\": 1234}", &limits).unwrap_err();
    assert_eq!(error.kind, FaultKind::BodyTooLarge);
    assert_eq!(error.errors[0].code, "too_long");
}

#[test]
fn names_of_a_form_spell_out_a_tree() {
    let brackets = "vertical=solar&lead[zip]=75201&lead[drivers][0][first_name]=Ann+Lee\
                    &lead[drivers][1][first_name]=Bo&consent[sellers][]=A%26B&consent[sellers][]=C";
    let dots = "vertical=solar&lead.zip=75201&lead.drivers.0.first_name=Ann+Lee\
                &lead.drivers.1.first_name=Bo&consent.sellers.0=A%26B&consent.sellers.1=C";
    let drivers = ["Ann Lee", "Bo"].map(|name| object([("first_name", text(name))]));
    let expected = object([
        ("vertical", text("solar")),
        ("lead", object([("zip", text("75201")), ("drivers", Node::Array(drivers.into()))])),
        ("consent", object([("sellers", Node::Array(vec![text("A&B"), text("C")]))])),
    ]);
    assert_eq!(form(brackets).unwrap(), expected);
    assert_eq!(form(dots).unwrap(), expected);
    assert_eq!(form(&brackets.replace('[', "%5B").replace(']', "%5d")).unwrap(), expected);
}

#[test]
fn items_of_a_form_may_come_in_any_order_but_without_a_gap() {
    let expected = object([("a", Node::Array(vec![text("x"), text("y")]))]);
    assert_eq!(form("a[1]=y&a[0]=x").unwrap(), expected);
    refused(form("a[0]=x&a[2]=y"), "invalid_index", "/a");
    refused(form("a[1]=x"), "invalid_index", "/a");
    refused(form("a[0]=x&a[b]=y"), "invalid_index", "/a");
}

#[test]
fn a_name_of_a_form_counts_once() {
    refused(form("a=1&a=2"), "duplicate_key", "/a");
    refused(form("lead[zip]=1&lead.zip=2"), "duplicate_key", "/lead/zip");
    refused(form("lead=1&lead[zip]=2"), "duplicate_key", "/lead/zip");
    refused(form("lead[zip]=2&lead=1"), "duplicate_key", "/lead");
    refused(form("a[]=1&a[0]=2"), "duplicate_key", "/a/0");
    refused(form("a[0]=1&a[]=2"), "duplicate_key", "/a");
}

#[test]
fn a_broken_name_of_a_form_is_refused() {
    for broken in
        ["lead[zip=1", "lead[zip]x=1", "lead..zip=1", "lead.=1", "lead[][zip]=1", "lead[a[b]]=1"]
    {
        refused(form(broken), "syntax", "");
    }
    refused(form("=1"), "invalid_name", "");
    refused(form("[]=1"), "invalid_name", "");
    refused(form(&format!("a{}=1", "[b]".repeat(32))), "too_deep", "");
    assert!(form(&format!("a{}=1", "[b]".repeat(31))).is_ok());
    let pairs = |many: usize| (0..many).map(|at| format!("k{at}=1&")).collect::<String>();
    assert!(form(&pairs(512)).is_ok());
    refused(form(&pairs(513)), "too_many_keys", "");
    refused(form(&format!("a={}", "x".repeat(8_193))), "too_long", "/a");
}

#[test]
fn odd_but_usual_forms_are_read() {
    assert_eq!(form("").unwrap(), object([]));
    assert_eq!(form("&&a=&b").unwrap(), object([("a", text("")), ("b", text(""))]));
    assert_eq!(form("a=100%&b=%zz").unwrap(), object([("a", text("100%")), ("b", text("%zz"))]));
    assert_eq!(form("a=b=c").unwrap(), object([("a", text("b=c"))]));
}

#[test]
fn no_fault_repeats_a_value_or_a_key_that_is_no_name() {
    let canary = "Canary Quill 2145557312";
    for body in [
        format!("{{\"a\": \"{canary}\\u0000\"}}"),
        format!("{{\"a\": {canary}}}"),
        format!("{{\"{canary}\": {{\"b\": 1, \"b\": 2}}}}"),
        format!("{{\"{canary}\": 1, \"{canary}\": 2}}"),
        format!("{{\"a\": \"{canary}"),
    ] {
        let error = format!("{:?}", json(&body).unwrap_err());
        assert!(!error.contains("Canary") && !error.contains("2145557312"), "{error}");
    }
    for body in [format!("{canary}=1&{canary}=2"), format!("a[{canary}]x=1")] {
        let error = format!("{:?}", form(&body).unwrap_err());
        assert!(!error.contains("Canary") && !error.contains("2145557312"), "{error}");
    }
}

/// The tree that serde_json reads from the same text.
fn to_node(value: &serde_json::Value) -> Node {
    match value {
        serde_json::Value::Null => Node::Null,
        serde_json::Value::Bool(truth) => Node::Bool(*truth),
        serde_json::Value::Number(number) => Node::Number(number.to_string()),
        serde_json::Value::String(value) => text(value),
        serde_json::Value::Array(items) => Node::Array(items.iter().map(to_node).collect()),
        serde_json::Value::Object(entries) => {
            let pair = |(key, value): (&String, _)| (key.clone(), to_node(value));
            Node::Object(entries.iter().map(pair).collect())
        }
    }
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[^\u{0}]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[^\u{0}]{1,8}", inner, 0..6)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_is_read_as_serde_reads_it(value in value()) {
        let body = serde_json::json!({"body": value});
        for text in [body.to_string(), serde_json::to_string_pretty(&body).unwrap()] {
            prop_assert_eq!(json(&text).unwrap(), to_node(&body));
        }
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for content in [ContentKind::Json, ContentKind::Form] {
            let _ = parse(content, &bytes, &limits());
        }
    }

    #[test]
    fn nothing_that_looks_like_a_document_makes_a_parser_panic(
        body in r#"[\[\]{}":,.=&%0-9a-f\\u \-+e]{0,60}"#
    ) {
        for content in [ContentKind::Json, ContentKind::Form] {
            let _ = parse(content, body.as_bytes(), &limits());
        }
    }
}
