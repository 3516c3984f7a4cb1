use std::sync::Arc;

use super::*;
use crate::system::FixedClock;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What `run` logs at `level` in `format`.
fn logged(level: &str, format: LogFormat, run: impl FnOnce()) -> String {
    let written = Written::default();
    let log = Log { level: level.to_owned(), format };
    let clock = FixedClock::at("2026-11-24T02:18:18.1234Z".parse().unwrap());
    let subscriber = subscriber(&log, clock, written.clone()).unwrap();
    tracing::subscriber::with_default(subscriber, run);
    let bytes = written.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn an_event_is_one_json_line_with_the_fields_of_its_spans() {
    let text = logged("info", LogFormat::Json, || {
        let request =
            tracing::info_span!("request", request_id = "req_1", status = tracing::field::Empty);
        let _inside = request.enter();
        request.record("status", 200);
        let auction = tracing::info_span!("auction", lead_id = "lead_1", round = 1);
        let _deeper = auction.enter();
        tracing::info!(elapsed_ms = 12, round = 2, "sold");
    });
    insta::assert_snapshot!(text, @r#"{"timestamp":"2026-11-24T02:18:18.123Z","severity":"INFO","target":"gavel::telemetry::tests","message":"sold","elapsed_ms":12,"lead_id":"lead_1","request_id":"req_1","round":2,"status":200}"#);
}

#[test]
fn text_is_for_people_and_still_one_line() {
    let text = logged("info", LogFormat::Text, || {
        tracing::warn!(reason = "two\nlines", count = 3, "odd");
    });
    let expect =
        "2026-11-24T02:18:18.123Z  WARN gavel::telemetry::tests: odd count=3 reason=two\\nlines\n";
    assert_eq!(text, expect);
}

#[test]
fn a_field_that_is_not_allowed_is_withheld() {
    let text = logged("info", LogFormat::Json, || {
        tracing::info!(zip = "75201", phone = ?"2145550100", lead_id = "lead_1", "received");
    });
    assert!(!text.contains("75201") && !text.contains("2145550100"), "{text}");
    assert!(text.contains(r#""zip":"[withheld]""#) && text.contains("lead_1"), "{text}");
}

#[test]
fn other_crates_are_heard_only_from_warnings_up() {
    let text = logged("trace", LogFormat::Text, || {
        tracing::trace!(target: "hyper::proto", "the body is 75201");
        tracing::info!(target: "gavelling", "not ours either");
        tracing::warn!(target: "sqlx::query", "slow statement");
        tracing::trace!("our own");
    });
    let events: Vec<&str> = text.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(events, ["slow statement", "our own"]);
}

#[test]
fn the_level_may_be_set_per_module() {
    let text = logged("warn,gavel::telemetry=debug", LogFormat::Text, || {
        tracing::debug!("heard");
        tracing::debug!(target: "gavel::flow", "not heard");
    });
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn a_panic_is_reported_by_its_place_alone() {
    let text = logged("info", LogFormat::Json, || {
        let before = std::panic::take_hook();
        hide_panic_messages();
        let caught = std::panic::catch_unwind(|| panic!("{} of a consumer", "data"));
        std::panic::set_hook(before);
        assert!(caught.is_err());
    });
    assert!(
        text.contains("a thread panicked") && text.contains("src/telemetry/tests.rs:"),
        "{text}"
    );
    assert!(!text.contains("consumer"), "{text}");
}

#[test]
fn the_allowed_fields_are_listed_once_each() {
    let mut sorted = LOGGED_FIELDS.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), LOGGED_FIELDS.len());
}
