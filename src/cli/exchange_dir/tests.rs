use super::*;
use crate::domain::slug::{BuyerId, CampaignId, VendorId};

const VENDOR: &str = "name = \"Leadco\"\ntime_zone = \"America/Chicago\"\n";
const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

fn buyer(secret: &str) -> String {
    format!(
        "name = \"Acme Life\"\nlegal_name = \"Acme Life LLC\"\ntime_zone = \"America/Chicago\"\n\
         [[campaign]]\nid = \"acme-tx\"\nvertical = \"final_expense\"\nprofile = \"native\"\n\
         ping_url = \"https://bids.acme.example/ping\"\npost_url = \"https://bids.acme.example/post\"\n\
         price = {{ bid = {{ max_bid = \"40.00\" }} }}\n{secret}\n"
    )
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

fn no_variables(_: &str) -> Option<String> {
    None
}

#[track_caller]
fn check_refused(files: &[(&str, &str)], expect: &str) {
    let root = folder(files);
    let Err(error) = read(root.path(), &no_variables) else { panic!("should be refused") };
    assert_eq!(error.to_string().replace(&root.path().display().to_string(), "DIR"), expect);
}

#[test]
fn objects_and_secrets_come_together() {
    let root = folder(&[
        ("README.md", "not ours"),
        ("gavel.toml", "# not ours either"),
        ("vendors/leadco.toml", VENDOR),
        ("vendors/.leadco.toml.swp", "an editor's"),
        ("vendors/notes.txt", "a person's"),
        ("buyers/acme.toml", &buyer("secret_file = \"secrets/acme-tx\"")),
        ("secrets/acme-tx", &format!("{SECRET}\n")),
    ]);
    let bundle = read(root.path(), &no_variables).unwrap();
    assert!(bundle.vendors.contains_key(&VendorId::parse("leadco").unwrap()));
    assert!(bundle.buyers.contains_key(&BuyerId::parse("acme").unwrap()));
    let campaign = CampaignId::parse("acme-tx").unwrap();
    assert!(bundle.campaigns.contains_key(&campaign));
    assert!(bundle.secrets[&campaign] == SecretText::parse(SECRET).unwrap());
}

#[test]
fn a_secret_may_be_in_the_environment() {
    let root = folder(&[("buyers/acme.toml", &buyer("secret_env = \"ACME_TX\""))]);
    let variable = |name: &str| (name == "ACME_TX").then(|| SECRET.to_owned());
    let bundle = read(root.path(), &variable).unwrap();
    assert_eq!(bundle.secrets.len(), 1);
}

#[test]
fn a_secret_that_cannot_be_fetched_is_told_with_the_line_that_names_it() {
    let of_file = buyer("secret_file = \"secrets/acme-tx\"");
    check_refused(
        &[("buyers/acme.toml", &of_file)],
        "buyers/acme.toml:11:15: the secret's file secrets/acme-tx: No such file or directory (os error 2)",
    );
    check_refused(
        &[("buyers/acme.toml", &of_file), ("secrets/acme-tx", &"x".repeat(5_000))],
        "buyers/acme.toml:11:15: the secret's file secrets/acme-tx: it has 5000 bytes; at most 4096 are read",
    );
    check_refused(
        &[("buyers/acme.toml", &buyer("secret_env = \"ACME_TX\""))],
        "buyers/acme.toml:11:14: the environment variable ACME_TX is not set",
    );
}

#[test]
fn a_secret_that_is_none_is_not_repeated() {
    let root = folder(&[
        ("buyers/acme.toml", &buyer("secret_file = \"secrets/acme-tx\"")),
        ("secrets/acme-tx", "hunter2"),
    ]);
    let Err(error) = read(root.path(), &no_variables) else { panic!("should be refused") };
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[test]
fn a_mistyped_folder_is_a_fault() {
    check_refused(
        &[("vendors/leadco.toml", VENDOR), ("buyer/acme.toml", &buyer(""))],
        "buyer/acme.toml:1:1: not in a folder of an exchange directory: verticals, vendors, buyers, trees",
    );
}

#[test]
fn a_folder_of_something_else_is_refused() {
    check_refused(
        &[("src/main.rs", "")],
        "DIR has none of the folders verticals, vendors, buyers, trees",
    );
    check_refused(&[], "DIR has none of the folders verticals, vendors, buyers, trees");
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let root = folder(&[]);
    let missing = root.path().join("none");
    let error = read(&missing, &no_variables).map(drop).unwrap_err();
    assert!(matches!(error, DirectoryError::File { path, .. } if path == missing));
}
