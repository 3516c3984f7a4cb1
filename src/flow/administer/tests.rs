mod campaigns;
mod memory;
mod profiles;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::*;
use crate::domain::address::AddressPolicy;
use crate::domain::campaign::CampaignState;
use crate::domain::key::{ApiKey, KeyId, KeyMode, OPERATOR_OWNER, Role};
use crate::domain::object::ObjectKind;
use crate::domain::slug::{CampaignId, Slug};
use crate::ports::records::RegistryObject;
use crate::registry::bundle::{Bundle, SecretText};
use crate::registry::fault::FaultRule;
use crate::registry::plan::PlanAction;
use crate::signing::{SigningSecret, sign};
use crate::system::{FixedClock, SeededEntropy};
use crate::vault::MasterKey;

use memory::MemoryRecords;

struct Bench {
    administration: Administration,
    records: Arc<MemoryRecords>,
    vault: Arc<Vault>,
    clock: Arc<FixedClock>,
    metrics: Arc<Metrics>,
    _directory: tempfile::TempDir,
}

fn start() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn bench() -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let random = SeededEntropy::new(1);
    let random = Box::new(move |bytes: &mut [u8]| random.fill(bytes));
    let day_keys = directory.path().join("day-keys");
    let vault = Arc::new(Vault::open(&MasterKey::new([7; 32]), day_keys, random).unwrap());
    let records = Arc::new(MemoryRecords::default());
    let clock = Arc::new(FixedClock::at(start()));
    let metrics = Arc::new(Metrics::new());
    let administration = Administration::new(AdministrationParts {
        records: records.clone(),
        vault: Arc::clone(&vault),
        clock: clock.clone(),
        entropy: Arc::new(SeededEntropy::new(2)),
        surroundings: Surroundings::new("USD", AddressPolicy::default()),
        metrics: Arc::clone(&metrics),
    });
    Bench { administration, records, vault, clock, metrics, _directory: directory }
}

fn slug<K>(text: &str) -> Slug<K> {
    Slug::parse(text).unwrap()
}

fn acme_1() -> CampaignId {
    slug("acme-1")
}

/// One vendor, one buyer, one campaign with these changes to it.
fn bundle(campaign: Json) -> Bundle {
    let mut described = json!({
        "buyer_id": "acme",
        "vertical": "solar",
        "post_url": "https://acme.example/post",
        "price": {"fixed": "12.00"},
    });
    described.as_object_mut().unwrap().extend(campaign.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "vendors": {"best": {"name": "Best"}},
        "buyers": {"acme": {"name": "Acme"}},
        "campaigns": {"acme-1": described},
    }))
    .unwrap()
}

