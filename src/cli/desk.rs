//! Who carries out what a command asks of the registry: the running server, or this process.
//!
//! Both do the same and answer the same. The server is asked while it runs, because changes made
//! beside it would reach its auctions only at its next look.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::KeyCreate;
use super::remote::{Call, Remote, RemoteError};
use crate::domain::key::{KeyId, KeyMode, KeyRecord, Role};
use crate::flow::administer::{AdminError, Administration, ApplyOptions, ApplyReport, KeyOrder};
use crate::registry::bundle::Bundle;

/// The name under which this process acts in the audit.
pub const ACTOR: &str = "cli";

/// Keys asked for at once.
const PAGE: usize = 200;

/// Who carries it out.
pub enum Desk {
    /// The running server.
    Served(Remote),
    /// This process.
    Direct(Arc<Administration>),
}

/// Why it was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The server refused or could not be reached.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The registry refused.
    #[error("{}", every_fault(.0))]
    Admin(#[from] AdminError),
    /// What is sent cannot be written: our own fault.
    #[error("the request cannot be written: {0}")]
    Unwritable(serde_json::Error),
}

/// The error with each of its faults on a line of its own.
fn every_fault(error: &AdminError) -> String {
    match error {
        AdminError::Refused(faults) => {
            let lines = faults.iter().map(|fault| format!("\n  {fault}"));
            format!(
                "the registry would have {} fault(s):{}",
                faults.len(),
                lines.collect::<String>()
            )
        }
        other => other.to_string(),
    }
}

/// A key as its holder gets it. It has no `Debug`.
#[derive(Deserialize)]
pub struct IssuedKey {
    /// Its public name.
    pub key_id: KeyId,
    /// The key.
    pub key: String,
    /// What its requests are signed with, if they must be.
    #[serde(default)]
    pub signing_secret: Option<String>,
}

/// A key in a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct KeyRow {
    /// Its public name.
    pub key_id: KeyId,
    /// What its holder may do.
    pub role: Role,
    /// Whose it is.
    pub owner: String,
    /// Whether what it does is only a test.
    pub test: bool,
    /// Whether unknown fields refuse a lead.
    pub strict: bool,
    /// Whether requests must be signed.
    pub require_signature: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was withdrawn, if it was.
    pub revoked_at: Option<Timestamp>,
    /// From when on it no longer works, if it was made to end.
    pub expires_at: Option<Timestamp>,
}

impl KeyRow {
    fn of(record: &KeyRecord) -> Self {
        Self {
            key_id: record.key_id,
            role: record.role,
            owner: record.owner.clone(),
            test: record.mode == KeyMode::Test,
            strict: record.strict,
            require_signature: record.require_signature,
            created_at: record.created_at,
            revoked_at: record.revoked_at,
            expires_at: record.expires_at,
        }
    }
}

/// One page of a list.
#[derive(Deserialize)]
struct KeyPage {
    data: Vec<KeyRow>,
    next: Option<String>,
}

impl Desk {
    /// Applies a bundle.
    ///
    /// # Errors
    /// [`DeskError`]; nothing was changed unless the server gave no answer.
    pub async fn apply(
        &self,
        bundle: &Bundle,
        options: ApplyOptions,
    ) -> Result<ApplyReport, DeskError> {
        match self {
            Self::Served(remote) => {
                let bundle = serde_json::to_value(bundle).map_err(DeskError::Unwritable)?;
                let ApplyOptions { plan_only, prune } = options;
                let body = json!({"bundle": bundle, "plan": plan_only, "prune": prune});
                Ok(remote.call(Call::post("/v1/registry/apply", body)).await?)
            }
            Self::Direct(office) => Ok(office.apply(bundle, options, ACTOR).await?),
        }
    }

    /// Goes back to an earlier version, or only tells what that would change.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn roll_back(&self, version: i64, plan_only: bool) -> Result<ApplyReport, DeskError> {
        match self {
            Self::Served(remote) => {
                let body = json!({"version": version, "plan": plan_only});
                Ok(remote.call(Call::post("/v1/registry/rollback", body)).await?)
            }
            Self::Direct(office) => Ok(office.roll_back(version, plan_only, ACTOR).await?),
        }
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn create_key(&self, order: &KeyCreate) -> Result<IssuedKey, DeskError> {
        match self {
            Self::Served(remote) => {
                let body = json!({
                    "role": order.role,
                    "owner": order.owner(),
                    "test": order.test,
                    "strict": order.strict,
                    "require_signature": order.require_signature,
                    "expires_at": order.expires_at,
                });
                Ok(remote.call(Call::post("/v1/keys", body)).await?)
            }
            Self::Direct(office) => {
                let order = KeyOrder {
                    role: order.role,
                    owner: order.owner().to_owned(),
                    mode: if order.test { KeyMode::Test } else { KeyMode::Live },
                    strict: order.strict,
                    require_signature: order.require_signature,
                    expires_at: order.expires_at,
                };
                let made = office.create_key(&order, ACTOR).await?;
                let signing_secret = made.signing_secret.map(|secret| secret.to_string());
                Ok(IssuedKey { key_id: made.key_id, key: made.key.to_string(), signing_secret })
            }
        }
    }

    /// Withdraws a key.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn revoke_key(&self, key_id: KeyId) -> Result<(), DeskError> {
        match self {
            Self::Served(remote) => {
                Ok(remote.send(Call::delete(format!("/v1/keys/{key_id}"))).await?)
            }
            Self::Direct(office) => Ok(office.revoke_key(key_id, ACTOR).await?),
        }
    }

    /// All keys, in the order of their ids.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn keys(&self) -> Result<Vec<KeyRow>, DeskError> {
        let remote = match self {
            Self::Served(remote) => remote,
            Self::Direct(office) => {
                let snapshot = office.snapshot().load_full();
                return Ok(snapshot.keys.values().map(|key| KeyRow::of(&key.record)).collect());
            }
        };
        let mut rows = Vec::new();
        let mut path = format!("/v1/keys?limit={PAGE}");
        loop {
            let page: KeyPage = remote.call(Call::get(path)).await?;
            rows.extend(page.data);
            match page.next {
                Some(after) => path = format!("/v1/keys?limit={PAGE}&after={after}"),
                None => return Ok(rows),
            }
        }
    }
}
