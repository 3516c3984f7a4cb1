//! The preloaded library: made from its source, told where to write, and its log undone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use rand::rngs::ChaCha8Rng;
use tempfile::TempDir;

use super::log;
use super::undo::{Lost, undo};
use crate::backends::Backends;

/// The library's source.
const SOURCE: &str = include_str!("unsynced.c");

/// The library, the folder that its log and what it keeps are in, and one for what it watches.
pub struct Shim {
    folder: TempDir,
    watched: TempDir,
}

impl Shim {
    /// Compiles it.
    pub fn build() -> anyhow::Result<Self> {
        // With all that is temporary: it keeps files by links, which reach no other file system.
        let folder = TempDir::new()?;
        let source = folder.path().join("unsynced.c");
        fs::write(&source, SOURCE)?;
        let mut compiler = Command::new("cc");
        compiler.args(["-O1", "-shared", "-fPIC", "-o"]).arg(folder.path().join("unsynced.so"));
        let compiled = compiler.arg(&source).args(["-ldl", "-lpthread"]).status();
        ensure!(compiled.context("no C compiler")?.success(), "the library does not compile");
        Ok(Self { folder, watched: TempDir::new()? })
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What makes a process use it for its files below `watched`.
    pub fn environment(&self, watched: &Path) -> Vec<(String, String)> {
        let text = |path: PathBuf| path.display().to_string();
        vec![
            ("LD_PRELOAD".to_owned(), text(self.folder.path().join("unsynced.so"))),
            ("UNSYNCED_FOLDER".to_owned(), text(watched.to_owned())),
            ("UNSYNCED_LOG".to_owned(), text(self.log())),
        ]
    }

    /// Redis and Postgres, the first with the library and with this policy of fsync.
    pub fn redis(&self, fsync: &str) -> Backends {
        let watched = self.watched.path();
        Backends::preloaded(watched, &self.environment(watched), fsync)
    }

    /// Undoes what the killed process had not made durable, and begins anew.
    pub fn undo(&self, random: Option<&mut ChaCha8Rng>) -> anyhow::Result<Lost> {
        let entries = log::read(&fs::read(self.log())?)?;
        let lost = undo(entries, random)?;
        for entry in fs::read_dir(self.folder.path())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("log") {
                fs::remove_file(path)?;
            }
        }
        Ok(lost)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;

    use super::*;

    /// Runs a script with the library in a folder that has `old` in a durable file; gives what is in
    /// each file after the cut.
    fn after(script: &str, random: Option<&mut ChaCha8Rng>) -> BTreeMap<String, String> {
        let (shim, folder) = (Shim::build().unwrap(), TempDir::new().unwrap());
        fs::write(folder.path().join("old"), "old").unwrap();
        let prelude = "import os\n\
                       def put(name, text, mode='w', sync=True):\n\
                       \x20with open(name, mode) as file:\n\
                       \x20\x20file.write(text); file.flush()\n\
                       \x20\x20sync and os.fsync(file.fileno())\n\
                       def sync(): os.fsync(os.open('.', os.O_RDONLY))\n";
        let mut python = Command::new("python3");
        python.args(["-c", &format!("{prelude}{script}")]).current_dir(folder.path());
        let status = python.envs(shim.environment(folder.path())).status().unwrap();
        assert!(status.success());
        shim.undo(random).unwrap();
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        files.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
    }

    #[test]
    fn what_no_fsync_made_durable_is_gone_and_the_rest_is_there() {
        let check = |script: &str, expect: &[(&str, &str)]| {
            let expect: BTreeMap<String, String> = expect
                .iter()
                .map(|(name, text)| (String::from(*name), String::from(*text)))
                .collect();
            assert_eq!(after(script, None), expect, "{script}");
        };
        check("put('new', 'a', sync=False)", &[("old", "old")]);
        check("put('new', 'a')", &[("old", "old"), ("new", "a")]);
        check("put('old', 'longer', sync=False)", &[("old", "old")]);
        check("put('old', 'longer')", &[("old", "longer")]);
        check("put('old', '+', 'a'); put('old', '-', 'a', sync=False)", &[("old", "old+")]);
        check("f = open('old', 'r+'); f.truncate(1)", &[("old", "old")]);
        check("f = open('old', 'r+'); f.write('N'); f.flush()", &[("old", "old")]);
        check("put('new', 'a'); os.rename('new', 'old')", &[("old", "old"), ("new", "a")]);
        check("put('new', 'a'); os.rename('new', 'old'); sync()", &[("old", "a")]);
        check("os.unlink('old')", &[("old", "old")]);
        check("os.unlink('old'); sync()", &[]);
        check(
            "put('new', 'a'); os.rename('new', 'other'); put('other', 'b', 'a', sync=False)",
            &[("old", "old"), ("new", "a")],
        );
    }

    #[test]
    fn a_disk_may_keep_a_part_by_chance() {
        let script = "for n in range(20): put('old', 'x' * 10, 'a', sync=False)";
        let lengths: Vec<usize> = (0..12)
            .map(|seed| after(script, Some(&mut ChaCha8Rng::seed_from_u64(seed)))["old"].len())
            .collect();
        assert!(lengths.iter().all(|length| (3..=203).contains(length)), "{lengths:?}");
        assert!(lengths.iter().any(|length| length % 10 != 3), "never torn: {lengths:?}");
    }
}
