//! What people set for a campaign over the API, and what of it outlives a new description.

use crate::domain::campaign::Campaign;
use crate::domain::standing::{Endpoints, Standing};

/// The standing once `campaign` is described so, or `None` if it stays as it is.
///
/// Endpoints that a buyer registered hold until the description names other ones than when they were
/// registered; a description that names none leaves them.
pub(super) fn standing_after(standing: &Standing, campaign: &Campaign) -> Option<Standing> {
    let own = standing.endpoints.as_ref()?;
    let described = campaign.endpoints();
    if described == own.described {
        return None;
    }
    let mut after = standing.clone();
    if described.is_empty() {
        after.endpoints.as_mut()?.described = described;
    } else {
        after.endpoints = None;
    }
    Some(after)
}

/// What of the standing goes on before the description, by name: an endpoint's field, `limits`, `secret`,
/// `state`.
pub(super) fn kept_fields(
    standing: &Standing,
    campaign: &Campaign,
    is_secret_given: bool,
) -> Vec<String> {
    let mut kept = Vec::new();
    let Endpoints { ping_url, post_url, status_url } = standing.endpoints_of(campaign);
    let differ = [
        ("limits", !standing.caps.is_empty()),
        ("ping_url", ping_url != campaign.ping_url),
        ("post_url", post_url != campaign.post_url),
        ("secret", standing.has_own_secret && is_secret_given),
        ("state", !standing.paused_by.is_empty()),
        ("status_url", status_url != campaign.status_url),
    ];
    kept.extend(differ.into_iter().filter(|(_, holds)| *holds).map(|(name, _)| name.to_owned()));
    kept
}
