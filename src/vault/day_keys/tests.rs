use super::*;
use crate::vault::tests::{day, lead_id, text_of, vault_in};

#[test]
fn all_processes_agree_on_the_days_key_however_they_race() {
    let directory = tempfile::tempdir().unwrap();
    let today = day("2026-11-23");
    let sealed: Vec<_> = std::thread::scope(|scope| {
        let racers: Vec<_> = (0..8)
            .map(|seed| {
                let vault = vault_in(directory.path(), seed);
                scope.spawn(move || vault.seal_lead(lead_id(), today, &[seed as u8]).unwrap())
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let late = vault_in(directory.path(), 99);
    for (seed, sealed) in sealed.iter().enumerate() {
        assert_eq!(*late.open_lead(lead_id(), sealed.as_bytes()).unwrap(), [seed as u8]);
    }
    let names: Vec<_> = std::fs::read_dir(directory.path().join("day-keys"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(names, ["2026-11-23"], "no temporary file stays");
}

#[test]
fn the_cache_is_bounded_and_keeps_the_newest_days() {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault_in(directory.path(), 1);
    let first = day("2026-01-01");
    let nth = |days: i64| first.checked_add(jiff::Span::new().days(days)).unwrap();
    let last = i64::try_from(DAY_KEYS_CACHED_MAX).unwrap() + 2;
    let sealed = vault.seal_lead(lead_id(), first, b"the first").unwrap();
    for days in 1..=last {
        vault.prepare_day(nth(days)).unwrap();
    }
    let cached = vault.day_keys.cached();
    assert_eq!(cached.len(), DAY_KEYS_CACHED_MAX);
    assert_eq!((cached[0], *cached.last().unwrap()), (nth(3), nth(last)));
    assert_eq!(*vault.open_lead(lead_id(), sealed.as_bytes()).unwrap(), b"the first");
    let cached = vault.day_keys.cached();
    assert_eq!((cached.len(), cached[0], cached[1]), (DAY_KEYS_CACHED_MAX, first, nth(4)));
    assert_eq!(vault.days().unwrap().len() as i64, last + 1);
}

#[test]
fn a_day_key_under_another_days_name_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    vault_in(directory.path(), 1).prepare_day(day("2026-11-23")).unwrap();
    let file = |name: &str| directory.path().join("day-keys").join(name);
    std::fs::copy(file("2026-11-23"), file("2026-11-22")).unwrap();
    let vault = vault_in(directory.path(), 1);
    assert_eq!(
        text_of(vault.seal_lead(lead_id(), day("2026-11-22"), b"a lead")),
        "the key of the day 2026-11-22 does not open under this master key"
    );
}

#[test]
fn an_unreadable_day_key_is_an_error_and_never_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault_in(directory.path(), 1);
    let path = directory.path().join("day-keys/2026-11-23");
    for content in ["", "gavel-day-1:", "gavel-day-1:AAAA\n", "nonsense\n"] {
        std::fs::write(&path, content).unwrap();
        let sealed = vault.seal_lead(lead_id(), day("2026-11-23"), b"a lead");
        assert_ne!(text_of(sealed), "no error", "{content:?}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
    }
}
