//! `prove torn`: files of the embedded store that are not as they were written.
//!
//! Stores that were filled by the real code are closed, one file of a copy is changed, and the copy is
//! opened by the real code: cut off anywhere, bits flipped, blocks zeroed, doubled and swapped, tails of
//! garbage, and, in journals, whole commits taken out, doubled and swapped. Each must open with every
//! lead, key, balance and entry as it was, or refuse to open, or refuse to go on, and say why. The one
//! exception is a commit that nobody was told of, at the very end: it may be gone, whole.

mod audit;
mod mutation;
mod reference;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Duration;

use anyhow::Context;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tempfile::TempDir;

use self::mutation::Mutation;
use self::reference::{Reference, Size};
use super::{Common, Findings, MEMORY};

/// How long a store may take to open and to be read through.
const PATIENCE: Duration = Duration::from_secs(120);
/// Of so many cases, one is on the large store, and so many on the middle one.
const TURNS: u64 = 20;
const LARGE_TURNS: u64 = 1;
const MIDDLE_TURNS: u64 = 5;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    /// How many files are changed.
    #[arg(long, default_value_t = 10_000)]
    mutations: u64,
    /// The number of the first: a case depends on the seed, its own number, and where the large store
    /// has got to in the background.
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Leave the large store out, whose journals alone have 80 MB.
    #[arg(long)]
    small: bool,
}

/// What became of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// It opened, and everything is there.
    Whole,
    /// It opened without the commit that nobody was told of.
    Repaired,
    /// It did not open.
    Refused,
    /// It opened, and stopped at the first look at what is damaged.
    Stopped,
}

/// From so many changes on each fate must be met.
const EVERY_FATE_FROM: u64 = 2_000;

/// Why a case fails the proof.
#[derive(Debug)]
enum Wrong {
    /// Something that was acknowledged is not there, and nobody says so.
    Lost(String),
    /// Something is there that is not what was written.
    Changed(String),
    /// A panic, a hang, or a refusal that does not say why.
    Broken(String),
}

/// Runs the proof.
pub fn prove(asked: &Arguments) -> anyhow::Result<Findings> {
    let folder = match Path::new(MEMORY).is_dir() {
        true => TempDir::new_in(MEMORY)?,
        false => TempDir::new()?,
    };
    let sizes = [Size::Small, Size::Middle, Size::Large];
    let sizes = if asked.small { &sizes[..2] } else { &sizes[..] };
    let references = sizes
        .iter()
        .map(|size| Reference::make(*size, folder.path()))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let proof = Proof { asked, folder: folder.path(), references, next: AtomicU64::new(0) };
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, Into::into) {
            scope.spawn(|| proof.work(&outcomes));
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(proof.findings(outcomes))
}

/// A case's number, what was done, and what came of it.
type Outcome = (u64, String, Result<Fate, Wrong>);

struct Proof<'a> {
    asked: &'a Arguments,
    folder: &'a Path,
    references: Vec<Reference>,
    next: AtomicU64,
}

impl Proof<'_> {
    fn work(&self, outcomes: &Mutex<Vec<Outcome>>) {
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            if index >= self.asked.mutations {
                return;
            }
            let number = self.asked.first + index;
            let outcome = self.case(number).unwrap_or_else(|error| {
                (number, "nothing".to_owned(), Err(Wrong::Broken(format!("{error:#}"))))
            });
            let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.push(outcome);
        }
    }

    fn case(&self, number: u64) -> anyhow::Result<Outcome> {
        let mut random = ChaCha8Rng::seed_from_u64(self.asked.common.seed);
        random.set_stream(number);
        let turn = number % TURNS;
        let size = usize::from(turn < LARGE_TURNS + MIDDLE_TURNS) + usize::from(turn < LARGE_TURNS);
        let reference = &self.references[size.min(self.references.len() - 1)];
        let copy = TempDir::new_in(self.folder)?;
        let untold = reference.copy(copy.path(), &mut random)?;
        // A change drawn from everywhere seldom hits what nobody was told of.
        let mutation = if untold && random.random_bool(0.3) {
            Mutation::draw_tail(copy.path(), &mut random)?
        } else {
            Mutation::draw(copy.path(), &mut random)?
        };
        let what = format!("{:?} {mutation}", reference.size);
        mutation.apply().with_context(|| what.clone())?;
        Ok((number, what, self.judge(reference, copy.path(), untold)))
    }

    /// Opens and reads the copy, in a thread that may be left behind if it never ends.
    fn judge(&self, reference: &Reference, path: &Path, untold: bool) -> Result<Fate, Wrong> {
        let (tell, hear) = mpsc::channel();
        let (path, ledger) = (path.to_owned(), reference.ledger.clone());
        std::thread::spawn(move || {
            let found = catch_unwind(AssertUnwindSafe(|| audit::open_and_read(&path, &ledger)));
            // Whoever waited too long does not listen any more.
            drop(tell.send(found.map_err(|_| "it panicked".to_owned())));
        });
        let found = match hear.recv_timeout(PATIENCE) {
            Ok(Ok(found)) => found,
            Ok(Err(panic)) => return Err(Wrong::Broken(panic)),
            Err(_) => return Err(Wrong::Broken("it hangs".to_owned())),
        };
        match found {
            audit::Found::Refused(why) => clear(why, Fate::Refused),
            audit::Found::Stopped(why) => clear(why, Fate::Stopped),
            audit::Found::Read(state) if state == reference.after => Ok(Fate::Whole),
            audit::Found::Read(state) if untold && state == reference.before => Ok(Fate::Repaired),
            audit::Found::Read(state) => Err(audit::difference(&reference.after, &state)),
        }
    }

    fn findings(&self, outcomes: Vec<Outcome>) -> Findings {
        let leads =
            self.references.iter().map(|reference| reference.ledger.leads.len()).sum::<usize>();
        let mut findings =
            Findings { leads: leads as u64, faults: outcomes.len() as u64, ..Findings::default() };
        let mut fates: BTreeMap<Fate, u64> = BTreeMap::new();
        for (number, what, outcome) in outcomes {
            let told = |why: &str| format!("case {number}: {what}: {why}");
            match outcome {
                Ok(fate) => *fates.entry(fate).or_default() += 1,
                Err(Wrong::Lost(why)) => {
                    findings.lost += 1;
                    findings.broke(told(&format!("silently gone: {why}")));
                }
                Err(Wrong::Changed(why)) => {
                    findings.contradictions += 1;
                    findings.broke(told(&format!("changed: {why}")));
                }
                Err(Wrong::Broken(why)) => findings.broke(told(&why)),
            }
        }
        eprintln!("{fates:?}");
        // Changes that are never noticed, or never harmless, do not try both sides. A small sample
        // may miss the last commit, which alone can be repaired.
        let has_all = [Fate::Whole, Fate::Repaired, Fate::Refused]
            .iter()
            .all(|fate| fates.contains_key(fate));
        if !has_all && self.asked.mutations >= EVERY_FATE_FROM {
            findings.broke("not every outcome was met: the changes prove little");
        }
        findings
    }
}

/// A refusal must say what is wrong, and must not be a panic in disguise.
fn clear(why: String, fate: Fate) -> Result<Fate, Wrong> {
    if why.len() < 20 || why.contains("panicked") {
        return Err(Wrong::Broken(format!("it says no more than `{why}`")));
    }
    Ok(fate)
}
