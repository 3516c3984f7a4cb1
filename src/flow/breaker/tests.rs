use std::time::Duration;

use super::*;
use crate::domain::bid::NoBid;
use crate::domain::post::{Acceptance, PostOutcome};
use crate::ports::buyer_wire::{WireError, WireFailure, WireOutcome, WireReply};

fn reply(status: u16) -> WireOutcome {
    let reply = WireReply { status, headers: Vec::new(), body: bytes::Bytes::new() };
    WireOutcome { result: Ok(reply), elapsed_us: 1 }
}

fn failure(failure: WireFailure) -> WireOutcome {
    let error = WireError { failure, sent: true, status: None };
    WireOutcome { result: Err(error), elapsed_us: 1 }
}

#[test]
fn an_endpoint_that_answers_works_whatever_it_answers() {
    use CallResult::{Answered, Failed, Late, TimedOut};
    let cases = [
        (reply(200), Ok(Vec::new()), Some(Answered)),
        (reply(204), Err(NoBid::Declined), Some(Answered)),
        (reply(200), Err(NoBid::Empty), Some(Answered)),
        (reply(200), Err(NoBid::InvalidPrice), Some(Answered)),
        (reply(200), Err(NoBid::AboveMaxBid), Some(Answered)),
        (reply(403), Err(NoBid::HttpStatus), Some(Answered)),
        (reply(429), Err(NoBid::HttpStatus), Some(Failed)),
        (reply(503), Err(NoBid::HttpStatus), Some(Failed)),
        (reply(302), Err(NoBid::Redirect), Some(Failed)),
        (reply(200), Err(NoBid::Malformed), Some(Failed)),
        (reply(200), Err(NoBid::Compressed), Some(Failed)),
        (failure(WireFailure::Oversized), Err(NoBid::Oversized), Some(Failed)),
        (failure(WireFailure::Timeout), Err(NoBid::Timeout), Some(TimedOut)),
        (failure(WireFailure::Connect), Err(NoBid::NotSent), Some(Failed)),
        (failure(WireFailure::Tls), Err(NoBid::NotSent), Some(Failed)),
        (failure(WireFailure::Bulkhead), Err(NoBid::NotSent), None),
    ];
    for (outcome, bids, expect) in cases {
        assert_eq!(ping_result(&outcome, &bids, false), expect, "{bids:?}");
        let is_reply = outcome.result.is_ok();
        let late = if is_reply { Some(Late) } else { expect };
        assert_eq!(ping_result(&outcome, &bids, true), late, "{bids:?}, late");
    }
}

#[test]
fn a_post_that_was_answered_readably_speaks_for_the_endpoint() {
    use CallResult::{Answered, Failed, TimedOut};
    let accepted = PostOutcome::Accepted(Acceptance { buyer_lead_id: None, redirect_url: None });
    let rejected = || PostOutcome::Rejected { reason: "duplicate".to_owned() };
    let unknown = || PostOutcome::Unknown { reason: "unmatched".to_owned() };
    let not_sent = || PostOutcome::NotSent { reason: "http_429".to_owned() };
    let cases = [
        (reply(200), accepted, Some(Answered)),
        (reply(200), rejected(), Some(Answered)),
        (reply(404), rejected(), Some(Answered)),
        (reply(200), unknown(), Some(Failed)),
        (reply(500), unknown(), Some(Failed)),
        (reply(429), not_sent(), Some(Failed)),
        (failure(WireFailure::Broken), unknown(), Some(Failed)),
        (failure(WireFailure::Timeout), unknown(), Some(TimedOut)),
        (failure(WireFailure::Bulkhead), not_sent(), None),
    ];
    for (outcome, post, expect) in cases {
        assert_eq!(post_result(&outcome, &post), expect, "{post:?}");
    }
}

fn campaign(ping_url: Option<&str>) -> CompiledCampaign {
    let file = toml::from_str(&format!(
        "vertical = \"solar\"\nbuyer_id = \"life-co\"\npost_url = \"https://b.example/post\"\n{}",
        match ping_url {
            Some(url) => format!("ping_url = \"{url}\"\nprice = {{ bid = {{}} }}"),
            None => "price = { fixed = \"5.00\" }".to_owned(),
        }
    ));
    let secret = crate::signing::SigningSecret::parse(&format!("whsec_{}", "A".repeat(43) + "="));
    CompiledCampaign {
        id: CampaignId::parse("life-tx").unwrap(),
        buyer_id: BuyerId::parse("life-co").unwrap(),
        campaign: file.unwrap(),
        buyer: Arc::new(toml::from_str("name = \"Life Co\"").unwrap()),
        state: crate::domain::campaign::CampaignState::Active,
        filter: None,
        secrets: crate::signing::SigningKeys::of(&secret.unwrap()),
        profile: None,
    }
}

struct Bench {
    breakers: Breakers,
    entropy: crate::system::SeededEntropy,
    campaign: CompiledCampaign,
}

impl Bench {
    fn new() -> Self {
        let limits = Limits { breaker_ping_sample_min: 2, ..Limits::default() };
        Self {
            breakers: Breakers::new(&limits, Arc::new(Metrics::new())),
            entropy: crate::system::SeededEntropy::new(1),
            campaign: campaign(Some("https://b.example/ping")),
        }
    }

