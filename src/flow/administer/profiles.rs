//! Profiles, uploaded one at a time and tried: by operators, and by a buyer for its own campaigns.
//!
//! A buyer has names of its own, reaches its own profiles alone, and hears of no fault in what is not
//! its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::SemaphorePermit;

use super::apply::{Prepared, planned, row};
use super::change::{Changed, Worked};
use super::load::read_objects;
use super::objects::{ObjectPut, Precondition, archive, summary_of};
use super::order::ProfileOrder;
use super::{AdminError, Administration};
use crate::domain::object::ObjectKind;
use crate::domain::profile::{
    CASE_BYTES_MAX, CASES_MAX, OWN_PROFILE_BYTES_MAX, ProfileFiles, is_own_name,
};
use crate::domain::slug::{BuyerId, ProfileId, VerticalId};
use crate::flow::rehearsal::Rehearsal;
use crate::integration::cases::Case;
use crate::integration::inbound::{Inbound, is_inbound, shipped};
use crate::integration::{Fault, Profile, Severity};
use crate::ports::records::{ObjectVersion, RegistryChange};
use crate::registry::bundle::Bundle;
use crate::registry::compile::check;
use crate::registry::fault::{FaultRule, RegistryFault};
use crate::registry::objects::RegistryObjects;
use crate::registry::plan::{PlanAction, PlanChange, back};
use crate::registry::profile::shipped_profile;

const KIND: ObjectKind = ObjectKind::Profile;

/// One thing that is wrong with the files of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFault {
    /// The case it is in, by name; `None`: it is in the profile.
    pub case: Option<String>,
    /// What is wrong, and where.
    pub fault: Fault,
}

/// What putting a profile did.
pub struct ProfilePut {
    /// What happened to it.
    pub change: PlanChange,
    /// What somebody should look at.
    pub warnings: Vec<Fault>,
}

/// What trying a profile found.
pub struct Tested {
    /// What somebody should look at.
    pub warnings: Vec<Fault>,
    /// What the cases came to.
    pub rehearsal: Rehearsal,
    /// The verticals of the cases, with what the profile needs and lacks there.
    pub verticals: Vec<TestedVertical>,
}

/// A profile held against a vertical.
pub struct TestedVertical {
    /// The vertical.
    pub vertical: VerticalId,
    /// What campaigns have to disclose.
    pub disclosures: Vec<String>,
    /// What does not fit, with those disclosures.
    pub faults: Vec<Fault>,
}

impl ProfileOrder<'_> {
    /// Whether whoever asks may have a profile of this name at all.
    fn check_name(&self) -> Result<(), AdminError> {
        let is_ours = self.buyer.is_none_or(|buyer| is_own_name(self.id, buyer));
        if is_ours { Ok(()) } else { Err(AdminError::UnknownObject) }
    }

    /// Whether whoever asks may see a profile with this owner.
    fn may_see(&self, owner: Option<&BuyerId>) -> bool {
        self.buyer.is_none_or(|buyer| owner == Some(buyer))
    }

    /// The files of the profile, if it is there and whoever asks may see it.
    fn known<'o>(&self, objects: &'o RegistryObjects) -> Option<&'o ProfileFiles> {
        let known = &objects.profiles.get(self.id)?.value;
        self.may_see(known.buyer_id.as_ref()).then_some(known)
    }

    /// The files in use under the name: those that were described, or else, for operators, those that
    /// come with the program; and what was archived if there is nothing else.
    #[must_use]
    pub fn files(&self, objects: &RegistryObjects) -> Option<ProfileFiles> {
        let is_archived = objects.profiles.get(self.id).is_some_and(|known| known.is_archived);
        let described = self.known(objects);
        let shipped = || shipped_profile(self.id.as_str()).filter(|_| self.buyer.is_none());
        match described {
            Some(files) if !is_archived => Some(files.clone()),
            _ => shipped().map(ProfileFiles::from).or_else(|| described.cloned()),
        }
    }

    /// Whose the profile is, once it is what was uploaded.
    fn owner(
        &self,
        objects: &RegistryObjects,
        given: Option<&BuyerId>,
    ) -> Result<Option<BuyerId>, AdminError> {
        let known = objects.profiles.get(self.id).map(|known| &known.value.buyer_id);
        if known.is_some_and(|owner| !self.may_see(owner.as_ref())) {
            return Err(AdminError::UnknownObject);
        }
        match (self.buyer, known) {
            (Some(buyer), _) if given.is_some_and(|given| given != buyer) => {
                Err(AdminError::Refused(vec![RegistryFault {
                    kind: KIND,
                    id: self.id.to_string(),
                    field: "buyer_id".to_owned(),
                    rule: FaultRule::OtherBuyer,
                    detail: "a buyer uploads profiles of its own alone; leave it out".to_owned(),
                }]))
            }
            (Some(buyer), _) => Ok(Some(buyer.clone())),
            (None, Some(owner)) => Ok(given.cloned().or_else(|| owner.clone())),
            (None, None) => Ok(given.cloned()),
        }
    }

    /// Whether a fault is one that whoever asks is told of.
    fn is_told(&self, fault: &RegistryFault, objects: &RegistryObjects) -> bool {
        let Some(buyer) = self.buyer else { return true };
        match fault.kind {
            KIND => fault.id == self.id.as_str(),
            ObjectKind::Campaign => {
                let campaign = objects.campaigns.get(fault.id.as_str());
                campaign.is_some_and(|campaign| campaign.value.buyer_id == *buyer)
            }
            _ => false,
        }
    }

    /// Refuses objects with faults; what is not to be told is our own trouble.
    fn refuse(
        &self,
        faults: Vec<RegistryFault>,
        objects: &RegistryObjects,
    ) -> Result<(), AdminError> {
        let (told, others): (Vec<_>, Vec<_>) =
            faults.into_iter().partition(|fault| self.is_told(fault, objects));
        match others.first() {
            _ if !told.is_empty() => Err(AdminError::Refused(told)),
            Some(first) => Err(AdminError::Broken { first: first.to_string() }),
            None => Ok(()),
        }
    }
}

