use proptest::prelude::*;

use super::sample::{End, Sample, money};
use super::*;
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::{BidId, Partition, PingId, PostId};
use crate::domain::slug::VendorId;
use crate::ports::records::LIST_LIMIT_MAX;

fn sold(number: u16) -> Sample {
    Sample::new(number, "acme", End::Sold)
}

fn whole(sample: Sample) -> AuctionRecord {
    AuctionRecord::assemble(sample.story()).unwrap()
}

fn summary_of(sample: Sample) -> AuctionSummary {
    let record = whole(sample);
    let amount = |text: &str| if sample.end == End::Sold { money(text) } else { money("0") };
    AuctionSummary {
        lead_id: record.lead_id,
        vendor_id: record.vendor_id,
        vertical: record.vertical,
        disposition: record.disposition,
        reason: record.reason,
        test: record.test,
        received_at: record.received_at,
        closed_at: record.closed_at,
        elapsed_ms: record.elapsed_ms,
        pinged: 2,
        bids: 1,
        price: amount("24.5"),
        margin: amount("2.5"),
        payout: amount("22"),
    }
}

/// The leads a filter lists.
async fn listed(records: &SqlRecords, filter: AuctionFilter) -> Vec<LeadId> {
    let rows = records.auctions(filter).await.unwrap();
    rows.into_iter().map(|row| row.lead_id).collect()
}

#[tokio::test]
async fn a_whole_record_comes_back_as_it_was_written() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let sample = sold(4);
        records.add_parts(sample.parts()).await.unwrap();
        assert_eq!(records.auction(sample.lead_id()).await, Ok(Some(whole(sample))));
        assert_eq!(records.auction(sold(5).lead_id()).await, Ok(None));
    }
}

#[tokio::test]
async fn the_same_parts_again_change_nothing() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let sample = sold(4);
        let twice = [sample.parts(), sample.parts()].concat();
        records.add_parts(twice).await.unwrap();
        records.add_parts(sample.parts()).await.unwrap();
        assert_eq!(records.auction(sample.lead_id()).await, Ok(Some(whole(sample))));
        let list = records.auctions(AuctionFilter::newest(10)).await;
        assert_eq!(list, Ok(vec![summary_of(sample)]));
    }
}

#[tokio::test]
async fn a_kept_part_is_never_replaced() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let sample = sold(4);
        records.add_parts(sample.parts()).await.unwrap();
        let mut other = sample.parts();
        let end = other.len() - 2;
        other[end].part = Sample::new(4, "acme", End::Unsold).parts()[end].part.clone();
        records.add_parts(other).await.unwrap();
        assert_eq!(records.auction(sample.lead_id()).await, Ok(Some(whole(sample))));
        let list = records.auctions(AuctionFilter::newest(10)).await;
        assert_eq!(list, Ok(vec![summary_of(sample)]));
    }
}

#[tokio::test]
async fn an_auction_shows_up_with_its_first_part_whatever_came_before() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let sample = sold(4);
        let mut parts = sample.parts();
        let first = parts.remove(0);
        records.add_parts(parts).await.unwrap();
        assert_eq!(records.auction(sample.lead_id()).await, Ok(None));
        assert_eq!(records.auctions(AuctionFilter::newest(10)).await, Ok(vec![]));
        assert_eq!(records.find_lead(sample.lead_id().to_string()).await, Ok(None));
        assert_eq!(records.find_lead(sample.post_id().to_string()).await, Ok(None));

        records.add_parts(vec![first]).await.unwrap();
        assert_eq!(records.auction(sample.lead_id()).await, Ok(Some(whole(sample))));
        let list = records.auctions(AuctionFilter::newest(10)).await;
        assert_eq!(list, Ok(vec![summary_of(sample)]));
    }
}

