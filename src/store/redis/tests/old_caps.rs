//! Counters of caps whose windows are long over.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::RedisStore;
use super::settings;
use crate::domain::auction::{Account, HoldId};
use crate::domain::ids::{LeadId, Partition};
use crate::domain::money::Money;
use crate::domain::time::plus_ms;
use crate::ports::auction_store::{CapCharge, Held, Hold};
use crate::ports::{AuctionStore, Clock};
use crate::servers::redis::{DURABLE, RedisServer};
use crate::system::{FixedClock, SystemClock};

const DAY_MS: i64 = 86_400_000;

struct Stand {
    server: RedisServer,
    clock: Arc<FixedClock>,
    store: Arc<RedisStore>,
    began: Timestamp,
}

fn account() -> Account {
    Account::Buyer("beta".parse().unwrap())
}

fn hold_id(number: u128) -> HoldId {
    let lead_id = LeadId::new(Partition(3), number);
    HoldId { lead_id, seat: 1, campaign: "beta-tx".parse().unwrap() }
}

impl Stand {
    async fn new() -> Self {
        let server = RedisServer::start(&DURABLE);
        // Never behind the server's clock, by which keys go.
        let began = SystemClock.now() + SignedDuration::from_hours(1);
        let began = Timestamp::from_millisecond(began.as_millisecond()).unwrap();
        let clock = Arc::new(FixedClock::at(began));
        let store = RedisStore::open_by_clock(settings(&server), clock.clone()).await.unwrap();
        Self { server, clock, store, began }
    }

    /// Takes a hold that charges a counter for each name, in a window that ends on that day.
    async fn hold(&self, number: u128, names: impl Iterator<Item = String>, end_day: i64) {
        let ends_at = Some(plus_ms(self.began, end_day * DAY_MS));
        let charge = |counter: String| CapCharge {
            rule: "cap:day".to_owned(),
            counter,
            limit: 100,
            add: 1,
            ends_at,
        };
        let hold = Hold {
            account: account(),
            hold: hold_id(number),
            amount: Money::from_ten_thousandths(10_000).unwrap(),
            credit_limit: None,
            caps: names.map(charge).collect(),
        };
        assert_eq!(self.store.hold(hold).await.unwrap().reply, Held::Held);
    }

    async fn void(&self, number: u128) {
        self.store.void(account(), hold_id(number)).await.unwrap();
    }

    /// How many counters are kept.
    fn counters(&self) -> String {
        self.server.ask(&["HLEN", "a:{buyer:beta}:caps"]).unwrap()
    }

    fn pass_days(&self, days: i64) {
        self.clock.advance(SignedDuration::from_hours(24 * days));
    }
}

#[tokio::test]
async fn counters_that_old_holds_count_on_do_not_keep_others_from_going() {
    let stand = Stand::new().await;
    let named = |name: &'static str, count: usize| (0..count).map(move |at| format!("{name} {at}"));
    stand.hold(1, named("locked", 20), 1).await;
    stand.hold(2, named("free", 3), 2).await;
    stand.void(2).await;
    assert_eq!(stand.counters(), ":23");
    stand.pass_days(12);
    // A new window looks at sixteen that are over; the next one at those behind them.
    stand.hold(3, named("third", 1), 30).await;
    assert_eq!(stand.counters(), ":24");
    stand.hold(4, named("fourth", 1), 30).await;
    assert_eq!(stand.counters(), ":22", "the free ones are gone");
    stand.void(1).await;
    stand.hold(5, named("fifth", 1), 30).await;
    assert_eq!(stand.counters(), ":23", "each is looked at again a day later");
    stand.pass_days(2);
    stand.hold(6, named("sixth", 1), 30).await;
    stand.hold(7, named("seventh", 1), 30).await;
    assert_eq!(stand.counters(), ":5", "only the windows that go on are left");
}
