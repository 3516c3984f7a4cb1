use serde_json::{Value as Json, json};

use super::*;
use crate::domain::filter::{FILTER_DEPTH_MAX, FILTER_NODES_MAX, Filter};
use crate::registry::fault::FaultRule::{self, *};
use crate::registry::vertical::{self, CompiledVertical};

fn vertical() -> CompiledVertical {
    let text = r#"
        id = "test"
        name = "Test"
        [[field]]
        name = "city"
        type = "name"
        pii = "quasi"
        [[field]]
        name = "state"
        type = "state"
        pii = "quasi"
        [[field]]
        name = "zip"
        type = "zip"
        pii = "quasi"
        [[field]]
        name = "plan"
        type = "enum"
        values = ["basic", "full"]
        pii = "none"
        [[field]]
        name = "budget"
        type = "money"
        pii = "none"
        [[field]]
        name = "children"
        type = "integer"
        pii = "none"
        [[field]]
        name = "tobacco"
        type = "boolean"
        pii = "sensitive"
        [[field]]
        name = "date_of_birth"
        type = "date"
        pii = "quasi"
        [[field]]
        name = "phone"
        type = "phone"
        pii = "contact"
        [[field]]
        name = "drivers"
        type = "list"
        pii = "none"
        item = [{ name = "licensed", type = "boolean", pii = "none" }]
    "#;
    vertical::compile(vertical::parse_toml(text).unwrap()).unwrap()
}

fn read(filter: Json) -> Filter {
    serde_json::from_value(filter).unwrap()
}

#[test]
fn a_filter_that_fits_its_vertical_is_taken_and_reads_as_it_was_meant() {
    let check = |filter: Json, expect: &str| {
        let compiled = compile(&read(filter), &vertical()).unwrap();
        let Node::Leaf(leaf) = compiled.root() else { panic!("not a leaf") };
        assert_eq!(leaf.to_string(), expect);
    };
    check(json!({"field": "state", "in": ["TX", "FL", "TX"]}), "state in FL, TX");
    check(json!({"field": "city", "eq": "Dallas"}), "city eq dallas");
    check(json!({"field": "zip", "between": ["75000", "75999"]}), "zip between 75000 and 75999");
    check(json!({"field": "plan", "ne": "full"}), "plan ne full");
    check(json!({"field": "budget", "gte": 12.5}), "budget gte 12.5");
    check(json!({"field": "budget", "gte": "12.50"}), "budget gte 12.5");
    check(json!({"field": "children", "lt": 3}), "children lt 3");
    check(json!({"field": "tobacco", "eq": true}), "tobacco eq true");
    check(json!({"field": "tobacco", "ne": true}), "tobacco eq false");
    check(json!({"field": "date_of_birth", "gt": "1957-03-02"}), "date_of_birth gt 1957-03-02");
    check(json!({"field": "age", "between": [50, 80]}), "age between 50 and 80");
    check(json!({"field": "drivers_count", "lte": 2}), "drivers_count lte 2");
    check(json!({"field": "drivers", "exists": true}), "drivers exists");
    check(json!({"field": "phone", "exists": false}), "phone does not exist");
    let zips: Vec<String> = (75_000..75_025).map(|zip| zip.to_string()).collect();
    check(
        json!({"field": "zip", "not_in": zips}),
        &format!("zip not in {} and 5 more", zips[..20].join(", ")),
    );
}

