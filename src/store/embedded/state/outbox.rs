//! The outbox: what settles after a step, kept until it is done. Memory knows which entries wait;
//! their contents are read by key.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::lead::Lead;
use super::{Result, State, rows};
use crate::domain::ids::{LeadId, Partition};
use crate::ports::auction_store::{Effect, OutboxEntry, StoreError};
use crate::store::embedded::engine::Table;
use crate::store::limits;

/// One partition's waiting entries.
#[derive(Debug)]
pub(super) struct PartitionOutbox {
    /// The id of the next entry; never given twice.
    pub(super) next: u64,
    /// Ids of waiting entries and the leads they belong to.
    pub(super) waiting: BTreeMap<u64, LeadId>,
}

impl Default for PartitionOutbox {
    fn default() -> Self {
        Self { next: 1, waiting: BTreeMap::new() }
    }
}

impl State {
    /// Adds a step's effects to the outbox of the lead's partition, in order.
    pub(super) fn add_effects(&mut self, lead: &mut Lead, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        let lead_id = lead.view.lead_id;
        let partition = lead_id.partition();
        for effect in effects {
            let outbox = &mut self.outbox[usize::from(partition.0)];
            let id = outbox.next;
            outbox.next += 1;
            outbox.waiting.insert(id, lead_id);
            lead.notes.sequence += 1;
            let entry = OutboxEntry { id, lead_id, sequence: lead.notes.sequence, effect };
            self.put(Table::Outbox, rows::outbox_key(partition, id), &entry);
        }
        let next = self.outbox[usize::from(partition.0)].next;
        self.put(Table::Meta, rows::outbox_next_key(partition), &next);
    }

    /// The oldest entries of a partition behind the one with the id `after`.
    pub(in super::super) fn outbox_read(
        &self,
        partition: Partition,
        after: u64,
        limit: usize,
    ) -> Result<Vec<OutboxEntry>> {
        let outbox = &self.outbox[self.partition(partition)?];
        let mut entries = Vec::new();
        let behind = outbox.waiting.range((Bound::Excluded(after), Bound::Unbounded));
        for (id, _) in behind.take(limit.min(limits::READ_MAX)) {
            let entry = self.row(Table::Outbox, &rows::outbox_key(partition, *id))?;
            let missing = || StoreError::Corrupt(format!("outbox entry {id} is gone"));
            entries.push(entry.ok_or_else(missing)?);
        }
        Ok(entries)
    }

    /// Removes entries whose effect is done; others and unknown ones stay as they are.
    pub(in super::super) fn outbox_ack(&mut self, partition: Partition, ids: &[u64]) -> Result<()> {
        let index = self.partition(partition)?;
        for id in ids {
            if self.outbox[index].waiting.remove(id).is_some() {
                self.changes.remove(Table::Outbox, rows::outbox_key(partition, *id));
            }
        }
        Ok(())
    }

    /// Whether an entry of a lead minted before `minted_ms` still waits.
    pub(super) fn has_waiting_before(&self, minted_ms: i64) -> bool {
        let waiting = |outbox: &PartitionOutbox| {
            outbox.waiting.values().any(|lead_id| lead_id.minted_ms() < minted_ms)
        };
        self.outbox.iter().any(waiting)
    }
}
