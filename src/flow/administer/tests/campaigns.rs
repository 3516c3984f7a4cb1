//! What buyers and operators set for a campaign beside its description.

use super::*;
use crate::domain::slug::BuyerId;
use crate::domain::standing::Endpoints;
use crate::flow::administer::{CampaignOrder, Described, Precondition};

const PING: &str = "https://own.example/ping";
const POST: &str = "https://own.example/post";

fn acme() -> BuyerId {
    slug("acme")
}

/// A campaign that bids and has no endpoints yet.
fn draft() -> Bundle {
    bundle(json!({"post_url": null, "price": {"bid": {}}, "verification": "challenge"}))
}

fn own() -> Endpoints {
    serde_json::from_value(json!({"ping_url": PING, "post_url": POST})).unwrap()
}

fn asked<'a>(id: &'a CampaignId, buyer: Option<&'a BuyerId>) -> CampaignOrder<'a> {
    CampaignOrder { id, buyer, actor: "AAAAAAAA" }
}

impl Bench {
    fn state(&self) -> CampaignState {
        self.snapshot().campaigns[&acme_1()].state
    }

    fn post_url(&self) -> Option<String> {
        self.snapshot().campaigns[&acme_1()].campaign.post_url.clone()
    }

    async fn register(&self, endpoints: &Endpoints) -> Option<SigningSecret> {
        let (id, buyer) = (acme_1(), acme());
        let set = self.administration.set_endpoints(asked(&id, Some(&buyer)), endpoints).await;
        let set = set.unwrap_or_else(|error| panic!("{error}"));
        set.done.secret.map(|secret| secret.0)
    }

    async fn proves(&self, urls: &[&str]) -> CampaignState {
        let urls: Vec<_> = urls.iter().map(|url| (*url).to_owned()).collect();
        let id = acme_1();
        let noted = self.administration.note_proofs(asked(&id, None), &urls).await;
        noted.unwrap_or_else(|error| panic!("{error}")).done.state
    }

    fn summary(&self) -> String {
        self.records.last_change().summary
    }
}

#[tokio::test]
async fn a_draft_becomes_active_once_each_endpoint_is_proved() {
    let bench = bench();
    bench.apply(&draft(), ApplyOptions::default()).await;
    assert_eq!(bench.state(), CampaignState::Draft);
    let secret = bench.register(&own()).await.expect("the first registration issues a secret");
    assert_eq!(bench.summary(), "campaign acme-1: endpoints set: ping_url, post_url");
    assert_eq!(bench.records.last_change().actor, "AAAAAAAA");
    assert_eq!(bench.signatures(), [signature(&secret)], "nothing was ever signed for a draft");
    assert_eq!(bench.state(), CampaignState::PendingVerification);
    assert_eq!(bench.proves(&[PING]).await, CampaignState::PendingVerification);
    assert_eq!(
        bench.proves(&[PING, "https://other.example/"]).await,
        CampaignState::PendingVerification
    );
    assert_eq!(bench.proves(&[POST]).await, CampaignState::Active);
    assert_eq!(bench.summary(), "campaign acme-1: endpoints proved by challenge: post_url");
    let version = bench.records.rows().version;
    assert!(bench.register(&own()).await.is_none(), "a secret is issued once");
    assert_eq!(bench.proves(&[PING, POST]).await, CampaignState::Active);
    assert_eq!(bench.records.rows().version, version, "nothing changed, so nothing was written");
}

#[tokio::test]
async fn only_what_changed_is_proved_again_and_a_proof_is_not_kept_for_what_is_gone() {
    let bench = bench();
    bench.apply(&draft(), ApplyOptions::default()).await;
    bench.register(&own()).await;
    assert_eq!(bench.proves(&[PING, POST]).await, CampaignState::Active);
    let moved = Endpoints { ping_url: Some("https://new.example/ping".to_owned()), ..own() };
    bench.register(&moved).await;
    assert_eq!(bench.state(), CampaignState::PendingVerification);
    assert_eq!(bench.proves(&["https://new.example/ping"]).await, CampaignState::Active);
    bench.register(&own()).await;
    assert_eq!(bench.state(), CampaignState::PendingVerification, "the old one is new again");
    assert_eq!(bench.proves(&[PING]).await, CampaignState::Active);
}

#[tokio::test]
async fn a_proof_that_comes_after_another_registration_proves_nothing() {
    let bench = bench();
    bench.apply(&draft(), ApplyOptions::default()).await;
    bench.register(&own()).await;
    let moved = Endpoints { post_url: Some("https://new.example/post".to_owned()), ..own() };
    bench.register(&moved).await;
    assert_eq!(bench.proves(&[PING, POST]).await, CampaignState::PendingVerification);
    assert_eq!(bench.proves(&["https://new.example/post"]).await, CampaignState::Active);
}

