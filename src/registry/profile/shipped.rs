//! The profiles that come with the program: the folders of `buyers/`, compiled in.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::domain::profile::ProfileFiles;
use crate::domain::slug::ProfileId;
use crate::integration::Profile;

/// A profile that comes with the program, as its files have it.
#[derive(Debug, Clone, Copy)]
pub struct ShippedProfile {
    /// Its name.
    pub name: &'static str,
    /// The text of `profile.toml`.
    pub text: &'static str,
    /// The texts of `cases/*.json`, by their names without the ending.
    pub cases: &'static [(&'static str, &'static str)],
}

macro_rules! folders {
    ($($name:literal: $($case:literal),+;)+) => {
        &[$(ShippedProfile {
            name: $name,
            text: include_str!(concat!("../../../buyers/", $name, "/profile.toml")),
            cases: &[$((
                $case,
                include_str!(concat!("../../../buyers/", $name, "/cases/", $case, ".json")),
            )),+],
        }),+]
    };
}

impl From<&ShippedProfile> for ProfileFiles {
    fn from(shipped: &ShippedProfile) -> Self {
        let cases = shipped.cases.iter();
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Self { buyer_id: None, text: shipped.text.to_owned(), cases: cases.map(owned).collect() }
    }
}

/// In the order of their names. A test compares the list with the folders, and another one runs the
/// cases.
const SHIPPED: &[ShippedProfile] = folders! {
    "americor": "accept", "broken", "refuse";
    "boberdoo": "accept", "broken", "hidden-outcome", "no-project", "refuse";
    "boberdoo-json": "accept", "broken", "refuse";
    "clientsupport": "accept", "broken", "refuse";
    "detroit-trading": "accept", "broken", "no-ssn", "refuse";
    "elocal": "accept", "broken", "elsewhere", "refuse";
    "gavel-native": "accept", "broken", "refuse";
    "lead-prosper": "accept", "broken", "refuse", "test";
    "leadconduit-classic": "accept", "broken", "queued", "refuse";
    "leadexec": "accept", "broken", "refuse";
    "leads-delivery": "accept", "broken", "refuse";
    "leadspedia": "accept", "broken", "refuse";
    "linktrust": "accept", "broken", "refuse";
    "px": "accept", "broken", "refuse";
    "quinstreet-auto": "accept", "broken", "refuse";
    "quinstreet-debt": "accept", "broken", "confirm", "no-browser", "refuse";
    "ringba-rtb": "accept", "broken", "refuse", "repeat";
    "turbo-debt": "accept", "broken", "refuse";
    "vanillasoft": "accept", "broken", "refuse";
};

/// The profiles that come with the program.
#[must_use]
pub const fn shipped() -> &'static [ShippedProfile] {
    SHIPPED
}

/// The one of a name.
#[must_use]
pub fn shipped_profile(name: &str) -> Option<&'static ShippedProfile> {
    SHIPPED.iter().find(|profile| profile.name == name)
}

/// The profiles that come with the program, ready for use.
#[must_use]
pub fn shipped_profiles() -> BTreeMap<ProfileId, Arc<Profile>> {
    static COMPILED: LazyLock<BTreeMap<ProfileId, Arc<Profile>>> = LazyLock::new(|| {
        let compile = |shipped: &ShippedProfile| {
            let id = ProfileId::parse(shipped.name).expect("the folders are named by slugs");
            let profile = Profile::compile(shipped.text).expect("a test compiles each of them");
            (id, Arc::new(profile))
        };
        SHIPPED.iter().map(compile).collect()
    });
    COMPILED.clone()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn every_shipped_profile_compiles_under_its_own_name() {
        for ShippedProfile { name, text, .. } in SHIPPED {
            let profile =
                Profile::compile(text).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
            assert_eq!(profile.name(), *name);
        }
        assert_eq!(shipped_profiles().len(), SHIPPED.len());
    }

    #[test]
    fn every_folder_of_buyers_is_shipped_with_every_case() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/buyers");
        let mut found = BTreeSet::new();
        for folder in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
            let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
            let cases = folder.join("cases");
            for case in fs::read_dir(cases).into_iter().flatten().map(Result::unwrap) {
                let case = case.file_name().into_string().unwrap();
                found.insert(format!("{name}/{}", case.strip_suffix(".json").unwrap()));
            }
            assert!(!folder.is_dir() || shipped_profile(&name).is_some(), "{name} is not shipped");
        }
        let known = SHIPPED.iter().flat_map(|profile| {
            profile.cases.iter().map(|(case, _)| format!("{}/{case}", profile.name))
        });
        assert_eq!(known.collect::<BTreeSet<_>>(), found);
    }
}
