//! What the cases of a profile show, all together.

use std::collections::BTreeSet;

use super::super::phase::Phase;
use super::super::profile::Profile;

/// Which calls were seen to be answered how.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    accepted: BTreeSet<Phase>,
    refused: BTreeSet<Phase>,
}

impl Evidence {
    /// Notes that a call was accepted.
    pub(super) fn accept(&mut self, call: Phase) {
        self.accepted.insert(call);
    }

    /// Notes that a call was refused, in words that the profile knows.
    pub(super) fn refuse(&mut self, call: Phase) {
        self.refused.insert(call);
    }

    /// Adds what another case shows.
    pub fn add(&mut self, other: &Self) {
        self.accepted.extend(&other.accepted);
        self.refused.extend(&other.refused);
    }

    /// What no case shows and one has to before leads are sold by the profile: of its ping and of its
    /// post, each where it has one, an acceptance and a refusal. Those of a second post that the first
    /// one's answer asked for are those of the post.
    #[must_use]
    pub fn missing(&self, profile: &Profile) -> Vec<String> {
        let mut missing = Vec::new();
        for call in [Phase::Ping, Phase::Post] {
            if profile.reply(call).is_none() {
                continue;
            }
            for (seen, what) in [(&self.accepted, "accepts"), (&self.refused, "refuses")] {
                if !seen.contains(&call) {
                    missing.push(format!("no case shows how the buyer {what} a {call}"));
                }
            }
        }
        missing
    }
}
