//! An exchange whose auctions in flight are on a Redis server.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use gavel::demo::stub_buyer::{Reply, Script, StubBuyer};
use gavel::servers::redis::{DURABLE, IN_MEMORY, RedisServer};

use serde_json::json;

use crate::support::{Installation, buyer, exchange, lead, until};

/// What is asked now and then, whether or not there are leads.
const POLLS: [&str; 5] = ["due", "outbox_read", "journal_accounts", "journal_read", "journal_ack"];

/// How often each operation of the store was made.
async fn operations(gavel: &Installation) -> BTreeMap<String, u64> {
    let metrics = gavel.metrics().await;
    let lines = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix("gavel_store_seconds_count{operation=\"")?;
        let (operation, count) = rest.split_once("\"} ")?;
        Some((operation.to_owned(), count.parse().ok()?))
    });
    lines.filter(|(operation, _)| !POLLS.contains(&operation.as_str())).collect()
}

/// An exchange over this Redis, with one buyer, and a vendor's key.
async fn market(url: &str, stub: &StubBuyer) -> (Installation, String) {
    let urls = format!("[\"{url}\"]");
    let gavel = Installation::start(&[
        ("store.kind", "redis"),
        ("store.single_node", "true"),
        ("store.urls", &urls),
    ])
    .await;
    let tree = "margin_percent = \"10\"\nduplicate_window_s = 3600\n";
    gavel.apply(&exchange(&[("high", stub, "")], tree));
    let vendor = gavel.key("vendor", "acme", &[]);
    (gavel, vendor)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sold_lead_takes_nine_commands_and_no_password_is_told() {
    let server = RedisServer::start(&[&DURABLE[..], &["--requirepass", "s3cret"]].concat());
    let stub = buyer(Script::always(Reply::bid("24.50"))).await;
    let url = server.url().replace("redis://", "redis://:s3cret@");
    let (gavel, vendor) = market(&url, &stub).await;
    let before = operations(&gavel).await;
    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
    let mut made = until("the sale is settled", async || {
        let now = operations(&gavel).await;
        (now.get("credit") > before.get("credit")).then_some(now)
    })
    .await;
    for (operation, count) in &before {
        *made.entry(operation.clone()).or_default() -= count;
    }
    // The outbox is emptied for all leads of a partition at once.
    made.remove("outbox_ack");
    // The node looks whether the store is there whatever is sold.
    made.remove("probe");
    made.retain(|_, count| *count > 0);
    let each =
        ["capture", "claim_duplicate", "create", "credit", "decide", "hold", "intent", "outcome"];
    let expect: BTreeMap<String, u64> = each.map(|operation| (operation.to_owned(), 1)).into();
    assert_eq!(made, expect);
    let metrics = gavel.metrics().await;
    assert!(metrics.contains("gavel_store_durability{level=\"redis-single\"} 1"), "{metrics}");
    assert!(!gavel.log().contains("s3cret"), "the password is in the log");
}

/// What clients send to a server, as the server tells it; not what scripts do there.
#[derive(Clone, Default)]
struct Wiretap(Arc<Mutex<Vec<String>>>);

impl Wiretap {
    fn begin(server: &RedisServer) -> Self {
        let tap = Self::default();
        let address = server.url().trim_start_matches("redis://").to_owned();
        let mut connection = TcpStream::connect(address).unwrap();
        connection.write_all(b"MONITOR\r\n").unwrap();
        let mut lines = BufReader::new(connection).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "+OK");
        let heard = tap.clone();
        // Ends with the server.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(kind) = kind_of(&line) {
                    heard.0.lock().unwrap().push(kind);
                }
            }
        });
        tap
    }

    /// How often each kind of command has come.
    fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for kind in &*self.0.lock().unwrap() {
            *counts.entry(kind.clone()).or_default() += 1;
        }
        counts
    }

    fn forget(&self) {
        self.0.lock().unwrap().clear();
    }
}

