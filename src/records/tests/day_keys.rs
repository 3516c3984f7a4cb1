use futures::future::join_all;
use jiff::civil::Date;

use super::*;
use crate::ports::records::DayKeyRow;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn row(text: &str, wrapped: Option<&[u8]>) -> DayKeyRow {
    DayKeyRow { day: day(text), wrapped: wrapped.map(<[u8]>::to_vec) }
}

#[tokio::test]
async fn the_first_proposal_of_a_day_holds() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        assert_eq!(records.day_keys().await.unwrap(), []);
        let friday = day("2026-11-27");
        let offer = |wrapped: &[u8]| records.offer_day_key(friday, wrapped.to_vec());
        assert_eq!(offer(b"one").await.unwrap(), row("2026-11-27", Some(b"one")));
        assert_eq!(offer(b"two").await.unwrap(), row("2026-11-27", Some(b"one")));
        let earlier = records.offer_day_key(day("2026-11-26"), b"three".to_vec()).await.unwrap();
        let all = records.day_keys().await.unwrap();
        assert_eq!(all, [earlier, row("2026-11-27", Some(b"one"))]);
    }
}

#[tokio::test]
async fn of_proposals_at_once_all_are_told_the_same() {
    for bench in Bench::each().await {
        let (first, second) = (bench.open().await, bench.open().await);
        let records = [&first, &second];
        // A new connection each, which a busy machine takes its time to make.
        let offers = (0..4_u8).map(|number| {
            let wrapped = vec![number; 3];
            records[usize::from(number % 2)].offer_day_key(day("2026-11-27"), wrapped)
        });
        let told: Vec<_> = join_all(offers).await.into_iter().map(Result::unwrap).collect();
        assert!(told.iter().all(|row| *row == told[0] && row.wrapped.is_some()), "{told:?}");
    }
}

#[tokio::test]
async fn a_day_whose_key_was_destroyed_never_gets_another() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let (had, never_had) = (day("2026-11-26"), day("2026-11-27"));
        records.offer_day_key(had, b"one".to_vec()).await.unwrap();
        for day in [had, never_had, had] {
            records.destroy_day_key(day).await.unwrap();
            let offered = records.offer_day_key(day, b"two".to_vec()).await.unwrap();
            assert_eq!(offered, DayKeyRow { day, wrapped: None });
        }
        let gone = [row("2026-11-26", None), row("2026-11-27", None)];
        assert_eq!(records.day_keys().await.unwrap(), gone);
    }
}

#[tokio::test]
async fn records_belong_to_the_first_who_claims_them() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        assert_eq!(records.claim_installation(b"one".to_vec()).await.unwrap(), b"one");
        assert_eq!(records.claim_installation(b"two".to_vec()).await.unwrap(), b"one");
        let again = bench.open().await;
        assert_eq!(again.claim_installation(b"two".to_vec()).await.unwrap(), b"one");
    }
}
