use serde_json::{Value as Json, json};

use super::*;
use crate::domain::campaign::{Campaign, CampaignState};
use crate::domain::slug::{BuyerId, VendorId};
use crate::registry::bundle::SecretText;

fn slug<K>(text: &str) -> Slug<K> {
    Slug::parse(text).unwrap()
}

fn secret(fill: u8) -> SigningSecret {
    SigningSecret::mint([fill; 32])
}

fn campaign(changes: Json) -> Campaign {
    let mut campaign = json!({
        "buyer_id": "acme",
        "vertical": "solar",
        "post_url": "https://acme.example/post",
        "price": {"fixed": "12.00"},
    });
    let changes = changes.as_object().unwrap().clone();
    campaign.as_object_mut().unwrap().extend(changes);
    serde_json::from_value(campaign).unwrap()
}

/// One vendor, one buyer with one campaign, one tree.
fn bundle() -> Bundle {
    serde_json::from_value(json!({
        "vendors": {"best": {"name": "Best"}},
        "buyers": {"acme": {"name": "Acme"}},
        "campaigns": {"acme-1": campaign(json!({}))},
        "trees": {"solar": {"floor": "5.00"}},
    }))
    .unwrap()
}

fn none() -> BTreeMap<CampaignId, SigningSecret> {
    BTreeMap::new()
}

fn of_acme(fill: u8) -> BTreeMap<CampaignId, SigningSecret> {
    [(slug("acme-1"), secret(fill))].into_iter().collect()
}

/// The registry after `bundle` was applied to an empty one.
fn applied(bundle: &Bundle) -> RegistryObjects {
    plan(&RegistryObjects::default(), &none(), bundle, false).next
}

/// The changes as `action kind id fields`.
fn lines(plan: &Plan) -> Vec<String> {
    let line = |change: &PlanChange| {
        let (action, fields) = (change.action.as_str(), change.fields.join(","));
        format!("{action} {} {} {fields}", change.kind, change.id).trim_end().to_owned()
    };
    plan.changes.iter().map(line).collect()
}

#[test]
fn what_is_new_is_created_and_what_is_the_same_is_left() {
    let planned = plan(&RegistryObjects::default(), &none(), &bundle(), false);
    assert_eq!(
        lines(&planned.plan),
        ["create vendor best", "create buyer acme", "create campaign acme-1", "create tree solar",]
    );
    assert_eq!(planned.plan.summary(), "4 created");
    assert_eq!(planned.secrets, [(slug("acme-1"), SecretChange::Generated)].into());

    let again = plan(&planned.next, &of_acme(1), &bundle(), true);
    assert_eq!(
        lines(&again.plan),
        [
            "unchanged vendor best",
            "unchanged buyer acme",
            "unchanged campaign acme-1",
            "unchanged tree solar",
        ]
    );
    assert!(again.plan.is_empty());
    assert_eq!(again.plan.summary(), "nothing changed");
    assert_eq!(again.plan.audit(), "nothing changed");
    assert!(again.secrets.is_empty());
    assert!(again.next == planned.next);
}

#[test]
fn the_audit_names_some_of_many() {
    let change = |number: usize| PlanChange {
        kind: ObjectKind::Vendor,
        id: format!("v{number}"),
        action: PlanAction::Create,
        fields: Vec::new(),
        kept: Vec::new(),
    };
    let plan = Plan { changes: (0..12).map(change).collect() };
    let told = plan.audit();
    assert!(told.starts_with("12 created (vendor v0, vendor v1, "), "{told}");
    assert!(told.ends_with("vendor v9, and 2 more)"), "{told}");
}

#[test]
fn an_update_names_the_fields_that_change() {
    let mut changed = bundle();
    let caps = json!([{"per": "day", "leads": 5}]);
    changed.campaigns.insert(slug("acme-1"), campaign(json!({"caps": caps, "post_ms": 900})));
    let vendor: VendorId = slug("best");
    changed.vendors.get_mut(&vendor).unwrap().name = "Better".to_owned();
    let planned = plan(&applied(&bundle()), &of_acme(1), &changed, false);
    assert_eq!(
        lines(&planned.plan),
        [
            "update vendor best name",
            "unchanged buyer acme",
            "update campaign acme-1 caps,post_ms",
            "unchanged tree solar",
        ]
    );
    assert_eq!(planned.plan.summary(), "2 updated");
    assert_eq!(planned.plan.audit(), "2 updated (vendor best, campaign acme-1)");
    let id: CampaignId = slug("acme-1");
    assert_eq!(planned.next.campaigns[&id].value.post_ms, Some(900));
}

#[test]
fn a_filter_that_went_through_json_is_the_same_filter() {
    let fractional = || {
        toml::from_str::<Campaign>(
            "buyer_id = \"acme\"\nvertical = \"solar\"\npost_url = \"https://acme.example\"\n\
             price = { fixed = \"1\" }\nfilter = { field = \"bill\", gte = 99.5 }",
        )
        .unwrap()
    };
    let mut bundle = bundle();
    bundle.campaigns.insert(slug("acme-1"), fractional());
    let stored = serde_json::to_string(&fractional()).unwrap();
    let mut current = applied(&bundle);
    let id: CampaignId = slug("acme-1");
    current.campaigns.get_mut(&id).unwrap().value = serde_json::from_str(&stored).unwrap();
    assert!(plan(&current, &of_acme(1), &bundle, false).plan.is_empty());
}

