//! Ends connections on which nothing comes of a request.
//!
//! The framework bounds the time for the head of a connection's first request and the time between
//! two requests, but the first byte of a later request ends the second and does not start the
//! first: half a request line would hold a connection for ever. So each connection is watched from
//! outside: without a request under way for longer than both times together, it is ended. So is,
//! soon, one whose request was answered without reading its body to the end, for the framework
//! would read on for as long as something comes. The bodies that are read have a time of their own,
//! and a request under way may take as long as its handler lets it.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream as Socket};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use tokio::time::Instant;

/// How often connections are looked at.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// How long a connection goes on after an answer that ends it, so that the answer is read.
const ENDING: Duration = Duration::from_secs(2);

/// The open connections of all servers.
pub(super) struct Connections {
    idle_max: Duration,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last_id: u64,
    by_id: BTreeMap<u64, Arc<Connection>>,
}

/// One connection: a second handle to its socket, and when it ends unless a request comes. While
/// one is under way it does not end.
struct Connection {
    socket: Socket,
    ends_at: Mutex<Option<Instant>>,
}

/// Keeps a connection in the table; the framework drops it with the connection.
pub(super) struct Watched {
    id: u64,
    connection: Arc<Connection>,
    connections: Weak<Connections>,
}

/// A request under way; the connection counts as idle again when it is dropped.
pub(super) struct UnderWay {
    connection: Arc<Connection>,
    idle_max: Duration,
}

impl Connections {
    /// No connections yet; each may be idle for `idle_max`.
    pub(super) fn new(idle_max: Duration) -> Self {
        Self { idle_max, open: Mutex::default() }
    }

    /// Begins to watch a connection that was just accepted.
    pub(super) fn watch(self: &Arc<Self>, connection: &dyn Any, data: &mut Extensions) {
        let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
        // Without a descriptor left for a second handle the connection lives unwatched, which is no
        // worse than ending it here.
        let Ok(descriptor) = stream.as_fd().try_clone_to_owned() else { return };
        let ends_at = Mutex::new(Some(Instant::now() + self.idle_max));
        let connection = Arc::new(Connection { socket: Socket::from(descriptor), ends_at });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.last_id += 1;
        let id = open.last_id;
        open.by_id.insert(id, Arc::clone(&connection));
        data.insert(Watched { id, connection, connections: Arc::downgrade(self) });
    }

    /// Ends connections whose time is over, again and again, until it is aborted.
    pub(super) async fn end_idle(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(CHECK_EVERY.min(self.idle_max));
        loop {
            let now = ticks.tick().await;
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            for connection in open.by_id.values() {
                if connection.ends_at().is_some_and(|end| end <= now) {
                    // It may have ended by itself meanwhile, which is as well.
                    drop(connection.socket.shutdown(Shutdown::Both));
                }
            }
        }
    }
}

impl Connection {
    fn ends_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.ends_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    /// Notes that a request is under way until the returned value is dropped.
    pub(super) fn begin(&self) -> UnderWay {
        *self.connection.ends_at() = None;
        let connections = self.connections.upgrade();
        let idle_max = connections.map_or(Duration::ZERO, |connections| connections.idle_max);
        UnderWay { connection: Arc::clone(&self.connection), idle_max }
    }
}

impl UnderWay {
    /// Notes that the connection ends with the answer to this request.
    pub(super) fn is_last(&mut self) {
        self.idle_max = self.idle_max.min(ENDING);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.connection.ends_at() = Some(Instant::now() + self.idle_max);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(connections) = self.connections.upgrade() {
            let mut open = connections.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.by_id.remove(&self.id);
        }
    }
}
