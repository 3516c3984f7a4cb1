//! A proxy between the exchange and one buyer that cuts connections at a chosen byte.
//!
//! It hands requests and responses through one at a time. The cuts that were ordered befall posts,
//! one list for each post and one [`Cut`] for each time it is sent: so many bytes of it, or of its response, go through, and then the connection ends, is
//! reset, or falls silent. Over TLS the proxy is the buyer's end of it: bytes are counted in the
//! clear, and the end comes without a word of farewell.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// The largest message that is handed through, in bytes.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// How a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// In order, by a FIN.
    Close,
    /// By a RST.
    Reset,
    /// Not at all: nothing more is said.
    Stall,
}

/// What is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The request: the buyer gets so many bytes of it and no more.
    Request,
    /// The response: the buyer has acted, and the exchange gets so many bytes.
    Response,
}

/// One cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub side: Side,
    /// Bytes that go through; at most one less than the whole.
    pub offset: usize,
    pub manner: Manner,
}

/// The sizes of the posts that went through, and of their responses: what offsets there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    pub request: usize,
    pub response: usize,
}

/// Which cuts are still to come, and which were made.
#[derive(Debug, Default)]
struct Plan {
    ordered: VecDeque<Vec<Cut>>,
    /// What is left of the lists of posts that were seen, by their `idempotency-key`.
    begun: HashMap<String, Vec<Cut>>,
    made: Vec<Cut>,
    sizes: Sizes,
}

/// Orders for a proxy, and what became of them.
#[derive(Debug, Clone, Default)]
pub struct Orders(Arc<Mutex<Plan>>);

