use serde_json::{Value, json};

use super::*;
use crate::domain::ids::Partition;

fn lead_id() -> LeadId {
    LeadId::new(Partition(3), 0x0193_5b1c_7a2e_7abc_8def_0123_4567_89ab)
}

fn at(second: &str) -> Timestamp {
    format!("2026-11-23T14:00:{second}Z").parse().unwrap()
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn campaign(text: &str) -> CampaignId {
    CampaignId::parse(text).unwrap()
}

fn buyer(text: &str) -> BuyerId {
    BuyerId::parse(text).unwrap()
}

fn candidate(name: &str, verdict: CandidateVerdict, rule: Option<&str>) -> CandidateRecord {
    let is_pinged = verdict == CandidateVerdict::Pinged;
    CandidateRecord {
        campaign_id: campaign(name),
        buyer_id: buyer(&format!("{name}-life")),
        tier: 1,
        verdict,
        rule: rule.map(str::to_owned),
        fields_sent: if is_pinged { vec!["state".to_owned(), "zip3".to_owned()] } else { vec![] },
        disclosed: if is_pinged { vec!["age".to_owned()] } else { vec![] },
        lost_reason: None,
        rank: None,
        ping: None,
        bid: None,
    }
}

/// `alder` is excluded, `birch` and `cedar` are pinged, `doum` has a fixed price.
fn opened() -> Part {
    Part::Opened(Opened {
        lead_id: lead_id(),
        vendor_id: VendorId::parse("acme").unwrap(),
        vertical: VerticalId::parse("final_expense").unwrap(),
        registry_version: 7,
        floor: money("10"),
        test: false,
        received_at: at("00.25"),
        candidates: vec![
            candidate("alder", CandidateVerdict::Excluded, Some("filter:state")),
            candidate("birch", CandidateVerdict::Pinged, None),
            candidate("cedar", CandidateVerdict::Pinged, None),
            candidate("doum", CandidateVerdict::FixedPrice, None),
        ],
    })
}

fn ping(number: u128, reason: Option<NoBid>) -> PingRecord {
    PingRecord {
        ping_id: PingId::new(number),
        result: if reason.is_none() { PingResult::Bid } else { PingResult::NoBid },
        reason,
        detail: None,
        words: None,
        http_status: if reason.is_none() { Some(200) } else { None },
        elapsed_ms: 40,
    }
}

fn bid(number: u128, price: &str) -> BidRecord {
    BidRecord {
        bid_id: BidId::new(number),
        price: money(price),
        effective_price: money(price),
        seats: SeatsWanted::Exclusive,
        phone_number: None,
    }
}

/// `birch` bids 24.50, `doum` stands at 12.00, `cedar` does not answer.
fn ranked() -> Part {
    let result = |name: &str, ping, bid, rank| RoundResult {
        campaign_id: campaign(name),
        ping,
        bid,
        rank,
        lost_reason: None,
    };
    Part::Ranked(Ranked {
        round: 1,
        results: vec![
            result("birch", Some(ping(1, None)), Some(bid(1, "24.5")), Some(1)),
            result("cedar", Some(ping(2, Some(NoBid::Timeout))), None, None),
            result("doum", None, Some(bid(2, "12")), Some(2)),
        ],
    })
}

fn posted(name: &str, k: u16, outcome: PostResult, second: &str) -> Part {
    let result = match outcome {
        PostResult::Accepted | PostResult::Conflict => "accepted",
        PostResult::Rejected => "rejected",
        _ => "timeout",
    };
    let reason = match outcome {
        PostResult::Accepted => None,
        PostResult::Rejected => Some("duplicate".to_owned()),
        _ => Some(result.to_owned()),
    };
    Part::Posted(PostRecord {
        post_id: PostId::new(Partition(3), u128::from(k)),
        seat: 1,
        k,
        campaign_id: campaign(name),
        buyer_id: buyer(&format!("{name}-life")),
        price: money(if k == 0 { "24.5" } else { "12" }),
        outcome,
        reason,
        attempts: vec![PostAttempt {
            at: at(second),
            result: result.to_owned(),
            words: None,
            http_status: if result == "timeout" { None } else { Some(200) },
            elapsed_ms: 90,
        }],
    })
}

fn closed(disposition: Disposition, reason: Option<Reason>, money: Vec<SeatMoney>) -> Part {
    Part::Closed(Closed {
        disposition,
        reason,
        closed_at: at("02"),
        elapsed_ms: 1_750,
        overhead_ms: 12,
        money,
    })
}

fn sold() -> Part {
    let seat =
        SeatMoney { seat: 1, price: money("12"), margin: money("1.5"), payout: money("10.5") };
    closed(Disposition::Sold, None, vec![seat])
}

fn fact(kind: &str) -> Part {
    Part::Fact(Fact {
        kind: kind.to_owned(),
        at: at("09"),
        post_id: Some(PostId::new(Partition(3), 0)),
        note: None,
        outcome: None,
    })
}

fn assembled(parts: Vec<Part>) -> AuctionRecord {
    AuctionRecord::assemble(parts).unwrap()
}

fn lost(record: &AuctionRecord) -> Vec<(&str, Option<Lost>)> {
    record.candidates.iter().map(|one| (one.campaign_id.as_str(), one.lost_reason)).collect()
}

fn sold_candidates() -> Value {
    json!([
        {
            "campaign_id": "alder", "buyer_id": "alder-life", "tier": 1,
            "verdict": "excluded", "rule": "filter:state", "fields_sent": [], "disclosed": [],
            "lost_reason": null, "rank": null, "ping": null, "bid": null
        },
        {
            "campaign_id": "birch", "buyer_id": "birch-life", "tier": 1,
            "verdict": "pinged", "rule": null,
            "fields_sent": ["state", "zip3"], "disclosed": ["age"],
            "lost_reason": "post_rejected", "rank": 1,
            "ping": {
                "ping_id": "ping_00000000000000000000000001", "result": "bid", "reason": null,
                "http_status": 200, "elapsed_ms": 40
            },
            "bid": {
                "bid_id": "bid_00000000000000000000000001", "price": "24.50",
                "effective_price": "24.50", "seats": "exclusive"
            }
        },
        {
            "campaign_id": "cedar", "buyer_id": "cedar-life", "tier": 1,
            "verdict": "pinged", "rule": null,
            "fields_sent": ["state", "zip3"], "disclosed": ["age"],
            "lost_reason": null, "rank": null,
            "ping": {
                "ping_id": "ping_00000000000000000000000002", "result": "no_bid",
                "reason": "timeout", "http_status": null, "elapsed_ms": 40
            },
            "bid": null
        },
        {
            "campaign_id": "doum", "buyer_id": "doum-life", "tier": 1,
            "verdict": "fixed_price", "rule": null, "fields_sent": [], "disclosed": [],
            "lost_reason": null, "rank": 2, "ping": null,
            "bid": {
                "bid_id": "bid_00000000000000000000000002", "price": "12.00",
                "effective_price": "12.00", "seats": "exclusive"
            }
        }
    ])
}

#[test]
fn a_sold_auction_reads_as_the_api_shows_it() {
    let record = assembled(vec![
        opened(),
        ranked(),
        posted("birch", 0, PostResult::Rejected, "01"),
        posted("doum", 1, PostResult::Accepted, "01.5"),
        sold(),
    ]);
    let expected = json!({
        "id": lead_id().auction_id(), "lead_id": lead_id().to_string(), "vendor_id": "acme",
        "vertical": "final_expense", "registry_version": 7, "state": "closed",
        "disposition": "sold", "reason": null, "floor": "10.00", "test": false,
        "received_at": "2026-11-23T14:00:00.25Z", "closed_at": "2026-11-23T14:00:02Z",
        "elapsed_ms": 1750, "overhead_ms": 12,
        "candidates": sold_candidates(),
        "posts": [
            {
                "post_id": "post_0300000000000000000000000000", "seat": 1, "k": 0,
                "campaign_id": "birch", "buyer_id": "birch-life", "price": "24.50",
                "outcome": "rejected", "reason": "duplicate",
                "attempts": [{
                    "at": "2026-11-23T14:00:01Z", "result": "rejected", "http_status": 200,
                    "elapsed_ms": 90
                }]
            },
            {
                "post_id": "post_0300000000000000000000000001", "seat": 1, "k": 1,
                "campaign_id": "doum", "buyer_id": "doum-life", "price": "12.00",
                "outcome": "accepted", "reason": null,
                "attempts": [{
                    "at": "2026-11-23T14:00:01.5Z", "result": "accepted", "http_status": 200,
                    "elapsed_ms": 90
                }]
            }
        ],
        "money": [{"seat": 1, "price": "12.00", "margin": "1.50", "payout": "10.50"}],
        "facts": []
    });
    assert_eq!(serde_json::to_value(&record).unwrap(), expected);
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<AuctionRecord>(&text).unwrap(), record);
}

