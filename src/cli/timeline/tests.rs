use super::*;
use crate::domain::bid::{NoBid, SeatsWanted};
use crate::domain::disposition::Reason;
use crate::domain::ids::{BidId, LeadId, OfferId, Partition, PingId, PostId};
use crate::domain::offer::{OfferRecord, Offered, Taken};
use crate::domain::record::{
    BidRecord, Closed, Opened, Part, PingRecord, Ranked, RoundResult, SeatMoney,
};
use crate::domain::slug::{BuyerId, CampaignId, VendorId, VerticalId};

const RECEIVED: &str = "2026-11-24T02:18:18.123Z";

fn at(offset_ms: i64) -> Timestamp {
    crate::domain::time::plus_ms(RECEIVED.parse().unwrap(), offset_ms)
}

fn amount(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn candidate(campaign: &str, verdict: CandidateVerdict, rule: Option<&str>) -> CandidateRecord {
    CandidateRecord {
        campaign_id: CampaignId::parse(campaign).unwrap(),
        buyer_id: BuyerId::parse(campaign.split('-').next().unwrap()).unwrap(),
        tier: 1,
        verdict,
        rule: rule.map(str::to_owned),
        fields_sent: Vec::new(),
        disclosed: Vec::new(),
        lost_reason: None,
        rank: None,
        ping: None,
        bid: None,
    }
}

fn opened(candidates: Vec<CandidateRecord>) -> Part {
    Part::Opened(Opened {
        lead_id: LeadId::new(Partition(7), 0x0193_5b1e_8a2c_7000_8000_0000_0000_0001),
        vendor_id: VendorId::parse("leadco").unwrap(),
        vertical: VerticalId::parse("final_expense").unwrap(),
        registry_version: 3,
        floor: amount("10"),
        test: false,
        received_at: at(0),
        candidates,
    })
}

fn bid(campaign: &str, price: &str, elapsed_ms: i64, rank: u16) -> RoundResult {
    let price = amount(price);
    RoundResult {
        campaign_id: CampaignId::parse(campaign).unwrap(),
        ping: Some(PingRecord {
            ping_id: PingId::new(1),
            result: PingResult::Bid,
            reason: None,
            detail: None,
            words: None,
            http_status: Some(200),
            elapsed_ms,
        }),
        bid: Some(BidRecord {
            bid_id: BidId::new(1),
            price,
            effective_price: price,
            seats: SeatsWanted::Exclusive,
            phone_number: None,
        }),
        rank: Some(rank),
        lost_reason: None,
    }
}

fn no_bid(campaign: &str, reason: NoBid, http_status: Option<u16>, elapsed_ms: i64) -> RoundResult {
    RoundResult {
        campaign_id: CampaignId::parse(campaign).unwrap(),
        ping: Some(PingRecord {
            ping_id: PingId::new(2),
            result: PingResult::NoBid,
            reason: Some(reason),
            detail: None,
            words: None,
            http_status,
            elapsed_ms,
        }),
        bid: None,
        rank: None,
        lost_reason: None,
    }
}

fn post(k: u16, campaign: &str, price: &str, outcome: PostResult) -> Part {
    let (result, http_status) = match outcome {
        PostResult::Accepted => ("accepted", Some(200)),
        _ => ("rejected", Some(422)),
    };
    Part::Posted(PostRecord {
        post_id: PostId::new(Partition(7), u128::from(k) + 1),
        seat: 1,
        k,
        campaign_id: CampaignId::parse(campaign).unwrap(),
        buyer_id: BuyerId::parse(campaign.split('-').next().unwrap()).unwrap(),
        price: amount(price),
        outcome,
        reason: (outcome == PostResult::Rejected).then(|| "duplicate".to_owned()),
        attempts: vec![PostAttempt {
            at: at(150 + i64::from(k) * 90),
            result: result.to_owned(),
            words: None,
            http_status,
            elapsed_ms: 84,
        }],
    })
}

/// A lead that the first bidder refuses and the second takes.
fn sold() -> AuctionRecord {
    let pinged = |campaign| candidate(campaign, CandidateVerdict::Pinged, None);
    let excluded = |campaign, rule| candidate(campaign, CandidateVerdict::Excluded, Some(rule));
    let parts = [
        opened(vec![
            excluded("zenith-fl", "filter:state"),
            pinged("slow-all"),
            pinged("acme-tx"),
            pinged("best-south"),
            pinged("broken"),
        ]),
        Part::Ranked(Ranked {
            round: 1,
            results: vec![
                bid("acme-tx", "24.50", 38, 1),
                bid("best-south", "22", 71, 2),
                no_bid("slow-all", NoBid::Timeout, None, 143),
                no_bid("broken", NoBid::HttpStatus, Some(500), 3),
            ],
        }),
        post(0, "acme-tx", "24.50", PostResult::Rejected),
        post(1, "best-south", "22", PostResult::Accepted),
        Part::Closed(Closed {
            disposition: Disposition::Sold,
            reason: None,
            closed_at: at(325),
            elapsed_ms: 325,
            overhead_ms: 4,
            money: vec![SeatMoney {
                seat: 1,
                price: amount("22"),
                margin: amount("2.75"),
                payout: amount("19.25"),
            }],
        }),
        Part::Fact(Fact {
            kind: "adjudicated".to_owned(),
            at: at(4_000),
            post_id: None,
            note: Some("by the\x1b[31m operator".to_owned()),
            outcome: None,
        }),
    ];
    AuctionRecord::assemble(parts).unwrap()
}

#[test]
fn a_sale_is_drawn_from_the_first_ping_to_the_money() {
    insta::assert_snapshot!(timeline(&sold(), 100), @r"
    auc_0701jddhx2hce008000000000001  final_expense from leadco
    received 2026-11-24T02:18:18.123Z, floor 10.00, registry 3
    sold after 325 ms, 4 ms of it ours

    candidates
      1  acme-tx of acme      bid       24.50  ██████░░░░░░░░░░░░░░░░░░   38 ms  post_rejected
      2  best-south of best   bid       22.00  ███████████░░░░░░░░░░░░░   71 ms  won seat 1
         broken of broken     no bid           █░░░░░░░░░░░░░░░░░░░░░░░    3 ms  http_status 500
         slow-all of slow     no bid           ████████████████████████  143 ms  timeout
         zenith-fl of zenith  excluded                                           filter:state

    posts
      seat 1  acme-tx at 24.50  rejected: duplicate  post_0700000000000000000000000001
        +150 ms  rejected 422 in 84 ms
      seat 1  best-south at 22.00  accepted  post_0700000000000000000000000002
        +240 ms  accepted 200 in 84 ms

    money
      seat 1  price 22.00  margin 2.75  payout 19.25

    facts
      2026-11-24T02:18:22.123Z  adjudicated  by the?[31m operator
    ");
}

#[test]
fn a_narrow_terminal_gets_shorter_bars_and_cut_lines() {
    let text = timeline(&sold(), 10);
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert_eq!(longest, Some(WIDTH_MIN));
    assert!(text.contains('…'), "{text}");
}

#[test]
fn what_other_people_wrote_cannot_steer_the_terminal() {
    let text = timeline(&sold(), 100);
    assert!(!text.contains('\x1b') && text.contains("by the?[31m operator"), "{text}");
}

#[test]
fn an_auction_that_runs_says_how_far_it_is() {
    let parts = [opened(vec![candidate("acme-tx", CandidateVerdict::Pinged, None)])];
    let text = timeline(&AuctionRecord::assemble(parts).unwrap(), 100);
    insta::assert_snapshot!(text, @r"
    auc_0701jddhx2hce008000000000001  final_expense from leadco
    received 2026-11-24T02:18:18.123Z, floor 10.00, registry 3
    pending (received)

    candidates
      acme-tx of acme  pinged
    ");
}

#[test]
fn a_ping_shows_what_was_offered_and_what_was_taken() {
    let offer = |number: u128, campaign: &str, payout: &str| OfferRecord {
        offer_id: OfferId::new(number),
        campaign_id: CampaignId::parse(campaign).unwrap(),
        payout: amount(payout),
    };
    let pinged = |campaign| candidate(campaign, CandidateVerdict::Pinged, None);
    let results = vec![bid("acme-tx", "24.50", 38, 1), bid("best-south", "22", 71, 2)];
    let mut parts = vec![
        opened(vec![pinged("acme-tx"), pinged("best-south")]),
        Part::Ranked(Ranked { round: 1, results }),
        Part::Offered(Offered {
            offered_at: at(72),
            expires_at: at(45_072),
            offers: vec![offer(1, "acme-tx", "21.4375"), offer(2, "best-south", "19.25")],
        }),
    ];
    let record = AuctionRecord::assemble(parts.clone()).unwrap();
    let told = |record: &AuctionRecord| (record.state.clone(), record.disposition);
    assert_eq!(told(&record), ("offered".to_owned(), Disposition::Offered));
    parts.push(Part::Taken(Taken {
        taken_at: at(9_000),
        offer_ids: vec![OfferId::new(2)],
        min_payout: amount("19.25"),
    }));
    let record = AuctionRecord::assemble(parts).unwrap();
    assert_eq!(told(&record), ("decided".to_owned(), Disposition::Pending));
    insta::assert_snapshot!(timeline(&record, 100), @r"
    auc_0701jddhx2hce008000000000001  final_expense from leadco
    received 2026-11-24T02:18:18.123Z, floor 10.00, registry 3
    pending (decided)

    candidates
      1  acme-tx of acme     bid  24.50  ████████████░░░░░░░░░░░░  38 ms
      2  best-south of best  bid  22.00  ████████████████████████  71 ms

    offers
      acme-tx     payout 21.4375         off_00000000000000000000000001
      best-south    payout 19.25  taken  off_00000000000000000000000002
      +72 ms  offered, until +45072 ms
      +9000 ms  taken, others from payout 19.25 on
    ");
}

#[test]
fn a_lead_that_nobody_bought_says_why() {
    let mut fixed = candidate("acme-tx", CandidateVerdict::FixedPrice, None);
    fixed.lost_reason = Some(Lost::NoCapacity);
    fixed.rule = Some("cap:day".to_owned());
    let closed = Closed {
        disposition: Disposition::Unsold,
        reason: Some(Reason::NoCapacity),
        closed_at: at(3),
        elapsed_ms: 3,
        overhead_ms: 3,
        money: Vec::new(),
    };
    let record = AuctionRecord::assemble([opened(vec![fixed]), Part::Closed(closed)]).unwrap();
    insta::assert_snapshot!(timeline(&record, 100), @r"
    auc_0701jddhx2hce008000000000001  final_expense from leadco
    received 2026-11-24T02:18:18.123Z, floor 10.00, registry 3
    unsold: no_capacity after 3 ms, 3 ms of it ours

    candidates
      acme-tx of acme  fixed  no_capacity, cap:day
    ");
}

#[test]
fn a_bar_is_never_empty_and_never_too_long() {
    let check = |elapsed, longest, expect: &str| assert_eq!(bar(elapsed, longest, 4), expect);
    check(0, 100, "█░░░");
    check(49, 100, "█░░░");
    check(50, 100, "██░░");
    check(100, 100, "████");
    check(200, 100, "████");
    check(0, 0, "█░░░");
    check(-5, 100, "█░░░");
}
