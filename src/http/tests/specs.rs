//! Posting specs over HTTP.

use super::door::{Answer, Door, check};

async fn spec(door: &Door, vertical: &str, accept: &str) -> Answer {
    let accept = format!("accept: {accept}");
    door.request("GET", &format!("/v1/specs/{vertical}"), &[&accept], "").await
}

#[tokio::test]
async fn a_spec_is_json_a_schema_or_a_page_and_needs_no_key() {
    let door = Door::open().await;
    let data = spec(&door, "final_expense", "*/*").await;
    assert_eq!((data.status, data.text("vertical")), (200, "final_expense".to_owned()));
    assert_eq!(data.header("vary"), Some("accept"));
    let schema = spec(&door, "final_expense", "application/schema+json").await;
    assert_eq!(schema.header("content-type"), Some("application/schema+json"));
    assert_eq!(schema.json(), data.json()["schema"]);
    let page = spec(&door, "final_expense", "text/html").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.body.starts_with("<!doctype html>"), "{}", &page.body[..80]);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    door.close().await;
}

#[tokio::test]
async fn the_example_of_a_spec_is_a_lead_that_is_taken() {
    let door = Door::open().await;
    let list = door.get("/v1/specs").await.json();
    let verticals = list["data"].as_array().unwrap();
    assert!(verticals.len() >= 8, "{list}");
    for entry in verticals {
        let url = entry["url"].as_str().unwrap();
        let spec = door.get(url).await.json();
        let example = spec["example"].to_string();
        let answer = door.ask(super::door::Holder::Acme, "POST /v1/leads", &example).await;
        let disposition = (answer.status, answer.text("disposition"));
        assert_eq!(disposition, (200, "unsold".to_owned()), "{url}: {answer:?}");
    }
    door.close().await;
}

#[tokio::test]
async fn an_unknown_vertical_has_no_spec() {
    let door = Door::open().await;
    for vertical in ["pet_rocks", "NOT-A-SLUG"] {
        check(
            spec(&door, vertical, "text/html").await,
            404,
            r#"{"type":"urn:gavel:error:not_found","title":"There is nothing here","status":404,"code":"not_found","detail":"There is nothing here under this path and this key.","request_id":"ID"}"#,
        );
    }
    door.close().await;
}
