//! The files of the repository, read once, and what a rule finds in them.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::rust::RustFile;

/// One text file of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextFile {
    /// From the root of the repository, with `/`.
    pub path: String,
    /// All of it.
    pub text: String,
}

impl TextFile {
    /// A file that is nowhere but in a test of a rule.
    pub fn planted(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// The lines, numbered from 1.
    pub fn numbered_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Everything the rules look at.
#[derive(Debug)]
pub struct Tree {
    /// Every text file that is tracked, or would be with the next `git add`.
    pub texts: Vec<TextFile>,
    /// What the Rust files among them say.
    pub rust: Vec<RustFile>,
}

impl Tree {
    /// A tree that is nowhere but in a test of a rule.
    pub fn planted(files: &[(&str, &str)]) -> Self {
        Self::of(files.iter().map(|(path, text)| TextFile::planted(path, text)).collect())
    }

    /// The repository itself.
    pub fn of_repository() -> &'static Self {
        static TREE: OnceLock<Tree> = OnceLock::new();
        TREE.get_or_init(|| Self::of(read_all(Path::new(env!("CARGO_MANIFEST_DIR")))))
    }

    fn of(mut texts: Vec<TextFile>) -> Self {
        texts.sort_by(|a, b| a.path.cmp(&b.path));
        let is_rust = |file: &&TextFile| file.path.ends_with(".rs");
        let rust = texts.iter().filter(is_rust).map(RustFile::read).collect();
        Self { texts, rust }
    }

    /// The text of one file.
    pub fn text(&self, path: &str) -> Option<&TextFile> {
        self.texts.iter().find(|file| file.path == path)
    }
}

/// A place where a rule is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    path: String,
    line: usize,
    rule: String,
}

impl Finding {
    /// `rule` says what must hold and what stands there instead.
    pub fn at(path: &str, line: usize, rule: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule: rule.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

/// Fails with every finding, one a line.
pub fn hold(findings: Vec<Finding>) {
    assert!(
        findings.is_empty(),
        "{} broken rules:\n{}",
        findings.len(),
        shown(findings).join("\n")
    );
}

/// Checks that a rule finds exactly `expect`, each as `path:line: rule`, in what was planted.
pub fn check_finds(findings: Vec<Finding>, expect: &[&str]) {
    assert_eq!(shown(findings), expect);
}

fn shown(mut findings: Vec<Finding>) -> Vec<String> {
    findings.sort();
    findings.iter().map(ToString::to_string).collect()
}

fn read_all(root: &Path) -> Vec<TextFile> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .expect("git lists the files that the rules are about");
    assert!(listed.status.success(), "git ls-files: {}", String::from_utf8_lossy(&listed.stderr));
    let names = String::from_utf8(listed.stdout).expect("file names here are UTF-8");
    let mut files = Vec::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        // A file may be tracked and deleted, a link, or no text: then there is nothing to read.
        let Ok(bytes) = std::fs::read(root.join(name)) else { continue };
        let Ok(text) = String::from_utf8(bytes) else { continue };
        files.push(TextFile { path: name.to_owned(), text });
    }
    assert!(files.len() > 50, "only {} files: this is not the repository", files.len());
    files
}
