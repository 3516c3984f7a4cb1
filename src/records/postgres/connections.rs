//! The connections of a node to its database: how many, how long one waits for one, what is done with
//! one that broke.
//!
//! The driver has a pool of its own. It answers a database that is away and a pool that is in use the
//! same, after the same wait, and only then: whoever settles 64 partitions would wait 64 times. Here
//! a database that cannot be reached is known to be away for a moment, and everybody hears it at once.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::failure::{is_sound_after, named};
use crate::ports::records::RecordsError;

/// For how long after an attempt in vain nobody else tries to connect.
const AWAY_PAUSE: Duration = Duration::from_millis(500);

/// A connection that was used more recently is not asked whether it still works.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// A connection that is older is not used again: the server's memory of it grows, and its name may
/// have moved to another machine.
const AGE_MAX: Duration = Duration::from_secs(30 * 60);

/// How long a connection may take to be closed politely.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// How long things may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    /// Connecting, TLS and the password included.
    pub(super) connect: Duration,
    /// Waiting for a free connection.
    pub(super) busy: Duration,
    /// The answer to a statement.
    pub(super) answer: Duration,
}

/// What one node has open.
pub(super) struct Connections {
    options: PgConnectOptions,
    connections_max: u32,
    times: Times,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    away: Mutex<Option<Away>>,
}

/// The driver's options would show the password.
impl fmt::Debug for Connections {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Connections").field("times", &self.times).finish_non_exhaustive()
    }
}

struct Idle {
    connection: PgConnection,
    opened: Instant,
    since: Instant,
}

struct Away {
    until: Instant,
    error: RecordsError,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Connections {
    pub(super) fn new(options: PgConnectOptions, connections_max: u32, times: Times) -> Arc<Self> {
        let connections_max = connections_max.max(1);
        Arc::new(Self {
            options,
            connections_max,
            times,
            places: Arc::new(Semaphore::new(connections_max as usize)),
            idle: Mutex::new(Vec::new()),
            away: Mutex::new(None),
        })
    }

    /// A connection for one use.
    pub(super) async fn lease(self: &Arc<Self>) -> Result<Lease, RecordsError> {
        let place = timeout(self.times.busy, Arc::clone(&self.places).acquire_owned()).await;
        let place = place.map_err(|_| {
            let (all, ms) = (self.connections_max, self.times.busy.as_millis());
            RecordsError::Busy(format!("none of {all} connections was free within {ms} ms"))
        })?;
        let place = place.map_err(|_| RecordsError::Unavailable("they are closed".to_owned()))?;
        let (connection, opened) = match self.take_idle().await {
            Some(idle) => (idle.connection, idle.opened),
            None => (self.connect().await?, Instant::now()),
        };
        Ok(Lease {
            connections: Arc::clone(self),
            held: Some(Held { connection, opened, _place: place }),
            is_sound: true,
            in_transaction: false,
        })
    }

    /// One that works. After one that does not, the others are not tried: they broke together.
    async fn take_idle(&self) -> Option<Idle> {
        let mut idle = locked(&self.idle).pop()?;
        if idle.since.elapsed() < TRUSTED_FOR {
            return Some(idle);
        }
        if matches!(timeout(self.times.connect, idle.connection.ping()).await, Ok(Ok(()))) {
            return Some(idle);
        }
        locked(&self.idle).clear();
        None
    }

    /// A new connection, unless somebody has just tried in vain.
    pub(super) async fn connect(&self) -> Result<PgConnection, RecordsError> {
        if let Some(away) = locked(&self.away).as_ref()
            && Instant::now() < away.until
        {
            return Err(away.error.clone());
        }
        let error = match timeout(self.times.connect, self.options.connect()).await {
            Ok(Ok(connection)) => {
                *locked(&self.away) = None;
                return Ok(connection);
            }
            Ok(Err(error)) => named(&error),
            Err(_) => {
                let ms = self.times.connect.as_millis();
                RecordsError::Unavailable(format!("no connection within {ms} ms"))
            }
        };
        self.note_away(&error);
        Err(error)
    }

    fn note_away(&self, error: &RecordsError) {
        let away = Away { until: Instant::now() + AWAY_PAUSE, error: error.clone() };
        *locked(&self.away) = Some(away);
    }

    /// Closes what is idle now and what is in use when it comes back; gives nothing out any more.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(self.connections_max).await;
        self.places.close();
        drop(all);
        let idle = std::mem::take(&mut *locked(&self.idle));
        let closing = idle.into_iter().map(|idle| timeout(CLOSE_PATIENCE, idle.connection.close()));
        // One that cannot say goodbye is gone all the same.
        drop(futures::future::join_all(closing).await);
    }
}

