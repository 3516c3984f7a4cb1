//! The process dies at every step of an auction, one after the other, and comes back.
//!
//! Each case is an installation of its own, copied from one that was laid out for its story. The
//! server is told where to die; the test makes sure that it did, starts it again without the fault,
//! sends the vendor's request again under the same key, and holds what is there against what must
//! be: PROTOCOL's invariants, counted by the buyers, the accounts, the book and the record.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use gavel::demo::stub_buyer::{OnPost, Reply, Script, Seen, StubBuyer};
use gavel::ports::Records as _;
use gavel::records::{Sqlite, SqliteSettings};
use gavel::servers::redis::{DURABLE, RedisServer};
use serde_json::{Value as Json, json};

use crate::support::{Answer, Installation, buyer, exchange, lead, until};

/// Installations at once.
const AT_ONCE: usize = 4;

/// What happens to a lead if nobody dies.
struct Story {
    name: &'static str,
    /// What the better bidder does with a post.
    first: OnPost,
    /// What the other one does.
    second: OnPost,
    /// Further lines of its campaign.
    contract: &'static str,
    /// How long its auction may take, unless as long as any.
    auction_ms: Option<&'static str>,
    /// Whether the vendor pings first.
    is_ping: bool,
    /// The disposition, and the seller's part.
    end: (&'static str, &'static str),
    /// Steps, each with how often it is passed.
    steps: &'static [(&'static str, usize)],
    /// The first pass that is tried.
    from_pass: usize,
}

fn refusal() -> OnPost {
    OnPost::Answer(Reply::rejected("filtered"))
}

fn accepted() -> Story {
    Story {
        name: "accepted",
        first: OnPost::Accept,
        second: OnPost::Accept,
        is_ping: false,
        end: ("sold", "27.00"),
        steps: &[
            ("W1", 1),
            ("duplicate", 1),
            ("W2", 1),
            ("W3", 1),
            ("W4", 1),
            ("W5", 1),
            ("W6-capture", 1),
            ("W6-credit", 1),
            ("W6-outbox", 1),
            ("W6-journal", 2),
        ],
        contract: "",
        auction_ms: None,
        from_pass: 1,
    }
}

/// The better bidder never says whether it has the lead, and its contract lets others have it after
/// a while, when the time of the auction is long over.
fn given_up_then_resold() -> Story {
    Story {
        name: "given up, then resold",
        first: OnPost::Answer(Reply::silence()),
        contract: "post_semantics = \"at_most_once\"\non_unknown = { resell_after_s = 6 }",
        auction_ms: Some("5000"),
        end: ("sold", "18.00"),
        steps: &[("W5", 3), ("W2", 2), ("W3", 2), ("W4", 2)],
        from_pass: 2,
        ..accepted()
    }
}

fn rejected_then_the_next() -> Story {
    Story {
        name: "rejected, then the next",
        first: refusal(),
        second: OnPost::Accept,
        is_ping: false,
        end: ("sold", "18.00"),
        steps: &[
            ("W1", 1),
            ("W2", 1),
            ("W3", 2),
            ("W4", 2),
            ("W5", 2),
            ("W6-void", 1),
            ("W6-capture", 1),
            ("W6-credit", 1),
            ("W6-outbox", 1),
            ("W6-journal", 2),
        ],
        ..accepted()
    }
}

fn rejected_by_all() -> Story {
    Story {
        name: "rejected by all",
        first: refusal(),
        second: refusal(),
        is_ping: false,
        end: ("unsold", "0.00"),
        steps: &[("W3", 2), ("W4", 2), ("W5", 2), ("finish", 1), ("W6-void", 2), ("W6-outbox", 1)],
        ..accepted()
    }
}

fn unknown() -> Story {
    Story {
        name: "unknown to an idempotent buyer",
        first: OnPost::AcceptButAnswer(Reply::silence(), 1),
        second: OnPost::Accept,
        is_ping: false,
        end: ("sold", "27.00"),
        steps: &[
            ("W1", 1),
            ("W2", 1),
            ("W3", 1),
            ("W4", 1),
            ("W5", 2),
            ("W6-capture", 1),
            ("W6-credit", 1),
            ("W6-outbox", 1),
            ("W6-journal", 1),
        ],
        ..accepted()
    }
}

