//! Every file the vault touches: the master key's, and one for each day's key.
//!
//! A file comes into being whole, durable and readable by its owner only, or not at all: it is
//! written under a temporary name, synced, linked to its name (which fails where a file already
//! stands, so that a key is never overwritten, not even by a second process), and the directory
//! is synced too.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use zeroize::Zeroizing;

use super::derive::{KEY_BYTES, SecretKey};
use super::error::KeyFileError;

/// The longest key file, in bytes.
pub const KEY_FILE_BYTES_MAX: usize = 256;

/// The longest line of another private file, in bytes.
const PRIVATE_LINE_BYTES_MAX: usize = 4_096;

const MASTER_PREFIX: &str = "gavel-master-1:";
const DAY_PREFIX: &str = "gavel-day-1:";
const TEMPORARY_SUFFIX: &str = ".tmp";

/// The root of all keys of an installation: 32 random bytes.
///
/// It has no `Debug` and is erased from memory when dropped.
pub struct MasterKey(SecretKey);

impl MasterKey {
    /// The key of these bytes, which must come from a generator fit for keys.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The key itself, for deriving others.
    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

/// Reads the master key from a file of one line `gavel-master-1:<base64>`.
///
/// Blocks on the file system.
///
/// # Errors
/// [`KeyFileError::Exposed`] when the file's group or everybody may use it in any way, which is
/// asked of the open file (a credential that root handed to us is read by its group); the other variants as they say.
pub fn read_key_file(path: &Path) -> Result<MasterKey, KeyFileError> {
    let decoded = read_line(open_private(path)?, path, MASTER_PREFIX)?;
    let form = || KeyFileError::Form { path: path.to_owned(), prefix: MASTER_PREFIX };
    decoded.as_slice().try_into().map(MasterKey::new).map_err(|_| form())
}

/// Reads the one line of a file that is as private as a key, such as an address with a password.
///
/// Blocks on the file system.
///
/// # Errors
/// As [`read_key_file`]; [`KeyFileError::System`] also for what is no text or is too long.
pub fn read_private_line(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let mut text = Zeroizing::new(String::with_capacity(PRIVATE_LINE_BYTES_MAX + 1));
    let read = |source| refused("read", path, source);
    open_private(path)?
        .take(PRIVATE_LINE_BYTES_MAX as u64 + 1)
        .read_to_string(&mut text)
        .map_err(read)?;
    if text.len() > PRIVATE_LINE_BYTES_MAX {
        return Err(read(io::Error::new(ErrorKind::InvalidData, "it is too long")));
    }
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Opens a file unless others may use it.
fn open_private(path: &Path) -> Result<File, KeyFileError> {
    let file = File::open(path).map_err(|source| refused("open", path, source))?;
    let metadata = file.metadata().map_err(|source| refused("examine", path, source))?;
    let mode = metadata.mode();
    let us = fs::metadata("/proc/self").map_or(metadata.uid(), |process| process.uid());
    if is_exposed(mode, (metadata.uid(), metadata.gid()), us) {
        return Err(KeyFileError::Exposed { path: path.to_owned(), mode: mode & 0o7777 });
    }
    Ok(file)
}

/// Whether somebody may use a file of `owner` (user and group) whom the user `us` does not know of.
///
/// A service manager hands a credential of root's to one other user by an access list, and the list
/// shows as the right of the group to read. The group is root's: that exposes nothing.
const fn is_exposed(mode: u32, owner: (u32, u32), us: u32) -> bool {
    let is_handed_to_us = us != 0 && owner.0 == 0 && owner.1 == 0;
    let harmless = if is_handed_to_us { 0o040 } else { 0 };
    mode & 0o077 & !harmless != 0
}

/// Draws a new master key from `random` and writes it to a new file of mode 0600.
///
/// Blocks on the file system.
///
/// # Errors
/// [`KeyFileError::Exists`] when there is a file of that name, which is left as it is;
/// [`KeyFileError::System`] when it cannot be written.
pub fn create_key_file(path: &Path, random: &dyn Fn(&mut [u8])) -> Result<MasterKey, KeyFileError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    random(key.as_mut_slice());
    let line = line_of(MASTER_PREFIX, key.as_slice());
    if create_durably(path, line.as_bytes(), random)? {
        Ok(MasterKey(key))
    } else {
        Err(KeyFileError::Exists { path: path.to_owned() })
    }
}

/// Makes the directory of day keys (mode 0700) if it is not there.
pub(super) fn open_directory(path: &Path) -> Result<(), KeyFileError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| refused("make the directory", path, source))?;
    sync_parent(path)
}

