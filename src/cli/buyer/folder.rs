//! Folders of profiles: `profile.toml`, and `cases/*.json` beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::domain::slug::VerticalId;
use crate::integration::cases::{CASE_BYTES_MAX, Case};
use crate::integration::inbound::is_inbound;
use crate::integration::{Fault, PROFILE_BYTES_MAX, Profile};
use crate::registry::compile::shipped_verticals;
use crate::registry::vertical::{CompiledVertical, VERTICAL_FILE_BYTES_MAX, compile, parse_toml};

/// The profile in its folder.
const PROFILE: &str = "profile.toml";
/// The folder of cases in it.
const CASES: &str = "cases";
/// The folder of verticals beside the folder of profiles, as in an exchange directory.
const VERTICALS: &str = "verticals";

/// Verticals by name.
pub type Verticals = BTreeMap<VerticalId, Arc<CompiledVertical>>;

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// It has no profile in it.
    #[error("{} has no {PROFILE}, and no folder with one in it", .0.display())]
    NoProfile(PathBuf),
    /// Something cannot be read.
    #[error("{}: {error}", path.display())]
    Unreadable {
        /// What.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A file is larger than any of its kind.
    #[error("{}: it has more than {bytes_max} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many bytes one may have.
        bytes_max: usize,
    },
    /// A vertical beside the profiles is faulty.
    #[error("{}: {why}", path.display())]
    Vertical {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// A profile and its cases, as their files have them.
pub struct ProfileFolder {
    /// The folder.
    pub path: PathBuf,
    /// The text of the profile.
    pub text: String,
    /// The cases' names and texts, by name.
    pub cases: Vec<(String, String)>,
}

/// A fault of a profile as a whole.
fn fault(at: &str, message: String, hint: Option<String>) -> Fault {
    let (at, severity) = (at.to_owned(), crate::integration::Severity::Error);
    Fault { line: 1, column: 1, at, severity, message, hint }
}

impl ProfileFolder {
    /// Reads one folder.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn read(path: &Path) -> Result<Self, FolderError> {
        let file = path.join(PROFILE);
        if !file.is_file() {
            return Err(FolderError::NoProfile(path.to_owned()));
        }
        let text = read_text(&file, PROFILE_BYTES_MAX)?;
        let mut cases = Vec::new();
        for file in files(&path.join(CASES), "json")? {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            cases.push((name, read_text(&file, CASE_BYTES_MAX)?));
        }
        Ok(Self { path: path.to_owned(), text, cases })
    }

    /// The name of the folder, which is the profile's.
    #[must_use]
    pub fn name(&self) -> String {
        let whole = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        whole.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The file of the profile.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.path.join(PROFILE)
    }

    /// The file of a case.
    #[must_use]
    pub fn case_file(&self, name: &str) -> PathBuf {
        self.path.join(CASES).join(name)
    }

    /// The profile; its name must be the folder's.
    ///
    /// # Errors
    /// Every fault.
    pub fn compile(&self) -> Result<Profile, Vec<Fault>> {
        if is_inbound(&self.text) {
            let message = "this is a vendor's format: it makes no requests, and has no cases";
            return Err(vec![fault("direction", message.to_owned(), None)]);
        }
        let profile = Profile::compile(&self.text)?;
        if profile.name() == self.name() {
            return Ok(profile);
        }
        let message = format!("the folder is called `{}`", self.name());
        let hint = format!("write profile = \"{}\", or rename the folder", self.name());
        Err(vec![fault("profile", message, Some(hint))])
    }

    /// The case of a name, or what is wrong.
    ///
    /// # Errors
    /// One sentence.
    pub fn case(&self, name: &str) -> Result<Case, String> {
        let found = self.cases.iter().find(|(known, _)| known == name);
        let Some((_, text)) = found else {
            let known: Vec<&str> = self.cases.iter().map(|(name, _)| name.as_str()).collect();
            return Err(format!("there is no case `{name}`; there is: {}", known.join(", ")));
        };
        let place = self.case_file(name);
        Case::parse(text).map_err(|invalid| format!("{}:{invalid}", place.display()))
    }

    /// The shipped verticals, those in the folder of verticals of an exchange directory in whose
    /// folder of profiles this one stands, and those in a further folder.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn verticals(&self, further: Option<&Path>) -> Result<Verticals, FolderError> {
        let mut verticals = shipped_verticals();
        let whole = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        if let Some(exchange) = whole.ancestors().nth(2) {
            add(&mut verticals, files(&exchange.join(VERTICALS), "toml")?)?;
        }
        with(verticals, further)
    }
}

