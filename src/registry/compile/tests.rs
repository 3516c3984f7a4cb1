use serde_json::{Value as Json, json};

use super::*;
use crate::domain::campaign::{Campaign, CampaignState};
use crate::domain::object::ObjectKind as Kind;
use crate::domain::slug::{OfBuyer, OfCampaign, OfVendor, VendorId};
use crate::registry::fault::FaultRule::{self, *};
use crate::registry::objects::Stored;
use crate::signing::{SigningKeys, SigningSecret};

const VERTICAL: &str = r#"
    id = "pets"
    name = "Pet insurance"
    [[field]]
    name = "owner"
    type = "name"
    pii = "contact"
    [[field]]
    name = "first_name"
    type = "name"
    pii = "quasi"
    [[field]]
    name = "city"
    type = "name"
    pii = "quasi"
    [[field]]
    name = "date_of_birth"
    type = "date"
    pii = "quasi"
    [[field]]
    name = "illness"
    type = "text"
    pii = "sensitive"
    [[field]]
    name = "keepers"
    type = "list"
    pii = "none"
    item = [{ name = "phone", type = "phone", pii = "contact" }]
    [[field]]
    name = "visits"
    type = "list"
    pii = "none"
    item = [{ name = "count", type = "integer", pii = "none" }]
"#;

fn slug<K>(text: &str) -> crate::domain::slug::Slug<K> {
    crate::domain::slug::Slug::parse(text).unwrap()
}

/// One of each, sound, with the fields of `campaign` on top of the campaign's.
fn objects(campaign: Json) -> RegistryObjects {
    let mut objects = RegistryObjects::default();
    let vertical = vertical::parse_toml(VERTICAL).unwrap();
    objects.verticals.insert(slug("pets"), Stored::live(vertical));
    let vendor = serde_json::from_value(json!({"name": "Best Leads"})).unwrap();
    objects.vendors.insert(slug("best"), Stored::live(vendor));
    let buyer = serde_json::from_value(json!({"name": "Acme"})).unwrap();
    objects.buyers.insert(slug("acme"), Stored::live(buyer));
    objects.trees.insert(slug("pets"), Stored::live(Tree::default()));
    objects.campaigns.insert(slug("acme-1"), Stored::live(described(campaign)));
    objects
}

fn described(changes: Json) -> Campaign {
    let mut campaign = json!({
        "buyer_id": "acme",
        "vertical": "pets",
        "ping_url": "https://acme.example/ping",
        "post_url": "https://acme.example/post",
        "price": {"bid": {}},
    });
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Json::Null => campaign.as_object_mut().unwrap().remove(name),
            value => campaign.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    serde_json::from_value(campaign).unwrap()
}

fn surroundings() -> Surroundings {
    Surroundings {
        currency: "USD".to_owned(),
        addresses: AddressPolicy::default(),
        shipped: BTreeMap::new(),
        shipped_profiles: BTreeMap::new(),
        shipped_inbound: BTreeMap::new(),
        memo: ProfileMemo::default(),
    }
}

type Found = (Kind, String, String, FaultRule);

fn found(objects: &RegistryObjects) -> Vec<Found> {
    let faults = check(objects, &surroundings());
    faults.into_iter().map(|fault| (fault.kind, fault.id, fault.field, fault.rule)).collect()
}

fn expected(faults: &[(Kind, &str, &str, FaultRule)]) -> Vec<Found> {
    let own = |&(kind, id, field, rule): &(Kind, &str, &str, FaultRule)| {
        (kind, id.to_owned(), field.to_owned(), rule)
    };
    faults.iter().map(own).collect()
}

