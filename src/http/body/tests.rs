use super::*;
use actix_web::http::header::HeaderValue;
use actix_web::test::TestRequest;
use futures::stream;
use serde::Deserialize;

const LIMITS: BodyLimits = BodyLimits { bytes_max: 8, timeout: Duration::from_secs(10) };

type Chunk = Result<Bytes, PayloadError>;

fn payload(chunks: Vec<Chunk>) -> Payload {
    Payload::Stream { payload: stream::iter(chunks).boxed_local() }
}

async fn outcome(
    headers: &[(&str, &str)],
    accepts: Accepts,
    payload: Payload,
) -> Result<(ContentKind, Bytes), Code> {
    let mut request = TestRequest::default();
    for header in headers {
        request = request.append_header(*header);
    }
    let request = request.to_srv_request();
    let read = read(request.head(), payload, accepts, LIMITS).await;
    read.map(|body| (body.kind, body.bytes)).map_err(|error| error.code())
}

async fn check_kind(content_type: &str, accepts: Accepts, expect: Result<ContentKind, Code>) {
    let headers = [("content-type", content_type)];
    let headers = if content_type.is_empty() { &headers[..0] } else { &headers[..] };
    let seen = outcome(headers, accepts, payload(vec![])).await;
    assert_eq!(seen.map(|(kind, _)| kind), expect, "{content_type}");
}

#[actix_web::test]
async fn only_the_routes_content_types_are_read() {
    let unsupported = Err(Code::UnsupportedMediaType);
    let both = [
        ("application/json", Ok(ContentKind::Json)),
        ("Application/JSON; charset=UTF-8", Ok(ContentKind::Json)),
        ("application/json;charset=\"utf-8\"", Ok(ContentKind::Json)),
        ("application/json; profile=x", Ok(ContentKind::Json)),
        ("application/x-www-form-urlencoded", Ok(ContentKind::Form)),
        ("application/x-www-form-urlencoded; charset=utf-8", Ok(ContentKind::Form)),
        ("application/json; charset=latin1", unsupported),
        ("application/jsonp", unsupported),
        ("text/json", unsupported),
        ("multipart/form-data; boundary=x", unsupported),
        ("", unsupported),
    ];
    for (content_type, expect) in both {
        check_kind(content_type, Accepts::JsonOrForm, expect).await;
    }
    for accepts in [Accepts::Json, Accepts::RegistryJson] {
        check_kind("application/json", accepts, Ok(ContentKind::Json)).await;
        check_kind("application/x-www-form-urlencoded", accepts, unsupported).await;
    }
}

#[actix_web::test]
async fn where_nothing_may_be_sent_nothing_needs_no_content_type() {
    let optional = Accepts::OptionalJson;
    for content_type in ["", "application/json", "application/x-www-form-urlencoded"] {
        check_kind(content_type, optional, Ok(ContentKind::Json)).await;
    }
    let nothing = Body { kind: ContentKind::Json, bytes: Bytes::new() };
    assert_eq!(nothing.clone().read_as(optional).bytes, "{}");
    assert_eq!(nothing.read_as(Accepts::Json).bytes, "");
    let chunk = payload(vec![Ok(Bytes::from_static(b"{}"))]);
    let something = outcome(&[], optional, chunk).await;
    assert_eq!(something, Err(Code::UnsupportedMediaType));
}

#[actix_web::test]
async fn a_compressed_body_is_refused() {
    let json = ("content-type", "application/json");
    for (encoding, expect) in [("gzip", true), ("br", true), ("identity", false)] {
        let headers = [json, ("content-encoding", encoding)];
        let seen = outcome(&headers, Accepts::Json, payload(vec![])).await;
        let refused = seen == Err(Code::UnsupportedMediaType);
        assert_eq!(refused, expect, "{encoding}");
    }
}

#[actix_web::test]
async fn a_body_may_have_as_many_bytes_as_the_limit_and_not_one_more() {
    let json = ("content-type", "application/json");
    let chunks = |parts: &[&'static str]| -> Payload {
        payload(parts.iter().map(|part| Ok(Bytes::from_static(part.as_bytes()))).collect())
    };
    let seven = outcome(&[json], Accepts::Json, chunks(&["1234567"])).await;
    assert_eq!(seven, Ok((ContentKind::Json, Bytes::from_static(b"1234567"))));
    let eight = outcome(&[json], Accepts::Json, chunks(&["1234", "5678"])).await;
    assert_eq!(eight, Ok((ContentKind::Json, Bytes::from_static(b"12345678"))));
    let nine = outcome(&[json], Accepts::Json, chunks(&["1234", "5678", "9"])).await;
    assert_eq!(nine, Err(Code::BodyTooLarge));
}

#[actix_web::test]
async fn a_body_that_announces_too_much_is_refused_unread() {
    let never = Payload::Stream { payload: stream::pending::<Chunk>().boxed_local() };
    let headers = [("content-type", "application/json"), ("content-length", "9")];
    assert_eq!(outcome(&headers, Accepts::Json, never).await, Err(Code::BodyTooLarge));
}

#[actix_web::test]
async fn a_body_that_announces_little_does_not_get_in_as_a_large_one() {
    let chunks = payload(vec![Ok(Bytes::from_static(b"123456789"))]);
    let headers = [("content-type", "application/json"), ("content-length", "3")];
    assert_eq!(outcome(&headers, Accepts::Json, chunks).await, Err(Code::BodyTooLarge));
}

#[actix_web::test]
async fn a_body_that_does_not_arrive_in_time_is_given_up() {
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let first = stream::iter([Ok(Bytes::from_static(b"{"))]);
    let halting = first.chain(stream::pending::<Chunk>()).boxed_local();
    let payload = Payload::Stream { payload: halting };
    let headers = [("content-type", "application/json")];
    assert_eq!(outcome(&headers, Accepts::Json, payload).await, Err(Code::BodyTimeout));
    assert_eq!(began.elapsed().as_secs(), LIMITS.timeout.as_secs());
}

#[actix_web::test]
async fn a_broken_body_is_malformed() {
    let broken = payload(vec![Ok(Bytes::from_static(b"{")), Err(PayloadError::Incomplete(None))]);
    let headers = [("content-type", "application/json")];
    assert_eq!(outcome(&headers, Accepts::Json, broken).await, Err(Code::MalformedBody));
}

#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Order {
    count: u8,
}

#[test]
fn an_administrative_body_has_its_fields_and_no_others() {
    let parse = |text: &'static str| {
        let body = Body { kind: ContentKind::Json, bytes: Bytes::from_static(text.as_bytes()) };
        body.parse::<Order>().map_err(|error| error.code())
    };
    assert_eq!(parse(r#"{"count":3}"#), Ok(Order { count: 3 }));
    assert_eq!(parse(r#"{"count":3,"extra":1}"#), Err(Code::InvalidRequest));
    assert_eq!(parse(r#"{"count":3,"count":3}"#), Err(Code::InvalidRequest));
    assert_eq!(parse(r#"{"count":300}"#), Err(Code::InvalidRequest));
    assert_eq!(parse("{}"), Err(Code::InvalidRequest));
    assert_eq!(parse(r#"{"count":3"#), Err(Code::MalformedBody));
    assert_eq!(parse(r#"{"count":3} x"#), Err(Code::MalformedBody));
}

#[test]
fn a_repeated_content_type_is_refused() {
    let mut headers = HeaderMap::new();
    headers.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.append(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    let error = kind_of(&headers, Accepts::Json).unwrap_err();
    assert_eq!(error.code(), Code::MalformedRequest);
}
