//! Real databases for tests and proofs: child processes in temporary folders, on free ports, that end
//! with the process that started them however it ends.
//!
//! Not part of what is shipped: only under the feature `servers`. Whoever cannot start one panics and
//! says what to install, as a test would.

pub mod postgres;
pub mod redis;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long a server may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not hold within a minute, with what `why` says.
pub fn until(what: &str, why: impl Fn() -> String, mut condition: impl FnMut() -> bool) {
    let give_up_at = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < give_up_at, "waited in vain until {what}: {}", why());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A port for a server that may be started more than once: not one that the system gives out by
/// itself, or a connection of somebody else could have it meanwhile.
#[must_use]
pub fn free_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let spread = std::process::id().wrapping_mul(613);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (spread.wrapping_add(next) % COUNT) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A program of the search path, or of one of `folders`, the last of them first.
fn program(name: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).collect::<Vec<_>>();
    let folders = on_path.iter().chain(folders.iter().rev());
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// The sub-folders of `parent` in order.
fn folders_of(parent: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    folders.sort();
    folders
}
