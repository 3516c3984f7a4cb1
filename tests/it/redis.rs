//! An exchange whose auctions in flight are on a Redis server.

use std::collections::BTreeMap;

use gavel::demo::stub_buyer::{Reply, Script};
use gavel::servers::redis::{DURABLE, RedisServer};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_sold_lead_takes_nine_commands_and_no_password_is_told() {
    let server = RedisServer::start(&[&DURABLE[..], &["--requirepass", "s3cret"]].concat());
    let urls = format!("[\"{}\"]", server.url().replace("redis://", "redis://:s3cret@"));
    let gavel = Installation::start(&[
        ("store.kind", "redis"),
        ("store.single_node", "true"),
        ("store.urls", &urls),
    ])
    .await;
    let stub = buyer(Script::always(Reply::bid("24.50"))).await;
    let tree = "margin_percent = \"10\"\nduplicate_window_s = 3600\n";
    gavel.apply(&exchange(&[("high", &stub, "")], tree));
    let vendor = gavel.key("vendor", "acme", &[]);
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
