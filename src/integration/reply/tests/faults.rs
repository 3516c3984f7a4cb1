//! What is wrong with a reply table: all of it at once, at its place, with what to write instead.

use super::*;

fn check(role: Role, text: &str, expect: &[&str]) {
    let (_, faults) = compiled(role, text);
    assert_eq!(faults, expect, "{text}");
}

/// Rules and a bid that are sound, to stand below what is tested.
const SOUND: &str =
    "rules = [{ when = { \"$.s\" = 1 }, outcome = \"accept\" }, { outcome = \"refuse\" }]
bid = { price = \"$.p\" }\n";

#[test]
fn every_fault_of_a_table_is_found_in_one_pass() {
    let text = "\
format = \"jsn\"
charset = \"no-such\"
steps = [\"unescpe\", { wrap_root = \"1\" }, { cut = {} }, { other = 1 }]
reasn = \"$.a\"
[extract]
\"a b\" = \"$.a\"
pattern = { regex = \"(\" }
group = { regex = \"a\", group = 2 }
both = { json = \"$.a\", header = \"b\" }
nowhere = {}
split = { split = { by = \"|\", at = 0 } }
[[rules]]
when = { \"$.status\" = \"ok\", statsu = 1, \"/a\" = 2 }
outcome = \"accpt\"
[[rules]]
when = {}
outcome = \"refuse\"
[[rules]]
when = { http_status = \"ok\" }
[bid]
price = \"@.p\"
choose = \"best\"
";
    check(
        Role::Ping,
        text,
        &[
            "1:10: error: format: `jsn` has no meaning here; did you mean `json`?",
            "2:11: error: charset: no encoding is called `no-such`; write \"utf-8\", \"windows-1252\" or another label of the web",
            "3:10: error: steps.0: `unescpe` has no meaning here; did you mean `unescape`?",
            "3:35: error: steps.1.wrap_root: no name for an element; write a word of letters",
            "3:44: error: steps.2.cut: nothing is cut; write { cut = { after = \"<![CDATA[\", before = \"]]>\" } }",
            "3:56: error: steps.3: not a step; write { wrap_root = \"r\" } or { cut = { after = \"..\" } }",
            "3:58: error: steps.3.other: unknown key `other`; known here: wrap_root, cut",
            "4:1: error: reasn: unknown key `reasn`; did you mean `reason`?",
            "6:1: error: extract.\"a b\": `a b` is no name for an extract; use letters, digits and `_`",
            "7:21: error: extract.pattern.regex: not a pattern: unclosed group; write a regular expression without look-around and back-references",
            "8:32: error: extract.group.group: the pattern has no group 2; put the part that counts in parentheses",
            "9:1: error: extract.both: a source is in one place; keep one of json, xml, pair, header and all",
            "10:1: error: extract.nowhere: the source is nowhere; say where it is: { json = \"$.price\" }",
            "11:1: error: extract.split: not a way to split; write split = { by = \"|\", at = 1 } for the first part, -1 for the last",
            "13:29: error: rules.0.when.statsu: nothing here is called `statsu`; write a path such as `$.a.b`, `header:name`, `http_status`, `body`, or the name of an extract that stands above",
            "13:41: error: rules.0.when.\"/a\": an XML path in a reply that is something else; write format = \"xml\", or `from` for a text in the reply",
            "14:11: error: rules.0.outcome: `accpt` has no meaning here; did you mean `accept`?",
            "16:1: error: rules.1.when: the condition is empty; write { \"$.status\" = \"success\" }, or leave `when` out for all replies",
            "18:1: error: rules.2: the rule has no outcome; write outcome = \"accept\"",
            "19:24: error: rules.2.when.http_status: not an HTTP status; write a number such as 201, or \"4xx\"",
            "21:9: error: bid.price: `@` means the bid at hand, and there is none here; begin with `$` or `/`, or say in `bid` where each bid is: each = \"$.bids[*]\"",
            "22:10: error: bid.choose: there is one bid to choose from; say where each bid is: each = \"$.bids[*]\"",
        ],
    );
}

#[test]
fn paths_are_faulted_where_they_are_wrong() {
    let with = |lines: &str| format!("{lines}\n{SOUND}");
    check(
        Role::Ping,
        &with("reason = \"$.a b\""),
        &["1:14: error: reason: not a step of a JSON path; write `.name` or `['name']`"],
    );
    check(
        Role::Ping,
        &with("reason = [\"$.a\", \"/a\"]"),
        &[
            "1:18: error: reason.1: an XML path in a reply that is something else; write format = \"xml\", or `from` for a text in the reply",
        ],
    );
    check(
        Role::Ping,
        &with("reason = \"@.a\""),
        &[
            "1:10: error: reason: `@` means the bid at hand, and there is none here; begin with `$` or `/`, or say in `bid` where each bid is: each = \"$.bids[*]\"",
        ],
    );
}

#[test]
fn names_that_nobody_knows_are_led_to_those_that_are_known() {
    check(
        Role::Ping,
        &format!(
            "extract.status = \"$.s\"\nreason = \"statsu\"\n{}",
            SOUND.replace("$.s", "status")
        ),
        &["2:10: error: reason: nothing here is called `statsu`; did you mean `status`?"],
    );
}

#[test]
fn a_comparison_that_nobody_knows_is_told_with_all_there_are() {
    check(
        Role::Ping,
        &SOUND.replacen("\"$.s\" = ", "\"$.t\" = { equals = 1 }, \"$.s\" = ", 1),
        &[
            "1:31: error: rules.0.when.\"$.t\".equals: unknown key `equals`; known here: is, in, is_not, not_in, exactly, contains, starts_with, matches, present, above, at_least, below, at_most",
        ],
    );
}

#[test]
fn outcomes_need_what_belongs_to_them() {
    let rules = |rule: &str| {
        format!(
            "rules = [\n{{ when = {{ \"$.a\" = 1 }}, {rule} }},\n\
             {{ when = {{ \"$.s\" = 1 }}, outcome = \"accept\" }}, {{ outcome = \"refuse\" }}]"
        )
    };
    check(
        Role::Post,
        &rules("outcome = \"next_step\""),
        &[
            "2:35: error: rules.0.outcome: the rule names no next step; name the call to make next: step = \"confirm\"",
        ],
    );
    check(
        Role::Post,
        &rules("outcome = \"quota\", step = \"x\", reason = \"capped\""),
        &[
            "2:51: error: rules.0.step: only `next_step` has a step; leave it out, or write outcome = \"next_step\"",
            "2:65: error: rules.0.reason: only a refusal has a reason; leave it out, or write outcome = \"refuse\"",
        ],
    );
    check(
        Role::Post,
        &rules("outcome = \"not_found\""),
        &[
            "2:35: error: rules.0.outcome: `not_found` has no meaning here; only a status question can be answered so; write `refuse`",
        ],
    );
    check(
        Role::Post,
        &rules("reason = \"filtered\""),
        &["2:1: error: rules.0: the rule has no outcome; write outcome = \"accept\""],
    );
}

#[test]
fn a_table_without_its_essentials_is_refused() {
    check(
        Role::Ping,
        "rules = [{ when = { \"$.s\" = 1 }, outcome = \"accept\" }, { outcome = \"refuse\" }]",
        &[
            "1:1: error: an accepted ping has no price; write bid = { price = \"$.price\" }, or { price = { fixed = \"12.50\" } }",
        ],
    );
    check(
        Role::Ping,
        "rules = [{ when = { \"$.s\" = 1 }, outcome = \"accept\" }, { outcome = \"refuse\" }]\nbid = { reference = \"$.a\" }",
        &[
            "2:1: error: bid: the bid has no price; write price = \"$.price\", or price = { fixed = \"12.50\" }",
        ],
    );
    check(
        Role::Post,
        "rules = [{ outcome = \"refuse\" }]",
        &[
            "1:1: error: no rule accepts; write [[rules]] with when = { .. } and outcome = \"accept\"",
        ],
    );
    check(
        Role::Login,
        "format = \"json\"",
        &["1:1: error: the login brings no token; say where it is: token = \"$.token\""],
    );
    check(
        Role::Post,
        "bid = { price = \"$.p\" }\nrules = [{ when = { \"$.s\" = 1 }, outcome = \"accept\" }, { outcome = \"refuse\" }]",
        &[
            "1:1: error: bid: unknown key `bid`; known here: format, charset, steps, extract, rules, reason, retry_after, captures, buyer_lead_id, redirect_url, price, repeated_duplicate, on_unmatched",
        ],
    );
}

#[test]
fn what_is_doubtful_is_told_and_compiles() {
    let warn = |role: Role, text: &str, expect: &[&str]| {
        let (reader, faults) = compiled(role, text);
        assert!(reader.is_some(), "{text}");
        assert_eq!(faults, expect, "{text}");
    };
    warn(
        Role::Post,
        "rules = [{ when = { \"$.s\" = 1 }, outcome = \"accept\" }]",
        &[
            "1:1: warning: no rule refuses; write a rule with outcome = \"refuse\": what no rule names is not understood",
        ],
    );
    warn(
        Role::Ping,
        &format!("extract.unused = \"$.a\"\n{SOUND}"),
        &["1:9: warning: extract.unused: nothing uses the extract `unused`; leave it out"],
    );
    warn(
        Role::Ping,
        &format!(
            "{}bid = {{ each = \"$.bids[*]\", price = \"$.price\" }}\n",
            SOUND.lines().next().unwrap().to_owned() + "\n"
        ),
        &[
            "1:1: warning: every bid of the reply gets the same price; begin its path with `@` or `./`",
        ],
    );
}

#[test]
fn a_rule_that_never_applies_is_told() {
    let check = |rules: &[&str], expect: &[usize]| {
        let lines: Vec<String> =
            rules.iter().map(|when| format!("{{ {when}outcome = \"accept\" }}")).collect();
        let text = format!("rules = [\n{},\n{{ outcome = \"refuse\" }}]", lines.join(",\n"));
        let (_, faults) = compiled(Role::Post, &text);
        let told: Vec<usize> = faults
            .iter()
            .filter(|fault| fault.contains("the rule never applies"))
            .map(|fault| fault.split(':').next().unwrap().parse::<usize>().unwrap() - 1)
            .collect();
        assert_eq!(told, expect, "{text}");
    };
    let when = |condition: &str| format!("when = {{ {condition} }}, ");
    let [a, ab, b, any, many] = [
        when("\"$.a\" = 1"),
        when("\"$.a\" = 1, \"$.b\" = 2"),
        when("\"$.b\" = 2"),
        when("any = [{ \"$.a\" = 1 }]"),
        when("\"$.a\" = [1, \"x\"]"),
    ];
    check(&[&a, &ab], &[2]);
    check(&[&ab, &a], &[]);
    check(&[&a, &b], &[]);
    check(&[&many, &a], &[2]);
    check(&[&a, &many], &[]);
    check(&[&a, &any], &[]);
    check(&["", &a], &[2, 3]);
}

#[test]
fn the_sizes_of_a_table_are_bounded() {
    let rule = "{ when = { \"$.s\" = 1 }, outcome = \"accept\" },";
    let (reader, faults) = compiled(Role::Post, &format!("rules = [{}]", rule.repeat(65)));
    assert!(reader.is_none());
    assert!(faults.iter().any(|fault| fault.contains("more than 64 rules")), "{faults:?}");
    let extracts: String = (0..65).map(|at| format!("e{at} = \"$.a\"\n")).collect();
    let (_, faults) = compiled(Role::Ping, &format!("{SOUND}[extract]\n{extracts}"));
    assert!(faults.iter().any(|fault| fault.contains("more than 64 extracts")), "{faults:?}");
    let compared: String = (0..65).map(|at| format!("\"$.a{at}\" = 1, ")).collect();
    let text = format!("rules = [{{ when = {{ {compared} }}, outcome = \"accept\" }}]");
    let (_, faults) = compiled(Role::Post, &text);
    assert!(faults.iter().any(|fault| fault.contains("more than 64 comparisons")), "{faults:?}");
    let deep = format!("{}{{ \"$.a\" = 1 }}{}", "{ not = ".repeat(10), " }".repeat(10));
    let text = format!("rules = [{{ when = {deep}, outcome = \"accept\" }}]");
    let (_, faults) = compiled(Role::Post, &text);
    assert!(faults[0].contains("too deep"), "{faults:?}");
    let large = format!("reason = {{ regex = '(\\w{{1000}}){{1000}}' }}\n{SOUND}");
    let (_, faults) = compiled(Role::Ping, &large);
    assert!(faults[0].contains("not a pattern"), "{faults:?}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_compiler_panic(
        text in "(rules|when|outcome|bid|each|price|extract|reason|=|\\[|\\]|\\{|\\}|\"|'|\\$|@|/|\\.|,|\n| |a|1){0,60}",
    ) {
        for role in [Role::Ping, Role::Post, Role::Login] {
            let _ = ReplyReader::compile(&text, role);
        }
    }
}