/// The days that have a key file, oldest first.
pub(super) fn list_days(directory: &Path) -> Result<Vec<Date>, KeyFileError> {
    let day_of = |name: &OsString| {
        let day: Date = name.to_str()?.parse().ok()?;
        (name.to_str() == Some(&day.to_string())).then_some(day)
    };
    let mut days: Vec<Date> = list_names(directory)?.iter().filter_map(day_of).collect();
    days.sort_unstable();
    Ok(days)
}

/// What the key file of `day` holds; `None` if there is none.
pub(super) fn read_day(directory: &Path, day: Date) -> Result<Option<Vec<u8>>, KeyFileError> {
    let path = directory.join(day.to_string());
    match File::open(&path) {
        Ok(file) => read_line(file, &path, DAY_PREFIX).map(|bytes| Some(bytes.to_vec())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(refused("open", &path, source)),
    }
}

/// Writes the key file of `day`; `false` if there is one already, which is left as it is.
pub(super) fn create_day(
    directory: &Path,
    day: Date,
    sealed_key: &[u8],
    random: &dyn Fn(&mut [u8]),
) -> Result<bool, KeyFileError> {
    let line = line_of(DAY_PREFIX, sealed_key);
    create_durably(&directory.join(day.to_string()), line.as_bytes(), random)
}

/// Overwrites and removes the key file of `day`, and what a crash may have left of making it.
pub(super) fn destroy_day(directory: &Path, day: Date) -> Result<(), KeyFileError> {
    let left_over = format!(".{day}.");
    for name in list_names(directory)? {
        let Some(text) = name.to_str() else { continue };
        let temporary = text.starts_with(&left_over) && text.ends_with(TEMPORARY_SUFFIX);
        if temporary || text == day.to_string() {
            let path = directory.join(&name);
            unless_gone(overwrite(&path)).map_err(|source| refused("overwrite", &path, source))?;
            remove(&path)?;
        }
    }
    sync(directory)
}

/// Success also where the file is not there: somebody else removed it first.
fn unless_gone(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn remove(path: &Path) -> Result<(), KeyFileError> {
    unless_gone(fs::remove_file(path)).map_err(|source| refused("remove", path, source))
}

fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(&[0; KEY_FILE_BYTES_MAX])?;
    file.sync_all()
}

fn list_names(directory: &Path) -> Result<Vec<OsString>, KeyFileError> {
    let list = || -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
    };
    list().map_err(|source| refused("list", directory, source))
}

/// `prefix`, the bytes in base64, and the end of the line.
fn line_of(prefix: &str, bytes: &[u8]) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(KEY_FILE_BYTES_MAX));
    line.push_str(prefix);
    STANDARD.encode_string(bytes, &mut line);
    line.push('\n');
    line
}

/// The bytes behind `prefix` in a file of one such line.
fn read_line(
    file: File,
    path: &Path,
    prefix: &'static str,
) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let mut text = Zeroizing::new(Vec::with_capacity(KEY_FILE_BYTES_MAX + 1));
    file.take(KEY_FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|source| refused("read", path, source))?;
    let line = text.strip_suffix(b"\n").unwrap_or(&text);
    let decoded = line.strip_prefix(prefix.as_bytes()).and_then(|base64| {
        if text.len() > KEY_FILE_BYTES_MAX { None } else { STANDARD.decode(base64).ok() }
    });
    let form = || KeyFileError::Form { path: path.to_owned(), prefix };
    decoded.map(Zeroizing::new).ok_or_else(form)
}

/// Makes the file whole and durable; `false` if one of that name is there already.
fn create_durably(
    path: &Path,
    content: &[u8],
    random: &dyn Fn(&mut [u8]),
) -> Result<bool, KeyFileError> {
    let temporary = temporary_beside(path, random);
    let written = write_new(&temporary, content)
        .map_err(|source| refused("write", &temporary, source))
        .and_then(|()| match fs::hard_link(&temporary, path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(source) => Err(refused("create", path, source)),
        });
    let removed = remove(&temporary);
    let created = written?;
    removed?;
    sync_parent(path)?;
    Ok(created)
}

fn write_new(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// A hidden name beside `path` that no crashed process can have left behind.
fn temporary_beside(path: &Path, random: &dyn Fn(&mut [u8])) -> PathBuf {
    let mut unique = [0; 8];
    random(&mut unique);
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:016x}{TEMPORARY_SUFFIX}", u64::from_be_bytes(unique)));
    path.with_file_name(name)
}

/// Makes the entry of `path` in its directory durable.
fn sync_parent(path: &Path) -> Result<(), KeyFileError> {
    match path.parent() {
        Some(parent) if parent != Path::new("") => sync(parent),
        _ => sync(Path::new(".")),
    }
}

fn sync(directory: &Path) -> Result<(), KeyFileError> {
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(|source| refused("sync", directory, source))
}

fn refused(action: &'static str, path: &Path, source: io::Error) -> KeyFileError {
    KeyFileError::System { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
