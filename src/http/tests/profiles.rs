//! Profiles over HTTP: every answer of their routes is as the document of the API has it.

use serde_json::json;

use super::door::{Answer, Door, Holder};

const TEXT: &str = "profile = \"NAME\"\nsecrets = [\"key\"]\n[post.request]\nbody = \"json\"\n\
    fields = { k = \"secret.key\", zip = \"zip\" }\n[post.reply]\n\
    rules = [{ when = { \"$.ok\" = true }, outcome = \"accept\" }, { outcome = \"refuse\" }]\n";

/// A profile with a case that passes and one that does not.
fn body(name: &str) -> String {
    let case = |word: &str| {
        let step =
            json!({"call": "post", "reply": {"body": {"ok": true}}, "means": {"outcome": word}});
        json!({"about": "A post.", "vertical": "solar", "steps": [step]}).to_string()
    };
    let cases = json!({"yes": case("accepted"), "no": case("rejected"), "none": case("rejected")
        .replace("solar", "lunar")});
    json!({"text": TEXT.replace("NAME", name), "cases": cases}).to_string()
}

#[tokio::test]
async fn a_profile_is_put_shown_tried_and_brought_back_as_the_document_says() {
    let door = Door::open().await;
    let operator = async |route: &str, body: &str| door.ask(Holder::Operator, route, body).await;
    let made = operator("PUT /v1/profiles/crm", &body("crm")).await;
    assert_eq!(made.status, 201, "{made:?}");
    let version = made.json()["version"].as_i64().unwrap();
    let expect = json!({"id": "crm", "version": version, "action": "create", "fields": [],
                        "warnings": []});
    assert_eq!(made.json(), expect);
    let shown = operator("GET /v1/profiles/crm", "").await;
    assert_eq!(shown.status, 200);
    assert_eq!(shown.header("etag"), made.header("etag"));
    let again = operator("PUT /v1/profiles/crm", &shown.body).await;
    assert_eq!((again.status, again.text("action")), (200, "unchanged".to_owned()), "{again:?}");
    assert!(shown.json()["cases"]["yes"].is_string());

    let tested = operator("POST /v1/profiles/crm/test", "").await;
    assert_eq!(tested.status, 200, "{tested:?}");
    let tested = tested.json();
    assert_eq!((&tested["passed"], &tested["may_go_live"]), (&json!(false), &json!(false)));
    assert_eq!(tested["missing"], json!(["no case shows how the buyer refuses a post"]));
    assert_eq!(tested["verticals"][0]["vertical"], "solar");
    assert_eq!(tested["cases"][1]["fault"], "there is no vertical `lunar`");
    let expect = json!({
        "name": "no", "about": "A post.", "passed": false,
        "steps": [{
            "call": "post",
            "request": {
                "method": "POST", "url": "https://buyer.example/post", "signed": false,
                "headers": {"content-type": "application/json"},
                "body": tested["cases"][0]["steps"][0]["request"]["body"],
            },
            "means": {"outcome": "accepted", "rule": 1, "ruled": "accept"},
            "differences": [
                {"at": "steps.0.means.outcome", "expected": "\"rejected\"", "found": "\"accepted\""},
            ],
        }],
    });
    assert_eq!(tested["cases"][0], expect);
    let sent = expect["steps"][0]["request"]["body"].as_str().unwrap();
    assert!(sent.starts_with("{\"k\":\"{secret.key}\",\"zip\":"), "{sent}");

    assert_eq!(operator("DELETE /v1/profiles/crm", "").await.status, 204);
    let versions = operator("GET /v1/profiles/crm/versions", "").await;
    let rows = versions.json()["data"].as_array().unwrap().clone();
    let rows: Vec<_> = rows.iter().map(|row| (&row["version"], &row["archived"])).collect();
    let (first, second) = (json!(version), json!(version + 1));
    assert_eq!(rows, [(&second, &json!(true)), (&first, &json!(false))]);
    let back = json!({"version": version}).to_string();
    let back = operator("POST /v1/profiles/crm/rollback", &back).await;
    assert_eq!((back.status, back.text("action")), (200, "restore".to_owned()), "{back:?}");
    let future = operator("POST /v1/profiles/crm/rollback", "{\"version\":99}").await;
    assert_eq!((future.status, future.code()), (404, "not_found".to_owned()));
    let listed = operator("GET /v1/profiles?limit=1000", "").await;
    assert_eq!(listed.json()["data"].as_array().unwrap().len(), 20, "{listed:?}");
    let shipped = operator("GET /v1/profiles/elocal", "").await;
    assert_eq!((shipped.json()["shipped"].clone(), shipped.header("etag")), (json!(true), None));
    door.close().await;
}

#[tokio::test]
async fn a_file_with_faults_is_refused_with_each_fault_at_its_line() {
    let door = Door::open().await;
    let faults = |answer: &Answer| answer.json()["errors"].clone();
    let text = TEXT.replace("NAME", "crm").replace("outcome = \"refuse\"", "outcome = \"refus\"");
    let faulty = json!({"text": text, "cases": {"a/b": "["}}).to_string();
    let refused = door.ask(Holder::Operator, "PUT /v1/profiles/crm", &faulty).await;
    assert_eq!(
        (refused.status, refused.code()),
        (422, "invalid_request".to_owned()),
        "{refused:?}"
    );
    let told = faults(&refused);
    assert_eq!((&told[0]["pointer"], &told[0]["line"]), (&json!("/text"), &json!(7)), "{told}");
    assert_eq!(told[0]["hint"], "did you mean `refuse`?");
    assert_eq!(told[1]["pointer"], "/cases/a~1b");
    // A buyer hears nothing of names that are not its own, and is held to its campaign's endpoints.
    let named = door.ask(Holder::LifeCo, "PUT /v1/profiles/crm", &body("crm")).await;
    assert_eq!(named.status, 404);
    let own = body("life-co--crm");
    let made = door.ask(Holder::LifeCo, "PUT /v1/profiles/life-co--crm", &own).await;
    assert_eq!(made.status, 201, "{made:?}");
    let elsewhere =
        own.replace("[post.request]", "[post.request]\\nurl = \\\"https://x.example/\\\"");
    let refused = door.ask(Holder::LifeCo, "PUT /v1/profiles/life-co--crm", &elsewhere).await;
    assert_eq!(
        (refused.status, refused.code()),
        (422, "invalid_registry".to_owned()),
        "{refused:?}"
    );
    assert_eq!(faults(&refused)[0]["code"], "invalid_profile");
    let listed = door.ask(Holder::LifeCo, "GET /v1/profiles", "").await;
    assert_eq!(listed.json()["data"].as_array().unwrap().len(), 1, "{listed:?}");
    // A text may be longer than other texts, up to the limit of the whole.
    let mut long = json!({"text": TEXT.replace("NAME", "long")});
    long["text"] = json!(format!("{}#{}", long["text"].as_str().unwrap(), " ".repeat(20_000)));
    let made = door.ask(Holder::Operator, "PUT /v1/profiles/long", &long.to_string()).await;
    assert_eq!(made.status, 201, "{made:?}");
    door.close().await;
}
