//! What can be asked of the simulator, and how its answer looks.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::time::Instant;

use crate::director;
use crate::scenario::Scenario;
use crate::world::World;

pub const USAGE: &str = "usage: cargo test [--release] --test sim -- [--seeds N] [--from S] \
    [--leads L] [--jobs J]\n       cargo test [--release] --test sim -- --seed S [--leads L] [--trace]";

/// Seeds and leads of a plain `cargo test`.
const SEEDS: u64 = 200;
const LEADS: usize = 20;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    from: u64,
    seeds: u64,
    leads: usize,
    jobs: usize,
    is_traced: bool,
    /// Whether it was named at all: `cargo test NAME` runs those of that name.
    is_wanted: bool,
    /// Nothing was asked for in particular: all that belongs to the check.
    is_whole_check: bool,
}

impl Order {
    pub fn parse(arguments: &[String]) -> Result<Self, String> {
        let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let mut order = Self {
            from: 0,
            seeds: SEEDS,
            leads: LEADS,
            jobs,
            is_traced: false,
            is_wanted: true,
            is_whole_check: true,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut number = || -> Result<u64, String> {
                let value = rest.next().ok_or(format!("{argument} needs a number"))?;
                value.parse().map_err(|_| format!("{argument} {value} is no number"))
            };
            match argument.as_str() {
                "--seeds" => order.seeds = number()?,
                "--from" => order.from = number()?,
                "--seed" => (order.from, order.seeds) = (number()?, 1),
                "--leads" => order.leads = usize::try_from(number()?).unwrap_or(usize::MAX),
                "--jobs" => order.jobs = usize::try_from(number()?).unwrap_or(1).max(1),
                "--trace" => order.is_traced = true,
                // What the usual harness takes and this one has no use for.
                "--quiet" | "-q" | "--nocapture" | "--exact" | "--include-ignored" => continue,
                "--list" | "--ignored" => order.is_wanted = false,
                name if !name.starts_with('-') => {
                    order.is_wanted &= "sim".contains(name);
                    continue;
                }
                other => return Err(format!("unknown argument {other}")),
            }
            order.is_whole_check = false;
        }
        Ok(order)
    }
}

/// How one run went.
pub struct Report {
    pub seed: u64,
    pub steps: u64,
    pub digest: u64,
    /// What must not be, with the last steps before it.
    pub violation: Option<(String, Vec<String>)>,
}

/// Runs one seed.
pub fn run_seed(seed: u64, leads: usize, day_keys: &Path, is_traced: bool) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without sockets needs nothing");
    let scenario = Scenario::draw(seed, leads);
    if is_traced {
        println!("{scenario:#?}");
    }
    let report = runtime.block_on(async {
        let world = World::new(scenario, day_keys, is_traced);
        director::run(&world).await;
        let (steps, digest) = world.trace_sum();
        let violation = world.violation().map(|what| (what, world.last_lines()));
        Report { seed, steps, digest, violation }
    });
    drop(runtime);
    report
}

pub fn carry_out(order: &Order) -> ExitCode {
    if !order.is_wanted {
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a folder for the keys of days");
    let day_keys = folder.path().join("days");
    let began = Instant::now();
    let is_well = run_many(order, &day_keys);
    let sum = format!("{} seeds x {} leads", order.seeds, order.leads);
    println!("sim: {sum} in {:.1} s", began.elapsed().as_secs_f64());
    let is_repeatable = !order.is_whole_check || repeats_itself(&day_keys);
    if is_well && is_repeatable { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_many(order: &Order, day_keys: &Path) -> bool {
    let next = AtomicU64::new(order.from);
    let has_failed = AtomicBool::new(false);
    let failures = Mutex::new(Vec::new());
    let steps = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..order.jobs.min(usize::try_from(order.seeds).unwrap_or(usize::MAX)) {
            scope.spawn(|| {
                while !has_failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= order.from + order.seeds {
                        return;
                    }
                    let report = run_seed(seed, order.leads, day_keys, order.is_traced);
                    steps.fetch_add(report.steps, Ordering::Relaxed);
                    if report.violation.is_some() {
                        has_failed.store(true, Ordering::Relaxed);
                        failures.lock().expect("nobody panics with it").push(report);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("nobody panics with it");
    failures.sort_by_key(|report| report.seed);
    for report in &failures {
        show(report, order.leads);
    }
    println!("sim: {} steps, {} violations", steps.into_inner(), failures.len());
    failures.is_empty()
}

fn show(report: &Report, leads: usize) {
    let Some((violation, lines)) = &report.violation else { return };
    let seed = report.seed;
    println!("\nsim: VIOLATION with seed {seed}, {leads} leads, commit {}", commit());
    println!("  {violation}\n  the last steps:");
    for line in lines {
        println!("{line}");
    }
    println!("\n  again, from the beginning:");
    println!("  cargo test --release --test sim -- --seed {seed} --leads {leads} --trace\n");
}

fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "--short", "HEAD"]).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".to_owned())
}

/// The same seed is the same run, bit for bit.
fn repeats_itself(day_keys: &Path) -> bool {
    (0..5).all(|seed| {
        let [first, second] = [(); 2].map(|()| run_seed(seed, LEADS, day_keys, false));
        let is_same = (first.steps, first.digest) == (second.steps, second.digest);
        if !is_same {
            println!(
                "sim: seed {seed} ran in two ways: {} and {} steps",
                first.steps, second.steps
            );
        }
        is_same
    })
}