impl Administration {
    /// Puts a profile into the registry. Whatever uses it goes on with the version it has if anything
    /// is wrong with the new one.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`] for a name that is not the buyer's, [`AdminError::InvalidProfile`]
    /// with every fault of the files, [`AdminError::Refused`] with everything in use that does not suit
    /// the profile, and with what its cases do not show, and [`AdminError::Precondition`].
    pub async fn put_profile(
        &self,
        order: ProfileOrder<'_>,
        files: &ProfileFiles,
        precondition: &Precondition,
    ) -> Result<Changed<ProfilePut>, AdminError> {
        order.check_name()?;
        let _turn = self.turn(order)?;
        let sound = self.sound_profile(order, files).await?;
        let put = self
            .change(|loaded, _| {
                let buyer_id = order.owner(&loaded.objects, files.buyer_id.as_ref())?;
                precondition.check(&loaded.objects, (KIND, order.id.as_str()))?;
                let mut bundle = Bundle::default();
                bundle
                    .profiles
                    .insert(order.id.clone(), ProfileFiles { buyer_id, ..files.clone() });
                let planned = planned(loaded, &bundle, false);
                match order.buyer {
                    None => self.refuse_faults(loaded, &planned, &bundle)?,
                    Some(_) => {
                        let mut faults = planned.faults.clone();
                        faults.extend(check(&planned.next, &self.surroundings));
                        order.refuse(faults, &planned.next)?;
                    }
                }
                let change = planned.plan.changes.first().cloned();
                let change = change.expect("a bundle of one object has a plan of one change");
                if change.action == PlanAction::Unchanged {
                    return Ok(Worked::Same(change));
                }
                let summary = summary_of(&change);
                let prepared = self.prepare(loaded, &planned, &bundle, (order.actor, &summary))?;
                let Prepared { change: rows, .. } = prepared;
                Ok(Worked::Change(Box::new(rows), change))
            })
            .await?;
        let warnings = sound.warnings;
        Ok(Changed { version: put.version, done: ProfilePut { change: put.done, warnings } })
    }

    /// Takes a profile out of use; one that is out of use stays so.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`], [`AdminError::Precondition`], and [`AdminError::Refused`] while a
    /// campaign in use needs it.
    pub async fn archive_profile(
        &self,
        order: ProfileOrder<'_>,
        precondition: &Precondition,
    ) -> Result<Changed<()>, AdminError> {
        order.check_name()?;
        self.change(|loaded, now| {
            order.known(&loaded.objects).ok_or(AdminError::UnknownObject)?;
            precondition.check(&loaded.objects, (KIND, order.id.as_str()))?;
            let mut next = loaded.objects.clone();
            if !archive(&mut next, KIND, order.id.as_str()) {
                return Ok(Worked::Same(()));
            }
            order.refuse(check(&next, &self.surroundings), &next)?;
            let summary = format!("profile {}: archived", order.id);
            let mut change = RegistryChange::new(loaded.version, order.actor, &summary, now);
            change.objects.extend(row(&next, KIND, order.id.as_str()));
            Ok(Worked::Change(Box::new(change), ()))
        })
        .await
    }

