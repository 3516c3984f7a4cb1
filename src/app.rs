//! Start-up and shut-down: opens what the configuration names, puts it together, takes it apart.
//!
//! [`Running`] is a whole exchange in this process, for `gavel serve` and for tests alike; nothing
//! in it is global, so several may run side by side. There are no rules about leads in here.

mod commands;
mod demo;
mod explain;
mod open;
mod try_buyer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::flow::Exchange;
use crate::flow::custody::CustodyError;
use crate::http::{self, Api, KEEP_ALIVE, ServerSettings, Servers};
use crate::intake::fields::phone;
use crate::ports::Records;

pub use commands::run;
pub use open::{Floor, Office, OpenError};

/// How often day keys are looked after: so long a key that was destroyed may stay in memory.
const DAY_KEY_PERIOD: Duration = Duration::from_secs(600);
/// Pause after day keys could not be looked after.
const DAY_KEY_TROUBLE_PAUSE: Duration = Duration::from_secs(10);

/// How long a stopping node goes on answering at least, so that balancers and clients notice.
const DRAIN_NOTICE: Duration = Duration::from_millis(500);

/// Why an exchange did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Something it needs could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A listener could not be had.
    #[error(transparent)]
    Listen(std::io::Error),
}

/// Why serving ended otherwise than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It never began.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Signals cannot be heard.
    #[error("signals cannot be heard: {0}")]
    Signals(std::io::Error),
    /// The store stopped; what is in flight goes on after the next start.
    #[error("the auction store stopped: {0}")]
    Store(String),
    /// A second signal came while stopping; what is in flight goes on after the next start.
    #[error("stopped at once by a second signal")]
    Interrupted,
}

/// An exchange at work.
pub struct Running {
    floor: Floor,
    servers: Servers,
    /// What goes on beside the exchange's own work.
    chores: TaskTracker,
    stopping: CancellationToken,
}

impl Running {
    /// Opens everything `config` names and starts answering. Must be called on the multi-thread
    /// runtime that is to carry the auctions.
    ///
    /// # Errors
    /// [`StartError`], with everything closed again.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let floor = Floor::open(config).await?;
        if let Err(error) = keep_day_keys(&floor.exchange).await {
            floor.close().await;
            return Err(StartError::Open(error.into()));
        }
        warm_up();
        let settings = ServerSettings {
            api: config.http.listen,
            admin: config.admin.map(|admin| admin.listen),
            metrics: config.metrics.listen,
            workers: config.http.workers,
            keep_alive: KEEP_ALIVE,
        };
        let api = Arc::new(Api::new(Arc::clone(&floor.exchange), Handle::current()));
        let servers = match http::start(settings, &api) {
            Ok(servers) => servers,
            Err(error) => {
                floor.close().await;
                return Err(StartError::Listen(error));
            }
        };
        floor.exchange.start();
        let (chores, stopping) = (TaskTracker::new(), CancellationToken::new());
        let keep = keep_day_keys_for_ever(Arc::clone(&floor.exchange));
        let stop = stopping.clone();
        chores.spawn(async move { stop.run_until_cancelled(keep).await });
        Ok(Self { floor, servers, chores, stopping })
    }

    /// Where the API listens.
    #[must_use]
    pub const fn http_address(&self) -> SocketAddr {
        self.servers.addresses().api
    }

    /// Where operators' routes are: the API's address unless they have a listener of their own.
    #[must_use]
    pub fn admin_address(&self) -> SocketAddr {
        self.servers.addresses().admin.unwrap_or_else(|| self.http_address())
    }

    /// Where metrics and health are.
    #[must_use]
    pub const fn metrics_address(&self) -> SocketAddr {
        self.servers.addresses().metrics
    }

    /// Its permanent records.
    #[must_use]
    pub fn records(&self) -> &dyn Records {
        &*self.floor.office.records
    }

    /// The exchange.
    #[must_use]
    pub const fn exchange(&self) -> &Arc<Exchange> {
        &self.floor.exchange
    }

    /// Says why the store has stopped, once it has: then the process must end.
    #[must_use]
    pub fn fatal(&self) -> watch::Receiver<Option<String>> {
        self.floor.store.fatal()
    }

    /// Stops gracefully: takes no new leads and no new connections, waits for auctions up to
    /// `limits.drain_ms`, settles, and closes store and records.
    ///
    /// Auctions that are not over by then are durable; they go on at the next start. So does
    /// everything if this is not awaited to its end.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.chores.close();
        // Requests are answered while auctions end, new leads with 503: whoever sends them hears
        // where it stands, and closes its connection, before the listeners are gone.
        let notice = tokio::time::sleep(DRAIN_NOTICE);
        tokio::join!(self.floor.exchange.drain(), notice);
        tokio::join!(self.servers.stop(), self.chores.wait());
        self.floor.close().await;
    }
}

/// Loads what the first lead would otherwise wait for.
fn warm_up() {
    tokio::task::spawn_blocking(phone::warm_up);
}

/// Agrees on the keys of today and tomorrow before a lead needs them.
async fn keep_day_keys(exchange: &Exchange) -> Result<(), CustodyError> {
    let today = TimeZone::UTC.to_datetime(exchange.clock().now()).date();
    exchange.custody().keep(&[today, today.tomorrow().unwrap_or(today)]).await
}

async fn keep_day_keys_for_ever(exchange: Arc<Exchange>) {
    loop {
        let pause = match keep_day_keys(&exchange).await {
            Ok(()) => DAY_KEY_PERIOD,
            Err(error) => {
                tracing::error!(error = error.to_string(), "vault.day_keys_failed");
                DAY_KEY_TROUBLE_PAUSE
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// SIGTERM and SIGINT.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Runs an exchange until SIGTERM or SIGINT, or until its store stops.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(config: &Config) -> Result<(), ServeError> {
    let mut signals = Signals::listen().map_err(ServeError::Signals)?;
    for warning in config.warnings() {
        tracing::warn!(detail = warning, "config.doubtful");
    }
    let running = Running::start(config).await?;
    let (http, metrics) = (running.http_address(), running.metrics_address());
    tracing::info!(address = %http, version = env!("CARGO_PKG_VERSION"), "serve.listening");
    tracing::info!(address = %metrics, "serve.metrics");
    let mut fatal = running.fatal();
    tokio::select! {
        signal = signals.next() => tracing::info!(signal, "serve.stopping"),
        failed = fatal.wait_for(Option::is_some) => {
            let why = failed.ok().and_then(|why| why.clone());
            let why = why.unwrap_or_else(|| "its writer ended".to_owned());
            tracing::error!(error = why, "serve.store_stopped");
            return Err(ServeError::Store(why));
        }
    }
    tokio::select! {
        () = running.stop() => {
            tracing::info!("serve.stopped");
            Ok(())
        }
        signal = signals.next() => {
            tracing::warn!(signal, "serve.interrupted");
            Err(ServeError::Interrupted)
        }
    }
}

#[cfg(test)]
mod tests;
