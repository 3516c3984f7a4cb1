//! A buyer that answers as a test says, whatever its format, and keeps what it was sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// What a buyer answers.
#[derive(Debug, Clone)]
pub struct Said {
    pub status: u16,
    pub content_type: &'static str,
    pub body: String,
}

impl Said {
    pub fn form(body: String) -> Self {
        Self { status: 200, content_type: "application/x-www-form-urlencoded", body }
    }

    pub fn json(body: String) -> Self {
        Self { status: 200, content_type: "application/json", body }
    }

    pub fn xml(body: String) -> Self {
        Self { status: 200, content_type: "text/xml; charset=utf-8", body }
    }

    pub fn text(body: String) -> Self {
        Self { status: 200, content_type: "text/plain", body }
    }

    pub fn soap(inner: &str) -> Self {
        Self::xml(format!(
            "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
             <Answer xmlns=\"urn:b\">{inner}</Answer></s:Body></s:Envelope>"
        ))
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    /// The paths that came before.
    pub earlier: Vec<String>,
    /// Whether the buyer takes nothing that came before its last login.
    pub is_shut: bool,
}

impl Seen {
    /// The pairs of the form in the body, or in the query if there is no body.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let text = if self.body.is_empty() { query } else { &self.body };
        form_urlencoded::parse(text.as_bytes()).into_owned().collect()
    }

    /// The texts of these elements, each of which must be there once.
    pub fn elements(&self, names: &[&str]) -> Vec<(String, String)> {
        let text = |name: &&str| {
            let (open, close) = (format!("<{name}>"), format!("</{name}>"));
            let mut parts = self.body.split(&open);
            let after = parts.nth(1).unwrap_or_else(|| panic!("no {name}: {}", self.body));
            assert!(parts.next().is_none(), "{name} twice: {}", self.body);
            let (inner, _) = after.split_once(&close).unwrap();
            ((*name).to_owned(), inner.replace("&amp;", "&"))
        };
        names.iter().map(text).collect()
    }
}

type Answers = dyn Fn(&Seen, &str) -> Said + Send + Sync;

struct Shared {
    answers: Box<Answers>,
    price: Mutex<String>,
    seen: Mutex<Vec<Seen>>,
    /// How many requests had come when the buyer forgot its tokens.
    shut_at: Mutex<Option<usize>>,
    /// The path that is not answered yet.
    held: watch::Sender<Option<&'static str>>,
}

/// A listening buyer; stops when dropped.
pub struct Stub {
    pub base: String,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl Stub {
    /// Answers each request by `answers`, which is given it and the price of the hour.
    pub async fn start(answers: impl Fn(&Seen, &str) -> Said + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            answers: Box::new(answers),
            price: Mutex::new("1.00".to_owned()),
            seen: Mutex::default(),
            shut_at: Mutex::default(),
            held: watch::Sender::default(),
        });
        let stop = CancellationToken::new();
        let (serving, stopped) = (Arc::clone(&shared), stop.clone());
        let tasks = TaskTracker::new();
        let connections = tasks.clone();
        tasks.spawn(async move {
            while let Some(Ok((socket, _))) = stopped.run_until_cancelled(listener.accept()).await {
                let (shared, stopped) = (Arc::clone(&serving), stopped.clone());
                connections.spawn(async move {
                    stopped.run_until_cancelled(serve(socket, &shared)).await;
                });
            }
        });
        Self { base, shared, _stop: stop.drop_guard() }
    }

    pub fn set_price(&self, price: &str) {
        price.clone_into(&mut self.shared.price.lock().unwrap());
    }

    /// What came to a path so far.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.shared.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// The paths of everything that came, in its order.
    pub fn paths(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().iter().map(|seen| seen.path.clone()).collect()
    }

    /// From now on what comes to this path is seen, and answered only when it is let go.
    pub fn hold(&self, path: &'static str) {
        self.shared.held.send_replace(Some(path));
    }

    /// Everything is answered again.
    pub fn let_go(&self) {
        self.shared.held.send_replace(None);
    }

    /// From now on nothing is taken until somebody logs in again.
    pub fn forget_tokens(&self) {
        let count = self.shared.seen.lock().unwrap().len();
        *self.shared.shut_at.lock().unwrap() = Some(count);
    }
}

async fn serve(mut socket: TcpStream, shared: &Shared) {
    let mut unread: Vec<u8> = Vec::new();
    while let Some(mut seen) = read(&mut socket, &mut unread).await {
        let path = seen.path.clone();
        let said = {
            let mut all = shared.seen.lock().unwrap();
            seen.earlier = all.iter().map(|seen| seen.path.clone()).collect();
            let shut_at = *shared.shut_at.lock().unwrap();
            let logged_in = |from: usize| seen.earlier[from..].iter().any(|path| path == "/login");
            seen.is_shut = shut_at.is_some_and(|from| !logged_in(from));
            let said = (shared.answers)(&seen, &shared.price.lock().unwrap());
            all.push(seen);
            said
        };
        let mut held = shared.held.subscribe();
        if held.wait_for(|held| held.is_none_or(|held| held != path)).await.is_err() {
            return;
        }
        let Said { status, content_type, body } = said;
        let answer = format!(
            "HTTP/1.1 {status} Said\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if socket.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn read(socket: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some(end) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&unread[..end]).into_owned();
            let mut lines = head.lines();
            let target = lines.next()?.split(' ').nth(1)?.to_owned();
            let header = |line: &str| {
                let (name, value) = line.split_once(':')?;
                Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
            };
            let headers: BTreeMap<String, String> = lines.filter_map(header).collect();
            let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
            if unread.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&unread[end + 4..end + 4 + length]).into_owned();
                unread.drain(..end + 4 + length);
                let path = target.split('?').next()?.to_owned();
                let (earlier, is_shut) = (Vec::new(), false);
                return Some(Seen { path, target, headers, body, earlier, is_shut });
            }
        }
        let mut more = [0; 4096];
        let count = socket.read(&mut more).await.ok()?;
        if count == 0 {
            return None;
        }
        unread.extend_from_slice(&more[..count]);
    }
}
