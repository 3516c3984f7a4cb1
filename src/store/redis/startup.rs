//! What must hold of the servers before a lead is taken in. Each refusal says what to set.

use std::collections::{BTreeMap, BTreeSet};

use redis::{Cmd, RedisError, Value};

use super::RedisStore;
use super::keys::{self, hex};
use super::link::Link;
use super::rows::FORMAT;
use super::script::{self, Operation};
use super::settings::{Durability, RedisSettings};
use super::view::{array_of, optional_bytes_of, text_of};
use crate::ports::auction_store::{RELAXED, StoreError};
use crate::vault::read_private_line;
use zeroize::Zeroizing;

/// The oldest version whose streams number themselves and whose scripts declare what they do.
const VERSION_MIN: (u32, u32) = (7, 0);

/// Why the store does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The settings cannot be used.
    #[error("store settings: {}", .0.join("; "))]
    Settings(Vec<String>),
    /// The file of the password cannot be read.
    #[error("store.password_file: {0}")]
    Password(String),
    /// No server answers.
    #[error("the store at {servers} cannot be reached: {error}")]
    Unreachable {
        /// The servers, without passwords.
        servers: String,
        /// What the client library said.
        error: String,
    },
    /// The servers are not set up for what the settings promise.
    #[error("the store's servers are not set up for it: {}", .0.join("; "))]
    Unfit(Vec<String>),
    /// The data was written in another format.
    #[error(
        "the store's data has format {found}, this program reads {FORMAT}: use the version of the program that wrote it, or an empty server"
    )]
    Format {
        /// The format found.
        found: String,
    },
    /// The partition count was fixed when the store was made.
    #[error(
        "the store was made with {found} partitions, `partitions` says {wanted}: set it to {found}"
    )]
    Partitions {
        /// The count it was made with.
        found: String,
        /// The count in the settings.
        wanted: u16,
    },
    /// The data belongs to another installation: its keys would mean nothing here.
    #[error(
        "the store's data belongs to another installation (its key file differs): give this one a server, or a database, of its own"
    )]
    OtherInstall,
    /// A server that was there before has other data, or none.
    #[error(
        "the store's data is not what it was: bring the server back with its append-only file; to begin with empty data, stop all nodes first"
    )]
    DataGone,
    /// The servers stopped answering on the way.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The password of the settings' file.
pub(super) fn password(settings: &RedisSettings) -> Result<Option<Zeroizing<String>>, OpenError> {
    let Some(path) = &settings.password_file else { return Ok(None) };
    read_private_line(path).map(Some).map_err(|error| OpenError::Password(error.to_string()))
}

/// That no server answers.
pub(super) fn unreachable(settings: &RedisSettings, error: &RedisError) -> OpenError {
    let servers: Vec<String> = settings.urls.iter().map(ToString::to_string).collect();
    OpenError::Unreachable { servers: servers.join(", "), error: error.to_string() }
}

/// What one server says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Server {
    info: BTreeMap<String, String>,
    config: BTreeMap<String, String>,
}

impl Server {
    fn info(&self, key: &str) -> &str {
        self.info.get(key).map_or("", String::as_str)
    }

    fn config(&self, key: &str) -> &str {
        self.config.get(key).map_or("", String::as_str)
    }

    /// What makes it unfit.
    fn faults(&self, settings: &RedisSettings) -> Vec<String> {
        let mut faults = Vec::new();
        let mut check = |is_right: bool, fault: String| {
            if !is_right {
                faults.push(fault);
            }
        };
        let version = self.info("redis_version");
        let (major, minor) = VERSION_MIN;
        check(
            version_of(version) >= VERSION_MIN,
            format!("version {version}: use Redis {major}.{minor} or newer, or Valkey"),
        );
        let mode = self.info("redis_mode");
        check(
            (mode == "cluster") == settings.cluster,
            format!("the server is in mode `{mode}`: set `store.cluster` to fit"),
        );
        let role = self.info("role");
        check(role == "master", format!("the server's role is `{role}`: name the master"));
        let policy = self.config("maxmemory-policy");
        check(
            policy == "noeviction",
            format!("maxmemory-policy is `{policy}`: set it to `noeviction`, others drop leads"),
        );
        if settings.durability == Durability::Relaxed {
            return faults;
        }
        let or_relaxed = "or say `store.durability = \"relaxed\"` and lose leads with the server";
        let log = self.config("appendonly");
        check(log == "yes", format!("appendonly is `{log}`: set it to `yes`, {or_relaxed}"));
        let sync = self.config("appendfsync");
        check(
            sync == "always",
            format!("appendfsync is `{sync}`: set it to `always`, {or_relaxed}"),
        );
        let pause = self.config("no-appendfsync-on-rewrite");
        check(
            pause == "no",
            format!("no-appendfsync-on-rewrite is `{pause}`: set it to `no`, {or_relaxed}"),
        );
        faults
    }
}

fn version_of(text: &str) -> (u32, u32) {
    let mut parts = text.split('.').map(|part| part.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

/// `key:value` lines.
fn parse_info(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(key, value)| (key.to_owned(), value.trim_end().to_owned())).collect()
}

/// Keys and values in turn.
fn parse_config(value: Value) -> Result<BTreeMap<String, String>, StoreError> {
    let mut words = array_of(value)?.into_iter();
    let mut config = BTreeMap::new();
    while let (Some(key), Some(value)) = (words.next(), words.next()) {
        config.insert(text_of(key)?, text_of(value)?);
    }
    Ok(config)
}

/// What an acknowledged write survives.
pub(super) const fn durability(settings: &RedisSettings) -> &'static str {
    match (settings.durability, settings.cluster) {
        (Durability::Relaxed, _) => RELAXED,
        (Durability::Durable, false) => "redis-single",
        (Durability::Durable, true) => "redis-cluster",
    }
}

