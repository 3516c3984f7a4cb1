//! `prove kill`: the servers of one exchange are killed at random moments, all the time, under load.
//!
//! Each server dies (SIGKILL) and comes back on a schedule of its own, so at times two or all of them
//! are dead at once. Vendors take their requests to any server and send again what is not answered.
//! In the end every lead must have been sold once, every answer must have stayed as it was, and the
//! vendor's, the buyers', the store's and the records' sums must be the same, to the cent.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::ensure;
use futures::future;
use gavel::demo::temper::Delay;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;

use super::crowd::Crowd;
use super::vendor::Vendor;
use super::{Common, Findings, compare};
use crate::backends::Backends;
use crate::exchange::Exchange;
use crate::node::Node;

/// For how long a server owns a lead without renewing, and how often it renews, in milliseconds.
const LEASE_MS: u64 = 2_000;
const RENEW_MS: u64 = 600;
/// For how long a server lives, and stays dead, in milliseconds.
const ALIVE_MS: std::ops::Range<u64> = 200..2_500;
const DEAD_MS: std::ops::Range<u64> = 0..700;
/// How long a server may take to get ready, however often it is started.
const STARTED_WITHIN: Duration = Duration::from_secs(120);
/// How long a buyer thinks, in milliseconds.
const DELAY: Delay = Delay::Uniform(1, 30);

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    /// How often a server is killed, at least.
    #[arg(long, default_value_t = 300)]
    kills: usize,
    /// How many leads are sold meanwhile, at least.
    #[arg(long, default_value_t = 30_000)]
    leads: usize,
    /// How many servers there are.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// How many leads are under way at once.
    #[arg(long, default_value_t = 48)]
    at_once: usize,
}

/// Runs the proof.
pub async fn prove(asked: Arguments) -> anyhow::Result<Findings> {
    ensure!(asked.nodes > 0 && asked.at_once > 0, "nobody to kill, or nothing to sell");
    let backends = Backends::start();
    let mut settings = backends.settings();
    settings.extend([
        ("limits.lease_ms", LEASE_MS.to_string()),
        ("limits.renew_ms", RENEW_MS.to_string()),
    ]);
    settings.extend(super::breakers_that_never_open());
    let exchange = Exchange::start_nodes(asked.nodes, &settings).await?;
    let crowd = Crowd::start(&exchange, DELAY).await?;
    let vendor = Vendor::insisting(&exchange).await?;

    let progress = Progress { asked: &asked, vendor: &vendor, kills: AtomicUsize::new(0) };
    let killers = exchange.nodes().iter().enumerate().map(|(number, node)| {
        progress.kill_again_and_again(node, asked.common.seed.wrapping_add(number as u64))
    });
    let selling = vendor.sell_while("kill", asked.at_once, || !progress.is_done());
    let (told, _) = future::try_join(selling, future::try_join_all(killers)).await?;

    let mut findings = Findings {
        leads: told.len() as u64,
        faults: progress.kills.load(Ordering::Relaxed) as u64,
        ..Findings::default()
    };
    if !asked.common.json {
        println!("{} requests were sent again; comparing {} leads", vendor.retries(), told.len());
    }
    compare::compare(&exchange, &crowd.buyers(), &told, &mut findings).await?;
    Ok(findings)
}

/// How far the proof is: killing and selling go on until both have done their part.
struct Progress<'a> {
    asked: &'a Arguments,
    vendor: &'a Vendor<'a>,
    kills: AtomicUsize,
}

/// Starts a server as what looks after services does: one that ends, as where Redis is too slow for
/// it, is started again.
async fn start_as_a_service(node: &Node) -> anyhow::Result<()> {
    let give_up_at = Instant::now() + STARTED_WITHIN;
    loop {
        match node.start().await {
            Err(_) if Instant::now() < give_up_at => node.kill(),
            started => return started,
        }
    }
}

impl Progress<'_> {
    fn is_done(&self) -> bool {
        self.kills.load(Ordering::Relaxed) >= self.asked.kills
            && self.vendor.sold() >= self.asked.leads
    }

    async fn kill_again_and_again(&self, node: &Node, seed: u64) -> anyhow::Result<()> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut pause = async |range: std::ops::Range<u64>| {
            tokio::time::sleep(Duration::from_millis(random.random_range(range))).await;
        };
        loop {
            pause(ALIVE_MS).await;
            if self.is_done() {
                return Ok(());
            }
            node.kill();
            self.kills.fetch_add(1, Ordering::Relaxed);
            pause(DEAD_MS).await;
            start_as_a_service(node).await?;
        }
    }
}