#[test]
fn a_fault_of_a_campaign_is_told_by_field_and_rule() {
    let check = |campaign: Json, expect: &[(&str, FaultRule)]| {
        let expect: Vec<_> =
            expect.iter().map(|(field, rule)| (Kind::Campaign, "acme-1", *field, *rule)).collect();
        assert_eq!(found(&objects(campaign.clone())), expected(&expect), "{campaign}");
    };
    check(json!({}), &[]);
    check(json!({"price": {"fixed": "0"}, "ping_url": null}), &[]);
    check(json!({"buyer_id": "nobody"}), &[("buyer_id", UnknownBuyer)]);
    check(json!({"vertical": "birds"}), &[("vertical", UnknownVertical)]);
    check(json!({"profile": "boberdoo"}), &[("profile", UnknownProfile)]);
    check(json!({"ping_url": null}), &[("ping_url", UrlMissing)]);
    check(json!({"price": {"fixed": "12"}}), &[("ping_url", UrlUnused)]);
    check(json!({"price": {"fixed": "-1"}, "ping_url": null}), &[("price.fixed", OutOfRange)]);
    check(json!({"price": {"bid": {"max_bid": "0"}}}), &[("price.bid.max_bid", OutOfRange)]);
    check(json!({"post_semantics": "queryable"}), &[("status_url", UrlMissing)]);
    let status_url = "https://acme.example/status";
    check(json!({"post_semantics": "queryable", "status_url": status_url}), &[]);
    check(json!({"ping_url": "http://acme.example/ping"}), &[("ping_url", InvalidUrl)]);
    check(json!({"post_url": "https://10.0.0.1/post"}), &[("post_url", InvalidUrl)]);
    check(json!({"status_url": "acme"}), &[("status_url", InvalidUrl)]);
    check(json!({"caps": [{"per": "day"}]}), &[("caps", EmptyCap)]);
    check(json!({"caps": [{"per": "day", "leads": 0}]}), &[("caps", EmptyCap)]);
    check(json!({"caps": [{"per": "total", "spend": "0"}]}), &[("caps", EmptyCap)]);
    check(
        json!({"caps": [{"per": "day", "leads": 1}, {"per": "day", "spend": "9"}]}),
        &[("caps", Duplicate)],
    );
    check(json!({"caps": [{"per": "day", "leads": 1}, {"per": "total", "leads": 9}]}), &[]);
    check(json!({"post_ms": 99}), &[("post_ms", OutOfRange)]);
    check(json!({"post_ms": 300_001}), &[("post_ms", OutOfRange)]);
    check(json!({"on_unknown": {"resell_after_s": 0}}), &[("on_unknown", OutOfRange)]);
    check(json!({"on_unknown": {"resell_after_s": 900}}), &[]);
    check(
        json!({"filter": {"all": [{"field": "age", "gte": "x"}, {"field": "tail", "exists": true}]}}),
        &[("filter.all.0", WrongOperand), ("filter.all.1", UnknownField)],
    );
    check(json!({"filter": {"field": "age", "gte": 5}}), &[]);
}

#[test]
fn a_disclosure_never_names_the_person() {
    let check = |disclosures: &[&str], expect: &[FaultRule]| {
        let found = found(&objects(json!({"disclosures": disclosures})));
        let rules: Vec<_> = found.iter().map(|(.., field, rule)| (field.as_str(), *rule)).collect();
        let expect: Vec<_> = expect.iter().map(|rule| ("disclosures", *rule)).collect();
        assert_eq!(rules, expect, "{disclosures:?}");
    };
    check(&["age", "ip", "trustedform_cert_url", "jornaya_lead_id"], &[]);
    check(&["consent_text", "consent_user_agent"], &[]);
    check(&["city", "date_of_birth", "illness", "visits"], &[]);
    check(&["owner"], &[ContactField]);
    check(&["first_name"], &[ContactField]);
    check(&["keepers"], &[ContactField]);
    check(&["tail"], &[UnknownField]);
    check(&["city", "city"], &[Duplicate]);
    check(&["page_url", "phone", "owner"], &[UnknownField, UnknownField, ContactField]);
}

