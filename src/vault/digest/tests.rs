use super::*;
use crate::vault::tests::{lead_id, master, seeded, vault_in};
use proptest::prelude::*;

const ROUTE: &str = "POST /v1/leads";

fn vault() -> (tempfile::TempDir, Vault) {
    let directory = tempfile::tempdir().unwrap();
    let vault = vault_in(directory.path(), 1);
    (directory, vault)
}

fn vendor(slug: &str) -> VendorId {
    VendorId::parse(slug).unwrap()
}

fn buyer(slug: &str) -> BuyerId {
    BuyerId::parse(slug).unwrap()
}

fn campaign() -> CampaignId {
    CampaignId::parse("acme-tx").unwrap()
}

#[test]
fn the_digests_of_an_installation_never_change() {
    // Computed by an independent program from the master key of 32 bytes 7. Stores keep these
    // values for years: a change here makes every kept lead, key and duplicate claim unfindable.
    let (_directory, vault) = vault();
    let fingerprint = vault.fingerprint(&Pii::new(br#"{"vertical":"auto"}"#));
    let phone = Pii::new("+12025550143");
    let cases = [
        (
            lower_hex(&vault.key_digest(&vendor("acme"), ROUTE, "order-17")),
            "8f63c39a30003abc14930f3987b9c1c3cd491f19a524124e3dd3b70cf99c1743",
        ),
        (
            lower_hex(&fingerprint),
            "5bbafcde9bf0b647e0a47eabcb836e92e6576479431f654e8954a1a04faa6946",
        ),
        (
            lower_hex(&vault.automatic_key_digest(&vendor("acme"), ROUTE, &fingerprint)),
            "d0826513d3c41b2b83022cfd6465e2b1d49834ee2490f6fe9120942aeed2e678",
        ),
        (
            format!("{:032x}", vault.post_digest(lead_id(), 1, &campaign())),
            "e10c5302eeb013bdf444a95211fea89a",
        ),
        (
            lower_hex(&vault.duplicate_digest("final_expense", &phone)),
            "76306a3b9019827eb2b9e1a1b0dfffaa235b910920428919eff9af452946dc03",
        ),
        (vault.source_ref(&buyer("oak"), &vendor("acme")), "8fa5017d8b98ab6e482c4587c0bd1769"),
        (vault.sub_ref(&buyer("oak"), &vendor("acme"), "fb-1"), "59c9037b62bae6cc53edbe9f97731fb2"),
        (format!("{:016x}", vault.tie_key(lead_id(), &campaign())), "8ecb5a0b79bb07c8"),
        (
            lower_hex(&vault.api_key_digest("secret")),
            "5044b7d682b6e7b3903ad18a6d82cbbe45afa3b948cf1e3594328920dbb8fbc2",
        ),
        (lower_hex(&vault.install_mark()), "314cfa9e716a133302b9ae3313510967"),
    ];
    for (digest, expected) in cases {
        assert_eq!(digest, expected);
    }
}

#[test]
fn another_master_key_gives_other_digests() {
    let (directory, ours) = vault();
    let theirs = Vault::open(&master(8), directory.path().join("other"), seeded(1)).unwrap();
    assert_ne!(ours.install_mark(), theirs.install_mark());
    assert_ne!(ours.api_key_digest("secret"), theirs.api_key_digest("secret"));
    assert_ne!(ours.tie_key(lead_id(), &campaign()), theirs.tie_key(lead_id(), &campaign()));
}

#[test]
fn an_api_key_matches_its_own_digest_only() {
    let (_directory, vault) = vault();
    let digest = vault.api_key_digest("0tGZ");
    assert!(vault.api_key_matches("0tGZ", &digest));
    for other in ["", "0tG", "0tGz", "0tGZ0"] {
        assert!(!vault.api_key_matches(other, &digest), "{other:?}");
    }
    for bit in 0..256 {
        let mut flipped = digest;
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!vault.api_key_matches("0tGZ", &flipped), "bit {bit}");
    }
}

#[test]
fn two_buyers_cannot_join_their_pseudonyms() {
    let (_directory, vault) = vault();
    let vendors = ["acme", "bolt"].map(vendor);
    let buyers = ["oak", "elm"].map(buyer);
    let mut seen = std::collections::BTreeSet::new();
    for buyer in &buyers {
        for vendor in &vendors {
            seen.insert(vault.source_ref(buyer, vendor));
            seen.insert(vault.sub_ref(buyer, vendor, "fb-1"));
            seen.insert(vault.sub_ref(buyer, vendor, "fb-2"));
        }
    }
    assert_eq!(seen.len(), 12);
    let again = vault.source_ref(&buyers[0], &vendors[0]);
    assert!(seen.contains(&again), "stable for one buyer");
    assert!(seen.iter().all(|text| text.len() == 32));
}

#[test]
fn ties_are_fair_between_two_campaigns_over_many_leads() {
    let (_directory, vault) = vault();
    let (one, other) = (campaign(), CampaignId::parse("birch-tx").unwrap());
    let first_wins = |lead: u128| {
        let lead = LeadId::new(crate::domain::ids::Partition(0), lead);
        vault.tie_key(lead, &one) < vault.tie_key(lead, &other)
    };
    let wins = (0..4_000).filter(|lead| first_wins(*lead)).count();
    // Five standard deviations of a fair coin over 4,000 throws are 158.
    assert!((1_842..=2_158).contains(&wins), "{wins}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_two_lists_of_parts_share_a_digest(
        parts in prop::collection::vec("[ab|]{0,3}", 3),
        others in prop::collection::vec("[ab|]{0,3}", 3),
    ) {
        let (_directory, vault) = vault();
        let digest = |parts: &[String]| {
            let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_bytes()).collect();
            vault.digests.idempotency.digest(&parts)
        };
        prop_assert_eq!(digest(&parts) == digest(&others), parts == others);
        let joined = [parts[0].clone() + &parts[1], String::new(), parts[2].clone()];
        prop_assert_eq!(digest(&parts) == digest(&joined), parts[..] == joined[..]);
    }
}