#[tokio::test]
async fn endpoints_secret_and_pause_outlive_an_apply_until_it_names_other_endpoints() {
    let bench = Bench::applied().await;
    let fixed = Endpoints { ping_url: None, ..own() };
    let secret = bench.register(&fixed).await.unwrap();
    assert_eq!(bench.signatures().len(), 2, "the one before signs for a day more");
    assert_eq!(bench.proves(&[POST]).await, CampaignState::Active);
    let (id, buyer) = (acme_1(), acme());
    bench.administration.pause(asked(&id, Some(&buyer))).await.map(drop).unwrap();

    let report = bench.apply(&given(5), ApplyOptions::default()).await;
    assert!(report.plan.is_empty(), "the file says what it said");
    bench.apply(&bundle(json!({"post_ms": 900})), ApplyOptions::default()).await;
    assert_eq!((bench.post_url().as_deref(), bench.state()), (Some(POST), CampaignState::Paused));
    assert_eq!(bench.signatures()[0], signature(&secret));

    let other = "https://acme.example/other";
    bench.apply(&bundle(json!({"post_url": other})), ApplyOptions::default()).await;
    assert_eq!((bench.post_url().as_deref(), bench.state()), (Some(other), CampaignState::Paused));
    let back = bundle(json!({"post_url": "https://acme.example/post"}));
    bench.apply(&back, ApplyOptions::default()).await;
    assert_eq!(bench.post_url().as_deref(), Some("https://acme.example/post"));
}

#[tokio::test]
async fn another_buyers_campaign_is_as_none_and_so_is_an_archived_one() {
    let bench = Bench::applied().await;
    let (id, stranger, own_buyer) = (acme_1(), slug("zeta"), acme());
    let unknown = |result: Result<(), AdminError>| {
        assert!(matches!(result, Err(AdminError::UnknownObject)));
    };
    let all = async |order: CampaignOrder<'_>| {
        let administration = &bench.administration;
        unknown(administration.set_endpoints(order, &own()).await.map(drop));
        unknown(administration.note_proofs(order, &[]).await.map(drop));
        unknown(administration.pause(order).await.map(drop));
        unknown(administration.resume(order).await.map(drop));
        unknown(administration.rotate_secret(order, 0).await.map(drop));
    };
    all(asked(&id, Some(&stranger))).await;
    all(asked(&slug("acme-2"), Some(&own_buyer))).await;
    let name = (ObjectKind::Campaign, "acme-1");
    let archived = bench.administration.archive_object(name, &Precondition::None, "x").await;
    archived.map(drop).unwrap();
    all(asked(&id, Some(&own_buyer))).await;
    all(asked(&id, None)).await;
}

#[tokio::test]
async fn a_secret_is_replaced_with_the_overlap_that_was_asked_for() {
    let bench = bench();
    bench.apply(&given(5), ApplyOptions::default()).await;
    let (id, buyer) = (acme_1(), acme());
    let rotate = async |overlap_s: u32| {
        let order = asked(&id, Some(&buyer));
        let rotated = bench.administration.rotate_secret(order, overlap_s).await;
        signature(&rotated.unwrap_or_else(|error| panic!("{error}")).done.0)
    };
    let old = signature(&SigningSecret::mint([5; 32]));
    let second = rotate(3_600).await;
    assert_eq!(bench.signatures(), [second.clone(), old]);
    bench.clock.advance(SignedDuration::from_secs(3_600));
    bench.administration.refresh().await.unwrap();
    assert_eq!(bench.signatures(), [second]);
    let third = rotate(0).await;
    assert_eq!(bench.signatures(), [third], "without an overlap the old one ends at once");
}

#[tokio::test]
async fn a_buyer_is_not_told_of_faults_that_are_not_its_own() {
    let bench = Bench::applied().await;
    bench.records.edit(|rows| {
        let vendor = rows.objects.iter_mut().find(|row| row.kind == ObjectKind::Vendor);
        vendor.unwrap().body = r#"{"name":" "}"#.to_owned();
    });
    let (id, buyer) = (acme_1(), acme());
    let fixed = Endpoints { ping_url: None, ..own() };
    let refused = bench.administration.set_endpoints(asked(&id, Some(&buyer)), &fixed).await;
    assert!(matches!(refused.map(drop), Err(AdminError::Broken { .. })));
}

#[tokio::test]
async fn an_object_put_without_verification_keeps_it_and_a_new_one_is_proved_by_challenge() {
    let bench = Bench::applied().await;
    let put = async |id: &str, changes: Json| {
        let campaign = bundle(changes).campaigns.into_values().next().unwrap();
        let object = Described::Campaign {
            id: slug(id),
            campaign: Box::new(campaign),
            names_verification: false,
            profile_secrets: Default::default(),
        };
        let put = bench.administration.put_object(&object, &Precondition::None, "x").await;
        put.unwrap_or_else(|error| panic!("{error}")).done
    };
    let changed = put("acme-1", json!({"post_ms": 900, "verification": "challenge"})).await;
    assert_eq!(changed.change.fields, ["post_ms"]);
    assert_eq!(bench.state(), CampaignState::Active, "the operator's file vouches for it still");
    let made = put("acme-2", json!({})).await;
    assert!(made.secret.is_some());
    let second: CampaignId = slug("acme-2");
    let state = bench.snapshot().campaigns[&second].state;
    assert_eq!(state, CampaignState::PendingVerification);
}
