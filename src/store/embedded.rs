//! The store of one node: all open state in memory, one writer, group commit.
//!
//! Operations wait in a bounded queue. One thread takes what is there, applies it to the state,
//! makes all changes durable in one commit, and only then answers: a reply never shows anything
//! that a power cut could take back. A commit that fails is never tried again: nobody knows what
//! reached the disk, so the store stops answering and says so on [`EmbeddedStore::fatal`].
//!
//! Kill the process at any moment, or the machine: what was acknowledged is there at the next
//! start. One process at a time owns the directory.

mod engine;
mod model;
mod operations;
mod queue;
mod settings;
mod state;
#[cfg(test)]
mod tests;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;

use self::engine::{Changes, DurableEngine, Engine, Table};
pub use self::model::{Model, ModelStore};
pub use self::settings::EmbeddedSettings;
use self::state::{FORMAT_VERSION, META_KEY, MetaRow, State, encode};
pub use self::writer::StoreCounters;
use self::writer::Writer;
use crate::ports::Clock;
use crate::ports::auction_store::StoreError;

/// Why the store does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Somebody has it open: this process or another.
    #[error("the store at {} is in use by another process", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The directory or the engine's files cannot be used.
    #[error("the store at {} cannot be opened: {error}", path.display())]
    Engine {
        /// The directory.
        path: PathBuf,
        /// What the engine or the file system said.
        error: String,
    },
    /// A row cannot be read.
    #[error("the store at {} is damaged: {error}", path.display())]
    Corrupt {
        /// The directory.
        path: PathBuf,
        /// Which row, and why.
        error: String,
    },
    /// The store was written by another version of the program.
    #[error("the store at {} has format {found}, this program reads {FORMAT_VERSION}", path.display())]
    Format {
        /// The directory.
        path: PathBuf,
        /// The format found.
        found: u32,
    },
    /// The partition count was fixed when the store was made.
    #[error("the store at {} was made with {found} partitions, settings say {wanted}", path.display())]
    Partitions {
        /// The directory.
        path: PathBuf,
        /// The count it was made with.
        found: u16,
        /// The count in the settings.
        wanted: u16,
    },
    /// The store belongs to another installation: its keys would mean nothing here.
    #[error("the store at {} belongs to another installation (its key file differs)", path.display())]
    OtherInstall {
        /// The directory.
        path: PathBuf,
    },
    /// The settings cannot be used.
    #[error("store settings: {}", .0.join("; "))]
    Settings(Vec<String>),
}

/// The in-flight store of one node, with a writer's thread or, in the simulator, without.
pub struct EmbeddedStore<Q = Writer> {
    partitions: u16,
    queue: Q,
}

impl EmbeddedStore {
    /// Opens the store, or makes one if the directory is empty, and starts its writer.
    ///
    /// Blocks while the journal is replayed: call it before the runtime has work, or from a thread
    /// that may block.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed then, except that the engine may have cut a torn last
    /// write off its journal.
    pub fn open(settings: EmbeddedSettings, clock: Arc<dyn Clock>) -> Result<Arc<Self>, OpenError> {
        refuse_faults(&settings)?;
        let engine = DurableEngine::open(&settings.path)?;
        Self::start(Box::new(engine), &settings, clock)
    }

    /// A store without a disk, for tests and simulations of other parts: the same rules, nothing
    /// kept.
    ///
    /// # Errors
    /// [`OpenError::Settings`].
    #[cfg(any(test, feature = "faults"))]
    pub fn volatile(
        settings: EmbeddedSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        refuse_faults(&settings)?;
        Self::start(Box::new(engine::VolatileEngine::default()), &settings, clock)
    }

    fn start(
        mut engine: Box<dyn Engine>,
        settings: &EmbeddedSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        let failed = |error| open_error(settings, error);
        let now = clock.now();
        let found = State::meta(&*engine).map_err(failed)?;
        if let Some(meta) = check_meta(found, settings, now)? {
            let mut changes = Changes::default();
            changes.put(Table::Meta, META_KEY.to_vec(), encode(&meta));
            engine.commit(&changes).map_err(failed)?;
        }
        let state = State::recover(engine, settings, now).map_err(failed)?;
        let queue = Writer::start(state, settings, clock)
            .map_err(|error| failed(StoreError::Unavailable(error.to_string())))?;
        Ok(Arc::new(Self { partitions: settings.partitions, queue }))
    }

    /// Says why the store has stopped, once it has: the process must end then, since leads that
    /// are in flight can only be finished after a start.
    #[must_use]
    pub fn fatal(&self) -> watch::Receiver<Option<String>> {
        self.queue.fatal()
    }

    /// Forgets what is over by the clock now, as the writer does by itself at the start and
    /// every hour: rows past their time, and days of closed leads past the retention.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when the store has stopped.
    pub async fn expire(&self) -> Result<(), StoreError> {
        self.queue.expire().await
    }

    /// What the writer has done so far, for metrics.
    #[must_use]
    pub fn counters(&self) -> StoreCounters {
        self.queue.counters()
    }

    /// Finishes what waits in the queue, then stops the writer and gives the directory back; later
    /// operations fail as unavailable. Blocks until it is done; a second call does nothing.
    ///
    /// Dropping the store does the same except that what waits is abandoned, unanswered and
    /// undone.
    pub fn close(&self) {
        self.queue.close();
    }
}

fn refuse_faults(settings: &EmbeddedSettings) -> Result<(), OpenError> {
    let faults = settings.faults();
    if faults.is_empty() { Ok(()) } else { Err(OpenError::Settings(faults)) }
}

/// Compares the marks of the store with the settings. Returns the marks to write, if they are new.
fn check_meta(
    found: Option<MetaRow>,
    settings: &EmbeddedSettings,
    now: jiff::Timestamp,
) -> Result<Option<MetaRow>, OpenError> {
    let path = settings.path.clone();
    let Some(mut meta) = found else {
        return Ok(Some(MetaRow {
            format_version: FORMAT_VERSION,
            partitions: settings.partitions,
            install_mark: settings.install_mark,
            created_at: now,
        }));
    };
    if meta.format_version != FORMAT_VERSION {
        return Err(OpenError::Format { path, found: meta.format_version });
    }
    if meta.partitions != settings.partitions {
        let (found, wanted) = (meta.partitions, settings.partitions);
        return Err(OpenError::Partitions { path, found, wanted });
    }
    match (meta.install_mark, settings.install_mark) {
        (Some(mark), Some(given)) if mark != given => Err(OpenError::OtherInstall { path }),
        (None, Some(given)) => {
            meta.install_mark = Some(given);
            Ok(Some(meta))
        }
        _ => Ok(None),
    }
}

fn open_error(settings: &EmbeddedSettings, error: StoreError) -> OpenError {
    let path = settings.path.clone();
    match error {
        StoreError::Corrupt(error) => OpenError::Corrupt { path, error },
        other => OpenError::Engine { path, error: other.to_string() },
    }
}
