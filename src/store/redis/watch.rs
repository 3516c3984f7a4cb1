//! Looks now and then whether the servers of a cluster are those that were opened.
//!
//! The cluster's client connects to whoever answers for a slot, so new connections cannot be held back
//! until they were looked at, as that to a single server is. What came back without its data or
//! with other settings is noticed within a second, and nothing is asked of the store until it fits.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::RedisStore;
use super::slots;
use super::startup::{self, Marks, OpenError};

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Watches the servers of a cluster for as long as the store is used.
#[expect(clippy::disallowed_methods, reason = "the watch is the store's own, and ends with it")]
pub(super) fn begin(store: &Arc<RedisStore>, marks: Marks, runs: BTreeSet<String>) {
    if store.settings.cluster {
        tokio::spawn(watch(Arc::downgrade(store), marks, runs));
    }
}

/// `known` are the processes of servers that have their data.
async fn watch(store: Weak<RedisStore>, marks: Marks, mut known: BTreeSet<String>) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let Some(store) = store.upgrade() else { return };
        match look(&store, &marks, &mut known).await {
            Ok(()) => store.unfit.store(None),
            Err(error @ (OpenError::Unfit(_) | OpenError::DataGone)) => {
                store.unfit.store(Some(Arc::new(error.to_string())));
            }
            // Whoever asks hears of servers that do not answer.
            Err(_) => {}
        }
    }
}

async fn look(
    store: &RedisStore,
    marks: &Marks,
    known: &mut BTreeSet<String>,
) -> Result<(), OpenError> {
    let link = &store.link;
    let runs = startup::check_servers(link, &store.settings).await?;
    let found = link.send(&startup::ask_for_marks()).await;
    let found = found.map_err(|error| startup::unreachable(&store.settings, &error))?;
    startup::compare_marks(marks, found)?;
    if !runs.is_subset(known) {
        // One was started anew: it may have come back without its data.
        slots::look(store, marks).await?;
        *known = runs;
    }
    Ok(())
}
