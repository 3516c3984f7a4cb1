use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};

use super::*;
use crate::domain::ids::RequestId;
use crate::flow::exchange::FlowError;
use crate::ports::auction_store::StoreError;
use crate::ports::records::RecordsError;
use actix_web::body::to_bytes;
use actix_web::http::header::HeaderName;

const ID: RequestId = RequestId::new(0);

fn check_headers(response: &HttpResponse, expect: &[(HeaderName, &str)]) {
    let seen: Vec<(HeaderName, &str)> = response
        .headers()
        .iter()
        .map(|(name, value)| (name.clone(), value.to_str().unwrap()))
        .filter(|(name, _)| name != CONTENT_TYPE)
        .collect();
    assert_eq!(seen, expect);
    assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), PROBLEM_JSON);
}

async fn body_of(response: HttpResponse) -> String {
    String::from_utf8(to_bytes(response.into_body()).await.unwrap().to_vec()).unwrap()
}

#[test]
fn every_code_stands_at_its_place_in_the_table_once() {
    for (index, row) in ALL_CODES.iter().enumerate() {
        assert_eq!(row.code as usize, index, "{}", row.text);
        assert_eq!(row.code.row(), row);
        let same = ALL_CODES.iter().filter(|other| other.text == row.text).count();
        assert_eq!(same, 1, "{} stands in the table once", row.text);
    }
}

