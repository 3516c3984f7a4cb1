//! Power cuts and damaged journals: copies of the files as a cut leaves them.
//!
//! A cut may leave the batch that was being written whole, partly or not at all; it never touches
//! what was synced before. Damage may be anywhere.

use std::path::{Path, PathBuf};

use super::{clock, settings};
use crate::domain::auction::Account;
use crate::domain::money::Money;
use crate::ports::AuctionStore;
use crate::ports::auction_store::{Credit, CreditKind};
use crate::store::embedded::{EmbeddedStore, OpenError};

fn account() -> Account {
    Account::Buyer("beta".parse().unwrap())
}

/// An operation id long enough for its batch to cross a page of the disk.
fn deposit(number: i64) -> Credit {
    Credit {
        account: account(),
        op_id: format!("{number}-{}", "x".repeat(400)),
        kind: CreditKind::Deposit,
        amount: Money::from_ten_thousandths(1).unwrap(),
    }
}

/// A store with deposits of 1, the journal's length and the mark after each, and its files at the end.
struct Recording {
    directory: tempfile::TempDir,
    lengths: Vec<usize>,
    marks: Vec<Vec<u8>>,
}

/// The mark of what was acknowledged.
fn mark_of(directory: &Path) -> PathBuf {
    directory.join("acknowledged")
}

fn journal_of(directory: &Path) -> PathBuf {
    let folder = directory.join("engine");
    let mut journals: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jnl"))
        .collect();
    assert_eq!(journals.len(), 1);
    journals.remove(0)
}

/// The journal's bytes without the zeros it was made with.
fn written(journal: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(journal).unwrap();
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.truncate(end);
    bytes
}

async fn record(deposits: i64) -> Recording {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(settings(directory.path()), clock()).unwrap();
    let mut lengths = vec![written(&journal_of(directory.path())).len()];
    let mut marks = vec![std::fs::read(mark_of(directory.path())).unwrap()];
    for number in 1..=deposits {
        store.credit(deposit(number)).await.unwrap();
        lengths.push(written(&journal_of(directory.path())).len());
        marks.push(std::fs::read(mark_of(directory.path())).unwrap());
    }
    store.close();
    Recording { directory, lengths, marks }
}

fn copy(from: &Path, to: &Path, journal: &[u8]) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target, journal);
        } else if path.extension().is_some_and(|extension| extension == "jnl") {
            std::fs::write(target, journal).unwrap();
        } else {
            std::fs::copy(path, target).unwrap();
        }
    }
}

impl Recording {
    fn journal(&self) -> Vec<u8> {
        written(&journal_of(self.directory.path()))
    }

    /// What a store says that finds this journal beside the other files, when so many deposits were
    /// acknowledged.
    async fn reopen(&self, journal: &[u8], acknowledged: usize) -> Result<i64, OpenError> {
        let directory = tempfile::tempdir().unwrap();
        copy(self.directory.path(), directory.path(), journal);
        std::fs::write(mark_of(directory.path()), &self.marks[acknowledged]).unwrap();
        let store = EmbeddedStore::open(settings(directory.path()), clock())?;
        let balance = store.balance(account()).await.unwrap().account;
        let next = store.credit(deposit(-1)).await.unwrap().account;
        assert_eq!(next.deposited.ten_thousandths(), balance.deposited.ten_thousandths() + 1);
        let entries = store.journal_read(account(), 1_000).await.unwrap();
        assert_eq!(entries.len() as i64, next.deposited.ten_thousandths(), "money and book agree");
        Ok(balance.deposited.ten_thousandths())
    }
}

#[tokio::test]
async fn a_journal_cut_anywhere_in_the_last_write_keeps_everything_before_it() {
    let recording = record(4).await;
    let (journal, lengths) = (recording.journal(), &recording.lengths);
    for (number, pair) in lengths.windows(2).enumerate() {
        let (from, to) = (pair[0], pair[1]);
        let step = (to - from) / 5;
        for cut in (from..to).step_by(step).chain([to - 1]) {
            let kept = recording.reopen(&journal[..cut], number).await;
            assert_eq!(kept, Ok(number as i64), "cut at {cut} of {from}..{to}");
            let mut preallocated = journal[..cut].to_vec();
            preallocated.resize(to + 10_000, 0);
            let kept = recording.reopen(&preallocated, number).await;
            assert_eq!(kept, Ok(number as i64), "zeros from {cut} of {from}..{to}");
        }
        let whole = recording.reopen(&journal[..to], number).await;
        assert_eq!(whole, Ok(number as i64 + 1));
        let lost = recording.reopen(&journal[..from], number + 1).await;
        assert!(matches!(lost, Err(OpenError::Engine { .. })), "{number}: {lost:?}");
        let cut = recording.reopen(&journal[..to - 1], number + 1).await;
        assert!(matches!(cut, Err(OpenError::Engine { .. })), "{number}: {cut:?}");
    }
}

