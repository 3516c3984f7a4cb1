//! What is done to a file.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rand::rngs::ChaCha8Rng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};

/// How the engine ends a commit, and a tag before eight bytes of checksum.
const TRAILER: [u8; 4] = *b"FJL\x03";
const END: u8 = 3;
const CHECKSUM_BYTES: usize = 8;
/// Sizes of blocks.
const BLOCKS: [usize; 5] = [64, 512, 4_096, 16_384, 65_536];
/// The longest tail of garbage, in bytes.
const GARBAGE_MAX: usize = 20_000;

/// How often a file is lost whole.
const LOST_SHARE: f64 = 0.05;

/// A change of one file.
pub struct Mutation {
    path: PathBuf,
    kind: &'static str,
    at: usize,
    /// What it holds then; nothing if it is gone.
    bytes: Option<Vec<u8>>,
}

impl fmt::Display for Mutation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: PathBuf = self.path.components().rev().take(3).collect();
        let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
        write!(out, "{} at {} of {}", self.kind, self.at, parts.join("<"))
    }
}

impl Mutation {
    /// Draws a file below `folder` and a change of it that does change it.
    pub fn draw(folder: &Path, random: &mut ChaCha8Rng) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        list(folder, &mut files)?;
        let is_journal = |path: &PathBuf| path.extension().is_some_and(|it| it == "jnl");
        let (journals, others): (Vec<_>, Vec<_>) = files.into_iter().partition(is_journal);
        loop {
            let among = if random.random_bool(0.6) { &journals } else { &others };
            let path = among.choose(random).context("the store has no files")?;
            if random.random_bool(LOST_SHARE) {
                return Ok(Self { path: path.clone(), kind: "gone", at: 0, bytes: None });
            }
            let old = fs::read(path)?;
            let mut bytes = old.clone();
            let (kind, at) = change(&mut bytes, is_journal(path), random);
            if bytes != old {
                return Ok(Self { path: path.clone(), kind, at, bytes: Some(bytes) });
            }
        }
    }

    /// Draws a change of the newest journal's last commit, as a power cut may leave it.
    pub fn draw_tail(folder: &Path, random: &mut ChaCha8Rng) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        list(folder, &mut files)?;
        let number = |path: &PathBuf| -> Option<u64> { path.file_stem()?.to_str()?.parse().ok() };
        files.retain(|path| path.extension().is_some_and(|it| it == "jnl"));
        let path = files.into_iter().max_by_key(number).context("the store has no journal")?;
        let old = fs::read(&path)?;
        let ends = commits(&old);
        let [.., start, end] = ends[..] else { anyhow::bail!("the journal has too few commits") };
        loop {
            let at = random.random_range(start..end);
            let mut bytes = old.clone();
            let kind = match random.random_range(0..4) {
                0 => {
                    bytes.truncate(at);
                    "the last commit cut off"
                }
                1 => {
                    bytes[at..].fill(0);
                    "the last commit zeroed"
                }
                2 => {
                    random.fill_bytes(&mut bytes[at..end]);
                    "the last commit scribbled over"
                }
                _ => {
                    bytes[at] ^= 1 << random.random_range(0..8);
                    "a bit of the last commit flipped"
                }
            };
            if bytes != old {
                return Ok(Self { path, kind, at, bytes: Some(bytes) });
            }
        }
    }

    /// Does it. The file may be shared with other copies, so another takes its place.
    pub fn apply(&self) -> anyhow::Result<()> {
        fs::remove_file(&self.path)?;
        Ok(self.bytes.as_ref().map_or(Ok(()), |bytes| fs::write(&self.path, bytes))?)
    }
}

/// Every file that says something.
fn list(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            list(&path, files)?;
        } else if entry.metadata()?.len() > 0 {
            files.push(path);
        }
    }
    Ok(())
}

