//! Plays the script of one behaviour on every connection it gets, and keeps count.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustls::ServerConfig;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use super::behaviour::{Step, Transport};
use super::certificates::Certificates;

/// How long one connection is kept, whatever its script says.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(20);
/// The most bytes of one flood.
const FLOOD_BYTES_MAX: usize = 256 << 20;
/// How long a read waits for the rest of a request.
const READ_PATIENCE: Duration = Duration::from_secs(10);
/// How much of a request is kept to look for its end.
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// The stream's end of an HTTP/2 request: `END_STREAM` on a frame of stream 1.
const END_STREAM: u8 = 1;

/// What a server saw.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections it took.
    pub connections: AtomicU64,
    /// The ids of posts of which it read anything that names them.
    seen: Mutex<BTreeSet<String>>,
}

impl Counts {
    /// Whether it read anything that names this post.
    pub fn has_seen(&self, post_id: &str) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).contains(post_id)
    }

    /// Takes note of a post that is named in `bytes`.
    fn note(&self, bytes: &[u8]) {
        const PREFIX: &[u8] = b"post_";
        let Some(start) = bytes.windows(PREFIX.len()).position(|window| window == PREFIX) else {
            return;
        };
        let is_of_id = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
        let id = bytes[start..].iter().take_while(is_of_id).map(|byte| char::from(*byte));
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id.collect());
    }
}

/// A server that misbehaves.
pub struct HostileServer {
    address: SocketAddr,
    scheme: &'static str,
    counts: Arc<Counts>,
    /// The listener and its connections; they end with the server.
    _tasks: JoinSet<()>,
}

impl HostileServer {
    /// Listens on a free port of this machine.
    pub async fn start(
        transport: Transport,
        script: Vec<Step>,
        certificates: &Certificates,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let counts = Arc::new(Counts::default());
        let stage = Arc::new(Stage {
            script,
            tls: certificates.server(transport),
            is_http2: transport == Transport::TlsHttp2,
            counts: Arc::clone(&counts),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let stage = Arc::clone(&stage);
                stage.counts.connections.fetch_add(1, Ordering::Relaxed);
                connections.spawn(async move {
                    drop(timeout(CONNECTION_TIME_MAX, stage.play(stream)).await);
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, scheme: transport.scheme(), counts, _tasks: tasks })
    }

    /// The URL that leads here.
    pub fn url(&self) -> String {
        format!("{}://{}/hostile", self.scheme, self.address)
    }

    /// What it saw.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }
}

struct Stage {
    script: Vec<Step>,
    tls: Option<Arc<ServerConfig>>,
    is_http2: bool,
    counts: Arc<Counts>,
}

/// How a script left its connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Close,
    Reset,
}

impl Stage {
    async fn play(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            let mut stream = stream;
            let end = self.perform(&mut stream).await.unwrap_or(End::Close);
            return finish(&stream, end);
        };
        let mut stream = TlsAcceptor::from(Arc::clone(tls)).accept(stream).await?;
        let end = self.perform(&mut stream).await.unwrap_or(End::Close);
        finish(stream.get_ref().0, end)
    }

    async fn perform(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<End> {
        let mut request = Request { bytes: Vec::new(), is_http2: self.is_http2 };
        let mut steps = self.script.iter();
        while let Some(step) = steps.next() {
            match step {
                Step::ReadHead => self.read(stream, &mut request, Request::has_head).await?,
                Step::ReadAll => self.read(stream, &mut request, Request::is_whole).await?,
                Step::ReadStream(number) => {
                    self.read(stream, &mut request, |request| request.ends_stream(*number)).await?;
                }
                Step::ReadSome(count) => {
                    let upto = request.bytes.len() + count;
                    self.read(stream, &mut request, |request| request.bytes.len() >= upto).await?;
                }
                Step::Say(bytes) => {
                    stream.write_all(bytes).await?;
                    stream.flush().await?;
                }
                Step::Drip(bytes, apart) => {
                    for byte in bytes {
                        stream.write_all(&[*byte]).await?;
                        stream.flush().await?;
                        tokio::time::sleep(*apart).await;
                    }
                }
                Step::Flood(bytes) => flood(stream, bytes).await?,
                Step::Hang => drain(stream).await?,
                Step::HalfClose => {
                    stream.shutdown().await?;
                    drain(stream).await?;
                }
                Step::Again => {
                    request.bytes.clear();
                    steps = self.script.iter();
                }
                Step::Reset => return Ok(End::Reset),
            }
        }
        Ok(End::Close)
    }

    /// Reads until `holds`, the peer ends, or patience does.
    async fn read(
        &self,
        stream: &mut (impl AsyncRead + Unpin),
        request: &mut Request,
        holds: impl Fn(&Request) -> bool,
    ) -> io::Result<()> {
        let give_up_at = Instant::now() + READ_PATIENCE;
        let mut buffer = [0; 8_192];
        while !holds(request) && request.bytes.len() < REQUEST_BYTES_MAX {
            let read = tokio::time::timeout_at(give_up_at, stream.read(&mut buffer)).await;
            let count = read.unwrap_or(Ok(0))?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            request.bytes.extend_from_slice(&buffer[..count]);
            self.counts.note(&request.bytes);
        }
        Ok(())
    }
}

fn finish(stream: &TcpStream, end: End) -> io::Result<()> {
    if end == End::Reset {
        SockRef::from(stream).set_linger(Some(Duration::ZERO))?;
    }
    Ok(())
}

async fn flood(stream: &mut (impl AsyncWrite + Unpin), bytes: &Bytes) -> io::Result<()> {
    let mut written = 0;
    while written < FLOOD_BYTES_MAX {
        stream.write_all(bytes).await?;
        written += bytes.len().max(1);
    }
    Ok(())
}

async fn drain(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut buffer = [0; 8_192];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// The bytes of a request as far as they are here.
struct Request {
    bytes: Vec<u8>,
    is_http2: bool,
}

impl Request {
    fn head_end(&self) -> Option<usize> {
        self.bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
    }

    fn has_head(&self) -> bool {
        self.head_end().is_some()
    }

    fn is_whole(&self) -> bool {
        if self.is_http2 {
            return self.ends_stream(1);
        }
        let Some(end) = self.head_end() else { return false };
        let head = String::from_utf8_lossy(&self.bytes[..end]).to_ascii_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        self.bytes.len() >= end + length.unwrap_or(0)
    }

    /// Whether the request of a stream is whole: its last frame says so (RFC 9113, 5.1).
    fn ends_stream(&self, number: u32) -> bool {
        const PREFACE: usize = 24;
        let mut rest = self.bytes.get(PREFACE..).unwrap_or_default();
        while rest.len() >= 9 {
            let length = u32::from_be_bytes([0, rest[0], rest[1], rest[2]]) as usize;
            let (kind, flags) = (rest[3], rest[4]);
            let stream = u32::from_be_bytes([rest[5], rest[6], rest[7], rest[8]]);
            if rest.len() < 9 + length {
                return false;
            }
            if kind <= 1 && flags & END_STREAM != 0 && stream == number {
                return true;
            }
            rest = &rest[9 + length..];
        }
        false
    }
}