#[tokio::test]
async fn a_last_write_with_a_hole_in_it_is_cut_off() {
    let recording = record(3).await;
    let (journal, lengths) = (recording.journal(), &recording.lengths);
    let (from, to) = (lengths[2], lengths[3]);
    for start in (from..to - 1).step_by((to - from) / 12) {
        let mut holed = journal.clone();
        let end = (start + (to - from) / 6).min(to);
        holed[start..end].fill(0);
        if holed == journal {
            continue;
        }
        assert_eq!(recording.reopen(&holed, 2).await, Ok(2), "zeros from {start} to {end}");
    }
}

#[tokio::test]
async fn damage_to_an_acknowledged_write_is_never_passed_over() {
    let recording = record(5).await;
    let (journal, lengths) = (recording.journal(), &recording.lengths);
    let last = lengths[4];
    let mut refused = 0;
    for at in (0..last).step_by(last / 60) {
        let mut flipped = journal.clone();
        flipped[at] ^= 1 << (at % 8);
        let mut zeroed = journal.clone();
        zeroed[at..(at + 64).min(last)].fill(0);
        for damaged in [flipped, zeroed] {
            if damaged == journal {
                continue;
            }
            let kept = recording.reopen(&damaged, 4).await;
            assert!(matches!(kept, Err(OpenError::Engine { .. })), "byte {at}: {kept:?}");
            refused += 1;
        }
    }
    assert!(refused > 100);
    assert_eq!(recording.reopen(&journal, 5).await, Ok(5));
}

#[tokio::test]
async fn a_commit_that_is_missing_doubled_or_out_of_order_is_never_passed_over() {
    let recording = record(4).await;
    let (journal, lengths) = (recording.journal(), &recording.lengths);
    let commits: Vec<&[u8]> = lengths.windows(2).map(|pair| &journal[pair[0]..pair[1]]).collect();
    let (start, [one, two, three, four]) =
        (&journal[..lengths[0]], commits[..].try_into().unwrap());
    let refused = [
        [one, three, four].concat(),
        [one, two, two, three, four].concat(),
        [one, three, two, four].concat(),
        [one, two, three, three].concat(),
        [four].concat(),
    ];
    for (number, commits) in refused.into_iter().enumerate() {
        let kept = recording.reopen(&[start, &commits].concat(), 0).await;
        assert!(matches!(kept, Err(OpenError::Engine { .. })), "{number}: {kept:?}");
    }
    // The number by which the engine orders commits stands behind a tag and a count.
    for commit in 0..4 {
        for bit in 0..64 {
            let mut changed = journal.clone();
            changed[lengths[commit] + 5 + bit / 8] ^= 1 << (bit % 8);
            let kept = recording.reopen(&changed, 4).await;
            assert!(matches!(kept, Err(OpenError::Engine { .. })), "{commit}, {bit}: {kept:?}");
        }
    }
}

#[tokio::test]
async fn a_mark_that_is_gone_or_unreadable_keeps_the_store_closed() {
    let recording = record(2).await;
    let mark = mark_of(recording.directory.path());
    let reopen = || EmbeddedStore::open(settings(recording.directory.path()), clock()).map(drop);
    std::fs::write(&mark, [0; 8_192]).unwrap();
    let blank = reopen();
    std::fs::remove_file(&mark).unwrap();
    for refused in [blank, reopen()] {
        assert!(matches!(refused, Err(OpenError::Engine { .. })), "{refused:?}");
    }
    std::fs::write(&mark, &recording.marks[2]).unwrap();
    assert_eq!(reopen(), Ok(()));
}
