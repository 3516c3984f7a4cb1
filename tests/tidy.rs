//! The rules of the house, held by tests on its own text.
//!
//! Each rule is a function from files to findings, with two tests: one that holds the repository to
//! it and fails with `file:line: rule`, and one that shows, on planted text, that it can fail.
//! A rule is never weakened to let code pass; a place that is listed as an exception says why.

#[path = "tidy/docs.rs"]
mod docs;
#[path = "tidy/layers.rs"]
mod layers;
#[path = "tidy/pii.rs"]
mod pii;
#[path = "tidy/rust.rs"]
mod rust;
#[path = "tidy/shape.rs"]
mod shape;
#[path = "tidy/tree.rs"]
mod tree;
#[path = "tidy/words.rs"]
mod words;
