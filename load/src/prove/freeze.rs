//! `prove freeze`: servers are stopped (SIGSTOP) right before they send a post, for three leases.
//!
//! The intent is stored; whether the post left, nobody else can tell. Another server takes the lead
//! over, and then the frozen one wakes and goes on where it was: before its last look at the time, or
//! after it, with nothing left between it and the wire. By the exchange's books no lead may be sold
//! twice, nothing may be lost, and where a contract allows that a lead is sold on although its post may
//! still arrive, every such delivery must be on record as a conflict: as many as the buyers count.

mod buyers;
mod gate;

use std::time::Duration;

use anyhow::ensure;
use gavel::wire::freeze_points::FREEZE_AT;

use self::buyers::Buyers;
use self::gate::{Gate, Quotas};
use super::vendor::Vendor;
use super::{Common, Findings, compare};
use crate::backends::Backends;
use crate::exchange::Exchange;

/// For how long a server owns a lead without renewing, and how often it renews, in milliseconds.
const LEASE_MS: u64 = 2_000;
const RENEW_MS: u64 = 600;
/// How long a post may take, in milliseconds.
const POST_MS: u64 = 1_000;
/// A lease outlives the post that it covers by so much, in milliseconds.
const LEASE_AFTER_POST_MS: u64 = 2_000;
/// For how long a server is frozen: three leases, as they are while a post is on its way.
const FROZEN: Duration = Duration::from_millis(3 * (POST_MS + LEASE_AFTER_POST_MS));
/// How long an auction may take and a bid is good for, in milliseconds: longer than servers are frozen
/// one after the other, and than a buyer is asked what became of a post.
const AUCTION_MS: u64 = 280_000;

/// From so many freezes on, some posts must have come late and some twice.
const MEANINGFUL: usize = 50;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    /// How often a server is frozen.
    #[arg(long, default_value_t = 60)]
    freezes: usize,
    /// How many servers there are; one of them is always awake.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// Leave the buyer out that is asked for a minute what became of a post.
    #[arg(long)]
    hasty: bool,
    /// How many leads are under way at once.
    #[arg(long, default_value_t = 12)]
    at_once: usize,
}

/// Runs the proof.
pub async fn prove(asked: Arguments) -> anyhow::Result<Findings> {
    ensure!(asked.nodes > 1 && asked.at_once > 0, "nobody takes over, or nothing to sell");
    let backends = Backends::start();
    let mut settings = backends.settings();
    settings.extend([
        ("limits.lease_ms", LEASE_MS.to_string()),
        ("limits.renew_ms", RENEW_MS.to_string()),
        ("limits.post_ms", POST_MS.to_string()),
        ("limits.auction_ms", AUCTION_MS.to_string()),
        ("limits.bid_ttl_ms", AUCTION_MS.to_string()),
    ]);
    settings.extend(super::breakers_that_never_open());
    let exchange = Exchange::start_nodes(asked.nodes, &settings).await?;
    let buyers = Buyers::start(&exchange, !asked.hasty).await?;
    let quotas = Quotas::new(asked.freezes, buyers.kinds());
    let gate = Gate::open(quotas, asked.nodes - 1).await?;
    exchange.restart_with(&[(FREEZE_AT.to_owned(), gate.address().to_string())]).await?;
    let vendor = Vendor::insisting(&exchange).await?;

    let selling = vendor.sell_while("freeze", asked.at_once, || !gate.is_done());
    let told = gate.watch_during(FROZEN, selling).await?;

    let mut findings =
        Findings { leads: told.len() as u64, faults: gate.freezes() as u64, ..Findings::default() };
    let compared = buyers.compared();
    let conflicts =
        compare::compare_with_conflicts(&exchange, &compared, &told, &mut findings).await?;
    let mut reported = 0.0;
    for node in exchange.nodes() {
        reported += node.metric("gavel_conflicts_total").await?;
    }
    #[expect(clippy::cast_precision_loss, reason = "a few at most")]
    if reported != conflicts as f64 {
        findings.broke(format!("{reported} conflicts are reported, {conflicts} recorded"));
    }
    let deliveries = buyers.deliveries();
    if !asked.common.json {
        println!("frozen, by contract and place: {:?}", gate.done());
        println!("{} requests were sent again by the vendor", vendor.retries());
    }
    if asked.freezes >= MEANINGFUL && !asked.hasty && (conflicts == 0 || deliveries.again == 0) {
        findings.broke("nobody got a post late, or twice: the freezes prove nothing".to_owned());
    }
    eprintln!(
        "{conflicts} conflicts; {} deliveries of the same post again; {} refused as stale",
        deliveries.again, deliveries.stale
    );
    Ok(findings)
}
