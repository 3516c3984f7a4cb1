//! The store under the contract, on real servers, and what only it does: refusals at the start,
//! servers that fail, scripts that must say what the embedded store says.

mod cluster;
mod differential;
mod failures;
mod old_caps;
mod old_claims;
mod refusals;
mod returns;
mod startup;

use std::path::Path;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use super::{RedisSettings, RedisStore, ServerUrl};
use crate::ports::{AuctionStore, Clock};
use crate::servers::redis::{DURABLE, RedisCluster, RedisServer};
use crate::store::contract::{self, StoreFactory};

use crate::system::{FixedClock, SystemClock};

/// How long the checks' owners hold a lease, in milliseconds.
const LEASE_MS: i64 = 10_000;

/// The servers under a store.
enum Servers {
    One(RedisServer),
    Cluster(RedisCluster),
}

impl Servers {
    fn all(&self) -> &[RedisServer] {
        match self {
            Self::One(server) => std::slice::from_ref(server),
            Self::Cluster(cluster) => cluster.masters(),
        }
    }

    fn settings(&self) -> RedisSettings {
        let cluster = matches!(self, Self::Cluster(_));
        let urls = self.all().iter().map(|server| ServerUrl::parse(&server.url()).unwrap());
        RedisSettings { urls: urls.collect(), cluster, ..RedisSettings::default() }
    }
}

/// Settings for one server, with no patience for it.
fn settings(server: &RedisServer) -> RedisSettings {
    let urls = vec![ServerUrl::parse(&server.url()).unwrap()];
    RedisSettings { urls, repeat_ms: 200, ..RedisSettings::default() }
}

/// Stores on servers that are emptied for each check, on a clock that only the checks move.
struct Factory {
    clock: Arc<FixedClock>,
    servers: Servers,
    settings: RedisSettings,
}

impl Factory {
    fn new(servers: Servers) -> Self {
        // Never behind the servers' clocks, by which keys go.
        let now = SystemClock.now() + SignedDuration::from_hours(1);
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap();
        let settings = servers.settings();
        Self { clock: Arc::new(FixedClock::at(now)), servers, settings }
    }

    async fn open(&self) -> Arc<dyn AuctionStore> {
        let settings = self.settings.clone();
        let clock: Arc<FixedClock> = Arc::clone(&self.clock);
        RedisStore::open_by_clock(settings, clock).await.unwrap()
    }
}

impl StoreFactory for Factory {
    fn fresh(&self) -> BoxFuture<'_, Arc<dyn AuctionStore>> {
        for server in self.servers.all() {
            assert_eq!(server.ask(&["FLUSHALL"]).unwrap(), "+OK");
        }
        self.open().boxed()
    }

    fn restart(&self, store: Arc<dyn AuctionStore>) -> BoxFuture<'_, Arc<dyn AuctionStore>> {
        drop(store);
        for server in self.servers.all() {
            server.kill();
        }
        for server in self.servers.all() {
            server.resume();
        }
        if let Servers::Cluster(cluster) = &self.servers {
            cluster.wait_until_agreed();
        }
        self.clock.advance(SignedDuration::from_millis(LEASE_MS));
        self.open().boxed()
    }

    fn advance(&self, ms: u64) -> BoxFuture<'_, ()> {
        self.clock.advance(SignedDuration::from_millis(ms.cast_signed()));
        async {}.boxed()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_on_redis_keeps_the_contract() {
    let server = RedisServer::start(&DURABLE);
    contract::check_all(&Factory::new(Servers::One(server))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_on_a_cluster_keeps_the_contract() {
    let cluster = RedisCluster::start(&DURABLE);
    contract::check_all(&Factory::new(Servers::Cluster(cluster))).await;
}

/// `./check` names the program; without it there is nothing to run.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs valkey-server: ./check brings it"]
async fn the_store_on_valkey_keeps_the_contract() {
    let program = std::env::var("GAVEL_VALKEY_SERVER").expect("GAVEL_VALKEY_SERVER names it");
    let server = RedisServer::start_program(Path::new(&program), &DURABLE);
    contract::check_all(&Factory::new(Servers::One(server))).await;
}