#[test]
fn a_vertical_may_forbid_to_disclose_a_class() {
    let check = |forbid: &str, disclosures: &[&str], expect: &[FaultRule]| {
        let mut objects = objects(json!({"disclosures": disclosures}));
        let text = format!("disclosure.forbid = {forbid}{VERTICAL}");
        let vertical = vertical::parse_toml(&text).unwrap();
        objects.verticals.insert(slug("pets"), Stored::live(vertical));
        let rules: Vec<_> = found(&objects).into_iter().map(|(.., rule)| rule).collect();
        assert_eq!(rules, expect, "{forbid} {disclosures:?}");
    };
    let all = ["city", "age", "illness", "ip", "visits"];
    check("[]", &all, &[]);
    check("[\"quasi\"]", &all, &[ForbiddenDisclosure; 3]);
    check("[\"sensitive\"]", &all, &[ForbiddenDisclosure]);
    check("[\"contact\"]", &["owner", "keepers"], &[ForbiddenDisclosure; 2]);
}

#[test]
fn every_fault_of_every_object_is_told_at_once() {
    let mut objects = objects(json!({"post_url": "post", "caps": [{"per": "day"}]}));
    let vendor = json!({"name": " ", "floor": "-1"});
    objects.vendors.insert(slug("best"), Stored::live(serde_json::from_value(vendor).unwrap()));
    let buyer = json!({"name": "Acme", "legal_name": "", "credit_limit": "-1"});
    objects.buyers.insert(slug("acme"), Stored::live(serde_json::from_value(buyer).unwrap()));
    let tree: Tree =
        serde_json::from_value(json!({"floor": "-1", "duplicate_window_s": 0})).unwrap();
    objects.trees.insert(slug("pets"), Stored::live(tree.clone()));
    objects.trees.insert(slug("birds"), Stored::live(tree));
    let expect = [
        (Kind::Vendor, "best", "name", Name),
        (Kind::Vendor, "best", "floor", OutOfRange),
        (Kind::Buyer, "acme", "legal_name", Name),
        (Kind::Buyer, "acme", "credit_limit", OutOfRange),
        (Kind::Campaign, "acme-1", "post_url", InvalidUrl),
        (Kind::Campaign, "acme-1", "caps", EmptyCap),
        (Kind::Tree, "birds", "", UnknownVertical),
        (Kind::Tree, "birds", "floor", OutOfRange),
        (Kind::Tree, "birds", "duplicate_window_s", OutOfRange),
        (Kind::Tree, "pets", "floor", OutOfRange),
        (Kind::Tree, "pets", "duplicate_window_s", OutOfRange),
    ];
    assert_eq!(found(&objects), expected(&expect));
}

#[test]
fn a_broken_vertical_is_blamed_and_not_its_campaigns() {
    let mut objects = objects(json!({}));
    let mut vertical = vertical::parse_toml(VERTICAL).unwrap();
    vertical.id = slug("cats");
    vertical.fields[0].name = "Owner".to_owned();
    objects.verticals.insert(slug("pets"), Stored::live(vertical));
    let expect = [
        (Kind::Vertical, "pets", "id", OtherId),
        (Kind::Vertical, "pets", "field Owner", InvalidVertical),
        (Kind::Tree, "pets", "", UnknownVertical),
    ];
    assert_eq!(found(&objects), expected(&expect));
}

#[test]
fn a_campaign_in_use_needs_a_buyer_in_use() {
    let mut objects = objects(json!({}));
    objects.buyers.get_mut(&slug::<OfBuyer>("acme")).unwrap().is_archived = true;
    assert_eq!(found(&objects), expected(&[(Kind::Campaign, "acme-1", "buyer_id", UnknownBuyer)]));
}

fn secrets() -> OpenedSecrets {
    let keys = SigningKeys::of(&SigningSecret::mint([7; 32]));
    OpenedSecrets {
        campaigns: [(slug("acme-1"), keys)].into_iter().collect(),
        ..OpenedSecrets::default()
    }
}

fn compiled(objects: &RegistryObjects) -> Snapshot {
    match compile(9, objects, secrets(), &surroundings()) {
        Ok(snapshot) => snapshot,
        Err(faults) => panic!("{faults:?}"),
    }
}

