//! Claims on consumers, so that one person is not sold twice within a window.

use jiff::Timestamp;

use super::leads::ms;
use super::rows::{self, DuplicateRow};
use super::{Result, State};
use crate::domain::ids::LeadId;
use crate::domain::time::{ms_between, plus_ms};
use crate::faults::planted;
use crate::ports::auction_store::DuplicateClaim;
use crate::store::embedded::engine::Table;

/// After that long without its lead, a claim is an orphan: its lead was never taken in.
const ORPHAN_AFTER_MS: i64 = 60_000;

impl State {
    /// Claims a consumer for a lead, unless another lead's claim stands.
    pub(in super::super) fn claim_duplicate(
        &mut self,
        now: Timestamp,
        digest: &[u8; 32],
        lead_id: LeadId,
        window_ms: u64,
    ) -> Result<DuplicateClaim> {
        self.partition(lead_id.partition())?;
        let before: Option<DuplicateRow> = self.row(Table::Duplicates, digest)?;
        if let Some(before) = before.filter(|before| before.expires_at > now) {
            if before.lead_id == lead_id {
                let claim = DuplicateRow { claimed_at: now, ..before };
                self.put(Table::Duplicates, digest.to_vec(), &claim);
                return Ok(DuplicateClaim::Claimed);
            }
            if self.claim_stands(now, &before)? {
                return Ok(match planted("claim_not_exclusive") {
                    true => DuplicateClaim::Claimed,
                    false => DuplicateClaim::Taken(before.lead_id),
                });
            }
        }
        let expires_at = plus_ms(now, ms(window_ms));
        let claim = DuplicateRow { lead_id, claimed_at: now, expires_at };
        self.expire_later(expires_at, Table::Duplicates, digest);
        self.put(Table::Duplicates, digest.to_vec(), &claim);
        Ok(DuplicateClaim::Claimed)
    }

    /// A claim is an orphan if its lead never came; of a lead older than the closed leads that are
    /// kept nobody can tell, so its claim stands.
    fn claim_stands(&self, now: Timestamp, claim: &DuplicateRow) -> Result<bool> {
        if ms_between(claim.claimed_at, now) < ORPHAN_AFTER_MS {
            return Ok(true);
        }
        let may_be_dropped = self.retention.is_dropped(rows::day_of(claim.lead_id), now);
        Ok(may_be_dropped || self.lead(claim.lead_id)?.is_some())
    }

    /// Gives a claim back if it is this lead's and the lead has no use for it.
    pub(in super::super) fn free_duplicate(
        &mut self,
        digest: &[u8; 32],
        lead_id: LeadId,
    ) -> Result<()> {
        let claim: Option<DuplicateRow> = self.row(Table::Duplicates, digest)?;
        let is_useless = planted("claim_freed_in_use")
            || self.lead(lead_id)?.is_none_or(|lead| lead.view.has_ended_unsold());
        if claim.is_some_and(|claim| claim.lead_id == lead_id) && is_useless {
            self.changes.remove(Table::Duplicates, digest.to_vec());
        }
        Ok(())
    }
}
