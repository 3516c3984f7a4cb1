use serde_json::{Value as Json, json};

use super::*;
use crate::domain::bid::SeatsWanted;
use crate::domain::ids::Partition;
use crate::domain::outcome::OutcomeType;
use crate::domain::record::{
    BidRecord, CandidateVerdict, PingRecord, PingResult, PostAttempt, Ranked, RoundResult,
    SeatMoney,
};

fn at(second: &str) -> Timestamp {
    format!("2026-11-23T14:00:{second}Z").parse().unwrap()
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn lead_id() -> LeadId {
    LeadId::new(Partition(3), 7)
}

fn candidate(name: &str) -> CandidateRecord {
    CandidateRecord {
        campaign_id: format!("{name}-tx").parse().unwrap(),
        buyer_id: name.parse().unwrap(),
        tier: 1,
        verdict: CandidateVerdict::Pinged,
        rule: None,
        fields_sent: vec![],
        disclosed: vec![],
        lost_reason: None,
        rank: None,
        ping: None,
        bid: None,
    }
}

fn opened() -> Part {
    Part::Opened(Opened {
        lead_id: lead_id(),
        vendor_id: "acme".parse().unwrap(),
        vertical: "final_expense".parse().unwrap(),
        registry_version: 7,
        floor: money("10"),
        test: false,
        received_at: at("00"),
        candidates: ["best", "second", "low", "silent"].map(candidate).to_vec(),
    })
}

/// `best` bids 24.50, `second` 20.00, `low` bids below the floor, `silent` says nothing.
fn ranked() -> Part {
    let result = |name: &str, number: u128, reason: Option<NoBid>, price: &str, rank| {
        let price = money(price);
        let bid = BidRecord {
            bid_id: BidId::new(number),
            price,
            effective_price: price,
            seats: SeatsWanted::Exclusive,
            phone_number: None,
        };
        RoundResult {
            campaign_id: format!("{name}-tx").parse().unwrap(),
            ping: Some(PingRecord {
                ping_id: PingId::new(number),
                result: if reason.is_none() { PingResult::Bid } else { PingResult::NoBid },
                reason,
                http_status: Some(200),
                elapsed_ms: 40,
                detail: None,
                words: None,
            }),
            bid: reason.is_none().then_some(bid),
            rank,
            lost_reason: None,
        }
    };
    Part::Ranked(Ranked {
        round: 1,
        results: vec![
            result("best", 1, None, "24.5", Some(1)),
            result("second", 2, None, "20", Some(2)),
            result("low", 3, Some(NoBid::BelowFloor), "1", None),
            result("silent", 4, Some(NoBid::Timeout), "1", None),
        ],
    })
}

fn posted(name: &str, outcome: PostResult, second: &str) -> Part {
    let (at, result, words, http_status) = (at(second), "x".to_owned(), None, None);
    let attempt = PostAttempt { at, result, words, http_status, elapsed_ms: 1 };
    Part::Posted(PostRecord {
        post_id: PostId::new(Partition(3), 1),
        seat: 1,
        k: 0,
        campaign_id: format!("{name}-tx").parse().unwrap(),
        buyer_id: name.parse().unwrap(),
        price: money("24.5"),
        outcome,
        reason: None,
        attempts: vec![attempt],
    })
}

fn closed(disposition: Disposition, reason: Option<Reason>) -> Part {
    let seat =
        SeatMoney { seat: 1, price: money("24.5"), margin: money("3"), payout: money("21.5") };
    let money = if disposition == Disposition::Sold { vec![seat] } else { vec![] };
    Part::Closed(Closed {
        disposition,
        reason,
        closed_at: at("09"),
        elapsed_ms: 9_000,
        overhead_ms: 1,
        money,
    })
}

fn numbered(parts: Vec<Part>) -> Vec<(u32, Part)> {
    parts.into_iter().enumerate().map(|(index, part)| (index as u32 * 2 + 1, part)).collect()
}

fn tell(parts: Vec<Part>, band: &str) -> Vec<Told> {
    told(&numbered(parts), Telling { currency: "USD", price_band_width: money(band) })
}

/// Whom each event is for, its number there, and its type.
fn names(told: &[Told]) -> Vec<String> {
    told.iter()
        .map(|told| format!("{} {} {}", told.to, told.sequence, told.event_type.as_str()))
        .collect()
}

fn bodies(told: &[Told], event_type: EventType) -> Vec<Json> {
    let of_type = told.iter().filter(|told| told.event_type == event_type);
    of_type.map(|told| serde_json::from_str(&told.body).unwrap()).collect()
}

fn sold() -> Vec<Part> {
    let accepted = posted("best", PostResult::Accepted, "05");
    vec![opened(), ranked(), accepted, closed(Disposition::Sold, None)]
}

#[test]
fn a_sale_is_told_to_the_vendor_the_winner_and_each_loser_that_bid() {
    let told = tell(sold(), "0");
    assert_eq!(
        names(&told),
        [
            "vendor acme 1 lead.received",
            "buyer best 1 bid.won",
            "vendor acme 2 lead.sold",
            "buyer second 1 bid.lost",
            "buyer low 1 bid.lost",
        ]
    );
    let lead = lead_id();
    assert_eq!(
        bodies(&told, EventType::LeadSold),
        [json!({
            "type": "lead.sold", "timestamp": "2026-11-23T14:00:09Z", "sequence": 2,
            "data": {
                "lead_id": lead, "vertical": "final_expense", "disposition": "sold",
                "payout": "21.50", "sales": [{"seat": 1, "payout": "21.50"}], "test": false,
            },
        })]
    );
    assert_eq!(
        bodies(&told, EventType::BidWon),
        [json!({
            "type": "bid.won", "timestamp": "2026-11-23T14:00:05Z", "sequence": 1,
            "data": {
                "lead_id": lead, "vertical": "final_expense", "campaign_id": "best-tx",
                "ping_id": PingId::new(1), "bid_id": BidId::new(1),
                "post_id": PostId::new(Partition(3), 1), "seat": 1, "price": "24.50",
                "currency": "USD", "test": false,
            },
        })]
    );
    let lost = bodies(&told, EventType::BidLost);
    assert_eq!(
        lost[0]["data"],
        json!({
            "vertical": "final_expense", "campaign_id": "second-tx", "ping_id": PingId::new(2),
            "bid_id": BidId::new(2), "reason": "outbid", "price": "20.00", "currency": "USD",
            "test": false,
        })
    );
    assert_eq!(lost[1]["data"]["reason"], "below_floor");
}

#[test]
fn a_loser_learns_neither_the_lead_nor_the_price_nor_who_won() {
    for told in tell(sold(), "0").iter().filter(|told| told.event_type == EventType::BidLost) {
        for secret in ["24.5", "best", "acme", &lead_id().to_string()] {
            assert!(!told.body.contains(secret), "{}", told.body);
        }
    }
}

#[test]
fn an_outbid_loser_is_told_the_price_band_where_the_operator_allows_it() {
    let lost = bodies(&tell(sold(), "5"), EventType::BidLost);
    assert_eq!(lost[0]["data"]["price_band"], json!({"from": "20.00", "below": "25.00"}));
    assert_eq!(lost[1]["data"].get("price_band"), None, "it was not outbid");
}

#[test]
fn an_unsold_or_refused_lead_is_told_with_its_reason() {
    for (disposition, reason) in
        [(Disposition::Unsold, Reason::AllPostsRejected), (Disposition::Refused, Reason::Duplicate)]
    {
        let told = tell(vec![opened(), closed(disposition, Some(reason))], "0");
        assert_eq!(names(&told), ["vendor acme 1 lead.received", "vendor acme 2 lead.unsold"]);
        let data = &bodies(&told, EventType::LeadUnsold)[0]["data"];
        let expect = (json!(disposition), json!(reason.as_str()), json!("0.00"));
        let found = (&data["disposition"], &data["reason"], &data["payout"]);
        assert_eq!(found, (&expect.0, &expect.1, &expect.2));
    }
}

#[test]
fn a_lead_that_was_pending_is_told_so_once_and_resolved_at_its_end() {
    let unknown = |second| posted("best", PostResult::Unknown, second);
    let mut parts = vec![opened(), ranked(), unknown("05"), unknown("06")];
    parts.push(posted("best", PostResult::Accepted, "08"));
    parts.push(closed(Disposition::Sold, None));
    let told = tell(parts, "0");
    let of_vendor: Vec<String> =
        names(&told).into_iter().filter(|name| name.starts_with("vendor")).collect();
    assert_eq!(
        of_vendor,
        [
            "vendor acme 1 lead.received",
            "vendor acme 2 lead.pending",
            "vendor acme 3 lead.sold",
            "vendor acme 4 lead.resolved",
        ]
    );
    let unresolved =
        tell(vec![opened(), unknown("05"), closed(Disposition::Unresolved, None)], "0");
    let names = names(&unresolved);
    assert_eq!(names.last().unwrap(), "vendor acme 3 lead.resolved");
    assert_eq!(names.len(), 3);
}

#[test]
fn what_a_buyer_reports_is_told_to_the_vendor() {
    let outcome = Outcome {
        outcome_id: OutcomeId::new(5),
        outcome_type: OutcomeType::CallCompleted,
        occurred_at: at("20"),
        buyer_id: "best".parse().unwrap(),
        campaign_id: "best-tx".parse().unwrap(),
        data: OutcomeDetails { duration_s: Some(95), ..OutcomeDetails::default() },
    };
    let fact = Fact {
        kind: "outcome".to_owned(),
        at: at("21"),
        post_id: None,
        note: Some("not told".to_owned()),
        outcome: Some(outcome),
    };
    let told = tell(sold().into_iter().chain([Part::Fact(fact)]).collect(), "0");
    assert_eq!(
        bodies(&told, EventType::CallCompleted),
        [json!({
            "type": "call.completed", "timestamp": "2026-11-23T14:00:21Z", "sequence": 3,
            "data": {
                "lead_id": lead_id(), "vertical": "final_expense", "outcome_id": OutcomeId::new(5),
                "occurred_at": "2026-11-23T14:00:20Z", "data": {"duration_s": 95},
                "test": false,
            },
        })]
    );
}

#[test]
fn what_was_told_stays_as_it_was_when_more_happens() {
    let whole = tell(sold(), "5");
    for length in 1..=sold().len() {
        let so_far = tell(sold()[..length].to_vec(), "5");
        assert_eq!(so_far, whole[..so_far.len()]);
    }
    let names: std::collections::BTreeSet<_> =
        whole.iter().map(|told| (told.part, told.place)).collect();
    assert_eq!(names.len(), whole.len(), "part and place name an event");
}

#[test]
fn nothing_is_told_while_the_first_part_is_missing() {
    assert_eq!(tell(sold()[1..].to_vec(), "0"), []);
}
