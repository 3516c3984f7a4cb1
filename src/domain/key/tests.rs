use super::*;
use proptest::prelude::*;

const ROLES: [Role; 3] = [Role::Vendor, Role::Buyer, Role::Operator];
const MODES: [KeyMode; 2] = [KeyMode::Live, KeyMode::Test];

// Minted from all zero and all one bits; both texts were computed by an independent program.
const ZEROS: &str = "gavel_live_vendor_00000000_00000000000000000000000000000000000000000004VSDIZ";
const ONES: &str = "gavel_test_operator_Ha16AHYF_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp12wRmNv";

fn refusal(text: &str) -> Option<InvalidKey> {
    ApiKey::parse(text).err()
}

/// `text` with its checksum made right, so that only its other faults are seen.
fn with_checksum(text: &str) -> String {
    let mut number = u64::from(crc32fast::hash(text.as_bytes()));
    let digits = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut checksum = Vec::new();
    for _ in 0..6 {
        checksum.push(digits[(number % 62) as usize]);
        number /= 62;
    }
    checksum.reverse();
    format!("{text}{}", String::from_utf8(checksum).unwrap())
}

#[test]
fn a_key_has_the_documented_form() {
    let key = ApiKey::mint(KeyMode::Live, Role::Vendor, [0; 40]);
    assert_eq!(*key.text(), ZEROS);
    let key = ApiKey::mint(KeyMode::Test, Role::Operator, [0xff; 40]);
    assert_eq!(*key.text(), ONES);
}

#[test]
fn the_digits_of_a_key_are_those_of_the_random_number() {
    let mut random = [0; 40];
    random[7] = 61;
    random[38] = 1;
    let key = ApiKey::mint(KeyMode::Live, Role::Buyer, random);
    assert_eq!(key.key_id().as_str(), "0000000z");
    assert_eq!(key.secret(), format!("{}48", "0".repeat(41)), "256 is 4 x 62 + 8");
}

#[test]
fn a_text_of_another_form_is_refused_by_its_first_fault() {
    let secret = "a".repeat(43);
    let fits = |text: &str| with_checksum(text);
    let cases = [
        (String::new(), InvalidKey::Form),
        ("gavel".to_owned(), InvalidKey::Form),
        ("Bearer gavel_live_vendor_00000000_".to_owned(), InvalidKey::Form),
        (fits(&format!("hammer_live_vendor_00000000_{secret}")), InvalidKey::Form),
        (fits(&format!("gavel_live_vendor_00000000{secret}")), InvalidKey::Form),
        (fits(&format!("gavel_live_vendor_00000000_{secret}_")), InvalidKey::Form),
        (fits(&format!("gavel_prod_vendor_00000000_{secret}")), InvalidKey::Mode),
        (fits(&format!("gavel_LIVE_vendor_00000000_{secret}")), InvalidKey::Mode),
        (fits(&format!("gavel_live_admin_00000000_{secret}")), InvalidKey::Role),
        (fits(&format!("gavel_live_vendor_0000000_{secret}")), InvalidKey::KeyId),
        (fits(&format!("gavel_live_vendor_000000000_{secret}")), InvalidKey::KeyId),
        (fits(&format!("gavel_live_vendor_0000-000_{secret}")), InvalidKey::KeyId),
        (fits(&format!("gavel_live_vendor_000000é_{secret}")), InvalidKey::KeyId),
        (fits(&format!("gavel_live_vendor_00000000_{}", &secret[1..])), InvalidKey::Secret),
        (fits(&format!("gavel_live_vendor_00000000_{secret}a")), InvalidKey::Secret),
        (fits(&format!("gavel_live_vendor_00000000_{}é", &secret[2..])), InvalidKey::Secret),
        (format!("gavel_live_vendor_00000000_{secret}000000"), InvalidKey::Checksum),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(&text), Some(expected), "{text}");
    }
    assert_eq!(refusal(&fits(&format!("gavel_live_vendor_00000000_{secret}"))), None);
}

#[test]
fn a_checksum_is_bound_to_the_role_and_mode() {
    let key = ApiKey::mint(KeyMode::Test, Role::Vendor, [9; 40]).text();
    assert_eq!(refusal(&key.replace("test", "live")), Some(InvalidKey::Checksum));
    assert_eq!(refusal(&key.replace("vendor", "operator")), Some(InvalidKey::Checksum));
}

