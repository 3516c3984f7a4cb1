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
        "buyer/acme.toml:1:1: not in a folder of an exchange directory: verticals, vendors, buyers, trees, profiles",
    );
}

#[test]
fn a_folder_of_something_else_is_refused() {
    check_refused(
        &[("src/main.rs", "")],
        "DIR has none of the folders verticals, vendors, buyers, trees, profiles",
    );
    check_refused(&[], "DIR has none of the folders verticals, vendors, buyers, trees, profiles");
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let root = folder(&[]);
    let missing = root.path().join("none");
    let error = read(&missing, &no_variables).map(drop).unwrap_err();
    assert!(matches!(error, DirectoryError::File { path, .. } if path == missing));
}

const PROFILE: &str = "profile = \"own\"\nsecrets = [\"key\"]\n[post.request]\nbody = \"json\"\nfields = { k = \"secret.key\" }\n\
    [post.reply]\nrules = [{ when = { http_status = 200 }, outcome = \"accept\" }, { outcome = \"refuse\" }]\n";

const CASE: &str =
    r#"{"about": "A post.", "vertical": "final_expense", "steps": [{"call": "post"}]}"#;

fn buyer_with_profile(secret: &str) -> String {
    format!(
        "name = \"Acme\"\n[[campaign]]\nid = \"acme-tx\"\nvertical = \"final_expense\"\nprofile = \"own\"\n\
         profile_settings = {{ sender = \"7\" }}\n{secret}\nprice = {{ fixed = \"9.00\" }}\n"
    )
}

#[test]
fn a_profile_comes_with_its_cases_and_a_campaign_with_its_secrets() {
    let root = folder(&[
        ("profiles/own/profile.toml", PROFILE),
        ("profiles/own/cases/accept.json", CASE),
        ("profiles/own/notes.md", "a person's"),
        (
            "buyers/acme.toml",
            &buyer_with_profile("profile_secrets.key = { secret_file = \"secrets/own\" }"),
        ),
        ("secrets/own", "the-key\n"),
    ]);
    let bundle = read(root.path(), &no_variables).unwrap_or_else(|error| panic!("{error}"));
    let profile = &bundle.profiles["own"];
    assert_eq!(profile.text, PROFILE);
    assert_eq!(profile.cases.keys().collect::<Vec<_>>(), ["accept"]);
    let campaign = &bundle.campaigns["acme-tx"];
    assert_eq!(campaign.profile_secrets.iter().collect::<Vec<_>>(), ["key"]);
    assert_eq!(campaign.profile_settings["sender"], "7");
    assert_eq!(bundle.profile_secrets["acme-tx"]["key"].text(), "the-key");
    assert!(bundle.secrets.is_empty());
}

#[test]
fn what_is_wrong_with_a_profiles_folder_is_told_with_its_place() {
    check_refused(
        &[("profiles/own.toml", PROFILE)],
        "profiles/own.toml:1:1: a profile is a folder with a profile.toml",
    );
    check_refused(
        &[("profiles/own/cases/a.json", "{}")],
        "profiles/own:1:1: the folder of a profile has a profile.toml",
    );
    check_refused(
        &[("profiles/other/profile.toml", PROFILE)],
        "profiles/other/profile.toml:1:1: the profile calls itself `own`; its folder must have its name",
    );
    check_refused(
        &[("buyers/acme.toml", &buyer_with_profile("profile_secrets.key = { file = \"x\" }"))],
        "buyers/acme.toml:7:23: `profile_secrets.key` says where the secret is: { secret_env = \"..\" } or { secret_file = \"..\" }",
    );
}
