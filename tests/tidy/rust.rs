//! What a Rust file says, as plain facts: paths, calls, functions, attributes, modules.
//!
//! The facts of product code leave out everything under `#[cfg(test)]`. Comments and strings are no
//! code and give no facts, but for a string that is a path (`#[serde(with = "crate::money")]`).

#[path = "rust/scan.rs"]
mod scan;
#[path = "rust/strip.rs"]
mod strip;
#[path = "rust/syntax.rs"]
mod syntax;

use quote::ToTokens;
use syn::Item;

use crate::tree::TextFile;

/// A name and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// From 1.
    pub line: usize,
}

/// A path with at least two segments, or one that is imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathUse {
    /// With `self` and `super` resolved: a path inside the package starts with `crate`.
    pub segments: Vec<String>,
    /// From 1.
    pub line: usize,
}

/// A call whose first argument is a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StringCall {
    /// What is called.
    pub callee: String,
    /// The string, without its quotes.
    pub argument: String,
    /// From 1.
    pub line: usize,
}

/// A function or method with its shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The line of its `fn`.
    pub line: usize,
    /// From `fn` to the closing brace.
    pub lines: usize,
    /// Without `self`.
    pub parameters: usize,
    /// The name of the first of these, if it has one.
    pub first_parameter: Option<String>,
    /// Members of the tuple it returns; 0 if it returns none.
    pub tuple: usize,
}

/// An `allow` or `expect` attribute, wherever it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LintLevel {
    /// `allow` or `expect`.
    pub level: String,
    /// From 1.
    pub line: usize,
    /// Does it give a reason?
    pub has_reason: bool,
}

/// What one file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RustFile {
    /// From the root of the repository.
    pub path: String,
    /// Where the file stands in its crate: `src/store/embedded.rs` is `store`, `embedded`.
    pub module: Vec<String>,
    /// Is all of it test code?
    pub is_test: bool,
    /// Does it begin with `//!`?
    pub has_module_doc: bool,
    /// All lines of product code: without what is under `#[cfg(test)]`.
    pub product_lines: usize,
    /// Paths in product code.
    pub paths: Vec<PathUse>,
    /// Methods called in product code.
    pub method_calls: Vec<Named>,
    /// Macros called or defined in product code.
    pub macros: Vec<Named>,
    /// Calls in product code whose first argument is a string.
    pub string_calls: Vec<StringCall>,
    /// Fields of log lines in product code.
    pub log_fields: Vec<Named>,
    /// Functions of product code.
    pub functions: Vec<Function>,
    /// Attributes that silence a lint, tests included.
    pub lint_levels: Vec<LintLevel>,
    /// Modules it declares, tests included.
    pub modules: Vec<Named>,
}

impl RustFile {
    /// Reads a file.
    ///
    /// # Panics
    /// When it is not Rust.
    pub fn read(file: &TextFile) -> Self {
        let parsed = syn::parse_file(&file.text);
        let mut syntax = parsed.unwrap_or_else(|error| panic!("{}: {error}", file.path));
        let mut facts = Self {
            path: file.path.clone(),
            module: module_of(&file.path),
            is_test: is_test_path(&file.path),
            has_module_doc: file.text.trim_start().starts_with("//!"),
            lint_levels: scan::lint_levels(syntax.to_token_stream()),
            modules: syntax::declared_modules(&syntax),
            ..Self::default()
        };
        if !facts.is_test {
            facts.product_lines = file.text.lines().count() - strip::tests(&mut syntax);
            let module = facts.module.clone();
            facts.add_items(&mut syntax.items, &module);
        }
        facts
    }

    /// The module of the package's root that the file belongs to; `lib` and `main` for the roots.
    pub fn top_module(&self) -> Option<&str> {
        match self.path.strip_prefix("src/")? {
            "lib.rs" => Some("lib"),
            "main.rs" => Some("main"),
            _ => self.module.first().map(String::as_str),
        }
    }

    fn add_items(&mut self, items: &mut [Item], module: &[String]) {
        for item in items {
            match item {
                Item::Mod(inner) if inner.content.is_some() => {
                    let inside = [module, &[inner.ident.to_string()]].concat();
                    let content = inner.content.as_mut().map_or(&mut [][..], |(_, items)| items);
                    self.add_items(content, &inside);
                }
                _ => self.add_item(item, module),
            }
        }
    }

    fn add_item(&mut self, item: &mut Item, module: &[String]) {
        let mut paths = syntax::imports(item);
        self.functions.extend(syntax::functions(item));
        if !matches!(item, Item::Use(_)) {
            strip::imports(item);
            let mut said = scan::Said::default();
            said.read(item.to_token_stream());
            paths.extend(said.paths);
            self.method_calls.extend(said.method_calls);
            self.macros.extend(said.macros);
            self.string_calls.extend(said.string_calls);
            self.log_fields.extend(said.log_fields);
        }
        self.paths.extend(paths.into_iter().map(|path| resolved(path, module)));
    }
}

