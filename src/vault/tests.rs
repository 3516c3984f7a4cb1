//! What the tests of the vault's parts share, and the tests of the whole.

use std::path::Path;

use super::*;
use crate::domain::ids::Partition;
use crate::ports::Entropy;
use crate::system::SeededEntropy;

pub(super) fn master(fill: u8) -> MasterKey {
    MasterKey::new([fill; 32])
}

pub(super) fn seeded(seed: u64) -> RandomSource {
    let entropy = SeededEntropy::new(seed);
    Box::new(move |bytes| entropy.fill(bytes))
}

/// A vault on `directory`; vaults of one seed draw the same bytes.
pub(super) fn vault_in(directory: &Path, seed: u64) -> Vault {
    Vault::open(&master(7), directory.join("day-keys"), seeded(seed)).unwrap()
}

pub(super) fn day(text: &str) -> Date {
    text.parse().unwrap()
}

pub(super) fn lead_id() -> LeadId {
    LeadId::new(Partition(63), 0x0193_5b1c_7a2e_7abc_8def_0123_4567_89ab)
}

pub(super) fn text_of<T>(result: Result<T, VaultError>) -> String {
    match result {
        Ok(_) => "no error".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_lead_belongs_to_the_day_of_its_id() {
    let minted = |instant: &str| {
        let ms: Timestamp = instant.parse().unwrap();
        lead_day(LeadId::new(Partition(0), (ms.as_millisecond() as u128) << 80))
    };
    assert_eq!(minted("2026-11-23T00:00:00Z"), day("2026-11-23"));
    assert_eq!(minted("2026-11-23T23:59:59.999Z"), day("2026-11-23"));
    assert_eq!(minted("2026-11-24T00:00:00Z"), day("2026-11-24"));
    assert_eq!(lead_day(LeadId::new(Partition(0), u128::MAX)), day("9999-12-30"));
}

#[test]
fn a_vault_refuses_day_keys_of_another_master_key_at_start() {
    let directory = tempfile::tempdir().unwrap();
    vault_in(directory.path(), 1).prepare_day(day("2026-11-23")).unwrap();
    let wrong = Vault::open(&master(8), directory.path().join("day-keys"), seeded(2));
    assert_eq!(text_of(wrong), "the key of the day 2026-11-23 does not open under this master key");
    assert!(Vault::open(&master(7), directory.path().join("day-keys"), seeded(2)).is_ok());
}

#[test]
fn a_destroyed_day_is_gone_for_good_and_its_neighbours_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault_in(directory.path(), 1);
    let (kept, erased) = (day("2026-11-22"), day("2026-11-23"));
    let kept_lead = vault.seal_lead(lead_id(), kept, b"kept").unwrap();
    let erased_lead = vault.seal_lead(lead_id(), erased, b"erased").unwrap();
    assert_eq!(vault.days().unwrap(), [kept, erased]);
    vault.destroy_day(erased).unwrap();
    let gone = "there is no key for the day 2026-11-23";
    assert_eq!(text_of(vault.open_lead(lead_id(), erased_lead.as_bytes())), gone);
    let reopened = vault_in(directory.path(), 2);
    assert_eq!(text_of(reopened.open_lead(lead_id(), erased_lead.as_bytes())), gone);
    assert_eq!(*reopened.open_lead(lead_id(), kept_lead.as_bytes()).unwrap(), b"kept");
    assert_eq!(reopened.days().unwrap(), [kept]);
    reopened.destroy_day(erased).unwrap();
}

#[test]
fn a_new_key_of_a_destroyed_day_does_not_open_what_the_old_one_sealed() {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault_in(directory.path(), 1);
    let today = day("2026-11-23");
    let sealed = vault.seal_lead(lead_id(), today, b"erased").unwrap();
    vault.destroy_day(today).unwrap();
    vault.prepare_day(today).unwrap();
    assert_eq!(
        text_of(vault.open_lead(lead_id(), sealed.as_bytes())),
        "the sealed bytes do not open: they were altered or belong elsewhere"
    );
}
