//! Secrets of campaigns and keys: sealed where they are kept, opened where they are used. Most of them
//! sign; those that a campaign gives for its profile are its buyer's own texts.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{AdminError, Administration};
use crate::domain::key::KeyId;
use crate::domain::slug::CampaignId;
use crate::ports::records::SealedSecret;
use crate::registry::plan::ProfileSecrets;
use crate::registry::profile::ProfileSecret;
use crate::signing::{OLDER_SECRETS_MAX, SECRET_BYTES_DEFAULT, SigningKeys, SigningSecret};
use crate::vault::Vault;

/// For how long a replaced secret signs beside the new one, in seconds: a day, so that the other
/// side can change over without losing a message.
pub const SECRET_OVERLAP_S: i64 = 86_400;

/// A secret, opened.
pub(super) struct OpenSecret {
    /// The secret.
    pub(super) secret: SigningSecret,
    /// As it is kept.
    pub(super) sealed: Vec<u8>,
    /// From when it signs.
    pub(super) valid_from: Timestamp,
    /// Until when it still signs beside a newer one.
    pub(super) valid_until: Option<Timestamp>,
}

/// From when a secret is the current one, and for how long those before it still sign.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overlap {
    /// From when.
    pub(super) from: Timestamp,
    /// For how many seconds.
    pub(super) seconds: i64,
}

impl Overlap {
    /// The usual one, from `now` on.
    pub(super) const fn usual(now: Timestamp) -> Self {
        Self { from: now, seconds: SECRET_OVERLAP_S }
    }
}

/// The name under which a campaign's secrets are kept.
pub(super) fn owner_of_campaign(id: &CampaignId) -> String {
    format!("campaign:{id}")
}

/// The name under which the secrets of a key's holder are kept.
pub(super) fn owner_of_key(key_id: KeyId) -> String {
    format!("key:{key_id}")
}

/// What begins the name under which a campaign's profile secrets are kept.
const PROFILE_OWNER: &str = "profile_secret:";

/// The name under which a campaign's profile secret is kept.
fn owner_of_profile_secret(id: &CampaignId, name: &str) -> String {
    format!("{PROFILE_OWNER}{id}:{name}")
}

/// Takes the secrets of profiles out of `rows` and opens those that hold at `now`.
pub(super) fn open_profile_secrets(
    vault: &Vault,
    rows: &mut Vec<SealedSecret>,
    now: Timestamp,
) -> Result<ProfileSecrets, AdminError> {
    let mut opened = ProfileSecrets::new();
    for row in rows.extract_if(.., |row| row.owner.starts_with(PROFILE_OWNER)) {
        if row.valid_until.is_some_and(|valid_until| valid_until <= now) {
            continue;
        }
        let not_one = || AdminError::NotASecret { owner: row.owner.clone() };
        let named = row.owner.strip_prefix(PROFILE_OWNER).and_then(|named| named.split_once(':'));
        let (id, name) = named.ok_or_else(not_one)?;
        let id = CampaignId::parse(id).map_err(|_| not_one())?;
        let text = vault.open_secret(&row.owner, &row.sealed)?;
        let text = std::str::from_utf8(&text).map_err(|_| not_one())?;
        let secret = ProfileSecret::parse(text).map_err(|_| not_one())?;
        opened.entry(id).or_default().insert(name.to_owned(), secret);
    }
    Ok(opened)
}