/// `+17.05 [0 127.0.0.1:5] "EVALSHA" "sha" "4" "x:{p0003}:L:lead_.." ..` is a script on a lead.
fn kind_of(line: &str) -> Option<String> {
    let (client, command) = line.split_once("] ")?;
    if client.ends_with(" lua") {
        return None;
    }
    let words: Vec<&str> = command.trim_matches('"').split("\" \"").take(4).collect();
    let part = |key: &str| key.rsplit(':').next().unwrap_or_default().to_owned();
    let kind = match words[..] {
        ["EVALSHA" | "EVAL", _, "4" | "5", key] if key.contains(":L:") => {
            "step of a lead".to_owned()
        }
        ["EVALSHA" | "EVAL", _, _, key] if key.starts_with("d:{") => "claim_duplicate".to_owned(),
        ["EVALSHA" | "EVAL", _, "6", key] if key.ends_with(":acct") => "hold, capture".to_owned(),
        ["EVALSHA" | "EVAL", _, "3", key] if key.ends_with(":acct") => "credit".to_owned(),
        ["EVALSHA" | "EVAL", _, _, key] => format!("script {}", part(key)),
        [verb, key, ..] => format!("{verb} {}", part(key)),
        _ => command.to_owned(),
    };
    Some(kind)
}

/// Commands by which a node looks now and then whether there is something to do, sale or no sale.
/// How many of them fall into a test is chance. A sale makes a node look at once: once at the outbox
/// of its partition, and once at each journal.
const LOOKS: [&str; 5] =
    ["script due", "XRANGE ob", "XRANGE jrn", "XLEN jrn", "SMEMBERS {accounts}"];

#[tokio::test(flavor = "multi_thread")]
async fn on_the_wire_a_sale_is_nine_commands_and_one_for_each_journal() {
    let server = RedisServer::start(&DURABLE);
    let stub = buyer(Script::always(Reply::bid("24.50"))).await;
    let (gavel, vendor) = market(&server.url(), &stub).await;
    let tap = Wiretap::begin(&server);
    let sell = async |number: usize| {
        let answer = gavel.post_json("/v1/leads", &vendor, &lead(number)).await;
        assert_eq!(answer.text("/disposition"), "sold", "{answer:?}");
        until("both journals are in the book", async || {
            (tap.counts().get("XTRIM jrn") == Some(&2)).then_some(())
        })
        .await;
    };
    // The first sale of a process also puts both accounts into the index of accounts.
    sell(1).await;
    assert_eq!(tap.counts().get("script {accounts}"), Some(&2), "{:?}", tap.counts());
    tap.forget();
    sell(2).await;
    let mut made = tap.counts();
    made.retain(|kind, _| !LOOKS.contains(&kind.as_str()));
    // What a step has left may be settled before the next one leaves something.
    let acknowledged = made.remove("XDEL ob").unwrap_or_default();
    assert!((1..=4).contains(&acknowledged), "{acknowledged}");
    let expect = [
        // create, decide, intent, outcome
        ("step of a lead", 4),
        ("claim_duplicate", 1),
        ("hold, capture", 2),
        ("credit", 1),
        ("XTRIM jrn", 2),
    ];
    let expect: BTreeMap<String, usize> =
        expect.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect();
    assert_eq!(made, expect);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_may_lose_leads_is_named_by_a_node_that_is_ready() {
    let server = RedisServer::start(&IN_MEMORY);
    let urls = format!("[\"{}\"]", server.url());
    let gavel = Installation::start(&[
        ("store.kind", "redis"),
        ("store.single_node", "true"),
        ("store.durability", "relaxed"),
        ("store.urls", &urls),
    ])
    .await;
    let answer = gavel.get("/readyz", "").await;
    let why = "the store may lose what it acknowledged: store.durability is relaxed";
    let expect = json!({"status": "degraded", "degraded": [{"what": "durability", "why": why}]});
    assert_eq!((answer.status, answer.json()), (200, expect));
}
