use super::*;
use crate::domain::key::KEY_RANDOM_BYTES;
use crate::vault::{MasterKey, Vault};
use actix_web::http::header::HeaderValue;
use std::collections::BTreeMap;
use std::time::Duration;

const PER_ADDRESS: u32 = 60;
const PER_KEY: u32 = 20;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// A vault, and the keys that were made with it.
struct Door {
    vault: Vault,
    records: BTreeMap<KeyId, KeyRecord>,
    failures: FailureLimits,
    _folder: tempfile::TempDir,
}

impl Door {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let random = Box::new(|bytes: &mut [u8]| bytes.fill(3));
        let days = folder.path().join("days");
        Self {
            vault: Vault::open(&MasterKey::new([1; 32]), days, random).unwrap(),
            records: BTreeMap::new(),
            failures: FailureLimits::new(PER_ADDRESS, PER_KEY),
            _folder: folder,
        }
    }

    /// Makes a key of `role` for `owner` and changes its record by `change`; returns its text.
    fn issue(&mut self, role: Role, owner: &str, change: impl FnOnce(&mut KeyRecord)) -> String {
        let random = [u8::try_from(self.records.len()).unwrap() + 1; KEY_RANDOM_BYTES];
        let key = ApiKey::mint(KeyMode::Live, role, random);
        let mut record = KeyRecord {
            key_id: key.key_id(),
            role,
            mode: KeyMode::Live,
            owner: owner.to_owned(),
            digest: self.vault.api_key_digest(key.secret()),
            strict: false,
            require_signature: false,
            created_at: now(),
            revoked_at: None,
            expires_at: None,
        };
        change(&mut record);
        self.records.insert(record.key_id, record);
        key.text().to_string()
    }

    fn knock(&self, authorization: &[&str]) -> Result<Principal, ApiError> {
        let mut headers = HeaderMap::new();
        for value in authorization {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        let check = KeyCheck {
            vault: &self.vault,
            failures: &self.failures,
            address: Some("192.0.2.1".parse().unwrap()),
            now: now(),
        };
        authenticate(&headers, &check, |id| self.records.get(&id))
    }

    fn code(&self, authorization: &str) -> Option<Code> {
        self.knock(&[authorization]).err().map(|error| error.code())
    }
}

#[test]
fn a_key_says_who_holds_it() {
    let mut door = Door::new();
    let vendor = door.issue(Role::Vendor, "acme", |record| record.strict = true);
    let buyer = door.issue(Role::Buyer, "life-co", |record| record.require_signature = true);
    let operator = door.issue(Role::Operator, "exchange", |_| {});
    let seen = [vendor, buyer, operator]
        .map(|text| door.knock(&[&format!("Bearer {text}")]).unwrap())
        .map(|principal| (principal.holder, principal.is_strict, principal.must_sign));
    let expect = [
        (Holder::Vendor(VendorId::parse("acme").unwrap()), true, false),
        (Holder::Buyer(BuyerId::parse("life-co").unwrap()), false, true),
        (Holder::Operator, false, false),
    ];
    assert_eq!(seen, expect);
}

#[test]
fn a_test_key_makes_a_principal_whose_doings_do_not_count() {
    let mut door = Door::new();
    let key = ApiKey::mint(KeyMode::Test, Role::Vendor, [1; KEY_RANDOM_BYTES]);
    door.issue(Role::Vendor, "acme", |record| record.mode = KeyMode::Test);
    let principal = door.knock(&[&format!("Bearer {}", *key.text())]).unwrap();
    assert_eq!((principal.mode, principal.key_id), (KeyMode::Test, key.key_id()));
}

#[test]
fn every_way_of_having_no_working_key_is_one_answer() {
    let mut door = Door::new();
    let good = door.issue(Role::Vendor, "acme", |_| {});
    let revoked = door.issue(Role::Vendor, "acme", |record| record.revoked_at = Some(now()));
    let expired = door.issue(Role::Vendor, "acme", |record| record.expires_at = Some(now()));
    let other = ApiKey::mint(KeyMode::Live, Role::Vendor, [200; KEY_RANDOM_BYTES]);
    // The id and the role of a known key, with a secret and a mode of its own.
    let mut random = [1; KEY_RANDOM_BYTES];
    random[20] = 0;
    let wrong_secret = ApiKey::mint(KeyMode::Live, Role::Vendor, random);
    let wrong_role = ApiKey::mint(KeyMode::Live, Role::Operator, [1; KEY_RANDOM_BYTES]);
    let wrong_mode = ApiKey::mint(KeyMode::Test, Role::Vendor, [1; KEY_RANDOM_BYTES]);
    assert!(good.contains(wrong_secret.key_id().as_str()));
    let mut mistyped = good.clone();
    mistyped.replace_range(30..31, if &good[30..31] == "a" { "b" } else { "a" });
    let texts = [
        String::new(),
        "nonsense".to_owned(),
        revoked,
        expired,
        mistyped,
        other.text().to_string(),
        wrong_secret.text().to_string(),
        wrong_role.text().to_string(),
        wrong_mode.text().to_string(),
    ];
    let mut refusals: Vec<String> = texts
        .iter()
        .map(|text| door.knock(&[&format!("Bearer {text}")]).unwrap_err().to_string())
        .collect();
    refusals.push(door.knock(&[]).unwrap_err().to_string());
    refusals.push(door.knock(&[&format!("Basic {good}")]).unwrap_err().to_string());
    refusals.push(door.knock(&[&good]).unwrap_err().to_string());
    let expect = unauthorized().to_string();
    assert_eq!(refusals, vec![expect; texts.len() + 3]);
    assert_eq!(door.code(&format!("Bearer {good}")), None);
}

