use super::*;

fn now() -> Timestamp {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

/// What comes after a failed attempt, as seconds from now; `None` when nothing does.
fn wait(tries: u32, retry_after: Option<&str>, random: u16) -> Option<f64> {
    let result = AttemptResult::HttpStatus;
    let ended = Ended { result, tries, retry_after, now: now(), random };
    match after(ended, &EventSettings::default()) {
        Next::Retry { due_at } => Some(due_at.duration_since(now()).as_secs_f64()),
        Next::GivenUp => None,
        Next::Delivered => panic!("a failure is no delivery"),
    }
}

#[test]
fn a_status_means_one_thing() {
    for (status, expect) in [
        (200, "delivered"),
        (299, "delivered"),
        (301, "redirect"),
        (404, "http_status"),
        (410, "gone"),
        (429, "throttled"),
        (500, "http_status"),
        (502, "throttled"),
        (503, "http_status"),
        (504, "throttled"),
    ] {
        assert_eq!(AttemptResult::of_status(status).as_str(), expect, "{status}");
    }
}

#[test]
fn the_steps_follow_each_other_and_then_it_is_given_up() {
    let steps: Vec<Option<f64>> = (1..=10).map(|tries| wait(tries, None, 0)).collect();
    let expect = [5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0];
    let expect: Vec<Option<f64>> = expect.into_iter().map(Some).chain([None]).collect();
    assert_eq!(steps, expect);
}

#[test]
fn jitter_only_makes_it_later_and_by_a_tenth_at_most() {
    assert_eq!(wait(2, None, u16::MAX), Some(330.0));
    for random in [1, 1_000, 30_000, 65_000] {
        let wait = wait(2, None, random).unwrap();
        assert!((300.0..=330.0).contains(&wait), "{wait}");
    }
}

#[test]
fn a_retry_after_makes_it_later_and_never_earlier() {
    for (retry_after, expect) in [
        ("60", 60.0),
        ("1", 5.0),
        (" 60 ", 60.0),
        ("86401", 86_400.0),
        ("99999999999999999999999999", 86_400.0),
        ("Thu, 26 Nov 2026 12:01:30 GMT", 90.0),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 5.0),
        ("soon", 5.0),
        ("-5", 5.0),
        ("", 5.0),
    ] {
        assert_eq!(wait(1, Some(retry_after), 0), Some(expect), "{retry_after}");
    }
    assert_eq!(wait(10, Some("60"), 0), None);
}

#[test]
fn only_an_endpoint_that_asks_for_it_is_left_alone_as_a_whole() {
    for (status, retry_after, expect) in [
        (500, Some("60"), None),
        (503, Some("60"), None),
        (429, None, Some(5)),
        (429, Some("60"), Some(60)),
        (502, Some("1"), Some(5)),
        (504, Some("1000000"), Some(86_400)),
    ] {
        let result = AttemptResult::of_status(status);
        let ended = Ended { result, tries: 8, retry_after, now: now(), random: 0 };
        let pause = pause(ended, &EventSettings::default());
        let pause_s = pause.map(|until| until.duration_since(now()).as_secs());
        assert_eq!(pause_s, expect, "{status} {retry_after:?}");
    }
}

#[test]
fn a_delivery_ends_it() {
    let result = AttemptResult::Delivered;
    let ended = Ended { result, tries: 1, retry_after: Some("60"), now: now(), random: 0 };
    assert_eq!(after(ended, &EventSettings::default()), Next::Delivered);
}
