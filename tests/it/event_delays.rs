//! What one endpoint that hangs costs the others, measured.

use crate::events::Market;
use crate::receiver::{Receiver, Say};
use crate::support::{lead, until};

/// Pause between two leads while delays are measured.
const PACE: std::time::Duration = std::time::Duration::from_millis(100);

/// How long after its timestamp each event came, in milliseconds, sorted.
fn delays_ms(receivers: &[Receiver], event_type: &str) -> Vec<f64> {
    let calls = receivers.iter().flat_map(|receiver| receiver.calls());
    let mut delays: Vec<f64> = calls
        .filter(|call| call.event_type() == event_type)
        .map(|call| {
            let json = call.json();
            let happened: jiff::Timestamp = json["timestamp"].as_str().unwrap().parse().unwrap();
            call.at.duration_since(happened).as_secs_f64() * 1_000.0
        })
        .collect();
    delays.sort_by(f64::total_cmp);
    delays
}

/// The 99th percentile of the delays at twenty healthy endpoints, with or without a dead one.
async fn healthy_p99_ms(with_dead: bool, leads: usize) -> f64 {
    let market = Market::open(&[]).await;
    let other = market.gavel.key("vendor", "other", &[]);
    let dead = Receiver::start(|_, _| Say::Nothing).await;
    let types = ["lead.received", "lead.sold"];
    if with_dead {
        market.endpoint(&market.vendor, &dead, &types).await;
    }
    let mut healthy = Vec::new();
    for number in 0..19 {
        let receiver = Receiver::willing().await;
        let key = if number < 9 { &market.vendor } else { &other };
        market.endpoint(key, &receiver, &types).await;
        healthy.push(receiver);
    }
    let of_buyer = Receiver::willing().await;
    let best = market.gavel.key("buyer", "best", &[]);
    market.endpoint(&best, &of_buyer, &["bid.won"]).await;
    // At a pace, so that what is measured is a delay and not the end of a queue.
    let began = tokio::time::Instant::now();
    let sell = |number: usize| {
        let (gavel, keys) = (&market.gavel, [&market.vendor, &other]);
        let turn = began + PACE * u32::try_from(number).unwrap();
        async move {
            tokio::time::sleep_until(turn).await;
            gavel.post_json("/v1/leads", keys[number % 2], &lead(number)).await
        }
    };
    let answers = futures::future::join_all((0..leads).map(sell)).await;
    assert!(answers.iter().all(|answer| answer.text("/disposition") == "sold"));
    // Two events of half of the leads at each of nineteen, one of every lead at the buyer's.
    until("every healthy endpoint has its events", async || {
        let come: usize = healthy.iter().map(Receiver::count).sum();
        (come >= 19 * leads && of_buyer.count() >= leads).then_some(())
    })
    .await;
    let delays = delays_ms(&healthy, "lead.sold");
    let of = |share: usize| delays[delays.len() * share / 100];
    println!("dead: {with_dead}; p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms", of(50), of(90), of(99));
    of(99)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures: run it alone, in release (docs/PERFORMANCE.md)"]
async fn one_dead_endpoint_beside_twenty_healthy_ones_costs_them_little() {
    let mut ratios = Vec::new();
    for pair in 0..5 {
        // Interleaved, and in turn, so that the machine's moods fall on both.
        let first = pair % 2 == 0;
        let one = healthy_p99_ms(first, 120).await;
        let two = healthy_p99_ms(!first, 120).await;
        let (with, without) = if first { (one, two) } else { (two, one) };
        println!("pair {pair}: p99 {with:.1} ms with a dead endpoint, {without:.1} ms without");
        ratios.push(with / without);
    }
    ratios.sort_by(f64::total_cmp);
    println!("ratios {ratios:.2?}, median {:.2}", ratios[2]);
    assert!(ratios[2] <= 1.3, "{ratios:?}");
}
