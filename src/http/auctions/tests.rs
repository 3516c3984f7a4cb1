use super::*;
use crate::domain::bid::{NoBid, SeatsWanted};
use crate::domain::ids::{BidId, Partition, PingId};
use crate::domain::record::{BidRecord, CandidateRecord, Fact, PingRecord, PingResult, SeatMoney};
use crate::domain::slug::{BuyerId, CampaignId};

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn ping(result: PingResult) -> PingRecord {
    PingRecord {
        ping_id: PingId::new(1),
        result,
        reason: (result == PingResult::NoBid).then_some(NoBid::Declined),
        detail: None,
        words: None,
        http_status: Some(200),
        elapsed_ms: 90,
    }
}

fn candidate(verdict: CandidateVerdict, result: Option<PingResult>) -> CandidateRecord {
    let bid = BidRecord {
        bid_id: BidId::new(2),
        price: money("24.50"),
        effective_price: money("24.50"),
        seats: SeatsWanted::Exclusive,
        phone_number: None,
    };
    CandidateRecord {
        campaign_id: CampaignId::parse("secret-campaign").unwrap(),
        buyer_id: BuyerId::parse("secret-buyer").unwrap(),
        tier: 1,
        verdict,
        rule: None,
        fields_sent: vec!["state".to_owned()],
        disclosed: vec![],
        lost_reason: None,
        rank: None,
        ping: result.map(ping),
        bid: (result != Some(PingResult::NoBid) && verdict != CandidateVerdict::Excluded)
            .then_some(bid),
    }
}

fn record() -> AuctionRecord {
    let lead_id = LeadId::new(Partition(1), 2);
    let received_at: Timestamp = "2026-11-23T14:00:00Z".parse().unwrap();
    AuctionRecord {
        id: lead_id.auction_id(),
        lead_id,
        vendor_id: VendorId::parse("acme").unwrap(),
        vertical: VerticalId::parse("final_expense").unwrap(),
        registry_version: 7,
        state: "closed".to_owned(),
        disposition: Disposition::Sold,
        reason: None,
        floor: money("10"),
        test: false,
        received_at,
        closed_at: Some("2026-11-23T14:00:00.143Z".parse().unwrap()),
        elapsed_ms: Some(143),
        overhead_ms: Some(5),
        offer: None,
        candidates: vec![
            candidate(CandidateVerdict::Excluded, None),
            candidate(CandidateVerdict::Pinged, Some(PingResult::Bid)),
            candidate(CandidateVerdict::Pinged, Some(PingResult::NoBid)),
            candidate(CandidateVerdict::FixedPrice, None),
        ],
        posts: vec![],
        money: vec![SeatMoney {
            seat: 1,
            price: money("24.50"),
            margin: money("3"),
            payout: money("21.50"),
        }],
        facts: vec![Fact {
            kind: "conflict".to_owned(),
            at: received_at,
            post_id: None,
            note: None,
            outcome: None,
        }],
    }
}

#[test]
fn a_vendor_sees_counts_and_payouts_and_no_buyer_price_or_margin() {
    let body = serde_json::to_string(&VendorView::of(&record())).unwrap();
    assert_eq!(
        body,
        r#"{"id":"auc_0100000000000000000000000002","lead_id":"lead_0100000000000000000000000002","vendor_id":"acme","vertical":"final_expense","registry_version":7,"state":"closed","disposition":"sold","reason":null,"floor":"10.00","test":false,"received_at":"2026-11-23T14:00:00Z","closed_at":"2026-11-23T14:00:00.143Z","elapsed_ms":143,"pinged":2,"bids":2,"sales":[{"seat":1,"payout":"21.50"}]}"#
    );
}