impl Orders {
    fn with<T>(&self, act: impl FnOnce(&mut Plan) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Orders lists of cuts, one list for each of the next posts: its first cut befalls the post as
    /// it is sent first, the second its first repeat.
    pub fn order(&self, lists: impl IntoIterator<Item = Vec<Cut>>) {
        self.with(|plan| plan.ordered.extend(lists));
    }

    /// The cuts that were made.
    pub fn made(&self) -> Vec<Cut> {
        self.with(|plan| plan.made.clone())
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.with(|plan| {
            plan.ordered.iter().chain(plan.begun.values()).map(|cuts| cuts.len()).sum()
        })
    }

    /// The sizes of the largest post that went through whole, and of its response.
    pub fn sizes(&self) -> Sizes {
        self.with(|plan| plan.sizes)
    }

    /// The next cut of this post.
    fn next(&self, post: &str) -> Option<Cut> {
        self.with(|plan| {
            if !plan.begun.contains_key(post) {
                let cuts = plan.ordered.pop_front().unwrap_or_default();
                plan.begun.insert(post.to_owned(), cuts);
            }
            let cuts = plan.begun.get_mut(post)?;
            (!cuts.is_empty()).then(|| cuts.remove(0))
        })
    }
}

/// A running proxy; it ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Proxy {
    /// Starts one in front of `buyer`, over TLS if there is an acceptor.
    pub async fn start(
        buyer: SocketAddr,
        tls: Option<TlsAcceptor>,
        orders: Orders,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let accepting = Handle::current().spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (orders, tls) = (orders.clone(), tls.clone());
                // A connection that breaks is what a proxy like this is for.
                Handle::current()
                    .spawn(async move { drop(serve(socket, tls, buyer, orders).await) });
            }
        });
        Ok(Self { address, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

async fn serve(
    socket: TcpStream,
    tls: Option<TlsAcceptor>,
    buyer: SocketAddr,
    orders: Orders,
) -> io::Result<()> {
    socket.set_nodelay(true)?;
    // How the connection ends is decided on the socket itself, below any TLS.
    let below = SockRef::from(&socket).try_clone()?;
    let mut front: Box<dyn Stream> = match tls {
        None => Box::new(socket),
        Some(acceptor) => Box::new(acceptor.accept(socket).await?),
    };
    let mut back = TcpStream::connect(buyer).await?;
    back.set_nodelay(true)?;
    while let Some(cut) = exchange(&mut front, &mut back, &orders).await? {
        let Some(manner) = cut else { continue };
        match manner {
            Manner::Close => below.shutdown(std::net::Shutdown::Both)?,
            Manner::Reset => below.set_linger(Some(Duration::ZERO))?,
            Manner::Stall => {
                // Until the exchange has enough of it.
                drop(back);
                let mut rest = [0; 1_024];
                while front.read(&mut rest).await? > 0 {}
                return Ok(());
            }
        }
        return Ok(());
    }
    Ok(())
}

/// Hands one request and its response through. `None`: the exchange has gone; otherwise the manner of
/// the cut, if there was one.
async fn exchange(
    front: &mut Box<dyn Stream>,
    back: &mut TcpStream,
    orders: &Orders,
) -> io::Result<Option<Option<Manner>>> {
    let Some(request) = read_message(front).await? else { return Ok(None) };
    let is_post = request.starts_with(b"POST /post");
    let cut = if is_post { orders.next(&header(&request, "idempotency-key")) } else { None };
    if let Some(cut) = cut
        && cut.side == Side::Request
    {
        let offset = cut.offset.min(request.len() - 1);
        back.write_all(&request[..offset]).await?;
        back.flush().await?;
        orders.with(|plan| plan.made.push(Cut { offset, ..cut }));
        return Ok(Some(Some(cut.manner)));
    }
    back.write_all(&request).await?;
    let Some(response) = read_message(back).await? else { return Ok(None) };
    if let Some(cut) = cut {
        let offset = cut.offset.min(response.len() - 1);
        front.write_all(&response[..offset]).await?;
        front.flush().await?;
        orders.with(|plan| plan.made.push(Cut { offset, ..cut }));
        return Ok(Some(Some(cut.manner)));
    }
    front.write_all(&response).await?;
    front.flush().await?;
    if is_post {
        let sizes = Sizes { request: request.len(), response: response.len() };
        orders.with(|plan| {
            if sizes.request >= plan.sizes.request {
                plan.sizes = sizes;
            }
        });
    }
    Ok(Some(None))
}

/// One whole message with a `content-length`; `None` where the other side has gone.
async fn read_message(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut message = Vec::with_capacity(2_048);
    let mut whole = None;
    loop {
        if let Some(length) = whole
            && message.len() >= length
        {
            message.truncate(length);
            return Ok(Some(message));
        }
        if stream.read_buf(&mut message).await? == 0 {
            return Ok(None);
        }
        if whole.is_none() {
            whole = whole_length(&message);
        }
        if message.len() > MESSAGE_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// How long the head of a message is, if it has come.
fn head_length(message: &[u8]) -> Option<usize> {
    Some(message.windows(4).position(|window| window == b"\r\n\r\n")? + 4)
}

/// The value of a header of a message whose head has come; empty if there is none.
fn header(message: &[u8], name: &str) -> String {
    let head = &message[..head_length(message).unwrap_or(0)];
    let head = String::from_utf8_lossy(head).into_owned();
    let value = head.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    value.unwrap_or_default()
}

/// How long a message is whose head has come.
fn whole_length(message: &[u8]) -> Option<usize> {
    let head = head_length(message)?;
    Some(head + header(message, "content-length").parse::<usize>().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_as_long_as_its_head_says() {
        let check = |message: &str, expect| assert_eq!(whole_length(message.as_bytes()), expect);
        check("POST /post HTTP/1.1\r\nContent-Length: 5\r\n\r\nab", Some(47));
        check("HTTP/1.1 204 No Content\r\n\r\n", Some(27));
        check("POST /post HTTP/1.1\r\nContent-Le", None);
    }

    #[test]
    fn each_post_has_its_own_list_of_cuts() {
        let cut = |offset| Cut { side: Side::Request, offset, manner: Manner::Close };
        let orders = Orders::default();
        orders.order([vec![cut(1), cut(2)], vec![cut(3)]]);
        let offset = |post: &str| orders.next(post).map(|cut| cut.offset);
        assert_eq!(offset("a"), Some(1));
        assert_eq!(offset("b"), Some(3));
        assert_eq!(orders.left(), 1);
        assert_eq!((offset("b"), offset("c")), (None, None));
        assert_eq!((offset("a"), offset("a"), orders.left()), (Some(2), None, 0));
    }
}
