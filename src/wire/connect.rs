//! Makes connections: judged addresses, TCP, TLS, and the stream that keeps count.

use std::error::Error;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use hyper::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tower_service::Service;

use crate::ports::buyer_wire::WireFailure;
use crate::wire::guard::Guard;
use crate::wire::settings::WireSettings;
use crate::wire::stream::BuyerStream;

/// An idle connection is probed this often by the kernel, so that a dead one is noticed.
pub(super) const TCP_KEEPALIVE: Duration = Duration::from_secs(15);

/// Why there is no connection. In each case no byte of a request has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ConnectFailure {
    /// The guard refused an address.
    #[error("the address is not allowed")]
    Refused,
    /// The name does not resolve.
    #[error("the host name does not resolve")]
    Dns,
    /// No TCP connection, or no HTTP on it.
    #[error("the host does not answer")]
    Connect,
    /// No TLS session.
    #[error("no secure connection could be made")]
    Tls,
}

impl ConnectFailure {
    /// What our connector said, where `error` comes from it.
    pub(super) fn within(error: &legacy::Error) -> Self {
        let said = error.source().and_then(|source| source.downcast_ref::<Self>());
        said.copied().unwrap_or(Self::Connect)
    }
}

impl From<ConnectFailure> for WireFailure {
    fn from(failure: ConnectFailure) -> Self {
        match failure {
            ConnectFailure::Refused => Self::Refused,
            ConnectFailure::Dns => Self::Dns,
            ConnectFailure::Connect => Self::Connect,
            ConnectFailure::Tls => Self::Tls,
        }
    }
}

/// TCP to judged addresses only.
#[derive(Clone)]
struct GuardedTcp {
    guard: Arc<Guard>,
    timeout: Duration,
}

impl GuardedTcp {
    async fn connect(self, uri: Uri) -> Result<TokioIo<TcpStream>, ConnectFailure> {
        let deadline = Instant::now() + self.timeout;
        let addresses = timeout_at(deadline, self.guard.addresses(&uri))
            .await
            .map_err(|_| ConnectFailure::Dns)??;
        let mut tcp = HttpConnector::new_with_resolver(addresses);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(TCP_KEEPALIVE));
        // Shared out among the addresses, so that a dead first one does not use up all the time.
        tcp.set_connect_timeout(Some(deadline.saturating_duration_since(Instant::now())));
        match timeout_at(deadline, tcp.call(uri)).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(reason)) => {
                tracing::debug!(error = &reason as &dyn Error, "outbound connection failed");
                Err(ConnectFailure::Connect)
            }
            Err(_) => Err(ConnectFailure::Connect),
        }
    }
}

impl Service<Uri> for GuardedTcp {
    type Response = TokioIo<TcpStream>;
    type Error = ConnectFailure;
    type Future = BoxFuture<'static, Result<Self::Response, ConnectFailure>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// The connector of the client: guarded TCP, TLS where the URL says so, and the counting stream.
#[derive(Clone)]
pub(super) struct BuyerConnector {
    secured: HttpsConnector<GuardedTcp>,
    timeout: Duration,
}

impl BuyerConnector {
    pub(super) fn new(guard: Arc<Guard>, tls: Arc<ClientConfig>, settings: &WireSettings) -> Self {
        let tcp_timeout = Duration::from_millis(settings.connect_timeout_ms);
        let timeout = tcp_timeout + Duration::from_millis(settings.handshake_timeout_ms);
        let tcp = GuardedTcp { guard, timeout: tcp_timeout };
        Self { secured: HttpsConnector::from((tcp, tls)), timeout }
    }

    async fn connect(mut self, uri: Uri) -> Result<BuyerStream, ConnectFailure> {
        match timeout(self.timeout, self.secured.call(uri)).await {
            Ok(Ok(stream)) => Ok(BuyerStream::new(stream)),
            Ok(Err(reason)) => Err(match reason.downcast_ref::<ConnectFailure>() {
                Some(failure) => *failure,
                None => {
                    tracing::debug!(error = reason.as_ref(), "TLS handshake failed");
                    ConnectFailure::Tls
                }
            }),
            // Name and TCP have a shorter time of their own, so only the handshake is left.
            Err(_) => Err(ConnectFailure::Tls),
        }
    }
}

impl Service<Uri> for BuyerConnector {
    type Response = BuyerStream;
    type Error = ConnectFailure;
    type Future = BoxFuture<'static, Result<BuyerStream, ConnectFailure>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), ConnectFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}
