//! The configuration of the process: `gavel.toml`, under the environment, over the defaults.
//!
//! It says where the process listens, keeps its state and stops; it knows nothing about business,
//! which lives in the registry. The defaults are a complete, commented file of their own
//! ([`TEMPLATE`]), which `gavel init` writes out. Whatever is wrong is reported at once, each fault
//! with its key and where it stands. No secret is ever in here: secrets are files that it names.

mod check;
mod layers;

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::event_settings::EventSettings;
use crate::domain::limits::Limits;
use crate::records::{PostgresSettings, PostgresUrl, SqliteSettings};
use crate::store::embedded::EmbeddedSettings;
use crate::store::redis::{RedisSettings, ServerUrl};
use crate::wire::{WireSettings, WireSetupError};

use layers::Layers;

/// A complete `gavel.toml` that sets every value to its default.
pub const TEMPLATE: &str = include_str!("config/gavel.toml");

/// A template for trying things out: buyers may be on this machine, without TLS.
#[must_use]
pub fn local_template() -> String {
    TEMPLATE.replacen("allow_networks = []             ", "allow_networks = [\"127.0.0.0/8\"]", 1)
}

/// What the environment variables that override the file start with.
pub const ENVIRONMENT_PREFIX: &str = "GAVEL__";

/// The whole configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The folder of the file: relative paths start here, and `operator.key` lies here.
    pub folder: PathBuf,
    /// What holds for the whole exchange.
    pub exchange: Exchange,
    /// The API.
    pub http: Http,
    /// A listener of its own for operators' routes.
    pub admin: Option<Listener>,
    /// The listener of metrics and health.
    pub metrics: Listener,
    /// What is logged, and how.
    pub log: Log,
    /// Where the master key is.
    pub vault: Vault,
    /// The store of auctions in flight.
    pub store: StoreSettings,
    /// The permanent records.
    pub records: RecordsSettings,
    /// Outbound HTTP.
    pub wire: WireSettings,
    /// The limits of this node.
    pub limits: Limits,
    /// How vendors and buyers are told of events.
    pub events: EventSettings,
}

/// What holds for the whole exchange.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Its one currency: three capital letters (ISO 4217).
    pub currency: String,
}

/// The API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port; port 0 takes any free one.
    pub listen: SocketAddr,
    /// Threads that take requests; `None` = one for each processor.
    pub workers: Option<NonZeroUsize>,
}

/// Where a further server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Address and port; port 0 takes any free one.
    pub listen: SocketAddr,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    Json,
    /// One line of text, for people.
    Text,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// A level, or directives such as `info,gavel::wire=debug`.
    pub level: String,
    /// How lines look.
    pub format: LogFormat,
}

/// Where the master key is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vault {
    /// The file of the master key, readable by its owner alone.
    pub key_file: PathBuf,
    /// The folder of the days' keys.
    pub day_key_folder: PathBuf,
}

impl Vault {
    fn within(self, folder: &Path) -> Self {
        Self {
            key_file: folder.join(self.key_file),
            day_key_folder: folder.join(self.day_key_folder),
        }
    }
}

/// Which store, and its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreSettings {
    /// In this process, on this disk: one node.
    Embedded(EmbeddedSettings),
    /// On Redis servers: any number of nodes.
    Redis(RedisSettings),
}

/// Which records, and their settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordsSettings {
    /// One file on this disk: one node.
    Sqlite(SqliteSettings),
    /// A database on a server: any number of nodes.
    Postgres(PostgresSettings),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{message}", prefix(place), prefix(key))]
pub struct Fault {
    /// File and line, or the environment variable; empty for a value nobody set.
    pub place: String,
    /// The key, such as `limits.post_ms`; empty for the file as a whole.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
}

fn prefix(part: &str) -> String {
    if part.is_empty() { String::new() } else { format!("{part}: ") }
}

/// Everything that is wrong, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFaults(pub Vec<Fault>);

impl std::error::Error for ConfigFaults {}

impl std::fmt::Display for ConfigFaults {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = self.0.len();
        write!(out, "the configuration has {count} fault{}", if count == 1 { "" } else { "s" })?;
        self.0.iter().try_for_each(|fault| write!(out, "\n  {fault}"))
    }
}

