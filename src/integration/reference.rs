//! The references of a bid: what its buyer wants to be given back in the post.
//!
//! A bid has one text for them. Most buyers give one id, and that text is the id itself; where a
//! reply names several (a lead's id and a bid's, an id and the list of its legs), the text is a JSON
//! object of them. Reading it back needs no profile, so a post can be rendered from the bid alone.

use std::collections::BTreeMap;

/// The name of the reference that stands alone.
pub const REFERENCE: &str = "reference";

/// Puts named references into the one text of a bid. Of a name that comes twice the last counts.
#[must_use]
pub fn pack(parts: &[(&str, &str)]) -> Option<String> {
    match parts {
        [] => None,
        [(REFERENCE, text)] if !text.starts_with('{') => Some((*text).to_owned()),
        parts => {
            let parts: BTreeMap<&str, &str> = parts.iter().copied().collect();
            Some(serde_json::to_string(&parts).expect("a map of texts always serializes"))
        }
    }
}

/// The named references in the text of a bid; what [`pack`] put in.
#[must_use]
pub fn unpack(text: &str) -> BTreeMap<String, String> {
    let parts = || serde_json::from_str(text).ok();
    let alone = || BTreeMap::from([(REFERENCE.to_owned(), text.to_owned())]);
    text.starts_with('{').then(parts).flatten().unwrap_or_else(alone)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_single_reference_is_its_own_text() {
        assert_eq!(pack(&[("reference", "abc-1")]).as_deref(), Some("abc-1"));
        assert_eq!(unpack("abc-1"), BTreeMap::from([("reference".into(), "abc-1".into())]));
        assert_eq!(pack(&[]), None);
    }

    #[test]
    fn several_references_are_named() {
        let text = pack(&[("reference", "b-1"), ("lead", "77")]).unwrap();
        assert_eq!(text, r#"{"lead":"77","reference":"b-1"}"#);
    }

    #[test]
    fn a_text_that_only_looks_like_named_references_is_one_reference() {
        for text in ["{", "{a}", "{\"a\":1}"] {
            assert_eq!(unpack(text), BTreeMap::from([("reference".into(), text.into())]));
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_out_again(parts in prop::collection::btree_map("[a-z]{1,4}|reference", ".{0,12}", 1..4)) {
            let list: Vec<(&str, &str)> = parts.iter().map(|(name, text)| (&**name, &**text)).collect();
            prop_assert_eq!(unpack(&pack(&list).unwrap()), parts);
        }
    }
}