#[tokio::test]
async fn a_summary_follows_its_auction() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let sample = Sample::new(4, "acme", End::Unsold);
        let parts = sample.parts();
        let summary = async |count: usize| {
            records.add_parts(parts[..count].to_vec()).await.unwrap();
            records.auctions(AuctionFilter::newest(10)).await.unwrap().remove(0)
        };
        let pending = AuctionSummary {
            disposition: Disposition::Pending,
            reason: None,
            closed_at: None,
            elapsed_ms: None,
            ..summary_of(sample)
        };
        assert_eq!(summary(1).await, AuctionSummary { pinged: 0, bids: 0, ..pending.clone() });
        assert_eq!(summary(4).await, pending);
        let closed = summary(6).await;
        assert_eq!(closed, summary_of(sample));
        assert_eq!(closed.reason, Some(Reason::AllPostsRejected));
    }
}

#[tokio::test]
async fn every_id_of_an_auction_leads_to_it() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let (sample, other) = (sold(4), sold(5));
        records.add_parts([sample.parts(), other.parts()].concat()).await.unwrap();
        let vendor_ping = sample.lead_id().to_string().replacen("lead_", "ping_", 1);
        let unknown_lead = LeadId::new(Partition(1), 77);
        let check = async |id: &str, expect: Option<LeadId>| {
            assert_eq!(records.find_lead(id.to_owned()).await, Ok(expect), "{id}");
        };
        check(&sample.lead_id().to_string(), Some(sample.lead_id())).await;
        check(&sample.lead_id().auction_id(), Some(sample.lead_id())).await;
        check(&vendor_ping, Some(sample.lead_id())).await;
        check(&sample.ping_id().to_string(), Some(sample.lead_id())).await;
        check(&sample.bid_id().to_string(), Some(sample.lead_id())).await;
        check(&sample.post_id().to_string(), Some(sample.lead_id())).await;
        check(&other.post_id().to_string(), Some(other.lead_id())).await;
        check(&unknown_lead.to_string(), None).await;
        check(&PingId::new(1).to_string(), None).await;
        check(&BidId::new(1).to_string(), None).await;
        check(&PostId::new(Partition(1), 1).to_string(), None).await;
        check("", None).await;
        check("evt_1", None).await;
        check("' OR 1=1 --", None).await;
    }
}

#[tokio::test]
async fn lists_are_newest_first_and_go_on_where_they_stopped() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let samples: Vec<Sample> = (0..7).map(sold).collect();
        let parts: Vec<_> = samples.iter().flat_map(|sample| sample.parts()).collect();
        records.add_parts(parts).await.unwrap();
        let newest_first: Vec<LeadId> = samples.iter().rev().map(|one| one.lead_id()).collect();
        assert_eq!(listed(&records, AuctionFilter::newest(usize::MAX)).await, newest_first);
        assert_eq!(listed(&records, AuctionFilter::newest(0)).await, []);

        let mut paged = Vec::new();
        loop {
            let after = paged.last().copied();
            let page = listed(&records, AuctionFilter { after, ..AuctionFilter::newest(3) }).await;
            if page.is_empty() {
                break;
            }
            paged.extend(page);
        }
        assert_eq!(paged, newest_first);

        let after = Some(LeadId::new(Partition(1), 77));
        assert_eq!(listed(&records, AuctionFilter { after, ..AuctionFilter::newest(3) }).await, []);
    }
}

#[tokio::test]
async fn auctions_of_the_same_microsecond_are_listed_once_each() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let mut leads = Vec::new();
        for partition in 0..5 {
            let lead_id = LeadId::new(Partition(partition), sold(1).lead_id().bits());
            let mut part = sold(1).parts().remove(0);
            let text = String::from_utf8(part.part).unwrap();
            part.part =
                text.replace(&sold(1).lead_id().to_string(), &lead_id.to_string()).into_bytes();
            part.lead_id = lead_id;
            records.add_parts(vec![part]).await.unwrap();
            leads.insert(0, lead_id);
        }
        let mut paged: Vec<LeadId> = Vec::new();
        for _ in 0..5 {
            let after = paged.last().copied();
            paged.extend(
                listed(&records, AuctionFilter { after, ..AuctionFilter::newest(1) }).await,
            );
        }
        assert_eq!(paged, leads);
    }
}

