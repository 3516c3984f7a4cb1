use serde_json::{Value as Json, json};

use super::*;
use crate::cli::buyer::{Buyer, Lint, Test, carry_out};
use crate::domain::slug::VerticalId;

/// Makes a profile of recorded files.
fn made(files: &[(&str, &str)], vertical: &str) -> (tempfile::TempDir, String, String) {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| {
        let found = files.iter().any(|(known, _)| *known == name);
        found.then(|| root.path().join(name))
    };
    for (name, text) in files {
        std::fs::write(root.path().join(name), text).unwrap();
    }
    let order = New {
        folder: root.path().join("acme"),
        vertical: VerticalId::parse(vertical).unwrap(),
        ping: path("ping"),
        ping_reply: path("ping_reply"),
        post: path("post"),
        post_reply: path("post_reply"),
        verticals: None,
    };
    let text = new(&order).unwrap_or_else(|error| panic!("{error}")).text;
    let profile = std::fs::read_to_string(root.path().join("acme/profile.toml")).unwrap();
    (root, profile, text)
}

/// The lines of a profile that are there.
fn check(profile: &str, lines: &[&str]) {
    for line in lines {
        assert!(profile.lines().any(|known| known == *line), "{line}\n--\n{profile}");
    }
}

#[test]
fn a_recorded_form_and_its_reply_become_a_profile_that_can_be_tested() {
    let (root, profile, told) = made(
        &[
            (
                "ping",
                "POST /ping HTTP/1.1\r\nHost: x.example\r\nX-Api-Key: k-1\r\n\r\nzip_code=75201&state=TX&smoker=no&tobacco=No&sub_id=7&mode=ping",
            ),
            (
                "ping_reply",
                "HTTP/1.1 200 OK\r\nA: b\r\n\r\n{\"status\":\"success\",\"price\":\"$12.50\",\"ping_id\":\"p-1\"}",
            ),
            (
                "post",
                "{\"lead\":{\"FirstName\":\"Ann\",\"phone\":\"214-555-7312\",\"dob\":\"03/02/1957\",\"cover\":15000,\"token\":\"s3\",\"ping_id\":\"p-1\"}}",
            ),
            ("post_reply", "{\"result\":{\"status\":\"accepted\",\"lead_id\":7},\"message\":\"\"}"),
        ],
        "final_expense",
    );
    check(
        &profile,
        &[
            "profile = \"acme\"",
            "secrets = [\"token\", \"x_api_key\"]",
            "body = \"form\"",
            "X-Api-Key = \"secret.x_api_key\"  # ?",
            "zip_code = \"zip\"",
            "tobacco = { from = \"tobacco\", boolean = [\"Yes\", \"No\"] }  # ?",
            "sub_id = \"vendor\"  # ?",
            "mode = { value = \"ping\" }  # ?",
            "  { when = { \"$.status\" = \"success\" }, outcome = \"accept\" },  # ?",
            "bid = { price = { json = \"$.price\", form = \"money\" }, reference = \"$.ping_id\" }  # ?",
            "wrap = \"lead\"",
            "FirstName = \"first_name\"",
            "phone = { from = \"phone\", phone = \"NNN-NNN-NNNN\" }",
            "dob = { from = \"date_of_birth\", date = \"MM/DD/YYYY\" }",
            "cover = { value = 15000 }  # ?",
            "ping_id = \"bid.reference\"  # ?",
            "buyer_lead_id = \"$.result.lead_id\"  # ?",
        ],
    );
    assert!(!profile.contains("s3") && !profile.contains("k-1"), "{profile}");
    assert!(told.contains("look at every line marked"), "{told}");
    let case = std::fs::read_to_string(root.path().join("acme/cases/recorded.json")).unwrap();
    assert!(case.contains("\"price\": \"12.50\""), "{case}");
    assert!(case.contains("\"outcome\": \"accepted\""), "{case}");
    let folders = vec![root.path().join("acme")];
    let lint = Lint {
        folders: folders.clone(),
        vertical: Vec::new(),
        disclose: None,
        strict: false,
        verticals: None,
    };
    let found = carry_out(&Buyer::Lint(lint)).unwrap().unwrap();
    assert_eq!(found.failure, None, "{}", found.text);
    let found = carry_out(&Buyer::Test(Test { folders, verticals: None })).unwrap().unwrap();
    let missing = found.text.lines().filter(|line| line.contains("no case shows")).count();
    assert_eq!(missing, found.text.lines().count(), "{}", found.text);
}

#[test]
fn recorded_xml_and_a_query_become_profiles() {
    let (_root, profile, _) = made(
        &[
            (
                "post",
                "<Lead><Person><First_Name>A</First_Name></Person><Zip>75201</Zip><Car/><Car/></Lead>",
            ),
            (
                "post_reply",
                "<Reply code=\"1\"><Result>REJECTED</Result><Reason>old</Reason></Reply>",
            ),
        ],
        "solar",
    );
    check(
        &profile,
        &[
            "body = \"xml\"",
            "wrap = \"Lead\"",
            "Zip = \"zip\"",
            "# Car: a list, written with each = \"..\"  # ?",
            "declaration = false",
            "Person.fields.First_Name = \"first_name\"",
            "format = \"xml\"",
            "reason = \"/Reply/Reason\"  # ?",
            "  { when = { \"/Reply/Result\" = \"REJECTED\" }, outcome = \"refuse\" },  # ?",
        ],
    );
    let (_root, profile, _) = made(
        &[
            ("ping", "GET /rtb/1.json?zipcode=75201&phone=2145557312 HTTP/1.1\n"),
            ("ping_reply", ""),
        ],
        "solar",
    );
    check(
        &profile,
        &["body = \"query\"", "zipcode = \"zip\"", "phone = { value = \"2145557312\" }  # ?"],
    );
}

