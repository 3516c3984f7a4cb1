use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::vault::tests::{day, seeded};

fn text_of<T>(result: Result<T, KeyFileError>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn names_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = list_names(directory)
        .unwrap()
        .into_iter()
        .map(|name| name.into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_created_key_file_is_its_owners_alone_and_reads_back() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gavel.key");
    let created = create_key_file(&path, &seeded(1)).unwrap();
    assert_eq!(mode_of(&path), 0o600);
    assert_eq!(names_in(directory.path()), ["gavel.key"]);
    assert_eq!(read_key_file(&path).unwrap().bytes(), created.bytes());
    let line = fs::read_to_string(&path).unwrap();
    assert_eq!(line, format!("gavel-master-1:{}\n", STANDARD.encode(created.bytes())));
}

#[test]
fn a_credential_that_root_hands_to_another_user_is_not_exposed() {
    const ROOT: (u32, u32) = (0, 0);
    let check = |mode, owner, us, expect| {
        assert_eq!(is_exposed(mode, owner, us), expect, "{mode:o} of {owner:?} for {us}");
    };
    check(0o100_440, ROOT, 1_000, false);
    check(0o100_400, ROOT, 1_000, false);
    check(0o100_440, ROOT, 0, true);
    check(0o100_440, (0, 1_000), 1_000, true);
    check(0o100_440, (1_000, 0), 1_000, true);
    for mode in [0o100_460, 0o100_450, 0o100_444, 0o100_604] {
        check(mode, ROOT, 1_000, true);
    }
}

#[test]
fn a_key_file_is_never_overwritten() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gavel.key");
    let first = create_key_file(&path, &seeded(1)).unwrap();
    let again = text_of(create_key_file(&path, &seeded(2)));
    assert_eq!(
        again,
        format!("`{}` is there already; a key file is never overwritten", path.display())
    );
    assert_eq!(read_key_file(&path).unwrap().bytes(), first.bytes());
    assert_eq!(names_in(directory.path()), ["gavel.key"]);
}

#[test]
fn a_key_file_that_others_may_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gavel.key");
    create_key_file(&path, &seeded(1)).unwrap();
    for mode in [0o400, 0o600, 0o700] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(text_of(read_key_file(&path)), "no error", "{mode:o}");
    }
    for mode in [0o640, 0o604, 0o620, 0o610, 0o644, 0o777, 0o440] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let expected = format!(
            "`{}` has mode 0{mode:o}: others than its owner may use it; run `chmod 600` on it",
            path.display()
        );
        assert_eq!(text_of(read_key_file(&path)), expected);
    }
}

#[test]
fn a_file_of_another_form_is_no_key_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gavel.key");
    let key = STANDARD.encode([7; 32]);
    let good = format!("gavel-master-1:{key}");
    let cases = [
        (good.clone(), true),
        (format!("{good}\n"), true),
        (format!("{good}\n\n"), false),
        (format!("{good}\r\n"), false),
        (format!(" {good}"), false),
        (format!("{good}\n{good}\n"), false),
        (format!("gavel-master-2:{key}"), false),
        (key.clone(), false),
        (format!("gavel-master-1:{}", key.trim_end_matches('=')), false),
        (format!("gavel-master-1:{}", STANDARD.encode([7; 31])), false),
        (format!("gavel-master-1:{}", STANDARD.encode([7; 33])), false),
        (format!("gavel-master-1:{}", "A".repeat(300)), false),
        (String::new(), false),
    ];
    for (content, is_key) in cases {
        let _ = fs::remove_file(&path);
        write_new(&path, content.as_bytes()).unwrap();
        let expected = if is_key {
            "no error".to_owned()
        } else {
            let path = path.display();
            format!("`{path}` is not a key file: one line `gavel-master-1:<base64>` is expected")
        };
        assert_eq!(text_of(read_key_file(&path)), expected, "{content:?}");
    }
}

#[test]
fn a_missing_file_or_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none/gavel.key");
    let read = text_of(read_key_file(&path));
    assert!(read.starts_with(&format!("cannot open `{}`: ", path.display())), "{read}");
    let created = text_of(create_key_file(&path, &seeded(1)));
    assert!(created.starts_with("cannot write `") && created.contains("/none/."), "{created}");
}

#[test]
fn the_directory_and_the_files_of_the_days_are_their_owners_alone() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data/day-keys");
    open_directory(&directory).unwrap();
    open_directory(&directory).unwrap();
    assert_eq!(mode_of(&directory), 0o700);
    let today = day("2026-11-23");
    assert!(create_day(&directory, today, &[1; 72], &seeded(1)).unwrap());
    assert!(!create_day(&directory, today, &[2; 72], &seeded(2)).unwrap());
    assert_eq!(mode_of(&directory.join("2026-11-23")), 0o600);
    assert_eq!(read_day(&directory, today).unwrap(), Some(vec![1; 72]));
    assert_eq!(read_day(&directory, day("2026-11-24")).unwrap(), None);
}

#[test]
fn only_files_named_for_a_day_are_days() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["2026-11-24", "2026-11-23", "20261122", "2026-11-22.bak", ".2026-11-21.0.tmp"] {
        fs::write(directory.path().join(name), "").unwrap();
    }
    let days = list_days(directory.path()).unwrap();
    assert_eq!(days, [day("2026-11-23"), day("2026-11-24")]);
}

#[test]
fn a_destroyed_day_leaves_no_copy_behind_not_even_a_half_made_one() {
    let directory = tempfile::tempdir().unwrap();
    let (erased, kept) = (day("2026-11-23"), day("2026-11-24"));
    for day in [erased, kept] {
        create_day(directory.path(), day, &[1; 72], &seeded(1)).unwrap();
    }
    let file = |name: &str| directory.path().join(name);
    // A crash between linking and removing the temporary name leaves both.
    fs::hard_link(file("2026-11-23"), file(".2026-11-23.0123456789abcdef.tmp")).unwrap();
    fs::hard_link(file("2026-11-23"), file("seen-by-the-test")).unwrap();
    destroy_day(directory.path(), erased).unwrap();
    assert_eq!(names_in(directory.path()), ["2026-11-24", "seen-by-the-test"]);
    assert_eq!(fs::read(file("seen-by-the-test")).unwrap(), [0; KEY_FILE_BYTES_MAX]);
    destroy_day(directory.path(), erased).unwrap();
    assert_eq!(read_day(directory.path(), kept).unwrap(), Some(vec![1; 72]));
}
