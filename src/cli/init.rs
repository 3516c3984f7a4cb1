//! Lays out a new installation: configuration, master key, folders.
//!
//! It never writes over a file. What it wrote is taken back if a later step fails, so that a second
//! try starts from nothing; the operator's key comes last and is put in by [`Layout::finish`].

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::private_file;
use crate::vault::{KeyFileError, create_key_file};

/// The name of the configuration.
pub const CONFIG_FILE: &str = "gavel.toml";
/// The name of the master key's file.
pub const KEY_FILE: &str = "gavel.key";
/// The name of the file with the operator's API key.
pub const OPERATOR_KEY_FILE: &str = "operator.key";
/// The name of the folder for stores and records.
pub const DATA_FOLDER: &str = "data";

/// Why there is no new installation.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// Something is there already.
    #[error("{} is there already; nothing was changed", .0.display())]
    Exists(PathBuf),
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    File {
        /// What could not be made.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The master key could not be made.
    #[error(transparent)]
    Key(#[from] KeyFileError),
}

/// What a new installation consists of so far; dropped before [`Layout::finish`], it goes again.
#[derive(Debug)]
pub struct Layout {
    folder: PathBuf,
    written: Vec<PathBuf>,
    /// The folder of data while it may have to go again.
    data: Option<PathBuf>,
}

/// The text of a configuration whose store, records and day keys are in `data`.
///
/// The template says `"data/.."` for each; `data` must be absolute.
#[must_use]
pub fn with_data_at(template: &str, data: &Path) -> String {
    let mut text = template.to_owned();
    for name in ["store", "records.db", "day-keys"] {
        let path = toml::Value::from(data.join(name).to_string_lossy().into_owned());
        text = text.replacen(&format!("\"{DATA_FOLDER}/{name}\""), &path.to_string(), 1);
    }
    text
}

impl Layout {
    /// Writes everything but the operator's key into `folder`, which is made if it is not there.
    ///
    /// `data` is the folder for store and records, which may be there if it is empty, such as a
    /// volume; `config` is the text of the configuration; `random` draws the master key and must be
    /// fit for secrets. Data of an earlier installation is refused: a new key could not read it.
    ///
    /// # Errors
    /// [`InitError`], with what was written taken back.
    pub fn create(
        folder: &Path,
        data: &Path,
        config: &str,
        random: &dyn Fn(&mut [u8]),
    ) -> Result<Self, InitError> {
        for name in [CONFIG_FILE, KEY_FILE, OPERATOR_KEY_FILE] {
            let path = folder.join(name);
            if path.exists() {
                return Err(InitError::Exists(path));
            }
        }
        if data.exists() && !is_empty_folder(data) {
            return Err(InitError::Exists(data.to_owned()));
        }
        let mut layout = Self { folder: folder.to_owned(), written: Vec::new(), data: None };
        make_folder(folder, 0o755)?;
        make_folder(data, 0o700)?;
        layout.data = Some(data.to_owned());
        create_key_file(&folder.join(KEY_FILE), random)?;
        layout.written.push(folder.join(KEY_FILE));
        layout.write(CONFIG_FILE, config, 0o644)?;
        Ok(layout)
    }

    /// Where the configuration is.
    #[must_use]
    pub fn config_file(&self) -> PathBuf {
        self.folder.join(CONFIG_FILE)
    }

    /// Writes the operator's key; the installation is complete.
    ///
    /// # Errors
    /// [`InitError`], with what was written taken back.
    pub fn finish(mut self, operator_key: &str) -> Result<(), InitError> {
        let line = Zeroizing::new(format!("{operator_key}\n"));
        self.write(OPERATOR_KEY_FILE, &line, 0o600)?;
        self.written.clear();
        self.data = None;
        Ok(())
    }

    fn write(&mut self, name: &str, text: &str, mode: u32) -> Result<(), InitError> {
        let path = self.folder.join(name);
        match private_file::create(&path, text, mode) {
            Ok(()) => self.written.push(path),
            Err(source) => return Err(InitError::File { path, source }),
        }
        Ok(())
    }
}

impl Drop for Layout {
    /// What cannot be removed is told by the next try, which finds it.
    fn drop(&mut self) {
        for path in &self.written {
            drop(fs::remove_file(path));
        }
        let Some(data) = &self.data else { return };
        if fs::remove_dir_all(data).is_err() {
            // A volume's own folder stays; it was empty, so all that is in it came from here.
            for entry in fs::read_dir(data).into_iter().flatten().flatten() {
                let path = entry.path();
                drop(fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path)));
            }
        }
    }
}

fn is_empty_folder(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

fn make_folder(path: &Path, mode: u32) -> Result<(), InitError> {
    DirBuilder::new()
        .recursive(true)
        .mode(mode)
        .create(path)
        .map_err(|source| InitError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;
