use super::*;
use crate::domain::ids::Partition;
use actix_web::body::to_bytes;
use actix_web::web::Bytes;

fn headers_of(response: &HttpResponse) -> Vec<(String, String)> {
    let mut headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    headers
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[actix_web::test]
async fn a_stored_answer_is_sent_byte_for_byte_and_a_replay_says_so() {
    let body = Bytes::from_static(b"{\"disposition\" : \"sold\"}\n");
    let json = pair("content-type", "application/json");
    let cases =
        [(false, vec![json.clone()]), (true, vec![json, pair("idempotent-replayed", "true")])];
    for (is_replay, headers) in cases {
        let response = stored(StoredAnswer { status: 200, body: body.clone() }, is_replay).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(headers_of(&response), headers);
        assert_eq!(to_bytes(response.into_body()).await.unwrap(), body);
    }
}

#[actix_web::test]
async fn a_pending_lead_tells_where_and_when_to_ask() {
    let lead_id = LeadId::new(Partition(0), 0);
    let url = "/v1/leads/lead_0000000000000000000000000000";
    let headers = vec![pair("content-type", "application/json"), pair("retry-after", "1")];
    let read = pending(StatusCode::OK, lead_id);
    assert_eq!((read.status(), headers_of(&read)), (StatusCode::OK, headers.clone()));
    let submitted = accepted(lead_id);
    let mut expect = headers;
    expect.insert(1, pair("location", url));
    assert_eq!((submitted.status(), headers_of(&submitted)), (StatusCode::ACCEPTED, expect));
    let body = to_bytes(submitted.into_body()).await.unwrap();
    let expect = format!(
        r#"{{"lead_id":"lead_0000000000000000000000000000","disposition":"pending","status_url":"{url}"}}"#
    );
    assert_eq!(body, expect.as_bytes());
    assert_eq!(to_bytes(read.into_body()).await.unwrap(), expect.as_bytes());
}

#[test]
fn a_wait_is_held_within_the_limits() {
    let limits = Limits::default();
    let cases = [
        (None, 30_000),
        (Some(8_000), 8_000),
        (Some(99), 100),
        (Some(100), 100),
        (Some(300_000), 300_000),
        (Some(300_001), 300_000),
    ];
    for (wait_ms, expect) in cases {
        assert_eq!(wait_of(wait_ms, &limits), Duration::from_millis(expect), "{wait_ms:?}");
    }
}
