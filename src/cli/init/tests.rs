use std::os::unix::fs::MetadataExt;

use super::*;
use crate::vault::read_key_file;

fn create(folder: &Path) -> Result<Layout, InitError> {
    Layout::create(folder, &folder.join(DATA_FOLDER), "# nothing\n", &|bytes| bytes.fill(7))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_finished_installation_has_private_keys() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("new/exchange");
    let layout = create(&folder).unwrap();
    assert_eq!(layout.config_file(), folder.join("gavel.toml"));
    layout.finish("gavel_live_operator_x").unwrap();
    assert_eq!(names(&folder), ["data", "gavel.key", "gavel.toml", "operator.key"]);
    let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().mode() & 0o777;
    assert_eq!([mode("gavel.key"), mode("operator.key"), mode("data")], [0o600, 0o600, 0o700]);
    assert!(read_key_file(&folder.join("gavel.key")).is_ok());
    let key = private_file::read(&folder.join("operator.key")).unwrap();
    assert_eq!(*key, "gavel_live_operator_x");
}

#[test]
fn nothing_that_is_there_is_written_over() {
    for name in [CONFIG_FILE, KEY_FILE, OPERATOR_KEY_FILE, DATA_FOLDER] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join(name);
        fs::write(&path, "mine").unwrap();
        let refused = create(root.path()).map(drop).unwrap_err().to_string();
        assert_eq!(refused, format!("{} is there already; nothing was changed", path.display()));
        assert_eq!(names(root.path()), [name]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}

#[test]
fn an_installation_that_is_not_finished_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let layout = create(root.path()).unwrap();
    fs::write(root.path().join("data/records.db"), "half").unwrap();
    drop(layout);
    assert_eq!(names(root.path()), [""; 0]);
}

#[test]
fn a_key_that_appears_meanwhile_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let layout = create(root.path()).unwrap();
    fs::write(root.path().join(OPERATOR_KEY_FILE), "mine").unwrap();
    assert!(layout.finish("gavel_live_operator_x").is_err());
    assert_eq!(names(root.path()), [OPERATOR_KEY_FILE]);
}

#[test]
fn a_private_file_that_others_may_read_is_not_read() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("key");
    private_file::create(&path, "text\n", 0o640).unwrap();
    let error = private_file::read(&path).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn data_may_have_an_empty_folder_of_its_own_which_is_left_empty_if_nothing_comes_of_it() {
    let root = tempfile::tempdir().unwrap();
    let (folder, data) = (root.path().join("etc"), root.path().join("volume"));
    fs::create_dir(&data).unwrap();
    let make = || Layout::create(&folder, &data, "# nothing\n", &|bytes| bytes.fill(7));
    let layout = make().unwrap();
    fs::write(data.join("records.db"), "half").unwrap();
    drop(layout);
    assert_eq!(names(&folder), [""; 0]);
    make().unwrap().finish("gavel_live_operator_x").unwrap();
    assert_eq!(names(&folder), ["gavel.key", "gavel.toml", "operator.key"]);
}

#[test]
fn data_of_an_earlier_installation_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let data = root.path().join("volume");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("records.db"), "mine").unwrap();
    let folder = root.path().join("etc");
    let refused = Layout::create(&folder, &data, "", &|bytes| bytes.fill(7)).map(drop).unwrap_err();
    assert!(matches!(refused, InitError::Exists(path) if path == data));
    assert_eq!(fs::read_to_string(data.join("records.db")).unwrap(), "mine");
}

#[test]
fn a_configuration_names_the_folder_of_data_in_three_places() {
    let text = with_data_at(crate::config::TEMPLATE, Path::new("/var/lib/a \"b\""));
    let config: toml::Table = text.parse().unwrap();
    assert_eq!(config["store"]["path"].as_str(), Some("/var/lib/a \"b\"/store"));
    assert_eq!(config["records"]["path"].as_str(), Some("/var/lib/a \"b\"/records.db"));
    assert_eq!(config["vault"]["day_key_folder"].as_str(), Some("/var/lib/a \"b\"/day-keys"));
}
