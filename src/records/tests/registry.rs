use super::*;
use crate::domain::key::{KeyId, KeyMode, KeyRecord, Role};
use crate::ports::records::{ObjectKind, ObjectVersion, SealedSecret};

fn object(kind: ObjectKind, id: &str, body: &str) -> RegistryObject {
    RegistryObject { kind, id: id.to_owned(), body: body.to_owned(), is_archived: false }
}

fn archived(kind: ObjectKind, id: &str, body: &str) -> RegistryObject {
    RegistryObject { is_archived: true, ..object(kind, id, body) }
}

fn secret(owner: &str, from: &str, until: Option<&str>) -> SealedSecret {
    SealedSecret {
        owner: owner.to_owned(),
        sealed: format!("sealed {owner} {from}").into_bytes(),
        valid_from: at(from),
        valid_until: until.map(at),
    }
}

fn key(id: &str, second: u8) -> KeyRecord {
    KeyRecord {
        key_id: KeyId::parse(id).unwrap(),
        role: Role::Vendor,
        mode: KeyMode::Test,
        owner: "acme".to_owned(),
        digest: [second; 32],
        strict: true,
        require_signature: false,
        created_at: at(&format!("2026-11-23T14:00:0{second}.000001Z")),
        revoked_at: None,
        expires_at: Some(at("2027-11-23T14:00:00Z")),
    }
}

#[tokio::test]
async fn a_new_registry_is_empty_and_at_version_zero() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        assert_eq!(records.registry_version().await, Ok(0));
        assert_eq!(records.registry().await, Ok(RegistryRows::default()));
        assert_eq!(records.registry_history(None, 10).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn a_change_is_applied_whole() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let campaign = object(ObjectKind::Campaign, "acme-tx", "{\"a\":1}");
        let vendor = object(ObjectKind::Vendor, "acme", "{}");
        let first = RegistryChange {
            objects: vec![vendor.clone(), campaign.clone()],
            secrets: vec![secret("campaign:acme-tx", "2026-11-23T14:00:00Z", None)],
            keys_added: vec![key("AAAAAAAA", 1), key("BBBBBBBB", 2)],
            ..change(0)
        };
        assert_eq!(records.change_registry(first.clone()).await, Ok(Committed::Version(1)));
        assert_eq!(records.registry_version().await, Ok(1));
        let expected = RegistryRows {
            version: 1,
            objects: vec![campaign, vendor],
            secrets: first.secrets.clone(),
            keys: first.keys_added.clone(),
        };
        assert_eq!(records.registry().await, Ok(expected.clone()));

        let second = RegistryChange {
            keys_revoked: vec![key("AAAAAAAA", 1).key_id, KeyId::parse("CCCCCCCC").unwrap()],
            at: at("2026-11-24T00:00:00Z"),
            ..change(1)
        };
        assert_eq!(records.change_registry(second).await, Ok(Committed::Version(2)));
        let revoked =
            KeyRecord { revoked_at: Some(at("2026-11-24T00:00:00Z")), ..key("AAAAAAAA", 1) };
        let expected =
            RegistryRows { version: 2, keys: vec![revoked, key("BBBBBBBB", 2)], ..expected };
        assert_eq!(records.registry().await, Ok(expected));
    }
}

#[tokio::test]
async fn a_stale_change_changes_nothing() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let mine = object(ObjectKind::Buyer, "acme", "{\"name\":\"mine\"}");
        let theirs = object(ObjectKind::Buyer, "acme", "{\"name\":\"theirs\"}");
        let by = |object: &RegistryObject| RegistryChange {
            objects: vec![object.clone()],
            keys_added: vec![key("AAAAAAAA", 1)],
            ..change(0)
        };
        assert_eq!(records.change_registry(by(&mine)).await, Ok(Committed::Version(1)));
        let before = records.registry().await.unwrap();
        let stale = records.change_registry(by(&theirs)).await;
        assert_eq!(stale, Ok(Committed::Stale { current: 1 }));
        let ahead = records.change_registry(change(2)).await;
        assert_eq!(ahead, Ok(Committed::Stale { current: 1 }));
        assert_eq!(records.registry().await, Ok(before));
        assert_eq!(records.registry_history(None, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_change_that_fails_half_way_changes_nothing() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let twice = RegistryChange {
            objects: vec![object(ObjectKind::Buyer, "acme", "{}")],
            keys_added: vec![key("AAAAAAAA", 1), key("AAAAAAAA", 2)],
            ..change(0)
        };
        let refused = records.change_registry(twice).await;
        assert!(matches!(refused, Err(RecordsError::Refused(_))), "{refused:?}");
        assert_eq!(records.registry().await, Ok(RegistryRows::default()));
        assert_eq!(records.registry_history(None, 10).await, Ok(vec![]));
        assert_eq!(records.change_registry(change(0)).await, Ok(Committed::Version(1)));
    }
}

#[tokio::test]
async fn every_version_of_an_object_is_kept() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let tree = |body: &str| object(ObjectKind::Tree, "solar", body);
        let vertical = object(ObjectKind::Vertical, "solar", "{}");
        let gone = archived(ObjectKind::Tree, "solar", "3");
        let steps = [vec![tree("1")], vec![vertical.clone()], vec![tree("2")], vec![gone.clone()]];
        for (base, objects) in (0..).zip(steps) {
            let change = RegistryChange { objects, ..change(base) };
            assert_eq!(records.change_registry(change).await, Ok(Committed::Version(base + 1)));
        }
        let check = async |version: i64, expect: Vec<RegistryObject>| {
            assert_eq!(records.registry_objects_at(version).await, Ok(expect), "{version}");
        };
        check(0, vec![]).await;
        check(1, vec![tree("1")]).await;
        check(2, vec![tree("1"), vertical.clone()]).await;
        check(3, vec![tree("2"), vertical.clone()]).await;
        check(4, vec![gone.clone(), vertical.clone()]).await;
        check(99, vec![gone.clone(), vertical.clone()]).await;
        assert_eq!(records.registry().await.unwrap().objects, [gone, vertical]);
    }
}

