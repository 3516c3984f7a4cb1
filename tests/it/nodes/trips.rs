//! How often a sale waits for the store.

use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use gavel::demo::stub_buyer::{Reply, Script};
use gavel::domain::limits::Limits;
use gavel::ports::AuctionStore;
use gavel::ports::auction_store::StoreFuture;
use gavel::servers::redis::{DURABLE, RedisServer};
use gavel::store::around::{Around, Surrounded};
use gavel::store::embedded::{EmbeddedSettings, EmbeddedStore};
use gavel::store::redis::{RedisSettings, RedisStore, ServerUrl};
use gavel::system::SystemClock;

use super::fleet::Fleet;
use crate::support::{buyer, lead};

/// What a node asks beside its sales, and after their answers.
const ASIDE: [&str; 10] = [
    "due",
    "outbox_read",
    "outbox_ack",
    "journal_accounts",
    "journal_read",
    "journal_ack",
    "probe",
    "open_holds",
    "capture",
    "credit",
];

/// Operations of sales that are under way at once wait together: they are one trip.
#[derive(Default)]
struct Trips {
    under_way: usize,
    made: Vec<Vec<&'static str>>,
}

/// A door that counts trips.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<Trips>>);

impl Around for Counter {
    fn pass<'a, T: Send + 'a>(
        &'a self,
        operation: &'static str,
        call: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        let call = call();
        if ASIDE.contains(&operation) {
            return call;
        }
        async move {
            {
                let mut trips = self.0.lock().unwrap();
                if trips.under_way == 0 {
                    trips.made.push(Vec::new());
                }
                trips.under_way += 1;
                trips.made.last_mut().unwrap().push(operation);
            }
            // What is asked for at the same time is under way before the first reply can be here.
            tokio::task::yield_now().await;
            let reply = call.await;
            self.0.lock().unwrap().under_way -= 1;
            reply
        }
        .boxed()
    }
}

async fn check(store: Arc<dyn AuctionStore>) {
    let stub = buyer(Script::always(Reply::bid("24.50"))).await;
    let counter = Counter::default();
    let counted = Surrounded::new(store, counter.clone());
    let tree = "margin_percent = \"10\"\nduplicate_window_s = 3600\n";
    let fleet = Fleet::over(counted, &[("high", &stub, "")], Limits::default()).await;
    fleet.apply(&[("high", &stub, "")], tree).await;
    let answer = fleet.submit(0, "counted", &lead(1)).await;
    assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
    let expect: [&[&str]; 4] =
        [&["create", "claim_duplicate"], &["decide", "hold"], &["intent"], &["outcome"]];
    assert_eq!(counter.0.lock().unwrap().made, expect);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sold_lead_waits_for_the_store_four_times() {
    let settings = EmbeddedSettings::default();
    check(EmbeddedStore::volatile(settings, Arc::new(SystemClock)).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sold_lead_waits_for_redis_four_times() {
    let server = RedisServer::start(&DURABLE);
    let urls = vec![ServerUrl::parse(&server.url()).unwrap()];
    check(RedisStore::open(RedisSettings { urls, ..RedisSettings::default() }).await.unwrap())
        .await;
}
