//! Profiles, and what came of trying them, as people are shown them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::domain::campaign::Campaign;
use crate::domain::profile::ProfileFiles;
use crate::domain::schema::UtcTime;
use crate::domain::slug::{BuyerId, CampaignId, ProfileId, VerticalId};
use crate::flow::administer::Tested;
use crate::flow::rehearsal::{RehearsedCase, Shown};
use crate::integration::{Fault, Severity};
use crate::ports::records::ObjectVersion;
use crate::registry::objects::{RegistryObjects, Stored};
use crate::registry::plan::{PlanAction, PlanChange};
use crate::registry::profile::shipped;

/// How much of requests, meanings and differences one answer shows, in bytes.
const SHOWN_BYTES_MAX: usize = 1024 * 1024;

/// A profile in a list.
#[derive(Serialize, JsonSchema)]
pub(super) struct ProfileRow {
    /// Its name.
    pub id: ProfileId,
    /// Whether it was taken out of use.
    pub archived: bool,
    /// Whether it came with the program and nobody described another one of its name.
    pub shipped: bool,
    /// The buyer whose own it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    buyer_id: Option<BuyerId>,
    /// The campaigns in use that speak through it.
    campaigns: Vec<CampaignId>,
    /// The names of its recorded cases.
    cases: Vec<String>,
}

impl ProfileRow {
    /// Whether it is this buyer's own.
    pub fn is_of(&self, buyer: &BuyerId) -> bool {
        self.buyer_id.as_ref() == Some(buyer)
    }
}

/// The profile of these files as it stands.
pub(super) fn row_of(
    objects: &RegistryObjects,
    id: &ProfileId,
    files: &ProfileFiles,
) -> ProfileRow {
    let described = objects.profiles.get(id).filter(|known| known.value == *files);
    let is_user = |stored: &Stored<Campaign>| {
        stored.as_live().is_some_and(|campaign| campaign.profile == id.as_str())
    };
    let users = objects.campaigns.iter().filter(|(_, stored)| is_user(stored));
    ProfileRow {
        id: id.clone(),
        archived: described.is_some_and(|known| known.is_archived),
        shipped: described.is_none(),
        buyer_id: files.buyer_id.clone(),
        campaigns: users.map(|(id, _)| id.clone()).collect(),
        cases: files.cases.keys().cloned().collect(),
    }
}

/// Every profile by name, with those that come with the program.
pub(super) fn rows(
    objects: &RegistryObjects,
    with_shipped: bool,
) -> impl Iterator<Item = ProfileRow> {
    let described = objects.profiles.iter();
    let mut rows: Vec<ProfileRow> =
        described.map(|(id, known)| row_of(objects, id, &known.value)).collect();
    for profile in shipped().iter().filter(|_| with_shipped) {
        let id = ProfileId::parse(profile.name).expect("the folders are named by slugs");
        if objects.profiles.get(&id).is_none_or(|known| known.is_archived) {
            rows.push(row_of(objects, &id, &ProfileFiles::from(profile)));
        }
    }
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    rows.into_iter()
}

/// A profile.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProfileObject")]
pub(super) struct ProfileView<'a> {
    /// Its name.
    id: ProfileId,
    /// Whether it was taken out of use.
    archived: bool,
    /// Whether it came with the program and nobody described another one of its name.
    shipped: bool,
    /// The campaigns in use that speak through it.
    campaigns: Vec<CampaignId>,
    #[serde(flatten)]
    files: &'a ProfileFiles,
}

impl<'a> ProfileView<'a> {
    pub fn of(row: ProfileRow, files: &'a ProfileFiles) -> Self {
        let ProfileRow { id, archived, shipped, campaigns, .. } = row;
        Self { id, archived, shipped, campaigns, files }
    }
}

/// What somebody should look at in the text of a profile.
#[derive(Serialize, JsonSchema)]
struct Note {
    /// The line, from 1.
    line: usize,
    /// The character in the line, from 1.
    column: usize,
    /// The table or value there, as the file names it.
    at: String,
    /// Whether it keeps the profile from being used so.
    severity: NoteSeverity,
    /// What it is, in one sentence.
    detail: String,
    /// What to write instead, where that can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum NoteSeverity {
    /// It cannot be used so.
    Error,
    /// It can.
    Warning,
}

impl From<&Fault> for Note {
    fn from(fault: &Fault) -> Self {
        Self {
            line: fault.line,
            column: fault.column,
            at: fault.at.clone(),
            severity: match fault.severity {
                Severity::Error => NoteSeverity::Error,
                Severity::Warning => NoteSeverity::Warning,
            },
            detail: fault.message.clone(),
            hint: fault.hint.clone(),
        }
    }
}

/// What putting a profile did.
#[derive(Serialize, JsonSchema)]
pub(super) struct ProfilePutView<'a> {
    /// The profile.
    id: &'a str,
    /// The registry's version now.
    version: i64,
    /// What happened to the profile.
    action: PlanAction,
    /// The fields that changed.
    fields: &'a [String],
    /// What somebody should look at.
    warnings: Vec<Note>,
}

