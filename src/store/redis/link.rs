//! The way to the servers: one connection that many commands share, to a single server or to each
//! master of a cluster. Both connect again by themselves.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionLike as _;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::io::tcp::{TcpSettings, socket2};
use redis::{Cmd, ConnectionInfo, IntoConnectionInfo as _, RedisResult, Value};

use super::settings::{RedisSettings, ServerUrl};
use super::single::Single;
use super::startup::Marks;

/// How often the cluster's client follows a redirection or tries again by itself.
const CLUSTER_RETRIES: u32 = 4;
/// The longest of its pauses, in milliseconds.
const CLUSTER_PAUSE_MS_MAX: u64 = 100;

/// A connection, cheap to clone.
#[derive(Clone)]
pub(super) enum Link {
    /// To one server.
    Single(Arc<Single>),
    /// To the masters of a cluster.
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects.
    pub(super) async fn connect(
        settings: &RedisSettings,
        password: Option<&str>,
    ) -> RedisResult<Self> {
        let tcp = tcp_settings(settings);
        let mut servers = Vec::with_capacity(settings.urls.len());
        for url in &settings.urls {
            servers.push(connection_info(url, password)?.set_tcp_settings(tcp.clone()));
        }
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
                .tcp_settings(tcp)
                .build()?;
            return Ok(Self::Cluster(client.get_async_connection().await?));
        }
        let first = servers.into_iter().next();
        let first = first.ok_or((redis::ErrorKind::InvalidClientConfig, "no server is named"))?;
        Ok(Self::Single(Arc::new(Single::connect(first, settings).await?)))
    }

    /// From now on servers are used only while they have these marks. Of a cluster's this is looked
    /// at now and then instead (`watch`).
    pub(super) fn expect(&self, marks: Marks) {
        match self {
            Self::Single(single) => single.expect(marks),
            Self::Cluster(_) => {}
        }
    }

    /// Sends a command to where its key is.
    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        let reply = match self {
            Self::Single(single) => single.send(command).await?,
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

/// A peer that acknowledges nothing for as long as a reply may take is taken for gone.
fn tcp_settings(settings: &RedisSettings) -> TcpSettings {
    let silence = Duration::from_millis(settings.reply_timeout_ms);
    let keepalive = socket2::TcpKeepalive::new()
        .with_time(silence.max(Duration::from_secs(1)))
        .with_interval(Duration::from_secs(1));
    TcpSettings::default().set_nodelay(true).set_keepalive(keepalive).set_user_timeout(silence)
}

fn connection_info(url: &ServerUrl, password: Option<&str>) -> RedisResult<ConnectionInfo> {
    let info = url.with_password().into_connection_info()?;
    let Some(password) = password else { return Ok(info) };
    let with_password = info.redis_settings().clone().set_password(password);
    Ok(info.set_redis_settings(with_password))
}
