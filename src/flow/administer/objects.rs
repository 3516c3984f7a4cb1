//! One object at a time: put it into the registry, or take it out of use.

use std::collections::BTreeMap;

use super::apply::{Prepared, planned, row};
use super::change::{Changed, Worked};
use super::{AdminError, Administration};
use crate::domain::buyer::Buyer;
use crate::domain::campaign::{Campaign, Verification};
use crate::domain::object::ObjectKind;
use crate::domain::slug::{BuyerId, CampaignId, VendorId, VerticalId};
use crate::domain::tree::Tree;
use crate::domain::vendor::Vendor;
use crate::ports::records::RegistryChange;
use crate::registry::bundle::{Bundle, SecretText};
use crate::registry::compile::check;
use crate::registry::objects::RegistryObjects;
use crate::registry::plan::{PlanAction, PlanChange};
use crate::registry::profile::ProfileSecret;

/// An object as somebody describes it.
// It has no `Debug`, because it may hold secrets.
#[derive(Clone, PartialEq)]
pub enum Described {
    /// A vendor.
    Vendor(VendorId, Vendor),
    /// A buyer.
    Buyer(BuyerId, Buyer),
    /// A campaign.
    Campaign {
        /// Its slug.
        id: CampaignId,
        /// The campaign.
        campaign: Box<Campaign>,
        /// Whether it says how its endpoints are proved. If not, it stays as it was, and a new one
        /// is proved by challenge.
        names_verification: bool,
        /// The secrets it gives for its profile, by their names. Those it gave before stay.
        profile_secrets: BTreeMap<String, ProfileSecret>,
    },
    /// A vertical's tree.
    Tree(VerticalId, Tree),
}

impl Described {
    /// What it is and its slug.
    #[must_use]
    pub fn name(&self) -> (ObjectKind, &str) {
        match self {
            Self::Vendor(id, _) => (ObjectKind::Vendor, id.as_str()),
            Self::Buyer(id, _) => (ObjectKind::Buyer, id.as_str()),
            Self::Campaign { id, .. } => (ObjectKind::Campaign, id.as_str()),
            Self::Tree(id, _) => (ObjectKind::Tree, id.as_str()),
        }
    }

    /// The bundle that has this object alone.
    fn bundle(&self, objects: &RegistryObjects) -> Bundle {
        let mut bundle = Bundle::default();
        match self.clone() {
            Self::Vendor(id, vendor) => drop(bundle.vendors.insert(id, vendor)),
            Self::Buyer(id, buyer) => drop(bundle.buyers.insert(id, buyer)),
            Self::Tree(id, tree) => drop(bundle.trees.insert(id, tree)),
            Self::Campaign { id, mut campaign, names_verification, profile_secrets } => {
                if !names_verification {
                    let known = objects.campaigns.get(&id);
                    let verification = known.map(|known| known.value.verification);
                    campaign.verification = verification.unwrap_or(Verification::Challenge);
                }
                bundle.profile_secrets.insert(id.clone(), profile_secrets);
                bundle.campaigns.insert(id, *campaign);
            }
        }
        bundle
    }
}

/// What must be so for a change to be made: against two people overwriting each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// The object is still the one with one of these tags ([`RegistryObjects::tag`]).
    Tagged(Vec<String>),
    /// The object is there, whatever it is like.
    Exists,
    /// There is no such object yet.
    IsNew,
}

impl Precondition {
    pub(super) fn check(
        &self,
        objects: &RegistryObjects,
        (kind, id): (ObjectKind, &str),
    ) -> Result<(), AdminError> {
        let tag = objects.tag(kind, id);
        let holds = match self {
            Self::None => true,
            Self::Tagged(tags) => tag.is_some_and(|tag| tags.contains(&tag)),
            Self::Exists => tag.is_some(),
            Self::IsNew => tag.is_none(),
        };
        if holds { Ok(()) } else { Err(AdminError::Precondition) }
    }
}