impl<'a> ProfilePutView<'a> {
    pub fn of(version: i64, change: &'a PlanChange, warnings: &[Fault]) -> Self {
        let warnings = warnings.iter().map(Note::from).collect();
        let (id, action, fields) = (&change.id, change.action, &change.fields);
        Self { id, version, action, fields, warnings }
    }
}

/// One version of a profile.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProfileVersion")]
pub(super) struct VersionRow {
    /// The registry's version that brought it.
    pub version: i64,
    /// When.
    #[schemars(with = "UtcTime")]
    at: Timestamp,
    /// Whether the profile was taken out of use by it.
    archived: bool,
}

impl From<ObjectVersion> for VersionRow {
    fn from(version: ObjectVersion) -> Self {
        Self { version: version.version, at: version.at, archived: version.is_archived }
    }
}

/// What trying a profile found.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProfileTest")]
pub(super) struct TestView<'a> {
    id: &'a ProfileId,
    /// Whether every case passed.
    passed: bool,
    /// Whether a campaign may sell leads by it: every case passed, and together they show enough.
    may_go_live: bool,
    /// What no case shows and one has to.
    missing: Vec<String>,
    /// What somebody should look at.
    warnings: Vec<Note>,
    /// The verticals of the cases.
    verticals: Vec<TestVertical>,
    cases: Vec<TestCase>,
}

/// A profile held against a vertical.
#[derive(Serialize, JsonSchema)]
struct TestVertical {
    vertical: VerticalId,
    /// What campaigns have to disclose.
    disclosures: Vec<String>,
    /// What does not fit with those disclosures.
    faults: Vec<Note>,
}

/// What became of a recorded case.
#[derive(Serialize, JsonSchema)]
struct TestCase {
    /// Its name.
    name: String,
    /// What it shows, in its own words.
    about: String,
    passed: bool,
    /// Why it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// Its calls; left out once an answer is full.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    steps: Vec<TestStep>,
}

/// What became of a call.
#[derive(Serialize, JsonSchema)]
struct TestStep {
    /// Which call, such as `ping`.
    call: &'static str,
    /// The request, with the names of secrets in their places.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<TestRequest>,
    /// Why no request is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_sent: Option<&'static str>,
    /// What the recorded reply means, as a case writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    means: Option<Map<String, Json>>,
    /// What is not as the case has it.
    differences: Vec<TestDifference>,
}

#[derive(Serialize, JsonSchema)]
struct TestRequest {
    method: &'static str,
    url: String,
    headers: BTreeMap<String, String>,
    /// Its first 16 KiB.
    body: String,
    /// Whether the exchange signs it.
    signed: bool,
}

#[derive(Serialize, JsonSchema)]
struct TestDifference {
    /// Where in the case.
    at: String,
    /// What the case has.
    expected: String,
    /// What came out.
    found: String,
}

impl<'a> TestView<'a> {
    pub fn of(id: &'a ProfileId, tested: Tested) -> Self {
        let Tested { warnings, rehearsal, verticals } = tested;
        let (passed, may_go_live) = (rehearsal.has_passed(), rehearsal.is_proof());
        let mut left = SHOWN_BYTES_MAX;
        let verticals = verticals.into_iter().map(|held| TestVertical {
            vertical: held.vertical,
            disclosures: held.disclosures,
            faults: held.faults.iter().map(Note::from).collect(),
        });
        let cases = rehearsal.cases.into_iter().map(|case| TestCase::of(case, &mut left));
        Self {
            id,
            passed,
            may_go_live,
            missing: rehearsal.missing,
            warnings: warnings.iter().map(Note::from).collect(),
            verticals: verticals.collect(),
            cases: cases.collect(),
        }
    }
}

impl TestCase {
    fn of(case: RehearsedCase, left: &mut usize) -> Self {
        let passed = case.has_passed();
        let RehearsedCase { name, about, report, shown } = case;
        let (steps, fault) = match report {
            Ok(report) => (report.steps, None),
            Err(unrehearsed) => (Vec::new(), Some(unrehearsed.to_string())),
        };
        let steps = steps.into_iter().zip(shown);
        let steps = steps.map(|(step, shown)| {
            let differences = step.differences.into_iter().map(|difference| TestDifference {
                at: difference.at,
                expected: difference.expected,
                found: difference.found,
            });
            TestStep::of(shown, step.means, differences.collect())
        });
        let mut steps: Vec<TestStep> = steps.collect();
        let size = serde_json::to_vec(&steps).map_or(usize::MAX, |bytes| bytes.len());
        match left.checked_sub(size) {
            Some(rest) => *left = rest,
            None => steps.clear(),
        }
        Self { name, about, passed, fault, steps }
    }
}

impl TestStep {
    fn of(
        shown: Shown,
        means: Option<Map<String, Json>>,
        differences: Vec<TestDifference>,
    ) -> Self {
        let call = shown.call.as_str();
        let (request, not_sent) = match shown.request {
            Err(why) => (None, Some(why)),
            Ok(request) => {
                let headers = request.headers.into_iter().collect();
                let (method, url, body) = (request.method, request.url, request.body);
                let signed = request.is_signed;
                (Some(TestRequest { method, url, headers, body, signed }), None)
            }
        };
        Self { call, request, not_sent, means, differences }
    }
}
