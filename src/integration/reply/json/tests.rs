use proptest::prelude::*;

use super::*;

/// What a path finds, as texts; `!` for a broken document.
fn found(text: &str, path: &str) -> Vec<String> {
    let path = JsonPath::parse(path).unwrap_or_else(|fault| panic!("{path}: {fault:?}"));
    let Ok(tree) = JsonTree::read(text) else { return vec!["!".to_owned()] };
    let found = path.select(&tree, JsonTree::ROOT);
    assert_eq!(path.first(&tree, JsonTree::ROOT), found.clone().map(|all| all.first().copied()));
    match found {
        Ok(places) => places
            .into_iter()
            .map(|place| tree.text(place).map_or("null".to_owned(), Cow::into_owned))
            .collect(),
        Err(Broken) => vec!["!".to_owned()],
    }
}

const REPLY: &str = r#" { "status" : "ok\n\u00e9", "price": 12.50, "won": true, "none": null,
    "bids": [ {"id": 1, "price": "3.10", "brand": {"name": "A"}}, {"id": 2, "price": "4"}, 7 ],
    "a b": {"c.d": [[1, 2], []]}, "Lead.Id": "x" } "#;

#[test]
fn paths_find_what_they_name() {
    let check = |path: &str, expect: &[&str]| assert_eq!(found(REPLY, path), expect, "{path}");
    check("$.status", &["ok\n\u{e9}"]);
    check("$.price", &["12.50"]);
    check("$.won", &["true"]);
    check("$.none", &["null"]);
    check("$.missing.deeper", &[]);
    check("$.bids[0].price", &["3.10"]);
    check("$.bids[-1]", &["7"]);
    check("$.bids[-4]", &[]);
    check("$.bids[3]", &[]);
    check("$.price[0]", &[]);
    check("$.bids[*].id", &["1", "2"]);
    check("$.bids[0].*", &["1", "3.10", "{\"name\": \"A\"}"]);
    check("$['a b']['c.d'][0][1]", &["2"]);
    check("$['a b'][\"c.d\"][1]", &["[]"]);
    check("$['Lead.Id']", &["x"]);
    check("$..price", &["12.50", "3.10", "4"]);
    check(
        "$..[0]",
        &["{\"id\": 1, \"price\": \"3.10\", \"brand\": {\"name\": \"A\"}}", "[1, 2]", "1"],
    );
    check("$.bids[?@.id == 2].price", &["4"]);
    check("$.bids[?(@.price == '4')].id", &["2"]);
    check("$.bids[?@.price == 4].id", &[]);
    check("$.bids[?@.brand.name == 'A' || @.id >= 2].id", &["1", "2"]);
    check("$.bids[?@.brand].id", &["1"]);
    check("$.bids[?!@.brand && @.id].id", &["2"]);
    check("$.bids[?@.id > 1 && !(@.price == '3.10')].id", &["2"]);
    check("$.bids[?@['id'] != 1]", &["{\"id\": 2, \"price\": \"4\"}", "7"]);
    check("$[?@ == true]", &["true"]);
    check("$", &[REPLY.trim()]);
}

#[test]
fn numbers_keep_their_digits() {
    let check = |text: &str| assert_eq!(found(text, "$"), [text]);
    for text in ["12.50000000000000000001", "1e400", "-0.10", "99999999999999999999999"] {
        check(text);
    }
}

#[test]
fn what_is_no_json_is_broken() {
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(found(&deep(DEPTH_MAX), "$").len(), 1);
    let wide = |items: usize| format!("[{}]", vec!["0"; items].join(","));
    assert_eq!(found(&wide(NODES_MAX - 1), "$[0]"), ["0"]);
    for text in [
        "",
        "{",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1,}",
        "[1 2]",
        "1 2",
        "{\"id\": a8, \"code\" = \"OK\"}",
        "NaN",
        "\"\t\"",
        &deep(DEPTH_MAX + 1),
        &deep(50_000),
        &wide(NODES_MAX),
    ] {
        assert_eq!(found(text, "$"), ["!"], "{text:.60}");
    }
}

#[test]
fn a_member_that_stands_twice_says_nothing() {
    let text = r#"{"accepted": false, "price": 1, "accepted": true, "a\u0062": 1, "ab": 2}"#;
    assert_eq!(found(text, "$.accepted"), ["!"]);
    assert_eq!(found(text, "$.ab"), ["!"]);
    assert_eq!(found(text, "$.price"), ["1"]);
}