#[tokio::test]
async fn history_names_who_did_what_when_newest_first() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let when = |hour: i64| at(&format!("2026-11-23T1{hour}:00:00.5Z"));
        for base in 0..3 {
            let summary = format!("change {base}");
            let change = RegistryChange::new(base, "AAAAAAAA", &summary, when(base));
            records.change_registry(change).await.unwrap();
        }
        let row = |version: i64| ChangeRow {
            version,
            actor: "AAAAAAAA".to_owned(),
            summary: format!("change {}", version - 1),
            at: when(version - 1),
        };
        assert_eq!(records.registry_history(None, 2).await, Ok(vec![row(3), row(2)]));
        assert_eq!(
            records.registry_history(None, usize::MAX).await,
            Ok(vec![row(3), row(2), row(1)])
        );
        assert_eq!(records.registry_history(None, 0).await, Ok(vec![]));
        assert_eq!(records.registry_history(Some(3), 9).await, Ok(vec![row(2), row(1)]));
    }
}

#[tokio::test]
async fn the_versions_of_an_object_are_those_that_changed_it_newest_first() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let kind = ObjectKind::Profile;
        let when = |hour: i64| at(&format!("2026-11-23T1{hour}:00:00.5Z"));
        let mut objects = vec![
            vec![object(kind, "crm", "1"), object(kind, "other", "1")],
            vec![object(kind, "other", "2"), object(ObjectKind::Vendor, "crm", "1")],
            vec![archived(kind, "crm", "1")],
        ];
        for (base, objects) in (0..).zip(objects.drain(..)) {
            let change = RegistryChange::new(base, "AAAAAAAA", "a change", when(base));
            records.change_registry(RegistryChange { objects, ..change }).await.unwrap();
        }
        let of = |id: &str, before: Option<i64>, limit: usize| {
            records.object_versions((kind, id.to_owned()), before, limit)
        };
        let row = |version: i64, is_archived: bool| ObjectVersion {
            version,
            is_archived,
            at: when(version - 1),
        };
        assert_eq!(of("crm", None, 9).await, Ok(vec![row(3, true), row(1, false)]));
        assert_eq!(of("crm", None, 1).await, Ok(vec![row(3, true)]));
        assert_eq!(of("crm", Some(3), 9).await, Ok(vec![row(1, false)]));
        assert_eq!(of("none", None, 9).await, Ok(vec![]));
    }
}

#[tokio::test]
async fn a_new_secret_ends_the_old_one_at_once_or_after_an_overlap() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let (owner, other) = ("campaign:acme-tx", "key:AAAAAAAA");
        let days = ["2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z"];
        let set = async |base: i64, day: usize, secrets: Vec<SealedSecret>| {
            let change = RegistryChange { secrets, at: at(days[day]), ..change(base) };
            records.change_registry(change).await.unwrap();
            records.registry().await.unwrap().secrets
        };
        let first = secret(owner, days[0], None);
        let theirs = secret(other, days[0], None);
        let both = vec![first.clone(), theirs.clone()];
        assert_eq!(set(0, 0, both.clone()).await, both);

        let overlapping = secret(owner, days[0], Some("2026-11-24T12:00:00Z"));
        let second = secret(owner, days[1], None);
        let rotated = set(1, 1, vec![overlapping.clone(), second.clone()]).await;
        assert_eq!(rotated, [overlapping, second, theirs.clone()]);

        let third = secret(owner, days[2], None);
        assert_eq!(set(2, 2, vec![third.clone()]).await, [third, theirs]);
    }
}

#[tokio::test]
async fn a_key_that_was_revoked_keeps_the_time_of_it() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let add = RegistryChange { keys_added: vec![key("AAAAAAAA", 1)], ..change(0) };
        records.change_registry(add).await.unwrap();
        for (base, day) in [(1, "2026-11-24T00:00:00Z"), (2, "2026-11-25T00:00:00Z")] {
            let keys_revoked = vec![key("AAAAAAAA", 1).key_id];
            let revoke = RegistryChange { keys_revoked, at: at(day), ..change(base) };
            records.change_registry(revoke).await.unwrap();
        }
        let keys = records.registry().await.unwrap().keys;
        assert_eq!(keys[0].revoked_at, Some(at("2026-11-24T00:00:00Z")));
    }
}

#[tokio::test]
async fn of_changes_against_one_version_exactly_one_is_applied() {
    for bench in Bench::each().await {
        let records = bench.open().await;
        let by = |name: usize| RegistryChange {
            objects: vec![object(ObjectKind::Buyer, "acme", &name.to_string())],
            ..change(0)
        };
        let changes = (0..16).map(|name| records.change_registry(by(name)));
        let replies = futures::future::join_all(changes).await;
        let applied = replies.iter().filter(|reply| **reply == Ok(Committed::Version(1))).count();
        let stale = Ok(Committed::Stale { current: 1 });
        assert_eq!((applied, replies.iter().filter(|reply| **reply == stale).count()), (1, 15));
        let winner = replies.iter().position(|reply| *reply == Ok(Committed::Version(1))).unwrap();
        let objects = records.registry().await.unwrap().objects;
        assert_eq!(objects[0].body, winner.to_string());
    }
}