#[test]
fn roles_modes_and_key_ids_are_plain_texts_in_json() {
    for role in ROLES {
        assert_eq!(serde_json::to_string(&role).unwrap(), format!("\"{role}\""));
        assert_eq!(Role::parse(role.as_str()), Some(role));
    }
    for mode in MODES {
        assert_eq!(serde_json::to_string(&mode).unwrap(), format!("\"{mode}\""));
        assert_eq!(KeyMode::parse(mode.as_str()), Some(mode));
    }
    let id = KeyId::parse("aB3dE6gH").unwrap();
    assert_eq!(serde_json::to_string(&id).unwrap(), "\"aB3dE6gH\"");
    assert_eq!(serde_json::from_str::<KeyId>("\"aB3dE6gH\"").unwrap(), id);
    assert!(serde_json::from_str::<KeyId>("\"aB3dE6g\"").is_err());
}

fn record() -> KeyRecord {
    KeyRecord {
        key_id: KeyId::parse("aB3dE6gH").unwrap(),
        role: Role::Vendor,
        mode: KeyMode::Live,
        owner: "acme".to_owned(),
        digest: [0xab; 32],
        strict: false,
        require_signature: true,
        created_at: "2026-11-23T12:00:00Z".parse().unwrap(),
        revoked_at: None,
        expires_at: None,
    }
}

#[test]
fn a_key_lives_until_it_is_revoked_or_expires() {
    let noon: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    let second = jiff::SignedDuration::from_secs(1);
    let cases = [
        (None, None, true),
        (None, Some(noon + second), true),
        (None, Some(noon), false),
        (None, Some(noon - second), false),
        (Some(noon - second), None, false),
        (Some(noon + second), None, false),
        (Some(noon), Some(noon + second), false),
    ];
    for (revoked_at, expires_at, expected) in cases {
        let record = KeyRecord { revoked_at, expires_at, ..record() };
        assert_eq!(record.is_live(noon), expected, "{revoked_at:?} {expires_at:?}");
    }
}

#[test]
fn a_record_round_trips_and_never_prints_its_digest() {
    let record = record();
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<KeyRecord>(&json).unwrap(), record);
    let bytes = postcard::to_allocvec(&record).unwrap();
    assert_eq!(postcard::from_bytes::<KeyRecord>(&bytes).unwrap(), record);
    let shown = format!("{record:?}");
    assert!(shown.contains("aB3dE6gH") && !shown.contains("171"), "{shown}");
}

proptest! {
    #[test]
    fn a_minted_key_parses_to_itself(
        random: [u8; 32], id: [u8; 8], role in 0usize..3, mode in 0usize..2,
    ) {
        let mut all = [0; 40];
        all[..8].copy_from_slice(&id);
        all[8..].copy_from_slice(&random);
        let key = ApiKey::mint(MODES[mode], ROLES[role], all);
        let text = key.text();
        let parsed = ApiKey::parse(&text).expect("a minted key is a key");
        prop_assert_eq!((parsed.mode(), parsed.role()), (MODES[mode], ROLES[role]));
        prop_assert_eq!(parsed.key_id(), key.key_id());
        prop_assert_eq!(parsed.secret(), key.secret());
        prop_assert_eq!(&*parsed.text(), &*text);
    }

    #[test]
    fn any_changed_character_is_refused(random: [u8; 32], at: prop::sample::Index, with: char) {
        let mut all = [7; 40];
        all[8..].copy_from_slice(&random);
        let text = ApiKey::mint(KeyMode::Live, Role::Vendor, all).text();
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        prop_assume!(characters[at] != with);
        characters[at] = with;
        prop_assert!(ApiKey::parse(&characters.into_iter().collect::<String>()).is_err());
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".*", tail in "\\PC{40,60}") {
        let _ = ApiKey::parse(&text);
        let _ = ApiKey::parse(&format!("gavel_live_vendor_00000000_{tail}"));
    }

    #[test]
    fn different_secrets_give_different_texts(one: [u8; 32], other: [u8; 32]) {
        let mint = |secret: [u8; 32]| {
            let mut all = [0; 40];
            all[8..].copy_from_slice(&secret);
            ApiKey::mint(KeyMode::Live, Role::Buyer, all).secret().to_owned()
        };
        prop_assert_eq!(mint(one) == mint(other), one == other);
    }
}