fn pinged_then_posted() -> Story {
    Story {
        name: "pinged, then posted",
        first: OnPost::Accept,
        second: OnPost::Accept,
        is_ping: true,
        end: ("sold", "27.00"),
        steps: &[
            ("W1", 1),
            ("offer", 1),
            ("take", 1),
            ("duplicate", 1),
            ("W3", 1),
            ("W4", 1),
            ("W5", 1),
            ("W6-capture", 1),
            ("W6-credit", 1),
            ("W6-outbox", 1),
        ],
        ..accepted()
    }
}

impl Story {
    /// Every point of the story: step, side, pass.
    fn points(&self) -> Vec<String> {
        let from = self.from_pass;
        let passes =
            self.steps.iter().flat_map(|(step, passes)| (from..=*passes).map(move |n| (step, n)));
        let sides = |(step, n)| ["before", "after"].map(|side| format!("{step}:{side}:{n}"));
        passes.flat_map(sides).collect()
    }
}

/// The buyers of a story; all its installations speak to the same ones.
struct Buyers {
    first: StubBuyer,
    second: StubBuyer,
}

impl Buyers {
    fn each(&self) -> [(&'static str, &StubBuyer); 2] {
        [("first", &self.first), ("second", &self.second)]
    }
}

fn posts_of(stub: &StubBuyer, lead_id: &str) -> Vec<Seen> {
    stub.posts().into_iter().filter(|post| post.json()["lead_id"] == lead_id).collect()
}

/// Prices, in ten-thousandths, for which a buyer has a lead.
fn taken_of(stub: &StubBuyer, lead_id: &str) -> Vec<i64> {
    let posts: BTreeSet<String> =
        posts_of(stub, lead_id).iter().map(|post| post.header("webhook-id").to_owned()).collect();
    let taken = stub.taken();
    posts.iter().filter_map(|post| taken.get(post)).map(|price| price.ten_thousandths()).collect()
}

/// One installation with a vendor that never gives up.
struct Case<'a> {
    story: &'a Story,
    point: &'a str,
    buyers: &'a Buyers,
    vendor: &'a str,
    gavel: Installation,
    /// Where its auctions in flight are, unless in its folder; it outlives the process.
    _redis: Option<RedisServer>,
}

