//! A buyer to try things with: a real HTTP server on a real socket, scripted to behave well or not.
//!
//! It speaks the native format, checks every signature, remembers what it saw and what it took, and
//! answers a repeated post as the first time. The demo, the tests and the load tool use it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::{BodyExt, Either, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value as Json, json};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::domain::money::Money;
use crate::ports::Clock;
use crate::signing::{SignatureHeaders, SignatureRefused, SigningKeys, Tolerance, verify};

/// The largest request a stub buyer reads, in bytes.
const REQUEST_BYTES_MAX: usize = 1 << 20;

/// What a stub buyer answers with.
#[derive(Clone)]
pub struct Reply {
    /// How long it thinks first.
    pub after: Duration,
    /// The status.
    pub status: u16,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: ReplyBody,
}

/// The body of a [`Reply`].
#[derive(Clone)]
pub enum ReplyBody {
    /// At once.
    Whole(Bytes),
    /// One byte at a time, so many apart.
    Drip(Bytes, Duration),
    /// Without end.
    Endless,
    /// No reply at all: the connection stays open and silent.
    Silence,
}

impl Reply {
    /// A JSON reply with status 200.
    #[must_use]
    pub fn json(body: &Json) -> Self {
        Self {
            after: Duration::ZERO,
            status: 200,
            headers: vec![("content-type", "application/json".to_owned())],
            body: ReplyBody::Whole(body.to_string().into()),
        }
    }

    /// A native bid.
    #[must_use]
    pub fn bid(price: &str) -> Self {
        Self::json(&json!({"bid": {"price": price, "ref": format!("ref-{price}")}}))
    }

    /// A native no.
    #[must_use]
    pub fn no_bid(reason: &str) -> Self {
        Self::json(&json!({"bid": null, "reason": reason}))
    }

    /// A native refusal of a post.
    #[must_use]
    pub fn rejected(reason: &str) -> Self {
        Self::json(&json!({"result": "rejected", "reason": reason}))
    }

    /// Silence.
    #[must_use]
    pub fn silence() -> Self {
        let body = ReplyBody::Silence;
        Self { after: Duration::ZERO, status: 200, headers: Vec::new(), body }
    }

    /// The same after some time.
    #[must_use]
    pub fn after_ms(mut self, ms: u64) -> Self {
        self.after = Duration::from_millis(ms);
        self
    }

    /// The same with another status.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with another header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// One request as the buyer saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The path, with the query.
    pub path: String,
    /// Names (lower case) and values.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    /// Which request of this path with this `webhook-id` it is, from 1.
    pub occurrence: usize,
}

impl Seen {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or(Json::Null)
    }

    /// A header's value, empty if it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// What a buyer does with a post.
#[derive(Clone)]
pub enum OnPost {
    /// Takes it and says so.
    Accept,
    /// Takes it and says so the first time; answers a repeat with this.
    AcceptOnce(Reply),
    /// Takes it and answers with this the first so many times; a repeat after that is told.
    AcceptButAnswer(Reply, usize),
    /// Answers with this and does not take it.
    Answer(Reply),
}

/// How a buyer answers pings.
pub type OnPing = Arc<dyn Fn(&Seen) -> Reply + Send + Sync>;

/// How a stub buyer behaves.
#[derive(Clone)]
pub struct Script {
    /// Its answer to pings.
    pub on_ping: OnPing,
    /// What it does with posts.
    pub on_post: OnPost,
}

impl Script {
    /// A buyer that answers every ping with `reply` and takes every lead it gets.
    #[must_use]
    pub fn always(reply: Reply) -> Self {
        Self { on_ping: Arc::new(move |_| reply.clone()), on_post: OnPost::Accept }
    }

    /// The same buyer with another way to take posts.
    #[must_use]
    pub fn on_post(mut self, on_post: OnPost) -> Self {
        self.on_post = on_post;
        self
    }
}

/// Why a request is not taken as signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// Too long ago, or in the future, for a buyer that minds.
    Stale,
    /// Any other reason.
    Wrong,
}

