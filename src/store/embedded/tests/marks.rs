//! What the store refuses to open, and settings.

use super::{clock, settings};
use crate::store::embedded::{EmbeddedSettings, EmbeddedStore, OpenError};

fn open(settings: EmbeddedSettings) -> Option<OpenError> {
    EmbeddedStore::open(settings, clock()).err()
}

#[test]
fn a_second_opening_of_the_directory_is_refused_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let store = EmbeddedStore::open(settings(&path), clock()).unwrap();
    let error = open(settings(&path)).unwrap();
    assert_eq!(error, OpenError::Locked { path: path.clone() });
    assert!(error.to_string().contains(path.to_str().unwrap()));
    store.close();
    assert_eq!(open(settings(&path)), None);
}

#[test]
fn another_partition_count_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    assert_eq!(open(settings(&path)), None);
    let other = EmbeddedSettings { partitions: 65, ..settings(&path) };
    let refused = OpenError::Partitions { path: path.clone(), found: 64, wanted: 65 };
    assert_eq!(open(other), Some(refused));
    assert_eq!(open(settings(&path)), None);
}

#[test]
fn the_store_belongs_to_the_first_installation_that_marks_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let marked = |mark| EmbeddedSettings { install_mark: Some([mark; 32]), ..settings(&path) };
    assert_eq!(open(settings(&path)), None);
    assert_eq!(open(marked(1)), None);
    assert_eq!(open(marked(2)), Some(OpenError::OtherInstall { path: path.clone() }));
    assert_eq!(open(marked(1)), None);
}

#[test]
fn files_that_are_no_store_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    std::fs::create_dir_all(path.join("engine")).unwrap();
    std::fs::write(path.join("engine/version"), b"not an engine's").unwrap();
    assert!(matches!(open(settings(&path)), Some(OpenError::Engine { .. })));
}

#[test]
fn all_faults_of_the_settings_are_named_at_once() {
    let settings = EmbeddedSettings {
        partitions: 1_025,
        queue_commands_max: 1,
        closed_retention_days: 0,
        ..EmbeddedSettings::default()
    };
    let Some(OpenError::Settings(faults)) = open(settings) else { panic!("it must be refused") };
    let expected = [
        "partitions must be from 1 to 1024",
        "queue_commands_max must be from 8 to 1000000",
        "closed_retention_days must be at least 1",
    ];
    assert_eq!(faults, expected);
}

#[test]
fn settings_are_read_from_toml_and_unknown_names_are_refused() {
    let read: EmbeddedSettings = toml::from_str("path = \"p\"\npartitions = 8").unwrap();
    let expected =
        EmbeddedSettings { path: "p".into(), partitions: 8, ..EmbeddedSettings::default() };
    assert_eq!(read, expected);
    assert_eq!(EmbeddedSettings::default().faults(), Vec::<String>::new());
    assert!(toml::from_str::<EmbeddedSettings>("partition = 8").is_err());
    assert!(toml::from_str::<EmbeddedSettings>("install_mark = []").is_err());
}

#[cfg(unix)]
#[test]
fn a_new_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("data/store");
    assert_eq!(open(settings(&path)), None);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}