impl Case<'_> {
    fn headers() -> [(&'static str, &'static str); 2] {
        [("content-type", "application/json"), ("idempotency-key", "one-and-the-same")]
    }

    /// One try of the whole request, ping and post; `None` if the server died over it.
    async fn request(&self) -> Option<Answer> {
        let headers = Self::headers();
        let mut body = lead(1);
        if !self.story.is_ping {
            let body = body.to_string();
            return self
                .gavel
                .try_request("POST /v1/leads", self.vendor, &headers, body)
                .await
                .ok();
        }
        let contact: Vec<(String, Json)> = ["first_name", "last_name", "phone", "email"]
            .map(|name| {
                (name.to_owned(), body["lead"].as_object_mut().unwrap().remove(name).unwrap())
            })
            .into();
        let ping =
            self.gavel.try_request("POST /v1/pings", self.vendor, &headers, body.to_string());
        let ping = ping.await.ok()?;
        if ping.text("/disposition") != "offered" {
            return Some(ping);
        }
        assert_eq!(ping.text("/offers/0/payout"), "27.00", "{}", self.point);
        let contact: serde_json::Map<String, Json> = contact.into_iter().collect();
        let post = json!({"ping_id": ping.text("/ping_id"), "lead": contact, "wait_ms": 20_000});
        let post = post.to_string();
        self.gavel.try_request("POST /v1/posts", self.vendor, &headers, post).await.ok()
    }

    /// The same request until it has its final answer.
    async fn insist(&self) -> Answer {
        until("the vendor has its final answer", async || {
            let answer = self.request().await?;
            let is_final = answer.status == 200 && answer.text("/disposition") == self.story.end.0;
            let may_wait = [202, 429, 503].contains(&answer.status);
            assert!(is_final || may_wait, "{}: {answer:?}", self.name());
            is_final.then_some(answer)
        })
        .await
    }

    fn name(&self) -> String {
        format!("{}, {}", self.story.name, self.point)
    }

    async fn play(mut self) {
        self.gavel.serve_with(&[("GAVEL_FAULT_CRASH_AT", self.point)]).await;
        let before = self.request().await;
        let name = self.name();
        until("the server dies where it was told to", async || self.gavel.has_died().then_some(()))
            .await;
        self.gavel.serve().await;
        let answer = self.insist().await;
        if let Some(before) = before.filter(|before| before.status == 200 && !is_offer(before)) {
            assert_eq!(before.body, answer.body, "{name}: an answer was taken back");
        }
        self.check_answer(&answer).await;
        let lead_id = answer.text("/lead_id");
        self.check_buyers(&lead_id);
        self.check_record(&answer).await;
        self.check_money(&lead_id).await;
    }

    /// One final answer, byte for byte, wherever it is asked for.
    async fn check_answer(&self, answer: &Answer) {
        let (disposition, payout) = self.story.end;
        let told = (answer.text("/disposition"), answer.text("/payout"));
        assert_eq!(told, (disposition.to_owned(), payout.to_owned()), "{}", self.name());
        let again = self.insist().await;
        assert_eq!(again.body, answer.body, "{}", self.name());
        assert_eq!(again.headers["idempotent-replayed"], "true", "{}", self.name());
        let path = format!("/v1/leads/{}", answer.text("/lead_id"));
        let read = self.gavel.get(&path, self.vendor).await;
        assert_eq!(read.body, answer.body, "{}", self.name());
    }

    /// By the buyers' own count: sold once, to the right one, and repeats are repeats.
    fn check_buyers(&self, lead_id: &str) {
        let name = self.name();
        let [first, second] = self.buyers.each().map(|(_, stub)| posts_of(stub, lead_id));
        for posts in [&first, &second] {
            for post in posts {
                assert_eq!(post.body, posts[0].body, "{name}: a repeat has other bytes");
                assert_eq!(post.header("webhook-id"), posts[0].header("webhook-id"), "{name}");
                assert_eq!(post.header("idempotency-key"), post.header("webhook-id"), "{name}");
            }
        }
        let taken = self.buyers.each().map(|(_, stub)| taken_of(stub, lead_id));
        let expect = match self.story.end {
            ("sold", "27.00") => [vec![300_000], vec![]],
            ("sold", _) => [vec![], vec![200_000]],
            _ => [vec![], vec![]],
        };
        assert_eq!(taken, expect, "{name}");
        assert!(!first.is_empty(), "{name}: the better bidder comes first");
        if taken[0].is_empty() {
            let sent_at = |post: &Seen| post.header("webhook-timestamp").parse::<u64>().unwrap();
            let last_of_first = first.iter().map(sent_at).max();
            let first_of_second = second.iter().map(sent_at).min();
            assert!(last_of_first <= first_of_second, "{name}: the next one was asked too early");
        } else {
            assert!(second.is_empty(), "{name}: a lead that is with one went to another");
        }
    }

    /// The record says what the answer says.
    async fn check_record(&self, answer: &Answer) {
        let (name, lead_id) = (self.name(), answer.text("/lead_id"));
        let record = until("the record is whole", async || {
            let path = format!("/v1/auctions/{lead_id}");
            let record = self.gavel.get(&path, &self.gavel.operator_key()).await.json();
            (record["state"] == "closed").then_some(record)
        })
        .await;
        assert_eq!(record["disposition"], self.story.end.0, "{name}");
        let posts = record["posts"].as_array().unwrap();
        let accepted: Vec<&Json> =
            posts.iter().filter(|post| post["outcome"] == "accepted").collect();
        assert_eq!(accepted.len(), usize::from(self.story.end.0 == "sold"), "{name}: {record}");
        let ends = ["accepted", "rejected", "given_up"];
        let definite = |post: &&Json| ends.iter().any(|it| post["outcome"] == *it);
        assert_eq!(posts.iter().filter(definite).count(), posts.len(), "{name}: {record}");
        let seats = record["money"].as_array().unwrap();
        assert_eq!(seats.len(), accepted.len(), "{name}");
        for (seat, post) in seats.iter().zip(accepted) {
            assert_eq!(
                (&seat["price"], &seat["payout"]),
                (&post["price"], &json!(self.story.end.1)),
                "{name}"
            );
        }
        let facts: Vec<&Json> =
            record["facts"].as_array().unwrap().iter().map(|fact| &fact["kind"]).collect();
        let is_given_up = !self.story.contract.is_empty();
        assert_eq!(facts, vec!["given_up"; usize::from(is_given_up)], "{name}");
    }

    /// Captures are the seats sold, nothing is held, and the book balances; the outbox is empty.
    async fn check_money(mut self, lead_id: &str) {
        let name = self.name();
        let mut debits = 0;
        for (id, stub) in self.buyers.each() {
            let balance = self.gavel.settled_balance(id).await;
            let posted = balance["posted"].as_str().unwrap().parse::<f64>().unwrap() * 10_000.0;
            let worth: i64 = taken_of(stub, lead_id).iter().sum();
            assert_eq!(posted.round() as i64, worth, "{name}: {id} pays for what it has");
            debits += worth;
        }
        until("the outbox is empty", async || {
            let metrics = self.gavel.metrics().await;
            metrics.contains("\ngavel_outbox_entries 0\n").then_some(())
        })
        .await;
        let metrics = self.gavel.metrics().await;
        for never in ["gavel_conflicts_total 0", "gavel_unheld_captures_total 0"] {
            assert!(metrics.contains(never), "{name}: not {never}");
        }
        assert_eq!(self.gavel.stop(), Some(0), "{name}: {}", self.gavel.log());
        let records = SqliteSettings::at(self.gavel.path("data/records.db"));
        let records = Sqlite::open(records).await.unwrap();
        let book = records.book_totals().await.unwrap();
        records.close().await;
        let margin = debits / 10;
        assert_eq!((book.buyer_debits, book.vendor_payouts), (debits, debits - margin), "{name}");
    }
}