#[test]
fn a_campaign_in_use_needs_a_secret() {
    let faults = compile(9, &objects(json!({})), OpenedSecrets::default(), &surroundings());
    let rules: Vec<_> = faults.err().unwrap().iter().map(|fault| fault.rule).collect();
    assert_eq!(rules, [NoSecret]);
}

#[test]
fn a_snapshot_holds_what_is_in_use_and_archived_campaigns() {
    let mut objects = objects(json!({"filter": {"field": "city", "eq": "Dallas"}}));
    let snapshot = compiled(&objects);
    let campaign = &snapshot.campaigns_of(&slug("pets"))[0];
    assert_eq!((snapshot.version, &*snapshot.currency), (9, "USD"));
    assert_eq!(campaign.state, CampaignState::Active);
    assert_eq!(campaign.buyer.name, "Acme");
    assert!(campaign.filter.is_some());
    assert!(snapshot.vendors.contains_key(&slug::<OfVendor>("best")));

    objects.vendors.values_mut().for_each(|stored| stored.is_archived = true);
    objects.buyers.values_mut().for_each(|stored| stored.is_archived = true);
    objects.campaigns.values_mut().for_each(|stored| stored.is_archived = true);
    objects.trees.values_mut().for_each(|stored| stored.is_archived = true);
    let snapshot = compiled(&objects);
    assert_eq!(snapshot.vendors.len() + snapshot.buyers.len() + snapshot.trees.len(), 0);
    let campaign = &snapshot.campaigns_of(&slug("pets"))[0];
    assert_eq!(campaign.state, CampaignState::Archived);
    assert_eq!(campaign.buyer.name, "Acme");
}

#[test]
fn archived_objects_are_not_blamed() {
    let mut objects = objects(json!({"post_url": "post", "vertical": "birds", "buyer_id": "no"}));
    objects.campaigns.values_mut().for_each(|stored| stored.is_archived = true);
    assert_eq!(found(&objects), []);
    assert!(compiled(&objects).campaigns.is_empty());
}

#[test]
fn a_campaign_stands_where_its_standing_puts_it_and_sends_where_its_buyer_registered() {
    let check = |verification: &str, standing: Json, expect: CampaignState, post_url: &str| {
        let mut objects = objects(json!({"verification": verification}));
        objects.standings.insert(slug("acme-1"), serde_json::from_value(standing).unwrap());
        let campaign = &compiled(&objects).campaigns[&slug::<OfCampaign>("acme-1")];
        assert_eq!(campaign.state, expect);
        assert_eq!(campaign.campaign.post_url.as_deref(), Some(post_url));
    };
    let described = objects(json!({})).campaigns.values().next().unwrap().value.post_url.clone();
    let described = described.unwrap();
    check("operator", json!({}), CampaignState::Active, &described);
    check("challenge", json!({}), CampaignState::PendingVerification, &described);
    check("operator", json!({"paused_by": ["buyer"]}), CampaignState::Paused, &described);
    let own = "https://own.example/post";
    let endpoints = json!({"registered": {"post_url": own, "ping_url": "https://own.example/ping"},
                           "described": {}});
    let pending = CampaignState::PendingVerification;
    check("operator", json!({"endpoints": endpoints}), pending, own);
}

#[test]
fn what_a_challenge_would_prove_may_be_missing() {
    let missing = |verification: &str| {
        let objects = objects(json!({"verification": verification, "post_url": null}));
        found(&objects)
    };
    assert_eq!(missing("challenge"), []);
    assert_eq!(missing("operator").len(), 1);
}

