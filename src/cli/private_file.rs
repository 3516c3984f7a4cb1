//! Files that only their owner may read: keys.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

/// The longest private file that is read, in bytes.
pub const PRIVATE_BYTES_MAX: u64 = 4_096;

/// Writes `text` to a new file of that mode and waits until it is on the disk. A file that could
/// not be written whole is removed.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] where there is a file of that name, which is left alone; any
/// other error of the file system.
pub fn create(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        drop(std::fs::remove_file(path));
    }
    written
}

/// Reads the one line of a private file.
///
/// # Errors
/// Any error of the file system; [`io::ErrorKind::PermissionDenied`] where others than the owner
/// may read it; [`io::ErrorKind::InvalidData`] where it is too long.
pub fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let metadata = std::fs::metadata(path)?;
    if metadata.mode() & 0o077 != 0 {
        let message = format!("others may read it; run `chmod 600 {}`", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    if metadata.len() > PRIVATE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long"));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path)?);
    Ok(Zeroizing::new(text.trim_end().to_owned()))
}
