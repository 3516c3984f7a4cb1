use super::*;
use crate::cli::buyer::{Buyer, Lint, Test, carry_out};

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
            "X-Api-Key = \"secret.x_api_key\"",
            "zip_code = \"zip\"",
            "tobacco = { from = \"tobacco\", boolean = [\"Yes\", \"No\"] }",
            "sub_id = \"vendor\"",
            "mode = { value = \"ping\" }  # ?",
            "  { when = { \"$.status\" = \"success\" }, outcome = \"accept\" },",
            "bid = { price = { json = \"$.price\", form = \"money\" }, reference = \"$.ping_id\" }  # ?",
            "wrap = \"lead\"",
            "FirstName = \"first_name\"",
            "phone = { from = \"phone\", phone = \"NNN-NNN-NNNN\" }",
            "dob = { from = \"date_of_birth\", date = \"MM/DD/YYYY\" }",
            "cover = { value = 15000 }  # ?",
            "ping_id = \"bid.reference\"",
            "buyer_lead_id = \"$.result.lead_id\"",
        ],
    );
    assert!(!profile.contains("s3") && !profile.contains("k-1"), "{profile}");
    assert!(told.contains("look at every line marked"), "{told}");
    let case = std::fs::read_to_string(root.path().join("acme/cases/recorded.json")).unwrap();
    assert!(case.contains("\"price\": \"12.50\""), "{case}");
    assert!(case.contains("\"outcome\": \"accepted\""), "{case}");
    let folders = vec![root.path().join("acme")];
    let lint =
        Lint { folders: folders.clone(), vertical: Vec::new(), disclose: None, strict: false };
    let found = carry_out(&Buyer::Lint(lint)).unwrap().unwrap();
    assert_eq!(found.failure, None, "{}", found.text);
    let found = carry_out(&Buyer::Test(Test { folders })).unwrap().unwrap();
    let missing = found.text.lines().filter(|line| line.contains("no case shows")).count();
    assert_eq!(missing, found.text.lines().count(), "{}", found.text);
}

#[test]
fn recorded_xml_and_a_query_become_profiles() {
    let (_root, profile, _) = made(
        &[
            (
                "post",
                "<?xml version=\"1.0\"?><Lead><Person><First_Name>A</First_Name></Person><Zip>75201</Zip><Car/><Car/></Lead>",
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
            "[post.request.fields.Person.fields]",
            "First_Name = \"first_name\"",
            "format = \"xml\"",
            "reason = \"/Reply/Reason\"",
            "  { when = { \"/Reply/Result\" = \"REJECTED\" }, outcome = \"refuse\" },",
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
    };
    let told = new(&order).unwrap_err().to_string();
    assert!(told.ends_with("is there already"), "{told}");
}
