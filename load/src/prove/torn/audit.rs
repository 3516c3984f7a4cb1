//! Opening a store and reading everything that was ever put into it.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use gavel::domain::auction::LeadView;
use gavel::domain::ids::Partition;
use gavel::ports::AuctionStore;
use gavel::ports::auction_store::StoreError;
use gavel::store::embedded::{EmbeddedSettings, EmbeddedStore};
use gavel::system::FixedClock;

use super::Wrong;
use super::reference::{Ledger, PARTITIONS, now, stranger};

/// Entries that one question may give.
const ENTRIES_MAX: usize = 10_000;
/// A window longer than anything here lasts, in milliseconds.
const WINDOW_MS: u64 = 86_400_000;

/// All that a store says, by what it was asked.
pub type State = BTreeMap<String, String>;

/// What came of opening a store and reading it.
pub enum Found {
    /// It did not open.
    Refused(String),
    /// It opened, and an operation failed.
    Stopped(String),
    /// What it says.
    Read(State),
}

/// How a store in `path` is opened here.
pub fn settings(path: &Path) -> EmbeddedSettings {
    EmbeddedSettings {
        path: path.to_owned(),
        partitions: PARTITIONS,
        free_bytes_min: 0,
        install_mark: Some([7; 32]),
        ..EmbeddedSettings::default()
    }
}

/// Opens the store and reads it through, twice: what was mended must hold.
pub fn open_and_read(path: &Path, ledger: &Ledger) -> Found {
    match read_once(path, ledger) {
        Found::Read(first) => match read_once(path, ledger) {
            Found::Read(second) if first == second => Found::Read(first),
            Found::Read(second) => Found::Read(second),
            Found::Refused(why) | Found::Stopped(why) => {
                Found::Stopped(format!("panicked or stopped at the second start: {why}"))
            }
        },
        stopped => stopped,
    }
}

fn read_once(path: &Path, ledger: &Ledger) -> Found {
    let clock = Arc::new(FixedClock::at(now()));
    let store = match EmbeddedStore::open(settings(path), clock) {
        Ok(store) => store,
        Err(error) => return Found::Refused(error.to_string()),
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime,
        Err(error) => return Found::Refused(error.to_string()),
    };
    let read = runtime.block_on(read_all(&*store, ledger));
    store.close();
    match read {
        Ok(state) => Found::Read(state),
        Err(error) => Found::Stopped(error.to_string()),
    }
}

fn digest(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

/// Asks for everything in the ledger, and then does again what must change nothing.
async fn read_all(store: &dyn AuctionStore, ledger: &Ledger) -> Result<State, StoreError> {
    let mut state = State::new();
    for lead_id in &ledger.leads {
        let lead = store.read(*lead_id).await?.lead.map(|view| {
            let plan = digest(&view.plan);
            (LeadView { plan: Bytes::new(), ..(*view).clone() }, plan)
        });
        let sealed = store.sealed_lead(*lead_id).await?.map(|sealed| digest(&sealed));
        state.insert(format!("lead {lead_id}"), format!("{lead:?} {sealed:?}"));
    }
    for post_id in &ledger.posts {
        let post = store.sealed_post(*post_id).await?;
        let post = post.map(|post| (post.lead_id, post.seat, post.k, digest(&post.sealed)));
        state.insert(format!("post {post_id}"), format!("{post:?}"));
    }
    for partition in (0..PARTITIONS).map(Partition) {
        let waiting = store.outbox_read(partition, 0, ENTRIES_MAX).await?;
        state.insert(format!("outbox {}", partition.0), format!("{waiting:?}"));
        let due = store.due(partition, ENTRIES_MAX).await?;
        state.insert(format!("due {}", partition.0), format!("{due:?}"));
    }
    read_accounts(store, ledger, &mut state).await?;
    repeat(store, ledger, &mut state).await?;
    Ok(state)
}

async fn read_accounts(
    store: &dyn AuctionStore,
    ledger: &Ledger,
    state: &mut State,
) -> Result<(), StoreError> {
    for account in &ledger.accounts {
        let balance = store.balance(account.clone()).await?.account;
        let caps = store.cap_used(account.clone(), ledger.counters.clone()).await?;
        let holds = store.open_holds(account.clone(), now(), 0, ENTRIES_MAX).await?;
        let journal = store.journal_read(account.clone(), ENTRIES_MAX).await?;
        state.insert(
            format!("account {account:?}"),
            format!("{balance:?} {caps:?} {holds:?} {journal:?}"),
        );
    }
    Ok(())
}

/// What was done before must be known: nothing of this may have an effect.
async fn repeat(
    store: &dyn AuctionStore,
    ledger: &Ledger,
    state: &mut State,
) -> Result<(), StoreError> {
    for create in &ledger.creates {
        let known = store.create(create.clone()).await?.reply;
        state.insert(format!("key {}", create.lead_id), format!("{known:?}"));
    }
    for credit in &ledger.credits {
        let known = store.credit(credit.clone()).await?;
        let text = format!("{:?} {:?}", known.reply, known.account);
        state.insert(format!("credit {}", credit.op_id), text);
    }
    for hold in &ledger.holds {
        let known = store.hold(hold.clone()).await?.reply;
        state.insert(format!("hold {:?}", hold.hold), format!("{known:?}"));
    }
    for claim in &ledger.duplicates {
        let known = store.claim_duplicate(*claim, stranger(), WINDOW_MS).await?;
        state.insert(format!("duplicate {}", claim[0]), format!("{known:?}"));
    }
    Ok(())
}

/// In what the store says something else than it should.
pub fn difference(expected: &State, found: &State) -> Wrong {
    for (asked, expected) in expected {
        let said = found.get(asked).map_or("", String::as_str);
        if said == expected {
            continue;
        }
        let why = format!("{asked}: {}, not {}", short(said), short(expected));
        let is_gone = ["lead", "post", "key", "duplicate", "credit", "hold"]
            .iter()
            .any(|kind| asked.starts_with(kind));
        return if is_gone { Wrong::Lost(why) } else { Wrong::Changed(why) };
    }
    Wrong::Changed("it says more than was written".to_owned())
}

fn short(text: &str) -> String {
    text.chars().take(600).collect()
}
