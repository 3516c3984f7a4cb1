use super::*;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// A memory of one minute for three keys, with `a` noted at second 0.
fn memory() -> Recent<&'static str, u32> {
    let mut memory = Recent::new(SignedDuration::from_secs(60), 3);
    memory.note("a", 1, at(0));
    memory
}

fn knows(memory: &mut Recent<&'static str, u32>, key: &'static str, second: i64) -> bool {
    memory.recall(&key, at(second)).into_iter().flatten().next().is_some()
}

#[test]
fn an_entry_is_remembered_for_one_span_at_least_and_two_at_most() {
    for (second, expect) in [(0, true), (59, true), (60, true), (119, true), (120, false)] {
        assert_eq!(knows(&mut memory(), "a", second), expect, "asked once, at {second}");
    }
    let mut asked_often = memory();
    for second in 0..120 {
        assert!(knows(&mut asked_often, "a", second), "{second}");
    }
    assert!(!knows(&mut asked_often, "a", 120));
}

#[test]
fn values_of_the_two_spans_are_told_apart() {
    let mut memory = memory();
    *memory.note("a", 7, at(70)) += 1;
    assert_eq!(memory.recall(&"a", at(70)), [Some(&8), Some(&1)]);
}

#[test]
fn a_full_memory_forgets_the_older_span_whole() {
    let mut memory = memory();
    for key in ["b", "c", "d", "e", "f"] {
        memory.note(key, 1, at(1));
    }
    let known: Vec<_> = ["a", "b", "c", "d", "e", "f"]
        .into_iter()
        .filter(|key| knows(&mut memory, key, 1))
        .collect();
    assert_eq!(known, ["d", "e", "f"], "the last `capacity` keys are always there");
}

#[test]
fn a_clock_that_is_set_back_keeps_the_memory_bounded_in_time() {
    let mut memory = memory();
    assert!(knows(&mut memory, "a", -1_000), "it becomes the span before");
    assert!(knows(&mut memory, "a", -941));
    assert!(!knows(&mut memory, "a", -940), "and ends with it");
}

#[test]
fn the_rest_of_a_span_is_told_in_whole_seconds_of_at_least_one() {
    let memory = memory();
    assert_eq!([0, 10, 59, 60].map(|second| memory.seconds_left(at(second))), [60, 50, 1, 1]);
}
