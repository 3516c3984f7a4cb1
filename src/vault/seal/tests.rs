use super::*;
use crate::domain::ids::Partition;
use crate::vault::tests::{day, lead_id, master, seeded, text_of, vault_in};
use proptest::prelude::*;

const REFUSED: &str = "the sealed bytes do not open: they were altered or belong elsewhere";

fn post_id() -> PostId {
    PostId::new(Partition(63), 17)
}

/// A vault on a directory that lives as long as it.
fn vault() -> (tempfile::TempDir, Vault) {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault_in(directory.path(), 1);
    (directory, vault)
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn what_was_sealed_opens_under_the_same_name_in_any_process() {
    let (directory, vault) = vault();
    let today = day("2026-11-23");
    let lead = vault.seal_lead(lead_id(), today, b"a lead").unwrap();
    let post = vault.seal_post(post_id(), today, b"a post").unwrap();
    let secret = vault.seal_secret("campaign:acme-tx", b"a secret").unwrap();
    let other = vault_in(directory.path(), 2);
    for vault in [&vault, &other] {
        assert_eq!(*vault.open_lead(lead_id(), lead.as_bytes()).unwrap(), b"a lead");
        assert_eq!(*vault.open_post(post_id(), post.as_bytes()).unwrap(), b"a post");
        let opened = vault.open_secret("campaign:acme-tx", secret.as_bytes()).unwrap();
        assert_eq!(*opened, b"a secret");
    }
}

#[test]
fn sealed_bytes_open_for_no_other_owner_or_purpose() {
    let (_directory, vault) = vault();
    let today = day("2026-11-23");
    let lead = vault.seal_lead(lead_id(), today, b"a lead").unwrap();
    let post = vault.seal_post(post_id(), today, b"a post").unwrap();
    let secret = vault.seal_secret("campaign:acme-tx", b"a secret").unwrap();
    let other_lead = LeadId::new(Partition(63), lead_id().bits() + 1);
    let other_post = PostId::new(Partition(62), 17);
    let attempts = [
        vault.open_lead(other_lead, lead.as_bytes()),
        vault.open_lead(lead_id(), post.as_bytes()),
        vault.open_post(other_post, post.as_bytes()),
        vault.open_post(post_id(), lead.as_bytes()),
        vault.open_secret("campaign:acme-fl", secret.as_bytes()),
        vault.open_secret("", secret.as_bytes()),
    ];
    for attempt in attempts {
        assert_eq!(text_of(attempt), REFUSED);
    }
}

#[test]
fn another_installation_opens_nothing() {
    let (_directory, vault) = vault();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Vault::open(&master(8), elsewhere.path().join("day-keys"), seeded(9)).unwrap();
    let today = day("2026-11-23");
    other.prepare_day(today).unwrap();
    let lead = vault.seal_lead(lead_id(), today, b"a lead").unwrap();
    let secret = vault.seal_secret("campaign:acme-tx", b"a secret").unwrap();
    assert_eq!(text_of(other.open_secret("campaign:acme-tx", secret.as_bytes())), REFUSED);
    assert_eq!(text_of(other.open_lead(lead_id(), lead.as_bytes())), REFUSED);
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let (_directory, vault) = vault();
    let lead = vault.seal_lead(lead_id(), day("2026-11-23"), b"a lead").unwrap();
    let secret = vault.seal_secret("campaign:acme-tx", b"a secret").unwrap();
    let opens_lead = |bytes: &[u8]| vault.open_lead(lead_id(), bytes).is_ok();
    let opens_secret = |bytes: &[u8]| vault.open_secret("campaign:acme-tx", bytes).is_ok();
    check_all_changes(lead.as_bytes(), &opens_lead);
    check_all_changes(secret.as_bytes(), &opens_secret);
}

fn check_all_changes(sealed: &[u8], opens: &dyn Fn(&[u8]) -> bool) {
    assert!(opens(sealed));
    for bit in 0..sealed.len() * 8 {
        let mut flipped = sealed.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!opens(&flipped), "bit {bit}");
    }
    for length in 0..sealed.len() {
        assert!(!opens(&sealed[..length]), "{length} bytes");
    }
    assert!(!opens(&[sealed, &[0]].concat()));
}

#[test]
fn the_fault_of_sealed_bytes_is_named() {
    let (_directory, vault) = vault();
    let good = vault.seal_lead(lead_id(), day("2026-11-23"), b"a lead").unwrap();
    let changed = |at: usize, to: u8| {
        let mut bytes = good.as_bytes().to_vec();
        bytes[at] = to;
        bytes
    };
    let cases = [
        (Vec::new(), "these are not sealed bytes"),
        (b"{\"first_name\":1}".to_vec(), "the sealed bytes are of the unknown version 123"),
        (changed(0, 2), "the sealed bytes are of the unknown version 2"),
        (changed(3, 13), "these are not sealed bytes"),
        (changed(4, 24), "there is no key for the day 2026-11-24"),
        (good.as_bytes()[..76].to_vec(), "these are not sealed bytes"),
        (changed(40, !good.as_bytes()[40]), REFUSED),
    ];
    for (bytes, expected) in cases {
        assert_eq!(text_of(vault.open_lead(lead_id(), &bytes)), expected);
    }
}