#[tokio::test]
async fn lists_can_be_narrowed() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let samples = [
            Sample::new(0, "acme", End::Sold),
            Sample::new(1, "bolt", End::Sold),
            Sample::new(2, "acme", End::Unsold),
            Sample::new(3, "acme", End::StillOpen),
            Sample::new(4, "acme", End::Sold),
        ];
        let parts: Vec<_> = samples.iter().flat_map(|sample| sample.parts()).collect();
        records.add_parts(parts).await.unwrap();
        let all = AuctionFilter::newest(10);
        let acme = Some(VendorId::parse("acme").unwrap());
        let check = async |filter: AuctionFilter, numbers: &[usize]| {
            let expected: Vec<LeadId> = numbers.iter().map(|&one| samples[one].lead_id()).collect();
            assert_eq!(listed(&records, filter.clone()).await, expected, "{filter:?}");
        };
        let sold = Some(Disposition::Sold);
        let since = Some(samples[2].received_at());
        check(AuctionFilter { vendor: acme.clone(), ..all.clone() }, &[4, 3, 2, 0]).await;
        check(AuctionFilter { disposition: sold, ..all.clone() }, &[4, 1, 0]).await;
        let pending = Some(Disposition::Pending);
        check(AuctionFilter { disposition: pending, ..all.clone() }, &[3]).await;
        check(AuctionFilter { since, ..all.clone() }, &[4, 3, 2]).await;
        let after = Some(samples[4].lead_id());
        let narrow = AuctionFilter { vendor: acme, disposition: sold, after, ..all.clone() };
        check(narrow.clone(), &[0]).await;
        check(AuctionFilter { since, ..narrow }, &[]).await;
    }
}

#[tokio::test]
async fn a_batch_beyond_one_statement_is_written_whole() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let parts: Vec<_> = (0..1_100).flat_map(|number| sold(number).parts()).collect();
        assert!(parts.len() * 3 > 16_000, "more placeholders than one statement takes");
        records.add_parts(parts).await.unwrap();
        let list = records.auctions(AuctionFilter::newest(usize::MAX)).await.unwrap();
        assert_eq!(list.len(), LIST_LIMIT_MAX);
        assert_eq!(list[0], summary_of(sold(1_099)));
        assert_eq!(records.auction(sold(0).lead_id()).await, Ok(Some(whole(sold(0)))));
    }
}

#[tokio::test]
async fn one_part_that_cannot_be_read_keeps_the_whole_batch_out() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let sample = sold(4);
        for bytes in [b"{\"part\":\"secret-word\"}".as_slice(), b"", b"\xff\xfe"] {
            let mut parts = sample.parts();
            parts[2].part = bytes.to_vec();
            let expected = format!("part 7 of {} cannot be read", sample.lead_id());
            is_corrupt(records.add_parts(parts).await, &expected);
        }
        assert_eq!(records.auction(sample.lead_id()).await, Ok(None));
        records.add_parts(vec![]).await.unwrap();
    }
}

/// Batches of parts of three auctions: shuffled, some twice.
fn deliveries() -> impl Strategy<Value = Vec<Vec<RecordPart>>> {
    let ends = [End::Sold, End::Unsold, End::StillOpen];
    let samples = (0..3).map(move |one| Sample::new(one, "acme", ends[usize::from(one)]));
    let parts: Vec<RecordPart> = samples.flat_map(Sample::parts).collect();
    let repeats = proptest::sample::subsequence(parts.clone(), 0..=parts.len());
    repeats.prop_flat_map(move |repeats| {
        let all = [parts.clone(), repeats].concat();
        (Just(all).prop_shuffle(), 1_usize..8)
            .prop_map(|(all, size)| all.chunks(size).map(<[RecordPart]>::to_vec).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_of_delivery_gives_the_same_records(batches in deliveries()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            for bench in Bench::each().await {
                let records = bench.open().await;
                for batch in batches.clone() {
                    records.add_parts(batch).await.unwrap();
                }
                let ends = [End::Sold, End::Unsold, End::StillOpen];
                let samples = [0, 1, 2].map(|one| Sample::new(one, "acme", ends[usize::from(one)]));
                for sample in samples {
                    let found = records.auction(sample.lead_id()).await;
                    assert_eq!(found, Ok(Some(whole(sample))));
                }
                let list = records.auctions(AuctionFilter::newest(10)).await;
                assert_eq!(list, Ok(samples.into_iter().rev().map(summary_of).collect()));
            }
        });
    }
}
