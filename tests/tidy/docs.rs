//! What the documents must say, and lead to.

use std::collections::BTreeSet;

use crate::rust::RustFile;
use crate::tree::{Finding, TextFile, Tree};

const OPERATIONS: &str = "docs/OPERATIONS.md";
const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const DECISIONS: &str = "docs/decisions/";
const METRICS: &str = "src/metrics";
const SETTINGS: &str = "src/config/gavel.toml";

/// Every metric, with its full name, and where it is made.
fn metrics(files: &[RustFile]) -> Vec<(String, String, usize)> {
    let of_metrics = || files.iter().filter(|file| file.path.starts_with(METRICS));
    // What makes a metric is a function whose first parameter is its name.
    let makers: BTreeSet<&str> = of_metrics()
        .flat_map(|file| &file.functions)
        .filter(|function| function.first_parameter.as_deref() == Some("name"))
        .map(|function| function.name.as_str())
        .collect();
    let mut metrics = Vec::new();
    for file in of_metrics() {
        for call in file.string_calls.iter().filter(|call| makers.contains(call.callee.as_str())) {
            let name = call.argument.strip_prefix("gavel_").unwrap_or(&call.argument);
            metrics.push((format!("gavel_{name}"), file.path.clone(), call.line));
        }
    }
    metrics
}

/// Every metric is explained to operators, and no other is.
pub fn metrics_in_operations(tree: &Tree) -> Vec<Finding> {
    let Some(document) = tree.text(OPERATIONS) else { return missing(OPERATIONS) };
    let metrics = metrics(&tree.rust);
    let mut findings = Vec::new();
    for (name, path, line) in &metrics {
        if !document.text.contains(&format!("`{name}`")) {
            let rule = format!("metric `{name}` is not in {OPERATIONS}");
            findings.push(Finding::at(path, *line, rule));
        }
    }
    for (line, text) in document.numbered_lines() {
        let named = text.split('`').skip(1).step_by(2).filter(|word| word.starts_with("gavel_"));
        let is_metric = |word: &str| {
            let is_plain = |c: char| c.is_ascii_lowercase() || c == '_';
            word.chars().all(is_plain) && !word.ends_with('_')
        };
        for word in named.filter(|word| is_metric(word)) {
            if !metrics.iter().any(|(name, ..)| name == word) {
                findings.push(Finding::at(OPERATIONS, line, format!("no metric `{word}`")));
            }
        }
    }
    findings
}

/// Every setting is explained to operators with its default, and no other is.
///
/// A row of the table of settings starts with the key and its default: `` | `http.listen` | `..` ``.
pub fn settings_in_operations(tree: &Tree) -> Vec<Finding> {
    let Some(document) = tree.text(OPERATIONS) else { return missing(OPERATIONS) };
    let Some(settings) = tree.text(SETTINGS) else { return missing(SETTINGS) };
    let defaults: toml::Table = settings.text.parse().expect("the embedded defaults are TOML");
    let mut rows = BTreeSet::new();
    for (section, keys) in &defaults {
        for (key, default) in keys.as_table().into_iter().flatten() {
            rows.insert((format!("`{section}.{key}`"), format!("`{default}`")));
        }
    }
    rows.extend(settings_of_another_kind(&settings.text));
    let mut findings = Vec::new();
    for (key, default) in &rows {
        let row = format!("| {key} | {default} |");
        if !document.text.lines().any(|line| line.starts_with(&row)) {
            let rule = format!("setting {key} with its default {default} is not in {OPERATIONS}");
            let line = settings.text.lines().position(|line| line.starts_with(bare_key(key)));
            findings.push(Finding::at(SETTINGS, line.map_or(1, |line| line + 1), rule));
        }
    }
    for (line, text) in document.numbered_lines() {
        let mut cells = text.split(" | ").map(|cell| cell.trim_start_matches("| "));
        let (Some(key), Some(default)) = (cells.next(), cells.next()) else { continue };
        let is_key = key.starts_with('`') && key.contains('.') && !key.contains(' ');
        let section = key.trim_matches('`').split('.').next().unwrap_or_default();
        let is_row = is_key && defaults.contains_key(section) && default != "none";
        if is_row && !rows.contains(&(key.to_owned(), default.to_owned())) {
            let rule = format!("no setting {key} with the default {default}");
            findings.push(Finding::at(OPERATIONS, line, rule));
        }
    }
    findings
}