#[test]
fn the_form_of_sealed_bytes_is_the_documented_one() {
    let (_directory, vault) = vault();
    let sealed = vault.seal_lead(lead_id(), day("2026-11-23"), &[0; 10]).unwrap();
    assert_eq!(sealed.as_bytes()[..5], [1, 0x07, 0xea, 11, 23]);
    assert_eq!(sealed.as_bytes().len(), 1 + 4 + (24 + 48) + (24 + 10 + 16));
    assert_eq!(format!("{sealed:?}"), "Sealed(127 bytes)");
    let secret = vault.seal_secret("campaign:acme-tx", &[0; 10]).unwrap();
    assert_eq!(secret.as_bytes().len(), 1 + 24 + 10 + 16);
    assert_eq!(Vec::from(secret.clone()), Bytes::from(secret));
}

#[test]
fn nothing_of_the_plain_bytes_is_in_what_is_kept() {
    let (directory, vault) = vault();
    let canary = b"CANARY-4a6f-Jane-Roe";
    let today = day("2026-11-23");
    let mut kept = vec![
        vault.seal_lead(lead_id(), today, canary).unwrap().as_bytes().to_vec(),
        vault.seal_post(post_id(), today, canary).unwrap().as_bytes().to_vec(),
        vault.seal_secret("campaign:acme-tx", canary).unwrap().as_bytes().to_vec(),
    ];
    for entry in std::fs::read_dir(directory.path().join("day-keys")).unwrap() {
        kept.push(std::fs::read(entry.unwrap().path()).unwrap());
    }
    assert_eq!(kept.len(), 4);
    for bytes in &kept {
        for part in canary.windows(4) {
            assert!(!contains(bytes, part));
        }
        assert!(!contains(bytes, &[7; 8]), "the master key is nowhere");
    }
}

#[test]
fn the_same_bytes_are_never_sealed_the_same_way_twice() {
    let (_directory, vault) = vault();
    let seal = || vault.seal_lead(lead_id(), day("2026-11-23"), b"a lead").unwrap();
    let (first, second) = (seal(), seal());
    assert_eq!(first.as_bytes()[..5], second.as_bytes()[..5]);
    for start in 5..first.as_bytes().len() - 8 {
        assert!(!contains(second.as_bytes(), &first.as_bytes()[start..start + 8]));
    }
}

#[test]
fn more_than_the_limit_is_not_sealed() {
    let (_directory, vault) = vault();
    let largest = vec![0; SEALABLE_BYTES_MAX];
    let sealed = vault.seal_secret("owner", &largest).unwrap();
    assert_eq!(vault.open_secret("owner", sealed.as_bytes()).unwrap().len(), SEALABLE_BYTES_MAX);
    let beyond = vec![0; SEALABLE_BYTES_MAX + 1];
    let expected = "4194305 bytes are more than the 4194304 the vault seals at once";
    assert_eq!(text_of(vault.seal_secret("owner", &beyond)), expected);
    assert_eq!(text_of(vault.seal_lead(lead_id(), day("2026-11-23"), &beyond)), expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_bytes_round_trip_and_any_change_is_refused(
        plain in prop::collection::vec(any::<u8>(), 0..300),
        owner in ".{0,40}",
        at: prop::sample::Index,
        change in 1u8..,
    ) {
        let (_directory, vault) = vault();
        let lead = vault.seal_lead(lead_id(), day("2026-11-23"), &plain).unwrap();
        let secret = vault.seal_secret(&owner, &plain).unwrap();
        prop_assert_eq!(&*vault.open_lead(lead_id(), lead.as_bytes()).unwrap(), &plain);
        prop_assert_eq!(&*vault.open_secret(&owner, secret.as_bytes()).unwrap(), &plain);
        let changed = |sealed: &Sealed| {
            let mut bytes = sealed.as_bytes().to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            bytes
        };
        prop_assert!(vault.open_lead(lead_id(), &changed(&lead)).is_err());
        prop_assert!(vault.open_secret(&owner, &changed(&secret)).is_err());
        let other_owner = owner + "x";
        prop_assert!(vault.open_secret(&other_owner, secret.as_bytes()).is_err());
    }

    #[test]
    fn no_bytes_make_opening_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (_directory, vault) = vault();
        for version in [1, 2] {
            let bytes = [&[version], bytes.as_slice()].concat();
            prop_assert!(vault.open_lead(lead_id(), &bytes).is_err());
            prop_assert!(vault.open_secret("owner", &bytes).is_err());
        }
    }
}
