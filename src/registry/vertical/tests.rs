use serde_json::{Value as Json, json};

use super::*;

fn vertical(fields: Json) -> Vertical {
    serde_json::from_value(json!({"id": "test", "name": "Test", "field": fields})).unwrap()
}

/// Compiles one field and compares the faults' details.
fn check(field: Json, expect: &[&str]) {
    let faults = compile(vertical(json!([field]))).err().unwrap_or_default();
    let details: Vec<_> = faults.iter().map(|fault| &*fault.detail).collect();
    assert_eq!(details, expect, "{field}");
}

#[test]
fn every_shipped_vertical_compiles_under_its_own_name() {
    for (name, text) in shipped() {
        let compiled = compile(parse_toml(text).unwrap()).unwrap();
        assert_eq!(compiled.id().as_str(), *name);
        for known in ["first_name", "last_name", "phone", "email", "address", "city"] {
            let field = compiled.field(known).unwrap();
            assert_eq!(field.exposure, crate::domain::vertical::Exposure::Never, "{name} {known}");
        }
        assert!(compiled.fields().find("state").is_some());
        let (_, zip) = compiled.fields().find("zip").unwrap();
        assert_eq!(zip.state, compiled.fields().find("state").map(|(at, _)| at));
    }
}

#[test]
fn every_file_in_the_folder_is_shipped() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/verticals");
    let mut files: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let known: Vec<_> = shipped().iter().map(|(name, _)| format!("{name}.toml")).collect();
    assert_eq!(files, known);
}

#[test]
fn every_field_of_a_shipped_vertical_is_described_with_an_example() {
    for (name, text) in shipped() {
        for field in parse_toml(text).unwrap().fields {
            assert!(!field.description.is_empty(), "{name} {}", field.name);
            assert!(field.example.is_some() || !field.item.is_empty(), "{name} {}", field.name);
            for item in field.item {
                assert!(!item.description.is_empty(), "{name} {}", item.name);
                assert!(item.example.is_some(), "{name} {}", item.name);
            }
        }
    }
}

#[test]
fn sound_fields_have_no_fault() {
    for field in [
        json!({"name": "a", "type": "text", "pii": "none", "min": 1, "max": 8, "example": "abc"}),
        json!({"name": "a", "type": "integer", "pii": "none", "min": -5, "max": 5, "example": 0}),
        json!({"name": "a", "type": "decimal", "pii": "none", "min": "0.5", "example": 2.5}),
        json!({"name": "a", "type": "money", "pii": "none", "max": "10.50", "example": "10.50"}),
        json!({"name": "a", "type": "date", "pii": "none", "exposure": "as_is"}),
        json!({"name": "a", "type": "date", "pii": "quasi", "exposure": "age_band"}),
        json!({"name": "a", "type": "enum", "pii": "none", "values": ["x", "y z"], "example": "x"}),
        json!({"name": "a", "type": "list", "pii": "none", "exposure": "as_is", "max": 4,
               "item": [{"name": "b", "type": "boolean", "pii": "none", "example": true}]}),
    ] {
        check(field, &[]);
    }
}

#[test]
fn a_field_that_makes_no_sense_is_refused_with_the_reason() {
    let name_rule = "a name is `[a-z][a-z0-9_]*` with at most 64 characters";
    check(json!({"name": "Age", "type": "integer"}), &[name_rule]);
    check(json!({"name": "", "type": "integer"}), &[name_rule]);
    check(
        json!({"name": "age", "type": "integer"}),
        &["the name is reserved: filters, disclosures and pings use it"],
    );
    check(json!({"name": "a", "type": "integer", "min": 5, "max": 4}), &["`min` is above `max`"]);
    check(
        json!({"name": "a", "type": "integer", "min": "0.5"}),
        &["`min` of an integer is a whole number"],
    );
    check(
        json!({"name": "a", "type": "text", "max": 8001}),
        &["`max` of this type is a whole number from 0 to 8000"],
    );
    check(
        json!({"name": "a", "type": "date", "max": 5}),
        &["`max` of a date is a date such as \"1957-03-02\""],
    );
    check(
        json!({"name": "a", "type": "integer", "max": "2020-01-01"}),
        &["`max` of this type is a number"],
    );
    check(
        json!({"name": "a", "type": "boolean", "min": 0}),
        &["`min` has no meaning for this type"],
    );
    check(json!({"name": "a", "type": "money", "min": -1}), &["`min` of money is not negative"]);
    check(json!({"name": "a", "type": "enum"}), &["an enum has 1 to 500 `values`"]);
    check(json!({"name": "a", "type": "text", "values": ["x"]}), &["only an enum has `values`"]);
    check(
        json!({"name": "a", "type": "enum", "values": ["Part time", "part_time"]}),
        &[
            "a value differs from another only by case, spaces, hyphens or underscores: \"part_time\"",
        ],
    );
    check(
        json!({"name": "a", "type": "enum", "values": [" x"]}),
        &["a value is 1 to 64 printable ASCII characters, not a separator at either end: \" x\""],
    );
    check(
        json!({"name": "a", "type": "list"}),
        &["a list needs `item`, the fields of each of its items"],
    );
    check(
        json!({"name": "a", "type": "text", "item": [{"name": "b", "type": "text"}]}),
        &["only a list has `item`"],
    );
    let list = json!({"name": "b", "type": "list", "item": [{"name": "c", "type": "text"}]});
    check(json!({"name": "a", "type": "list", "item": [list]}), &["a list cannot hold lists"]);
}