/// What putting an object did.
pub struct ObjectPut {
    /// What happened to it, and to which of its fields.
    pub change: PlanChange,
    /// The secret that was made for a new campaign; it is shown this once.
    pub secret: Option<SecretText>,
}

impl Administration {
    /// Puts an object into the registry, for the audit in the name of `actor`.
    ///
    /// # Errors
    /// As [`apply`](Administration::apply), and [`AdminError::Precondition`].
    pub async fn put_object(
        &self,
        object: &Described,
        precondition: &Precondition,
        actor: &str,
    ) -> Result<Changed<ObjectPut>, AdminError> {
        let (kind, id) = object.name();
        self.change(|loaded, _| {
            precondition.check(&loaded.objects, (kind, id))?;
            let bundle = object.bundle(&loaded.objects);
            let planned = planned(loaded, &bundle, false);
            self.refuse_faults(loaded, &planned, &bundle)?;
            let change = planned.plan.changes.first().cloned();
            let change = change.expect("a bundle of one object has a plan of one change");
            if change.action == PlanAction::Unchanged {
                return Ok(Worked::Same(ObjectPut { change, secret: None }));
            }
            let summary = summary_of(&change);
            let prepared = self.prepare(loaded, &planned, &bundle, (actor, &summary))?;
            let Prepared { change: rows, mut shown } = prepared;
            let secret = shown.pop().map(|shown| shown.secret);
            Ok(Worked::Change(Box::new(rows), ObjectPut { change, secret }))
        })
        .await
    }

    /// Takes an object out of use, for the audit in the name of `actor`; one that is out of use
    /// stays so.
    ///
    /// # Errors
    /// [`AdminError::UnknownObject`], [`AdminError::Precondition`], and [`AdminError::Refused`] when
    /// something in use needs it, such as a campaign its buyer.
    pub async fn archive_object(
        &self,
        (kind, id): (ObjectKind, &str),
        precondition: &Precondition,
        actor: &str,
    ) -> Result<Changed<()>, AdminError> {
        self.change(|loaded, now| {
            if loaded.objects.tag(kind, id).is_none() {
                return Err(AdminError::UnknownObject);
            }
            precondition.check(&loaded.objects, (kind, id))?;
            let mut next = loaded.objects.clone();
            if !archive(&mut next, kind, id) {
                return Ok(Worked::Same(()));
            }
            let faults = check(&next, &self.surroundings);
            if !faults.is_empty() {
                return Err(AdminError::Refused(faults));
            }
            let summary = format!("{kind} {id}: archived");
            let mut change = RegistryChange::new(loaded.version, actor, &summary, now);
            change.objects.extend(row(&next, kind, id));
            Ok(Worked::Change(Box::new(change), ()))
        })
        .await
    }
}

/// Such as `campaign acme-tx: update caps, post_ms`.
pub(super) fn summary_of(change: &PlanChange) -> String {
    let PlanChange { kind, id, action, fields, .. } = change;
    let fields = fields.join(", ");
    format!("{kind} {id}: {} {fields}", action.as_str()).trim_end().to_owned()
}

/// Archives an object; `false` if it is not there or archived already.
pub(super) fn archive(objects: &mut RegistryObjects, kind: ObjectKind, id: &str) -> bool {
    let is_archived = match kind {
        ObjectKind::Vendor => objects.vendors.get_mut(id).map(|known| &mut known.is_archived),
        ObjectKind::Buyer => objects.buyers.get_mut(id).map(|known| &mut known.is_archived),
        ObjectKind::Campaign => objects.campaigns.get_mut(id).map(|known| &mut known.is_archived),
        ObjectKind::Tree => objects.trees.get_mut(id).map(|known| &mut known.is_archived),
        ObjectKind::Profile => objects.profiles.get_mut(id).map(|known| &mut known.is_archived),
        ObjectKind::Vertical => objects.verticals.get_mut(id).map(|known| &mut known.is_archived),
        ObjectKind::Standing | ObjectKind::EventEndpoint => None,
    };
    is_archived.is_some_and(|is_archived| !std::mem::replace(is_archived, true))
}
