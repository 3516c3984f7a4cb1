//! API keys: made once, shown once, revoked for good.

use jiff::Timestamp;
use zeroize::Zeroizing;

use super::load::Loaded;
use super::secrets::Overlap;
use super::{AdminError, Administration, CHANGE_ATTEMPTS_MAX, secrets};
use crate::domain::key::{
    ApiKey, KEY_RANDOM_BYTES, KeyId, KeyMode, KeyRecord, OPERATOR_OWNER, Role,
};
use crate::ports::records::{Committed, RegistryChange};

/// The most keys of one owner that work at the same time.
pub const LIVE_KEYS_PER_OWNER_MAX: usize = 100;

/// A key that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyOrder {
    /// What its holder may do.
    pub role: Role,
    /// The slug of the vendor or buyer; empty or [`OPERATOR_OWNER`] for an operator.
    pub owner: String,
    /// Whether what it does counts.
    pub mode: KeyMode,
    /// Whether unknown fields in a lead refuse it.
    pub strict: bool,
    /// Whether requests must be signed.
    pub require_signature: bool,
    /// From when on it no longer works, if it is to end.
    pub expires_at: Option<Timestamp>,
}

/// A key as its holder gets it; it is shown this once and has no `Debug`.
pub struct NewKey {
    /// Its public name.
    pub key_id: KeyId,
    /// The key.
    pub key: Zeroizing<String>,
    /// The secret its requests are signed with (`whsec_...`), if they must be.
    pub signing_secret: Option<Zeroizing<String>>,
}

impl Administration {
    /// Makes a key, for the audit in the name of `actor`.
    ///
    /// # Errors
    /// [`AdminError::UnknownOwner`], [`AdminError::OwnerMissing`], [`AdminError::OwnerOfOperator`],
    /// [`AdminError::OperatorTest`], [`AdminError::TooManyKeys`], and as
    /// [`apply`](Administration::apply).
    pub async fn create_key(&self, order: &KeyOrder, actor: &str) -> Result<NewKey, AdminError> {
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let loaded = self.load().await?;
            let now = self.clock.now();
            let owner = owner_of(order, &loaded)?;
            check_count(order.role, &owner, &loaded, now)?;
            let mut random = [0; KEY_RANDOM_BYTES];
            self.entropy.fill(&mut random);
            let key = ApiKey::mint(order.mode, order.role, random);
            let key_id = key.key_id();
            if loaded.keys.iter().any(|known| known.key_id == key_id) {
                continue;
            }
            let summary = format!("key: {key_id} created for {} {owner}", order.role);
            let mut change = RegistryChange::new(loaded.version, actor, &summary, now);
            change.keys_added.push(KeyRecord {
                key_id,
                role: order.role,
                mode: order.mode,
                owner,
                digest: self.vault.api_key_digest(key.secret()),
                strict: order.strict,
                require_signature: order.require_signature,
                created_at: now,
                revoked_at: None,
                expires_at: order.expires_at,
            });
            let signing_secret = order.require_signature.then(|| self.mint_secret());
            if let Some(secret) = &signing_secret {
                let owner = secrets::owner_of_key(key_id);
                change.secrets = self.replace_secret(&owner, secret, &[], Overlap::usual(now))?;
            }
            if let Committed::Version(version) = self.records.change_registry(change).await? {
                tracing::info!(version, actor, key_id = key_id.as_str(), "registry.key_created");
                self.refresh_after_change(version).await;
                let signing_secret = signing_secret.map(|secret| secret.text());
                return Ok(NewKey { key_id, key: key.text(), signing_secret });
            }
        }
        Err(AdminError::Contended)
    }

    /// Revokes a key, for the audit in the name of `actor`. One that is revoked already stays so.
    ///
    /// # Errors
    /// [`AdminError::UnknownKey`], and as [`apply`](Administration::apply).
    pub async fn revoke_key(&self, key_id: KeyId, actor: &str) -> Result<(), AdminError> {
        for _ in 0..CHANGE_ATTEMPTS_MAX {
            let loaded = self.load().await?;
            let known = loaded.keys.iter().find(|record| record.key_id == key_id);
            let known = known.ok_or(AdminError::UnknownKey)?;
            if known.revoked_at.is_some() {
                return Ok(());
            }
            let summary = format!("key: {key_id} revoked");
            let now = self.clock.now();
            let mut change = RegistryChange::new(loaded.version, actor, &summary, now);
            change.keys_revoked.push(key_id);
            if let Committed::Version(version) = self.records.change_registry(change).await? {
                tracing::info!(version, actor, key_id = key_id.as_str(), "registry.key_revoked");
                self.refresh_after_change(version).await;
                return Ok(());
            }
        }
        Err(AdminError::Contended)
    }
}

/// The owner as records name it, if it is in use.
fn owner_of(order: &KeyOrder, loaded: &Loaded) -> Result<String, AdminError> {
    let owner = order.owner.as_str();
    let is_in_use = match order.role {
        Role::Operator if order.mode == KeyMode::Test => return Err(AdminError::OperatorTest),
        Role::Operator if owner.is_empty() || owner == OPERATOR_OWNER => {
            return Ok(OPERATOR_OWNER.to_owned());
        }
        Role::Operator => return Err(AdminError::OwnerOfOperator),
        role if owner.is_empty() => return Err(AdminError::OwnerMissing { role }),
        Role::Vendor => loaded.objects.vendors.get(owner).is_some_and(|stored| !stored.is_archived),
        Role::Buyer => loaded.objects.buyers.get(owner).is_some_and(|stored| !stored.is_archived),
    };
    if is_in_use {
        return Ok(owner.to_owned());
    }
    // Cut, because it may be anything.
    let owner = owner.chars().take(80).collect();
    Err(AdminError::UnknownOwner { role: order.role, owner })
}

fn check_count(role: Role, owner: &str, loaded: &Loaded, now: Timestamp) -> Result<(), AdminError> {
    let is_same = |record: &&KeyRecord| record.role == role && record.owner == owner;
    let live = loaded.keys.iter().filter(is_same).filter(|record| record.is_live(now)).count();
    if live < LIVE_KEYS_PER_OWNER_MAX { Ok(()) } else { Err(AdminError::TooManyKeys) }
}
