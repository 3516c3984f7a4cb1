//! What a profile makes of itself and of a reply has its bounds, whatever is written in it.

use super::*;
use crate::integration::reply::limits;
use crate::integration::reply::limits::{
    ALTERNATIVES_MAX, DOCUMENTS_MAX, PATTERNS_MAX, SOURCE_DEPTH_MAX, SOURCES_MAX, VISITS_MAX,
};

/// Extracts each of which is a list of the one before, as often as a list may name it.
fn chained(links: usize, table: impl Fn(&str) -> String) -> String {
    let mut text = "extract.e0 = \"$.no\"\n".to_owned();
    for link in 1..=links {
        let before = format!("\"e{}\"", link - 1);
        let all = vec![before; ALTERNATIVES_MAX].join(", ");
        text.push_str(&format!("extract.e{link} = {}\n", table(&all)));
    }
    text
}

const RULES: &str = r#"
    { when = { "$.s" = 1 }, outcome = "accept" },
    { outcome = "refuse" },
"#;

#[test]
fn a_chain_of_lists_is_compiled_and_read_once_and_not_once_for_each_way_through_it() {
    let last = format!("e{SOURCE_DEPTH_MAX}");
    // All of a list of lists says the same so often that no text is so long.
    for (table, expect) in [
        ("[{}]", "accepted no"),
        ("{ all = [{}] }", "accepted"),
        ("{ all = [{}], join = \"\" }", "accepted"),
    ] {
        let chain = chained(SOURCE_DEPTH_MAX, |all| table.replace("{}", all));
        let post_text = format!(
            "{chain}reason = \"{last}\"\nbuyer_lead_id = \"{last}\"\nredirect_url = \"{last}\"\n\
             captures = {{ c = \"{last}\" }}\n\
             rules = [{{ when = {{ {last} = \"x\", http_status = 200 }}, outcome = \"refuse\" }},{RULES}]"
        );
        let reader = reader(Role::Post, &post_text);
        assert_eq!(post(&reader, 200, r#"{"s":1}"#), "accepted", "{table}");
        assert_eq!(post(&reader, 200, r#"{"s":1,"no":"no"}"#), expect, "{table}");
    }
    let chain = chained(SOURCE_DEPTH_MAX, |all| format!("[{all}]"));
    let (_, faults) = compiled(
        Role::Ping,
        &format!("{chain}rules = [{RULES}]\n[bid]\neach = \"$.bids[*]\"\nprice = \"{last}\"\n"),
    );
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(faults[0].contains("every bid of the reply gets the same price"), "{faults:?}");
}

#[test]
fn a_rule_that_takes_the_status_by_way_of_others_names_it() {
    let text = r#"
        extract.code = ["header:x-code", "http_status"]
        extract.same = { all = ["code"] }
        rules = [
          { when = { same = 303 }, outcome = "accept" },
          { when = { "$.s" = 1 }, outcome = "refuse" },
        ]
    "#;
    assert_eq!(post(&reader(Role::Post, text), 303, "{}"), "accepted");
}

#[test]
fn sources_are_not_made_from_each_other_without_end() {
    let check = |text: &str, expect: &str| {
        let (_, faults) = compiled(Role::Post, &format!("{text}\nrules = [{RULES}]\n"));
        let found = faults.iter().filter(|fault| fault.contains(expect)).count();
        assert_eq!(found, 1, "{expect}: {faults:#?}");
    };
    check(
        &chained(SOURCE_DEPTH_MAX + 1, |all| format!("[{all}]")),
        "error: extract.e17: more than 16 sources are made from each other",
    );
    let inside = "{ from = ".repeat(20) + "\"$.a\"" + &" }".repeat(20);
    check(&format!("reason = {inside}"), "more than 16 sources are made from each other");
    let documents = "{ json = \"$.a\", from = ".repeat(DOCUMENTS_MAX + 2)
        + "\"$.a\""
        + &" }".repeat(DOCUMENTS_MAX + 2);
    check(&format!("reason = {documents}"), "more than 16 ");
    let list = vec!["\"$.a\""; ALTERNATIVES_MAX + 1].join(", ");
    check(&format!("reason = [{list}]"), "reason: more than 64 places in one list");
    check(&format!("reason = {{ all = [{list}] }}"), "reason.all: more than 64 places in one list");
    let names: Vec<String> = (0..64).map(|name| format!("\"$.n{name}\"")).collect();
    let many: String = (0..=SOURCES_MAX / 65)
        .map(|list| {
            let tables: Vec<String> =
                names.iter().map(|name| format!("{{ json = {name} }}")).collect();
            format!("extract.x{list} = [{}]\n", tables.join(", "))
        })
        .collect();
    check(&many, "more than 1024 sources in one reply");
    let texts: Vec<String> = (0..DOCUMENTS_MAX)
        .map(|text| format!("{{ json = \"$.a\", from = \"$.t{text}\" }}"))
        .collect();
    check(&format!("reason = [{}]", texts.join(", ")), "more than 16 documents in one reply");
}

#[test]
fn patterns_are_few_and_small() {
    let check = |count: usize, pattern: &str| {
        let one = format!("{{ \"$.a\" = {{ matches = '{pattern}' }} }}");
        let any = |count: usize| vec![one.clone(); count].join(", ");
        let rule =
            |count| format!("{{ when = {{ any = [{}] }}, outcome = \"refuse\" }},", any(count));
        let rules: String = [count / 2, count - count / 2].map(rule).concat();
        compiled(Role::Post, &format!("rules = [{rules}{RULES}]")).1
    };
    assert_eq!(check(PATTERNS_MAX, r"\bid: *([\w-]+) +\d{1,6}$"), Vec::<String>::new());
    let many = check(PATTERNS_MAX + 4, "a");
    assert_eq!(many.len(), 1, "{many:?}");
    assert!(many[0].contains("more than 64 patterns in one reply"), "{many:?}");
    let large = check(2, r"\w{500}");
    assert!(large.iter().all(|fault| fault.contains("size limit")), "{large:?}");
    assert_eq!(large.len(), 2);
}

/// Rules with many paths that never hold, and one that does for a reply that is `0` first.
fn wide(rules: usize, path: impl Fn(usize) -> String, format: &str, first: &str) -> String {
    let rule = |rule: usize| {
        let compare = |place: usize| format!("{{ \"{}\" = \"no\" }}", path(rule * 60 + place));
        let any: Vec<String> = (1..=60).map(compare).collect();
        format!("{{ when = {{ any = [{}] }}, outcome = \"refuse\" }},\n", any.join(", "))
    };
    let rules: String = (0..rules).map(rule).collect();
    format!(
        "format = \"{format}\"\nrules = [\n{rules}{{ when = {{ \"{first}\" = 0 }}, outcome = \"accept\" }}]"
    )
}

#[test]
fn paths_that_together_look_at_too_much_find_nothing() {
    let items = 9_000;
    let json = reader(Role::Post, &wide(6, |place| format!("$[-{place}]"), "json", "$[0]"));
    assert_eq!(post(&json, 200, "[0,0]"), "accepted");
    let large = format!("[{}0]", "0,".repeat(items));
    assert!(6 * 60 * items * 2 > VISITS_MAX);
    assert_eq!(post(&json, 200, large), "unknown unmatched");
    let xml = reader(Role::Post, &wide(10, |place| format!("/r/a[{place}]"), "xml", "/r/a"));
    assert_eq!(post(&xml, 200, "<r><a>0</a></r>"), "accepted");
    let large = format!("<r>{}</r>", "<a>0</a>".repeat(items));
    assert!(10 * 60 * items > VISITS_MAX);
    assert_eq!(post(&xml, 200, large), "unknown unmatched");
}

#[test]
fn the_page_of_profiles_has_the_limits() {
    let page = include_str!("../../../../docs/PROFILES.md").replace('\n', " ");
    let check = |number: usize, what: &str| {
        let mut digits = number.to_string();
        for at in (1..digits.len())
            .rev()
            .filter(|at| (digits.len() - at).is_multiple_of(3))
            .collect::<Vec<_>>()
        {
            digits.insert(at, ',');
        }
        let told = format!("{digits} {what}");
        assert!(page.contains(&told), "the page does not say `{told}`");
    };
    check(limits::EXTRACTS_MAX, "extracts");
    check(limits::RULES_MAX, "rules");
    check(limits::COMPARISONS_MAX, "comparisons");
    check(PATTERNS_MAX, "patterns");
    check(limits::CAPTURES_MAX, "captures");
    check(SOURCES_MAX, "sources");
    check(ALTERNATIVES_MAX, "others");
    check(SOURCE_DEPTH_MAX, "steps from the reply");
    check(DOCUMENTS_MAX, "documents");
    check(limits::NODES_MAX, "values or elements");
    check(limits::DEPTH_MAX, "deep");
    check(limits::VALUE_BYTES_MAX, "bytes");
    check(VISITS_MAX, "values of one document");
    check(limits::MATCH_WORK_MAX, "is one that no rule names");
    let steps = usize::try_from(crate::integration::RENDER_STEPS_MAX).unwrap();
    check(steps, "steps and has at most");
}

/// Work that comes of a pattern's size times a text's length, many times over, makes the whole reply one
/// that no rule applies to: not one that the last rule refuses.
#[test]
fn a_reply_that_needs_too_much_matching_means_nothing() {
    let slow = "a[ab]{600}[a-zQ][ab]a{90}";
    let rules: String = (0..60)
        .map(|at| {
            format!(
                "{{ when = {{ body = {{ matches = \"{slow}{at}\" }} }}, outcome = \"accept\" }},"
            )
        })
        .collect();
    let reader = reader(
        Role::Post,
        &format!("format = \"none\"\nrules = [{rules} {{ outcome = \"refuse\" }}]"),
    );
    assert_eq!(post(&reader, 200, "ab"), "rejected other");
    let long = "ab".repeat(8_000);
    assert!(post(&reader, 200, &long).starts_with("unknown"), "{}", post(&reader, 200, &long));
}

#[test]
fn a_predicate_goes_over_all_of_a_document_only_so_often() {
    let steps = "//*".to_owned() + &"[. != 'x']".repeat(29);
    let extracts: String =
        (0..60).map(|at| format!("extract.e{at} = \"{steps}[. != '{at}']\"\n")).collect();
    let rules: String = (0..60)
        .map(|at| format!("{{ when = {{ e{at} = \"none\" }}, outcome = \"refuse\" }},"))
        .collect();
    let reader = reader(
        Role::Post,
        &format!(
            "format = \"xml\"\n{extracts}rules = [{rules} {{ when = {{ \"/a/b\" = {{ present = true }} }}, outcome = \"accept\" }}]"
        ),
    );
    assert_eq!(post(&reader, 200, "<a><b>x</b></a>"), "accepted");
    let deep = format!("<a>{}{}</a>", "<b>texts".repeat(28), "</b>".repeat(28));
    let wide = format!("<a><b>{}</b></a>", "<c>text</c>".repeat(4_000));
    for text in [deep, wide] {
        // Whatever it says: it has said it, and the test did not time out.
        assert!(!post(&reader, 200, &text).is_empty());
    }
}
