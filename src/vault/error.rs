//! What can go wrong with keys. No error holds a byte of a key, of a secret or of sealed data.

use std::io;
use std::path::PathBuf;

use jiff::civil::Date;

use super::seal::SEALABLE_BYTES_MAX;

/// A key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system refused an operation.
    #[error("cannot {action} `{}`: {source}", path.display())]
    System {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the file's owner may use it.
    #[error("`{}` has mode {mode:04o}: others than its owner may use it; run `chmod 600` on it", path.display())]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is a file already, and a key is never overwritten.
    #[error("`{}` is there already; a key file is never overwritten", path.display())]
    Exists {
        /// Which file.
        path: PathBuf,
    },
    /// The file does not hold one line of the expected form.
    #[error("`{}` is not a key file: one line `{prefix}<base64>` is expected", path.display())]
    Form {
        /// Which file.
        path: PathBuf,
        /// How its line begins.
        prefix: &'static str,
    },
}

/// The vault cannot seal or open something.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A key file or the directory of day keys cannot be used.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// The day's key does not exist: it was destroyed, or its file is lost.
    #[error("there is no key for the day {day}")]
    NoDayKey {
        /// The day.
        day: Date,
    },
    /// The day's key was sealed under another master key, or its file was altered.
    #[error("the key of the day {day} does not open under this master key")]
    DayKeyRefused {
        /// The day.
        day: Date,
    },
    /// The day has another key here than the one that all nodes share: leads sealed under it are
    /// in use.
    #[error("the key of the day {day} in this folder is not the one in the records")]
    DayKeyDiffers {
        /// The day.
        day: Date,
    },
    /// The sealed bytes are of a version this program does not know.
    #[error("the sealed bytes are of the unknown version {version}")]
    UnknownVersion {
        /// The version they claim.
        version: u8,
    },
    /// The sealed bytes are too short, or name no day.
    #[error("these are not sealed bytes")]
    Malformed,
    /// The sealed bytes were altered, or belong to another owner, purpose or installation.
    #[error("the sealed bytes do not open: they were altered or belong elsewhere")]
    Refused,
    /// There is more to seal than the vault takes.
    #[error("{bytes} bytes are more than the {SEALABLE_BYTES_MAX} the vault seals at once")]
    TooLarge {
        /// How many there are.
        bytes: usize,
    },
    /// The bytes opened, but are no lead of a form this program knows.
    #[error("the opened bytes are not a lead")]
    NotALead,
}