/// Where the bytes that were written end: journals are made long, of zeros.
fn written(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Where commits end.
fn commits(bytes: &[u8]) -> Vec<usize> {
    let before = TRAILER.len() + CHECKSUM_BYTES + 1;
    (before..=bytes.len())
        .filter(|end| bytes[end - TRAILER.len()..*end] == TRAILER && bytes[end - before] == END)
        .collect()
}

/// A place where something was written; at times behind it.
fn place(bytes: &[u8], random: &mut ChaCha8Rng) -> usize {
    let end = if random.random_bool(0.9) { written(bytes) } else { bytes.len() };
    random.random_range(0..=end)
}

fn block(bytes: &[u8], random: &mut ChaCha8Rng) -> std::ops::Range<usize> {
    let size = BLOCKS.choose(random).copied().unwrap_or(512);
    let place = place(bytes, random);
    let start = if random.random_bool(0.5) { place / size * size } else { place };
    start.min(bytes.len())..(start + size).min(bytes.len())
}

/// Changes `bytes`; gives what was done and where.
fn change(bytes: &mut Vec<u8>, is_journal: bool, random: &mut ChaCha8Rng) -> (&'static str, usize) {
    if is_journal && random.random_bool(0.4) {
        return change_commits(bytes, random);
    }
    let at = place(bytes, random).min(bytes.len());
    match random.random_range(0..7) {
        0 => {
            bytes.truncate(at);
            ("cut off", at)
        }
        1 | 2 => {
            let mut last = at;
            for _ in 0..random.random_range(1..=4) {
                last = place(bytes, random).min(bytes.len().saturating_sub(1));
                bytes[last] ^= 1 << random.random_range(0..8);
            }
            ("bits flipped", last)
        }
        3 => {
            let range = block(bytes, random);
            bytes[range.clone()].fill(0);
            ("a block zeroed", range.start)
        }
        4 => {
            let (from, to) = (block(bytes, random), block(bytes, random));
            let copied = bytes[from].to_vec();
            let end = (to.start + copied.len()).min(bytes.len());
            bytes[to.start..end].copy_from_slice(&copied[..end - to.start]);
            ("a block doubled", to.start)
        }
        5 => {
            let (one, other) = (block(bytes, random), block(bytes, random));
            for (a, b) in one.clone().zip(other) {
                bytes.swap(a, b);
            }
            ("two blocks swapped", one.start)
        }
        _ => {
            let end = if random.random_bool(0.5) { written(bytes) } else { bytes.len() };
            let mut garbage = vec![0; random.random_range(1..=GARBAGE_MAX)];
            match random.random_bool(0.7) {
                true => random.fill_bytes(&mut garbage),
                false => {
                    let from = end.saturating_sub(garbage.len());
                    garbage = bytes[from..end].to_vec();
                }
            }
            let over = (end + garbage.len()).min(bytes.len());
            bytes.splice(end..over, garbage);
            ("a tail of garbage", end)
        }
    }
}

/// Changes whole commits: what no checksum of one of them can tell.
fn change_commits(bytes: &mut Vec<u8>, random: &mut ChaCha8Rng) -> (&'static str, usize) {
    let ends = commits(bytes);
    let pairs: Vec<_> = [0].iter().chain(&ends).zip(&ends).map(|(from, to)| *from..*to).collect();
    let (Some(one), Some(other)) = (pairs.choose(random), pairs.choose(random)) else {
        return ("nothing", 0);
    };
    let (one, other) = (one.clone(), other.clone());
    match random.random_range(0..6) {
        0 => {
            bytes.truncate(one.end);
            ("cut off after a commit", one.end)
        }
        1 => {
            bytes[one.end..].fill(0);
            ("zeroed after a commit", one.end)
        }
        2 => {
            bytes.drain(one.clone());
            ("a commit taken out", one.start)
        }
        3 => {
            let copied = bytes[one].to_vec();
            bytes.splice(other.end..other.end, copied);
            ("a commit doubled", other.end)
        }
        4 => {
            let (first, second) = if one.start < other.start { (one, other) } else { (other, one) };
            let (earlier, later) = (bytes[first.clone()].to_vec(), bytes[second.clone()].to_vec());
            bytes.splice(second, earlier);
            bytes.splice(first.clone(), later);
            ("two commits swapped", first.start)
        }
        // The number by which the engine orders commits, which is in no checksum.
        _ => {
            let at = one.start + 1 + 4 + random.random_range(0..8);
            bytes[at] ^= 1 << random.random_range(0..8);
            ("a commit's sequence number changed", at)
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn every_kind_of_change_is_drawn_and_the_same_again_for_the_same_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Vec::new();
        for number in 0..20_u8 {
            journal.extend(
                [&[1, 1, 0, 0, 0, number, 0, 0, 0, 0, 0, 0, 0][..], &[number; 90]].concat(),
            );
            journal.extend([&[END], &[number; 8][..], &TRAILER].concat());
        }
        assert_eq!(commits(&journal).len(), 20);
        journal.resize(10_000, 0);
        fs::write(folder.path().join("1.jnl"), &journal).unwrap();
        fs::write(folder.path().join("current"), [7; 25]).unwrap();
        let draw = |number| {
            let mut random = ChaCha8Rng::seed_from_u64(1);
            random.set_stream(number);
            Mutation::draw(folder.path(), &mut random).unwrap()
        };
        let mut kinds = std::collections::BTreeSet::new();
        for number in 0..400 {
            let (one, again) = (draw(number), draw(number));
            assert_eq!((one.to_string(), &one.bytes), (again.to_string(), &again.bytes));
            kinds.insert(one.kind);
        }
        assert_eq!(kinds.len(), 13, "{kinds:?}");
    }
}