    /// Makes a profile what it was at an earlier version of the registry.
    ///
    /// # Errors
    /// [`AdminError::UnknownVersion`], [`AdminError::UnknownObject`] if it was not there then, and
    /// [`AdminError::Refused`] when the registry would have faults today.
    pub async fn roll_back_profile(
        &self,
        order: ProfileOrder<'_>,
        version: i64,
    ) -> Result<Changed<ObjectPut>, AdminError> {
        order.check_name()?;
        let present = self.records.registry_version().await?;
        if version < 1 || version > present {
            return Err(AdminError::UnknownVersion { asked: version, present });
        }
        let mut rows = self.records.registry_objects_at(version).await?;
        rows.retain(|row| row.kind == KIND && row.id == order.id.as_str());
        let (objects, unreadable) = read_objects(rows);
        order.refuse(unreadable, &objects)?;
        let then = objects.profiles.get(order.id).ok_or(AdminError::UnknownObject)?.clone();
        let _turn = self.turn(order)?;
        if let Some(files) = then.as_live() {
            self.sound_profile(order, files).await?;
        }
        self.change(|loaded, now| {
            order.known(&loaded.objects).ok_or(AdminError::UnknownObject)?;
            let mut wanted = loaded.objects.clone();
            wanted.profiles.insert(order.id.clone(), then.clone());
            let (plan, next) = back(&loaded.objects, &wanted);
            let Some(change) = plan.changes.first().cloned() else {
                return Ok(Worked::Same(ObjectPut { change: unchanged(order.id), secret: None }));
            };
            order.refuse(check(&next, &self.surroundings), &next)?;
            let summary = format!("profile {}: rollback to {version}", order.id);
            let mut rows = RegistryChange::new(loaded.version, order.actor, &summary, now);
            rows.objects.extend(row(&next, KIND, order.id.as_str()));
            Ok(Worked::Change(Box::new(rows), ObjectPut { change, secret: None }))
        })
        .await
    }

    /// The versions of a profile before `before`, newest first.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`].
    pub async fn profile_versions(
        &self,
        order: ProfileOrder<'_>,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<ObjectVersion>, AdminError> {
        order.check_name()?;
        let snapshot = self.snapshot.load_full();
        order.known(&snapshot.objects).ok_or(AdminError::UnknownObject)?;
        let id = order.id.to_string();
        Ok(self.records.object_versions((KIND, id), before, limit).await?)
    }

    /// Runs the cases of a profile, and holds it against their verticals. Nothing is sent.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`], and [`AdminError::InvalidProfile`] if it cannot be compiled.
    pub async fn test_profile(&self, order: ProfileOrder<'_>) -> Result<Tested, AdminError> {
        order.check_name()?;
        let snapshot = self.snapshot.load_full();
        let files = order.files(&snapshot.objects).ok_or(AdminError::UnknownObject)?;
        let _turn = self.turn(order)?;
        if is_inbound(&files.text) {
            let message = "a vendor's profile has no cases that could be run".to_owned();
            return Err(AdminError::InvalidProfile(in_profile(vec![whole(message, None)])));
        }
        let compiled = self.compiled(order.id, &files).await?;
        let profile = compiled.map_err(|faults| AdminError::InvalidProfile(in_profile(faults)))?;
        let verticals = Arc::new(self.verticals_of(&snapshot.objects));
        let compiled = Arc::clone(&profile);
        let rehearsal = self.rehearse(compiled, &files, (&verticals, true)).await?;
        let named: BTreeSet<VerticalId> = {
            let cases = files.cases.values().filter_map(|text| Case::parse(text).ok());
            cases.map(|case| case.vertical).collect()
        };
        let held = named.into_iter().filter_map(|id| {
            let vertical = verticals.get(&id)?.vertical();
            let disclosures = profile.disclosures(vertical);
            let faults = profile.lint(vertical, &disclosures);
            Some(TestedVertical { vertical: id, disclosures, faults })
        });
        let verticals = held.collect();
        Ok(Tested { warnings: profile.warnings().to_vec(), rehearsal, verticals })
    }

