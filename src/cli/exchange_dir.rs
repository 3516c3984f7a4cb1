//! An exchange directory on disk: its files and the secrets they name, read into a bundle.
//!
//! What the files mean is `registry::exchange_files`' business; this module only finds them and
//! fetches what they point at. Whatever is wrong comes back at once. A folder whose name is
//! mistyped is a fault: read past in silence, `--prune` would archive what is in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::registry::bundle::{Bundle, SecretText};
use crate::registry::exchange_files::{
    self, CASES_FOLDER, FILE_BYTES_MAX, FILES_MAX, FOLDERS, FileFault, PROFILE_FILE,
    PROFILE_FOLDER, SecretRef, SecretSource, SourceFile,
};
use crate::registry::profile::ProfileSecret;

/// The longest file with a secret, in bytes.
pub const SECRET_BYTES_MAX: u64 = 4_096;

/// Why a directory is no exchange directory.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The file system refused.
    #[error("{} cannot be read", path.display())]
    File {
        /// What could not be read.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// None of the folders is there.
    #[error("{} has none of the folders {}", .0.display(), FOLDERS.join(", "))]
    Nothing(PathBuf),
    /// There are more files than one directory may have.
    #[error("{} has more than {FILES_MAX} files", .0.display())]
    TooMany(PathBuf),
    /// Files with faults.
    #[error("{}", lines(.0))]
    Faults(Vec<FileFault>),
}

fn lines(faults: &[FileFault]) -> String {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Reads `folder`; `environment` gives the value of a variable.
///
/// # Errors
/// [`DirectoryError`].
pub fn read(
    folder: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Bundle, DirectoryError> {
    let files = exchange_files::parse(&find(folder)?).map_err(DirectoryError::Faults)?;
    let mut bundle = files.bundle;
    let mut faults = Vec::new();
    for secret in &files.secret_refs {
        if let Err(detail) = fetch(secret, folder, environment)
            .and_then(|text| put_secret(&mut bundle, secret, text.trim()))
        {
            faults.push(secret.fault(detail));
        }
    }
    if faults.is_empty() { Ok(bundle) } else { Err(DirectoryError::Faults(faults)) }
}

/// Puts a fetched secret where it belongs; the fault holds nothing of it.
fn put_secret(bundle: &mut Bundle, secret: &SecretRef, text: &str) -> Result<(), String> {
    let campaign = secret.campaign.clone();
    match &secret.profile_secret {
        None => {
            let text = SecretText::parse(text).map_err(|error| error.to_string())?;
            bundle.secrets.insert(campaign, text);
        }
        Some(name) => {
            let text = ProfileSecret::parse(text).map_err(|error| error.to_string())?;
            bundle.profile_secrets.entry(campaign).or_default().insert(name.clone(), text);
        }
    }
    Ok(())
}

/// Every file of the directory, ordered by path.
fn find(root: &Path) -> Result<Vec<SourceFile>, DirectoryError> {
    let mut sources = Vec::new();
    let mut faults = Vec::new();
    let mut has_folder = false;
    for folder in list(root)? {
        let is_known = FOLDERS.contains(&folder.as_str());
        let path = root.join(&folder);
        if !path.is_dir() {
            continue;
        }
        has_folder |= is_known;
        if folder == PROFILE_FOLDER {
            find_profiles(root, &mut sources, &mut faults)?;
            continue;
        }
        let names = list(&path)?.into_iter().filter(|name| name.ends_with(".toml"));
        for name in names {
            let relative = format!("{folder}/{name}");
            match is_known {
                true => sources.push(source(root, relative)?),
                false => faults.push(stray(relative)),
            }
            if sources.len() > FILES_MAX {
                return Err(DirectoryError::TooMany(root.to_owned()));
            }
        }
    }
    match (has_folder, faults.is_empty()) {
        (_, false) => Err(DirectoryError::Faults(faults)),
        (false, true) => Err(DirectoryError::Nothing(root.to_owned())),
        (true, true) => Ok(sources),
    }
}

/// The files of the profiles: of each folder `profile.toml` and `cases/*.json`.
fn find_profiles(
    root: &Path,
    sources: &mut Vec<SourceFile>,
    faults: &mut Vec<FileFault>,
) -> Result<(), DirectoryError> {
    for name in list(&root.join(PROFILE_FOLDER))? {
        let relative = format!("{PROFILE_FOLDER}/{name}");
        if !root.join(&relative).is_dir() {
            if name.ends_with(".toml") {
                let detail = format!("a profile is a folder with a {PROFILE_FILE}");
                faults.push(FileFault { path: relative, line: 1, column: 1, detail });
            }
            continue;
        }
        let file = format!("{relative}/{PROFILE_FILE}");
        if root.join(&file).is_file() {
            sources.push(source(root, file)?);
        } else {
            let detail = format!("the folder of a profile has a {PROFILE_FILE}");
            faults.push(FileFault { path: relative.clone(), line: 1, column: 1, detail });
        }
        let cases = format!("{relative}/{CASES_FOLDER}");
        if !root.join(&cases).is_dir() {
            continue;
        }
        let names = list(&root.join(&cases))?.into_iter().filter(|name| name.ends_with(".json"));
        for name in names {
            sources.push(source(root, format!("{cases}/{name}"))?);
            if sources.len() > FILES_MAX {
                return Err(DirectoryError::TooMany(root.to_owned()));
            }
        }
    }
    Ok(())
}

fn stray(path: String) -> FileFault {
    let detail = format!("not in a folder of an exchange directory: {}", FOLDERS.join(", "));
    FileFault { path, line: 1, column: 1, detail }
}

/// The names in a folder in order, hidden ones left out.
fn list(folder: &Path) -> Result<Vec<String>, DirectoryError> {
    let failed = |source| DirectoryError::File { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        // A name that is not text is no slug, and so none of ours.
        if let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn source(root: &Path, relative: String) -> Result<SourceFile, DirectoryError> {
    let path = root.join(&relative);
    let text = read_text(&path, FILE_BYTES_MAX as u64);
    let text = text.map_err(|source| DirectoryError::File { path, source })?;
    Ok(SourceFile { path: relative, text })
}

/// Reads a file whose size is checked first.
fn read_text(path: &Path, bytes_max: u64) -> io::Result<String> {
    let length = fs::metadata(path)?.len();
    if length > bytes_max {
        let message = format!("it has {length} bytes; at most {bytes_max} are read");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    fs::read_to_string(path)
}

/// Fetches a secret; the fault tells where it should be and nothing of what is there.
fn fetch(
    secret: &SecretRef,
    root: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Zeroizing<String>, String> {
    let text = match &secret.source {
        SecretSource::File(path) => read_text(&root.join(path), SECRET_BYTES_MAX)
            .map_err(|error| format!("the secret's file {path}: {error}"))?,
        SecretSource::Environment(name) => environment(name)
            .ok_or_else(|| format!("the environment variable {name} is not set"))?,
    };
    Ok(Zeroizing::new(text))
}

#[cfg(test)]
mod tests;