#[test]
fn a_vertical_of_the_exchange_goes_before_the_shipped_one_until_it_is_archived() {
    let mut objects = objects(json!({}));
    let mut own = vertical::parse_toml(VERTICAL).unwrap();
    own.id = slug("solar");
    objects.verticals.insert(slug("solar"), Stored::live(own));
    let surroundings = Surroundings::new("USD", AddressPolicy::default());
    let name = |objects: &RegistryObjects| {
        let snapshot = compile(9, objects, secrets(), &surroundings);
        let snapshot = snapshot.unwrap_or_else(|faults| panic!("{faults:?}"));
        let solar: VerticalId = slug("solar");
        snapshot.verticals[&solar].vertical().name.clone()
    };
    assert_eq!(name(&objects), "Pet insurance");
    let solar: VerticalId = slug("solar");
    objects.verticals.get_mut(&solar).unwrap().is_archived = true;
    assert_ne!(name(&objects), "Pet insurance");
    assert_eq!(surroundings.shipped.len(), vertical::shipped().len());
}

#[test]
fn names_are_limited() {
    let name_of = |length: usize| {
        let mut objects = objects(json!({}));
        let vendor: VendorId = slug("best");
        objects.vendors.get_mut(&vendor).unwrap().value.name = "x".repeat(length);
        found(&objects).len()
    };
    assert_eq!(name_of(NAME_LENGTH_MAX), 0);
    assert_eq!(name_of(NAME_LENGTH_MAX + 1), 1);
}

const PROFILE: &str = "profile = \"own\"\nsecrets = [\"key\"]\n[settings.sender]\ndescription = \"who sends\"\n\
    [ping.request]\nbody = \"json\"\nfields = { key = \"secret.key\", sender = \"setting.sender\", town = \"city\" }\n\
    [ping.reply]\nbid = { price = \"$.p\" }\nrules = [{ when = { \"$.ok\" = true }, outcome = \"accept\" }, { outcome = \"refuse\" }]\n\
    [post.request]\nbody = \"json\"\nurl = \"https://own.example/post\"\n\
    fields = { owner = { from = \"owner\", required = true }, age = { from = \"age\", required = true } }\n\
    [post.reply]\nrules = [{ when = { \"$.ok\" = true }, outcome = \"accept\" }, { outcome = \"refuse\" }]\n";

/// The usual objects with a profile, and a campaign that speaks through it.
fn with_profile(text: &str, campaign: Json) -> RegistryObjects {
    let mut fields = json!({
        "profile": "own", "post_url": null, "disclosures": ["city"],
        "profile_settings": {"sender": "7"}, "profile_secrets": ["key"],
    });
    fields.as_object_mut().unwrap().extend(campaign.as_object().unwrap().clone());
    let mut objects = objects(fields);
    let files = serde_json::from_value(json!({"text": text})).unwrap();
    objects.profiles.insert(slug("own"), Stored::live(files));
    objects
}

#[test]
fn a_campaign_gives_what_its_profile_needs_or_is_refused_naming_what_is_missing() {
    let check_of = |campaign: Json, expect: &[(&str, FaultRule)]| {
        let mut objects = with_profile(PROFILE, campaign.clone());
        if campaign["post_semantics"] == "queryable" {
            objects.campaigns.get_mut(&slug::<OfCampaign>("acme-1")).unwrap().value.status_url =
                Some("https://acme.example/status".to_owned());
        }
        let faults = check(&objects, &surroundings());
        let found: Vec<_> = faults.iter().map(|fault| (fault.field.as_str(), fault.rule)).collect();
        assert_eq!(found, expect, "{faults:#?}");
    };
    check_of(json!({}), &[]);
    check_of(json!({"profile_settings": {}}), &[("profile_settings", ProfileUnfit)]);
    check_of(
        json!({"profile_settings": {"sender": "7", "x": "1"}}),
        &[("profile_settings", ProfileUnfit)],
    );
    check_of(json!({"profile_secrets": []}), &[("profile_secrets", ProfileUnfit)]);
    check_of(json!({"profile_secrets": ["key", "user"]}), &[("profile_secrets", ProfileUnfit)]);
    check_of(json!({"ping_url": null}), &[("ping_url", UrlMissing)]);
    check_of(json!({"disclosures": []}), &[("profile", ProfileUnfit)]);
    check_of(json!({"post_semantics": "queryable"}), &[("profile", ProfileUnfit)]);
    check_of(json!({"profile": "other"}), &[("profile", UnknownProfile)]);
    check_of(
        json!({"profile": "native", "post_url": "https://acme.example/post"}),
        &[("profile_settings", ProfileUnfit), ("profile_secrets", ProfileUnfit)],
    );
}