    fn ping(&self, result: CallResult) -> Option<SkipReason> {
        match self.breakers.admit(&self.campaign, BreakerCall::Ping, &self.entropy) {
            Ok(ticket) => {
                ticket.report(Some(result));
                None
            }
            Err(reason) => Some(reason),
        }
    }

    fn view(&self, call: BreakerCall) -> BreakerView {
        self.breakers.view(&self.campaign, call, Timestamp::UNIX_EPOCH)
    }

    fn metrics(&self, name: &str) -> Vec<String> {
        let text = self.breakers.shared.metrics.render();
        text.lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn pings_and_posts_have_a_breaker_each() {
    let bench = Bench::new();
    bench.ping(CallResult::Failed);
    bench.ping(CallResult::Failed);
    assert_eq!(bench.ping(CallResult::Answered), Some(SkipReason::BreakerOpen));
    let post = bench.breakers.admit(&bench.campaign, BreakerCall::Post, &bench.entropy);
    assert!(post.is_ok());
    let expect = BreakerView {
        campaign_id: bench.campaign.id.clone(),
        buyer_id: bench.campaign.buyer_id.clone(),
        call: BreakerCall::Ping,
        state: BreakerState::Open,
        since: Timestamp::UNIX_EPOCH,
        retry_at: Some("1970-01-01T00:00:05Z".parse().unwrap()),
        throttled: false,
        calls: 2,
        failures: 2,
        timeouts: 0,
        forced: None,
    };
    assert_eq!(bench.view(BreakerCall::Ping), expect);
    assert_eq!(bench.view(BreakerCall::Post).state, BreakerState::Closed);
    let labels = r#"{call="ping",campaign="life-tx"}"#;
    let state = |value: u8| vec![format!("gavel_breaker_state{labels} {value}")];
    assert_eq!(bench.metrics("gavel_breaker_state{call=\"ping\""), state(2));
    tokio::time::advance(Duration::from_secs(5)).await;
    bench.breakers.count();
    assert_eq!(bench.metrics("gavel_breaker_state{call=\"ping\""), state(1));
    assert_eq!(
        bench.metrics("gavel_breaker_opened_total"),
        [format!("gavel_breaker_opened_total{labels} 1")]
    );
    let skipped =
        r#"gavel_calls_skipped_total{call="ping",campaign="life-tx",reason="breaker_open"} 1"#;
    assert_eq!(bench.metrics("gavel_calls_skipped_total"), [skipped]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_given_up_gives_its_place_back() {
    let bench = Bench::new();
    bench.ping(CallResult::Failed);
    bench.ping(CallResult::Failed);
    tokio::time::advance(Duration::from_secs(5)).await;
    for _ in 0..10 {
        let ticket = bench.breakers.admit(&bench.campaign, BreakerCall::Ping, &bench.entropy);
        drop(ticket.unwrap_or_else(|reason| panic!("{reason:?}")));
    }
    for _ in 0..3 {
        assert_eq!(bench.ping(CallResult::Answered), None);
    }
    assert_eq!(bench.view(BreakerCall::Ping).state, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn another_url_is_another_endpoint() {
    let mut bench = Bench::new();
    bench.ping(CallResult::Failed);
    bench.ping(CallResult::Failed);
    bench.campaign = campaign(Some("https://new.example/ping"));
    assert_eq!(bench.view(BreakerCall::Ping).state, BreakerState::Closed);
    assert_eq!(bench.ping(CallResult::Answered), None);
}

#[tokio::test(start_paused = true)]
async fn an_order_holds_until_it_ends_or_is_taken_back() {
    let bench = Bench::new();
    let order = |state: ForcedState, note: Option<&str>| {
        let order = Order { state, for_s: 60, note: note.map(str::to_owned) };
        bench.breakers.force(&bench.campaign, BreakerCall::Ping, Some(order), "op12345");
    };
    order(ForcedState::Open, Some("they asked for it"));
    assert_eq!(bench.ping(CallResult::Answered), Some(SkipReason::BreakerOpen));
    let expect = ForcedView {
        state: ForcedState::Open,
        until: "1970-01-01T00:01:00Z".parse().unwrap(),
        by: Some("op12345".to_owned()),
        note: Some("they asked for it".to_owned()),
    };
    assert_eq!(bench.view(BreakerCall::Ping).forced, Some(expect));
    assert_eq!(bench.view(BreakerCall::Ping).state, BreakerState::Open);
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(bench.view(BreakerCall::Ping).forced, None);
    assert_eq!(bench.ping(CallResult::Answered), None);
    // Closed by order: calls go out however many fail, and what fails is still counted.
    order(ForcedState::Closed, None);
    for _ in 0..9 {
        assert_eq!(bench.ping(CallResult::Failed), None);
    }
    assert_eq!(bench.view(BreakerCall::Ping).state, BreakerState::Closed);
    bench.breakers.force(&bench.campaign, BreakerCall::Ping, None, "op12345");
    assert_eq!(bench.ping(CallResult::Failed), Some(SkipReason::BreakerOpen));
}