#[test]
fn an_auction_that_has_just_opened_is_pending() {
    let record = serde_json::to_value(assembled(vec![opened()])).unwrap();
    let shown = |name: &str| record[name].clone();
    assert_eq!(shown("state"), json!("received"));
    assert_eq!(shown("disposition"), json!("pending"));
    for name in ["reason", "closed_at", "elapsed_ms", "overhead_ms"] {
        assert_eq!(shown(name), Value::Null, "{name}");
    }
    for name in ["posts", "money", "facts"] {
        assert_eq!(shown(name), json!([]), "{name}");
    }
    let decided = assembled(vec![opened(), ranked()]);
    assert_eq!((decided.state.as_str(), decided.disposition), ("decided", Disposition::Pending));
}

#[test]
fn before_a_refusal_without_a_round_nobody_was_pinged() {
    let verdicts = |parts: Vec<Part>| {
        let candidates = assembled(parts).candidates.into_iter();
        candidates.map(|one| (one.verdict, one.fields_sent.len())).collect::<Vec<_>>()
    };
    use CandidateVerdict::{Excluded, FixedPrice, NotAsked, Pinged};
    let refused = || closed(Disposition::Refused, Some(Reason::Duplicate), vec![]);
    assert_eq!(
        verdicts(vec![opened(), refused()]),
        [(Excluded, 0), (NotAsked, 0), (NotAsked, 0), (FixedPrice, 0)]
    );
    // A vendor's post is refused after its ping was asked about.
    let asked = [(Excluded, 0), (Pinged, 2), (Pinged, 2), (FixedPrice, 0)];
    assert_eq!(verdicts(vec![opened(), ranked(), refused()]), asked);
    let late = closed(Disposition::Unsold, Some(Reason::Deadline), vec![]);
    assert_eq!(verdicts(vec![opened(), late]), asked);
}

