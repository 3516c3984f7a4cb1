use gavel::demo::stub_buyer::{OnPost, Reply, Script, Seen};
use standardwebhooks::Webhook;

use crate::support::{Installation, buyer, exchange, keys, lead};

fn headers(seen: &Seen) -> http::HeaderMap {
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    names
        .into_iter()
        .map(|name| {
            let value = http::HeaderValue::from_str(seen.header(name)).unwrap();
            (http::HeaderName::from_static(name), value)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pings_and_posts_verify_with_an_independent_library() {
    let silent_first = OnPost::AcceptButAnswer(Reply::silence(), 1);
    let forgetful = buyer(Script::always(Reply::bid("8.00")).on_post(silent_first)).await;
    let gavel = Installation::start(&[("post_ms", "1200")]).await;
    let secrets = gavel.apply(&exchange(&[("forgetful", &forgetful, "")], ""));
    let secret = &secrets["forgetful-fe"];
    forgetful.expect_signatures(keys(secret));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = gavel.post_json("/v1/leads", &vendor, &lead(1)).await;
    let answer = gavel.final_answer(&vendor, &answer.text("/lead_id")).await;
    assert_eq!(answer.text("/disposition"), "sold");

    let verifier = Webhook::new(secret).unwrap();
    let stranger = Webhook::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let (pings, posts) = (forgetful.pings(), forgetful.posts());
    assert_eq!((pings.len(), posts.len()), (1, 2));
    for seen in pings.iter().chain(&posts) {
        verifier.verify(&seen.body, &headers(seen)).expect("the genuine request verifies");
        let mut altered = seen.body.to_vec();
        altered[10] ^= 1;
        assert!(verifier.verify(&altered, &headers(seen)).is_err(), "an altered body");
        let mut stale = headers(seen);
        let then: i64 = seen.header("webhook-timestamp").parse().unwrap();
        stale.insert("webhook-timestamp", (then - 301).to_string().parse().unwrap());
        assert!(verifier.verify(&seen.body, &stale).is_err(), "a stale timestamp");
        assert!(stranger.verify(&seen.body, &headers(seen)).is_err(), "a wrong secret");
        assert!(seen.header("gavel-deadline-ms").parse::<u64>().unwrap() <= 2_000);
    }
    let signed_at = |seen: &Seen| seen.header("webhook-timestamp").parse::<i64>().unwrap();
    assert!(signed_at(&posts[1]) > signed_at(&posts[0]), "each attempt is signed anew");
    assert_eq!(posts[0].header("webhook-id"), posts[1].header("webhook-id"));
    assert_eq!(forgetful.bad_signatures(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_must_sign_is_refused_without_and_taken_with_a_signature() {
    let taker = buyer(Script::always(Reply::bid("8.00"))).await;
    let gavel = Installation::start(&[]).await;
    gavel.apply(&exchange(&[("taker", &taker, "")], ""));
    let printed = gavel.gavel_ok(&[
        "key",
        "create",
        "--role",
        "vendor",
        "--owner",
        "acme",
        "--require-signature",
    ]);
    let lines: Vec<&str> = printed.lines().collect();
    let (key, secret) = (lines[0].trim(), lines[1].trim());
    let unsigned = gavel.post_json("/v1/leads", key, &lead(1)).await;
    assert_eq!((unsigned.status, unsigned.text("/code")), (401, "invalid_signature".to_owned()));
    let body = lead(1).to_string();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64;
    let signer = Webhook::new(secret).unwrap();
    let send = async |id: &str, at: i64, signature: &str| {
        let at = at.to_string();
        let headers = [
            ("content-type", "application/json"),
            ("webhook-id", id),
            ("webhook-timestamp", at.as_str()),
            ("webhook-signature", signature),
        ];
        gavel.request("POST /v1/leads", key, &headers, body.clone()).await.status
    };
    let sign = |id: &str, at: i64| signer.sign(id, at, body.as_bytes()).unwrap();
    assert_eq!(send("msg_1", now, &sign("msg_1", now)).await, 200);
    assert_eq!(send("msg_2", now, &sign("msg_3", now)).await, 401);
    assert_eq!(send("msg_4", now - 400, &sign("msg_4", now - 400)).await, 401);
}
