//! `prove retry`: one submission, a thousand times, at all servers, while servers are killed.
//!
//! A vendor that hears nothing sends the same again, as often as it likes and wherever it likes. It
//! must be one lead, sold once, and every request must end with the same bytes.

use std::time::Duration;

use anyhow::{Context, ensure};
use futures::future::{try_join, try_join_all};
use gavel::demo::temper::Delay;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::crowd::Crowd;
use super::vendor::{Told, Vendor, lead};
use super::{Common, Findings, compare};
use crate::backends::Backends;
use crate::exchange::Exchange;

/// For how long a server owns a lead without renewing, and how often it renews, in milliseconds.
const LEASE_MS: u64 = 2_000;
const RENEW_MS: u64 = 600;
/// How long a buyer thinks, in milliseconds: long enough for a kill while it does.
const DELAY: Delay = Delay::Uniform(200, 600);
/// Within what time all requests are sent, in milliseconds.
const SENT_WITHIN_MS: u64 = 1_500;
/// When a server is killed, and for how long it is dead, in milliseconds.
const KILL_AFTER_MS: std::ops::Range<u64> = 50..900;
const DEAD_MS: std::ops::Range<u64> = 0..500;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    /// How many requests there are for one lead.
    #[arg(long, default_value_t = 1_000)]
    requests: usize,
    /// How many leads, one after the other.
    #[arg(long, default_value_t = 6)]
    rounds: usize,
    /// How many servers there are.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
}

/// Runs the proof.
pub async fn prove(asked: Arguments) -> anyhow::Result<Findings> {
    ensure!(asked.requests > 0 && asked.nodes > 0, "nothing to repeat");
    let backends = Backends::start();
    let mut settings = backends.settings();
    settings.extend([
        ("limits.lease_ms", LEASE_MS.to_string()),
        ("limits.renew_ms", RENEW_MS.to_string()),
        // All repeats come from one key.
        ("limits.requests_per_key_per_s", "100000".to_owned()),
        ("limits.requests_per_key_burst", "100000".to_owned()),
    ]);
    settings.extend(super::breakers_that_never_open());
    let exchange = Exchange::start_nodes(asked.nodes, &settings).await?;
    let crowd = Crowd::start(&exchange, DELAY).await?;
    let vendor = Vendor::insisting(&exchange).await?;
    let mut random = ChaCha8Rng::seed_from_u64(asked.common.seed);
    let mut findings = Findings::default();
    let mut leads = Vec::new();
    for round in 0..asked.rounds {
        let victim = &exchange.nodes()[round % asked.nodes];
        let (after_ms, dead_ms) =
            (random.random_range(KILL_AFTER_MS), random.random_range(DEAD_MS));
        let killing = async {
            tokio::time::sleep(Duration::from_millis(after_ms)).await;
            victim.kill();
            tokio::time::sleep(Duration::from_millis(dead_ms)).await;
            victim.start().await
        };
        let name = format!("retry-{round}");
        let body = lead(round)?;
        let repeats = (0..asked.requests).map(|_| {
            let delay = Duration::from_millis(random.random_range(0..SENT_WITHIN_MS));
            let (vendor, name, body) = (&vendor, &name, &body);
            async move {
                tokio::time::sleep(delay).await;
                vendor.sell(name, body).await
            }
        });
        let (told, ()) =
            try_join(try_join_all(repeats), killing).await.with_context(|| exchange.log())?;
        findings.faults += 1;
        leads.extend(agree(&told, &mut findings));
    }
    findings.leads = leads.len() as u64;
    if !asked.common.json {
        println!("{} requests were sent again", vendor.retries());
    }
    compare::compare(&exchange, &crowd.buyers(), &leads, &mut findings).await?;
    Ok(findings)
}

/// All must have been told the same; gives what one of them was told.
fn agree(told: &[Told], findings: &mut Findings) -> Option<Told> {
    let first = told.first()?;
    for told in told {
        if told.lead_id != first.lead_id || told.last.body != first.last.body {
            findings.contradictions += 1;
            findings.broke(format!("{:?}, and {:?}", first.last.body, told.last.body));
        }
        compare::check_answers(told, findings);
    }
    Some(first.clone())
}
