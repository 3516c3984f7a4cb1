//! The connection to a single server: made anew when it breaks or falls silent, and the server behind
//! a new one is looked at before anybody uses it.
//!
//! The library's own manager keeps a connection on which replies stay out (a lost route looks like
//! a slow server), and gives a new one to whoever waits. A server that came back without its data, or
//! with settings under which it may lose them, would be written to as if nothing had happened.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use redis::aio::{ConnectionLike as _, MultiplexedConnection};
use redis::{AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, RedisResult, Value};
use tokio::sync::Mutex;

use super::settings::RedisSettings;
use super::startup::{self, Marks};

/// The way to one server.
pub(super) struct Single {
    client: Client,
    config: AsyncConnectionConfig,
    settings: RedisSettings,
    current: ArcSwapOption<MultiplexedConnection>,
    /// Held by whoever connects; how the last attempt failed.
    connecting: Mutex<Option<redis::RedisError>>,
    /// Counts the attempts, so that who waited for one does not make another.
    attempts: AtomicU64,
    /// What a server must still hold to be the one that was opened.
    marks: OnceLock<Marks>,
}

impl Single {
    /// Connects for the first time.
    pub(super) async fn connect(
        server: ConnectionInfo,
        settings: &RedisSettings,
    ) -> RedisResult<Self> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(Duration::from_millis(settings.connect_timeout_ms)))
            .set_response_timeout(Some(Duration::from_millis(settings.reply_timeout_ms)))
            .set_pipeline_buffer_size(settings.commands_in_flight_max)
            .set_concurrency_limit(settings.commands_in_flight_max);
        let single = Self {
            client: Client::open(server)?,
            config,
            settings: settings.clone(),
            current: ArcSwapOption::empty(),
            connecting: Mutex::new(None),
            attempts: AtomicU64::new(0),
            marks: OnceLock::new(),
        };
        single.connection().await?;
        Ok(single)
    }

    /// From now on a new connection is used only if the server still has these marks, and its
    /// settings.
    pub(super) fn expect(&self, marks: Marks) {
        let _ = self.marks.set(marks);
    }

    /// Sends a command.
    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let current = self.connection().await?;
        let reply = MultiplexedConnection::clone(&current).req_packed_command(command).await;
        if let Err(error) = &reply
            && (error.is_unrecoverable_error()
                || error.is_connection_dropped()
                || error.is_timeout())
        {
            // Only the connection that failed: another one may have been made meanwhile.
            self.current.compare_and_swap(&current, None);
        }
        reply
    }

    async fn connection(&self) -> RedisResult<Arc<MultiplexedConnection>> {
        if let Some(current) = self.current.load_full() {
            return Ok(current);
        }
        let seen = self.attempts.load(Ordering::Acquire);
        let mut failure = self.connecting.lock().await;
        if let Some(current) = self.current.load_full() {
            return Ok(current);
        }
        if self.attempts.load(Ordering::Acquire) != seen
            && let Some(error) = &*failure
        {
            return Err(error.clone());
        }
        let made = self.make().await;
        self.attempts.fetch_add(1, Ordering::AcqRel);
        match made {
            Ok(connection) => {
                let current = Arc::new(connection);
                self.current.store(Some(Arc::clone(&current)));
                *failure = None;
                Ok(current)
            }
            Err(error) => {
                *failure = Some(error.clone());
                Err(error)
            }
        }
    }

    async fn make(&self) -> RedisResult<MultiplexedConnection> {
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&self.config).await?;
        let Some(marks) = self.marks.get() else { return Ok(connection) };
        let mut ask = async |question: Cmd| match connection.req_packed_command(&question).await? {
            // Such as that it is still reading its data.
            Value::ServerError(refusal) => Err(redis::RedisError::from(refusal)),
            answer => Ok(answer),
        };
        let info = ask(startup::ask_for_info()).await?;
        let config = ask(startup::ask_for_config()).await?;
        let found = ask(startup::ask_for_marks()).await?;
        startup::recognize(&self.settings, (info, config), (marks, found)).map_err(|error| {
            let what = "the server that answers now is not to be used";
            redis::RedisError::from((ErrorKind::Io, what, error.to_string()))
        })?;
        Ok(connection)
    }
}
