use std::sync::Mutex;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::*;
use crate::ports::buyer_wire::{WireError, WireOutcome, WireReply};
use crate::signing::{SignatureHeaders, SigningSecret, Tolerance};
use crate::system::{FixedClock, SeededEntropy};

/// An endpoint that answers by `answer` and keeps what it was sent.
struct Endpoint<F> {
    answer: F,
    seen: Mutex<Vec<WireRequest>>,
}

impl<F> BuyerWire for Endpoint<F>
where
    F: Fn(&Json) -> Result<WireReply, WireFailure> + Send + Sync + 'static,
{
    fn call(&self, request: WireRequest) -> BoxFuture<'_, WireOutcome> {
        let body = serde_json::from_slice(&request.body).expect("a challenge is JSON");
        let result = (self.answer)(&body).map_err(|failure| {
            let status = None;
            WireError { failure, sent: false, status }
        });
        self.seen.lock().unwrap().push(request);
        async move { WireOutcome { result, elapsed_us: 1 } }.boxed()
    }
}

fn reply(status: u16, body: &Json) -> Result<WireReply, WireFailure> {
    Ok(WireReply { status, headers: Vec::new(), body: body.to_string().into() })
}

fn secret() -> SigningSecret {
    SigningSecret::mint([3; 32])
}

fn noon() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

/// Challenges an endpoint twice; gives the second result, which must be as the first, and the calls.
async fn challenged(
    answer: impl Fn(&Json) -> Result<WireReply, WireFailure> + Send + Sync + 'static,
) -> (Result<(), ChallengeFailure>, Vec<WireRequest>) {
    let endpoint = Endpoint { answer, seen: Mutex::default() };
    let challenger = Challenger {
        wire: &endpoint,
        clock: &FixedClock::at(noon()),
        entropy: &SeededEntropy::new(9),
        patience: Duration::from_secs(5),
    };
    let callee =
        Callee::Campaign { buyer: "acme".parse().unwrap(), campaign: "acme-tx".parse().unwrap() };
    let keys = SigningKeys::of(&secret());
    let (field, url) = ("ping_url", "https://acme.example/ping");
    let order = ChallengeOrder { callee: &callee, field, url, keys: &keys };
    let first = challenger.challenge(order).await;
    let second = challenger.challenge(order).await;
    assert_eq!(first, second);
    (second, endpoint.seen.into_inner().unwrap())
}

#[tokio::test]
async fn an_endpoint_that_says_the_challenge_back_passes() {
    let (passed, calls) =
        challenged(|body| reply(200, &json!({"challenge": body["challenge"]}))).await;
    assert_eq!(passed, Ok(()));
    let [first, second] = &*calls else { panic!("two challenges, two calls") };
    assert_ne!(first.body, second.body, "each challenge has another text");
    for call in [first, second] {
        let header = |name: &str| {
            call.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        let headers = SignatureHeaders {
            id: header("webhook-id").unwrap(),
            timestamp: header("webhook-timestamp").unwrap(),
            signature: header("webhook-signature").unwrap(),
        };
        let tolerance = Tolerance::default();
        let keys = SigningKeys::of(&secret());
        let now_s = noon().as_second();
        signing::verify(&keys, headers, &call.body, now_s, tolerance).unwrap();
        assert!(header("webhook-id").unwrap().starts_with("chal_"));
        assert_eq!(header("content-type"), Some("application/json"));
        assert_eq!((call.class, &*call.method), (CallClass::Challenge, "POST"));
        assert_eq!(call.url, "https://acme.example/ping");
    }
    let ids: Vec<_> = calls.iter().map(|call| &call.headers[0]).collect();
    assert_ne!(ids[0], ids[1], "each challenge has an id of its own");
}

#[tokio::test]
async fn an_endpoint_that_does_anything_else_fails_and_its_owner_is_told_in_general_terms() {
    let check = async |answer: Result<WireReply, WireFailure>, reason: &str, code: &str| {
        let (passed, _) = challenged(move |_| answer.clone()).await;
        let failure = passed.unwrap_err();
        assert_eq!((&*failure.reason(), failure.code()), (reason, code));
    };
    let unreachable = "challenge_unreachable";
    for failure in [
        WireFailure::Refused,
        WireFailure::Dns,
        WireFailure::Connect,
        WireFailure::Tls,
        WireFailure::Bulkhead,
        WireFailure::Broken,
        WireFailure::Oversized,
    ] {
        check(Err(failure), failure.as_str(), unreachable).await;
    }
    check(Err(WireFailure::Timeout), "timeout", "challenge_timeout").await;
    let wrong = "challenge_wrong_answer";
    check(reply(302, &json!({})), "it answered with status 302 instead of 200", wrong).await;
    check(
        reply(200, &json!({"challenge": "abc"})),
        "it answered with another challenge than the one that was sent",
        wrong,
    )
    .await;
    let texts = |failure: ChallengeFailure| failure.public_text();
    assert_eq!(
        texts(ChallengeFailure::Call(WireFailure::Refused)),
        texts(ChallengeFailure::Call(WireFailure::Connect)),
        "an owner cannot find out which addresses are refused"
    );
}
