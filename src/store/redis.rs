//! The store that several nodes share: Redis 7.0 or newer, or Valkey, one server or a cluster.
//!
//! Each operation is one script that the server runs whole or not at all (`scripts/`): it reads the
//! server's clock, checks everything, writes, and replies with the lead or the account as it then
//! stands. A script touches the keys of one slot only (`keys.rs`). With `appendfsync always`, which
//! the start checks, a reply leaves the server after its writes are on the disk.
//!
//! A command that got no reply is repeated for a while, then fails as unavailable; every operation
//! may be repeated. Nothing here ends the process: when the servers are back, work goes on.

mod accounts;
mod failure;
mod keys;
mod leads;
mod link;
mod operations;
mod rows;
mod script;
mod settings;
mod single;
mod slots;
mod startup;
#[cfg(test)]
mod tests;
mod view;
mod watch;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::redis::{Cmd, RedisResult, Value};
use arc_swap::ArcSwapOption;
use tokio::time::Instant;

use self::accounts::Journals;
use self::failure::Failure;
use self::link::Link;
use self::script::Operation;
pub use self::settings::{Durability, RedisSettings, ServerUrl};
pub use self::startup::OpenError;
use crate::domain::ids::Partition;
use crate::ports::Clock;
use crate::ports::auction_store::StoreError;

/// The first pause before a command is repeated; doubles.
const REPEAT_PAUSE: Duration = Duration::from_millis(5);
/// The longest such pause.
const REPEAT_PAUSE_MAX: Duration = Duration::from_millis(100);

/// The in-flight store on Redis.
pub struct RedisStore {
    settings: RedisSettings,
    durability: &'static str,
    link: Link,
    journals: Mutex<Journals>,
    counters: Counters,
    /// Tests name the time of each operation; otherwise it is the server's.
    clock: Option<Arc<dyn Clock>>,
    /// Why the servers of a cluster are not to be used now.
    unfit: ArcSwapOption<String>,
}

#[derive(Default)]
struct Counters {
    commands: AtomicU64,
    repeats: AtomicU64,
    scripts_sent: AtomicU64,
}

/// What the store has sent since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RedisCounters {
    /// Commands sent, repeats included.
    pub commands: u64,
    /// Commands sent again because there was no reply, or none that counts.
    pub repeats: u64,
    /// Scripts sent whole because the server did not know them.
    pub scripts_sent: u64,
}

impl RedisStore {
    /// Connects, checks what the servers promise, and loads the scripts.
    ///
    /// # Errors
    /// [`OpenError`], each with what to set.
    pub async fn open(settings: RedisSettings) -> Result<Arc<Self>, OpenError> {
        Self::open_on(settings, None).await
    }

    /// As [`RedisStore::open`], by `clock` instead of the servers' clocks. It must never be behind
    /// them: keys that are over go by theirs.
    ///
    /// # Errors
    /// [`OpenError`].
    #[cfg(any(test, feature = "faults"))]
    pub async fn open_by_clock(
        settings: RedisSettings,
        clock: Arc<dyn Clock>,
    ) -> Result<Arc<Self>, OpenError> {
        Self::open_on(settings, Some(clock)).await
    }

    async fn open_on(
        settings: RedisSettings,
        clock: Option<Arc<dyn Clock>>,
    ) -> Result<Arc<Self>, OpenError> {
        let faults = settings.faults();
        if !faults.is_empty() {
            let sentence = |(key, fault): (&str, String)| format!("{key} {fault}");
            return Err(OpenError::Settings(faults.into_iter().map(sentence).collect()));
        }
        let password = startup::password(&settings)?;
        let link = Link::connect(&settings, password.as_deref().map(String::as_str))
            .await
            .map_err(|error| startup::unreachable(&settings, &error))?;
        let durability = startup::durability(&settings);
        let runs = startup::check_servers(&link, &settings).await?;
        startup::load_scripts(&link).await?;
        let journals = Mutex::new(Journals::default());
        let counters = Counters::default();
        let unfit = ArcSwapOption::empty();
        let store = Self { settings, durability, link, journals, counters, clock, unfit };
        let marks = startup::check_marks(&store).await?;
        if store.settings.cluster {
            slots::mark(&store, &marks).await?;
        }
        store.link.expect(marks.clone());
        let store = Arc::new(store);
        watch::begin(&store, marks, runs);
        Ok(store)
    }

    /// What has been sent so far.
    #[must_use]
    pub fn counters(&self) -> RedisCounters {
        RedisCounters {
            commands: self.counters.commands.load(Ordering::Relaxed),
            repeats: self.counters.repeats.load(Ordering::Relaxed),
            scripts_sent: self.counters.scripts_sent.load(Ordering::Relaxed),
        }
    }

    /// Refuses a partition that this installation does not have.
    fn check_partition(&self, partition: Partition) -> Result<(), StoreError> {
        let (index, count) = (partition.0, self.settings.partitions);
        if index < count {
            return Ok(());
        }
        Err(StoreError::Limit(format!("partition {index} of {count}")))
    }

    /// Runs a script by its digest; sends it whole to a server that does not know it.
    async fn run(
        &self,
        operation: Operation,
        keys: &[String],
        arguments: Vec<Vec<u8>>,
    ) -> Result<Value, StoreError> {
        let script = operation.script();
        let time = self.clock.as_ref().map(|clock| rows::time_argument(clock.now()));
        let command = |name, body: &str| {
            let mut command = ::redis::cmd(name);
            command.arg(body).arg(keys.len()).arg(keys).arg(time.as_deref().unwrap_or_default());
            command.arg(&arguments);
            command
        };
        let by_digest = command("EVALSHA", &script.sha);
        let send = || async {
            match self.link.send(&by_digest).await {
                Err(error) if Failure::of(&error) == Failure::UnknownScript => {
                    self.counters.scripts_sent.fetch_add(1, Ordering::Relaxed);
                    self.link.send(&command("EVAL", &script.text)).await
                }
                known => known,
            }
        };
        self.insist(script.name, send).await
    }

    /// Sends a command that is no script.
    async fn command(&self, command: &Cmd) -> Result<Value, StoreError> {
        let name = command.args_iter().next();
        let name = match name {
            Some(::redis::Arg::Simple(name)) => String::from_utf8_lossy(name).into_owned(),
            _ => String::new(),
        };
        self.insist(&name, || self.link.send(command)).await
    }

    /// Repeats what got no reply, for as long as the settings say.
    async fn insist<F: Future<Output = RedisResult<Value>>>(
        &self,
        operation: &str,
        send: impl Fn() -> F,
    ) -> Result<Value, StoreError> {
        let ends = Instant::now() + Duration::from_millis(self.settings.repeat_ms);
        let mut pause = REPEAT_PAUSE;
        loop {
            if let Some(why) = &*self.unfit.load() {
                return Err(StoreError::Unavailable(format!("{operation}: {why}")));
            }
            self.counters.commands.fetch_add(1, Ordering::Relaxed);
            let error = match send().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let failure = Failure::of(&error);
            if !failure.may_pass() || Instant::now() + pause > ends {
                return Err(failure.into_store_error(operation, &error));
            }
            self.counters.repeats.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(REPEAT_PAUSE_MAX);
        }
    }
}
