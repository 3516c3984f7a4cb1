//! The cursor finds every fault of a file in one pass, each at its place.

use super::*;

/// Compiles `text` as a small table of its own, and gives what is wrong with it.
fn faults_of(text: &str) -> Vec<String> {
    let mut faults = Faults::of(text);
    if let Some(mut root) = parse(text, &mut faults) {
        root.text("profile", &mut faults);
        root.word("format", &[("json", 1), ("xml", 2)], &mut faults);
        root.boolean("sign", &mut faults);
        root.integer("step", 1..5, &mut faults);
        root.texts("secrets", &mut faults);
        if let Some(mut table) = root.table("request", &mut faults) {
            for (_, entry) in
                table.table("fields", &mut faults).map(Section::into_entries).unwrap_or_default()
            {
                entry.into_literal(&mut faults);
            }
            table.finish(&mut faults);
        }
        for mut rule in root.tables("rules", &mut faults) {
            rule.text("outcome", &mut faults);
            rule.finish(&mut faults);
        }
        root.finish(&mut faults);
    }
    faults.into_list().iter().map(ToString::to_string).collect()
}

fn check(text: &str, expect: &[&str]) {
    assert_eq!(faults_of(text), expect, "{text}");
}

#[test]
fn a_table_whose_keys_are_all_known_has_no_faults() {
    check(
        "profile = \"a\"\nformat = \"xml\"\nsign = true\nstep = 4\nsecrets = [\"key\", \"id\"]\n\
         [request.fields]\n\"Lead.Zip\" = \"zip\"\nb = 1\nc = -1.50\nd = false\n\
         [[rules]]\noutcome = \"accept\"\n",
        &[],
    );
    check("secrets = \"key\"", &[]);
}

#[test]
fn every_fault_is_found_at_once_and_each_names_its_place() {
    check(
        "profil = \"a\"\nformat = \"jsn\"\nsign = \"yes\"\nstep = 5\nsecrets = [\"a\", 1]\n\
         [request]\nfeilds = 1\nother = 1\n[[rules]]\noutcome = []\nutcome = \"x\"\n",
        &[
            "1:1: error: profil: unknown key `profil`; did you mean `profile`?",
            "2:10: error: format: `jsn` has no meaning here; did you mean `json`?",
            "3:8: error: sign: a text stands where true or false, without quotes is meant",
            "4:8: error: step: a number from 1 to 4 stands here",
            "5:17: error: secrets.1: a whole number stands where a text in quotes is meant",
            "7:1: error: request.feilds: unknown key `feilds`; did you mean `fields`?",
            "8:1: error: request.other: unknown key `other`; known here: fields",
            "10:11: error: rules.0.outcome: a list stands where a text in quotes is meant",
            "11:1: error: rules.0.utcome: unknown key `utcome`; did you mean `outcome`?",
        ],
    );
}

#[test]
fn a_value_of_the_wrong_type_is_named_by_what_it_is() {
    check(
        "profile = 1979-05-27",
        &["1:11: error: profile: a date without quotes stands where a text in quotes is meant"],
    );
    check(
        "rules = 1",
        &["1:9: error: rules: a whole number stands where a list: `[.., ..]` is meant"],
    );
    check(
        "[request.fields]\n\"a b\" = 1e5\nc = nan\nd = []",
        &[
            "2:9: error: request.fields.\"a b\": a number stands where a constant: a text, a plain number, true or false is meant",
            "3:5: error: request.fields.c: a number stands where a constant: a text, a plain number, true or false is meant",
            "4:5: error: request.fields.d: a list stands where a constant: a text, a plain number, true or false is meant",
        ],
    );
}

#[test]
fn what_is_no_toml_is_told_with_every_place() {
    let faults = faults_of("profile = \nformat = \"json\"\nsign = maybe\n");
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("1:11: error: not TOML:"), "{faults:?}");
    assert!(faults[1].starts_with("3:8: error: not TOML:"), "{faults:?}");
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    check(&"#".repeat(PROFILE_BYTES_MAX + 1), &["1:1: error: a profile has at most 262144 bytes"]);
}

#[test]
fn names_come_in_the_order_of_the_file() {
    let text = "zip = 1\nage = 2\n\"Lead.Id\" = 3\n[state]\n[city]\n";
    let mut faults = Faults::of(text);
    let root = parse(text, &mut faults).unwrap();
    let names: Vec<String> = root.into_entries().into_iter().map(|(name, _)| name.value).collect();
    assert_eq!(names, ["zip", "age", "Lead.Id", "state", "city"]);
}

#[test]
fn a_column_counts_characters_and_the_list_of_faults_ends() {
    check(
        "profile = \"é\" \nformat = \"ü\"",
        &["2:10: error: format: `ü` has no meaning here; write one of: json, xml"],
    );
    let many: String = (0..500).map(|n| format!("unknown{n} = 1\n")).collect();
    assert_eq!(faults_of(&many).len(), 200);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_cursor_panic(text in "[a-z=\\[\\]{}\"'.\n #0-9é-]{0,80}") {
        faults_of(&text);
    }
}
