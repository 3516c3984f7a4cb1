//! Which fields of two objects differ, by the names that files give them.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value as Json;

/// The top-level fields that differ, in the order of the alphabet; one that is written in one
/// object only differs.
pub(super) fn changed_fields<T: PartialEq + Serialize>(known: &T, new: &T) -> Vec<String> {
    if known == new {
        return Vec::new();
    }
    let (known, new) = (as_json(known), as_json(new));
    let names = |json: &Json| {
        json.as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect::<BTreeSet<_>>()
    };
    let mut all = names(&known);
    all.extend(names(&new));
    all.into_iter().filter(|name| known.get(name) != new.get(name)).collect()
}

fn as_json<T: Serialize>(object: &T) -> Json {
    serde_json::to_value(object).expect("registry objects have texts as names")
}
