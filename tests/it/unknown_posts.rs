use gavel::demo::stub_buyer::{OnPost, Reply, Script};
use serde_json::{Value as Json, json};

use crate::support::{Installation, buyer, exchange, lead, until};

fn forgets(times: usize) -> Script {
    forgets_by_saying(Reply::silence(), times)
}

fn forgets_by_saying(reply: Reply, times: usize) -> Script {
    Script::always(Reply::bid("30.00")).on_post(OnPost::AcceptButAnswer(reply, times))
}

fn post_results(record: &Json) -> Vec<Json> {
    let post = |post: &Json| json!([post["campaign_id"], post["outcome"]]);
    record["posts"].as_array().unwrap().iter().map(post).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_times_out_goes_to_nobody_else_and_resolves_with_an_idempotent_buyer() {
    let forgetful = buyer(forgets(2)).await;
    let second = buyer(Script::always(Reply::bid("29.00"))).await;
    let gavel = Installation::start(&[("post_ms", "600")]).await;
    gavel.apply(&exchange(&[("forgetful", &forgetful, ""), ("second", &second, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let mut body = lead(1);
    body["wait_ms"] = json!(100);
    let answer = gavel.post_json("/v1/leads", &vendor, &body).await;
    assert_eq!((answer.status, answer.text("/disposition")), (202, "pending".to_owned()));
    let lead_id = answer.text("/lead_id");
    let answer = gavel.final_answer(&vendor, &lead_id).await;
    assert_eq!(
        (answer.text("/disposition"), answer.text("/payout")),
        ("sold".into(), "30.00".into())
    );

    let posts = forgetful.posts();
    assert!(posts.len() >= 3, "two without an answer, one with: {}", posts.len());
    for post in &posts {
        assert_eq!(post.body, posts[0].body, "a repeat sends the same bytes");
        assert_eq!(post.header("webhook-id"), posts[0].header("webhook-id"));
        assert_eq!(post.header("idempotency-key"), posts[0].header("idempotency-key"));
    }
    assert_eq!((forgetful.taken().len(), second.posts().len()), (1, 0));
    assert_eq!(gavel.settled_balance("forgetful").await["posted"], "30.00");
    assert_eq!(gavel.settled_balance("second").await["posted"], "0.00");
    assert_eq!(post_results(&gavel.record(&lead_id).await), [json!(["forgetful-fe", "accepted"])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queryable_buyer_is_asked_and_never_posted_to_again() {
    let forgetful = buyer(forgets(1_000)).await;
    let second = buyer(Script::always(Reply::bid("29.00"))).await;
    let gavel = Installation::start(&[("post_ms", "400")]).await;
    let queryable = "post_semantics = \"queryable\"";
    gavel.apply(&exchange(&[("forgetful", &forgetful, queryable), ("second", &second, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    let answer = gavel.final_answer(&vendor, &answer.text("/lead_id")).await;
    assert_eq!(
        (answer.text("/disposition"), answer.text("/payout")),
        ("sold".into(), "30.00".into())
    );
    assert_eq!((forgetful.posts().len(), second.posts().len()), (1, 0));
    assert!(!forgetful.inquiries().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_word_settles_a_post_that_may_not_be_repeated() {
    let forgetful = buyer(forgets(1_000)).await;
    let gavel = Installation::start(&[("post_ms", "300")]).await;
    let once = "post_semantics = \"at_most_once\"";
    gavel.apply(&exchange(&[("forgetful", &forgetful, once)], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let operator = gavel.operator_key();
    let resolve = async |post_id: &str, result: &str| {
        let path = format!("/v1/posts/{post_id}/resolve");
        let body = json!({"result": result, "note": "the buyer said so"});
        let answer = gavel.post_json(&path, &operator, &body).await;
        (answer.status, answer.json())
    };
    for (number, result, disposition) in [(1, "accepted", "sold"), (2, "rejected", "unsold")] {
        let answer = gavel.post_json("/v1/leads", &vendor, &lead(number)).await;
        assert_eq!((answer.status, answer.text("/disposition")), (202, "pending".into()));
        let lead_id = answer.text("/lead_id");
        let record = until("the post is recorded as unknown", async || {
            let record = gavel.record(&lead_id).await;
            (record["posts"][0]["outcome"] == "unknown").then_some(record)
        })
        .await;
        let post_id = record["posts"][0]["post_id"].as_str().unwrap();
        let settled = until("nobody else is at it", async || {
            let (status, body) = resolve(post_id, result).await;
            (status != 503).then_some((status, body))
        })
        .await;
        assert_eq!(settled, (200, json!({"post_id": post_id, "outcome": result})));
        let answer = gavel.final_answer(&vendor, &lead_id).await;
        assert_eq!(answer.text("/disposition"), disposition);
        let again = resolve(post_id, result).await;
        assert_eq!((again.0, again.1["code"].as_str()), (409, Some("already_resolved")));
    }
    assert_eq!(forgetful.posts().len(), 2, "at most once means once");
    assert_eq!(gavel.settled_balance("forgetful").await["posted"], "30.00");
    let unknown = format!("post_{}", "0".repeat(28));
    assert_eq!(resolve(&unknown, "accepted").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_window_nobody_is_billed_and_the_lead_is_not_resold() {
    let forgetful = buyer(forgets(1_000)).await;
    let second = buyer(Script::always(Reply::bid("29.00"))).await;
    let gavel = Installation::start(&[
        ("post_ms", "300"),
        ("ping_round_ms", "1000"),
        ("auction_ms", "2000"),
        ("unresolved_after_s", "2"),
    ])
    .await;
    let once = "post_semantics = \"at_most_once\"";
    gavel.apply(&exchange(&[("forgetful", &forgetful, once), ("second", &second, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    let answer = gavel.final_answer(&vendor, &answer.text("/lead_id")).await;
    assert_eq!(
        (answer.text("/disposition"), answer.text("/payout")),
        ("unresolved".into(), "0.00".into())
    );
    assert_eq!(second.posts().len(), 0);
    assert_eq!(gavel.settled_balance("forgetful").await["posted"], "0.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contract_that_allows_it_gives_the_seat_to_the_next_after_a_while() {
    let forgetful = buyer(forgets(1_000)).await;
    let second = buyer(Script::always(Reply::bid("29.00"))).await;
    let gavel = Installation::start(&[("post_ms", "300")]).await;
    let resell = "post_semantics = \"at_most_once\"\non_unknown = { resell_after_s = 1 }";
    gavel.apply(&exchange(&[("forgetful", &forgetful, resell), ("second", &second, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    let lead_id = answer.text("/lead_id");
    let answer = gavel.final_answer(&vendor, &lead_id).await;
    assert_eq!(
        (answer.text("/disposition"), answer.text("/payout")),
        ("sold".into(), "29.00".into())
    );
    assert_eq!(gavel.settled_balance("forgetful").await["posted"], "0.00");
    let record = gavel.record(&lead_id).await;
    assert_eq!(
        post_results(&record),
        [json!(["forgetful-fe", "given_up"]), json!(["second-fe", "accepted"])]
    );
    assert_eq!(record["facts"][0]["kind"], "given_up", "the risk taken is on record");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_whose_time_is_up_waits_for_one_look_at_the_store_and_no_more() {
    let vague = buyer(forgets_by_saying(Reply::json(&json!({ "what": "ever" })), 1_000)).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("vague", &vague, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let mut body = lead(1);
    body["wait_ms"] = json!(300);
    let answer = gavel.post_json("/v1/leads", &vendor, &body).await;
    assert_eq!((answer.status, answer.text("/disposition")), (202, "pending".to_owned()));
    let metrics = gavel.metrics().await;
    let looks = metrics
        .lines()
        .find_map(|line| line.strip_prefix("gavel_store_seconds_count{operation=\"read\"} "));
    // The post is unknown at once, and its repeat is half a second away: nobody works on the lead.
    assert_eq!((vague.posts().len(), looks), (1, Some("1")));
}