#[test]
fn nothing_is_assembled_without_the_first_part() {
    let check = |parts: Vec<Part>| assert_eq!(AuctionRecord::assemble(parts), None);
    check(vec![]);
    check(vec![ranked()]);
    check(vec![ranked(), opened(), sold()]);
}

#[test]
fn attempts_of_one_post_gather_and_its_last_outcome_counts() {
    let record = assembled(vec![
        opened(),
        ranked(),
        posted("birch", 0, PostResult::Unknown, "01"),
        posted("birch", 0, PostResult::Unknown, "02"),
        posted("birch", 0, PostResult::Accepted, "04"),
    ]);
    let [post] = record.posts.as_slice() else { panic!("one post") };
    assert_eq!((post.outcome, post.reason.as_deref()), (PostResult::Accepted, None));
    let times: Vec<Timestamp> = post.attempts.iter().map(|attempt| attempt.at).collect();
    assert_eq!(times, [at("01"), at("02"), at("04")]);
    assert_eq!(lost(&record)[1], ("birch", None));
}

#[test]
fn whoever_was_ranked_and_never_asked_was_outbid_only_if_the_lead_was_sold() {
    let check = |end: Part, expect: Option<Lost>| {
        let post = posted("birch", 0, PostResult::Accepted, "01");
        let record = assembled(vec![opened(), ranked(), post, end]);
        let expected = [("alder", None), ("birch", None), ("cedar", None), ("doum", expect)];
        assert_eq!(lost(&record), expected);
    };
    check(sold(), Some(Lost::Outbid));
    check(closed(Disposition::Unsold, Some(Reason::Deadline), vec![]), Some(Lost::Expired));
    check(fact("adjudicated"), None);
}

#[test]
fn a_candidate_without_room_shows_the_rule_it_met() {
    let skipped = Part::Skipped(Skipped {
        campaign_id: campaign("birch"),
        lost_reason: Lost::NoCapacity,
        rule: Some("cap:day".to_owned()),
    });
    let record = assembled(vec![opened(), ranked(), skipped, sold()]);
    assert_eq!(record.candidates[1].rule.as_deref(), Some("cap:day"));
    assert_eq!(record.candidates[1].lost_reason, Some(Lost::NoCapacity));
}

#[test]
fn a_buyer_that_accepts_too_late_stays_a_loser() {
    let record = assembled(vec![
        opened(),
        ranked(),
        posted("birch", 0, PostResult::GivenUp, "01"),
        posted("doum", 1, PostResult::Accepted, "01.5"),
        sold(),
        posted("birch", 0, PostResult::Conflict, "08"),
        fact("conflict"),
    ]);
    assert_eq!(record.posts[0].outcome, PostResult::Conflict);
    assert_eq!(lost(&record)[1], ("birch", Some(Lost::PostUnknown)));
    assert_eq!(record.disposition, Disposition::Sold);
    assert_eq!(
        serde_json::to_value(&record.facts).unwrap(),
        json!([{
            "kind": "conflict", "at": "2026-11-23T14:00:09Z",
            "post_id": "post_0300000000000000000000000000"
        }])
    );
}

#[test]
fn a_result_for_a_campaign_that_was_never_considered_changes_nothing() {
    let stranger = Part::Ranked(Ranked {
        round: 1,
        results: vec![RoundResult {
            campaign_id: campaign("elm"),
            ping: None,
            bid: Some(bid(9, "99")),
            rank: Some(1),
            lost_reason: None,
        }],
    });
    let record = assembled(vec![opened(), stranger]);
    assert_eq!(record.candidates, assembled(vec![opened()]).candidates);
}

#[test]
fn every_part_is_read_back_as_it_was_written() {
    let skipped = Part::Skipped(Skipped {
        campaign_id: campaign("birch"),
        lost_reason: Lost::NoCapacity,
        rule: None,
    });
    let post = posted("birch", 0, PostResult::Rejected, "01");
    for part in [opened(), ranked(), skipped, post, sold(), fact("given_up")] {
        let text = serde_json::to_string(&part).unwrap();
        assert_eq!(serde_json::from_str::<Part>(&text).unwrap(), part, "{text}");
    }
}