#[test]
fn a_login_goes_to_the_endpoint_of_the_leads_unless_there_is_none() {
    let text = format!(
        "{PROFILE}[login.request]\nurl = \"{{url}}/token\"\nbody = \"none\"\n\
         [login.reply]\ntoken = \"$.token\"\n"
    );
    let check = |text: &str, urls: Json, expect: &[(&str, FaultRule)]| {
        let faults = check(&with_profile(text, urls.clone()), &surroundings());
        let found: Vec<_> = faults.iter().map(|fault| (fault.field.as_str(), fault.rule)).collect();
        assert_eq!(found, expect, "{urls}: {faults:#?}");
    };
    check(&text, json!({}), &[]);
    check(
        &text,
        json!({"post_url": "https://acme.example/post", "ping_url": null}),
        &[("ping_url", UrlMissing)],
    );
    let neither = json!({"post_url": null, "ping_url": null});
    check(&text, neither, &[("ping_url", UrlMissing), ("post_url", UrlMissing)]);
    let notice = text.replace("[login.request]", "[loser_notice.request]");
    let notice = notice.replace("[login.reply]\ntoken = \"$.token\"\n", "");
    check(&notice, json!({}), &[("profile", ProfileUnfit)]);
}

#[test]
fn a_profile_with_a_fault_is_blamed_and_its_campaigns_are_not() {
    let broken = PROFILE.replace("outcome = \"accept\"", "outcome = \"acept\"");
    let faults = check(&with_profile(&broken, json!({})), &surroundings());
    let found: Vec<_> = faults.iter().map(|fault| (fault.kind, &*fault.id, fault.rule)).collect();
    assert_eq!(found, [(Kind::Profile, "own", InvalidProfile); 2], "{faults:#?}");
    assert!(faults[0].detail.starts_with("profile.toml:10:"), "{faults:#?}");
    assert!(faults[0].detail.ends_with("did you mean `accept`?"), "{faults:#?}");
    let renamed = PROFILE.replace("\"own\"", "\"other\"");
    let faults = check(&with_profile(&renamed, json!({})), &surroundings());
    assert_eq!(faults.iter().map(|fault| fault.rule).collect::<Vec<_>>(), [OtherId]);
}

#[test]
fn a_compiled_campaign_knows_what_its_profile_needs_of_a_lead() {
    let objects = with_profile(PROFILE, json!({}));
    let mut secrets = secrets();
    let faults = compile(9, &objects, secrets, &surroundings()).err().unwrap();
    assert_eq!(faults.iter().map(|fault| fault.rule).collect::<Vec<_>>(), [NoSecret]);
    secrets = self::secrets();
    let key = SecretText::new("k".to_owned());
    let given = [("key".to_owned(), key)].into_iter().collect();
    secrets.profiles.insert(slug("acme-1"), given);
    let snapshot = compile(9, &objects, secrets, &surroundings());
    let snapshot = snapshot.unwrap_or_else(|faults| panic!("{faults:?}"));
    let campaign = &snapshot.campaigns_of(&slug("pets"))[0];
    assert_eq!(campaign.state, CampaignState::Active);
    let profile = campaign.profile.as_ref().unwrap();
    assert_eq!(profile.settings["sender"], "7");
    let needs: Vec<_> = profile
        .post_needs
        .iter()
        .map(|need| (&*need.rule, &*need.places, need.is_contact))
        .collect();
    assert_eq!(needs, [("profile:age", &[3][..], false), ("profile:owner", &[0][..], true)]);
    assert!(profile.ping_needs.is_empty());
}