#[test]
fn half_a_surrogate_pair_stays_as_it_came() {
    assert_eq!(found(r#"["\ud800"]"#, "$[0]"), [r"\ud800"]);
    assert_eq!(found(r#"["\ud83d\ude00"]"#, "$[0]"), ["\u{1f600}"]);
}

#[test]
fn a_path_that_cannot_be_read_says_where_and_what_to_write() {
    let check = |path: &str, at: usize, message: &str| {
        let fault = JsonPath::parse(path).expect_err(path);
        assert_eq!((fault.at, fault.message.as_str()), (at, message), "{path}");
        assert!(!fault.hint.is_empty());
    };
    check("", 0, "a JSON path begins with `$` or `@`");
    check("status", 0, "a JSON path begins with `$` or `@`");
    check("$status", 1, "not a step of a JSON path");
    check("$.", 2, "a name is missing");
    check("$.a b", 3, "not a step of a JSON path");
    check("$..a..b", 6, "`..` stands twice");
    check("$[1", 3, "`]` is missing");
    check("$[a]", 2, "not a selector");
    check("$['a", 2, "the text in quotes does not end");
    check("$[?@.a == ]", 10, "nothing that can be compared");
    check("$[?1]", 4, "a value alone is no comparison");
    check("$[?(@.a]", 7, "`)` is missing");
    check("$[99999999999999999999]", 2, "not a whole number");
    check(&format!("${}", ".a".repeat(33)), 67, "too many steps");
    check(&format!("$[?{}@.a]", "!".repeat(40)), 12, "the filter is too long");
    check(&"$".repeat(2_000), 0, "the path is longer than 1024 bytes");
}

proptest! {
    #[test]
    fn the_tree_reads_what_serde_reads(text in "[\\[\\]{}:, \"a\\\\n1e.-]{0,30}|\\PC{0,40}") {
        let value: Result<serde_json::Value, _> = serde_json::from_str(&text);
        let tree = JsonTree::read(&text);
        if let (Ok(value), Ok(tree)) = (&value, &tree) {
            let again: serde_json::Value = match tree.text(JsonTree::ROOT) {
                Some(told) if value.is_string() => told.into_owned().into(),
                Some(told) => serde_json::from_str(&told).unwrap(),
                None => serde_json::Value::Null,
            };
            prop_assert_eq!(&again, value);
        }
        prop_assert!(value.is_err() || tree.is_ok(), "{}", text);
    }

    #[test]
    fn every_value_is_found_at_its_place(value in json_value()) {
        let text = value.to_string();
        let tree = JsonTree::read(&text).unwrap();
        compare(&tree, JsonTree::ROOT, &value)?;
    }

    #[test]
    fn no_path_and_no_text_make_reading_panic(
        path in "[$@]([.\\[\\]'?*=!()&|a0-9 -]){0,24}",
        text in "[\\[\\]{}:,\"a1]{0,24}",
    ) {
        if let (Ok(path), Ok(tree)) = (JsonPath::parse(&path), JsonTree::read(&text)) {
            let found = path.select(&tree, JsonTree::ROOT);
            let first = found.map(|all| all.first().copied());
            prop_assert_eq!(path.first(&tree, JsonTree::ROOT), first);
        }
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "\\PC{0,6}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-c\"\\\\é]{1,2}", inner, 0..4)
                .prop_map(|members| { serde_json::Value::Object(members.into_iter().collect()) }),
        ]
    })
}

fn compare(
    tree: &JsonTree<'_>,
    node: JsonNode,
    value: &serde_json::Value,
) -> Result<(), TestCaseError> {
    use serde_json::Value as Json;
    match value {
        Json::Null => prop_assert_eq!(tree.text(node), None),
        Json::String(text) => prop_assert_eq!(tree.text(node).unwrap(), text.as_str()),
        Json::Array(items) => {
            prop_assert_eq!(tree.children(node).count(), items.len());
            for (at, item) in items.iter().enumerate() {
                let from_end = at as i64 - items.len() as i64;
                let found = tree.item(node, at as i64).unwrap();
                prop_assert_eq!(tree.item(node, from_end), Some(found));
                compare(tree, found, item)?;
            }
        }
        Json::Object(members) => {
            prop_assert_eq!(tree.children(node).count(), members.len());
            for (name, member) in members {
                compare(tree, tree.member(node, name).unwrap().unwrap(), member)?;
            }
        }
        other => prop_assert_eq!(tree.text(node).unwrap(), other.to_string()),
    }
    Ok(())
}