#[derive(Default)]
struct Memory {
    pings: Vec<Seen>,
    posts: Vec<Seen>,
    inquiries: Vec<Seen>,
    occurrences: BTreeMap<(String, String), usize>,
    /// Leads taken: post id and price.
    taken: BTreeMap<String, Money>,
    bad_signatures: usize,
    stale: usize,
    /// Requests are answered and not kept: a long run would fill the memory.
    keeps_no_requests: bool,
}

struct Shared {
    script: Mutex<Script>,
    keys: Mutex<Option<SigningKeys>>,
    refuses_beyond: Mutex<Option<Tolerance>>,
    memory: Mutex<Memory>,
    clock: Arc<dyn Clock>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running stub buyer; it stops when it is dropped.
pub struct StubBuyer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl Drop for StubBuyer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl StubBuyer {
    /// Starts a buyer on `listen`; port 0 takes any free one.
    ///
    /// # Errors
    /// Those of binding the socket.
    pub async fn start(
        listen: SocketAddr,
        script: Script,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            keys: Mutex::new(None),
            refuses_beyond: Mutex::new(None),
            memory: Mutex::new(Memory::default()),
            clock,
        });
        let stop = CancellationToken::new();
        let accepting = accept(listener, Arc::clone(&shared), stop.clone());
        tokio::runtime::Handle::current().spawn(accepting);
        Ok(Self { address, shared, stop })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of one of its paths: `ping`, `post`, `status`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// From now on requests must carry a signature under `keys`.
    pub fn expect_signatures(&self, keys: SigningKeys) {
        *locked(&self.shared.keys) = Some(keys);
    }

    /// From now on requests that were signed too long ago, or in the future, are refused with 401.
    pub fn refuse_beyond(&self, tolerance: Tolerance) {
        *locked(&self.shared.refuses_beyond) = Some(tolerance);
    }

    /// From now on it behaves so.
    pub fn behave(&self, script: Script) {
        *locked(&self.shared.script) = script;
    }

    /// From now on it remembers what it took, and no request: for runs of millions.
    pub fn keep_no_requests(&self) {
        locked(&self.shared.memory).keeps_no_requests = true;
    }

    /// Pings seen so far.
    #[must_use]
    pub fn pings(&self) -> Vec<Seen> {
        locked(&self.shared.memory).pings.clone()
    }

    /// Posts seen so far, repeats included.
    #[must_use]
    pub fn posts(&self) -> Vec<Seen> {
        locked(&self.shared.memory).posts.clone()
    }

    /// Status inquiries seen so far.
    #[must_use]
    pub fn inquiries(&self) -> Vec<Seen> {
        locked(&self.shared.memory).inquiries.clone()
    }

    /// Leads taken so far: post id and price.
    #[must_use]
    pub fn taken(&self) -> BTreeMap<String, Money> {
        locked(&self.shared.memory).taken.clone()
    }

    /// Requests whose signature did not hold; those refused for their time are not among them.
    #[must_use]
    pub fn bad_signatures(&self) -> usize {
        locked(&self.shared.memory).bad_signatures
    }

