//! The inbound profiles that come with the program.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::Inbound;

/// Their names, and the texts of their files.
pub const SHIPPED: [(&str, &str); 3] = [
    ("boberdoo", include_str!("shipped/boberdoo.toml")),
    ("lead-prosper", include_str!("shipped/lead-prosper.toml")),
    ("leadspedia", include_str!("shipped/leadspedia.toml")),
];

/// Them, compiled once.
static COMPILED: LazyLock<BTreeMap<&str, Inbound>> = LazyLock::new(|| {
    let compile = |(name, text): (&'static str, &str)| {
        let profile = Inbound::compile(text, &|_| None);
        (name, profile.expect("shipped profiles are compiled by their tests"))
    };
    SHIPPED.into_iter().map(compile).collect()
});

/// One of them by its name.
#[must_use]
pub fn shipped(name: &str) -> Option<Inbound> {
    COMPILED.get(name).cloned()
}