/// A connection in use.
struct Held {
    connection: PgConnection,
    opened: Instant,
    _place: OwnedSemaphorePermit,
}

/// A connection for one use; given back when it is dropped, if it still works.
pub(super) struct Lease {
    connections: Arc<Connections>,
    held: Option<Held>,
    /// False while the server's answer is awaited, and after it broke.
    is_sound: bool,
    in_transaction: bool,
}

impl fmt::Debug for Lease {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lease").field("is_sound", &self.is_sound).finish_non_exhaustive()
    }
}

impl Lease {
    /// Asks the server for something and waits for its answer.
    pub(super) async fn ask<T>(
        &mut self,
        question: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, RecordsError> {
        let patience = self.connections.times.answer;
        let Some(held) = self.held.as_mut().filter(|_| self.is_sound) else {
            return Err(RecordsError::Unavailable("the connection broke before".to_owned()));
        };
        // Should nobody wait for the answer, the connection is in the middle of it.
        self.is_sound = false;
        match timeout(patience, question(&mut held.connection)).await {
            Ok(Ok(answer)) => {
                self.is_sound = true;
                Ok(answer)
            }
            Ok(Err(error)) => {
                self.is_sound = is_sound_after(&error);
                Err(named(&error))
            }
            Err(_) => {
                let ms = patience.as_millis();
                let error = RecordsError::Unavailable(format!("no answer within {ms} ms"));
                self.connections.note_away(&error);
                Err(error)
            }
        }
    }

    /// As [`Lease::ask`], for what begins a transaction.
    pub(super) async fn begin(
        &mut self,
        question: impl AsyncFnOnce(&mut PgConnection) -> Result<(), sqlx::Error>,
    ) -> Result<(), RecordsError> {
        self.in_transaction = true;
        self.ask(question).await
    }

    /// Ends the transaction. After an error nothing, or everything, was written.
    pub(super) async fn commit(&mut self) -> Result<(), RecordsError> {
        self.end("COMMIT").await
    }

    async fn end(&mut self, text: &'static str) -> Result<(), RecordsError> {
        self.ask(async |connection: &mut PgConnection| {
            sqlx::Executor::execute(connection, sqlx::raw_sql(text)).await
        })
        .await?;
        self.in_transaction = false;
        Ok(())
    }

    fn give_back(&mut self) {
        let Some(Held { connection, opened, _place }) = self.held.take() else { return };
        if opened.elapsed() < AGE_MAX {
            let idle = Idle { connection, opened, since: Instant::now() };
            locked(&self.connections.idle).push(idle);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.is_sound || self.held.is_none() {
            return;
        }
        if !self.in_transaction {
            self.give_back();
            return;
        }
        // What was begun is rolled back before anybody else has the connection. Without a runtime it
        // is closed, and the server rolls back.
        let (Ok(runtime), Some(held)) = (Handle::try_current(), self.held.take()) else { return };
        let connections = Arc::clone(&self.connections);
        runtime.spawn(async move {
            // Made in here: a runtime that stops drops this unheard, and the connection with it.
            let held = Some(held);
            let mut lease = Self { connections, held, is_sound: true, in_transaction: true };
            if lease.end("ROLLBACK").await.is_err() {
                drop(lease.held.take());
            }
        });
    }
}
