//! Profiles that are a buyer's own: what they must not do beyond any other.
//!
//! The operator vouches for the endpoints of a campaign, and the secrets of its profile are given for
//! those. So a profile that a buyer writes itself sends to them and nowhere else.

use super::Noting;
use crate::domain::profile::{OWN_PROFILE_BYTES_MAX, OWN_PROFILES_MAX, ProfileFiles, is_own_name};
use crate::domain::slug::ProfileId;
use crate::integration::{Phase, Profile};
use crate::registry::fault::FaultRule;
use crate::registry::objects::RegistryObjects;

/// Notes what a profile that is a buyer's own must not be. Of others there is nothing to say.
pub(super) fn check(
    id: &ProfileId,
    (files, profile): (&ProfileFiles, &Profile),
    objects: &RegistryObjects,
    noting: &mut Noting<'_>,
) {
    let Some(buyer) = &files.buyer_id else { return };
    if !objects.buyers.contains_key(buyer) {
        let detail = format!("there is no buyer `{buyer}`");
        noting.fault("buyer_id", FaultRule::UnknownBuyer, detail);
    }
    if !is_own_name(id, buyer) {
        let detail =
            format!("the name of a profile of buyer {buyer}'s own begins with `{buyer}--`");
        noting.fault("buyer_id", FaultRule::OtherId, detail);
    }
    let all = objects.profiles.values();
    let own = all.filter(|known| known.value.buyer_id.as_ref() == Some(buyer)).count();
    if own > OWN_PROFILES_MAX {
        let detail = format!(
            "a buyer has at most {OWN_PROFILES_MAX} profiles of its own, archived ones included; \
             change one of them"
        );
        noting.fault("buyer_id", FaultRule::OutOfRange, detail);
    }
    if files.text.len() > OWN_PROFILE_BYTES_MAX {
        let detail =
            format!("a profile of a buyer's own has at most {OWN_PROFILE_BYTES_MAX} bytes");
        noting.fault("text", FaultRule::OutOfRange, detail);
    }
    if profile.names_others() {
        let detail = "`sold_to` names other buyers, which a profile of a buyer's own does not; ask \
                      the operator to describe this profile";
        noting.fault("text", FaultRule::InvalidProfile, detail);
    }
    for phase in profile.phases() {
        let goes_to_own = profile.uses(phase).is_some_and(|uses| uses.url);
        let detail = if !has_endpoint(phase) {
            format!(
                "[{phase}.request]: a profile of a buyer's own sends to the campaign's endpoints alone, \
                 and there is none for a {phase}; ask the operator to describe this profile"
            )
        } else if !goes_to_own {
            format!(
                "[{phase}.request]: a profile of a buyer's own sends to the campaign's endpoints alone; \
                 leave `url` out, or begin it with {{url}}"
            )
        } else {
            continue;
        };
        noting.fault("text", FaultRule::InvalidProfile, detail);
    }
}

/// Whether a campaign has an endpoint for a call; a login goes to that of its posts.
const fn has_endpoint(phase: Phase) -> bool {
    match phase {
        Phase::Login
        | Phase::Ping
        | Phase::Preping
        | Phase::Post
        | Phase::Confirm
        | Phase::Status => true,
        Phase::LoserNotice | Phase::Completion => false,
    }
}

/// Whether the host of a URL has ended, so that nothing that follows can be part of it.
pub(super) fn has_path(url: &str) -> bool {
    url.split_once("://").is_some_and(|(_, rest)| rest.contains(['/', '?']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_path_when_its_host_has_ended() {
        let check = |url: &str, expect: bool| assert_eq!(has_path(url), expect, "{url}");
        check("https://bids.acme.example/ping", true);
        check("https://bids.acme.example/", true);
        check("https://bids.acme.example?a=1", true);
        check("https://bids.acme.example", false);
        check("https://bids.acme.example:8443", false);
        check("bids.acme.example/ping", false);
    }
}
