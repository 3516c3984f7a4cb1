//! Which campaigns have no room now: learned from holds, and looked up beside the auctions.
//!
//! This is the soft check before a ping. The exact one is the hold; asking the store before each
//! ping would cost a wait on every auction and still not be exact. But a campaign that cannot pay
//! must not go on winning with bids that come to nothing: it is not asked until a look at its
//! counters finds room. `rule_of` says what room is; `look_at` asks the store.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use tokio::time::Instant;

use super::exchange::Exchange;
use crate::domain::auction::Account;
use crate::domain::campaign::{CampaignState, Price};
use crate::domain::money::Money;
use crate::domain::slug::CampaignId;
use crate::ports::auction_store::{AccountView, StoreError};
use crate::registry::snapshot::CompiledCampaign;
use crate::settle::caps::{Charge, charges};

/// Pause between two looks at campaigns that are full, or that have bought since.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// Pause between two looks at all campaigns with limits: what other nodes have bought is seen then.
const LOOK_AT_ALL_PAUSE: Duration = Duration::from_secs(30);
/// After what time a campaign whose money is too little for its last bid, but not gone, is asked
/// again: it may bid less.
const BELIEVED: Duration = Duration::from_secs(10);
/// Campaigns looked at at once.
const LOOKS_AT_ONCE: usize = 16;
/// The rule of a hold that is refused for want of money.
const BALANCE: &str = "balance";

/// Why a campaign is not asked.
#[derive(Debug, Clone)]
struct Full {
    rule: String,
    /// What its refused bid would have cost.
    price: Money,
    since: Instant,
}

#[derive(Debug, Default)]
struct Known {
    full: BTreeMap<CampaignId, Full>,
    /// Campaigns that have held since they were looked at.
    bought: BTreeSet<CampaignId>,
    looked_at_all: Option<Instant>,
}

/// Campaigns believed to have no room.
#[derive(Debug, Default)]
pub struct NoRoom {
    known: Mutex<Known>,
}

impl NoRoom {
    /// Remembers that a bid of `price` by `campaign` was refused by `rule`.
    pub fn refused(&self, campaign: &CampaignId, rule: &str, price: Money) {
        let full = Full { rule: rule.to_owned(), price, since: Instant::now() };
        self.known().full.insert(campaign.clone(), full);
    }

    /// Remembers that `campaign` has used some of its room.
    pub fn bought(&self, campaign: &CampaignId) {
        self.known().bought.insert(campaign.clone());
    }

    /// The campaigns believed to have no room now, with the rule.
    #[must_use]
    pub fn now(&self) -> BTreeMap<CampaignId, String> {
        let known = self.known();
        known.full.iter().map(|(campaign, full)| (campaign.clone(), full.rule.clone())).collect()
    }

    /// Takes out whom to look at; `true` when it is time to look at all.
    fn doubtful(&self) -> (BTreeMap<CampaignId, Option<Full>>, bool) {
        let now = Instant::now();
        let mut known = self.known();
        let bought = std::mem::take(&mut known.bought);
        let mut doubtful: BTreeMap<_, _> =
            bought.into_iter().map(|campaign| (campaign, None)).collect();
        let full = known.full.iter().map(|(campaign, full)| (campaign.clone(), Some(full.clone())));
        doubtful.extend(full);
        let is_due = known.looked_at_all.is_none_or(|last| now - last >= LOOK_AT_ALL_PAUSE);
        if is_due {
            known.looked_at_all = Some(now);
        }
        (doubtful, is_due)
    }

