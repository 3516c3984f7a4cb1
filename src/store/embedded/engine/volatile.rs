//! An engine that keeps everything in memory and can be told to fail: for tests and simulations.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{Changes, Day, Engine, Row, Table};
use crate::ports::auction_store::StoreError;

type Rows = BTreeMap<(Table, Vec<u8>), Bytes>;

/// Rows in memory, shared by all engines cloned from one: a "disk" that outlives a store.
#[derive(Clone, Default)]
pub(in super::super) struct VolatileEngine {
    rows: Arc<Mutex<Rows>>,
    fails: Arc<AtomicBool>,
}

impl VolatileEngine {
    /// From now on every commit fails.
    #[cfg(test)]
    pub(in super::super) fn fail(&self) {
        self.fails.store(true, Ordering::SeqCst);
    }

    /// All rows, to compare states.
    #[cfg(test)]
    pub(in super::super) fn dump(&self) -> Rows {
        self.locked().clone()
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Engine for VolatileEngine {
    fn row(&self, table: Table, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.locked().get(&(table, key.to_vec())).cloned())
    }

    fn scan(&self, table: Table, from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let rows = self.locked();
        let tail = rows.range((table, from.to_vec())..);
        Ok(tail
            .take_while(|((of, _), _)| *of == table)
            .take(limit)
            .map(|((_, key), value)| Row { key: key.clone(), value: value.clone() })
            .collect())
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), StoreError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("told to fail".to_owned()));
        }
        let mut rows = self.locked();
        for (table, key, value) in changes.iter() {
            match value {
                Some(value) => rows.insert((table, key.to_vec()), value.clone()),
                None => rows.remove(&(table, key.to_vec())),
            };
        }
        Ok(())
    }

    fn days(&self) -> Vec<Day> {
        let rows = self.locked();
        let mut days = Vec::new();
        let mut from = (Table::Day(0), Vec::new());
        while let Some(((Table::Day(day), _), _)) = rows.range(from..).next() {
            days.push(*day);
            from = (Table::Day(*day + 1), Vec::new());
        }
        days
    }

    fn drop_day(&mut self, day: Day) -> Result<(), StoreError> {
        self.locked().retain(|(table, _), _| *table != Table::Day(day));
        Ok(())
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        Ok(1 << 40)
    }
}
