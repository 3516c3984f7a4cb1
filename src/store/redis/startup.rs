//! What must hold of the servers before a lead is taken in. Each refusal says what to set.

use std::collections::BTreeMap;

use redis::{RedisError, Value};

use super::RedisStore;
use super::keys::{self, hex};
use super::link::Link;
use super::rows::FORMAT;
use super::script::{self, Operation};
use super::settings::{Durability, RedisSettings};
use super::view::{array_of, optional_bytes_of, text_of};
use crate::ports::auction_store::StoreError;
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

/// Asks every master about itself, and says what an acknowledged write survives.
pub(super) async fn check_servers(
    link: &Link,
    settings: &RedisSettings,
) -> Result<&'static str, OpenError> {
    let no_reply = |error: RedisError| unreachable(settings, &error);
    let infos = link.send_to_all(redis::cmd("INFO")).await.map_err(no_reply)?;
    let mut ask = redis::cmd("CONFIG");
    ask.arg("GET").arg("appendonly").arg("appendfsync").arg("maxmemory-policy");
    let configs = link.send_to_all(ask).await.map_err(|error| {
        let message = format!(
            "CONFIG GET is refused ({error}): let the user run it, so that appendonly, appendfsync \
             and maxmemory-policy can be checked"
        );
        OpenError::Unfit(vec![message])
    })?;
    let mut faults = Vec::new();
    for (info, config) in infos.into_iter().zip(configs) {
        let server = Server { info: parse_info(&text_of(info)?), config: parse_config(config)? };
        for fault in server.faults(settings) {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
    if !faults.is_empty() {
        return Err(OpenError::Unfit(faults));
    }
    Ok(match (settings.durability, settings.cluster) {
        (Durability::Relaxed, _) => "relaxed",
        (Durability::Durable, false) => "redis-single",
        (Durability::Durable, true) => "redis-cluster",
    })
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

/// Compares the marks of the data with the settings; writes them into empty data.
pub(super) async fn check_marks(store: &RedisStore) -> Result<(), OpenError> {
    let settings = &store.settings;
    let mark = settings.install_mark.map(|mark| hex(&mark)).unwrap_or_default();
    let arguments = vec![
        FORMAT.to_string().into_bytes(),
        settings.partitions.to_string().into_bytes(),
        mark.clone().into_bytes(),
    ];
    let marks = store.run(Operation::Install, &[keys::INSTALL.to_owned()], arguments).await?;
    let text = |value| {
        let bytes = optional_bytes_of(value)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let marks: Result<Vec<String>, StoreError> = array_of(marks)?.into_iter().map(text).collect();
    let marks = marks?;
    let [format, partitions, install] = &marks[..] else {
        return Err(
            StoreError::Corrupt("the installation's marks cannot be read".to_owned()).into()
        );
    };
    if *format != FORMAT.to_string() {
        return Err(OpenError::Format { found: format.clone() });
    }
    if *partitions != settings.partitions.to_string() {
        let wanted = settings.partitions;
        return Err(OpenError::Partitions { found: partitions.clone(), wanted });
    }
    if !mark.is_empty() && *install != mark {
        return Err(OpenError::OtherInstall);
    }
    Ok(())
}