#[test]
fn a_folder_that_is_there_is_left_alone() {
    let root = tempfile::tempdir().unwrap();
    let order = New {
        folder: root.path().to_owned(),
        vertical: VerticalId::parse("solar").unwrap(),
        ping: Some(root.path().join("x")),
        ping_reply: None,
        post: None,
        post_reply: None,
        verticals: None,
    };
    let told = new(&order).unwrap_err().to_string();
    assert!(told.ends_with("is there already"), "{told}");
}

/// What `gavel buyer test` says of a made profile, but for what it has no case of.
fn differences(root: &tempfile::TempDir) -> String {
    let folders = vec![root.path().join("acme")];
    let text = carry_out(&Buyer::Test(Test { folders, verticals: None })).unwrap().unwrap().text;
    text.lines().filter(|line| !line.contains("no case shows")).collect()
}

#[test]
fn what_the_ping_brought_and_the_post_gives_back_is_the_bid() {
    let (root, profile, _) = made(
        &[
            ("ping", "zip=75201&state=TX"),
            (
                "ping_reply",
                "{\"status\":\"ok\",\"price\":\"12.50\",\"id\":\"x-1\",\"token\":\"t-99\",\"buyer\":{\"offer\":\"o-7\"}}",
            ),
            (
                "post",
                "token=t-99&offer=o-7&price=12.50&key=s3cr3t&first_name=Ann&zip=75201&sub_id=4",
            ),
            ("post_reply", "{\"status\":\"accepted\",\"leadId\":\"L-1\",\"price\":\"$12.50\"}"),
        ],
        "solar",
    );
    check(
        &profile,
        &[
            "secrets = [\"key\"]",
            "bid = { price = \"$.price\", reference = \"$.token\", references = { offer = \"$.buyer.offer\" } }  # ?",
            "token = \"bid.reference\"  # ?",
            "offer = \"bid.offer\"  # ?",
            "price = \"price\"  # ?",
            "key = \"secret.key\"  # ?",
            "price = { json = \"$.price\", form = \"money\" }  # ?",
        ],
    );
    let case = std::fs::read_to_string(root.path().join("acme/cases/recorded.json")).unwrap();
    assert!(!case.contains("s3cr3t"), "{case}");
    let case: Json = serde_json::from_str(&case).unwrap();
    let form = json!({"token": "t-99", "offer": "o-7", "price": "12.50", "key": "key-secret",
        "first_name": "Ann", "zip": "75201", "sub_id": "v7f3a1"});
    assert_eq!(case["steps"][1]["request"]["form"], form);
    assert_eq!(case["lead"], json!({"zip": "75201", "state": "TX", "first_name": "Ann"}));
    assert_eq!(case["steps"][1]["means"]["price"], "12.50");
    assert_eq!(differences(&root), "");
    let file = root.path().join("acme/profile.toml");
    std::fs::write(&file, profile.replace("offer = \"bid.offer\"", "offr = \"bid.offer\""))
        .unwrap();
    assert!(differences(&root).contains("steps.1.request.form"));
}

#[test]
fn a_recorded_document_is_held_against_what_is_sent() {
    let (root, profile, _) = made(
        &[
            (
                "post",
                "<?xml version=\"1.0\"?>\n<Lead>\n  <Token>\n    <ApiKey>s3cr3t</ApiKey>\n  </Token>\n  <Zip>75201</Zip>\n  <Source>web</Source>\n</Lead>\n",
            ),
            ("post_reply", "<R><Result>OK</Result></R>"),
        ],
        "solar",
    );
    check(&profile, &["Token.fields.ApiKey = \"secret.apikey\"  # ?", "Zip = \"zip\""]);
    let case = std::fs::read_to_string(root.path().join("acme/cases/recorded.json")).unwrap();
    assert!(!case.contains("s3cr3t") && case.contains("<ApiKey>apikey-secret</ApiKey>"), "{case}");
    assert_eq!(differences(&root), "");
}

#[test]
fn a_recorded_lead_that_is_none_is_told() {
    let (root, _, told) = made(
        &[
            ("post", "{\"zip\":\"75\",\"roof_age\":3,\"auth\":{\"password\":\"s3cr3t\"}}"),
            ("post_reply", "{\"ok\":true}"),
        ],
        "solar",
    );
    assert!(told.contains("makes no lead") && told.contains("/lead/zip"), "{told}");
    let case = std::fs::read_to_string(root.path().join("acme/cases/recorded.json")).unwrap();
    assert!(!case.contains("s3cr3t") && case.contains("\"outcome\": \"accepted\""), "{case}");
    assert!(differences(&root).contains("steps.0.request.body"));
}