/// Settings that a section has for another `kind`: they stand in comments after that kind's line. What
/// is a number there is a default; a text is an example.
fn settings_of_another_kind(text: &str) -> Vec<(String, String)> {
    let (mut rows, mut section, mut is_other) = (Vec::new(), "", false);
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        }
        let Some((key, value)) = line.strip_prefix("# ").and_then(|line| line.split_once(" = "))
        else {
            is_other = is_other && line.starts_with('#');
            continue;
        };
        is_other |= key == "kind";
        let default = value.split('#').next().unwrap_or_default().trim();
        if is_other && default.parse::<u64>().is_ok() {
            rows.push((format!("`{section}.{key}`"), format!("`{default}`")));
        }
    }
    rows
}

fn bare_key(quoted: &str) -> &str {
    quoted.trim_matches('`').split('.').next_back().unwrap_or_default()
}

/// Every module of the house is on its map.
pub fn modules_on_the_map(tree: &Tree) -> Vec<Finding> {
    let Some(map) = tree.text(ARCHITECTURE) else { return missing(ARCHITECTURE) };
    let root = tree.rust.iter().find(|file| file.path == "src/lib.rs");
    let modules = root.map_or(&[][..], |root| &root.modules);
    let is_absent = |name: &str| {
        !["`", "/`", ".rs`"].iter().any(|end| map.text.contains(&format!("`{name}{end}")))
    };
    let absent = modules.iter().filter(|module| is_absent(&module.name));
    let at =
        |line, name| Finding::at("src/lib.rs", line, format!("`{name}` is not in {ARCHITECTURE}"));
    absent.map(|module| at(module.line, &module.name)).collect()
}

/// Decision records are numbered from 0001 without gaps, and titled by their number.
pub fn decision_records(texts: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let records = texts.iter().filter(|file| file.path.starts_with(DECISIONS));
    for (number, record) in (1..).zip(records) {
        let name = &record.path[DECISIONS.len()..];
        let digits = format!("{number:04}");
        if !name.starts_with(&format!("{digits}-")) {
            findings.push(Finding::at(&record.path, 1, format!("should be record {digits}-..")));
        }
        if !record.text.starts_with(&format!("# {}: ", &name[..name.len().min(4)])) {
            let rule = "its first line should be `# NNNN: Title` with its number";
            findings.push(Finding::at(&record.path, 1, rule));
        }
    }
    if !texts.iter().any(|file| file.path.starts_with(DECISIONS)) {
        return missing(DECISIONS);
    }
    findings
}

/// Every link between documents leads to a file that is here.
pub fn links(texts: &[TextFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in texts.iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (line, text) in file.numbered_lines() {
            for target in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next())
            {
                let is_outside = target.is_empty() || target.contains("://");
                if !is_outside && !leads_somewhere(folder, target, texts) {
                    let rule = format!("the link `{target}` leads nowhere");
                    findings.push(Finding::at(&file.path, line, rule));
                }
            }
        }
    }
    findings
}

fn leads_somewhere(folder: &str, target: &str, texts: &[TextFile]) -> bool {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part != ".." {
            parts.push(part);
        } else if parts.pop().is_none() {
            return false;
        }
    }
    let path = parts.join("/");
    let inside = format!("{path}/");
    texts.iter().any(|file| file.path == path || file.path.starts_with(&inside))
}

fn missing(path: &str) -> Vec<Finding> {
    vec![Finding::at(path, 1, "is missing")]
}

mod tests {
    use super::{
        decision_records, links, metrics_in_operations, modules_on_the_map, settings_in_operations,
    };
    use crate::tree::{Tree, check_finds, hold};

    #[test]
    fn every_metric_is_explained_to_operators() {
        hold(metrics_in_operations(Tree::of_repository()));
    }

    #[test]
    fn every_setting_is_explained_to_operators_with_its_default() {
        hold(settings_in_operations(Tree::of_repository()));
    }

    #[test]
    fn every_module_of_the_house_is_on_its_map() {
        hold(modules_on_the_map(Tree::of_repository()));
    }

    #[test]
    fn decision_records_are_numbered_without_gaps() {
        hold(decision_records(&Tree::of_repository().texts));
    }

    #[test]
    fn every_link_between_documents_leads_somewhere() {
        hold(links(&Tree::of_repository().texts));
    }

