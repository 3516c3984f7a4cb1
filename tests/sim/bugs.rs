//! Planted bugs: each must be caught, by the seed that caught it first.
//!
//! A checker that never failed proves nothing.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use gavel::faults::BUGS;

use crate::runs::{Course, Order, run_seed};

/// Which seed catches which bug, with how many leads.
const CAUGHT: &str = include_str!("caught.tsv");
/// Where that is kept.
const CAUGHT_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sim/caught.tsv");
/// Within so many seeds a bug must be caught.
const SEEDS_MAX: u64 = 2_000;

/// The bug of this name, if one is named.
pub fn named(name: Option<&str>) -> Result<Option<&'static str>, String> {
    let Some(name) = name else { return Ok(None) };
    let found = BUGS.iter().find(|(known, _)| *known == name);
    found.map(|(known, _)| Some(*known)).ok_or_else(|| name.to_owned())
}

/// The seed that is known to catch a bug.
fn known_seed(bug: &str) -> Option<(u64, usize)> {
    CAUGHT.lines().find_map(|line| {
        let mut words = line.split('\t');
        let is_meant = words.next() == Some(bug);
        let numbers = words.next()?.parse().ok().zip(words.next()?.parse().ok());
        numbers.filter(|_| is_meant)
    })
}

/// Plants every bug and runs the seed that is known to catch it. The same run without the bug must
/// have nothing to say, or it would catch anything.
pub fn are_caught(jobs: usize, day_keys: &Path) -> bool {
    if cfg!(not(feature = "faults")) {
        println!("sim: bugs are planted only with --features faults");
        return true;
    }
    let uncaught = Mutex::new(Vec::new());
    for_each_bug(jobs, |bug| {
        let caught = known_seed(bug).is_some_and(|(seed, leads)| {
            let course = Course { seed, leads, day_keys, is_traced: false, bug: Some(bug) };
            let sound = Course { bug: None, ..course };
            seed < SEEDS_MAX
                && run_seed(course).violation.is_some()
                && run_seed(sound).violation.is_none()
        });
        if !caught {
            uncaught.lock().expect("nobody panics with it").push(bug);
        }
    });
    let mut uncaught = uncaught.into_inner().expect("nobody panics with it");
    uncaught.sort_unstable();
    for bug in &uncaught {
        println!("sim: NOT CAUGHT: {bug}; look for a seed with --hunt");
    }
    println!("sim: {} of {} planted bugs are caught", BUGS.len() - uncaught.len(), BUGS.len());
    uncaught.is_empty()
}

/// Looks for the first seed that catches each bug, and keeps them.
pub fn hunt(order: &Order, day_keys: &Path) -> bool {
    let caught = Mutex::new(Vec::new());
    for_each_bug(order.jobs, |bug| {
        // The seed that caught it before first.
        let known = known_seed(bug).map(|(seed, _)| seed);
        let seeds = order.from..order.from + order.seeds.min(SEEDS_MAX);
        let found = known.into_iter().chain(seeds).find_map(|seed| {
            let leads = order.leads;
            let course = Course { seed, leads, day_keys, is_traced: false, bug: Some(bug) };
            let what = run_seed(course).violation?.0;
            let is_sound = run_seed(Course { bug: None, ..course }).violation.is_none();
            is_sound.then_some((seed, what))
        });
        match &found {
            Some((seed, what)) => println!("{bug}\t{seed}\t{what}"),
            None => println!("{bug}\tNOT CAUGHT"),
        }
        let line = found.map(|(seed, _)| format!("{bug}\t{seed}\t{}\n", order.leads));
        caught.lock().expect("nobody panics with it").push((bug, line));
    });
    let mut caught = caught.into_inner().expect("nobody panics with it");
    caught.sort_by_key(|(bug, _)| BUGS.iter().position(|(name, _)| name == bug));
    let lines: String = caught.iter().filter_map(|(_, line)| line.clone()).collect();
    std::fs::write(CAUGHT_FILE, lines).expect("the file is in this repository");
    caught.iter().all(|(_, line)| line.is_some())
}

fn for_each_bug(jobs: usize, look: impl Fn(&'static str) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some((bug, _)) = BUGS.get(next.fetch_add(1, Ordering::Relaxed)) {
                    look(bug);
                }
            });
        }
    });
}
