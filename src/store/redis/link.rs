//! The way to the servers: one connection that many commands share, to a single server or to each
//! master of a cluster. Both connect again by themselves.

use std::time::Duration;

use redis::aio::{ConnectionLike as _, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{Client, Cmd, ConnectionInfo, IntoConnectionInfo as _, RedisResult, Value};

use super::settings::{RedisSettings, ServerUrl};

/// How often the cluster's client follows a redirection or tries again by itself.
const CLUSTER_RETRIES: u32 = 4;
/// The longest of its pauses, in milliseconds.
const CLUSTER_PAUSE_MS_MAX: u64 = 100;

/// A connection, cheap to clone.
#[derive(Clone)]
pub(super) enum Link {
    /// To one server.
    Single(ConnectionManager),
    /// To the masters of a cluster.
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects.
    pub(super) async fn connect(
        settings: &RedisSettings,
        password: Option<&str>,
    ) -> RedisResult<Self> {
        let servers: RedisResult<Vec<ConnectionInfo>> =
            settings.urls.iter().map(|url| connection_info(url, password)).collect();
        let servers = servers?;
        let connect = Duration::from_millis(settings.connect_timeout_ms);
        let reply = Duration::from_millis(settings.reply_timeout_ms);
        if settings.cluster {
            let client = ClusterClient::builder(servers)
                .connection_timeout(connect)
                .response_timeout(reply)
                .overall_response_timeout(Some(reply))
                .retries(CLUSTER_RETRIES)
                .max_retry_wait(CLUSTER_PAUSE_MS_MAX)
                .connection_concurrency_limit(settings.commands_in_flight_max)
                .build()?;
            return Ok(Self::Cluster(client.get_async_connection().await?));
        }
        let first = servers.into_iter().next();
        let first = first.ok_or((redis::ErrorKind::InvalidClientConfig, "no server is named"))?;
        // No retries in here: whoever waits is told at once, and repeats by its own rules.
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(reply))
            .set_number_of_retries(0)
            .set_pipeline_buffer_size(settings.commands_in_flight_max)
            .set_concurrency_limit(settings.commands_in_flight_max);
        let client = Client::open(first)?;
        Ok(Self::Single(ConnectionManager::new_with_config(client, config).await?))
    }

    /// Sends a command to where its key is.
    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let reply = match self {
            Self::Single(manager) => manager.clone().req_packed_command(command).await?,
            Self::Cluster(cluster) => cluster.clone().req_packed_command(command).await?,
        };
        match reply {
            Value::ServerError(error) => Err(error.into()),
            known => Ok(known),
        }
    }

    /// Sends a command to every master.
    pub(super) async fn send_to_all(&self, command: Cmd) -> RedisResult<Vec<Value>> {
        let cluster = match self {
            Self::Single(_) => return Ok(vec![self.send(&command).await?]),
            Self::Cluster(cluster) => cluster,
        };
        let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        match cluster.clone().route_command(command, all).await?.extract_error()? {
            Value::Map(replies) => Ok(replies.into_iter().map(|(_, reply)| reply).collect()),
            other => Ok(vec![other]),
        }
    }
}

fn connection_info(url: &ServerUrl, password: Option<&str>) -> RedisResult<ConnectionInfo> {
    let info = url.with_password().into_connection_info()?;
    let Some(password) = password else { return Ok(info) };
    let with_password = info.redis_settings().clone().set_password(password);
    Ok(info.set_redis_settings(with_password))
}
