//! The scripts against the embedded store's pure functions, reply by reply.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::super::{Durability, RedisSettings, RedisStore};
use super::settings;
use crate::ports::{AuctionStore, Clock};
use crate::servers::redis::{IN_MEMORY, RedisServer};
use crate::store::differential::{Pair, Report};
use crate::store::embedded::{EmbeddedSettings, EmbeddedStore};
use crate::system::{FixedClock, SystemClock};

/// How many operations `./check` makes; `GAVEL_DIFFERENTIAL_COMMANDS` asks for more, and
/// `GAVEL_DIFFERENTIAL_SEED` for another run.
const COMMANDS: u64 = 20_000;
const SEED: u64 = 20_261_126;

fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// Replies that a run of this length must have met, or it says nothing.
const MUST_MEET: [&str; 24] = [
    "Create Created",
    "Create Same",
    "Create Mismatch",
    "Create Limit",
    "Claim Claimed",
    "Claim Held",
    "Decide Ok(Decided",
    "Decide Ok(Already",
    "Decide Fenced",
    "Offer Ok(Decided",
    "Take Taken",
    "Take Same",
    "Take Mismatch",
    "Take Expired",
    "ExpireOffer Closed",
    "Intent Ok(Ok",
    "Intent Ok(Busy",
    "Intent Ok(Stale",
    "Outcome Recorded",
    "Outcome Conflict",
    "Unresolved Closed",
    "Hold Refused",
    "Capture Done { was_held: false",
    "ClaimDuplicate Taken",
];

fn check_is_telling(report: &Report) {
    for kind in MUST_MEET {
        let met = report.replies.keys().any(|reply| reply.starts_with(kind));
        assert!(met, "no `{kind}` among {:#?}", report.replies);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_say_what_the_embedded_store_says() {
    let server = RedisServer::start(&IN_MEMORY);
    let now = SystemClock.now() + SignedDuration::from_hours(1);
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap();
    let clock = Arc::new(FixedClock::at(now));
    let relaxed = RedisSettings { durability: Durability::Relaxed, ..settings(&server) };
    let subject = RedisStore::open_by_clock(relaxed, clock.clone()).await.unwrap();
    let model = EmbeddedStore::volatile(EmbeddedSettings::default(), clock.clone()).unwrap();
    let pair = Pair {
        model: &*model as &dyn AuctionStore,
        subject: &*subject,
        advance: &|ms| {
            clock.advance(SignedDuration::from_millis(ms.cast_signed()));
        },
    };
    let seed = from_environment("GAVEL_DIFFERENTIAL_SEED", SEED);
    let commands = from_environment("GAVEL_DIFFERENTIAL_COMMANDS", COMMANDS);
    match pair.run(seed, commands).await {
        Ok(report) => check_is_telling(&report),
        Err(difference) => panic!("{difference}"),
    }
}