#[test]
fn every_fault_of_a_filter_is_named_at_once() {
    let check = |filter: Json, expect: &[(Option<&str>, FaultRule)]| {
        let faults = compile(&read(filter.clone()), &vertical()).unwrap_err();
        let faults: Vec<_> =
            faults.iter().map(|fault| (fault.field.as_deref(), fault.rule)).collect();
        assert_eq!(faults, expect, "{filter}");
    };
    check(json!({"field": "income", "gt": 1}), &[(Some("income"), UnknownField)]);
    check(json!({"field": "state_count", "gt": 1}), &[(Some("state_count"), UnknownField)]);
    check(json!({"field": "state", "eq": "Texas"}), &[(Some("state"), WrongOperand)]);
    check(json!({"field": "state", "eq": "XX"}), &[(Some("state"), WrongOperand)]);
    check(json!({"field": "state", "gt": "TX"}), &[(Some("state"), WrongTest)]);
    check(json!({"field": "zip", "eq": 75201}), &[(Some("zip"), WrongOperand)]);
    check(json!({"field": "zip", "eq": "752"}), &[(Some("zip"), WrongOperand)]);
    check(json!({"field": "plan", "in": ["basic", "Full"]}), &[(Some("plan"), WrongOperand)]);
    check(json!({"field": "plan", "eq": true}), &[(Some("plan"), WrongOperand)]);
    check(json!({"field": "city", "between": ["a", "b"]}), &[(Some("city"), WrongTest)]);
    check(json!({"field": "budget", "lt": "much"}), &[(Some("budget"), WrongOperand)]);
    check(json!({"field": "children", "eq": 1.5}), &[(Some("children"), WrongOperand)]);
    check(json!({"field": "age", "gte": "old"}), &[(Some("age"), WrongOperand)]);
    check(json!({"field": "tobacco", "eq": "yes"}), &[(Some("tobacco"), WrongOperand)]);
    check(json!({"field": "tobacco", "in": [true]}), &[(Some("tobacco"), WrongTest)]);
    check(
        json!({"field": "date_of_birth", "lt": "3/2/1957"}),
        &[(Some("date_of_birth"), WrongOperand)],
    );
    check(json!({"field": "drivers", "eq": 2}), &[(Some("drivers"), WrongTest)]);
    check(json!({"field": "phone", "eq": "+12145557312"}), &[(Some("phone"), ContactField)]);
    check(json!({"field": "age", "between": [80, 50]}), &[(Some("age"), WrongOperand)]);
    check(json!({"field": "state", "in": []}), &[(Some("state"), FilterLimits)]);
    check(
        json!({"all": [
            {"field": "state", "eq": 1},
            {"any": [{"field": "zip", "eq": "x"}, {"field": "age", "gte": 50}]},
            {"not": {"field": "nowhere", "exists": true}},
        ]}),
        &[
            (Some("state"), WrongOperand),
            (Some("zip"), WrongOperand),
            (Some("nowhere"), UnknownField),
        ],
    );
}

#[test]
fn a_vertical_without_birth_dates_has_no_age() {
    let text = "id = \"test\"\nname = \"Test\"\n[[field]]\nname = \"state\"\ntype = \"state\"";
    let vertical = vertical::compile(vertical::parse_toml(text).unwrap()).unwrap();
    let faults = compile(&read(json!({"field": "age", "gte": 50})), &vertical).unwrap_err();
    assert_eq!(faults[0].rule, UnknownField);
}

#[test]
fn filters_and_lists_are_limited() {
    let leaf = || Filter::Leaf {
        field: "age".to_owned(),
        test: crate::domain::filter::Test::Exists(true),
    };
    let nested = |depth: usize| (1..depth).fold(leaf(), |filter, _| Filter::Not(Box::new(filter)));
    let is_taken = |filter: &Filter| compile(filter, &vertical()).is_ok();
    assert!(is_taken(&nested(FILTER_DEPTH_MAX)));
    assert!(!is_taken(&nested(FILTER_DEPTH_MAX + 1)));
    assert!(is_taken(&Filter::All((1..FILTER_NODES_MAX).map(|_| leaf()).collect())));
    assert!(!is_taken(&Filter::All((0..FILTER_NODES_MAX).map(|_| leaf()).collect())));
    let of_children = |count: usize| {
        let numbers: Vec<_> = (0..count).collect();
        read(json!({"field": "children", "in": numbers}))
    };
    assert!(is_taken(&of_children(OPERANDS_MAX)));
    assert!(!is_taken(&of_children(OPERANDS_MAX + 1)));
}