#[test]
fn a_ping_can_never_be_told_to_show_a_person() {
    let never = "contact data never appears in a ping: `exposure = \"never\"`";
    for kind in ["phone", "email", "name", "text", "zip", "integer"] {
        for exposure in ["as_is", "zip3", "bucket"] {
            let field = json!({"name": "a", "type": kind, "pii": "contact", "exposure": exposure});
            let faults = compile(vertical(json!([field]))).unwrap_err();
            assert!(faults.iter().any(|fault| fault.detail == never), "{field}");
        }
    }
    let free_text =
        "the exposure of this field is one of `never`, since free text may say anything";
    check(json!({"name": "a", "type": "text", "pii": "none", "exposure": "as_is"}), &[free_text]);
    check(json!({"name": "a", "type": "name", "pii": "none", "exposure": "as_is"}), &[free_text]);
    check(
        json!({"name": "a", "type": "zip", "pii": "none", "exposure": "as_is"}),
        &["the exposure of this field is one of `never`, `zip3`"],
    );
    check(
        json!({"name": "a", "type": "date", "pii": "quasi", "exposure": "as_is"}),
        &["the exposure of this field is one of `never`, `age_band`, `year`"],
    );
    check(
        json!({"name": "a", "type": "phone", "pii": "none"}),
        &["a phone or e-mail address is `pii = \"contact\"`"],
    );
}

#[test]
fn buckets_need_a_number_and_ascending_edges() {
    let bucket = |kind: &str, edges: Json| {
        let exposure = "bucket";
        json!({"name": "a", "type": kind, "pii": "none", "exposure": exposure, "buckets": edges})
    };
    check(bucket("integer", json!([1, 2, 10])), &[]);
    check(bucket("money", json!([0, "0.50"])), &[]);
    check(bucket("integer", json!([])), &["`exposure = \"bucket\"` needs `buckets`"]);
    check(bucket("integer", json!([1, 1])), &["`buckets` are lower edges in ascending order"]);
    check(
        bucket("boolean", json!([1])),
        &["the exposure of this field is one of `never`, `as_is`"],
    );
    check(
        json!({"name": "a", "type": "integer", "buckets": [1]}),
        &["`buckets` go with `exposure = \"bucket\"`"],
    );
}

#[test]
fn an_example_of_another_kind_or_out_of_bounds_is_refused() {
    let example = |kind: &str, value: Json| {
        json!({"name": "a", "type": kind, "example": value, "values":
               if kind == "enum" { json!(["x"]) } else { json!([]) }})
    };
    check(example("boolean", json!("yes")), &["the example is true or false, without quotes"]);
    check(example("integer", json!("12")), &["the example is a whole number, without quotes"]);
    check(example("zip", json!(75201)), &["the example is a text of five digits"]);
    check(example("date", json!("02/03/1957")), &["the example is a date such as \"1957-03-02\""]);
    check(example("enum", json!("y")), &["the example is one of `values`"]);
    check(example("money", json!(12)), &["the example is a text such as \"12.50\""]);
    check(example("decimal", json!("1e3")), &["the example is a number with at most 4 decimals"]);
    check(
        json!({"name": "a", "type": "integer", "max": 4, "example": 5}),
        &["the example lies outside `min` and `max`"],
    );
}

#[test]
fn names_are_unique_also_in_the_ping() {
    let faults = |fields: Json| {
        let faults = compile(vertical(fields)).unwrap_err();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        faults(json!([{"name": "a", "type": "text"}, {"name": "a", "type": "text"}])),
        ["field a: the name is used twice"]
    );
    let date = |name: &str, exposure: &str| json!({"name": name, "type": "date", "pii": "quasi", "exposure": exposure});
    assert_eq!(
        faults(json!([date("born", "age_band"), date("spouse_born", "age_band")])),
        ["field spouse_born: a ping would show `age_band` twice"]
    );
    assert_eq!(
        faults(json!([date("sold", "year"), {"name": "sold_year", "type": "integer"}])),
        ["field sold: a ping would show `sold_year`, the name of another field"]
    );
}

#[test]
fn all_faults_are_told_at_once() {
    let mut vertical = vertical(json!([
        {"name": "A", "type": "boolean", "max": 1},
        {"name": "b", "type": "list", "item": [{"name": "c", "type": "enum"}]}
    ]));
    vertical.name = " ".to_owned();
    let consent = crate::domain::vertical::ConsentElement::Text;
    vertical.consent.required = vec![consent, consent];
    vertical.disclosure.forbid = vec![crate::domain::vertical::PiiClass::Quasi; 2];
    let faults = compile(vertical).unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| &*fault.at).collect();
    assert_eq!(
        places,
        ["name", "consent.required", "disclosure.forbid", "field A", "field A", "field b.c"]
    );
}

#[test]
fn a_bad_file_is_refused_with_line_and_column() {
    let check = |text: &str, expect: (usize, usize)| {
        let error = parse_toml(text).unwrap_err();
        assert_eq!((error.line, error.column), expect, "{error}");
    };
    check("id = \"x\"\nname = \"X\"\ncolour = 1\n", (3, 1));
    check("id = \"x\"\nname = \"X\"\n[[field]]\nname = \"a\"\ntype = \"colour\"\n", (5, 8));
    check("id = \"x\"\nname = ", (2, 8));
    check("id = \"No Slug\"", (1, 6));
    check(&"#".repeat(VERTICAL_FILE_BYTES_MAX + 1), (1, 1));
}

#[test]
fn a_zip_code_is_paired_with_the_state_beside_it() {
    let fields = json!([
        {"name": "garaging_zip", "type": "zip"}, {"name": "zip", "type": "zip"},
        {"name": "garaging_state", "type": "state"}
    ]);
    let compiled = compile(vertical(fields)).unwrap();
    let states: Vec<_> = compiled.fields().as_slice().iter().map(|field| field.state).collect();
    assert_eq!(states, [Some(2), None, None]);
}
