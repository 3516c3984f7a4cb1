//! `prove redis`: everything that can happen to the one Redis behind all servers, under load.
//!
//! It is stopped, restarted again and again, frozen, robbed of its scripts, and runs out of memory and
//! of disk. While it is away no server takes a lead, each says so (503, `Retry-After`, not ready), and
//! what was taken before must still be sold, once, when it is back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use futures::future;
use gavel::demo::temper::Delay;
use tokio::time::Instant;

use super::crowd::Crowd;
use super::vendor::{Vendor, lead};
use super::{Common, Findings, compare};
use crate::backends::Backends;
use crate::exchange::Exchange;
use crate::process::signal;

/// Within what time every server must say that it is not ready: the 2 s promised, and the pause
/// between two looks.
const AWAY_SEEN_WITHIN: Duration = Duration::from_millis(2_100);
/// How long it is away, or short of something.
const AWAY: Duration = Duration::from_secs(3);
/// How long it is frozen: a disk that is slow to write.
const FROZEN: Duration = Duration::from_millis(1_500);
/// How often it is restarted at once, and its scripts are flushed; and the pause after each.
const TIMES: usize = 10;
const PAUSE: Duration = Duration::from_millis(300);
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);
/// How long anything may take to come round.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a buyer thinks, in milliseconds.
const DELAY: Delay = Delay::Uniform(1, 30);
/// How long an auction may take, in milliseconds: longer than Redis is ever away.
const AUCTION_MS: u64 = 120_000;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    /// How often it meets everything.
    #[arg(long, default_value_t = 2)]
    rounds: usize,
    /// How many servers there are.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
    /// How many leads are under way at once.
    #[arg(long, default_value_t = 24)]
    at_once: usize,
}

/// Runs the proof.
pub async fn prove(asked: Arguments) -> anyhow::Result<Findings> {
    ensure!(asked.nodes > 0 && asked.at_once > 0, "nobody to ask, or nothing to sell");
    let backends = Backends::on_a_small_disk()?;
    let mut settings = backends.settings();
    settings.push(("limits.auction_ms", AUCTION_MS.to_string()));
    settings.extend(super::breakers_that_never_open());
    let exchange = Exchange::start_nodes(asked.nodes, &settings).await?;
    let crowd = Crowd::start(&exchange, DELAY).await?;
    let vendor = Vendor::insisting(&exchange).await?;
    let proof =
        Proof { backends, exchange: &exchange, vendor: &vendor, is_over: AtomicBool::new(false) };
    let goes_on = || !proof.is_over.load(Ordering::Relaxed);
    let selling = vendor.sell_while("redis", asked.at_once, goes_on);
    let (told, mut findings) = future::try_join(selling, proof.harm(asked.rounds)).await?;
    findings.leads = told.len() as u64;
    if !asked.common.json {
        println!("{} requests were sent again; comparing {} leads", vendor.retries(), told.len());
    }
    compare::compare(&exchange, &crowd.buyers(), &told, &mut findings).await?;
    Ok(findings)
}

struct Proof<'a> {
    backends: Backends,
    exchange: &'a Exchange,
    vendor: &'a Vendor<'a>,
    is_over: AtomicBool,
}

impl Proof<'_> {
    /// Does it every harm, `rounds` times.
    async fn harm(&self, rounds: usize) -> anyhow::Result<Findings> {
        let mut findings = Findings::default();
        for _ in 0..rounds {
            self.stop(&mut findings).await?;
            self.restart(&mut findings).await?;
            self.freeze(&mut findings).await?;
            self.flush_scripts(&mut findings).await?;
            self.fill_memory(&mut findings).await?;
            self.fill_disk(&mut findings).await?;
        }
        self.is_over.store(true, Ordering::Relaxed);
        Ok(findings)
    }

    async fn stop(&self, findings: &mut Findings) -> anyhow::Result<()> {
        findings.faults += 1;
        self.backends.redis().kill();
        let stopped = Instant::now();
        self.await_all("every server sees that Redis is away", false).await?;
        let seen = stopped.elapsed();
        if seen > AWAY_SEEN_WITHIN {
            findings.broke(format!("that Redis is away was seen after {} ms", seen.as_millis()));
        }
        self.is_refused_everywhere("while Redis is away", findings).await?;
        tokio::time::sleep(AWAY).await;
        self.start_again().await
    }

    async fn restart(&self, findings: &mut Findings) -> anyhow::Result<()> {
        for _ in 0..TIMES {
            findings.faults += 1;
            self.backends.redis().kill();
            self.backends.redis().resume();
            tokio::time::sleep(PAUSE).await;
        }
        self.await_all("every server finds Redis again", true).await
    }

    async fn freeze(&self, findings: &mut Findings) -> anyhow::Result<()> {
        findings.faults += 1;
        let process = self.backends.redis().process().context("Redis does not run")?;
        signal(process, "STOP")?;
        tokio::time::sleep(FROZEN).await;
        signal(process, "CONT")?;
        self.await_all("every server is ready after the freeze", true).await
    }

    async fn flush_scripts(&self, findings: &mut Findings) -> anyhow::Result<()> {
        for _ in 0..TIMES {
            findings.faults += 1;
            self.backends.redis().ask(&["SCRIPT", "FLUSH"])?;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    async fn fill_memory(&self, findings: &mut Findings) -> anyhow::Result<()> {
        findings.faults += 1;
        self.backends.redis().ask(&["CONFIG", "SET", "maxmemory", "1"])?;
        self.is_refused_everywhere("while Redis has no memory", findings).await?;
        tokio::time::sleep(AWAY).await;
        self.backends.redis().ask(&["CONFIG", "SET", "maxmemory", "0"])?;
        self.await_all("every server is ready with memory again", true).await
    }

    async fn fill_disk(&self, findings: &mut Findings) -> anyhow::Result<()> {
        findings.faults += 1;
        let filler = self.backends.fill_disk()?;
        self.await_all("every server sees that Redis has ended", false).await?;
        self.is_refused_everywhere("while the disk is full", findings).await?;
        tokio::time::sleep(AWAY).await;
        drop(filler);
        self.backends.redis().kill();
        self.start_again().await
    }

    async fn start_again(&self) -> anyhow::Result<()> {
        self.backends.redis().resume();
        self.await_all("every server finds Redis again", true).await
    }

    /// Waits until all servers say that they are ready, or that they are not.
    async fn await_all(&self, what: &str, ready: bool) -> anyhow::Result<()> {
        let give_up_at = Instant::now() + PATIENCE;
        for node in self.exchange.nodes() {
            while node.is_ready().await != ready {
                ensure!(Instant::now() < give_up_at, "waited in vain until {what}");
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// A new lead must be refused for now by every server, and told when to come again.
    async fn is_refused_everywhere(
        &self,
        when: &str,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        for (number, node) in self.exchange.nodes().iter().enumerate() {
            // The key is used once more by each server, so that nothing is sold by this.
            let call = self.vendor.submission("refused", &lead(usize::MAX)?);
            let answer = node.call(call).await?;
            if answer.status != 503 || !answer.headers.contains_key("retry-after") {
                let status = answer.status;
                findings
                    .broke(format!("{when} server {number} answered {status}: {:?}", answer.body));
            }
        }
        Ok(())
    }
}
