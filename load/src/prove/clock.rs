//! `prove clock`: the machine's wall clock is stepped, to and fro, while the exchange works.
//!
//! The server reads a clock that is wrong by what a file says; everything else keeps the right time. By
//! seconds and by hours, under load: nothing may be lost, sold twice or told otherwise, and every vendor
//! must be answered within the time it was promised, which no wall clock measures. Then what a wrong
//! clock does visibly: buyers refuse what was signed at another time, and caps count by the day that the
//! clock shows, once for each day.

mod day;
mod refusal;
mod stage;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, future, stream};
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use self::stage::Stage;
use super::vendor::{Told, Vendor};
use super::{Common, Findings, compare};
use crate::backends::Backends;

/// How long a vendor waits for its first answer, in milliseconds.
const WAIT_MS: u64 = 4_000;
/// How far the clock is stepped, in milliseconds.
const STEPS_MS: [i64; 10] = [
    -1_000,
    1_000,
    -30_000,
    30_000,
    -3_600_000,
    3_600_000,
    -7_200_000,
    7_200_000,
    -90_000_000,
    90_000_000,
];
/// After so many steps a server is killed.
const KILL_EVERY: usize = 6;
/// For how long a clock is left as it is, in milliseconds.
const PAUSE_MS: std::ops::Range<u64> = 150..700;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    /// How often the clock is stepped, for one server and then for one of several.
    #[arg(long, default_value_t = 60)]
    steps: usize,
    /// How many leads are under way at once.
    #[arg(long, default_value_t = 16)]
    at_once: usize,
    /// How many leads are offered to buyers that refuse them.
    #[arg(long, default_value_t = 40)]
    refused: usize,
    /// How much later than promised the first answer to a vendor may come, in milliseconds.
    #[arg(long, default_value_t = 500)]
    late_ms: u64,
}

/// Runs the proof.
pub async fn prove(asked: Arguments) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    jump(&asked, None, &mut findings).await?;
    let backends = Backends::start();
    jump(&asked, Some(&backends), &mut findings).await?;
    refusal::prove(&asked, &mut findings).await?;
    day::prove(asked.late_ms, &mut findings).await?;
    Ok(findings)
}

/// Steps the clock of the only server, or of the first of three, under load.
async fn jump(
    asked: &Arguments,
    backends: Option<&Backends>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let nodes = if backends.is_some() { 3 } else { 1 };
    let settings = backends.map(Backends::settings).unwrap_or_default();
    let stage = Stage::start(nodes, settings).await?;
    let crowd = stage.tolerant_crowd().await?;
    let vendor = Vendor::insisting(&stage.exchange).await?;
    let is_over = AtomicBool::new(false);
    let selling = sell(&stage, &vendor, asked.at_once, &is_over);
    let stepping = async {
        step(&stage, asked).await?;
        is_over.store(true, Ordering::Relaxed);
        Ok(())
    };
    let (told, ()) = future::try_join(selling, stepping).await?;
    findings.leads += told.len() as u64;
    findings.faults += asked.steps as u64;
    for told in &told {
        in_time(told, asked.late_ms, findings);
    }
    compare::compare(&stage.exchange, &crowd.buyers(), &told, findings).await?;
    replay(&stage, &vendor, &told, findings).await
}

/// Sells leads until the clock stands still; gives what was told in their order.
async fn sell(
    stage: &Stage,
    vendor: &Vendor<'_>,
    at_once: usize,
    is_over: &AtomicBool,
) -> anyhow::Result<Vec<Told>> {
    stream::iter(0..)
        .take_while(|_| future::ready(!is_over.load(Ordering::Relaxed)))
        .map(async |number: usize| {
            vendor.sell(&format!("clock-{number}"), &stage.body(number)?).await
        })
        .buffered(at_once)
        .try_collect()
        .await
        .map_err(|error: anyhow::Error| error.context(stage.exchange.log()))
}

/// Steps the clock. Of several servers one whose clock is right is killed at times, so that the one whose
/// clock is wrong takes its leads over.
async fn step(stage: &Stage, asked: &Arguments) -> anyhow::Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(asked.common.seed);
    for number in 0..asked.steps {
        tokio::time::sleep(Duration::from_millis(random.random_range(PAUSE_MS))).await;
        // Half of the steps lead back to the right time.
        let back = random.random_bool(0.5) && stage.clocks.first() != 0;
        let off = if back { 0 } else { STEPS_MS.choose(&mut random).copied().unwrap_or(0) };
        stage.clocks.set_first(off)?;
        if let Some(node) = stage.exchange.nodes().get(1).filter(|_| number % KILL_EVERY == 2) {
            node.kill();
            node.spawn()?;
        }
    }
    stage.clocks.set_first(0)
}

/// The first answer must be there by the end of the vendor's wait.
fn in_time(told: &Told, late_ms: u64, findings: &mut Findings) {
    if told.first_after > Duration::from_millis(WAIT_MS + late_ms) {
        let (lead_id, after) = (&told.lead_id, told.first_after.as_millis());
        findings.broke(format!("{lead_id} was answered after {after} ms"));
    }
}

/// The same requests, hours later and hours earlier by the clock: keys are known for days.
async fn replay(
    stage: &Stage,
    vendor: &Vendor<'_>,
    told: &[Told],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    const SAMPLE: usize = 50;
    for off_ms in [86_400_000, -86_400_000, 0] {
        stage.clocks.set_first(off_ms)?;
        for (number, told) in told.iter().enumerate().take(SAMPLE) {
            let call = vendor.submission(&format!("clock-{number}"), &stage.body(number)?);
            let again = vendor.call(call).await?;
            if (again.status, &again.body) != (200, &told.last.body) {
                findings.contradictions += 1;
                findings.broke(format!("{} at {off_ms} ms: {:?}", told.lead_id, again.body));
            }
        }
    }
    Ok(())
}
