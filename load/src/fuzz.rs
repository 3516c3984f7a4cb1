//! Seeded fuzzing of what strangers send: vendors' bodies and buyers' replies, through the very code
//! that reads them in the server.
//!
//! Each case is made from a valid one by a few mutations and depends on the seed and its own number
//! only, so a case that fails can be made again: `--seed S --first N --count 1`.

mod inbound;
mod intake;
mod mutate;
mod profiles;
mod replies;
mod requests;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use clap::ValueEnum;
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use tokio::time::Instant;

/// Failures that are told; the rest are only counted.
const FAILURES_TOLD_MAX: usize = 10;

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
    let mut outcomes: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut failures = 0_usize;
    for number in arguments.first..arguments.first.saturating_add(arguments.count) {
        let mut random = ChaCha8Rng::seed_from_u64(arguments.seed);
        random.set_stream(number);
        let judged = catch_unwind(AssertUnwindSafe(|| judge(&mut random)));
        let judged = judged.unwrap_or_else(|_| Err("it panicked".to_owned()));
        match judged {
            Ok(outcome) => *outcomes.entry(outcome).or_default() += 1,
            Err(why) => {
                failures += 1;
                if failures <= FAILURES_TOLD_MAX {
                    eprintln!("case {number} of seed {}: {why}", arguments.seed);
                }
            }
        }
    }
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
