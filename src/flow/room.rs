//! What is known of campaigns without room: learned from refused holds, forgotten soon.
//!
//! This is the soft check before a ping. The exact one is the hold; asking the store before each
//! ping would cost a wait on every auction and still not be exact.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::slug::CampaignId;

/// How long a refusal is believed. Short, because a voided hold or a deposit makes room again.
const BELIEVED: Duration = Duration::from_secs(1);

#[derive(Debug)]
struct Refusal {
    rule: String,
    until: Instant,
}

/// Campaigns whose last hold was refused a moment ago.
#[derive(Debug, Default)]
pub struct NoRoom {
    refusals: Mutex<BTreeMap<CampaignId, Refusal>>,
}

impl NoRoom {
    /// Remembers that `campaign` had no room by `rule`.
    pub fn remember(&self, campaign: &CampaignId, rule: &str) {
        let refusal = Refusal { rule: rule.to_owned(), until: Instant::now() + BELIEVED };
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.insert(campaign.clone(), refusal);
    }

    /// The campaigns believed to have no room now, with the rule.
    #[must_use]
    pub fn now(&self) -> BTreeMap<CampaignId, String> {
        let now = Instant::now();
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.retain(|_, refusal| refusal.until > now);
        refusals
            .iter()
            .map(|(campaign, refusal)| (campaign.clone(), refusal.rule.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_believed_for_a_second() {
        let campaign = CampaignId::parse("c").unwrap();
        let room = NoRoom::default();
        room.remember(&campaign, "cap:day");
        let expect = BTreeMap::from([(campaign, "cap:day".to_owned())]);
        assert_eq!(room.now(), expect);
        tokio::time::advance(BELIEVED).await;
        assert_eq!(room.now(), BTreeMap::new());
    }
}