fn is_offer(answer: &Answer) -> bool {
    answer.text("/disposition") == "offered"
}

/// What a story's auctions in flight are kept in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Embedded,
    Redis,
}

impl Store {
    /// Starts what `gavel` needs, and tells it.
    fn start(self, gavel: &mut Installation) -> Option<RedisServer> {
        if self == Self::Embedded {
            return None;
        }
        let server = RedisServer::start(&DURABLE);
        let urls = format!("[\"{}\"]", server.url());
        gavel.set(&[
            ("store.kind", "redis"),
            ("store.single_node", "true"),
            ("store.urls", &urls),
            // Nobody proves that an owner is dead: its leases have to end.
            ("lease_ms", "2000"),
            ("renew_ms", "500"),
        ]);
        Some(server)
    }
}

async fn play(story: Story) {
    play_on(Store::Embedded, story).await;
}

async fn play_on(store: Store, story: Story) {
    let script =
        |price: &str, on_post: &OnPost| Script::always(Reply::bid(price)).on_post(on_post.clone());
    let buyers = Buyers {
        first: buyer(script("30.00", &story.first)).await,
        second: buyer(script("20.00", &story.second)).await,
    };
    let mut limits = vec![("post_ms", "1000")];
    limits.extend(story.auction_ms.map(|auction_ms| ("auction_ms", auction_ms)));
    let mut laid_out = Installation::start(&limits).await;
    let files = [("first", &buyers.first, story.contract), ("second", &buyers.second, "")];
    let tree = "margin_percent = \"10\"\nduplicate_window_s = 3600\n";
    laid_out.apply(&exchange(&files, tree));
    let vendor = laid_out.key("vendor", "acme", &[]);
    assert_eq!(laid_out.stop(), Some(0));
    let points = story.points();
    assert!(points.len() >= 10, "{}", story.name);
    let cases = points.iter().map(|point| {
        let mut gavel = laid_out.copy();
        let redis = store.start(&mut gavel);
        Case { story: &story, point, buyers: &buyers, vendor: &vendor, gavel, _redis: redis }
    });
    let played = futures::stream::iter(cases).map(Case::play).buffer_unordered(AT_ONCE);
    assert_eq!(played.count().await, points.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_of_a_sale_loses_nothing_and_sells_once() {
    play(accepted()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_around_a_refusal_asks_the_next_one_only_after_it() {
    play(rejected_then_the_next()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_of_a_lead_that_all_refuse_leaves_nothing_held() {
    play(rejected_by_all()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_around_an_unknown_post_goes_to_nobody_else() {
    play(unknown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_between_ping_and_post_keeps_the_offer_and_its_payout() {
    play(pinged_then_posted()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_step_of_the_round_after_a_post_given_up_still_asks_everybody_else() {
    play(given_up_then_resold()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_crash_at_any_step_of_a_sale_loses_nothing_and_sells_once() {
    play_on(Store::Redis, accepted()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_crash_at_any_step_around_a_refusal_asks_the_next_one_only_after_it() {
    play_on(Store::Redis, rejected_then_the_next()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_crash_at_any_step_around_an_unknown_post_goes_to_nobody_else() {
    play_on(Store::Redis, unknown()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_redis_a_crash_at_any_step_between_ping_and_post_keeps_the_offer_and_its_payout() {
    play_on(Store::Redis, pinged_then_posted()).await;
}