    /// Keeps what a look has found, unless something was refused meanwhile.
    fn found(&self, campaign: &CampaignId, before: Option<&Full>, rule: Option<String>) {
        let mut known = self.known();
        let is_newer = match (known.full.get(campaign), before) {
            (Some(now), Some(before)) => now.since != before.since,
            (Some(_), None) => true,
            (None, _) => false,
        };
        match rule {
            _ if is_newer => {}
            None => {
                known.full.remove(campaign);
            }
            Some(rule) => {
                let (price, since) = before.map_or_else(
                    || (Money::ZERO, Instant::now()),
                    |before| (before.price, before.since),
                );
                known.full.insert(campaign.clone(), Full { rule, price, since });
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Each change is whole before the next can panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What counts against a campaign at one moment.
struct Counters {
    account: AccountView,
    credit_limit: Option<Money>,
    /// Each cap's counter, and what is used and held of it.
    used: Vec<(Charge, i64)>,
}

/// The rule by which a bid of `price` finds no room; of money, whatever the price, there must be some.
fn rule_of(counters: &Counters, price: Money) -> Option<String> {
    let is_full =
        |(charge, used): &&(Charge, i64)| used.saturating_add(charge.add.max(1)) > charge.limit;
    if let Some((charge, _)) = counters.used.iter().find(is_full) {
        return Some(charge.rule.clone());
    }
    let limit = counters.credit_limit?.ten_thousandths();
    let AccountView { deposited, posted, held } = counters.account;
    let left = deposited
        .ten_thousandths()
        .saturating_add(limit)
        .saturating_sub(posted.ten_thousandths())
        .saturating_sub(held.ten_thousandths());
    (left < price.ten_thousandths().max(1)).then(|| BALANCE.to_owned())
}

fn has_limits(campaign: &CompiledCampaign) -> bool {
    campaign.buyer.credit_limit.is_some() || !campaign.campaign.caps.is_empty()
}

impl Exchange {
    /// Looks for room, for ever; ends when the node stops.
    pub(super) async fn look_for_room_for_ever(&self) {
        loop {
            self.look_for_room().await;
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(LOOK_PAUSE) => {}
            }
        }
    }

    /// One look at the campaigns in doubt.
    async fn look_for_room(&self) {
        let snapshot = self.snapshot();
        let (mut doubtful, is_all) = self.no_room.doubtful();
        if is_all {
            let live = |campaign: &&Arc<CompiledCampaign>| {
                campaign.state == CampaignState::Active && has_limits(campaign)
            };
            for campaign in snapshot.campaigns.values().filter(live) {
                doubtful.entry(campaign.id.clone()).or_default();
            }
        }
        let looks = doubtful.into_iter().map(|(id, before)| {
            let campaign = snapshot.campaigns.get(&id).cloned();
            async move {
                let rule = match &campaign {
                    Some(campaign) if has_limits(campaign) => {
                        match self.look_at(campaign, before.as_ref()).await {
                            Ok(rule) => rule,
                            // Unknown: what was believed before still is.
                            Err(error) => {
                                tracing::debug!(%error, "room.unknown");
                                return;
                            }
                        }
                    }
                    _ => None,
                };
                self.no_room.found(&id, before.as_ref(), rule);
            }
        });
        futures::stream::iter(looks).buffer_unordered(LOOKS_AT_ONCE).collect::<Vec<()>>().await;
    }

    async fn look_at(
        &self,
        campaign: &CompiledCampaign,
        before: Option<&Full>,
    ) -> Result<Option<String>, StoreError> {
        let refused = before.filter(|full| full.since.elapsed() < BELIEVED);
        let price = match (refused, campaign.campaign.price) {
            (Some(refused), _) => refused.price,
            (None, Price::Fixed(price)) => price,
            (None, Price::Bid { .. }) => Money::ZERO,
        };
        let zone = &campaign.buyer.time_zone;
        let charged = charges(&campaign.id, &campaign.campaign.caps, zone, price, self.now());
        let account = Account::Buyer(campaign.buyer_id.clone());
        let names = charged.iter().map(|charge| charge.counter.clone()).collect();
        let (balance, used) = futures::try_join!(
            self.store.balance(account.clone()),
            self.store.cap_used(account, names)
        )?;
        let counters = Counters {
            account: balance.account,
            credit_limit: campaign.buyer.credit_limit,
            used: charged.into_iter().zip(used).collect(),
        };
        Ok(rule_of(&counters, price))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campaign() -> CampaignId {
        CampaignId::parse("c").unwrap()
    }

    fn money(text: &str) -> Money {
        Money::parse(text).unwrap()
    }

    #[test]
    fn room_is_what_caps_and_money_leave() {
        let charge = |limit, add| Charge {
            rule: "cap:day".to_owned(),
            counter: "c|day".to_owned(),
            limit,
            add,
            ends_at: None,
        };
        let check = |posted: &str, limit: Option<&str>, used: Vec<(Charge, i64)>, price: &str| {
            let account = AccountView {
                deposited: money("10.00"),
                posted: money(posted),
                held: money("1.00"),
            };
            let credit_limit = limit.map(money);
            rule_of(&Counters { account, credit_limit, used }, money(price))
        };
        let rule = |rule: &str| Some(rule.to_owned());
        assert_eq!(check("9999.00", None, vec![], "5.00"), None, "no limit, no end");
        assert_eq!(check("14.00", Some("10.00"), vec![], "5.00"), None);
        assert_eq!(check("14.01", Some("10.00"), vec![], "5.00"), rule("balance"));
        assert_eq!(check("18.99", Some("10.00"), vec![], "0.00"), None);
        assert_eq!(check("19.00", Some("10.00"), vec![], "0.00"), rule("balance"));
        assert_eq!(check("0.00", None, vec![(charge(3, 1), 2)], "5.00"), None);
        assert_eq!(check("0.00", None, vec![(charge(3, 1), 3)], "5.00"), rule("cap:day"));
        // Money under a cap, in ten-thousandths; without a price some of it must be left.
        assert_eq!(check("0.00", None, vec![(charge(100, 0), 99)], "0.00"), None);
        assert_eq!(check("0.00", None, vec![(charge(100, 0), 100)], "0.00"), rule("cap:day"));
        assert_eq!(check("0.00", None, vec![(charge(100, 50), 51)], "0.005"), rule("cap:day"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_believed_until_a_look_finds_room() {
        let room = NoRoom::default();
        room.refused(&campaign(), "cap:day", money("5.00"));
        let full = BTreeMap::from([(campaign(), "cap:day".to_owned())]);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(room.now(), full);
        let (doubtful, is_all) = room.doubtful();
        assert!(is_all, "nobody was ever looked at");
        let before = doubtful[&campaign()].as_ref();
        room.found(&campaign(), before, Some("cap:day".to_owned()));
        assert_eq!(room.now(), full);
        room.found(&campaign(), before, None);
        assert_eq!(room.now(), BTreeMap::new());
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_does_not_undo_a_refusal_that_came_meanwhile() {
        let room = NoRoom::default();
        room.bought(&campaign());
        let (doubtful, _) = room.doubtful();
        assert_eq!(doubtful.keys().collect::<Vec<_>>(), [&campaign()]);
        room.refused(&campaign(), BALANCE, money("5.00"));
        room.found(&campaign(), None, None);
        assert_eq!(room.now(), BTreeMap::from([(campaign(), BALANCE.to_owned())]));
        let (again, is_all) = room.doubtful();
        assert!(again[&campaign()].is_some() && !is_all);
    }
}