#[test]
fn the_scheme_is_read_in_any_case() {
    let mut door = Door::new();
    let key = door.issue(Role::Vendor, "acme", |_| {});
    for scheme in ["Bearer", "bearer", "BEARER", "Bearer "] {
        assert_eq!(door.code(&format!("{scheme} {key}")), None, "{scheme}");
    }
}

#[test]
fn a_repeated_authorization_header_is_refused() {
    let mut door = Door::new();
    let key = format!("Bearer {}", door.issue(Role::Vendor, "acme", |_| {}));
    let error = door.knock(&[&key, &key]).unwrap_err();
    assert_eq!(error.code(), Code::MalformedRequest);
}

#[test]
fn a_key_works_until_the_instant_it_expires() {
    let mut door = Door::new();
    let later = now().saturating_add(Duration::from_secs(1)).unwrap();
    let key = door.issue(Role::Vendor, "acme", |record| record.expires_at = Some(later));
    assert_eq!(door.code(&format!("Bearer {key}")), None);
}

#[test]
fn guesses_are_told_to_wait_alike_for_known_and_unknown_ids() {
    let mut door = Door::new();
    door.issue(Role::Vendor, "acme", |_| {});
    let mut known = [1; KEY_RANDOM_BYTES];
    known[20] = 0;
    for random in [known, [99; KEY_RANDOM_BYTES]] {
        door.failures = FailureLimits::new(PER_ADDRESS, PER_KEY);
        let guess = ApiKey::mint(KeyMode::Live, Role::Vendor, random);
        let guess = format!("Bearer {}", *guess.text());
        for _ in 0..PER_KEY {
            assert_eq!(door.code(&guess), Some(Code::Unauthorized));
        }
        assert_eq!(door.code(&guess), Some(Code::RateLimited));
    }
}

/// How much longer one median may be than the other. They are of the same work, so that only what
/// else the machine does can tell them apart; a lookup left out, or a digest, would be a multiple.
const TIME_RATIO_MAX: f64 = 1.5;

#[test]
fn a_guess_takes_as_long_under_a_known_id_as_under_an_unknown_one() {
    let mut door = Door::new();
    door.failures = FailureLimits::new(u32::MAX, u32::MAX);
    for fill in 0..50 {
        door.issue(Role::Vendor, &format!("vendor-{fill}"), |_| {});
    }
    let mut known = [1; KEY_RANDOM_BYTES];
    known[20] = 0;
    let guesses = [known, [99; KEY_RANDOM_BYTES]].map(|random| {
        let guess = ApiKey::mint(KeyMode::Live, Role::Vendor, random);
        format!("Bearer {}", *guess.text())
    });
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..10_000 {
        for (guess, took) in guesses.iter().zip(&mut took) {
            let began = tokio::time::Instant::now();
            let code = door.code(guess);
            took.push(began.elapsed());
            assert_eq!(code, Some(Code::Unauthorized));
        }
    }
    let [known, unknown] = took.map(|mut took| {
        took.sort_unstable();
        took[took.len() / 2].as_secs_f64()
    });
    let ratio = (known / unknown).max(unknown / known);
    assert!(ratio < TIME_RATIO_MAX, "known {known} s, unknown {unknown} s");
}

#[test]
fn a_key_that_works_is_let_in_whatever_others_try_under_its_id_and_address() {
    let mut door = Door::new();
    let key = door.issue(Role::Vendor, "acme", |_| {});
    let mut random = [1; KEY_RANDOM_BYTES];
    random[20] = 0;
    let guess = ApiKey::mint(KeyMode::Live, Role::Vendor, random);
    for _ in 0..PER_ADDRESS + 1 {
        door.code(&format!("Bearer {}", *guess.text()));
        door.code("Bearer nonsense");
    }
    assert_eq!(door.code("Bearer nonsense"), Some(Code::RateLimited));
    assert_eq!(door.code(&format!("Bearer {key}")), None);
}

#[test]
fn a_missed_rotation_is_not_counted_as_a_guess() {
    let mut door = Door::new();
    let revoked = door.issue(Role::Vendor, "acme", |record| record.revoked_at = Some(now()));
    for _ in 0..PER_ADDRESS + 1 {
        assert_eq!(door.code(&format!("Bearer {revoked}")), Some(Code::Unauthorized));
    }
}
