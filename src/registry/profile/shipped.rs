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

impl From<&ShippedProfile> for ProfileFiles {
    fn from(shipped: &ShippedProfile) -> Self {
        let cases = shipped.cases.iter();
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        Self { buyer_id: None, text: shipped.text.to_owned(), cases: cases.map(owned).collect() }
    }
}

/// In the order of their names. A test compares the list with the folders, and another one runs the
/// cases.
const SHIPPED: &[ShippedProfile] = &[
    ShippedProfile {
        name: "americor",
        text: include_str!("../../../buyers/americor/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/americor/cases/accept.json")),
            ("broken", include_str!("../../../buyers/americor/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/americor/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "boberdoo",
        text: include_str!("../../../buyers/boberdoo/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/boberdoo/cases/accept.json")),
            ("broken", include_str!("../../../buyers/boberdoo/cases/broken.json")),
            ("hidden-outcome", include_str!("../../../buyers/boberdoo/cases/hidden-outcome.json")),
            ("no-project", include_str!("../../../buyers/boberdoo/cases/no-project.json")),
            ("refuse", include_str!("../../../buyers/boberdoo/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "boberdoo-json",
        text: include_str!("../../../buyers/boberdoo-json/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/boberdoo-json/cases/accept.json")),
            ("broken", include_str!("../../../buyers/boberdoo-json/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/boberdoo-json/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "clientsupport",
        text: include_str!("../../../buyers/clientsupport/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/clientsupport/cases/accept.json")),
            ("broken", include_str!("../../../buyers/clientsupport/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/clientsupport/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "detroit-trading",
        text: include_str!("../../../buyers/detroit-trading/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/detroit-trading/cases/accept.json")),
            ("broken", include_str!("../../../buyers/detroit-trading/cases/broken.json")),
            ("no-ssn", include_str!("../../../buyers/detroit-trading/cases/no-ssn.json")),
            ("refuse", include_str!("../../../buyers/detroit-trading/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "elocal",
        text: include_str!("../../../buyers/elocal/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/elocal/cases/accept.json")),
            ("broken", include_str!("../../../buyers/elocal/cases/broken.json")),
            ("elsewhere", include_str!("../../../buyers/elocal/cases/elsewhere.json")),
            ("refuse", include_str!("../../../buyers/elocal/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "gavel-native",
        text: include_str!("../../../buyers/gavel-native/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/gavel-native/cases/accept.json")),
            ("broken", include_str!("../../../buyers/gavel-native/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/gavel-native/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "lead-prosper",
        text: include_str!("../../../buyers/lead-prosper/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/lead-prosper/cases/accept.json")),
            ("broken", include_str!("../../../buyers/lead-prosper/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/lead-prosper/cases/refuse.json")),
            ("test", include_str!("../../../buyers/lead-prosper/cases/test.json")),
        ],
    },
    ShippedProfile {
        name: "leadconduit-classic",
        text: include_str!("../../../buyers/leadconduit-classic/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/leadconduit-classic/cases/accept.json")),
            ("broken", include_str!("../../../buyers/leadconduit-classic/cases/broken.json")),
            ("queued", include_str!("../../../buyers/leadconduit-classic/cases/queued.json")),
            ("refuse", include_str!("../../../buyers/leadconduit-classic/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "leadexec",
        text: include_str!("../../../buyers/leadexec/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/leadexec/cases/accept.json")),
            ("broken", include_str!("../../../buyers/leadexec/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/leadexec/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "leads-delivery",
        text: include_str!("../../../buyers/leads-delivery/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/leads-delivery/cases/accept.json")),
            ("broken", include_str!("../../../buyers/leads-delivery/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/leads-delivery/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "leadspedia",
        text: include_str!("../../../buyers/leadspedia/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/leadspedia/cases/accept.json")),
            ("broken", include_str!("../../../buyers/leadspedia/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/leadspedia/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "linktrust",
        text: include_str!("../../../buyers/linktrust/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/linktrust/cases/accept.json")),
            ("broken", include_str!("../../../buyers/linktrust/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/linktrust/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "px",
        text: include_str!("../../../buyers/px/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/px/cases/accept.json")),
            ("broken", include_str!("../../../buyers/px/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/px/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "quinstreet-auto",
        text: include_str!("../../../buyers/quinstreet-auto/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/quinstreet-auto/cases/accept.json")),
            ("broken", include_str!("../../../buyers/quinstreet-auto/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/quinstreet-auto/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "quinstreet-debt",
        text: include_str!("../../../buyers/quinstreet-debt/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/quinstreet-debt/cases/accept.json")),
            ("broken", include_str!("../../../buyers/quinstreet-debt/cases/broken.json")),
            ("confirm", include_str!("../../../buyers/quinstreet-debt/cases/confirm.json")),
            ("no-browser", include_str!("../../../buyers/quinstreet-debt/cases/no-browser.json")),
            ("refuse", include_str!("../../../buyers/quinstreet-debt/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "ringba-rtb",
        text: include_str!("../../../buyers/ringba-rtb/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/ringba-rtb/cases/accept.json")),
            ("broken", include_str!("../../../buyers/ringba-rtb/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/ringba-rtb/cases/refuse.json")),
            ("repeat", include_str!("../../../buyers/ringba-rtb/cases/repeat.json")),
        ],
    },
    ShippedProfile {
        name: "turbo-debt",
        text: include_str!("../../../buyers/turbo-debt/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/turbo-debt/cases/accept.json")),
            ("broken", include_str!("../../../buyers/turbo-debt/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/turbo-debt/cases/refuse.json")),
        ],
    },
    ShippedProfile {
        name: "vanillasoft",
        text: include_str!("../../../buyers/vanillasoft/profile.toml"),
        cases: &[
            ("accept", include_str!("../../../buyers/vanillasoft/cases/accept.json")),
            ("broken", include_str!("../../../buyers/vanillasoft/cases/broken.json")),
            ("refuse", include_str!("../../../buyers/vanillasoft/cases/refuse.json")),
        ],
    },
];

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