/// The shipped verticals, and those in a folder.
///
/// # Errors
/// [`FolderError`].
pub fn verticals(further: Option<&Path>) -> Result<Verticals, FolderError> {
    with(shipped_verticals(), further)
}

/// The vertical of a name, or which there are.
///
/// # Errors
/// One sentence.
pub fn vertical_of<'v>(
    verticals: &'v Verticals,
    id: &VerticalId,
) -> Result<&'v Arc<CompiledVertical>, String> {
    let known = || verticals.keys().map(VerticalId::as_str).collect::<Vec<_>>().join(", ");
    let unknown = || {
        format!(
            "there is no vertical `{id}`; there is: {}; your own are found beside the folder of \
             the profiles, or with --verticals",
            known()
        )
    };
    verticals.get(id).ok_or_else(unknown)
}

fn with(mut verticals: Verticals, further: Option<&Path>) -> Result<Verticals, FolderError> {
    if let Some(folder) = further {
        let mut paths = entries(folder)?;
        paths.retain(|path| path.extension().is_some_and(|found| found == "toml"));
        add(&mut verticals, paths)?;
    }
    Ok(verticals)
}

fn add(verticals: &mut Verticals, paths: Vec<PathBuf>) -> Result<(), FolderError> {
    for path in paths {
        let text = read_text(&path, VERTICAL_FILE_BYTES_MAX)?;
        let faulty = |why: String| FolderError::Vertical { path: path.clone(), why };
        let parsed = parse_toml(&text).map_err(|invalid| faulty(invalid.to_string()))?;
        let compiled = compile(parsed).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            faulty(faults.join("; "))
        })?;
        verticals.insert(compiled.id().clone(), Arc::new(compiled));
    }
    Ok(())
}

/// The folders of profiles that some paths name: folders with a profile, or folders of such folders.
///
/// # Errors
/// [`FolderError`].
pub fn find(paths: &[PathBuf]) -> Result<Vec<ProfileFolder>, FolderError> {
    let mut folders = Vec::new();
    for path in paths {
        let path = if path.ends_with(PROFILE) { path.parent().unwrap_or(path) } else { path };
        if path.join(PROFILE).is_file() {
            folders.push(ProfileFolder::read(path)?);
            continue;
        }
        let before = folders.len();
        for inner in entries(path)? {
            if inner.join(PROFILE).is_file() {
                folders.push(ProfileFolder::read(&inner)?);
            }
        }
        if folders.len() == before {
            return Err(FolderError::NoProfile(path.to_owned()));
        }
    }
    Ok(folders)
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let unreadable = |error| FolderError::Unreadable { path: folder.to_owned(), error };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// The files of a kind in a folder, by name; none if there is no such folder.
fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, FolderError> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut paths = entries(folder)?;
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    Ok(paths)
}

/// The text of a file of bounded size.
pub(super) fn read_text(path: &Path, bytes_max: usize) -> Result<String, FolderError> {
    let unreadable = |error| FolderError::Unreadable { path: path.to_owned(), error };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > bytes_max as u64 {
        return Err(FolderError::TooLarge { path: path.to_owned(), bytes_max });
    }
    std::fs::read_to_string(path).map_err(unreadable)
}
