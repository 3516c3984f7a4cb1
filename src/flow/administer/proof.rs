//! What a profile must have shown before leads are sold by it: its recorded cases pass, and among them
//! are an acceptance and a refusal of its ping and of its post.
//!
//! It is asked for when a campaign goes live by a profile: when it is made active, and when its profile
//! becomes another one. What was live before stays so, whatever else is changed. Profiles that come
//! with the program were proved by its tests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::{AdminError, Administration};
use crate::domain::campaign::CampaignState;
use crate::domain::object::ObjectKind;
use crate::domain::profile::ProfileFiles;
use crate::domain::slug::{CampaignId, ProfileId, VerticalId};
use crate::flow::rehearsal::{Rehearsal, RehearsedCase, Stage, Unrehearsed};
use crate::integration::inbound::is_inbound;
use crate::integration::{Fault, Profile};
use crate::registry::fault::{FaultRule, RegistryFault};
use crate::registry::objects::RegistryObjects;
use crate::registry::vertical::{self, CompiledVertical};

/// How many profiles are compiled or rehearsed at once on a node.
pub const REHEARSALS_MAX: usize = 1;

/// The longest time for the cases of one profile.
pub const REHEARSAL_TIME_MAX: Duration = Duration::from_secs(5);

/// The longest text of a case or of an outcome that is told in a fault, in characters.
const TOLD_CHARS_MAX: usize = 300;

type Verticals = BTreeMap<VerticalId, Arc<CompiledVertical>>;

impl Administration {
    /// Refuses what would make a campaign live by a profile that has not shown what it must.
    pub(super) async fn refuse_unproved(
        &self,
        before: &RegistryObjects,
        next: &RegistryObjects,
    ) -> Result<(), AdminError> {
        let going = going_live(before, next);
        if going.is_empty() {
            return Ok(());
        }
        let verticals = Arc::new(self.verticals_of(next));
        let mut faults = Vec::new();
        for (id, campaign) in going {
            let files = next.profiles.get(id).and_then(|stored| stored.as_live());
            // Under the name of a vendor's profile there may be one that comes with the program.
            let Some(files) = files.filter(|files| !is_inbound(&files.text)) else { continue };
            let Ok(profile) = self.compiled(id, files).await? else { continue };
            let rehearsal = self.rehearse(profile, files, (&verticals, false)).await?;
            faults.extend(faults_of(id, campaign, &rehearsal));
        }
        if faults.is_empty() { Ok(()) } else { Err(AdminError::Refused(faults)) }
    }

    /// Runs the cases of a profile as a task that may take its time.
    pub(super) async fn rehearse(
        &self,
        profile: Arc<Profile>,
        files: &ProfileFiles,
        (verticals, shows_requests): (&Arc<Verticals>, bool),
    ) -> Result<Rehearsal, AdminError> {
        let cases = files.cases.clone();
        let verticals = Arc::clone(verticals);
        self.blocking(move || {
            let ends_at = Instant::now() + REHEARSAL_TIME_MAX;
            let stage = Stage {
                vertical: &|id| verticals.get(id).cloned(),
                is_over: &|| Instant::now() >= ends_at,
                shows_requests,
            };
            Rehearsal::run(&profile, &cases, stage)
        })
        .await
    }

    /// The profile of these files, compiled as a task that may take its time, or all that is wrong with
    /// it.
    pub(super) async fn compiled(
        &self,
        id: &ProfileId,
        files: &ProfileFiles,
    ) -> Result<Result<Arc<Profile>, Vec<Fault>>, AdminError> {
        if let Some(known) = self.surroundings.memo.known(id, &files.text) {
            return Ok(Ok(known));
        }
        let (surroundings, id, text) =
            (Arc::clone(&self.surroundings), id.clone(), files.text.clone());
        self.blocking(move || surroundings.memo.compile(&id, &text)).await
    }

    /// Compiles what of the profiles is not compiled yet, so that nobody has to wait for it later.
    pub(super) async fn compile_profiles(
        &self,
        objects: &RegistryObjects,
    ) -> Result<(), AdminError> {
        for (id, stored) in &objects.profiles {
            if let Some(files) = stored.as_live().filter(|files| !is_inbound(&files.text)) {
                let _ = self.compiled(id, files).await?;
            }
        }
        Ok(())
    }

    /// The verticals of these objects and those that come with the program.
    pub(super) fn verticals_of(&self, objects: &RegistryObjects) -> Verticals {
        let mut verticals = self.surroundings.shipped.clone();
        for (id, stored) in &objects.verticals {
            let described = stored.as_live().cloned();
            if let Some(Ok(compiled)) = described.map(vertical::compile) {
                verticals.insert(id.clone(), Arc::new(compiled));
            }
        }
        verticals
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AdminError> {
        let _turn = self.rehearsing.acquire().await.expect("nobody closes it");
        Ok(spawn_blocking(work).await?)
    }
}

/// The profiles by which a campaign becomes live, each with one such campaign.
fn going_live<'a>(
    before: &RegistryObjects,
    next: &'a RegistryObjects,
) -> BTreeMap<&'a ProfileId, &'a CampaignId> {
    let mut going = BTreeMap::new();
    for (id, stored) in &next.campaigns {
        let profile = next.profiles.get_key_value(stored.value.profile.as_str());
        let described = profile.filter(|(_, files)| !files.is_archived);
        let Some((name, files)) = described.filter(|_| !stored.value.is_native()) else { continue };
        if next.state_of(id, stored) != CampaignState::Active {
            continue;
        }
        let was_live = before.campaigns.get(id).is_some_and(|was| {
            was.value.profile == stored.value.profile
                && before.state_of(id, was) == CampaignState::Active
        });
        if !was_live || before.profiles.get(name) != Some(files) {
            going.entry(name).or_insert(id);
        }
    }
    going
}

fn faults_of(id: &ProfileId, campaign: &CampaignId, rehearsal: &Rehearsal) -> Vec<RegistryFault> {
    let fault = |field: String, detail: String| RegistryFault {
        kind: ObjectKind::Profile,
        id: id.to_string(),
        field,
        rule: FaultRule::ProfileUnproved,
        detail,
    };
    let mut faults = Vec::new();
    for case in &rehearsal.cases {
        let told = told(case).into_iter();
        faults.extend(told.map(|detail| fault(format!("cases.{}", case.name), detail)));
    }
    let missing: BTreeSet<_> = rehearsal.missing.iter().collect();
    faults.extend(missing.into_iter().map(|missing| {
        let detail = format!("{missing}, and one has to before campaign {campaign} sells by it");
        fault("cases".to_owned(), detail)
    }));
    faults
}

/// What is wrong with a case, one sentence for each thing.
fn told(case: &RehearsedCase) -> Vec<String> {
    match &case.report {
        Ok(report) => {
            let told = |difference: &crate::integration::cases::Difference| {
                let (expected, found) = (cut(&difference.expected), cut(&difference.found));
                format!("{}: the case has `{expected}`, but there is `{found}`", difference.at)
            };
            report.differences().map(told).collect()
        }
        Err(Unrehearsed::InvalidLead(faults)) => faults.clone(),
        Err(other) => vec![other.to_string()],
    }
}

fn cut(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(TOLD_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}
