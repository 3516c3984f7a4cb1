//! The servers behind several nodes: one Redis that keeps what it answers, and one Postgres.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::ensure;
use gavel::servers::postgres::PostgresServer;
use gavel::servers::redis::{DURABLE, RedisServer};
use tempfile::TempDir;

/// The size of a small disk.
const SMALL_DISK: &str = "size=512m";

/// One of each, with data of their own; stopped when dropped.
pub struct Backends {
    redis: RedisServer,
    postgres: PostgresServer,
    database: String,
    // After the server that has its data on it.
    disk: Option<SmallDisk>,
}

impl Backends {
    /// Starts both, empty.
    pub fn start() -> Self {
        Self::with(RedisServer::start(&DURABLE), None)
    }

    /// As [`Backends::start`], with Redis on a disk of its own that can be filled. Needs the right to
    /// mount one.
    pub fn on_a_small_disk() -> anyhow::Result<Self> {
        let disk = SmallDisk::mount()?;
        let program = Path::new("redis-server");
        let redis = RedisServer::start_program_within(disk.folder.path(), program, &DURABLE);
        Ok(Self::with(redis, Some(disk)))
    }

    /// As [`Backends::start`], with Redis's folder made within `parent`, `environment` for it, and a
    /// policy of fsync.
    pub fn preloaded(parent: &Path, environment: &[(String, String)], fsync: &str) -> Self {
        let mut words: Vec<String> =
            environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        words.push("redis-server".to_owned());
        words.extend(DURABLE.iter().map(|word| (*word).to_owned()));
        words.extend(["--appendfsync", fsync].map(str::to_owned));
        // A rewrite forks, and the child would write to the log of its parent.
        words.extend(["--auto-aof-rewrite-percentage", "0"].map(str::to_owned));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let redis = RedisServer::start_program_within(parent, Path::new("env"), &words);
        Self::with(redis, None)
    }

    fn with(redis: RedisServer, disk: Option<SmallDisk>) -> Self {
        let postgres = PostgresServer::start();
        let database = postgres.database();
        Self { redis, postgres, database, disk }
    }

    /// What makes a node use them.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("store.kind", "redis".to_owned()),
            ("store.urls", format!("[\"{}\"]", self.redis.url())),
            ("records.kind", "postgres".to_owned()),
            ("records.url", self.postgres.url(&self.database)),
        ]
    }

    /// The Redis server.
    pub const fn redis(&self) -> &RedisServer {
        &self.redis
    }

    /// Leaves nothing free on Redis's disk until what this gives is dropped.
    pub fn fill_disk(&self) -> anyhow::Result<Option<Filler>> {
        self.disk.as_ref().map(SmallDisk::fill).transpose()
    }
}

/// A file system in memory.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount() -> anyhow::Result<Self> {
        let folder = TempDir::new()?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", SMALL_DISK, "tmpfs"]).arg(folder.path());
        ensure!(command.status()?.success(), "a disk cannot be mounted: run this as root");
        Ok(Self { folder })
    }

    fn fill(&self) -> anyhow::Result<Filler> {
        let filler = Filler { path: self.folder.path().join("filler") };
        let mut file = File::create(&filler.path)?;
        // Ends when there is no room for another byte.
        let filled = std::io::copy(&mut std::io::repeat(0), &mut file);
        ensure!(filled.is_err(), "the disk has no end");
        Ok(filler)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(self.folder.path());
    }
}

fn unmount(path: &Path) {
    // Whoever ran this sees in the list of mounts what could not be undone.
    drop(Command::new("umount").arg("--lazy").arg(path).status());
}

/// What fills a disk; dropped, it makes room again.
pub struct Filler {
    path: PathBuf,
}

impl Drop for Filler {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.path));
    }
}
