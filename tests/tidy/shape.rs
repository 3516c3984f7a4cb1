//! How large things may be, what they may be called, and what may not stand in product code.

use std::collections::BTreeMap;

use crate::rust::RustFile;
use crate::tree::{Finding, TextFile};

/// No file is longer, tests not counted.
const FILE_LINES_MAX: usize = 800;

/// A longer file is to be split, unless it is in [`LONG_FILES`].
const FILE_LINES_GOOD: usize = 500;

/// Files over [`FILE_LINES_GOOD`], with the lines they may have: a number here only ever falls.
const LONG_FILES: [(&str, usize); 1] = [("src/ports/auction_store.rs", 720)];

/// From `fn` to the closing brace.
const FUNCTION_LINES_MAX: usize = 70;

/// Beside `self`.
const PARAMETERS_MAX: usize = 5;

/// Members of a returned tuple.
const TUPLE_MAX: usize = 2;

/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "misc"];

/// Files stay short enough to be read at one go.
pub fn long_files(files: &[RustFile], known: &[(&str, usize)]) -> Vec<Finding> {
    let known: BTreeMap<&str, usize> = known.iter().copied().collect();
    let mut findings = Vec::new();
    for file in files {
        let lines = file.product_lines;
        let allowed = known.get(file.path.as_str()).copied();
        let rule = match allowed {
            _ if lines > FILE_LINES_MAX => {
                format!("{lines} lines without tests; {FILE_LINES_MAX} is the end")
            }
            None if lines > FILE_LINES_GOOD => {
                format!("{lines} lines without tests; split a file at {FILE_LINES_GOOD}")
            }
            Some(allowed) if lines > allowed => {
                format!("{lines} lines without tests; this long file had {allowed}")
            }
            Some(_) if lines <= FILE_LINES_GOOD => {
                "is short again: take it off the list of long files".to_owned()
            }
            _ => continue,
        };
        findings.push(Finding::at(&file.path, 1, rule));
    }
    let is_gone = |path: &&&str| !files.iter().any(|file| file.path == ***path);
    let gone = known.keys().filter(is_gone);
    findings.extend(gone.map(|path| Finding::at(path, 1, "is gone: take it off the list")));
    findings
}

/// Functions stay short, and take and return few things.
pub fn large_functions(files: &[RustFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for function in &file.functions {
            let name = &function.name;
            let mut break_rule = |rule| findings.push(Finding::at(&file.path, function.line, rule));
            if function.lines > FUNCTION_LINES_MAX {
                let lines = function.lines;
                break_rule(format!("`{name}` has {lines} lines; at most {FUNCTION_LINES_MAX}"));
            }
            if function.parameters > PARAMETERS_MAX {
                let count = function.parameters;
                break_rule(format!("`{name}` takes {count} parameters; at most {PARAMETERS_MAX}"));
            }
            if function.tuple > TUPLE_MAX {
                let count = function.tuple;
                break_rule(format!("`{name}` returns a tuple of {count}; name its parts"));
            }
        }
    }
    findings
}

/// Product code says why it cannot fail, instead of only unwrapping.
pub fn unwraps(files: &[RustFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let calls = file.method_calls.iter().map(|call| (call.line, call.name.as_str()));
        let by_path = file.paths.iter().filter_map(|path| match &path.segments[..] {
            [of, name] if of == "Option" || of == "Result" => Some((path.line, name.as_str())),
            _ => None,
        });
        let unwraps =
            calls.chain(by_path).filter(|(_, name)| *name == "unwrap" || *name == "unwrap_err");
        findings.extend(unwraps.map(|(line, name)| {
            Finding::at(&file.path, line, format!("`{name}` outside tests: use `expect(\"why\")`"))
        }));
    }
    findings
}

/// A silenced lint is expected, and says why.
pub fn silenced_lints(files: &[RustFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for level in &file.lint_levels {
            let rule = match (level.level.as_str(), level.has_reason) {
                ("expect", true) => continue,
                ("expect", false) => "`#[expect]` without its reason",
                _ => "`#[allow]`: use `#[expect(.., reason = \"..\")]`",
            };
            findings.push(Finding::at(&file.path, level.line, rule));
        }
    }
    findings
}

