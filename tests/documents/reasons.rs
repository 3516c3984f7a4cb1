//! Every reason that the exchange gives is in the document of the API, with what it means in the
//! words of the code.

use gavel::domain::bid::{Lost, NoBid};
use gavel::domain::campaign::CapWindow;
use gavel::domain::disposition::{Disposition, Reason};
use gavel::domain::record::PostResult;
use gavel::eligibility::{RULE_CALLS, RULE_STATE, RULE_VERIFICATION};
use gavel::http::FaultCode;
use gavel::registry::fault::FaultRule;
use schemars::{JsonSchema, schema_for};
use serde_json::Value as Json;

use crate::document;

/// The rows of the table whose first column has this heading: word and meaning.
fn table(heading: &str) -> Vec<(String, String)> {
    let document = document("docs/API.md");
    let start = format!("| {heading} | meaning |\n|---|---|\n");
    let (_, rest) = document.split_once(&start).unwrap_or_else(|| panic!("no table of {heading}"));
    rest.lines()
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let (word, meaning) = line.trim_matches(['|', ' ']).split_once(" | ").unwrap();
            (word.trim_matches('`').to_owned(), meaning.to_owned())
        })
        .collect()
}

/// The words of an enum with what its code says of each.
fn words<T: JsonSchema>() -> Vec<(String, String)> {
    let schema = schema_for!(T).to_value();
    let each = schema["oneOf"].as_array().unwrap_or_else(|| panic!("{schema:#}"));
    let text = |value: &Json| value.as_str().unwrap().replace('\n', " ");
    each.iter().map(|word| (text(&word["const"]), text(&word["description"]))).collect()
}

fn check<T: JsonSchema>(heading: &str) {
    assert_eq!(table(heading), words::<T>(), "{heading}");
}

#[test]
fn the_document_lists_every_reason_with_its_meaning() {
    check::<Disposition>("disposition");
    check::<Reason>("reason");
    check::<NoBid>("no-bid");
    check::<Lost>("lost");
    check::<PostResult>("outcome");
    check::<FaultRule>("registry fault");
    check::<FaultCode>("body fault");
}

#[test]
fn the_document_lists_every_rule_that_excludes_a_campaign() {
    let mut rules = [RULE_STATE, RULE_VERIFICATION, RULE_CALLS].map(str::to_owned).to_vec();
    rules.extend(["filter:<field>", "profile:<field>"].map(str::to_owned));
    rules.extend([CapWindow::Day, CapWindow::Total].map(|per| format!("cap:{}", per.as_str())));
    rules.push("balance".to_owned());
    let listed: Vec<String> = table("rule").into_iter().map(|(rule, _)| rule).collect();
    assert_eq!(listed, rules);
}
