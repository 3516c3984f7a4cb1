//! Opens what the configuration names, in the order in which the parts need each other.
//!
//! [`Office`] is what the registry needs; it leaves the store alone, so it may be open beside a
//! running server. [`Floor`] has the store too, which one process owns, and the exchange on it.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{JoinError, spawn_blocking};

use crate::config::{Config, RecordsSettings, StoreSettings};
use crate::flow::administer::{AdminError, Administration, AdministrationParts};
use crate::flow::custody::{CustodyError, claim_installation};
use crate::flow::{Exchange, ExchangeParts};
use crate::metrics::Metrics;
use crate::ports::records::RecordsError;
use crate::ports::{AuctionStore, Clock, Entropy};
use crate::records::{Postgres, SqlRecords, Sqlite};
use crate::registry::compile::Surroundings;
use crate::store::embedded::{self, EmbeddedSettings, EmbeddedStore};
use crate::store::redis::{self, RedisSettings, RedisStore};
use crate::system::{EntropyUnavailable, SystemEntropy};
use crate::vault::{KeyFileError, Vault, VaultError, read_key_file};
use crate::wire::{BuyerClient, WireSetupError};

/// Why something could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The machine gives no random bytes.
    #[error(transparent)]
    Entropy(#[from] EntropyUnavailable),
    /// The master key could not be read.
    #[error(transparent)]
    MasterKey(#[from] KeyFileError),
    /// The days' keys could not be read, or belong to another master key.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The records.
    #[error(transparent)]
    Records(#[from] RecordsError),
    /// The store on this disk.
    #[error(transparent)]
    Store(#[from] embedded::OpenError),
    /// The store on Redis.
    #[error(transparent)]
    Redis(#[from] redis::OpenError),
    /// A crash was asked for at a point that does not exist.
    #[cfg(feature = "faults")]
    #[error(transparent)]
    Fault(#[from] crate::store::crash_points::UnknownPoint),
    /// The way to buyers.
    #[error(transparent)]
    Wire(#[from] WireSetupError),
    /// Day keys could not be agreed upon with the other nodes, or this node is of another
    /// installation.
    #[error(transparent)]
    Custody(#[from] CustodyError),
    /// The registry as it is kept cannot be used.
    #[error(transparent)]
    Registry(#[from] AdminError),
    /// Opening was cut off: our own fault.
    #[error("opening ended early: {0}")]
    Ended(#[from] JoinError),
}

/// The vault, the records and the registry.
pub struct Office {
    /// Wall time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Sealing and keyed digests.
    pub vault: Arc<Vault>,
    /// The permanent records.
    pub records: Arc<SqlRecords>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The registry, with the present snapshot.
    pub administration: Arc<Administration>,
}

impl Office {
    /// Opens it.
    ///
    /// # Errors
    /// [`OpenError`], with everything closed again.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        let clock = clock();
        let entropy = SystemEntropy::new()?;
        let master = read_key_file(&config.vault.key_file)?;
        let random = Box::new(move |bytes: &mut [u8]| entropy.fill(bytes));
        let vault = Arc::new(Vault::open(&master, config.vault.day_key_folder.clone(), random)?);
        let entropy: Arc<dyn Entropy> = Arc::new(entropy);
        let records = match &config.records {
            RecordsSettings::Sqlite(settings) => Sqlite::open(settings.clone()).await?,
            RecordsSettings::Postgres(settings) => Postgres::open(settings.clone()).await?,
        };
        let metrics = Arc::new(Metrics::new());
        let currency = &config.exchange.currency;
        let administration = Arc::new(Administration::new(AdministrationParts {
            records: records.clone(),
            vault: Arc::clone(&vault),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
            surroundings: Surroundings::new(currency, config.wire.address_policy()),
            metrics: Arc::clone(&metrics),
        }));
        let office = Self { clock, entropy, vault, records, metrics, administration };
        match office.get_ready().await {
            Ok(()) => Ok(office),
            Err(error) => {
                office.close().await;
                Err(error)
            }
        }
    }

    async fn get_ready(&self) -> Result<(), OpenError> {
        claim_installation(&*self.records, &self.vault).await?;
        Ok(self.administration.refresh().await?)
    }

    /// Closes the records.
    pub async fn close(&self) {
        self.records.close().await;
    }
}

/// The office, the store, and the exchange on top of them; nothing runs yet.
pub struct Floor {
    /// What the registry needs.
    pub office: Office,
    /// Auctions in flight.
    pub store: OpenStore,
    /// The exchange.
    pub exchange: Arc<Exchange>,
}

impl Floor {
    /// Opens it; auctions will run on the present runtime.
    ///
    /// # Errors
    /// [`OpenError`], with everything closed again.
    pub async fn open(config: &Config) -> Result<Self, OpenError> {
        let office = Office::open(config).await?;
        match Self::on(&office, config).await {
            Ok((store, exchange)) => Ok(Self { office, store, exchange }),
            Err(error) => {
                office.close().await;
                Err(error)
            }
        }
    }

    async fn on(office: &Office, config: &Config) -> Result<(OpenStore, Arc<Exchange>), OpenError> {
        let wire = Arc::new(BuyerClient::new(&config.wire)?);
        let store = OpenStore::open(office, &config.store).await?;
        let runtime = Handle::current();
        let metrics = Arc::clone(&office.metrics);
        metrics.watch_runtime(&runtime.metrics());
        let exchange = Exchange::new(ExchangeParts {
            store: in_use(store.in_use())?,
            records: office.records.clone(),
            wire,
            clock: Arc::clone(&office.clock),
            entropy: Arc::clone(&office.entropy),
            vault: Arc::clone(&office.vault),
            metrics,
            limits: config.limits.clone(),
            event_settings: config.events.clone(),
            endpoint_places: config.wire.endpoint_calls_in_flight_max,
            administration: Arc::clone(&office.administration),
            tasks: runtime.into(),
        });
        Ok((store, exchange))
    }

    /// Closes the store, when what it was given is durable, and the records.
    pub async fn close(self) {
        self.store.close().await;
        self.office.close().await;
    }
}

/// The store that the configuration names.
pub enum OpenStore {
    /// In this process, which owns it.
    Embedded(Arc<EmbeddedStore>),
    /// On servers; it never stops by itself, and the channel says so.
    Redis(Arc<RedisStore>, watch::Sender<Option<String>>),
}

impl OpenStore {
    async fn open(office: &Office, settings: &StoreSettings) -> Result<Self, OpenError> {
        let install_mark = Some(install_mark(&office.vault));
        match settings {
            StoreSettings::Embedded(settings) => {
                let settings = EmbeddedSettings { install_mark, ..settings.clone() };
                let clock = Arc::clone(&office.clock);
                let open = spawn_blocking(move || EmbeddedStore::open(settings, clock));
                Ok(Self::Embedded(open.await??))
            }
            StoreSettings::Redis(settings) => {
                let settings = RedisSettings { install_mark, ..settings.clone() };
                Ok(Self::Redis(RedisStore::open(settings).await?, watch::Sender::new(None)))
            }
        }
    }

    fn in_use(&self) -> Arc<dyn AuctionStore> {
        match self {
            Self::Embedded(store) => Arc::clone(store) as _,
            Self::Redis(store, _) => Arc::clone(store) as _,
        }
    }

    /// Says why the store has stopped, once it has.
    #[must_use]
    pub fn fatal(&self) -> watch::Receiver<Option<String>> {
        match self {
            Self::Embedded(store) => store.fatal(),
            Self::Redis(_, never) => never.subscribe(),
        }
    }

    async fn close(self) {
        // Connections to servers close with the last who uses them.
        let Self::Embedded(store) = self else { return };
        if let Err(error) = spawn_blocking(move || store.close()).await {
            tracing::error!(error = error.to_string(), "close.store_failed");
        }
    }
}

/// The machine's clock.
#[cfg(not(feature = "faults"))]
fn clock() -> Arc<dyn Clock> {
    Arc::new(crate::system::SystemClock)
}

/// The machine's clock, or one that is wrong, where the environment asks for it.
#[cfg(feature = "faults")]
fn clock() -> Arc<dyn Clock> {
    crate::system::stepped::from_environment()
}

/// The store as the exchange uses it.
#[cfg(not(feature = "faults"))]
fn in_use(store: Arc<dyn AuctionStore>) -> Result<Arc<dyn AuctionStore>, OpenError> {
    Ok(store)
}

/// The store as the exchange uses it: around it, where the environment asks for one, a crash.
#[cfg(feature = "faults")]
fn in_use(store: Arc<dyn AuctionStore>) -> Result<Arc<dyn AuctionStore>, OpenError> {
    Ok(crate::store::crash_points::from_environment(store)?)
}

/// The vault's mark as the store keeps it.
fn install_mark(vault: &Vault) -> [u8; 32] {
    let mut mark = [0; 32];
    let known = vault.install_mark();
    mark[..known.len()].copy_from_slice(&known);
    mark
}
