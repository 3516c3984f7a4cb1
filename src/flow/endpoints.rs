//! A buyer's endpoints: registered, challenged, and used once they are proved.
//!
//! The registration is written first, so that nothing is sent to an endpoint before it is proved and
//! nothing is lost if the node stops in between: what is not proved is challenged when its owner asks.

use futures::future::join_all;

use super::administer::{AdminError, CampaignOrder};
use super::challenge::{ChallengeFailure, ChallengeOrder};
use super::exchange::Exchange;
use crate::domain::campaign::CampaignState;
use crate::domain::party::Party;
use crate::domain::standing::Endpoints;
use crate::ports::buyer_wire::Callee;
use crate::registry::bundle::SecretText;

/// An endpoint that did not answer its challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedEndpoint {
    /// The field that names it: `ping_url`, `post_url`, `status_url`.
    pub field: &'static str,
    /// What went wrong.
    pub failure: ChallengeFailure,
}

/// Where a campaign stands after its endpoints were challenged. It has no `Debug`, because it may
/// hold a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointsReply {
    /// Its state.
    pub state: CampaignState,
    /// The secret that was issued with the first registration; it is shown this once.
    pub secret: Option<SecretText>,
    /// The endpoints that did not pass.
    pub failed: Vec<FailedEndpoint>,
}

impl Exchange {
    /// Registers a buyer's endpoints and challenges those that are new.
    ///
    /// # Errors
    /// As [`set_endpoints`](super::administer::Administration::set_endpoints), and
    /// [`AdminError::ChallengeRunning`]. An endpoint that does not pass is no error: the campaign
    /// stays pending.
    pub async fn register_endpoints(
        &self,
        order: CampaignOrder<'_>,
        endpoints: &Endpoints,
    ) -> Result<EndpointsReply, AdminError> {
        let _turn = self.challenge_turn(order.buyer.cloned().map(Party::Buyer))?;
        let set = self.administration().set_endpoints(order, endpoints).await?;
        // The registration stands, and its secret is shown this once: no failure may hide it.
        let is_in_use = self.snapshot().version >= set.version;
        let challenged = if is_in_use { self.challenge_unproved(order).await.ok() } else { None };
        let reply = challenged.unwrap_or_else(|| {
            let campaign_id = order.id.as_str();
            tracing::error!(campaign_id, "challenge.unfinished");
            let failure = ChallengeFailure::Unfinished;
            let failed = set.done.unproved.iter().map(|field| FailedEndpoint { field, failure });
            EndpointsReply { state: set.done.state, secret: None, failed: failed.collect() }
        });
        Ok(EndpointsReply { secret: set.done.secret, ..reply })
    }

    /// Challenges the endpoints of a campaign that are not proved.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`], [`AdminError::NotChallengeable`],
    /// [`AdminError::ChallengeRunning`], and what keeps a proof from being written.
    pub async fn verify_endpoints(
        &self,
        order: CampaignOrder<'_>,
    ) -> Result<EndpointsReply, AdminError> {
        let _turn = self.challenge_turn(order.buyer.cloned().map(Party::Buyer))?;
        self.challenge_unproved(order).await
    }

    async fn challenge_unproved(
        &self,
        order: CampaignOrder<'_>,
    ) -> Result<EndpointsReply, AdminError> {
        let snapshot = self.snapshot();
        let campaign = snapshot
            .campaigns
            .get(order.id)
            .filter(|campaign| campaign.state != CampaignState::Archived)
            .filter(|campaign| order.buyer.is_none_or(|buyer| *buyer == campaign.buyer_id))
            .ok_or(AdminError::UnknownObject)?;
        let described = &snapshot.objects.campaigns[order.id].value;
        let standing = snapshot.objects.standings.get(order.id).cloned().unwrap_or_default();
        let unproved = standing.unproved(described);
        if !unproved.is_empty() && !described.can_answer_challenges() {
            return Err(AdminError::NotChallengeable);
        }
        let (buyer, id) = (campaign.buyer_id.clone(), order.id.clone());
        let callee = Callee::Campaign { buyer, campaign: id };
        let challenges = unproved.named().map(|(field, url)| {
            let order = ChallengeOrder { callee: &callee, field, url, keys: &campaign.secrets };
            async move { (field, url, self.challenge(order).await) }
        });
        let mut proved = Vec::new();
        let mut failed = Vec::new();
        for (field, url, passed) in join_all(challenges).await {
            match passed {
                Ok(()) => proved.push(url.to_owned()),
                Err(failure) => failed.push(FailedEndpoint { field, failure }),
            }
        }
        let noted = self.administration().note_proofs(order, &proved).await?;
        Ok(EndpointsReply { state: noted.done.state, secret: None, failed })
    }
}
