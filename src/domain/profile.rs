//! Integration profiles as they are kept: the texts of their files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::slug::{BuyerId, ProfileId};

/// The most recorded cases of one profile.
pub const CASES_MAX: usize = 200;
/// The longest recorded case, in bytes.
pub const CASE_BYTES_MAX: usize = 256 * 1024;
/// The longest secret that a campaign gives for its profile, in bytes.
pub const PROFILE_SECRET_BYTES_MAX: usize = 4_096;
/// The most secrets and settings of one campaign.
pub const PROFILE_NAMES_MAX: usize = 32;
/// The longest text of a profile that is a buyer's own, in bytes.
pub const OWN_PROFILE_BYTES_MAX: usize = 64 * 1024;
/// The most profiles of one buyer's own, archived ones included: every version is kept.
pub const OWN_PROFILES_MAX: usize = 20;

/// What stands between a buyer's slug and the rest of the name of a profile of its own.
const OWN_MARK: &str = "--";

/// A buyer's wire format, described in files; its slug stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileFiles {
    /// The buyer whose own it is: only its campaigns may use it, and it may change it. Absent: the
    /// exchange's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer_id: Option<BuyerId>,
    /// The text of `profile.toml`.
    pub text: String,
    /// The texts of `cases/*.json`, by their names without the ending: recorded leads, requests and
    /// replies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cases: BTreeMap<String, String>,
}

/// Whether a buyer may give this name to a profile of its own: those begin with its slug and `--`, so
/// that the name of another's is neither taken nor found out.
#[must_use]
pub fn is_own_name(id: &ProfileId, buyer: &BuyerId) -> bool {
    let rest = id.as_str().strip_prefix(buyer.as_str()).and_then(|end| end.strip_prefix(OWN_MARK));
    rest.is_some_and(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_buyers_own_begins_with_the_buyer() {
        let check = |name: &str, buyer: &str, expect: bool| {
            let (id, buyer) = (ProfileId::parse(name).unwrap(), BuyerId::parse(buyer).unwrap());
            assert_eq!(is_own_name(&id, &buyer), expect, "{name} of {buyer}");
        };
        check("acme--crm", "acme", true);
        check("acme--crm--2", "acme", true);
        check("acme--", "acme", false);
        check("acme-crm", "acme", false);
        check("acme", "acme", false);
        check("acme2--crm", "acme", false);
        check("crm", "acme", false);
    }
}
