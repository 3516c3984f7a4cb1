//! Integration profiles as they are kept: the texts of their files.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most recorded cases of one profile.
pub const CASES_MAX: usize = 200;
/// The longest recorded case, in bytes.
pub const CASE_BYTES_MAX: usize = 256 * 1024;
/// The longest secret that a campaign gives for its profile, in bytes.
pub const PROFILE_SECRET_BYTES_MAX: usize = 4_096;
/// The most secrets and settings of one campaign.
pub const PROFILE_NAMES_MAX: usize = 32;

/// A buyer's wire format, described in files; its slug stands beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileFiles {
    /// The text of `profile.toml`.
    pub text: String,
    /// The texts of `cases/*.json`, by their names without the ending: recorded leads, requests and
    /// replies.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cases: BTreeMap<String, String>,
}
