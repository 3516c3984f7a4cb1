//! The servers of a process: the API, metrics and health, and operators' routes if they have a
//! listener of their own.
//!
//! All are bound before any is started, so that a taken port starts nothing. Port 0 takes a free
//! one; the addresses in use are told. Signals are the process's business, not the servers'.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::http::KeepAlive;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use futures::future::join_all;
use socket2::{Domain, Socket, Type};
use tokio::task::JoinHandle;

use super::Api;
use super::connections::Connections;
use super::request_id::answer;
use super::routes::{Listener, register};

/// How long a connection may be idle between two requests, unless the settings say otherwise.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How many connections one worker holds at once; further ones wait to be accepted.
pub const CONNECTIONS_PER_WORKER_MAX: usize = 4_096;

/// How many connections may wait to be accepted; the system may hold it lower. The standard library
/// asks for 128, and where more come at once, a client whose connection was dropped believes it open.
const CONNECTIONS_WAITING_MAX: i32 = 4_096;

/// Threads of the servers that a few machines and operators ask.
const ONE: NonZeroUsize = NonZeroUsize::MIN;

/// How long a client may take to end its side of a connection that we have ended.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Where the servers listen, and with how many threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerSettings {
    /// The API.
    pub api: SocketAddr,
    /// Operators' routes; `None` leaves them on the API.
    pub admin: Option<SocketAddr>,
    /// Metrics and health.
    pub metrics: SocketAddr,
    /// Threads of the API; `None` takes one for each processor.
    pub workers: Option<NonZeroUsize>,
    /// How long a connection may be idle between two requests.
    pub keep_alive: Duration,
}

/// Addresses in use: with the ports that were taken for port 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The API.
    pub api: SocketAddr,
    /// Operators' routes, if they have a listener of their own.
    pub admin: Option<SocketAddr>,
    /// Metrics and health.
    pub metrics: SocketAddr,
}

/// Servers that answer requests until they are stopped.
pub struct Servers {
    addresses: Addresses,
    handles: Vec<ServerHandle>,
    tasks: Vec<JoinHandle<io::Result<()>>>,
    idle_check: JoinHandle<()>,
}

/// Binds the listeners and starts answering on them.
///
/// Must be called within a tokio runtime; the servers' workers have threads of their own.
///
/// # Errors
/// An address that cannot be bound, with the address in the text.
pub fn start(settings: ServerSettings, api: &Arc<Api>) -> io::Result<Servers> {
    let public = Listener::Api { with_operators: settings.admin.is_none() };
    let api_socket = listen(settings.api)?;
    let metrics_socket = listen(settings.metrics)?;
    let admin_socket = settings.admin.map(listen).transpose()?;
    let addresses = Addresses {
        api: api_socket.local_addr()?,
        admin: admin_socket.as_ref().map(TcpListener::local_addr).transpose()?,
        metrics: metrics_socket.local_addr()?,
    };
    let idle_max =
        settings.keep_alive + Duration::from_millis(api.exchange.limits().header_timeout_ms);
    let connections = Arc::new(Connections::new(idle_max));
    let serve = |listener, socket, workers| {
        let keep_alive = settings.keep_alive;
        Door { listener, workers, keep_alive }.open(socket, api, &connections)
    };
    let mut servers = vec![
        serve(public, api_socket, settings.workers)?,
        serve(Listener::Metrics, metrics_socket, Some(ONE))?,
    ];
    if let Some(socket) = admin_socket {
        servers.push(serve(Listener::Admin, socket, Some(ONE))?);
    }
    Ok(Servers {
        addresses,
        handles: servers.iter().map(Server::handle).collect(),
        tasks: servers.into_iter().map(|server| api.runtime.spawn(server)).collect(),
        idle_check: api.runtime.spawn(connections.end_idle()),
    })
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let bind = || {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        // A restarted server takes its port again at once, as with the standard library's `bind`.
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(CONNECTIONS_WAITING_MAX)?;
        Ok(socket.into())
    };
    bind().map_err(|error: io::Error| {
        io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
    })
}

/// One server, before it has a socket.
struct Door {
    listener: Listener,
    workers: Option<NonZeroUsize>,
    keep_alive: Duration,
}

impl Door {
    /// Starts the server on a bound socket.
    fn open(
        self,
        socket: TcpListener,
        api: &Arc<Api>,
        connections: &Arc<Connections>,
    ) -> io::Result<Server> {
        let limits = api.exchange.limits();
        let data = web::Data::from(Arc::clone(api));
        let app = move || {
            App::new()
                .app_data(data.clone())
                .configure(|config| register(self.listener, config))
                .wrap(from_fn(answer))
        };
        let connections = Arc::clone(connections);
        let server = HttpServer::new(app)
            .disable_signals()
            .shutdown_timeout(limits.drain_ms.div_ceil(1_000))
            .max_connections(CONNECTIONS_PER_WORKER_MAX)
            .keep_alive(KeepAlive::Timeout(self.keep_alive))
            .client_request_timeout(Duration::from_millis(limits.header_timeout_ms))
            .client_disconnect_timeout(DISCONNECT_TIMEOUT)
            .on_connect(move |connection, data| connections.watch(connection, data));
        let server = match self.workers {
            Some(workers) => server.workers(workers.get()),
            None => server,
        };
        Ok(server.listen(socket)?.run())
    }
}

impl Servers {
    /// Where they listen.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Stops taking connections, lets the requests under way finish within `limits.drain_ms`, and
    /// ends. Sales go on in the exchange, whatever becomes of the requests that wait for them.
    pub async fn stop(self) {
        join_all(self.handles.iter().map(|handle| handle.stop(true))).await;
        join_all(self.tasks).await;
        self.idle_check.abort();
    }
}
