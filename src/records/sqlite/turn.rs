//! Whose turn it is to write, among all programs that have the file open.
//!
//! SQLite lets one writer in at a time and keeps no queue: whoever waits looks again now and then,
//! and a program that writes without a rest, on a slow disk, is never seen to pause. So whoever
//! wants to write first passes a gate that only one can stand in, and leaves it when the database
//! has let it in. A writer that comes again finds the gate taken by the one that waits.
//!
//! The gate is a lock on the folder of the file: it leaves nothing behind, and the system opens it
//! when its holder dies. It keeps writers fair and nothing else; SQLite's own lock keeps the file
//! whole. Where a folder cannot be locked, writers are let through as they come.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

/// Pause between two looks at a gate that somebody else has.
const LOOK_PAUSE: Duration = Duration::from_millis(2);

/// The gate before a file.
#[derive(Debug)]
pub(super) struct Gate {
    /// The folder; none if it cannot be opened.
    folder: Option<File>,
}

/// The right to be the next writer, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    locked: Option<&'a File>,
}

impl Gate {
    /// The gate before `path`. One of them serves one task at a time.
    pub(super) fn before(path: &Path) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Self { folder: File::open(folder.unwrap_or(Path::new("."))).ok() }
    }

    /// Waits for the turn; `None` if it does not come by `until`.
    pub(super) async fn enter(&self, until: Instant) -> Option<Turn<'_>> {
        let Some(folder) = &self.folder else { return Some(Turn { locked: None }) };
        loop {
            match folder.try_lock() {
                Ok(()) => return Some(Turn { locked: Some(folder) }),
                Err(TryLockError::Error(_)) => return Some(Turn { locked: None }),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => return None,
                Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK_PAUSE).await,
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(folder) = self.locked {
            // Should it fail, the lock goes with the file: others wait until then.
            let _ = folder.unlock();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_stands_in_the_gate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("records.db");
        let (one, two) = (Gate::before(&path), Gate::before(&path));
        let turn = one.enter(Instant::now()).await.unwrap();
        assert!(two.enter(Instant::now()).await.is_none());
        drop(turn);
        assert!(two.enter(Instant::now()).await.is_some());
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_locked_lets_everybody_through() {
        let gate = Gate::before(Path::new("/no/such/folder/records.db"));
        let turn = gate.enter(Instant::now()).await.unwrap();
        assert!(turn.locked.is_none());
        assert!(gate.enter(Instant::now()).await.is_some());
    }
}