#[test]
fn absent_objects_stay_unless_they_are_pruned() {
    let current = applied(&bundle());
    let kept = plan(&current, &of_acme(1), &Bundle::default(), false);
    assert!(kept.plan.changes.is_empty() && kept.next == current);

    let pruned = plan(&current, &of_acme(1), &Bundle::default(), true);
    assert_eq!(
        lines(&pruned.plan),
        [
            "archive vendor best",
            "archive buyer acme",
            "archive campaign acme-1",
            "archive tree solar",
        ]
    );
    assert!(pruned.next.campaigns.values().all(|stored| stored.is_archived));
    let again = plan(&pruned.next, &of_acme(1), &Bundle::default(), true);
    assert!(again.plan.changes.is_empty(), "archived objects are not archived again");
}

#[test]
fn what_is_archived_and_named_again_comes_back_with_its_secret_and_state() {
    let mut current = plan(&applied(&bundle()), &of_acme(1), &Bundle::default(), true).next;
    set(&mut current, json!({"paused_by": ["operator"]}));
    let mut changed = bundle();
    let buyer: BuyerId = slug("acme");
    changed.buyers.get_mut(&buyer).unwrap().name = "Acme Life".to_owned();
    let planned = plan(&current, &of_acme(1), &changed, false);
    assert_eq!(
        lines(&planned.plan),
        [
            "restore vendor best",
            "restore buyer acme name",
            "restore campaign acme-1",
            "restore tree solar",
        ]
    );
    assert!(planned.secrets.is_empty() && planned.standings.is_empty());
    let id: CampaignId = slug("acme-1");
    let campaign = &planned.next.campaigns[&id];
    assert_eq!(planned.next.state_of(&id, campaign), CampaignState::Paused);
}

#[test]
fn another_secret_is_a_change_of_its_campaign() {
    let current = applied(&bundle());
    let mut given = bundle();
    given.secrets.insert(slug("acme-1"), SecretText(secret(1)));
    assert!(plan(&current, &of_acme(1), &given, false).plan.is_empty());

    let rotated = plan(&current, &of_acme(2), &given, false);
    assert_eq!(lines(&rotated.plan)[2], "update campaign acme-1 secret");
    assert_eq!(rotated.secrets, [(slug("acme-1"), SecretChange::Given)].into());

    let first = plan(&RegistryObjects::default(), &none(), &given, false);
    assert_eq!(first.secrets, [(slug("acme-1"), SecretChange::Given)].into());

    let kept = plan(&current, &of_acme(2), &bundle(), false);
    assert!(kept.plan.is_empty(), "a secret that is no longer given is kept");
}

#[test]
fn a_campaign_never_changes_hands() {
    let mut moved = bundle();
    moved.buyers.insert(slug("zeta"), serde_json::from_value(json!({"name": "Zeta"})).unwrap());
    moved.campaigns.insert(slug("acme-1"), campaign(json!({"buyer_id": "zeta"})));
    let planned = plan(&applied(&bundle()), &of_acme(1), &moved, false);
    let faults: Vec<_> =
        planned.faults.iter().map(|fault| (&*fault.id, &*fault.field, fault.rule)).collect();
    assert_eq!(faults, [("acme-1", "buyer_id", FaultRule::OtherBuyer)]);
}

/// The standing of `acme-1` set so in `objects`.
fn set(objects: &mut RegistryObjects, standing: Json) {
    objects.standings.insert(slug("acme-1"), serde_json::from_value(standing).unwrap());
}

#[test]
fn endpoints_that_a_buyer_registered_outlive_a_bundle_until_it_names_other_ones() {
    let own = || {
        json!({
            "endpoints": {
                "registered": {"post_url": "https://own.example/post"},
                "described": {"post_url": "https://acme.example/post"},
            },
            "proved": ["https://own.example/post"],
        })
    };
    let check = |new: Json, line: &str, kept: &[&str], post_url: &str| {
        let mut current = applied(&bundle());
        set(&mut current, own());
        let mut after = bundle();
        let mut described = serde_json::to_value(campaign(json!({}))).unwrap();
        described.as_object_mut().unwrap().extend(new.as_object().unwrap().clone());
        after.campaigns.insert(slug("acme-1"), serde_json::from_value(described).unwrap());
        let planned = plan(&current, &of_acme(1), &after, false);
        assert_eq!(lines(&planned.plan)[2], line);
        assert_eq!(planned.plan.changes[2].kept, kept);
        let id: CampaignId = slug("acme-1");
        let endpoints = planned.next.endpoints_of(&id, &planned.next.campaigns[&id].value);
        assert_eq!(endpoints.post_url.as_deref(), Some(post_url));
        let is_changed = planned.standings.contains_key(&id);
        assert_eq!(is_changed, planned.next.standings[&id] != current.standings[&id]);
    };
    let own_url = "https://own.example/post";
    check(json!({}), "unchanged campaign acme-1", &["post_url"], own_url);
    check(json!({"post_ms": 900}), "update campaign acme-1 post_ms", &["post_url"], own_url);
    check(json!({"post_url": null}), "update campaign acme-1 post_url", &["post_url"], own_url);
    let other = "https://acme.example/other";
    check(json!({"post_url": other}), "update campaign acme-1 post_url", &[], other);
    check(json!({"post_url": own_url}), "update campaign acme-1 post_url", &[], own_url);
}

#[test]
fn a_secret_issued_to_the_buyer_is_not_replaced_by_a_given_one() {
    let mut current = applied(&bundle());
    set(&mut current, json!({"has_own_secret": true, "paused_by": ["buyer"]}));
    let mut given = bundle();
    given.secrets.insert(slug("acme-1"), SecretText(secret(1)));
    let planned = plan(&current, &of_acme(2), &given, false);
    assert!(planned.plan.is_empty() && planned.secrets.is_empty());
    assert_eq!(planned.plan.changes[2].kept, ["secret", "state"]);
}