impl Config {
    /// Reads the file at `path`, overlays `environment` (all of the process's variables; those that
    /// do not start with [`ENVIRONMENT_PREFIX`] are left alone) and checks the whole.
    ///
    /// # Errors
    /// [`ConfigFaults`] with everything that is wrong.
    pub fn load(
        path: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigFaults> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let place = path.display().to_string();
            let message = format!("cannot be read ({error}); `gavel init` writes one");
            ConfigFaults(vec![Fault { place, key: String::new(), message }])
        })?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        Self::parse(&text, path, folder, environment)
    }

    /// As [`Config::load`], with the file's text at hand; `path` is only for messages.
    ///
    /// # Errors
    /// [`ConfigFaults`] with everything that is wrong.
    pub fn parse(
        text: &str,
        path: &Path,
        folder: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigFaults> {
        let mut layers = Layers::new(text, path, environment);
        let read = Self::read(&mut layers, folder);
        let faults = layers.into_faults();
        match read {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(ConfigFaults(faults)),
        }
    }

    fn read(layers: &mut Layers, folder: &Path) -> Option<Self> {
        let exchange = layers.section::<Exchange>("exchange");
        let http = layers.section::<Http>("http");
        let admin = layers.optional_section::<Listener>("admin");
        let metrics = layers.section::<Listener>("metrics");
        let log = layers.section::<Log>("log");
        let vault = layers.section::<Vault>("vault");
        let store = read_store(layers, folder);
        let records = read_records(layers, folder);
        let wire = read_wire(layers, folder);
        let limits = layers.section::<Limits>("limits");
        let events = layers.section::<EventSettings>("events");
        check::exchange(exchange.as_ref(), layers);
        check::log(log.as_ref(), layers);
        let listeners = [
            ("http", http.map(|http| http.listen)),
            ("metrics", metrics.map(|metrics| metrics.listen)),
            ("admin", admin.flatten().map(|admin| admin.listen)),
        ];
        check::listeners(listeners, layers);
        check::limits(limits.as_ref(), layers);
        check::events(events.as_ref(), layers);
        check::retention(limits.as_ref(), store.as_ref(), layers);
        check::nodes(store.as_ref(), records.as_ref(), layers);
        Some(Self {
            folder: folder.to_owned(),
            exchange: exchange?,
            http: http?,
            admin: admin?,
            metrics: metrics?,
            log: log?,
            vault: vault.map(|vault| vault.within(folder))?,
            store: store?,
            records: records?,
            wire: wire?,
            limits: limits?,
            events: events?,
        })
    }

    /// What is allowed but probably not meant, one sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        check::warnings(self)
    }

    /// Where the operator's API key lies, for commands that go through the running server.
    #[must_use]
    pub fn operator_key_file(&self) -> PathBuf {
        self.folder.join("operator.key")
    }
}

fn read_store(layers: &mut Layers, folder: &Path) -> Option<StoreSettings> {
    if layers.kind("store", &["embedded", "redis"], &[])? == "redis" {
        return read_redis(layers, folder).map(StoreSettings::Redis);
    }
    let settings: EmbeddedSettings = layers.section("store")?;
    let path = folder.join(&settings.path);
    for fault in settings.faults() {
        layers.fault_at("store", None, fault);
    }
    Some(StoreSettings::Embedded(EmbeddedSettings { path, ..settings }))
}

fn read_redis(layers: &mut Layers, folder: &Path) -> Option<RedisSettings> {
    let settings: RedisSettings = layers.section("store")?;
    for (key, fault) in settings.faults() {
        layers.fault_at("store", Some(key), fault);
    }
    if settings.urls.iter().any(ServerUrl::has_password) {
        refuse_password(layers, ("store", "urls"), "password_file");
    }
    let password_file = settings.password_file.map(|file| folder.join(file));
    Some(RedisSettings { password_file, ..settings })
}

/// Faults a value with a password in it if it stands in the file, where others may read it.
fn refuse_password(layers: &mut Layers, (section, key): (&str, &str), file_key: &str) {
    if layers.stands_in_file(section, key) {
        let variable =
            format!("{ENVIRONMENT_PREFIX}{}__{}", section.to_uppercase(), key.to_uppercase());
        let message = format!(
            "has a password, which does not belong into this file: name a file with \
             `{file_key}`, or set {variable}"
        );
        layers.fault_at(section, Some(key), message);
    }
}

fn read_records(layers: &mut Layers, folder: &Path) -> Option<RecordsSettings> {
    if layers.kind("records", &["sqlite", "postgres"], &[])? == "postgres" {
        return read_postgres(layers, folder).map(RecordsSettings::Postgres);
    }
    let settings: SqliteSettings = layers.section("records")?;
    let path = folder.join(settings.path);
    Some(RecordsSettings::Sqlite(SqliteSettings { path, ..settings }))
}

fn read_postgres(layers: &mut Layers, folder: &Path) -> Option<PostgresSettings> {
    let settings: PostgresSettings = layers.section("records")?;
    for (key, fault) in settings.faults() {
        layers.fault_at("records", Some(key), fault);
    }
    if settings.url.as_ref().is_some_and(PostgresUrl::has_password) {
        refuse_password(layers, ("records", "url"), "url_file");
    }
    let url_file = settings.url_file.map(|file| folder.join(file));
    Some(PostgresSettings { url_file, ..settings })
}

fn read_wire(layers: &mut Layers, folder: &Path) -> Option<WireSettings> {
    let settings: WireSettings = layers.section("wire")?;
    for fault in settings.faults() {
        if let WireSetupError::OutOfBounds { name, value, least, most } = fault {
            let message = format!("is {value}, but must be {least} to {most}");
            layers.fault_at("wire", Some(name), message);
        }
    }
    let extra_ca_file = settings.extra_ca_file.map(|file| folder.join(file));
    Some(WireSettings { extra_ca_file, ..settings })
}

#[cfg(test)]
mod tests;
