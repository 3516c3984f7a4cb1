//! Seeded fuzzing of what strangers send: vendors' bodies and buyers' replies, through the very code
//! that reads them in the server.
//!
//! Each case is made from a valid one by a few mutations and depends on the seed and its own number
//! only, so a case that fails can be made again: `--seed S --first N --count 1`. A case that takes
//! longer than [`CASE_TIME_MAX`] fails too, and is told while it still runs: what a stranger sends must
//! not cost time without end.

mod inbound;
mod intake;
mod mutate;
mod profiles;
mod replies;
mod requests;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use tokio::time::Instant;

/// Failures that are told; the rest are only counted.
const FAILURES_TOLD_MAX: usize = 10;

/// The longest that one case may take; most take some microseconds.
const CASE_TIME_MAX: Duration = Duration::from_secs(2);

/// How often is looked whether a case still runs.
const LOOK_EVERY: Duration = Duration::from_millis(250);

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// What is fuzzed
    #[arg(value_enum)]
    target: Target,
    /// How many cases
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// Which cases
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The number of the first case
    #[arg(long, default_value_t = 0)]
    first: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Target {
    /// Bodies of leads, as JSON and as forms
    Intake,
    /// Buyers' replies to pings, posts and status questions
    Replies,
    /// Buyers' replies in their own formats, read by profiles
    Profiles,
    /// Vendors' requests in their own formats, read by inbound profiles
    Inbound,
    /// Profiles of every shape, and the requests they make of hostile leads
    Requests,
}

/// What became of one case: the name of its outcome, or what was wrong with it.
type Judged = Result<&'static str, String>;

/// Makes one case and judges it.
type Judge = Box<dyn Fn(&mut ChaCha8Rng) -> Judged>;

/// Runs the cases; the answer says whether all held.
pub fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let began = Instant::now();
    let (name, judge, expected): (_, Judge, _) = match arguments.target {
        Target::Intake => {
            let bodies = intake::Bodies::new()?;
            ("intake", Box::new(move |random| bodies.judge(random)), intake::OUTCOMES)
        }
        Target::Replies => ("replies", Box::new(replies::judge), replies::OUTCOMES),
        Target::Profiles => {
            let profiles = profiles::Profiles::new()?;
            ("profiles", Box::new(move |random| profiles.judge(random)), profiles::OUTCOMES)
        }
        Target::Inbound => {
            let profiles = inbound::Profiles::new();
            ("inbound", Box::new(move |random| profiles.judge(random)), inbound::OUTCOMES)
        }
        Target::Requests => {
            let requests = requests::Requests::new()?;
            ("requests", Box::new(move |random| requests.judge(random)), requests::OUTCOMES)
        }
    };
    let Found { outcomes, failures } = judge_all(arguments, &judge);
    // Fuzzing that never meets an outcome does not try what leads to it.
    let is_long = arguments.count >= 20_000;
    let missed: Vec<_> = expected.iter().filter(|name| !outcomes.contains_key(*name)).collect();
    let holds = failures == 0 && (missed.is_empty() || !is_long);
    let seconds = began.elapsed().as_secs_f64();
    let report = serde_json::json!({
        "fuzz": name, "passed": holds, "cases": arguments.count, "seed": arguments.seed,
        "failures": failures, "never_met": missed, "outcomes": outcomes, "seconds": seconds,
    });
    println!("{report}");
    Ok(holds)
}

/// What became of all cases.
#[derive(Default)]
struct Found {
    outcomes: BTreeMap<&'static str, u64>,
    failures: usize,
}

/// The case that runs, and since when.
type Running = Mutex<Option<(u64, Instant)>>;

fn judge_all(arguments: &Arguments, judge: &Judge) -> Found {
    let running = Running::default();
    std::thread::scope(|threads| {
        let (end, ended) = channel();
        threads.spawn(|| watch(&running, arguments.seed, ended));
        let mut found = Found::default();
        for number in arguments.first..arguments.first.saturating_add(arguments.count) {
            match judge_one(arguments.seed, number, (judge, &running)) {
                Ok(outcome) => *found.outcomes.entry(outcome).or_default() += 1,
                Err(why) => {
                    found.failures += 1;
                    if found.failures <= FAILURES_TOLD_MAX {
                        eprintln!("case {number} of seed {}: {why}", arguments.seed);
                    }
                }
            }
        }
        drop(end);
        found
    })
}

/// Makes a case and judges it, with the time it takes.
fn judge_one(seed: u64, number: u64, (judge, running): (&Judge, &Running)) -> Judged {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(number);
    let began = Instant::now();
    *running.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, began));
    let judged = catch_unwind(AssertUnwindSafe(|| judge(&mut random)));
    let took = began.elapsed();
    match judged.unwrap_or_else(|_| Err("it panicked".to_owned())) {
        Ok(_) if took > CASE_TIME_MAX => Err(format!("it took {} ms", took.as_millis())),
        judged => judged,
    }
}

/// Tells of each case that runs for too long, which may be one that never ends.
fn watch(running: &Running, seed: u64, ended: Receiver<()>) {
    let mut told = None;
    while ended.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
        let running = *running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((number, since)) = running
            && since.elapsed() > CASE_TIME_MAX
            && told != Some(number)
        {
            eprintln!("case {number} of seed {seed} still runs after {CASE_TIME_MAX:?}");
            told = Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(judge: Judge) -> Found {
        let arguments = Arguments { target: Target::Requests, count: 3, seed: 1, first: 0 };
        judge_all(&arguments, &judge)
    }

    #[test]
    fn a_case_that_panics_or_takes_too_long_is_a_failure() {
        assert_eq!(found(Box::new(|_| Ok("fine"))).failures, 0);
        assert_eq!(found(Box::new(|_| Err("wrong".to_owned()))).failures, 3);
        assert_eq!(found(Box::new(|_| panic!("so it is meant"))).failures, 3);
        let is_first = std::cell::Cell::new(true);
        let judge = move |_: &mut ChaCha8Rng| {
            let began = Instant::now();
            while is_first.get() && began.elapsed() <= CASE_TIME_MAX {
                std::hint::spin_loop();
            }
            is_first.set(false);
            Ok("slow or not")
        };
        assert_eq!(found(Box::new(judge)).failures, 1);
    }
}