/// Opens all secrets that sign at `now`, by owner: the current one first, then older ones, newest
/// first, as many as may sign.
pub(super) fn open_all(
    vault: &Vault,
    rows: Vec<SealedSecret>,
    now: Timestamp,
) -> Result<BTreeMap<String, Vec<OpenSecret>>, AdminError> {
    let mut by_owner: BTreeMap<String, Vec<OpenSecret>> = BTreeMap::new();
    for row in rows {
        if row.valid_until.is_some_and(|valid_until| valid_until <= now) {
            continue;
        }
        let text = vault.open_secret(&row.owner, &row.sealed)?;
        let text = std::str::from_utf8(&text).unwrap_or_default();
        let secret = SigningSecret::parse(text)
            .map_err(|_| AdminError::NotASecret { owner: row.owner.clone() })?;
        let SealedSecret { owner, sealed, valid_from, valid_until } = row;
        let secrets = by_owner.entry(owner).or_default();
        secrets.push(OpenSecret { secret, sealed, valid_from, valid_until });
    }
    for secrets in by_owner.values_mut() {
        secrets.sort_by_key(|secret| {
            (secret.valid_until.is_some(), std::cmp::Reverse(secret.valid_from))
        });
        secrets.truncate(1 + OLDER_SECRETS_MAX);
    }
    Ok(by_owner)
}

/// The keys of an owner's secrets; `None` if there are none.
pub(super) fn signing_keys(secrets: &[OpenSecret]) -> Option<SigningKeys> {
    let (current, older) = secrets.split_first()?;
    let older = older.iter().map(|older| &older.secret);
    Some(
        SigningKeys::rotating(&current.secret, older)
            .expect("no more older secrets are opened than may sign"),
    )
}

impl Administration {
    /// A new secret from our own randomness.
    pub(super) fn mint_secret(&self) -> SigningSecret {
        let mut random = [0; SECRET_BYTES_DEFAULT];
        self.entropy.fill(&mut random);
        SigningSecret::mint(random)
    }

    /// The rows that make these the secrets of profiles from `now` on; what they replace ends.
    pub(super) fn profile_secret_rows(
        &self,
        secrets: &ProfileSecrets,
        now: Timestamp,
    ) -> Result<Vec<SealedSecret>, AdminError> {
        let mut rows = Vec::new();
        for (id, secrets) in secrets {
            for (name, secret) in secrets {
                let owner = owner_of_profile_secret(id, name);
                let sealed = self.vault.seal_secret(&owner, secret.text().as_bytes())?.into();
                rows.push(SealedSecret { owner, sealed, valid_from: now, valid_until: None });
            }
        }
        Ok(rows)
    }

    /// The rows that make `secret` the current one of `owner`, while its `known` ones go on signing
    /// for the `overlap` at most.
    pub(super) fn replace_secret(
        &self,
        owner: &str,
        secret: &SigningSecret,
        known: &[OpenSecret],
        overlap: Overlap,
    ) -> Result<Vec<SealedSecret>, AdminError> {
        let Overlap { from: now, seconds } = overlap;
        let overlap_end = now.saturating_add(SignedDuration::from_secs(seconds));
        let overlap_end = overlap_end.unwrap_or(Timestamp::MAX);
        let mut rows = Vec::with_capacity(1 + known.len());
        // The newest of the older ones: with the one just replaced they are as many as may sign.
        for older in known.iter().take(OLDER_SECRETS_MAX) {
            let ends_at = older.valid_until.map_or(overlap_end, |end| end.min(overlap_end));
            rows.push(SealedSecret {
                owner: owner.to_owned(),
                sealed: older.sealed.clone(),
                valid_from: older.valid_from,
                valid_until: Some(ends_at),
            });
        }
        rows.push(SealedSecret {
            owner: owner.to_owned(),
            sealed: self.vault.seal_secret(owner, secret.text().as_bytes())?.into(),
            valid_from: start_after(known, now),
            valid_until: None,
        });
        Ok(rows)
    }
}

/// `now`, or just after the newest secret: the records tell an owner's secrets apart by their
/// beginnings, to the microsecond.
fn start_after(known: &[OpenSecret], now: Timestamp) -> Timestamp {
    let newest = known.iter().map(|known| known.valid_from).max();
    let after = |newest: Timestamp| {
        newest.saturating_add(SignedDuration::from_micros(1)).unwrap_or(Timestamp::MAX)
    };
    newest.map_or(now, |newest| after(newest).max(now))
}