/// What is unfinished is not here.
pub fn unfinished(texts: &[TextFile], files: &[RustFile]) -> Vec<Finding> {
    // In pieces, so that this file does not break its own rule.
    let marks = [["TO", "DO"].concat(), ["FIX", "ME"].concat()];
    let mut findings = Vec::new();
    for file in texts {
        for (line, text) in file.numbered_lines() {
            let is_word = |word: &str| marks.iter().any(|mark| mark == word);
            if text.split(|c: char| !c.is_ascii_alphanumeric()).any(is_word) {
                findings.push(Finding::at(&file.path, line, "marks something unfinished"));
            }
        }
    }
    for file in files {
        let holes = file
            .macros
            .iter()
            .filter(|called| matches!(called.name.as_str(), "todo" | "unimplemented"));
        findings.extend(
            holes.map(|hole| {
                Finding::at(&file.path, hole.line, format!("`{}!` is a hole", hole.name))
            }),
        );
    }
    findings
}

/// We write no macros of our own.
pub fn own_macros(files: &[RustFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        let made = file.macros.iter().filter(|called| called.name == "macro_rules");
        findings.extend(made.map(|made| Finding::at(&file.path, made.line, "a macro of our own")));
    }
    findings
}

/// Every module says what it decides and what it must not know.
pub fn undocumented_modules(files: &[RustFile]) -> Vec<Finding> {
    let of_product = files.iter().filter(|file| !file.is_test && !file.has_module_doc);
    of_product.map(|file| Finding::at(&file.path, 1, "no `//!` doc of the module")).collect()
}

