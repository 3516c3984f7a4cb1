//! From the rows of the records to the registry's objects, secrets and snapshot.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::endpoints::owner_of_endpoint;
use super::secrets::OpenSecret;
use super::{AdminError, Administration, secrets};
use crate::domain::ids::EndpointId;
use crate::domain::key::KeyRecord;
use crate::domain::object::ObjectKind;
use crate::domain::slug::{CampaignId, Slug};
use crate::integration::SecretText;
use crate::ports::records::{RegistryObject, RegistryRows};
use crate::registry::compile::compile;
use crate::registry::fault::{FaultRule, RegistryFault};
use crate::registry::objects::{OpenedSecrets, RegistryObjects, Stored};
use crate::registry::plan::ProfileSecrets;
use crate::registry::profile::ProfileSecret;
use crate::registry::snapshot::{KeyEntry, Snapshot};
use crate::signing::SigningKeys;

/// The registry as it is kept, read and opened.
pub(super) struct Loaded {
    /// Its version.
    pub(super) version: i64,
    /// What could be read.
    pub(super) objects: RegistryObjects,
    /// Objects in use that cannot be read.
    pub(super) unreadable: Vec<RegistryFault>,
    /// The API keys.
    pub(super) keys: Vec<KeyRecord>,
    /// The secrets of each owner, newest first; the first one is the current one.
    pub(super) secrets: BTreeMap<String, Vec<OpenSecret>>,
    /// What campaigns give for their profiles.
    pub(super) profile_secrets: ProfileSecrets,
}

impl Administration {
    /// The registry compiled, as it is now.
    ///
    /// # Errors
    /// [`AdminError`]; a registry written by this program has no faults, one written by another
    /// version of it may have.
    pub async fn load_snapshot(&self) -> Result<Arc<Snapshot>, AdminError> {
        let loaded = self.load().await?;
        if !loaded.unreadable.is_empty() {
            return Err(AdminError::Refused(loaded.unreadable));
        }
        self.compile_profiles(&loaded.objects).await?;
        let secrets = opened(&loaded);
        compile(loaded.version, &loaded.objects, secrets, &self.surroundings)
            .map(Arc::new)
            .map_err(AdminError::Refused)
    }

    /// Reads the registry and opens its secrets.
    pub(super) async fn load(&self) -> Result<Loaded, AdminError> {
        let RegistryRows { version, objects, mut secrets, keys } = self.records.registry().await?;
        let (objects, unreadable) = read_objects(objects);
        let now = self.clock.now();
        let profile_secrets = secrets::open_profile_secrets(&self.vault, &mut secrets, now)?;
        let secrets = secrets::open_all(&self.vault, secrets, now)?;
        Ok(Loaded { version, objects, unreadable, keys, secrets, profile_secrets })
    }
}

/// The objects of these rows, and what cannot be read of them.
pub(super) fn read_objects(rows: Vec<RegistryObject>) -> (RegistryObjects, Vec<RegistryFault>) {
    let mut reading = Reading::default();
    for row in rows {
        reading.object(row);
    }
    (reading.objects, reading.unreadable)
}

/// Puts what is to be written over the objects that are there.
pub(super) fn overwrite(objects: &mut RegistryObjects, rows: &[RegistryObject]) {
    let mut reading = Reading { objects: std::mem::take(objects), unreadable: Vec::new() };
    rows.iter().cloned().for_each(|row| reading.object(row));
    *objects = reading.objects;
}

#[derive(Default)]
struct Reading {
    objects: RegistryObjects,
    unreadable: Vec<RegistryFault>,
}

impl Reading {
    fn object(&mut self, row: RegistryObject) {
        let is_read = match row.kind {
            ObjectKind::Vertical => insert(&mut self.objects.verticals, &row),
            ObjectKind::Vendor => insert(&mut self.objects.vendors, &row),
            ObjectKind::Buyer => insert(&mut self.objects.buyers, &row),
            ObjectKind::Campaign => insert(&mut self.objects.campaigns, &row),
            ObjectKind::Tree => insert(&mut self.objects.trees, &row),
            ObjectKind::Profile => insert(&mut self.objects.profiles, &row),
            ObjectKind::Standing => self.standing(&row),
            ObjectKind::EventEndpoint => self.endpoint(&row),
        };
        // An archived one harms nobody, and is written anew if it comes back.
        if let Err(detail) = is_read
            && !row.is_archived
        {
            self.unreadable.push(RegistryFault {
                kind: row.kind,
                id: row.id,
                field: String::new(),
                rule: FaultRule::Unreadable,
                detail,
            });
        }
    }
}

impl Reading {
    fn standing(&mut self, row: &RegistryObject) -> Result<(), String> {
        let id = CampaignId::parse(&row.id).map_err(|error| error.to_string())?;
        let standing = serde_json::from_str(&row.body).map_err(|error| error.to_string())?;
        self.objects.standings.insert(id, standing);
        Ok(())
    }

    fn endpoint(&mut self, row: &RegistryObject) -> Result<(), String> {
        let id = EndpointId::parse(&row.id).map_err(|error| error.to_string())?;
        let value = serde_json::from_str(&row.body).map_err(|error| error.to_string())?;
        self.objects.endpoints.insert(id, Stored { value, is_archived: row.is_archived });
        Ok(())
    }
}

fn insert<K, T: DeserializeOwned>(
    objects: &mut BTreeMap<Slug<K>, Stored<T>>,
    row: &RegistryObject,
) -> Result<(), String> {
    let id = Slug::parse(&row.id).map_err(|error| error.to_string())?;
    let value = serde_json::from_str(&row.body).map_err(|error| error.to_string())?;
    objects.insert(id, Stored { value, is_archived: row.is_archived });
    Ok(())
}

/// The secrets as auctions and requests use them.
fn opened(loaded: &Loaded) -> OpenedSecrets {
    let mut opened = OpenedSecrets::default();
    let mut keys_of = |owner: &str| -> Option<SigningKeys> {
        let secrets = loaded.secrets.get(owner)?;
        opened.ends_at =
            secrets.iter().filter_map(|secret| secret.valid_until).chain(opened.ends_at).min();
        secrets::signing_keys(secrets)
    };
    let campaigns = loaded.objects.campaigns.keys();
    let campaigns = campaigns
        .filter_map(|id| Some((id.clone(), keys_of(&secrets::owner_of_campaign(id))?)))
        .collect();
    let endpoints = loaded.objects.endpoints.keys();
    let endpoints =
        endpoints.filter_map(|id| Some((*id, keys_of(&owner_of_endpoint(*id))?))).collect();
    let keys = loaded.keys.iter();
    let keys = keys
        .map(|record| {
            let signing = keys_of(&secrets::owner_of_key(record.key_id));
            (record.key_id, KeyEntry { record: record.clone(), signing })
        })
        .collect();
    let profiles = loaded.profile_secrets.iter();
    let profiles = profiles.map(|(id, secrets)| (id.clone(), for_requests(secrets))).collect();
    OpenedSecrets { campaigns, endpoints, keys, profiles, ..opened }
}

fn for_requests(secrets: &BTreeMap<String, ProfileSecret>) -> BTreeMap<String, SecretText> {
    let for_request = |(name, secret): (&String, &ProfileSecret)| {
        (name.clone(), SecretText::new(secret.text().to_owned()))
    };
    secrets.iter().map(for_request).collect()
}