/// Asks every master about itself. Gives the names of their processes: a server that was started
/// anew has another one.
pub(super) async fn check_servers(
    link: &Link,
    settings: &RedisSettings,
) -> Result<BTreeSet<String>, OpenError> {
    let no_reply = |error: RedisError| unreachable(settings, &error);
    let infos = link.send_to_all(ask_for_info()).await.map_err(no_reply)?;
    let configs = link.send_to_all(ask_for_config()).await.map_err(|error| {
        let message = format!(
            "CONFIG GET is refused ({error}): let the user run it, so that appendonly, appendfsync \
             and maxmemory-policy can be checked"
        );
        OpenError::Unfit(vec![message])
    })?;
    check_fitness(settings, infos.into_iter().zip(configs))
}

/// Refuses servers that say of themselves what does not fit, each as `(INFO, CONFIG GET)`; gives the
/// names of their processes.
fn check_fitness(
    settings: &RedisSettings,
    servers: impl Iterator<Item = (Value, Value)>,
) -> Result<BTreeSet<String>, OpenError> {
    let (mut faults, mut runs) = (Vec::new(), BTreeSet::new());
    for (info, config) in servers {
        let server = Server { info: parse_info(&text_of(info)?), config: parse_config(config)? };
        for fault in server.faults(settings) {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        runs.insert(server.info("run_id").to_owned());
    }
    if faults.is_empty() { Ok(runs) } else { Err(OpenError::Unfit(faults)) }
}

/// What a server says of its version, mode and role.
pub(super) fn ask_for_info() -> Cmd {
    let mut ask = redis::cmd("INFO");
    ask.arg("server").arg("replication");
    ask
}

/// The settings that decide what an acknowledged write survives.
pub(super) fn ask_for_config() -> Cmd {
    let mut ask = redis::cmd("CONFIG");
    ask.arg("GET").arg("appendonly").arg("appendfsync").arg("no-appendfsync-on-rewrite");
    ask.arg("maxmemory-policy");
    ask
}

/// The marks of the installation, as they stand.
pub(super) fn ask_for_marks() -> Cmd {
    let mut ask = redis::cmd("HMGET");
    ask.arg(keys::INSTALL).arg(&MARKS[..]);
    ask
}

/// Whether a server that is met again is the one that was opened, and still fit.
pub(super) fn recognize(
    settings: &RedisSettings,
    (info, config): (Value, Value),
    (marks, found): (&Marks, Value),
) -> Result<(), OpenError> {
    check_fitness(settings, std::iter::once((info, config)))?;
    compare_marks(marks, found)
}

/// Whether the data is that which was opened.
pub(super) fn compare_marks(marks: &Marks, found: Value) -> Result<(), OpenError> {
    if Marks::read(found)? == *marks { Ok(()) } else { Err(OpenError::DataGone) }
}

/// Loads every script on every master, so that none is met for the first time by a lead.
pub(super) async fn load_scripts(link: &Link) -> Result<(), OpenError> {
    for script in script::all() {
        let mut load = redis::cmd("SCRIPT");
        load.arg("LOAD").arg(&script.text);
        let refused = |error: RedisError| {
            OpenError::Unfit(vec![format!("the script `{}` is refused: {error}", script.name)])
        };
        for sha in link.send_to_all(load).await.map_err(refused)? {
            let sha = text_of(sha)?;
            if sha != script.sha {
                let message = format!("the script `{}` is known as {sha} there", script.name);
                return Err(OpenError::Unfit(vec![message]));
            }
        }
    }
    Ok(())
}

/// What is written into a store when it is made, and never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marks {
    format: String,
    partitions: String,
    install: String,
    created_at: String,
}

/// The fields of [`Marks`], in their order.
const MARKS: [&str; 4] = ["format", "partitions", "mark", "created_at"];

impl Marks {
    /// When the store was made, as its servers say.
    pub(super) fn created_at(&self) -> &str {
        &self.created_at
    }

    fn read(reply: Value) -> Result<Self, StoreError> {
        let text = |value| {
            let bytes = optional_bytes_of(value)?.unwrap_or_default();
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let texts: Result<Vec<String>, StoreError> =
            array_of(reply)?.into_iter().map(text).collect();
        let texts: Result<[String; 4], _> = texts?.try_into();
        let [format, partitions, install, created_at] = texts.map_err(|_| {
            StoreError::Corrupt("the installation's marks cannot be read".to_owned())
        })?;
        Ok(Self { format, partitions, install, created_at })
    }
}

/// Compares the marks of the data with the settings; writes them into empty data.
pub(super) async fn check_marks(store: &RedisStore) -> Result<Marks, OpenError> {
    let settings = &store.settings;
    let mark = settings.install_mark.map(|mark| hex(&mark)).unwrap_or_default();
    let arguments = vec![
        FORMAT.to_string().into_bytes(),
        settings.partitions.to_string().into_bytes(),
        mark.clone().into_bytes(),
    ];
    let marks = store.run(Operation::Install, &[keys::INSTALL.to_owned()], arguments).await?;
    let marks = Marks::read(marks)?;
    if marks.format != FORMAT.to_string() {
        return Err(OpenError::Format { found: marks.format });
    }
    if marks.partitions != settings.partitions.to_string() {
        let wanted = settings.partitions;
        return Err(OpenError::Partitions { found: marks.partitions, wanted });
    }
    if !mark.is_empty() && marks.install != mark {
        return Err(OpenError::OtherInstall);
    }
    Ok(marks)
}