#[test]
fn every_status_is_an_error_and_every_text_a_plain_word() {
    for row in &ALL_CODES {
        let error = ApiError::new(row.code, "");
        assert!(error.status_code().is_client_error() || error.status_code().is_server_error());
        assert!(row.text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
    }
}

#[actix_web::test]
async fn a_problem_has_this_body() {
    let error = ApiError::new(Code::NotFound, "Nothing here.").caused_by("only for the log");
    let response = error.render(ID);
    assert_eq!(response.status(), 404);
    check_headers(&response, &[]);
    assert_eq!(
        body_of(response).await,
        r#"{"type":"urn:gavel:error:not_found","title":"There is nothing here","status":404,"code":"not_found","detail":"Nothing here.","request_id":"req_00000000000000000000000000"}"#
    );
}

#[actix_web::test]
async fn an_invalid_lead_names_every_fault() {
    let faults = vec![
        Fault::of("/lead/zip".into(), "required", "Is missing."),
        Fault::of("/lead/phone".into(), "format", "No phone."),
    ];
    let error = ApiError::new(Code::InvalidLead, "Two fields.").with_faults(faults);
    assert_eq!(
        body_of(error.render(ID)).await,
        r#"{"type":"urn:gavel:error:invalid_lead","title":"The lead is not valid","status":422,"code":"invalid_lead","detail":"Two fields.","request_id":"req_00000000000000000000000000","errors":[{"pointer":"/lead/zip","code":"required","detail":"Is missing."},{"pointer":"/lead/phone","code":"format","detail":"No phone."}]}"#
    );
}

#[test]
fn the_list_of_faults_is_cut_at_its_limit() {
    let fault = Fault::of("/lead".into(), "unknown_field", "Unknown.");
    let kept = |count| {
        let faults = vec![fault.clone(); count];
        ApiError::new(Code::InvalidLead, "").with_faults(faults).faults.len()
    };
    assert_eq!([kept(FAULTS_MAX - 1), kept(FAULTS_MAX), kept(FAULTS_MAX + 1)], [99, 100, 100]);
}

#[actix_web::test]
async fn our_own_fault_tells_the_caller_nothing_of_its_cause() {
    let error = ApiError::internal("disk /dev/sda1 is gone");
    assert_eq!(error.cause(), Some("disk /dev/sda1 is gone"));
    assert_eq!(
        body_of(error.render(ID)).await,
        r#"{"type":"urn:gavel:error:internal","title":"The exchange made a mistake","status":500,"code":"internal","detail":"The request failed through no fault of yours; quote its id.","request_id":"req_00000000000000000000000000"}"#
    );
}

#[test]
fn an_error_carries_the_headers_that_belong_to_it() {
    let unauthorized = ApiError::new(Code::Unauthorized, "").render(ID);
    check_headers(&unauthorized, &[(WWW_AUTHENTICATE, "Bearer realm=\"gavel\"")]);
    let busy = ApiError::new(Code::Overloaded, "").retry_after(7).render(ID);
    check_headers(&busy, &[(RETRY_AFTER, "7")]);
    let method = ApiError::method_not_allowed("GET, HEAD").render(ID);
    check_headers(&method, &[(ALLOW, "GET, HEAD")]);
    assert!(!busy.head().connection_type().eq(&actix_web::http::ConnectionType::Close));
    let closing = ApiError::new(Code::BodyTooLarge, "").closing().render(ID);
    assert_eq!(closing.head().connection_type(), actix_web::http::ConnectionType::Close);
}

#[test]
fn faults_of_store_and_records_become_what_the_caller_can_do() {
    let unavailable = || "127.0.0.1:6379 refused".to_owned();
    let cases = [
        (FlowError::Overloaded { retry_after_s: 3 }, Code::Overloaded, Some(3)),
        (FlowError::Draining, Code::Overloaded, Some(1)),
        (FlowError::Store(StoreError::Unavailable(unavailable())), Code::StoreUnavailable, Some(2)),
        (FlowError::Store(StoreError::Full(unavailable())), Code::StoreUnavailable, Some(2)),
        (FlowError::Store(StoreError::Corrupt(unavailable())), Code::Internal, None),
        (FlowError::Store(StoreError::Limit(unavailable())), Code::Internal, None),
        (
            FlowError::Records(RecordsError::Unavailable(unavailable())),
            Code::RecordsUnavailable,
            Some(2),
        ),
        (FlowError::Records(RecordsError::Busy(unavailable())), Code::RecordsUnavailable, Some(2)),
        (FlowError::Records(RecordsError::Refused(unavailable())), Code::Internal, None),
        (FlowError::Records(RecordsError::Corrupt(unavailable())), Code::Internal, None),
        (FlowError::Bug(unavailable()), Code::Internal, None),
    ];
    for (error, code, retry_after_s) in cases {
        let name = format!("{error:?}");
        let error = ApiError::from(error);
        assert_eq!((error.code, error.retry_after_s), (code, retry_after_s), "{name}");
        assert!(!error.detail.contains("6379"), "{name} tells the caller where things stand");
    }
}

const DOCUMENT: &str = include_str!("../../../docs/API.md");

/// The rows of the document's table that begins with this heading, each with its cells.
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = DOCUMENT.split_once(heading).expect("the document has the table");
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

#[test]
fn the_document_lists_every_code_with_its_status_and_title() {
    let documented: Vec<_> = table("| code | status | title | meaning |")
        .into_iter()
        .map(|row| {
            assert!(row.len() == 4 && !row[3].is_empty(), "{row:?} says what it means");
            (row[0].trim_matches('`').to_owned(), row[1].to_owned(), row[2].to_owned())
        })
        .collect();
    let expect: Vec<_> = ALL_CODES
        .iter()
        .map(|row| (row.text.to_owned(), row.status.to_string(), row.title.to_owned()))
        .collect();
    assert_eq!(documented, expect);
}

#[test]
fn the_document_lists_every_fault_of_a_lead_with_its_meaning() {
    let documented: Vec<_> = table("| fault | meaning |")
        .into_iter()
        .map(|row| (row[0].trim_matches('`').to_owned(), row[1].to_owned()))
        .collect();
    let expect: Vec<_> = crate::intake::codes()
        .map(|entry| (entry.code.to_owned(), entry.meaning.to_owned()))
        .collect();
    assert_eq!(documented, expect);
}
