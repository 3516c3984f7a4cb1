//! Who may know whom: what each module of `src/` may import of ours, and which crates the rules of
//! the exchange may not.

use crate::rust::{PathUse, RustFile};
use crate::tree::Finding;

/// The rules of the exchange: no input, no output, no clock.
const PURE: [&str; 10] = [
    "registry",
    "intake",
    "eligibility",
    "ping",
    "decide",
    "post",
    "integration",
    "settle",
    "notify",
    "signing",
];

/// What the modules of [`PURE`] may import beside themselves, and nothing else of ours.
const PURE_MAY_IMPORT: [&str; 5] = ["domain", "registry", "integration", "signing", "faults"];

/// What puts the rules in order may import.
const FLOW_MAY_IMPORT: [&str; 5] = ["domain", "vault", "ports", "metrics", "faults"];

/// What keeps state or speaks to others may import.
const BACKS_MAY_IMPORT: [&str; 5] = ["domain", "ports", "vault", "metrics", "faults"];

/// What faces people and other programs may import.
const FACES_MAY_IMPORT: [&str; 9] =
    ["domain", "registry", "flow", "ports", "intake", "integration", "signing", "vault", "metrics"];

/// Crates that the rules and the types may not use, with all whose names start so.
const CRATES_WITH_EFFECTS: [&str; 6] = ["tokio", "redis", "reqwest", "hyper", "actix", "sqlx"];

/// Modules of the standard library that the rules and the types may not use.
const STD_WITH_EFFECTS: [&str; 3] = ["fs", "net", "env"];

/// The types of `std::net` that are only values.
const ADDRESS_TYPES: [&str; 3] = ["IpAddr", "Ipv4Addr", "Ipv6Addr"];

/// Names in a path that reads the machine's clock or its zone.
const CLOCKS: [&str; 5] = ["SystemTime", "Instant", "now", "now_v7", "system"];

/// May code of module `from` import module `to`? `None` if `from` has no place in the house.
fn may_import(from: &str, to: &str) -> Option<bool> {
    let is_among = |list: &[&str]| list.contains(&to);
    if from == to {
        return Some(true);
    }
    Some(match from {
        "lib" | "main" | "app" => true,
        "domain" => false,
        // A format knows values, and nothing of who uses it.
        "integration" => is_among(&["domain", "signing"]),
        "ports" | "metrics" => is_among(&["domain"]),
        // Its sections are the settings types of the parts they belong to.
        "config" => is_among(&["domain", "store", "records", "wire"]),
        "system" | "vault" => is_among(&["domain", "ports"]),
        "telemetry" => is_among(&["domain", "ports", "config"]),
        "flow" => is_among(&FLOW_MAY_IMPORT) || is_among(&PURE),
        "store" | "records" | "wire" => is_among(&BACKS_MAY_IMPORT),
        "http" => is_among(&FACES_MAY_IMPORT),
        "cli" | "demo" => is_among(&FACES_MAY_IMPORT) || to == "system",
        // Programs of others, for tests and proofs.
        "servers" => false,
        // Planted bugs, for the simulator.
        "faults" => false,
        _ if PURE.contains(&from) => is_among(&PURE_MAY_IMPORT),
        _ => return None,
    })
}

/// Every module imports only what its place in the house lets it know.
pub fn imports_of_ours(files: &[RustFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, from) in in_house(files) {
        for path in &file.paths {
            let Some((first, rest)) = path.segments.split_first() else { continue };
            if first != "crate" {
                continue;
            }
            let to = rest.first().map_or("*", String::as_str);
            let rule = match may_import(from, to) {
                Some(true) => continue,
                Some(false) => format!("`{from}` must not import `{to}`"),
                None => format!("`{from}` has no layer: give it one in tests/tidy/layers.rs"),
            };
            findings.push(Finding::at(&file.path, path.line, rule));
        }
    }
    findings
}

/// Types and rules use no crate that reads, writes, connects or runs tasks, and no clock.
pub fn crates_with_effects(files: &[RustFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, from) in in_house(files) {
        if from != "domain" && !PURE.contains(&from) {
            continue;
        }
        let broken = file.paths.iter().filter_map(|path| {
            let rule = effect_of(path).map(|effect| format!("`{from}` is pure: no {effect}"))?;
            Some(Finding::at(&file.path, path.line, rule))
        });
        findings.extend(broken);
    }
    findings
}

