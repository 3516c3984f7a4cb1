//! What becomes of a campaign's state when its description changes.

use crate::domain::campaign::{Campaign, CampaignState, Verification};

/// The state to be set, or `None` to leave it as it is.
///
/// `set` is what somebody set before; a campaign without it stands where its verification begins.
pub(super) fn state_after(
    known: Option<&Campaign>,
    set: Option<CampaignState>,
    new: &Campaign,
) -> Option<CampaignState> {
    let known = known?;
    match (new.verification, set?) {
        // The operator's word is proof enough.
        (Verification::Operator, CampaignState::PendingVerification) => Some(CampaignState::Active),
        (Verification::Challenge, CampaignState::Active | CampaignState::Paused) => {
            let is_proved =
                known.verification == Verification::Challenge && endpoints(known) == endpoints(new);
            if is_proved { None } else { Some(CampaignState::PendingVerification) }
        }
        _ => None,
    }
}

/// Where leads and questions about them go.
fn endpoints(campaign: &Campaign) -> [Option<&str>; 3] {
    [campaign.ping_url.as_deref(), Some(campaign.post_url.as_str()), campaign.status_url.as_deref()]
}
