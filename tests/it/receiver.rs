//! A receiver of events: a small server that echoes challenges, keeps what it is told, and answers
//! as a test says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use gavel::ports::Clock as _;
use gavel::signing::{SIGNATURE_HEADER, TIMESTAMP_HEADER};
use gavel::system::SystemClock;
use jiff::Timestamp;
use serde_json::{Value as Json, json};
use standardwebhooks::Webhook;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// What a receiver answers.
#[derive(Debug, Clone)]
pub enum Say {
    /// A status.
    Status(u16),
    /// A status and a `Retry-After` in seconds.
    After(u16, u64),
    /// Nothing, for as long as the caller waits.
    Nothing,
}

/// One event as it came.
#[derive(Debug, Clone)]
pub struct Call {
    pub id: String,
    pub headers: BTreeMap<String, String>,
    pub body: String,
    pub at: Timestamp,
}

impl Call {
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn event_type(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    pub fn lead_id(&self) -> String {
        self.json()["data"]["lead_id"].as_str().unwrap_or_default().to_owned()
    }

    pub fn timestamp_s(&self) -> u64 {
        self.headers[TIMESTAMP_HEADER].parse().unwrap()
    }

    pub fn signature(&self) -> &str {
        &self.headers[SIGNATURE_HEADER]
    }

    /// Whether an independent library takes the signature under `secret`.
    pub fn verifies(&self, secret: &str) -> bool {
        let mut headers = http::HeaderMap::new();
        for (name, value) in &self.headers {
            let name: http::HeaderName = name.parse().unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        Webhook::new(secret).unwrap().verify(self.body.as_bytes(), &headers).is_ok()
    }
}

type Answers = dyn Fn(&Call, usize) -> Say + Send + Sync;

struct Shared {
    answers: Box<Answers>,
    calls: Mutex<Vec<Call>>,
    /// How often each id came.
    times: Mutex<BTreeMap<String, usize>>,
    challenges: Mutex<Vec<Call>>,
}

/// A listening receiver; stops when dropped.
pub struct Receiver {
    pub url: String,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

impl Receiver {
    /// Answers each event by `answers`, which is given it and how many came before with its id.
    pub async fn start(answers: impl Fn(&Call, usize) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            answers: Box::new(answers),
            calls: Mutex::default(),
            times: Mutex::default(),
            challenges: Mutex::default(),
        });
        let stop = CancellationToken::new();
        let (serving, stopped) = (Arc::clone(&shared), stop.clone());
        let tasks = TaskTracker::new();
        let connections = tasks.clone();
        tasks.spawn(async move {
            while let Some(Ok((socket, _))) = stopped.run_until_cancelled(listener.accept()).await {
                let (shared, stopped) = (Arc::clone(&serving), stopped.clone());
                let serve =
                    async move { stopped.run_until_cancelled(serve(socket, &shared)).await };
                connections.spawn(serve);
            }
        });
        Self { url, shared, _stop: stop.drop_guard() }
    }

    /// One that takes everything.
    pub async fn willing() -> Self {
        Self::start(|_, _| Say::Status(204)).await
    }

    /// What came so far, challenges apart.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().unwrap().clone()
    }

    /// How much came so far, challenges apart.
    pub fn count(&self) -> usize {
        self.shared.calls.lock().unwrap().len()
    }

    /// The challenges so far.
    pub fn challenges(&self) -> Vec<Call> {
        self.shared.challenges.lock().unwrap().clone()
    }
}

async fn serve(mut socket: TcpStream, shared: &Shared) {
    let mut unread: Vec<u8> = Vec::new();
    while let Some(call) = read(&mut socket, &mut unread).await {
        let body: Json = serde_json::from_str(&call.body).unwrap();
        if body["type"] == "endpoint.challenge" {
            shared.challenges.lock().unwrap().push(call);
            let echo = json!({"challenge": body["challenge"]}).to_string();
            write(&mut socket, 200, "content-type: application/json\r\n", &echo).await;
            continue;
        }
        let before = {
            shared.calls.lock().unwrap().push(call.clone());
            let mut times = shared.times.lock().unwrap();
            let times = times.entry(call.id.clone()).or_default();
            *times += 1;
            *times - 1
        };
        match (shared.answers)(&call, before) {
            Say::Status(status) => write(&mut socket, status, "", "").await,
            Say::After(status, seconds) => {
                write(&mut socket, status, &format!("retry-after: {seconds}\r\n"), "").await;
            }
            Say::Nothing => {
                // Until the caller hangs up.
                while socket.read(&mut [0; 64]).await.is_ok_and(|count| count > 0) {}
                return;
            }
        }
    }
}

async fn read(socket: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Call> {
    let head_end = loop {
        if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        more(socket, unread).await?;
    };
    let head = String::from_utf8(unread.drain(..head_end).collect()).unwrap();
    let headers: BTreeMap<String, String> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().unwrap();
    while unread.len() < length {
        more(socket, unread).await?;
    }
    let body = String::from_utf8(unread.drain(..length).collect()).unwrap();
    let id = headers["webhook-id"].clone();
    Some(Call { id, headers, body, at: SystemClock.now() })
}

async fn more(socket: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 4096];
    let count = socket.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
    unread.extend_from_slice(&chunk[..count]);
    Some(())
}

async fn write(socket: &mut TcpStream, status: u16, headers: &str, body: &str) {
    let length = body.len();
    let reply =
        format!("HTTP/1.1 {status} Said\r\n{headers}content-length: {length}\r\n\r\n{body}");
    // A caller that has gone will come again.
    let _ = socket.write_all(reply.as_bytes()).await;
}