/// Every module is called by what is in it.
pub fn empty_names(files: &[RustFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in files {
        for module in &file.modules {
            if EMPTY_NAMES.contains(&module.name.as_str()) {
                let rule = format!("module `{}`: call it by what is in it", module.name);
                findings.push(Finding::at(&file.path, module.line, rule));
            }
        }
    }
    findings
}

mod tests {
    use super::{
        LONG_FILES, empty_names, large_functions, long_files, own_macros, silenced_lints,
        undocumented_modules, unfinished, unwraps,
    };
    use crate::tree::{Tree, check_finds, hold};

    #[test]
    fn files_are_short_enough_to_be_read_at_one_go() {
        hold(long_files(&Tree::of_repository().rust, &LONG_FILES));
    }

    #[test]
    fn functions_are_short_and_take_and_return_few_things() {
        hold(large_functions(&Tree::of_repository().rust));
    }

    #[test]
    fn product_code_says_why_it_cannot_fail_instead_of_unwrapping() {
        hold(unwraps(&Tree::of_repository().rust));
    }

    #[test]
    fn silenced_lints_are_expected_and_say_why() {
        hold(silenced_lints(&Tree::of_repository().rust));
    }

    #[test]
    fn nothing_is_left_unfinished() {
        let tree = Tree::of_repository();
        hold(unfinished(&tree.texts, &tree.rust));
    }

    #[test]
    fn there_are_no_macros_of_our_own() {
        hold(own_macros(&Tree::of_repository().rust));
    }

    #[test]
    fn every_module_says_what_it_decides() {
        hold(undocumented_modules(&Tree::of_repository().rust));
    }

    #[test]
    fn every_module_is_called_by_what_is_in_it() {
        hold(empty_names(&Tree::of_repository().rust));
    }

    #[test]
    fn a_long_file_is_found_and_the_list_of_them_only_shrinks() {
        let lines = |count: usize| "// line\n".repeat(count);
        let with_tests = format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", lines(500), lines(400));
        let tree = Tree::planted(&[
            ("src/good.rs", &lines(500)),
            ("src/tested.rs", &with_tests),
            ("src/long.rs", &lines(501)),
            ("src/known.rs", &lines(600)),
            ("src/grown.rs", &lines(601)),
            ("src/endless.rs", &lines(801)),
            ("src/shrunk.rs", &lines(500)),
            ("src/tests.rs", &lines(900)),
        ]);
        let known = [
            ("src/known.rs", 600),
            ("src/grown.rs", 600),
            ("src/endless.rs", 900),
            ("src/shrunk.rs", 600),
            ("src/gone.rs", 600),
        ];
        check_finds(
            long_files(&tree.rust, &known),
            &[
                "src/endless.rs:1: 801 lines without tests; 800 is the end",
                "src/gone.rs:1: is gone: take it off the list",
                "src/grown.rs:1: 601 lines without tests; this long file had 600",
                "src/long.rs:1: 501 lines without tests; split a file at 500",
                "src/shrunk.rs:1: is short again: take it off the list of long files",
            ],
        );
    }

    #[test]
    fn a_large_function_is_found() {
        let body = "    f();\n".repeat(69);
        let text = format!(
            "fn long() {{\n{body}}}\n\
             fn five(&self, a: A, b: A, c: A, d: A, e: A) -> (A, A) {{}}\n\
             trait T {{ fn six(a: A, b: A, c: A, d: A, e: A, f: A); }}\n\
             impl T {{ fn triple() -> Result<Vec<(A, A, A)>, E> {{}} }}\n\
             #[cfg(test)]\nfn tested(a: A, b: A, c: A, d: A, e: A, f: A) {{}}\n",
        );
        check_finds(
            large_functions(&Tree::planted(&[("src/a.rs", &text)]).rust),
            &[
                "src/a.rs:1: `long` has 71 lines; at most 70",
                "src/a.rs:73: `six` takes 6 parameters; at most 5",
                "src/a.rs:74: `triple` returns a tuple of 3; name its parts",
            ],
        );
    }

    #[test]
    fn an_unwrap_in_product_code_is_found() {
        let text = "fn f() {\n    a.unwrap();\n    b.map(Result::unwrap_err);\n    c.unwrap_or(0);\n}\n\
                    #[cfg(test)]\nmod tests { fn g() { d.unwrap() } }\n";
        let tree = Tree::planted(&[("src/a.rs", text), ("tests/it/a.rs", "fn f() { e.unwrap() }")]);
        check_finds(
            unwraps(&tree.rust),
            &[
                "src/a.rs:2: `unwrap` outside tests: use `expect(\"why\")`",
                "src/a.rs:3: `unwrap_err` outside tests: use `expect(\"why\")`",
            ],
        );
    }

    #[test]
    fn a_silenced_lint_without_its_reason_is_found() {
        let text = "#![allow(missing_docs)]\n#[expect(clippy::a, reason = \"so\")]\nfn f() {\n    \
                    #[expect(unused)]\n    let a = 1;\n}\n#[cfg_attr(unix, allow(dead_code))]\nfn g() {}\n";
        check_finds(
            silenced_lints(&Tree::planted(&[("tests/it/a.rs", text)]).rust),
            &[
                "tests/it/a.rs:1: `#[allow]`: use `#[expect(.., reason = \"..\")]`",
                "tests/it/a.rs:4: `#[expect]` without its reason",
                "tests/it/a.rs:7: `#[allow]`: use `#[expect(.., reason = \"..\")]`",
            ],
        );
    }

    #[test]
    fn something_unfinished_is_found() {
        let mark = ["TO", "DO"].concat();
        let notes = format!("# Notes\n{mark}: write this\nMASTODON is none\n");
        let code = format!("fn f() {{\n    {}!()\n}}\nfn g() {{ todo(1) }}\n", mark.to_lowercase());
        let tree = Tree::planted(&[("docs/A.md", &notes), ("src/a.rs", &code)]);
        check_finds(
            unfinished(&tree.texts, &tree.rust),
            &["docs/A.md:2: marks something unfinished", "src/a.rs:2: `todo!` is a hole"],
        );
    }

    #[test]
    fn a_macro_of_our_own_is_found() {
        let tree = Tree::planted(&[("src/a.rs", "\nmacro_rules! id { () => {}; }\n")]);
        check_finds(own_macros(&tree.rust), &["src/a.rs:2: a macro of our own"]);
    }

    #[test]
    fn a_module_without_its_doc_is_found() {
        let tree = Tree::planted(&[
            ("src/a.rs", "//! Says what it is.\nfn f() {}"),
            ("src/b.rs", "/// Not the module's.\nfn f() {}"),
            ("src/b/tests.rs", "fn f() {}"),
        ]);
        check_finds(undocumented_modules(&tree.rust), &["src/b.rs:1: no `//!` doc of the module"]);
    }

    #[test]
    fn a_module_with_an_empty_name_is_found() {
        let tree = Tree::planted(&[("tests/it/main.rs", "mod sell;\nmod helpers;\n")]);
        check_finds(
            empty_names(&tree.rust),
            &["tests/it/main.rs:2: module `helpers`: call it by what is in it"],
        );
    }
}
