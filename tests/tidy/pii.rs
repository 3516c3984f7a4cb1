//! Where a consumer's data may be unwrapped, and what a log line may hold.

use crate::rust::RustFile;
use crate::tree::{Finding, Tree};

/// Where the names of fields stand that a log line shows.
const TELEMETRY: &str = "src/telemetry.rs";

/// Files, and folders with their modules, that may read inside a `Pii`.
const MAY_EXPOSE: [&str; 8] = [
    "src/domain/pii.rs",
    "src/intake",
    "src/eligibility/predicate",
    "src/ping/redact",
    "src/post/native",
    // Takes the person out of what a buyer says.
    "src/post/words",
    "src/integration",
    "src/vault",
];

/// The two ways into a `Pii`.
const WAYS_IN: [&str; 2] = ["expose", "into_exposed"];

/// Personal data is unwrapped in the listed places alone.
pub fn exposures(files: &[RustFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| !file.is_test && !may_expose(&file.path)) {
        let calls = file.method_calls.iter().map(|call| (call.line, call.name.as_str()));
        let by_path = file.paths.iter().filter_map(|path| match &path.segments[..] {
            [.., of, name] if of == "Pii" || of == "Self" => Some((path.line, name.as_str())),
            _ => None,
        });
        let broken =
            calls.chain(by_path).filter(|(_, name)| WAYS_IN.contains(name)).map(|(line, name)| {
                let rule = format!("`{name}` of personal data outside the places for it");
                Finding::at(&file.path, line, rule)
            });
        findings.extend(broken);
    }
    findings
}

/// Every field of a log line is one that somebody has vouched for: others are written without
/// their value.
pub fn withheld_fields(tree: &Tree) -> Vec<Finding> {
    let telemetry = tree.text(TELEMETRY).map_or("", |file| file.text.as_str());
    let list =
        telemetry.split("const LOGGED_FIELDS").nth(1).and_then(|rest| rest.split("];").next());
    let known: Vec<&str> = list.unwrap_or_default().split('"').skip(1).step_by(2).collect();
    let mut findings = Vec::new();
    for file in &tree.rust {
        for field in &file.log_fields {
            if !known.contains(&field.name.as_str()) {
                let rule = format!("log field `{}` is not in LOGGED_FIELDS", field.name);
                findings.push(Finding::at(&file.path, field.line, rule));
            }
        }
    }
    findings
}

fn may_expose(path: &str) -> bool {
    MAY_EXPOSE.iter().any(|place| {
        path.strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
    })
}

mod tests {
    use super::{exposures, withheld_fields};
    use crate::tree::{Tree, check_finds, hold};

    #[test]
    fn personal_data_is_unwrapped_in_the_listed_places_alone() {
        hold(exposures(&Tree::of_repository().rust));
    }

    #[test]
    fn every_field_of_a_log_line_is_vouched_for() {
        hold(withheld_fields(Tree::of_repository()));
    }

    #[test]
    fn a_log_field_that_nobody_vouched_for_is_found() {
        let tree = Tree::planted(&[
            ("src/telemetry.rs", "pub const LOGGED_FIELDS: [&str; 2] = [\"lead_id\", \"why\"];\n"),
            (
                "src/flow.rs",
                "fn f() {\n    tracing::warn!(%lead_id, why = %self.why(), \"x: {}\", phone);\n    \
                 info!(?email, name = f(a, b), \"message\");\n}\n",
            ),
        ]);
        check_finds(
            withheld_fields(&tree),
            &[
                "src/flow.rs:3: log field `email` is not in LOGGED_FIELDS",
                "src/flow.rs:3: log field `name` is not in LOGGED_FIELDS",
            ],
        );
    }

    #[test]
    fn an_exposure_elsewhere_is_found() {
        let tree = Tree::planted(&[
            ("src/ping/redact.rs", "fn f(a: Pii<A>) { a.expose(); }"),
            ("src/ping/native.rs", "fn f(a: Pii<A>) {\n    log(a.expose());\n}"),
            ("src/flow/sell.rs", "fn f(a: Vec<Pii<A>>) { a.map(Pii::into_exposed); }"),
            ("src/vault/seal.rs", "fn f(a: Pii<A>) { a.into_exposed(); }"),
            ("src/vaulted.rs", "fn f(a: Pii<A>) { show!(a.into_exposed()); }"),
            ("src/flow/tests.rs", "fn f(a: Pii<A>) { a.expose(); }"),
            ("src/notify.rs", "// a.expose()\nfn expose(a: A) { expose(a) }"),
        ]);
        check_finds(
            exposures(&tree.rust),
            &[
                "src/flow/sell.rs:1: `into_exposed` of personal data outside the places for it",
                "src/ping/native.rs:2: `expose` of personal data outside the places for it",
                "src/vaulted.rs:1: `into_exposed` of personal data outside the places for it",
            ],
        );
    }
}
