//! Where a consumer's data may be unwrapped.

use crate::rust::RustFile;
use crate::tree::Finding;

/// Files, and folders with their modules, that may read inside a `Pii`.
const MAY_EXPOSE: [&str; 7] = [
    "src/domain/pii.rs",
    "src/intake",
    "src/eligibility/predicate",
    "src/ping/redact",
    "src/post/native",
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

fn may_expose(path: &str) -> bool {
    MAY_EXPOSE.iter().any(|place| {
        path.strip_prefix(place)
            .is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
    })
}

mod tests {
    use super::exposures;
    use crate::tree::{Tree, check_finds, hold};

    #[test]
    fn personal_data_is_unwrapped_in_the_listed_places_alone() {
        hold(exposures(&Tree::of_repository().rust));
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