/// Files and folders that hold tests alone.
fn is_test_path(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs"))
}

fn module_of(path: &str) -> Vec<String> {
    let inside = path.split_once("src/").map_or(path, |(_, inside)| inside);
    let inside = inside.strip_suffix(".rs").unwrap_or(inside);
    let segments = inside.split('/').filter(|segment| !matches!(*segment, "lib" | "main"));
    segments.map(str::to_owned).collect()
}

/// The path from the crate's root, if it starts with `self` or `super`.
fn resolved(path: PathUse, module: &[String]) -> PathUse {
    let supers = path.segments.iter().take_while(|segment| *segment == "super").count();
    let starts_here = path.segments.first().is_some_and(|segment| segment == "self");
    if supers == 0 && !starts_here {
        return path;
    }
    let above = &module[..module.len().saturating_sub(supers)];
    let rest = &path.segments[supers.max(1)..];
    let segments = [&["crate".to_owned()], above, rest].concat();
    PathUse { segments, line: path.line }
}

#[cfg(test)]
mod tests {
    use super::{PathUse, RustFile};
    use crate::tree::TextFile;

    fn read(path: &str, text: &str) -> RustFile {
        RustFile::read(&TextFile::planted(path, text))
    }

    fn shown(paths: &[PathUse]) -> Vec<String> {
        paths.iter().map(|path| format!("{} {}", path.line, path.segments.join("::"))).collect()
    }

    #[test]
    fn paths_are_found_wherever_they_stand_and_told_from_the_root() {
        let text = r#"//! Doc.
use std::{fs, net::{IpAddr as Ip, *}};
use super::super::ping as p;
use self::inner::Deep;
fn f<T: crate::a::Bound>(x: &dyn ::std::fmt::Debug) -> Vec<u8> {
    use tokio::time;
    vec![super::redact::coarse(x), Vec::<u8>::new().len()]
}
#[serde(with = "crate::money::text")]
struct S { t: std::time::SystemTime }
mod inside { fn g() { super::h::i() } }
// tokio::spawn
#[cfg(test)]
mod tests { use crate::system::Clock; }
"#;
        let file = read("src/post/native.rs", text);
        assert_eq!(
            shown(&file.paths),
            [
                "2 std::fs",
                "2 std::net::IpAddr",
                "2 std::net::*",
                "3 crate::ping",
                "4 crate::post::native::inner::Deep",
                "6 tokio::time",
                "5 crate::a::Bound",
                "5 std::fmt::Debug",
                "7 crate::post::redact::coarse",
                "7 Vec",
                "9 crate::money::text",
                "10 std::time::SystemTime",
                "11 crate::post::native::h::i",
            ]
        );
        assert_eq!(file.product_lines, 12);
    }

    #[test]
    fn calls_macros_and_functions_are_found_in_product_code_alone() {
        let text = r#"//! Doc.
impl A {
    fn long(&self, name: &str, (a, b): (u8, u8)) -> Result<(u8, u8, u8), E> {
        self.counter("bids_total", 1).unwrap();
        assert!(name.expose() == "x");
        Ok((a, b, 0))
    }
    #[cfg(test)]
    fn only_in_tests(&self) { self.x.unwrap() }
}
#[expect(clippy::all, reason = "so")]
mod utils;
#[cfg(test)]
#[cfg_attr(unix, allow(dead_code))]
fn t() { panic!("no") }
"#;
        let file = read("src/a.rs", text);
        let names = |list: &[super::Named]| -> Vec<String> {
            list.iter().map(|named| format!("{} {}", named.line, named.name)).collect()
        };
        assert_eq!(names(&file.method_calls), ["4 counter", "4 unwrap", "5 expose"]);
        assert_eq!(names(&file.macros), ["5 assert"]);
        assert_eq!(names(&file.modules), ["12 utils"]);
        let function = &file.functions[0];
        assert_eq!((function.line, function.lines, function.parameters), (3, 5, 2));
        assert_eq!(function.first_parameter.as_deref(), Some("name"));
        assert_eq!((function.tuple, file.functions.len()), (3, 1));
        let call = &file.string_calls[0];
        assert_eq!((call.callee.as_str(), call.argument.as_str()), ("counter", "bids_total"));
        let levels: Vec<(&str, usize, bool)> = file
            .lint_levels
            .iter()
            .map(|level| (level.level.as_str(), level.line, level.has_reason))
            .collect();
        assert_eq!(levels, [("expect", 11, true), ("allow", 14, false)]);
    }
}
