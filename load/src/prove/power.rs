//! `prove power`: the machine under the in-flight store loses its power, again and again, under load.
//!
//! A library that is preloaded into the store's process writes down each change of a file and each
//! fsync. A cut kills the process and undoes what no fsync had made durable: all of it, or, in every
//! other cut, all but what a disk might have written by chance, down to a torn append. What a vendor
//! was told before must still hold after. The control lets Redis answer before its fsync; it passes
//! only if something was lost, which shows that the cuts are real.

mod log;
mod shim;
mod undo;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::ensure;
use futures::future;
use gavel::demo::temper::Delay;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use self::shim::Shim;
use super::crowd::Crowd;
use super::vendor::{Told, Vendor};
use super::{Common, Findings, compare};
use crate::backends::Backends;
use crate::exchange::Exchange;

/// For how long there is power, in milliseconds.
const POWER_MS: std::ops::Range<u64> = 150..900;
/// How long a buyer thinks, in milliseconds.
const DELAY: Delay = Delay::Uniform(1, 30);
/// How long an auction may take, in milliseconds: longer than there is ever no power.
const AUCTION_MS: u64 = 120_000;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    /// Which store loses its power.
    #[arg(long, value_enum, default_value_t = Store::Embedded)]
    store: Store,
    /// How often.
    #[arg(long, default_value_t = 60)]
    cuts: usize,
    /// How many leads are under way at once.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
}

/// What loses its power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Store {
    /// The server with its embedded store and records.
    Embedded,
    /// Redis, which answers after its fsync.
    Redis,
    /// Redis, which answers before: the control.
    Everysec,
}

/// Runs the proof.
pub async fn prove(asked: Arguments) -> anyhow::Result<Findings> {
    ensure!(asked.cuts > 0 && asked.at_once > 0, "nothing to cut, or nothing to sell");
    let shim = Shim::build()?;
    let backends = match asked.store {
        Store::Embedded => None,
        Store::Redis => Some(shim.redis("always")),
        Store::Everysec => Some(shim.redis("everysec")),
    };
    let mut settings = backends.as_ref().map(Backends::settings).unwrap_or_default();
    settings.push(("limits.auction_ms", AUCTION_MS.to_string()));
    if asked.store == Store::Everysec {
        settings.push(("store.durability", "relaxed".to_owned()));
    }
    settings.extend(super::breakers_that_never_open());
    let exchange = Exchange::start_nodes(1, &settings).await?;
    let crowd = Crowd::start(&exchange, DELAY).await?;
    let vendor = Vendor::insisting(&exchange).await?;
    let proof = Proof {
        asked: &asked,
        shim: &shim,
        backends: backends.as_ref(),
        exchange: &exchange,
        is_over: AtomicBool::new(false),
    };
    let goes_on = || !proof.is_over.load(Ordering::Relaxed);
    let selling = vendor.sell_while("power", asked.at_once, goes_on);
    let (told, lost) = future::try_join(selling, proof.cut_again_and_again()).await?;

    let mut findings =
        Findings { leads: told.len() as u64, faults: asked.cuts as u64, ..Findings::default() };
    if !asked.common.json {
        println!("{} of {} changes in doubt were lost", lost.undone, lost.in_doubt);
    }
    if asked.store == Store::Everysec {
        return Ok(control(&told, findings));
    }
    if lost.undone == 0 {
        findings.broke("no cut ever took anything away");
    }
    compare::compare(&exchange, &crowd.buyers(), &told, &mut findings).await?;
    Ok(findings)
}

/// The control holds if answers were lost.
fn control(told: &[Told], mut findings: Findings) -> Findings {
    let mut seen = Findings::default();
    for told in told {
        compare::check_answers(told, &mut seen);
    }
    eprintln!("the control lost {} leads and changed {} answers", seen.lost, seen.contradictions);
    if seen.lost + seen.contradictions == 0 {
        findings.broke("the control lost nothing: the cuts prove nothing");
    }
    findings
}

struct Proof<'a> {
    asked: &'a Arguments,
    shim: &'a Shim,
    backends: Option<&'a Backends>,
    exchange: &'a Exchange,
    is_over: AtomicBool,
}

impl Proof<'_> {
    async fn cut_again_and_again(&self) -> anyhow::Result<undo::Lost> {
        let mut random = ChaCha8Rng::seed_from_u64(self.asked.common.seed);
        let mut lost = undo::Lost::default();
        if self.backends.is_none() {
            // It was started without the library.
            self.exchange.nodes()[0].kill();
            self.give_power().await?;
        }
        for number in 0..self.asked.cuts {
            tokio::time::sleep(Duration::from_millis(random.random_range(POWER_MS))).await;
            match self.backends {
                None => self.exchange.nodes()[0].kill(),
                Some(backends) => backends.redis().kill(),
            }
            let kept_by_chance = number % 2 == 1;
            let cut = self.shim.undo(kept_by_chance.then_some(&mut random))?;
            lost.undone += cut.undone;
            lost.in_doubt += cut.in_doubt;
            self.give_power().await?;
        }
        self.is_over.store(true, Ordering::Relaxed);
        Ok(lost)
    }

    async fn give_power(&self) -> anyhow::Result<()> {
        match self.backends {
            Some(backends) => {
                backends.redis().resume();
                Ok(())
            }
            None => {
                let node = &self.exchange.nodes()[0];
                node.spawn_with(&self.shim.environment(self.exchange.folder()))?;
                node.ready().await
            }
        }
    }
}
