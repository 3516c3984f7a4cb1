//! The in-flight store's pattern of changes, straight on an embedded engine.
//!
//! A window of leads is in flight at once; each command takes a lead at random one step further
//! (create, claim, decide, hold, intent, outcome, settle, acknowledge) with the lookups, puts and
//! removals that step makes, in sizes near the real ones. Every `--batch` commands are one durable
//! commit. Rounds of the engines alternate, so that a noisy neighbour meets both.

mod engine;
mod pattern;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, ValueEnum};

use self::engine::{Engine, Fjall, Redb};
use self::pattern::Pattern;

/// What to measure.
#[derive(Args)]
pub struct Arguments {
    /// Which engine; `all` alternates between them.
    #[arg(long, value_enum, default_value = "all")]
    engine: Choice,
    /// Commands per round.
    #[arg(long, default_value_t = 100_000)]
    commands: usize,
    /// Commands per durable commit.
    #[arg(long, default_value_t = 50)]
    batch: usize,
    /// Rounds per engine; files are kept from round to round.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Leads in flight at once.
    #[arg(long, default_value_t = 256)]
    window: usize,
    /// Where the files go; a temporary directory below it is removed at the end.
    #[arg(long, default_value = ".")]
    directory: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    All,
    Fjall,
    Redb,
    /// redb with quick repair: slower commits, recovery without a walk over the file.
    RedbQuick,
}

struct Contestant {
    name: &'static str,
    directory: PathBuf,
    engine: Box<dyn Engine>,
    pattern: Pattern,
}

struct Round {
    elapsed: Duration,
    commits: Vec<Duration>,
    rows: usize,
    spent: Spent,
}

/// What the whole process, the engines' own threads included, has spent: steadier than time on a
/// busy machine.
#[derive(Clone, Copy)]
struct Spent {
    cpu_us: f64,
    written_bytes: f64,
}

impl Spent {
    /// Reads Linux's accounting; in ticks of 10 ms and in bytes sent towards the disk.
    fn now() -> anyhow::Result<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let fields = stat.rsplit(')').next().unwrap_or_default();
        let ticks = |index: usize| -> anyhow::Result<f64> {
            Ok(fields.split_whitespace().nth(index).context("a field is missing")?.parse()?)
        };
        let io = std::fs::read_to_string("/proc/self/io")?;
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        let written_bytes = written.context("no write_bytes")?.trim().parse()?;
        Ok(Self { cpu_us: (ticks(11)? + ticks(12)?) * 1e4, written_bytes })
    }

    fn since(self, before: Self) -> Self {
        Self {
            cpu_us: self.cpu_us - before.cpu_us,
            written_bytes: self.written_bytes - before.written_bytes,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]
fn now() -> Instant {
    Instant::now()
}

/// Runs the rounds and prints one line for each, then the size on disk and the time of a
/// recovery from a copy of the files taken while they were open.
///
/// # Errors
/// When an engine fails or the directory cannot be used.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let root = tempfile::tempdir_in(&arguments.directory).context("no temporary directory")?;
    let mut contestants = Vec::new();
    for (choice, name) in
        [(Choice::Fjall, "fjall"), (Choice::Redb, "redb"), (Choice::RedbQuick, "redb-quick")]
    {
        if arguments.engine == choice || arguments.engine == Choice::All {
            let directory = root.path().join(name);
            std::fs::create_dir_all(&directory)?;
            let engine = open(choice, &directory)?;
            let pattern = Pattern::new(arguments.window);
            contestants.push((choice, Contestant { name, directory, engine, pattern }));
        }
    }
    println!(
        "engine      round  commands/s   rows/s  commit p50 ms  p99 ms  max ms  CPU us/cmd  written B/cmd"
    );
    for number in 1..=arguments.rounds {
        for (_, contestant) in &mut contestants {
            let round = measure(contestant, arguments)?;
            report(contestant.name, number, arguments.commands, round);
        }
    }
    for (choice, contestant) in contestants {
        let copy = root.path().join(format!("{}-copy", contestant.name));
        copy_directory(&contestant.directory, &copy)?;
        let bytes = disk_bytes(&contestant.directory)?;
        let began = now();
        let recovered = open(choice, &copy)?;
        println!(
            "{:<10} {:>7.1} MB on disk, recovery of a crash copy {:.0} ms",
            contestant.name,
            bytes as f64 / 1e6,
            began.elapsed().as_secs_f64() * 1e3
        );
        drop(recovered);
    }
    Ok(())
}

fn open(choice: Choice, directory: &Path) -> anyhow::Result<Box<dyn Engine>> {
    Ok(match choice {
        Choice::Fjall | Choice::All => Box::new(Fjall::open(directory)?),
        Choice::Redb => Box::new(Redb::open(directory, false)?),
        Choice::RedbQuick => Box::new(Redb::open(directory, true)?),
    })
}

fn measure(contestant: &mut Contestant, arguments: &Arguments) -> anyhow::Result<Round> {
    let mut commits = Vec::with_capacity(arguments.commands / arguments.batch + 1);
    let (mut done, mut rows) = (0, 0);
    let before = Spent::now()?;
    let began = now();
    while done < arguments.commands {
        let mut changes = Vec::with_capacity(arguments.batch * 6);
        for _ in 0..arguments.batch.min(arguments.commands - done) {
            contestant.pattern.step(&mut *contestant.engine, &mut changes)?;
            done += 1;
        }
        rows += changes.len();
        let commit_began = now();
        contestant.engine.commit(&changes)?;
        commits.push(commit_began.elapsed());
    }
    let (elapsed, spent) = (began.elapsed(), Spent::now()?.since(before));
    Ok(Round { elapsed, commits, rows, spent })
}

fn report(name: &str, number: usize, commands: usize, mut round: Round) {
    round.commits.sort_unstable();
    let at = |share: f64| {
        let index = (round.commits.len() as f64 * share) as usize;
        let commit = round.commits.get(index.min(round.commits.len() - 1));
        commit.map_or(0.0, |duration| duration.as_secs_f64() * 1e3)
    };
    let seconds = round.elapsed.as_secs_f64();
    println!(
        "{name:<10} {number:>6} {:>11.0} {:>8.0} {:>14.2} {:>7.2} {:>7.1} {:>11.1} {:>14.0}",
        commands as f64 / seconds,
        round.rows as f64 / seconds,
        at(0.50),
        at(0.99),
        at(1.0),
        round.spent.cpu_us / commands as f64,
        round.spent.written_bytes / commands as f64
    );
}

fn copy_directory(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else if entry.file_name() != "lock" {
            std::fs::copy(entry.path(), target)?;
        } else {
            std::fs::File::create(target)?;
        }
    }
    Ok(())
}

/// Blocks really taken: journals are sparse files.
fn disk_bytes(directory: &Path) -> anyhow::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            disk_bytes(&entry.path())?
        } else {
            entry.metadata()?.blocks() * 512
        };
    }
    Ok(bytes)
}