    /// A buyer's turn to have a profile compiled and tried; operators need none.
    fn turn(&self, order: ProfileOrder<'_>) -> Result<Option<SemaphorePermit<'_>>, AdminError> {
        match order.buyer {
            None => Ok(None),
            Some(_) => self.trying.try_acquire().map(Some).map_err(|_| AdminError::Busy),
        }
    }

    /// What is known of files without a fault.
    async fn sound_profile(
        &self,
        order: ProfileOrder<'_>,
        files: &ProfileFiles,
    ) -> Result<Sound, AdminError> {
        let bytes_max = OWN_PROFILE_BYTES_MAX;
        if order.buyer.is_some() && files.text.len() > bytes_max {
            let message = format!("a profile of a buyer's own has at most {bytes_max} bytes");
            return Err(AdminError::InvalidProfile(in_profile(vec![whole(message, None)])));
        }
        let mut faults = faults_of_cases(files);
        let compiled = match is_inbound(&files.text) {
            true => inbound(order, &files.text),
            false => self.compiled(order.id, files).await?.map(Sound::of),
        };
        match compiled {
            Ok(sound) if sound.name == order.id.as_str() && faults.is_empty() => Ok(sound),
            Ok(sound) => {
                if sound.name != order.id.as_str() {
                    let message = format!("the profile calls itself `{}`", sound.name);
                    let hint = format!("write profile = \"{}\"", order.id);
                    faults.extend(in_profile(vec![whole(message, Some(hint))]));
                }
                Err(AdminError::InvalidProfile(faults))
            }
            Err(found) => {
                faults.splice(0..0, in_profile(found));
                Err(AdminError::InvalidProfile(faults))
            }
        }
    }
}

/// What is known of a profile without faults.
struct Sound {
    name: String,
    warnings: Vec<Fault>,
}

impl Sound {
    #[expect(clippy::needless_pass_by_value, reason = "it maps what was compiled")]
    fn of(profile: Arc<Profile>) -> Self {
        Self { name: profile.name().to_owned(), warnings: profile.warnings().to_vec() }
    }
}

/// A vendor's profile; those are operators' to describe.
fn inbound(order: ProfileOrder<'_>, text: &str) -> Result<Sound, Vec<Fault>> {
    if order.buyer.is_some() {
        let hint = "leave direction out, and ask the operator for a vendor's profile";
        let message = "a profile of a buyer's own says what is sent to it".to_owned();
        return Err(vec![whole(message, Some(hint.to_owned()))]);
    }
    let profile = Inbound::compile(text, &shipped)?;
    Ok(Sound { name: profile.name().to_owned(), warnings: profile.warnings().to_vec() })
}

fn unchanged(id: &ProfileId) -> PlanChange {
    PlanChange {
        kind: KIND,
        id: id.to_string(),
        action: PlanAction::Unchanged,
        fields: Vec::new(),
        kept: Vec::new(),
    }
}

/// A fault of a file as a whole.
const fn whole(message: String, hint: Option<String>) -> Fault {
    Fault { line: 1, column: 1, at: String::new(), severity: Severity::Error, message, hint }
}

/// The errors among the faults of a profile.
fn in_profile(faults: Vec<Fault>) -> Vec<ProfileFault> {
    let errors = faults.into_iter().filter(|fault| fault.severity == Severity::Error);
    errors.map(|fault| ProfileFault { case: None, fault }).collect()
}

fn faults_of_cases(files: &ProfileFiles) -> Vec<ProfileFault> {
    let mut faults = Vec::new();
    if files.cases.len() > CASES_MAX {
        let message = format!("a profile has at most {CASES_MAX} cases");
        faults.extend(in_profile(vec![whole(message, None)]));
    }
    for (name, text) in &files.cases {
        let fault = match Case::parse(text) {
            _ if text.len() > CASE_BYTES_MAX => {
                whole(format!("a case has at most {CASE_BYTES_MAX} bytes"), None)
            }
            Ok(_) => continue,
            Err(invalid) => {
                Fault { line: invalid.line, column: invalid.column, ..whole(invalid.detail, None) }
            }
        };
        faults.push(ProfileFault { case: Some(name.clone()), fault });
    }
    faults
}
