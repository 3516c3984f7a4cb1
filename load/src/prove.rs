//! Proofs: runs against the real exchange that must not break one promise.
//!
//! Each proof lays out an installation of its own, serves it in a child process, does its worst, and
//! compares what the vendor was told, what buyers have and what is on record. It passes only if
//! nothing was lost, sold twice or contradicted, and nothing else it promises failed.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;
use tokio::time::Instant;

#[cfg(feature = "faults")]
mod clock;
mod compare;
mod crowd;
mod cut;
#[cfg(feature = "faults")]
mod freeze;
mod hostile;
mod hot;
mod kill;
mod power;
mod proxy;
mod redis;
mod retry;
mod torn;
mod vendor;

/// The proofs, and how they are told.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    proof: Proof,
}

#[derive(Debug, Subcommand)]
enum Proof {
    /// The machine's wall clock is stepped by seconds, hours and over midnight, under load.
    #[cfg(feature = "faults")]
    Clock(clock::Arguments),
    /// Posts that are cut off at byte offsets of request and response.
    Cut(cut::Arguments),
    /// Buyers that do everything a server can do wrong, at every stage of ping and post.
    Hostile(hostile::Arguments),
    /// Servers of one exchange that are killed all the time, under load.
    Kill(kill::Arguments),
    /// One submission, a thousand times, at all servers, while servers are killed.
    Retry(retry::Arguments),
    /// Servers that are frozen right before they send a post, and wake when others have their leads.
    #[cfg(feature = "faults")]
    Freeze(freeze::Arguments),
    /// Hundreds of auctions at once that want the last lead of a cap and the last money of an account.
    Hot(hot::Arguments),
    /// Everything that can happen to the one Redis behind all servers, under load.
    Redis(redis::Arguments),
    /// Files of the embedded store that are cut off, overwritten or mixed up.
    Torn(torn::Arguments),
    /// The store's machine loses its power, and with it what no fsync had made durable.
    Power(power::Arguments),
}

/// What all proofs are asked.
#[derive(Debug, Clone, Copy, Args)]
pub struct Common {
    /// Tell everything as JSON, one object a line; the last line is the verdict.
    #[arg(long)]
    json: bool,
    /// What everything random follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What a proof found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Leads submitted.
    pub leads: u64,
    /// Faults done to them.
    pub faults: u64,
    /// Leads whose vendor never got a final answer.
    pub lost: u64,
    /// Seats that more than one buyer may have.
    pub sold_twice: u64,
    /// Two parties that were told different things.
    pub contradictions: u64,
    /// Every promise that was not kept, in words.
    pub broken: Vec<String>,
}

impl Findings {
    /// Notes a promise that was not kept.
    pub fn broke(&mut self, what: impl Into<String>) {
        self.broken.push(what.into());
    }

    /// Whether every promise was kept.
    pub fn hold(&self) -> bool {
        self.lost == 0 && self.sold_twice == 0 && self.contradictions == 0 && self.broken.is_empty()
    }
}

/// Where files cost no wait, if the machine has it.
const MEMORY: &str = "/dev/shm";

/// Settings under which faults do not keep an endpoint out of what is proved.
fn breakers_that_never_open() -> [(&'static str, String); 2] {
    let never = || u32::MAX.to_string();
    [("limits.breaker_ping_sample_min", never()), ("limits.breaker_post_sample_min", never())]
}

/// The last line of a proof.
#[derive(Debug, Serialize)]
struct Verdict<'a> {
    proof: &'a str,
    passed: bool,
    leads: u64,
    faults: u64,
    lost: u64,
    sold_twice: u64,
    contradictions: u64,
    seconds: f64,
}

/// How many broken promises are told in words.
const BROKEN_TOLD_MAX: usize = 50;

/// Runs a proof on a runtime of its own; the exit code says whether it passed.
///
/// # Errors
/// When the proof itself could not be carried out.
pub fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (name, common, findings) = match arguments.proof {
        Proof::Cut(asked) => {
            let common = asked.common;
            ("cut", common, runtime.block_on(cut::prove(asked))?)
        }
        Proof::Hostile(asked) => {
            let common = asked.common;
            ("hostile", common, runtime.block_on(hostile::prove(asked))?)
        }
        #[cfg(feature = "faults")]
        Proof::Clock(asked) => ("clock", asked.common, runtime.block_on(clock::prove(asked))?),
        #[cfg(feature = "faults")]
        Proof::Freeze(asked) => ("freeze", asked.common, runtime.block_on(freeze::prove(asked))?),
        Proof::Kill(asked) => ("kill", asked.common, runtime.block_on(kill::prove(asked))?),
        Proof::Retry(asked) => ("retry", asked.common, runtime.block_on(retry::prove(asked))?),
        Proof::Hot(asked) => ("hot", asked.common, runtime.block_on(hot::prove(asked))?),
        Proof::Power(asked) => ("power", asked.common, runtime.block_on(power::prove(asked))?),
        Proof::Torn(asked) => ("torn", asked.common, torn::prove(&asked)?),
        Proof::Redis(asked) => ("redis", asked.common, runtime.block_on(redis::prove(asked))?),
    };
    runtime.shutdown_background();
    for broken in findings.broken.iter().take(BROKEN_TOLD_MAX) {
        eprintln!("BROKEN: {broken}");
    }
    let verdict = Verdict {
        proof: name,
        passed: findings.hold(),
        leads: findings.leads,
        faults: findings.faults,
        lost: findings.lost,
        sold_twice: findings.sold_twice,
        contradictions: findings.contradictions,
        seconds: (began.elapsed().as_secs_f64() * 10.0).round() / 10.0,
    };
    if common.json {
        println!("{}", serde_json::to_string(&verdict)?);
    } else {
        println!("{verdict:#?}");
    }
    Ok(if findings.hold() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_passes_only_if_nothing_was_found() {
        assert!(Findings::default().hold());
        let found = [
            Findings { lost: 1, ..Findings::default() },
            Findings { sold_twice: 1, ..Findings::default() },
            Findings { contradictions: 1, ..Findings::default() },
            Findings { broken: vec!["something".to_owned()], ..Findings::default() },
        ];
        for findings in found {
            assert!(!findings.hold(), "{findings:?}");
        }
    }
}
