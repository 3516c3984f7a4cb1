//! HTTP/1.1 over kept connections with bare hyper: the least a client can cost.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Handle;

/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// An answer, read whole.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Call {
    /// A request with a JSON body.
    pub fn post(path: &str, body: Bytes) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { method: Method::POST, path: path.to_owned(), headers, body }
    }

    /// A question.
    pub fn get(path: &str) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self { method: Method::GET, path: path.to_owned(), headers, body }
    }

    /// The same with another header; one that cannot be sent is left out.
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// The same with a key.
    pub fn bearing(self, key: &str) -> Self {
        self.with("authorization", &format!("Bearer {key}"))
    }
}

/// Kept connections to one address.
pub struct Client {
    address: SocketAddr,
    host: HeaderValue,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Client {
    pub fn new(address: SocketAddr) -> anyhow::Result<Self> {
        let host = HeaderValue::from_str(&address.to_string())?;
        Ok(Self { address, host, idle: Mutex::default() })
    }

    /// Sends a request and reads the answer. Nothing is sent twice: a kept connection that turns out
    /// to be closed is an error, unless that is known before.
    pub async fn send(&self, call: Call) -> anyhow::Result<Answer> {
        let mut connection = self.connection().await?;
        let mut request = Request::new(Full::new(call.body));
        *request.method_mut() = call.method;
        *request.uri_mut() = call.path.parse()?;
        *request.headers_mut() = call.headers;
        request.headers_mut().insert(HOST, self.host.clone());
        let reply =
            connection.send_request(request).await.context("the request was not answered")?;
        let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
        let body = Limited::new(reply.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(Answer { status, headers, body: body.to_bytes() })
    }

    async fn connection(&self) -> anyhow::Result<SendRequest<Full<Bytes>>> {
        loop {
            let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(mut kept) = kept else { break };
            if !kept.is_closed() && kept.ready().await.is_ok() {
                return Ok(kept);
            }
        }
        let socket = TcpStream::connect(self.address).await.context("no connection")?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(socket)).await?;
        Handle::current().spawn(connection);
        Ok(sender)
    }
}