    /// Requests refused for the time they were signed at.
    #[must_use]
    pub fn stale(&self) -> usize {
        locked(&self.shared.memory).stale
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = stream else { continue };
        let (shared, stop) = (Arc::clone(&shared), stop.clone());
        tokio::runtime::Handle::current().spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = serve(stream, shared) => {}
            }
        });
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(shared.answer(request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new();
    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
}

type ReplyStream = StreamBody<stream::BoxStream<'static, Result<Frame<Bytes>, Infallible>>>;
type HttpReply = Response<Either<Full<Bytes>, ReplyStream>>;

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> HttpReply {
        let (head, body) = request.into_parts();
        let text = |value: &hyper::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers: BTreeMap<String, String> =
            head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let body = match Limited::new(body, REQUEST_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => return render(&Reply::rejected("invalid").with_status(413)),
        };
        let mut seen = Seen { path, headers, body, occurrence: 0 };
        let refused = self.verify(&seen);
        if refused == Err(Refused::Stale) {
            locked(&self.memory).stale += 1;
            return render(&Reply::json(&json!({"error": "stale_signature"})).with_status(401));
        }
        seen = self.remember(seen, refused.is_ok());
        let reply = self.reply_to(&seen);
        tokio::time::sleep(reply.after).await;
        if matches!(reply.body, ReplyBody::Silence) {
            std::future::pending::<()>().await;
        }
        render(&reply)
    }

    fn remember(&self, mut seen: Seen, is_signed: bool) -> Seen {
        let mut memory = locked(&self.memory);
        if memory.keeps_no_requests {
            seen.occurrence = 1;
            return seen;
        }
        let key = (seen.path.clone(), seen.header("webhook-id").to_owned());
        let occurrence = memory.occurrences.entry(key).or_default();
        *occurrence += 1;
        seen.occurrence = *occurrence;
        if !is_signed {
            memory.bad_signatures += 1;
        }
        match kind(&seen.path) {
            "ping" => memory.pings.push(seen.clone()),
            "status" => memory.inquiries.push(seen.clone()),
            _ => memory.posts.push(seen.clone()),
        }
        seen
    }

    fn verify(&self, seen: &Seen) -> Result<(), Refused> {
        let keys = locked(&self.keys);
        let Some(keys) = &*keys else { return Ok(()) };
        let headers = SignatureHeaders {
            id: seen.header("webhook-id"),
            timestamp: seen.header("webhook-timestamp"),
            signature: seen.header("webhook-signature"),
        };
        let refuses_beyond = *locked(&self.refuses_beyond);
        let tolerance = refuses_beyond.unwrap_or_default();
        match verify(keys, headers, &seen.body, self.clock.now().as_second(), tolerance) {
            Ok(()) => Ok(()),
            Err(SignatureRefused::TooOld | SignatureRefused::TooEarly)
                if refuses_beyond.is_some() =>
            {
                Err(Refused::Stale)
            }
            Err(_) => Err(Refused::Wrong),
        }
    }

    fn reply_to(&self, seen: &Seen) -> Reply {
        let script = locked(&self.script).clone();
        match kind(&seen.path) {
            "ping" => (script.on_ping)(seen),
            "status" => self.status(seen),
            _ => match script.on_post {
                OnPost::Accept => self.take(seen),
                OnPost::AcceptOnce(reply) => {
                    let taken = self.take(seen);
                    if seen.occurrence == 1 { taken } else { reply }
                }
                OnPost::AcceptButAnswer(reply, times) => {
                    let taken = self.take(seen);
                    if seen.occurrence <= times { reply } else { taken }
                }
                OnPost::Answer(reply) => reply,
            },
        }
    }

    fn take(&self, seen: &Seen) -> Reply {
        let body = seen.json();
        let post_id = body["post_id"].as_str().unwrap_or_default().to_owned();
        let price = Money::parse(body["price"].as_str().unwrap_or_default()).unwrap_or_default();
        locked(&self.memory).taken.entry(post_id.clone()).or_insert(price);
        Reply::json(&json!({"result": "accepted", "buyer_lead_id": format!("b-{post_id}")}))
    }

    fn status(&self, seen: &Seen) -> Reply {
        let post_id = seen.path.split_once("post_id=").map_or("", |(_, post_id)| post_id);
        let is_taken = locked(&self.memory).taken.contains_key(post_id);
        let result = if is_taken { "accepted" } else { "not_found" };
        Reply::json(&json!({"result": result}))
    }
}

fn kind(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

fn render(reply: &Reply) -> HttpReply {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(*name, value);
    }
    let body = match &reply.body {
        ReplyBody::Whole(body) => Either::Left(Full::new(body.clone())),
        ReplyBody::Drip(body, pause) => {
            let pause = *pause;
            let bytes = stream::iter(body.clone()).then(move |byte| async move {
                tokio::time::sleep(pause).await;
                Ok(Frame::data(Bytes::from(vec![byte])))
            });
            Either::Right(StreamBody::new(bytes.boxed()))
        }
        ReplyBody::Endless | ReplyBody::Silence => {
            let chunk = Bytes::from(vec![b' '; 8_192]);
            let chunks = stream::repeat_with(move || Ok(Frame::data(chunk.clone())));
            Either::Right(StreamBody::new(chunks.boxed()))
        }
    };
    response.body(body).unwrap_or_else(|_| Response::new(Either::Left(Full::new(Bytes::new()))))
}
