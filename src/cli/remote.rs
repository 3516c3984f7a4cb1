//! A running server, as the commands talk to it.
//!
//! While a server runs it owns the embedded store, so whatever changes the exchange goes through
//! its API, with the operator's key. Calls go straight to the address of the configuration: no
//! proxy of the environment sees them, and no redirect is followed. This module knows the way, not
//! the routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

/// How long a server may take to say that it lives.
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// How long one call may take: the largest registry is applied in less.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The client could not be made.
    #[error("the HTTP client could not be started: {0}")]
    Client(reqwest::Error),
    /// The server could not be reached, or did not answer in time. Whether it acted is not known.
    #[error("the server at {address} gave no answer: {source}")]
    NoAnswer {
        /// Where it listens.
        address: SocketAddr,
        /// Why.
        source: reqwest::Error,
    },
    /// The server refused.
    #[error("the server refused ({status}): {text}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// Its problem, as text of one or more lines.
        text: String,
    },
    /// The answer is not what this version expects.
    #[error("the server's answer cannot be read: {0}")]
    Unreadable(String),
}

/// A server that answered.
pub struct Remote {
    client: Client,
    address: SocketAddr,
    key: Zeroizing<String>,
}

impl Remote {
    /// A server whose operators' routes are at `listen`, called with an operator's `key`.
    ///
    /// # Errors
    /// [`RemoteError::Client`].
    pub fn new(listen: SocketAddr, key: Zeroizing<String>) -> Result<Self, RemoteError> {
        Ok(Self { client: client(CALL_TIMEOUT)?, address: reachable(listen), key })
    }

    /// Calls a route and reads the answer.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, RemoteError> {
        let text = self.text(call).await?;
        serde_json::from_str(&text).map_err(|error| RemoteError::Unreadable(error.to_string()))
    }

    /// Calls a route whose answer has no body.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub async fn send(&self, call: Call<'_>) -> Result<(), RemoteError> {
        self.text(call).await.map(drop)
    }

    async fn text(&self, call: Call<'_>) -> Result<String, RemoteError> {
        let address = self.address;
        let mut request = self
            .client
            .request(call.method, format!("http://{address}{}", call.path))
            .bearer_auth(self.key.as_str());
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(key) = call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let no_answer = |source| RemoteError::NoAnswer { address, source };
        let response = request.send().await.map_err(no_answer)?;
        let status = response.status();
        let text = response.text().await.map_err(no_answer)?;
        if status.is_success() {
            return Ok(text);
        }
        Err(RemoteError::Refused { status, text: problem_text(&text) })
    }
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    method: Method,
    path: String,
    body: Option<Value>,
    idempotency_key: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// Reads `path`, which begins with `/`; its parts must be safe in a URL.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None, idempotency_key: None }
    }

    /// Removes what is at `path`.
    #[must_use]
    pub fn delete(path: impl Into<String>) -> Self {
        Self { method: Method::DELETE, ..Self::get(path) }
    }

    /// Sends `body` to `path`.
    #[must_use]
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), ..Self::get(path) }
    }

    /// Makes it happen once under this key.
    #[must_use]
    pub fn once(self, idempotency_key: &'a str) -> Self {
        Self { idempotency_key: Some(idempotency_key), ..self }
    }
}

/// Whether a server of this kind answers at `listen`.
///
/// # Errors
/// [`RemoteError::Client`]; a server that does not answer is `false`.
pub async fn is_served(listen: SocketAddr) -> Result<bool, RemoteError> {
    let url = format!("http://{}/livez", reachable(listen));
    let Ok(response) = client(PROBE_TIMEOUT)?.get(url).send().await else { return Ok(false) };
    let is_ok = response.status() == StatusCode::OK;
    let body: Value = response.json().await.unwrap_or_default();
    Ok(is_ok && body["status"] == "live")
}

fn client(timeout: Duration) -> Result<Client, RemoteError> {
    Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .build()
        .map_err(RemoteError::Client)
}

/// Where a server that listens on all addresses is reached from this machine.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

/// A problem body (RFC 9457) as text: title, detail and each of its `errors`, one a line.
fn problem_text(body: &str) -> String {
    let problem: Value = serde_json::from_str(body).unwrap_or_default();
    let part = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut lines = vec![join([part(&problem, "code"), part(&problem, "detail")])];
    for fault in problem["errors"].as_array().into_iter().flatten() {
        let pointer = part(fault, "pointer");
        lines.push(format!("  {}", join([pointer, part(fault, "detail")])));
    }
    lines.retain(|line| !line.trim().is_empty());
    if lines.is_empty() { "no reason given".to_owned() } else { lines.join("\n") }
}

fn join(parts: [String; 2]) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(": ")
}

#[cfg(test)]
mod tests;