fn effect_of(path: &PathUse) -> Option<String> {
    let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
    match &segments[..] {
        [first, ..] if CRATES_WITH_EFFECTS.iter().any(|family| first.starts_with(family)) => {
            Some((*first).to_owned())
        }
        ["std", "net", name, ..] if ADDRESS_TYPES.contains(name) => None,
        ["std", module, ..] if STD_WITH_EFFECTS.contains(module) => Some(format!("std::{module}")),
        ["std", "*"] => Some("std::*".to_owned()),
        ["std"] => Some("import of `std` itself".to_owned()),
        _ if CLOCKS.iter().any(|clock| segments.contains(clock)) => {
            Some(format!("clock (`{}`)", segments.join("::")))
        }
        _ => None,
    }
}

/// Product code of the package, each file with its module.
fn in_house(files: &[RustFile]) -> impl Iterator<Item = (&RustFile, &str)> {
    files.iter().filter(|file| !file.is_test).filter_map(|file| Some((file, file.top_module()?)))
}

mod tests {
    use super::{crates_with_effects, imports_of_ours};
    use crate::tree::{Tree, check_finds, hold};

    #[test]
    fn modules_import_only_what_their_place_in_the_house_lets_them_know() {
        hold(imports_of_ours(&Tree::of_repository().rust));
    }

    #[test]
    fn types_and_rules_use_no_crate_with_effects_and_no_clock() {
        hold(crates_with_effects(&Tree::of_repository().rust));
    }

    #[test]
    fn an_import_against_the_layers_is_found() {
        let tree = Tree::planted(&[
            ("src/domain/lead.rs", "use crate::registry::Registry;\nuse crate::domain::Id;"),
            ("src/ping.rs", "use super::decide::Rank;\nuse crate::{domain, post};"),
            ("src/decide.rs", "fn f() -> crate::ports::Bid { crate::signing::sign() }"),
            ("src/flow/sell.rs", "use crate::*;\nuse crate::http::Code;\nuse crate::intake::A;"),
            ("src/store.rs", "use crate::registry::A;\n#[cfg(test)] use crate::system::B;"),
            ("src/store/tests.rs", "use crate::app::App;"),
            ("src/http.rs", "use crate::{system::SystemClock, flow, wire};"),
            ("src/cli.rs", "use crate::system::SystemClock;"),
            ("src/app.rs", "use crate::store::A;"),
            ("src/stray.rs", "use crate::domain::A;"),
            ("src/wire.rs", "#[serde(with = \"crate::http::text\")]\nstruct A;"),
        ]);
        check_finds(
            imports_of_ours(&tree.rust),
            &[
                "src/decide.rs:1: `decide` must not import `ports`",
                "src/domain/lead.rs:1: `domain` must not import `registry`",
                "src/flow/sell.rs:1: `flow` must not import `*`",
                "src/flow/sell.rs:2: `flow` must not import `http`",
                "src/http.rs:1: `http` must not import `system`",
                "src/http.rs:1: `http` must not import `wire`",
                "src/ping.rs:1: `ping` must not import `decide`",
                "src/ping.rs:2: `ping` must not import `post`",
                "src/store.rs:1: `store` must not import `registry`",
                "src/stray.rs:1: `stray` has no layer: give it one in tests/tidy/layers.rs",
                "src/wire.rs:1: `wire` must not import `http`",
            ],
        );
    }

    #[test]
    fn an_effect_in_a_rule_is_found() {
        let tree = Tree::planted(&[
            ("src/domain/a.rs", "use std::net::{IpAddr, Ipv4Addr, TcpStream};\nuse std::fs;"),
            ("src/intake.rs", "fn f() { vec![tokio::time::sleep(d), hyper_util::f()] }"),
            ("src/decide.rs", "use std::time::{Duration, Instant};\nuse std::{self, net};"),
            (
                "src/settle.rs",
                "fn f() -> T { jiff::Timestamp::now() }\nfn g() { std::env::var(x) }",
            ),
            ("src/notify.rs", "use actix_web as web;\nuse std as s;\n#[cfg(test)] use sqlx::A;"),
            ("src/wire.rs", "use hyper::A;\nuse std::fs;"),
        ]);
        check_finds(
            crates_with_effects(&tree.rust),
            &[
                "src/decide.rs:1: `decide` is pure: no clock (`std::time::Instant`)",
                "src/decide.rs:2: `decide` is pure: no import of `std` itself",
                "src/decide.rs:2: `decide` is pure: no std::net",
                "src/domain/a.rs:1: `domain` is pure: no std::net",
                "src/domain/a.rs:2: `domain` is pure: no std::fs",
                "src/intake.rs:1: `intake` is pure: no hyper_util",
                "src/intake.rs:1: `intake` is pure: no tokio",
                "src/notify.rs:1: `notify` is pure: no actix_web",
                "src/notify.rs:2: `notify` is pure: no import of `std` itself",
                "src/settle.rs:1: `settle` is pure: no clock (`jiff::Timestamp::now`)",
                "src/settle.rs:2: `settle` is pure: no std::env",
            ],
        );
    }
}
