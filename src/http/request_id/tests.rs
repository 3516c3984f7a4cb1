use super::*;
use crate::http::routes::{Listener, register};
use crate::http::tests::door::{self, Holder};
use actix_web::App;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service};
use serde_json::Value;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// Log lines, kept.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The fields of the lines about requests, without time and id.
    fn requests(&self) -> Vec<Value> {
        let about_requests = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            let mut fields = line["fields"].clone();
            let is_request = fields["message"].as_str()?.starts_with("http.request");
            fields.as_object_mut()?.remove("elapsed_ms").filter(Value::is_number)?;
            fields.as_object_mut()?.remove("request_id")?;
            fields["level"] = line["level"].clone();
            is_request.then_some(fields)
        };
        self.text().lines().filter_map(about_requests).collect()
    }
}

/// Everything that is logged while `requests` are answered, at the finest level.
async fn logged(requests: Vec<TestRequest>) -> Lines {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let folder = tempfile::tempdir().unwrap();
    let exchange = door::exchange(folder.path(), crate::domain::limits::Limits::default()).await;
    let api = Arc::new(Api::new(exchange, tokio::runtime::Handle::current()));
    let app = App::new()
        .app_data(web::Data::from(api))
        .configure(|config| register(Listener::Api { with_operators: true }, config))
        .wrap(from_fn(answer));
    let app = init_service(app).await;
    let _guard = tracing::subscriber::set_default(subscriber);
    for request in requests {
        call_service(&app, request.to_request()).await;
    }
    lines
}

fn bearer() -> (&'static str, String) {
    ("authorization", format!("Bearer {}", Holder::Acme.key()))
}

#[actix_web::test]
async fn a_request_is_one_line_with_its_route_and_key() {
    let requests = vec![
        TestRequest::get().uri("/v1/leads/lead_0000000000000000000000000000"),
        TestRequest::get()
            .uri("/v1/leads/lead_0000000000000000000000000000")
            .insert_header(bearer()),
        TestRequest::delete().uri("/v1/keys"),
        TestRequest::get().uri("/somewhere"),
        TestRequest::get().uri("/livez"),
    ];
    let key = Holder::Acme.key();
    let key_id = key.split('_').nth(3).unwrap();
    let lead = "/v1/leads/{lead_id}";
    let expect = serde_json::json!([
        {"message": "http.request", "level": "INFO", "method": "GET", "route": lead, "status": 401, "code": "unauthorized"},
        {"message": "http.request", "level": "INFO", "method": "GET", "route": lead, "status": 404, "code": "not_found", "key_id": key_id},
        {"message": "http.request", "level": "INFO", "method": "DELETE", "route": "/v1/keys", "status": 405, "code": "method_not_allowed"},
        {"message": "http.request", "level": "INFO", "method": "GET", "route": "-", "status": 404, "code": "not_found"},
        {"message": "http.request", "level": "DEBUG", "method": "GET", "route": "/livez", "status": 200},
    ]);
    assert_eq!(Value::Array(logged(requests).await.requests()), expect);
}

#[actix_web::test]
async fn nothing_a_caller_sends_is_in_the_log_at_any_level() {
    let body = r#"{"vertical":"final_expense","lead":{"first_name":"canary-4","phone":"canary-5"},"canary-6":1}"#;
    let json = ("content-type", "application/json");
    let canary = ("x-canary", "canary-3");
    let requests = vec![
        TestRequest::get().uri("/v1/leads/canary-1?phone=canary-2").insert_header(canary),
        TestRequest::get().uri("/canary-1?phone=canary-2"),
        TestRequest::post()
            .uri("/v1/leads")
            .insert_header(bearer())
            .insert_header(json)
            .set_payload(body),
        TestRequest::post()
            .uri("/v1/leads")
            .insert_header(bearer())
            .insert_header(json)
            .set_payload("{canary-7"),
        TestRequest::post().uri("/v1/leads").insert_header(("authorization", "Bearer canary-8")),
        TestRequest::post()
            .uri("/v1/leads")
            .insert_header(bearer())
            .insert_header(json)
            .insert_header(("idempotency-key", "canary 9"))
            .set_payload(body),
    ];
    let count = requests.len();
    let lines = logged(requests).await;
    assert_eq!(lines.requests().len(), count);
    assert!(!lines.text().contains("canary"), "{}", lines.text());
}
