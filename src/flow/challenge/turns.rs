//! Whose endpoints are being challenged at this moment.
//!
//! A challenge is a call of ours to a host that somebody names. Of each owner only so many requests
//! may challenge at once, so that nobody makes the exchange call strangers in a stream.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::party::Party;

/// Counts the requests of each owner that challenge endpoints now.
#[derive(Debug)]
pub(in crate::flow) struct ChallengeTurns {
    per_owner_max: usize,
    running: Arc<Mutex<BTreeMap<Party, usize>>>,
}

/// Leave to challenge, given back when it is dropped.
#[derive(Debug)]
pub(in crate::flow) struct Turn {
    owner: Party,
    running: Arc<Mutex<BTreeMap<Party, usize>>>,
}

impl ChallengeTurns {
    /// Turns of which an owner has `per_owner_max` at once.
    pub(in crate::flow) fn new(per_owner_max: usize) -> Self {
        Self { per_owner_max, running: Arc::default() }
    }

    /// A turn for `owner`; `None` while it has as many as it may.
    pub(in crate::flow) fn take(&self, owner: Party) -> Option<Turn> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let count = running.get(&owner).copied().unwrap_or(0);
        if count >= self.per_owner_max {
            return None;
        }
        running.insert(owner.clone(), count + 1);
        Some(Turn { owner, running: Arc::clone(&self.running) })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.get_mut(&self.owner) {
            Some(count) if *count > 1 => *count -= 1,
            // An owner without a turn is not remembered.
            _ => drop(running.remove(&self.owner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buyer(id: &str) -> Party {
        Party::Buyer(id.parse().unwrap())
    }

    #[test]
    fn an_owner_has_so_many_turns_at_once_and_others_have_their_own() {
        let turns = ChallengeTurns::new(2);
        let first = turns.take(buyer("acme"));
        let second = turns.take(buyer("acme"));
        assert!(first.is_some() && second.is_some());
        assert!(turns.take(buyer("acme")).is_none());
        assert!(turns.take(Party::Vendor("acme".parse().unwrap())).is_some(), "not the same party");
        drop(first);
        let third = turns.take(buyer("acme"));
        assert!(third.is_some() && turns.take(buyer("acme")).is_none());
        drop((second, third));
        assert!(turns.running.lock().unwrap().is_empty(), "nobody is remembered for nothing");
    }
}
