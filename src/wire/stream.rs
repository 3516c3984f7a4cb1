//! The stream under HTTP: counts the writes of a connection and looks before it reuses one.
//!
//! The count stands above TLS, where hyper hands its bytes over, and rises *before* they are passed
//! on: a write that fails may still have sent some. Equal counts therefore prove that nothing left
//! in between.

use std::io::{self, ErrorKind, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::MaybeHttpsStream;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::net::TcpStream;

type Inner = MaybeHttpsStream<TokioIo<TcpStream>>;

/// What is known of one connection; travels with it through the pool.
#[derive(Clone)]
pub(super) struct ConnectionTrace(Arc<Counters>);

#[derive(Default)]
struct Counters {
    http2: bool,
    requests: AtomicU64,
    writes: AtomicU64,
    look_first: AtomicBool,
}

impl ConnectionTrace {
    /// Notes that the connection begins to encode a request, and returns the writes until now.
    pub(super) fn begin_request(&self) -> u64 {
        let before = self.0.requests.fetch_add(1, Ordering::SeqCst);
        if before > 0 && !self.0.http2 {
            self.0.look_first.store(true, Ordering::SeqCst);
        }
        self.writes()
    }

    /// Whether several requests share the connection at a time.
    pub(super) fn is_http2(&self) -> bool {
        self.0.http2
    }

    /// How many requests were begun on it.
    pub(super) fn requests(&self) -> u64 {
        self.0.requests.load(Ordering::SeqCst)
    }

    /// How many writes were tried on it.
    pub(super) fn writes(&self) -> u64 {
        self.0.writes.load(Ordering::SeqCst)
    }
}

/// A connection to a buyer, plain or TLS.
pub(super) struct BuyerStream {
    inner: Inner,
    trace: ConnectionTrace,
    stale: bool,
}

impl BuyerStream {
    pub(super) fn new(inner: Inner) -> Self {
        let http2 = inner.connected().is_negotiated_h2();
        let counters = Counters { http2, ..Counters::default() };
        Self { inner, trace: ConnectionTrace(Arc::new(counters)), stale: false }
    }

    fn socket(&self) -> &TcpStream {
        match &self.inner {
            MaybeHttpsStream::Http(plain) => plain.inner(),
            MaybeHttpsStream::Https(secured) => secured.inner().get_ref().0.inner().inner(),
        }
    }

    /// To be called before any write. Before the first write of a request on a used HTTP/1
    /// connection the kernel is asked whether the buyer has closed it (or said something unasked):
    /// hyper hears of that through the event loop, which may be later than the next request. Then
    /// nothing is written, and the request can go elsewhere.
    fn before_write(&mut self) -> io::Result<()> {
        if self.trace.0.look_first.swap(false, Ordering::SeqCst) && !is_quiet(self.socket()) {
            self.stale = true;
        }
        if self.stale {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        self.trace.0.writes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// Whether the socket is open and has nothing to read.
fn is_quiet(socket: &TcpStream) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    let peeked = SockRef::from(socket).peek(&mut byte);
    matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
}

impl Connection for BuyerStream {
    fn connected(&self) -> Connected {
        self.inner.connected().extra(self.trace.clone())
    }
}

impl Read for BuyerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl Write for BuyerStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.before_write()?;
        #[cfg(feature = "faults")]
        super::freeze_points::before_write(bytes);
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.before_write()?;
        #[cfg(feature = "faults")]
        super::freeze_points::before_write(slices.first().map_or(&[], |slice| slice));
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
