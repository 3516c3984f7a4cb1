//! What can be asked of the simulator, and how its answer looks.

use std::cell::RefCell;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use crate::bugs;
use crate::director;
use crate::ears::Ears;
use crate::scenario::Scenario;
use crate::world::{World, make_day_keys};

pub const USAGE: &str = "\
usage: cargo test [--release] --test sim -- [--seeds N] [--from S] [--leads L] [--jobs J] [--go-on]
       cargo test [--release] --test sim -- --seed S [--leads L] [--trace]
with --features faults also:
       ... --bug NAME            as above, with a planted bug: its runs should fail
       ... --hunt [--seeds N]    looks for the first seed that catches each planted bug, and writes
                                 them to tests/sim/caught.tsv";

/// Seeds and leads of a plain `cargo test`.
const SEEDS: u64 = 200;
const LEADS: usize = 20;

/// Seeds, with how many leads, that found faults which are mended.
const MENDED: [(u64, usize); 6] =
    [(622, 20), (2_514, 40), (12_497, 40), (13_425, 40), (14_506, 40), (15_689, 40)];

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub from: u64,
    pub seeds: u64,
    pub leads: usize,
    pub jobs: usize,
    is_traced: bool,
    bug: Option<String>,
    hunts: bool,
    /// Whether to go on after a failure.
    is_patient: bool,
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
            bug: None,
            hunts: false,
            is_patient: false,
            is_wanted: true,
            is_whole_check: true,
        };
        let (mut rest, mut others) = (arguments.iter(), Vec::new());
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
                "--bug" => order.bug = Some(rest.next().ok_or("--bug needs a name")?.clone()),
                "--hunt" => order.hunts = true,
                "--go-on" => order.is_patient = true,
                // What the usual harness takes and this one has no use for.
                "--quiet" | "-q" | "--nocapture" | "--exact" | "--include-ignored" => continue,
                "--skip" | "--test-threads" | "--color" | "--format" => {
                    rest.next();
                    continue;
                }
                "--list" | "--ignored" => order.is_wanted = false,
                name if !name.starts_with('-') => {
                    order.is_wanted &= "sim".contains(name);
                    others.push(name.to_owned());
                    continue;
                }
                other => return Err(format!("unknown argument {other}")),
            }
            order.is_whole_check = false;
        }
        if !order.is_whole_check && !others.is_empty() {
            return Err(format!("what is {others:?}?"));
        }
        if order.seeds == 0 || order.leads == 0 {
            return Err("nothing would be run".to_owned());
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

/// One run to be made.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    pub seed: u64,
    pub leads: usize,
    /// Where the keys of days are.
    pub day_keys: &'a Path,
    pub is_traced: bool,
    /// A planted bug.
    pub bug: Option<&'static str>,
}

/// Runs one seed.
pub fn run_seed(course: Course<'_>) -> Report {
    let Course { seed, leads, day_keys, is_traced, bug } = course;
    plant(bug);
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
        let ears = tracing::subscriber::set_default(Ears { world: Arc::clone(&world) });
        director::run(&world).await;
        drop(ears);
        if let Some(panic) = PANIC.take() {
            world.violate(panic);
        }
        let (steps, digest) = world.trace_sum();
        let violation = world.violation().map(|what| (what, world.last_lines()));
        Report { seed, steps, digest, violation }
    });
    drop(runtime);
    plant(None);
    report
}

thread_local! {
    /// The first panic of a run: those of tasks end nowhere else.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps what panics say.
fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| {
        eprintln!("sim: {panic}");
        PANIC.with_borrow_mut(|known| {
            known.get_or_insert_with(|| format!("a task panicked: {panic}"));
        });
    }));
}

#[cfg(feature = "faults")]
pub use gavel::faults::plant;

#[cfg(not(feature = "faults"))]
fn plant(bug: Option<&'static str>) {
    assert!(bug.is_none(), "bugs can be planted only with --features faults");
}

pub fn carry_out(order: &Order) -> ExitCode {
    if !order.is_wanted {
        println!("sim: nothing of this name");
        return ExitCode::SUCCESS;
    }
    let folder = tempfile::tempdir().expect("a folder for the keys of days");
    let day_keys = folder.path().join("days");
    make_day_keys(&day_keys);
    let began = Instant::now();
    keep_panics();
    let mut is_well = match (order.hunts, bugs::named(order.bug.as_deref())) {
        (true, _) => bugs::hunt(order, &day_keys),
        (false, Ok(bug)) => run_many(order, &day_keys, bug),
        (false, Err(unknown)) => {
            eprintln!("sim: there is no bug {unknown}");
            false
        }
    };
    println!(
        "sim: {} seeds x {} leads in {:.1} s",
        order.seeds,
        order.leads,
        began.elapsed().as_secs_f64()
    );
    if order.is_whole_check && is_well {
        is_well = repeats_itself(&day_keys)
            && stay_mended(&day_keys)
            && bugs::are_caught(order.jobs, &day_keys);
        println!("sim: with planted bugs in {:.1} s", began.elapsed().as_secs_f64());
    }
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_many(order: &Order, day_keys: &Path, bug: Option<&'static str>) -> bool {
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
                    let (leads, is_traced) = (order.leads, order.is_traced);
                    let report = run_seed(Course { seed, leads, day_keys, is_traced, bug });
                    steps.fetch_add(report.steps, Ordering::Relaxed);
                    if report.violation.is_some() {
                        has_failed.store(!order.is_patient, Ordering::Relaxed);
                        failures.lock().expect("nobody panics with it").push(report);
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().expect("nobody panics with it");
    failures.sort_by_key(|report| report.seed);
    for report in &failures {
        match &report.violation {
            Some((what, _)) if order.is_patient => println!("seed {}: {what}", report.seed),
            _ => show(report, order.leads, bug),
        }
    }
    println!("sim: {} steps, {} violations", steps.into_inner(), failures.len());
    failures.is_empty()
}

fn show(report: &Report, leads: usize, bug: Option<&str>) {
    let Some((violation, lines)) = &report.violation else { return };
    let seed = report.seed;
    println!("\nsim: VIOLATION with seed {seed}, {leads} leads, commit {}", commit());
    println!("  {violation}\n  the last steps:");
    for line in lines {
        println!("{line}");
    }
    println!("\n  again, from the beginning:");
    let faults = if cfg!(feature = "faults") { " --features faults" } else { "" };
    let bug = bug.map_or(String::new(), |bug| format!(" --bug {bug}"));
    println!(
        "  cargo test --release{faults} --test sim -- --seed {seed} --leads {leads}{bug} --trace\n"
    );
}

fn commit() -> String {
    let arguments = ["describe", "--always", "--dirty", "--exclude", "*"];
    let output = Command::new("git").args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "unknown".to_owned())
}

/// Runs that once found a fault of the exchange find none.
fn stay_mended(day_keys: &Path) -> bool {
    MENDED.iter().all(|&(seed, leads)| {
        let course = Course { seed, leads, day_keys, is_traced: false, bug: None };
        let report = run_seed(course);
        show(&report, leads, None);
        report.violation.is_none()
    })
}

/// The same seed is the same run, bit for bit.
fn repeats_itself(day_keys: &Path) -> bool {
    (0..5).all(|seed| {
        let course = Course { seed, leads: LEADS, day_keys, is_traced: false, bug: None };
        let [first, second] = [(); 2].map(|()| run_seed(course));
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