    #[test]
    fn a_metric_that_operators_are_not_told_of_is_found() {
        let tree = Tree::planted(&[
            (
                "src/metrics.rs",
                "//! Metrics.\nfn counter(&self, name: &str, help: &str) {}\n\
                 fn pull(name: &str) {}\nfn other(help: &str) {}\n\
                 fn f() {\n    counter(\"bids_total\", \"Bids.\");\n    r.counter(\"asks_total\", \"\");\n    \
                 pull(\"gavel_tasks\");\n    other(\"no_metric\");\n}\n",
            ),
            ("docs/OPERATIONS.md", "`gavel_bids_total` bids\n`gavel_gone` x, `gavel_live_` y\n"),
        ]);
        check_finds(
            metrics_in_operations(&tree),
            &[
                "docs/OPERATIONS.md:2: no metric `gavel_gone`",
                "src/metrics.rs:7: metric `gavel_asks_total` is not in docs/OPERATIONS.md",
                "src/metrics.rs:8: metric `gavel_tasks` is not in docs/OPERATIONS.md",
            ],
        );
    }

    #[test]
    fn a_setting_that_operators_are_not_told_of_is_found() {
        let tree = Tree::planted(&[
            (
                "src/config/gavel.toml",
                "[http]\nlisten = \"a:1\"\n[limits]\npost_ms = 5\nwait_ms = 7\n\
                 [store]\nsize = 1\n# kind = \"b\"\n# size = 2\n# rate = 3  # of it\n\n# not = 4\n",
            ),
            (
                "docs/OPERATIONS.md",
                "| `http.listen` | `\"a:1\"` | where |\n| `limits.post_ms` | `6` | how long |\n\
                 | `http.gone` | `1` | what |\n| `http.optional` | none | what |\n\
                 | `store.size` | `1` | s |\n| `store.rate` | `3` | r |\n| `store.not` | `4` | n |\n",
            ),
        ]);
        check_finds(
            settings_in_operations(&tree),
            &[
                "docs/OPERATIONS.md:2: no setting `limits.post_ms` with the default `6`",
                "docs/OPERATIONS.md:3: no setting `http.gone` with the default `1`",
                "docs/OPERATIONS.md:7: no setting `store.not` with the default `4`",
                "src/config/gavel.toml:4: setting `limits.post_ms` with its default `5` is not in docs/OPERATIONS.md",
                "src/config/gavel.toml:5: setting `limits.wait_ms` with its default `7` is not in docs/OPERATIONS.md",
                "src/config/gavel.toml:7: setting `store.size` with its default `2` is not in docs/OPERATIONS.md",
            ],
        );
    }

    #[test]
    fn a_module_that_is_not_on_the_map_is_found() {
        let tree = Tree::planted(&[
            ("src/lib.rs", "//! Gavel.\npub mod wire;\npub mod http;\nmod app;\n"),
            ("docs/ARCHITECTURE.md", "`wire/` and `app.rs`, but no http"),
        ]);
        check_finds(
            modules_on_the_map(&tree),
            &["src/lib.rs:3: `http` is not in docs/ARCHITECTURE.md"],
        );
    }

    #[test]
    fn a_gap_between_decision_records_is_found() {
        let tree = Tree::planted(&[
            ("docs/decisions/0001-record.md", "# 0001: Record\n"),
            ("docs/decisions/0003-skip.md", "# 0003: Skip\n"),
            ("docs/decisions/0003-untitled.md", "# Untitled\n"),
        ]);
        check_finds(
            decision_records(&tree.texts),
            &[
                "docs/decisions/0003-skip.md:1: should be record 0002-..",
                "docs/decisions/0003-untitled.md:1: its first line should be `# NNNN: Title` with its number",
            ],
        );
        check_finds(decision_records(&[]), &["docs/decisions/:1: is missing"]);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let tree = Tree::planted(&[
            ("README.md", "[a](docs/A.md#part) [b](docs) [c](https://a.example/b)\n[d](docs/B.md)"),
            ("docs/A.md", "[up](../README.md) [beside](A.md) [part](#part) [off](../../x)"),
        ]);
        check_finds(
            links(&tree.texts),
            &[
                "README.md:2: the link `docs/B.md` leads nowhere",
                "docs/A.md:1: the link `../../x` leads nowhere",
            ],
        );
    }
}
