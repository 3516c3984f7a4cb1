//! Profiles over the API of the real binary: uploaded, refused, tried, used, brought back; by an
//! operator, and by a buyer for its own campaigns.

use serde_json::{Value as Json, json};

use crate::profiles::cases;
use crate::profiles::stub::{Said, Stub};
use crate::support::{Answer, Installation, exchange, lead};

/// A buyer's format; `NAME` is its name and `ZIP` what it calls the first digits of a ZIP code.
const TEXT: &str = r#"profile = "NAME"
source = "a test"
[settings.sender]
description = "who sends"
[ping.request]
body = "json"
[ping.request.fields]
ZIP = "zip3"
sender = "setting.sender"
[ping.reply]
rules = [
  { when = { "$.ok" = true }, outcome = "accept" },
  { when = { "$.ok" = false }, outcome = "refuse" },
]
bid = { price = "$.price", reference = "$.id" }
[post.request]
include = "ping"
[post.request.fields]
id = "bid.reference"
phone = { from = "phone", phone = "digits" }
[post.reply]
rules = [
  { when = { "$.ok" = true }, outcome = "accept" },
  { when = { "$.ok" = false }, outcome = "refuse" },
]
"#;

fn body(name: &str, zip: &str) -> Json {
    let said = |text: &str| Said::json(text.to_owned());
    let (bid, sold) = (said(r#"{"ok":true,"price":"20.00","id":"b-1"}"#), said(r#"{"ok":true}"#));
    let cases = cases::recorded([&bid, &sold], &said(r#"{"ok":false}"#), &[]);
    let cases: serde_json::Map<String, Json> =
        cases.into_iter().map(|(name, case)| (name, json!(case.to_string()))).collect();
    json!({"text": TEXT.replace("NAME", name).replace("ZIP", zip), "cases": cases})
}

struct Market {
    gavel: Installation,
    stub: Stub,
    operator: String,
    vendor: String,
    leads: usize,
}

impl Market {
    async fn open() -> Self {
        let gavel = Installation::start(&[]).await;
        gavel.apply(&exchange(&[], "margin_percent = \"0\"\n"));
        let stub = Stub::start(|seen, price| match seen.path.as_str() {
            "/ping" => Said::json(format!(r#"{{"ok":true,"price":"{price}","id":"b-9"}}"#)),
            _ => Said::json(r#"{"ok":true}"#.to_owned()),
        })
        .await;
        stub.set_price("24.50");
        let (operator, vendor) = (gavel.operator_key(), gavel.key("vendor", "acme", &[]));
        let market = Self { gavel, stub, operator, vendor, leads: 0 };
        for buyer in ["crm-co", "other-co"] {
            let line = format!("PUT /v1/buyers/{buyer}");
            let made = market.ask(&line, &market.operator, &json!({"name": buyer})).await;
            assert_eq!(made.status, 201, "{made:?}");
        }
        market
    }

    async fn ask(&self, line: &str, key: &str, body: &Json) -> Answer {
        let headers = [("content-type", "application/json")];
        self.gavel.request(line, key, &headers, body.to_string()).await
    }

    async fn put_profile(&self, name: &str, key: &str, body: &Json) -> Answer {
        self.ask(&format!("PUT /v1/profiles/{name}"), key, body).await
    }

    /// Describes a campaign of a buyer that speaks through a profile.
    async fn put_campaign(&self, buyer: &str, profile: &str) -> Answer {
        let base = &self.stub.base;
        let campaign = json!({
            "buyer_id": buyer, "vertical": "final_expense", "price": {"bid": {}},
            "profile": profile, "profile_settings": {"sender": "s-7"}, "verification": "operator",
            "ping_url": format!("{base}/ping"), "post_url": format!("{base}/post"),
        });
        self.ask(&format!("PUT /v1/campaigns/{buyer}-fe"), &self.operator, &campaign).await
    }

    /// Sells another lead; gives the bodies of its ping and of its post.
    async fn sell(&mut self) -> (Json, Json) {
        self.leads += 1;
        let answer = self.gavel.post_json("/v1/leads", &self.vendor, &lead(self.leads)).await;
        assert_eq!(answer.text("/disposition"), "sold", "{answer:?}\n{}", self.gavel.log());
        assert_eq!(answer.text("/payout"), "24.50");
        let last = |path: &str| {
            let seen = self.stub.seen(path);
            assert_eq!(seen.len(), self.leads, "{path}");
            serde_json::from_str(&seen.last().unwrap().body).unwrap()
        };
        (last("/ping"), last("/post"))
    }
}

fn codes(answer: &Answer) -> Vec<String> {
    let errors = answer.json()["errors"].clone();
    let told = |error: &Json| {
        format!("{} {}", error["pointer"].as_str().unwrap(), error["code"].as_str().unwrap())
    };
    errors.as_array().unwrap_or_else(|| panic!("{answer:?}")).iter().map(told).collect()
}

/// A body with two faults in its text and one in a case.
fn faulty() -> Json {
    let mut faulty = body("crm", "zip");
    let text = TEXT.replace("NAME", "crm").replace("outcome = \"accept\"", "outcome = \"acept\"");
    faulty["text"] = json!(text);
    faulty["cases"]["odd"] = json!("{\n \"about\": 7}");
    faulty
}

#[tokio::test]
async fn a_profile_with_faults_is_refused_whole_and_one_without_cases_sells_nothing() {
    let market = Market::open().await;
    let operator = market.operator.clone();

    // Every fault is told at once, and nothing is kept.
    let refused = market.put_profile("crm", &operator, &faulty()).await;
    assert_eq!((refused.status, refused.text("/code")), (422, "invalid_request".to_owned()));
    let told = codes(&refused);
    assert_eq!(
        told,
        ["/text invalid_profile", "/text invalid_profile", "/cases/odd invalid_case"],
        "{refused:?}"
    );
    let first = &refused.json()["errors"][0];
    assert_eq!((&first["line"], &first["at"]), (&json!(12), &json!("ping.reply.rules.0.outcome")));
    assert!(first["column"].as_u64().unwrap() > 1, "{first}");
    assert_eq!(first["hint"], "did you mean `accept`?");
    assert_eq!(refused.json()["errors"][2]["line"], 2);
    let none = market.gavel.get("/v1/profiles/crm", &operator).await;
    assert_eq!(none.status, 404);

    // One without cases is kept, and nobody sells by it.
    let mut bare = body("crm", "zip");
    bare["cases"] = json!({});
    let made = market.put_profile("crm", &operator, &bare).await;
    assert_eq!((made.status, made.text("/action")), (201, "create".to_owned()), "{made:?}");
    let refused = market.put_campaign("crm-co", "crm").await;
    assert_eq!(refused.text("/code"), "invalid_registry", "{refused:?}");
    assert_eq!(codes(&refused), vec![" profile_unproved"; 4]);
    let detail = refused.text("/errors/0/detail");
    assert!(detail.contains("no case shows how the buyer accepts a p"), "{detail}");
}

#[tokio::test]
async fn an_operator_uploads_a_profile_and_leads_are_sold_by_its_last_good_version() {
    let mut market = Market::open().await;
    let operator = market.operator.clone();
    let good = market.put_profile("crm", &operator, &body("crm", "zip")).await;
    assert_eq!((good.status, good.text("/action")), (201, "create".to_owned()), "{good:?}");
    let version = good.json()["version"].as_i64().unwrap();
    let tested = market.ask("POST /v1/profiles/crm/test", &operator, &json!({})).await;
    let tested = tested.json();
    assert_eq!(
        (&tested["passed"], &tested["may_go_live"]),
        (&json!(true), &json!(true)),
        "{tested}"
    );
    let ping = &tested["cases"][0]["steps"][0];
    assert_eq!(ping["request"]["body"], r#"{"zip":"752","sender":"sender"}"#);
    assert_eq!(ping["means"]["bids"][0]["price"], "20.00");
    let made = market.put_campaign("crm-co", "crm").await;
    assert_eq!((made.status, made.text("/state")), (201, "active".to_owned()), "{made:?}");
    let (ping, post) = market.sell().await;
    assert_eq!(ping, json!({"zip": "752", "sender": "s-7"}));
    let phone = "2146530001";
    assert_eq!(post, json!({"zip": "752", "sender": "s-7", "id": "b-9", "phone": phone}));

    // What is broken, or does not pass, is refused whole: the campaign goes on as it was.
    let refused = market.put_profile("crm", &operator, &faulty()).await;
    assert_eq!(refused.status, 422);
    let mut wrong = body("crm", "zip");
    let case = wrong["cases"]["accept"].as_str().unwrap().replace("accepted", "rejected");
    wrong["cases"]["accept"] = json!(case);
    let refused = market.put_profile("crm", &operator, &wrong).await;
    let expect = ["/cases/accept profile_unproved", "/cases profile_unproved"];
    assert_eq!(codes(&refused), expect, "{refused:?}");
    assert_eq!(market.sell().await.0, json!({"zip": "752", "sender": "s-7"}));

    // The next version is used by the next lead, and an earlier one comes back.
    let next = market.put_profile("crm", &operator, &body("crm", "zip_area")).await;
    assert_eq!(next.json()["fields"], json!(["text"]), "{next:?}");
    assert_eq!(market.sell().await.0, json!({"zip_area": "752", "sender": "s-7"}));
    let back = json!({"version": version});
    let back = market.ask("POST /v1/profiles/crm/rollback", &operator, &back).await;
    assert_eq!(back.text("/action"), "update", "{back:?}");
    assert_eq!(market.sell().await.0, json!({"zip": "752", "sender": "s-7"}));
    let versions = market.gavel.get("/v1/profiles/crm/versions?limit=3", &operator).await.json();
    assert_eq!(versions["data"].as_array().unwrap().len(), 3);
    assert_eq!(versions["data"][2]["version"], version);
    let again = &format!("/v1/profiles/crm/versions?after={version}");
    let oldest = market.gavel.get(again, &operator).await.json();
    assert_eq!((oldest["data"].as_array().unwrap().len(), &oldest["next"]), (0, &Json::Null));

    // In use it cannot be taken away; those that come with the program are listed beside it.
    let kept = market.ask("DELETE /v1/profiles/crm", &operator, &json!({})).await;
    assert_eq!(kept.text("/code"), "invalid_registry", "{kept:?}");
    let all = market.gavel.get("/v1/profiles", &operator).await.json();
    let named = |name: &str| {
        let mut rows = all["data"].as_array().unwrap().iter();
        rows.find(|row| row["id"] == name).unwrap_or_else(|| panic!("no {name}: {all}")).clone()
    };
    let expect = json!({"id": "crm", "archived": false, "shipped": false,
                        "campaigns": ["crm-co-fe"], "cases": ["accept", "refuse"]});
    assert_eq!(named("crm"), expect);
    assert_eq!(named("elocal")["shipped"], true);
    let shipped = market.gavel.get("/v1/profiles/elocal", &operator).await;
    assert!(shipped.text("/text").starts_with("profile = \"elocal\""), "{shipped:?}");
}

#[tokio::test]
async fn a_buyer_uploads_for_its_own_campaigns_and_nobody_else_sees_or_uses_it() {
    let mut market = Market::open().await;
    let mine = market.gavel.key("buyer", "crm-co", &[]);
    let other = market.gavel.key("buyer", "other-co", &[]);
    let name = "crm-co--crm";

    // It sends nowhere but to the campaign's endpoints.
    let mut elsewhere = body(name, "zip");
    let text = elsewhere["text"]
        .as_str()
        .unwrap()
        .replace("[ping.request]\n", "[ping.request]\nurl = \"https://elsewhere.example/ping\"\n");
    elsewhere["text"] = json!(text);
    let refused = market.put_profile(name, &mine, &elsewhere).await;
    // The post includes the ping, and so its URL.
    assert_eq!(codes(&refused), ["/text invalid_profile"; 2], "{refused:?}");
    assert!(refused.text("/errors/0/detail").contains("[ping.request]"), "{refused:?}");

    let made = market.put_profile(name, &mine, &body(name, "zip")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let tag = made.headers["etag"].clone();
    let shown = market.gavel.get(&format!("/v1/profiles/{name}"), &mine).await;
    assert_eq!((shown.text("/buyer_id"), &shown.headers["etag"]), ("crm-co".to_owned(), &tag));
    let tested = market.ask(&format!("POST /v1/profiles/{name}/test"), &mine, &json!({})).await;
    assert_eq!(tested.json()["may_go_live"], true, "{tested:?}");

    // To the other buyer it is as none, and so are the exchange's to both.
    let version = json!({"version": made.json()["version"]});
    for (line, content) in [
        ("GET /v1/profiles/NAME", None),
        ("GET /v1/profiles/NAME/versions", None),
        ("PUT /v1/profiles/NAME", Some(body(name, "zip"))),
        ("POST /v1/profiles/NAME/test", None),
        ("POST /v1/profiles/NAME/rollback", Some(version)),
        ("DELETE /v1/profiles/NAME", None),
    ] {
        for (key, named) in [(&other, name), (&other, "elocal"), (&mine, "elocal")] {
            let content = content.clone().unwrap_or_default();
            let answer = market.ask(&line.replace("NAME", named), key, &content).await;
            assert_eq!(answer.status, 404, "{line} {named}: {answer:?}");
        }
    }
    let list = market.gavel.get("/v1/profiles", &other).await.json();
    assert_eq!(list["data"], json!([]));
    let list = market.gavel.get("/v1/profiles", &mine).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
    let stolen = market.put_campaign("other-co", name).await;
    assert_eq!(codes(&stolen), ["/profile other_buyer"], "{stolen:?}");

    // The operator names it in the campaign; from then on the buyer mends it by itself.
    let made = market.put_campaign("crm-co", name).await;
    assert_eq!((made.status, made.text("/state")), (201, "active".to_owned()), "{made:?}");
    assert_eq!(market.sell().await.0, json!({"zip": "752", "sender": "s-7"}));
    let mended = market.put_profile(name, &mine, &body(name, "area")).await;
    assert_eq!(mended.status, 200, "{mended:?}");
    assert_eq!(market.sell().await.0, json!({"area": "752", "sender": "s-7"}));
    let refused = market.put_profile(name, &mine, &elsewhere).await;
    assert_eq!(refused.status, 422);
    let line = format!("DELETE /v1/profiles/{name}");
    let kept = market.ask(&line, &mine, &json!({})).await;
    assert_eq!(kept.text("/code"), "invalid_registry", "{kept:?}");
    assert!(kept.text("/errors/0/detail").contains("campaign crm-co-fe"), "{kept:?}");
    assert_eq!(market.sell().await.0, json!({"area": "752", "sender": "s-7"}));
    // A conditional change against what is not there any more.
    let condition = [("content-type", "application/json"), ("if-match", &*tag)];
    let line = format!("PUT /v1/profiles/{name}");
    let late = body(name, "zip").to_string();
    let late = market.gavel.request(&line, &mine, &condition, late).await;
    assert_eq!(late.status, 412, "{late:?}");
}

/// Describes the campaign of a buyer whose format has a secret.
async fn put_with_secrets(market: &Market, key: &str, secrets: Json) -> Answer {
    let base = &market.stub.base;
    let campaign = json!({
        "buyer_id": "crm-co", "vertical": "final_expense", "price": {"bid": {}},
        "profile": "crm", "profile_settings": {"sender": "s-7"}, "verification": "operator",
        "ping_url": format!("{base}/ping"), "post_url": format!("{base}/post"),
        "profile_secrets": secrets,
    });
    market.ask("PUT /v1/campaigns/crm-co-fe", key, &campaign).await
}

#[tokio::test]
async fn the_secrets_of_a_profile_are_given_with_its_campaign_and_shown_to_nobody() {
    let mut market = Market::open().await;
    let operator = market.operator.clone();
    let buyer = market.gavel.key("buyer", "crm-co", &[]);
    let mut profile = body("crm", "zip");
    let text = profile["text"].as_str().unwrap();
    let text = text.replace("source = \"a test\"\n", "source = \"a test\"\nsecrets = [\"key\"]\n");
    let asked = "sender = \"setting.sender\"\n";
    profile["text"] = json!(text.replace(asked, &format!("{asked}key = \"secret.key\"\n")));
    let made = market.put_profile("crm", &operator, &profile).await;
    assert_eq!(made.status, 201, "{made:?}");

    let refused = put_with_secrets(&market, &operator, json!(["key"])).await;
    assert!(codes(&refused).contains(&"/profile_secrets no_secret".to_owned()), "{refused:?}");
    let refused = put_with_secrets(&market, &operator, json!({"key": "hush\nhush"})).await;
    assert_eq!(codes(&refused), ["/profile_secrets/key invalid"]);
    let refused = put_with_secrets(&market, &buyer, json!({"key": "hush-1"})).await;
    assert_eq!(refused.status, 403, "{refused:?}");

    let made = put_with_secrets(&market, &operator, json!({"key": "hush-1"})).await;
    assert_eq!((made.status, made.text("/state")), (201, "active".to_owned()), "{made:?}");
    let asked = |key: &str| json!({"zip": "752", "sender": "s-7", "key": key});
    assert_eq!(market.sell().await.0, asked("hush-1"));
    for kept in [json!(["key"]), json!({"key": null}), json!({"key": "hush-1"})] {
        let same = put_with_secrets(&market, &operator, kept).await;
        assert_eq!((same.status, same.text("/action")), (200, "unchanged".to_owned()), "{same:?}");
    }
    let changed = put_with_secrets(&market, &operator, json!({"key": "hush-2"})).await;
    assert_eq!(changed.json()["fields"], json!(["profile_secrets"]), "{changed:?}");
    assert_eq!(market.sell().await.0, asked("hush-2"));

    let other = market.gavel.key("buyer", "other-co", &[]);
    for (key, status) in [(&operator, 200), (&buyer, 200), (&other, 404)] {
        let shown = market.gavel.get("/v1/campaigns/crm-co-fe", key).await;
        assert_eq!(shown.status, status, "{shown:?}");
        if status == 200 {
            assert_eq!(shown.json()["profile_secrets"], json!(["key"]));
        }
        assert!(!format!("{shown:?}").contains("hush"), "{shown:?}");
    }
    let audit = market.gavel.get("/v1/registry/changes", &operator).await;
    for told in [format!("{refused:?} {made:?} {changed:?} {audit:?}"), market.gavel.log()] {
        assert!(!told.contains("hush"), "a secret is told");
    }
}
