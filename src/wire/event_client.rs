//! The client of events and challenges, behind the same guard as the client of pings and posts.
//!
//! These calls repeat or may fail, so they need no proof of what left the machine; what they need
//! is a client that everybody knows. Two pools stand behind it, because a resolver is asked for a
//! name alone and the guard must know more: one pool is only ever given https on open ports and may
//! reach every public address, the other is given all the rest and reaches nothing outside the
//! allowed networks. Literals never come to a resolver; the URL's own check has judged them.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::{HeaderMap, Request, StatusCode};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response, redirect, retry};
use rustls::ClientConfig;
use tokio::time::timeout_at;

use crate::domain::address::Target;
use crate::ports::buyer_wire::{WireError, WireFailure, WireReply, WireRequest};
use crate::wire::connect::{ConnectFailure, TCP_KEEPALIVE};
use crate::wire::guard::Guard;
use crate::wire::reply::text_headers;
use crate::wire::settings::{WireSettings, WireSetupError};

/// How large the head of a reply over HTTP/1 may become before reading ends, in bytes: what hyper
/// reads of a head unless it is told otherwise, and reqwest does not let us tell it. Of what was read,
/// no more than `reply_headers_bytes_max` is taken.
pub const HTTP1_HEAD_BYTES_READ_MAX: usize = 8_192 + 100 * 4_096;

/// What this client reaches with nothing allowed: no port, and not even a name.
const ALLOWED_NETWORKS_ONLY: Target = Target { encrypted: false, port: 0, literal: true };

/// Carries events and challenges.
pub(super) struct EventClient {
    open_ports: Vec<u16>,
    headers_max: usize,
    header_bytes_max: usize,
    /// Given https on open ports only.
    public: Client,
    /// Reaches the allowed networks only.
    allowed: Client,
}

impl EventClient {
    pub(super) fn new(
        guard: &Arc<Guard>,
        tls: &ClientConfig,
        settings: &WireSettings,
    ) -> Result<Self, WireSetupError> {
        let open_ports = settings.ports.clone();
        // Every open port is judged alike, so the first stands for all.
        let port = open_ports.first().copied().unwrap_or_default();
        let public = Target { encrypted: true, port, literal: false };
        let client = |target: Target| {
            let names = GuardedNames { guard: guard.clone(), target };
            client(names, tls, settings).map_err(WireSetupError::Client)
        };
        let (public, allowed) = (client(public)?, client(ALLOWED_NETWORKS_ONLY)?);
        Ok(Self {
            open_ports,
            headers_max: settings.reply_headers_max,
            header_bytes_max: settings.reply_headers_bytes_max,
            public,
            allowed,
        })
    }

    /// One request with its reply, over by the call's deadline.
    pub(super) async fn carry(
        &self,
        head: Request<()>,
        call: &WireRequest,
    ) -> Result<WireReply, WireError> {
        let is_https = head.uri().scheme_str() == Some("https");
        let is_open = self.open_ports.contains(&head.uri().port_u16().unwrap_or(443));
        let client = if is_https && is_open { &self.public } else { &self.allowed };
        let body = call.body.clone();
        let request = reqwest::Request::try_from(head.map(|()| body)).map_err(|_| WireError {
            failure: WireFailure::Refused,
            sent: false,
            status: None,
        })?;
        let response = match timeout_at(call.deadline, client.execute(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(without_reply(&error)),
            Err(_) => return Err(sent(WireFailure::Timeout, None)),
        };
        let status = response.status();
        let failed = |failure| sent(failure, Some(status.as_u16()));
        let headers = self.headers(&response).map_err(failed)?;
        let body = timeout_at(call.deadline, collect(response, call.reply_bytes_max))
            .await
            .map_err(|_| failed(WireFailure::Timeout))?
            .map_err(failed)?;
        Ok(WireReply { status: status.as_u16(), headers, body })
    }

    fn headers(&self, response: &Response) -> Result<Vec<(String, String)>, WireFailure> {
        let headers: &HeaderMap = response.headers();
        let is_http = response.status() != StatusCode::SWITCHING_PROTOCOLS;
        // A line has a colon, a space and an end beside name and value.
        let lines = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4);
        let bytes: usize = lines.sum();
        let fits = is_http && headers.len() <= self.headers_max && bytes <= self.header_bytes_max;
        fits.then(|| text_headers(headers)).ok_or(WireFailure::Broken)
    }
}

/// The addresses of names, judged all together for each connection.
struct GuardedNames {
    guard: Arc<Guard>,
    target: Target,
}

impl Resolve for GuardedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (guard, target) = (self.guard.clone(), self.target);
        Box::pin(async move {
            let found = guard.addresses_of(name.as_str(), target).await?;
            // The port 0 stands for that of the URL.
            let sockets = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

fn client(
    names: GuardedNames,
    tls: &ClientConfig,
    settings: &WireSettings,
) -> reqwest::Result<Client> {
    let connect_ms = settings.connect_timeout_ms + settings.handshake_timeout_ms;
    Client::builder()
        .dns_resolver(names)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        .retry(retry::never())
        .tls_backend_preconfigured(tls.clone())
        .connect_timeout(Duration::from_millis(connect_ms))
        .tcp_nodelay(true)
        .tcp_keepalive(TCP_KEEPALIVE)
        .pool_idle_timeout(Duration::from_millis(settings.idle_timeout_ms))
        .pool_max_idle_per_host(settings.idle_connections_per_host_max)
        .http1_max_headers(settings.reply_headers_max)
        .http2_max_header_list_size(
            u32::try_from(settings.reply_headers_bytes_max).unwrap_or(u32::MAX),
        )
        .build()
}

/// Reads a body to its end, never more than `bytes_max` of it.
async fn collect(mut response: Response, bytes_max: usize) -> Result<Bytes, WireFailure> {
    let stated = response.content_length().unwrap_or_default();
    if usize::try_from(stated).map_or(true, |stated| stated > bytes_max) {
        return Err(WireFailure::Oversized);
    }
    let mut whole: Vec<u8> = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| WireFailure::Broken)? {
        if chunk.len() > bytes_max - whole.len() {
            return Err(WireFailure::Oversized);
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
}

/// The client gave the request up before any reply.
fn without_reply(error: &reqwest::Error) -> WireError {
    if !error.is_connect() {
        return sent(WireFailure::Broken, None);
    }
    let mut failure = WireFailure::Connect;
    let mut cause = error.source();
    while let Some(current) = cause {
        if let Some(refused) = current.downcast_ref::<ConnectFailure>() {
            failure = WireFailure::from(*refused);
        }
        if is_tls(current) {
            failure = WireFailure::Tls;
        }
        cause = current.source();
    }
    WireError { failure, sent: false, status: None }
}

/// Whether TLS said so; it speaks through I/O errors, one wrapped in another, and an I/O error is
/// not the source of the one that wraps it.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    error.is::<rustls::Error>() || wrapped.is_some_and(|wrapped| is_tls(wrapped))
}

const fn sent(failure: WireFailure, status: Option<u16>) -> WireError {
    WireError { failure, sent: true, status }
}
