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

#[test]
fn a_vault_that_shares_its_keys_seals_only_under_those_it_was_given() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (vault_in(here.path(), 1), vault_in(there.path(), 2));
    let friday = day("2026-11-27");
    ours.share_day_keys();
    let refused = ours.seal_lead(lead_id(), friday, b"x");
    assert_eq!(text_of(refused), "there is no key for the day 2026-11-27");
    assert_eq!(ours.days().unwrap(), [], "none was made");
    let agreed = theirs.propose_day_key(friday).unwrap();
    assert_eq!(theirs.days().unwrap(), [], "a proposal is kept nowhere");
    for vault in [&ours, &theirs, &ours] {
        vault.give_day_key(friday, &agreed).unwrap();
        assert!(vault.has_shared_day_key(friday));
    }
    let sealed = ours.seal_lead(lead_id(), friday, b"x").unwrap();
    assert_eq!(theirs.open_lead(lead_id(), sealed.as_bytes()).unwrap().as_slice(), b"x");
    ours.destroy_day(friday).unwrap();
    assert!(!ours.has_shared_day_key(friday));
    assert!(ours.seal_lead(lead_id(), friday, b"x").is_err());
}

#[test]
fn a_key_that_is_not_the_one_in_use_here_is_refused() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (ours, theirs) = (vault_in(here.path(), 1), vault_in(there.path(), 2));
    let friday = day("2026-11-27");
    ours.prepare_day(friday).unwrap();
    assert_eq!(ours.propose_day_key(friday).unwrap(), ours.propose_day_key(friday).unwrap());
    let other = theirs.propose_day_key(friday).unwrap();
    let text = "the key of the day 2026-11-27 in this folder is not the one in the records";
    assert_eq!(text_of(ours.give_day_key(friday, &other)), text);
    let damaged = &other[1..];
    let text = "the key of the day 2026-11-27 does not open under this master key";
    assert_eq!(text_of(ours.give_day_key(friday, damaged)), text);
    assert!(!ours.has_shared_day_key(friday));
}