impl Bench {
    async fn apply(&self, bundle: &Bundle, options: ApplyOptions) -> ApplyReport {
        let report = self.administration.apply(bundle, options, "cli").await;
        report.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Applies the usual bundle.
    async fn applied() -> Self {
        let bench = bench();
        bench.apply(&bundle(json!({})), ApplyOptions::default()).await;
        bench
    }

    /// Sets the campaign's standing by other means than a change.
    fn stand(&self, standing: Json) {
        self.records.edit(|rows| {
            let (kind, id) = (ObjectKind::Standing, "acme-1".to_owned());
            rows.objects.retain(|row| row.kind != kind);
            let body = standing.to_string();
            rows.objects.push(RegistryObject { kind, id, body, is_archived: false });
        });
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        self.administration.snapshot().load_full()
    }

    /// The signatures a campaign makes now.
    fn signatures(&self) -> Vec<String> {
        let keys = &self.snapshot().campaigns[&acme_1()].secrets;
        let headers = sign(keys, "msg", 0, b"body").unwrap();
        headers.signature.split(' ').map(str::to_owned).collect()
    }

    async fn key(&self, order: KeyOrder) -> Result<NewKey, AdminError> {
        self.administration.create_key(&order, "cli").await
    }
}

/// The one signature a secret makes.
fn signature(secret: &SigningSecret) -> String {
    sign(&crate::signing::SigningKeys::of(secret), "msg", 0, b"body").unwrap().signature
}

fn order(role: Role, owner: &str) -> KeyOrder {
    let owner = owner.to_owned();
    let (mode, strict) = (KeyMode::Live, false);
    KeyOrder { role, owner, mode, strict, require_signature: false, expires_at: None }
}

fn given(fill: u8) -> Bundle {
    let mut bundle = bundle(json!({}));
    bundle.secrets.insert(acme_1(), SecretText(SigningSecret::mint([fill; 32])));
    bundle
}

#[tokio::test]
async fn what_is_applied_is_used_by_this_node_at_once() {
    let bench = bench();
    assert_eq!(bench.snapshot().version, -1);
    let report = bench.apply(&bundle(json!({})), ApplyOptions::default()).await;
    let snapshot = bench.snapshot();
    assert_eq!((report.version, snapshot.version, &*snapshot.currency), (1, 1, "USD"));
    assert_eq!(snapshot.campaigns_of(&slug("solar"))[0].state, CampaignState::Active);
    assert_eq!(report.plan.summary(), "3 created");
    let change = bench.records.last_change();
    assert_eq!(
        (&*change.actor, &*change.summary),
        ("cli", "apply: 3 created (vendor best, buyer acme, campaign acme-1)")
    );
    assert_eq!(change.at, start());
}

#[tokio::test]
async fn a_generated_secret_is_shown_once_and_kept_sealed() {
    let bench = bench();
    let report = bench.apply(&bundle(json!({})), ApplyOptions::default()).await;
    let [shown] = &*report.secrets else { panic!("one campaign, one secret") };
    assert_eq!(shown.campaign, acme_1());
    assert_eq!(bench.signatures(), [signature(&shown.secret.0)]);
    let rows = bench.records.rows();
    let text = shown.secret.0.text();
    assert!(!format!("{rows:?}").contains(&**text));
    assert_eq!(rows.secrets[0].owner, "campaign:acme-1");
    let opened = bench.vault.open_secret("campaign:acme-1", &rows.secrets[0].sealed).unwrap();
    assert_eq!(&*opened, text.as_bytes());

    let again = bench.apply(&bundle(json!({})), ApplyOptions::default()).await;
    assert!(again.secrets.is_empty());
    assert_eq!(again.version, 1, "nothing changed, so nothing was written");
}

#[tokio::test]
async fn a_given_secret_is_not_shown() {
    let bench = bench();
    let report = bench.apply(&given(5), ApplyOptions::default()).await;
    assert!(report.secrets.is_empty());
    assert_eq!(bench.signatures(), [signature(&SigningSecret::mint([5; 32]))]);
}

#[tokio::test]
async fn another_given_secret_rotates_and_the_old_one_signs_beside_it_for_a_day() {
    let bench = bench();
    let of = |fill: u8| signature(&SigningSecret::mint([fill; 32]));
    bench.apply(&given(5), ApplyOptions::default()).await;
    let report = bench.apply(&given(6), ApplyOptions::default()).await;
    let campaign = report.plan.changes.iter().find(|change| change.kind == ObjectKind::Campaign);
    let campaign = campaign.unwrap();
    assert_eq!(
        (campaign.action, &*campaign.fields),
        (PlanAction::Update, &["secret".to_owned()][..])
    );
    assert_eq!(bench.signatures(), [of(6), of(5)]);
    assert_eq!(
        bench.snapshot().ends_at,
        Some(start() + SignedDuration::from_secs(SECRET_OVERLAP_S))
    );

    bench.clock.advance(SignedDuration::from_hours(12));
    bench.apply(&given(7), ApplyOptions::default()).await;
    assert_eq!(bench.signatures(), [of(7), of(6), of(5)]);

    bench.clock.advance(SignedDuration::from_hours(12));
    bench.administration.refresh().await.unwrap();
    assert_eq!(bench.signatures(), [of(7), of(6)], "the first one's day is over");
    bench.clock.advance(SignedDuration::from_hours(12));
    bench.administration.refresh().await.unwrap();
    assert_eq!(bench.signatures(), [of(7)]);
    assert_eq!(bench.snapshot().ends_at, None);

    bench.apply(&bundle(json!({})), ApplyOptions::default()).await;
    assert_eq!(bench.signatures(), [of(7)], "a secret that is not given any more is kept");
}

#[tokio::test]
async fn however_often_secrets_are_replaced_no_more_sign_than_receivers_take() {
    let bench = bench();
    for fill in 1..=9 {
        bench.apply(&given(fill), ApplyOptions::default()).await;
    }
    let expect: Vec<_> =
        (4..=9).rev().map(|fill| signature(&SigningSecret::mint([fill; 32]))).collect();
    assert_eq!(bench.signatures(), expect);
}

#[tokio::test]
async fn any_fault_refuses_the_whole_change() {
    let bench = Bench::applied().await;
    let before = bench.records.rows();
    let mut broken = bundle(json!({"vertical": "birds", "caps": [{"per": "day"}]}));
    broken.vendors.insert(slug("new"), serde_json::from_value(json!({"name": "New"})).unwrap());
    let refused = bench.administration.apply(&broken, ApplyOptions::default(), "cli").await;
    let Err(AdminError::Refused(faults)) = refused else { panic!("it was taken") };
    let rules: Vec<_> = faults.iter().map(|fault| (&*fault.id, fault.rule)).collect();
    assert_eq!(rules, [("acme-1", FaultRule::EmptyCap), ("acme-1", FaultRule::UnknownVertical)]);
    assert_eq!(bench.records.rows(), before);
    assert_eq!(bench.snapshot().version, 1);
}

#[tokio::test]
async fn a_plan_tells_and_changes_nothing() {
    let bench = bench();
    let options = ApplyOptions { plan_only: true, prune: false };
    let report = bench.apply(&bundle(json!({})), options).await;
    assert_eq!((report.version, report.plan.count(PlanAction::Create)), (0, 3));
    assert!(report.secrets.is_empty());
    assert_eq!(bench.records.rows(), crate::ports::records::RegistryRows::default());
}

#[tokio::test]
async fn pruned_objects_are_archived_and_come_back_with_secret_and_pause() {
    let bench = Bench::applied().await;
    let signatures = bench.signatures();
    bench.stand(json!({"paused_by": ["operator"]}));
    let prune = ApplyOptions { plan_only: false, prune: true };
    let report = bench.apply(&Bundle::default(), prune).await;
    assert_eq!(report.plan.summary(), "3 archived");
    let snapshot = bench.snapshot();
    assert!(snapshot.vendors.is_empty() && snapshot.buyers.is_empty());
    assert_eq!(snapshot.campaigns[&acme_1()].state, CampaignState::Archived);

    let report = bench.apply(&bundle(json!({})), ApplyOptions::default()).await;
    assert_eq!(report.plan.summary(), "3 restored");
    assert!(report.secrets.is_empty());
    assert_eq!(bench.snapshot().campaigns[&acme_1()].state, CampaignState::Paused);
    assert_eq!(bench.signatures(), signatures);
}

#[tokio::test]
async fn a_change_that_came_too_late_is_worked_out_again() {
    let bench = bench();
    bench.records.be_late(3);
    let report = bench.apply(&bundle(json!({})), ApplyOptions::default()).await;
    assert_eq!(report.version, 4);
    assert_eq!(bench.signatures(), [signature(&report.secrets[0].secret.0)]);

    bench.records.be_late(CHANGE_ATTEMPTS_MAX);
    let late = bundle(json!({"post_ms": 900}));
    let late = bench.administration.apply(&late, ApplyOptions::default(), "cli").await;
    assert!(matches!(late, Err(AdminError::Contended)));
}

#[tokio::test]
async fn a_campaign_by_challenge_is_proved_again_after_its_endpoint_moved() {
    let bench = bench();
    let proved = bundle(json!({"verification": "challenge"}));
    bench.apply(&proved, ApplyOptions::default()).await;
    let state = || bench.snapshot().campaigns[&acme_1()].state;
    assert_eq!(state(), CampaignState::PendingVerification);
    bench.stand(json!({"proved": ["https://acme.example/post"]}));
    bench.administration.refresh().await.unwrap();
    assert_eq!(state(), CampaignState::Active);
    let moved =
        bundle(json!({"verification": "challenge", "post_url": "https://acme.example/other"}));
    bench.apply(&moved, ApplyOptions::default()).await;
    assert_eq!(state(), CampaignState::PendingVerification);
}

#[tokio::test]
async fn an_object_that_cannot_be_read_keeps_the_last_snapshot_until_it_is_replaced() {
    let bench = Bench::applied().await;
    bench.records.edit(|rows| {
        let of_vendor = rows.objects.iter_mut().find(|row| row.kind == ObjectKind::Vendor);
        of_vendor.unwrap().body = "{\"name\": 7}".to_owned();
    });
    let Err(AdminError::Refused(faults)) = bench.administration.refresh().await else {
        panic!("it was read")
    };
    assert_eq!((&*faults[0].id, faults[0].rule), ("best", FaultRule::Unreadable));
    assert_eq!(bench.snapshot().version, 1);
    let counted = || (bench.metrics.registry_version.get(), bench.metrics.registry_faults.get());
    assert_eq!(counted(), (1, 1));
    let report = bench.apply(&bundle(json!({})), ApplyOptions::default()).await;
    assert_eq!(bench.snapshot().version, report.version);
    assert_eq!(counted(), (report.version, 0));
    assert!(bench.snapshot().vendors.contains_key("best"));
}

#[tokio::test]
async fn a_key_works_for_its_owner_until_it_is_revoked() {
    let bench = Bench::applied().await;
    let wanted = KeyOrder { mode: KeyMode::Test, strict: true, ..order(Role::Vendor, "best") };
    let new = bench.key(wanted).await.unwrap_or_else(|error| panic!("{error}"));
    let key = ApiKey::parse(&new.key).unwrap();
    assert_eq!((key.key_id(), key.role(), key.mode()), (new.key_id, Role::Vendor, KeyMode::Test));
    assert!(new.signing_secret.is_none());
    let snapshot = bench.snapshot();
    let entry = &snapshot.keys[&new.key_id];
    assert_eq!((&*entry.record.owner, entry.record.strict), ("best", true));
    assert!(bench.vault.api_key_matches(key.secret(), &entry.record.digest));
    assert!(entry.record.is_live(start()) && entry.signing.is_none());
    assert!(!format!("{:?}", bench.records.rows()).contains(key.secret()));
    let summary = bench.records.last_change().summary;
    assert_eq!(summary, format!("key: {} created for vendor best", new.key_id));

    bench.administration.revoke_key(new.key_id, "cli").await.unwrap();
    assert!(!bench.snapshot().keys[&new.key_id].record.is_live(start()));
    let version = bench.records.rows().version;
    bench.administration.revoke_key(new.key_id, "cli").await.unwrap();
    assert_eq!(bench.records.rows().version, version, "it was revoked already");
    let unknown = bench.administration.revoke_key(KeyId::parse("zzzzzzzz").unwrap(), "cli").await;
    assert!(matches!(unknown, Err(AdminError::UnknownKey)));
}

#[tokio::test]
async fn a_key_that_must_sign_comes_with_a_secret_of_its_own() {
    let bench = Bench::applied().await;
    let wanted = KeyOrder { require_signature: true, ..order(Role::Buyer, "acme") };
    let new = bench.key(wanted).await.unwrap_or_else(|error| panic!("{error}"));
    let secret = SigningSecret::parse(&new.signing_secret.unwrap()).unwrap();
    let snapshot = bench.snapshot();
    let entry = &snapshot.keys[&new.key_id];
    assert!(entry.record.require_signature);
    let signed = sign(entry.signing.as_ref().unwrap(), "msg", 0, b"body").unwrap();
    assert_eq!(signed.signature, signature(&secret));
}

#[tokio::test]
async fn a_key_needs_an_owner_in_use() {
    let bench = Bench::applied().await;
    let refusal = async |role: Role, owner: &str| {
        bench.key(order(role, owner)).await.err().map(|error| error.to_string())
    };
    let unknown = |text: &str| Some(format!("there is no {text}, or it is archived"));
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(refusal(Role::Vendor, "acme").await, unknown("vendor `acme`"));
    assert_eq!(refusal(Role::Buyer, "best").await, unknown("buyer `best`"));
    let needed = told("a key of a buyer needs the buyer it is for");
    assert_eq!(refusal(Role::Buyer, "").await, needed);
    assert_eq!(refusal(Role::Vendor, "best").await, None);
    let ownerless = told("an operator's key has no owner; leave it out");
    assert_eq!(refusal(Role::Operator, "anybody").await, ownerless);
    let testing = KeyOrder { mode: KeyMode::Test, ..order(Role::Operator, "") };
    let never = "an operator's key cannot be a test key: what operators do is never a test";
    let refused = bench.key(testing).await.err().map(|error| error.to_string());
    assert_eq!(refused, told(never));
    assert_eq!(refusal(Role::Operator, "").await, None);
    assert_eq!(refusal(Role::Operator, OPERATOR_OWNER).await, None);
    let owners = bench.snapshot().keys.values().map(|key| key.record.owner.clone()).max();
    assert_eq!(owners.as_deref(), Some(OPERATOR_OWNER));
    let prune = ApplyOptions { plan_only: false, prune: true };
    bench.apply(&Bundle::default(), prune).await;
    assert_eq!(refusal(Role::Vendor, "best").await, unknown("vendor `best`"));
}

#[tokio::test]
async fn the_live_keys_of_one_owner_are_limited() {
    let bench = Bench::applied().await;
    let mut last = None;
    for _ in 0..LIVE_KEYS_PER_OWNER_MAX {
        let new = bench.key(order(Role::Vendor, "best")).await;
        last = Some(new.unwrap_or_else(|error| panic!("{error}")).key_id);
    }
    let one_more = bench.key(order(Role::Vendor, "best")).await;
    assert!(matches!(one_more, Err(AdminError::TooManyKeys)));
    assert!(bench.key(order(Role::Buyer, "acme")).await.is_ok());
    bench.administration.revoke_key(last.unwrap(), "cli").await.unwrap();
    assert!(bench.key(order(Role::Vendor, "best")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_watch_follows_the_registry_and_survives_its_failures() {
    let bench = Bench::applied().await;
    let stop = CancellationToken::new();
    let period = Duration::from_millis(500);
    let watching = bench.administration.watch(period, stop.clone());
    let changing = async {
        let look = async || tokio::time::sleep(period * 2).await;
        bench.records.edit(|rows| rows.objects.clear());
        bench.records.set_down(true);
        look().await;
        assert_eq!(bench.snapshot().version, 1, "what runs, goes on running");
        bench.records.set_down(false);
        look().await;
        assert_eq!((bench.snapshot().version, bench.snapshot().campaigns.len()), (2, 0));
        stop.cancel();
    };
    tokio::join!(watching, changing);
}
