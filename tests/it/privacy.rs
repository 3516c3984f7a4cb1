//! Canaries: values that occur nowhere else, looked for in everything the exchange lets out.

use aho_corasick::AhoCorasick;
use gavel::demo::stub_buyer::{OnPost, Reply, Script};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::support::{Installation, buyer, exchange, files_below, lead, text};

/// What identifies the consumer of [`canary_lead`], in every form a value could leak in.
fn canaries() -> Vec<(String, Vec<u8>)> {
    let plain = [
        "Quetzalina",
        "Zanzibarowitz",
        "+12146537391",
        "2146537391",
        "12146537391",
        "(214) 653-7391",
        "quetzalina.z@mail.example",
        "Quetzalina.Z@mail.example",
        "1957-03-17",
        "03/17/1957",
        "198.51.100.203",
        "I agree to canary terms number 8841",
        "https://forms.example/canary-page-8841",
        "click-canary-8841",
        "abcabcabcabcabcabcabcabcabcabcabcabc8841",
    ];
    let mut found = Vec::new();
    for value in plain {
        found.push((format!("plain {value}"), value.as_bytes().to_vec()));
        let digest = Sha256::digest(value.as_bytes());
        let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        found.push((format!("sha256 of {value}"), hex.into_bytes()));
        found.push((format!("raw sha256 of {value}"), digest.to_vec()));
        let lower = Sha256::digest(value.to_lowercase().as_bytes());
        let hex: String = lower.iter().map(|byte| format!("{byte:02x}")).collect();
        found.push((format!("sha256 of lower case {value}"), hex.into_bytes()));
    }
    found
}

fn canary_lead() -> Json {
    let mut body = lead(1);
    for (name, value) in [
        ("first_name", "Quetzalina"),
        ("last_name", "Zanzibarowitz"),
        ("phone", "(214) 653-7391"),
        ("email", "Quetzalina.Z@mail.example"),
        ("date_of_birth", "03/17/1957"),
    ] {
        body["lead"][name] = json!(value);
    }
    body["consent"]["text"] = json!("I agree to canary terms number 8841");
    body["consent"]["ip"] = json!("198.51.100.203");
    body["consent"]["page_url"] = json!("https://forms.example/canary-page-8841");
    body["consent"]["trustedform_cert_url"] =
        json!("https://cert.trustedform.com/abcabcabcabcabcabcabcabcabcabcabcabc8841");
    body["source"]["click_id"] = json!("click-canary-8841");
    body
}

fn assert_clean(what: &str, bytes: &[u8], canaries: &[(String, Vec<u8>)]) {
    let search = AhoCorasick::new(canaries.iter().map(|(_, canary)| canary)).unwrap();
    let leak = search.find(bytes).map(|found| &canaries[found.pattern().as_usize()].0);
    assert_eq!(leak, None, "{what} holds it");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_personal_value_leaves_but_in_the_post_to_the_winner() {
    let winner_post = OnPost::AcceptButAnswer(Reply::silence(), 1);
    let winner = buyer(Script::always(Reply::bid("30.00")).on_post(winner_post)).await;
    let loser = buyer(Script::always(Reply::bid("10.00"))).await;
    let picky = buyer(
        Script::always(Reply::no_bid("closed")).on_post(OnPost::Answer(Reply::rejected("other"))),
    )
    .await;
    let mut gavel = Installation::start(&[("post_ms", "500")]).await;
    gavel.apply(&exchange(
        &[("winner", &winner, ""), ("loser", &loser, ""), ("picky", &picky, "")],
        "",
    ));
    let vendor = gavel.key("vendor", "acme", &[]);
    let canaries = canaries();

    let answer = gavel.post_json("/v1/leads", &vendor, &canary_lead()).await;
    let answer = gavel.final_answer(&vendor, &answer.text("/lead_id")).await;
    assert_eq!(answer.text("/disposition"), "sold");
    assert_clean("the answer", &answer.body, &canaries);

    let post = &winner.posts()[0];
    assert!(text(&post.body).contains("+12146537391"), "the winner gets the whole lead");
    for (name, stub) in [("winner", &winner), ("loser", &loser), ("picky", &picky)] {
        for ping in stub.pings() {
            assert_clean(&format!("a ping to {name}"), &ping.body, &canaries);
            assert_clean("a ping's headers", format!("{:?}", ping.headers).as_bytes(), &canaries);
        }
    }
    assert!(loser.posts().is_empty() && picky.posts().is_empty());

    let mut faulty = canary_lead();
    faulty["lead"]["state"] = json!("Quetzalina");
    faulty["lead"]["tobacco"] = json!("Zanzibarowitz");
    faulty["Zanzibarowitz-key"] = json!(1);
    let refused = gavel.post_json("/v1/leads", &vendor, &faulty).await;
    assert_eq!(refused.status, 422);
    let values: Vec<_> =
        canaries.iter().filter(|(name, _)| name != "plain Zanzibarowitz").cloned().collect();
    assert_clean("an error", &refused.body, &values);

    let record = gavel.record(&answer.text("/lead_id")).await;
    assert_clean("the decision record", record.to_string().as_bytes(), &canaries);
    assert_clean("the metrics", gavel.metrics().await.as_bytes(), &canaries);
    assert_eq!(gavel.stop(), Some(0));
    let log = gavel.log();
    assert!(log.contains("\"severity\""), "the log is there to be searched");
    for file in files_below(gavel.folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert_clean(&format!("{}", file.display()), &bytes, &canaries);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_disclosure_shows_its_value_and_is_on_record() {
    let curious = buyer(Script::always(Reply::bid("9.00"))).await;
    let coarse = buyer(Script::always(Reply::bid("8.00"))).await;
    let gavel = Installation::start(&[]).await;
    let disclosures = "disclosures = [\"zip\", \"age\", \"ip\"]";
    gavel.apply(&exchange(&[("curious", &curious, disclosures), ("coarse", &coarse, "")], ""));
    let vendor = gavel.key("vendor", "acme", &[]);
    let answer = gavel.post_json("/v1/leads", &vendor, &canary_lead()).await;
    let seen = curious.pings()[0].json();
    assert_eq!(seen["lead"]["zip"], "75201");
    assert_eq!(seen["consent"]["ip"], "198.51.100.203");
    assert!(seen["lead"]["age"].is_u64());
    let others = coarse.pings()[0].json();
    assert_eq!((&others["lead"]["zip"], &others["lead"]["zip3"]), (&json!(null), &json!("752")));
    assert_ne!(seen["source_ref"], others["source_ref"], "buyers cannot join what they saw");
    assert_ne!(seen["ping_id"], others["ping_id"]);
    let record = gavel.record(&answer.text("/lead_id")).await;
    let disclosed = |campaign: &str| {
        let candidates = record["candidates"].as_array().unwrap();
        let found = candidates.iter().find(|c| c["campaign_id"] == campaign).unwrap();
        found["disclosed"].clone()
    };
    assert_eq!(disclosed("curious-fe"), json!(["zip", "age", "ip"]));
    assert_eq!(disclosed("coarse-fe"), json!([]));
}
