//! What a hostile buyer does: a script of steps on one connection, and what the exchange must make
//! of it.

use std::time::Duration;

use bytes::Bytes;

/// Which of a buyer's endpoints misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The one that is asked for a bid.
    Ping,
    /// The one that gets the lead.
    Post,
}

impl Role {
    pub const ALL: [Self; 2] = [Self::Ping, Self::Post];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Post => "post",
        }
    }

    /// The body of a good answer.
    pub const fn answer(self) -> &'static str {
        match self {
            Self::Ping => r#"{"bid":{"price":"50.00","ref":"h-1"}}"#,
            Self::Post => r#"{"result":"accepted","buyer_lead_id":"H-1"}"#,
        }
    }
}

/// What a connection begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Plain TCP.
    Plain,
    /// TLS with a certificate that is fine, speaking HTTP/1.1.
    Tls,
    /// TLS with a certificate that is fine, speaking HTTP/2.
    TlsHttp2,
    /// A certificate that ended.
    TlsExpired,
    /// A certificate of another host.
    TlsWrongName,
    /// A certificate nobody vouches for.
    TlsSelfSigned,
    /// Says TLS in the URL, and plays its script on the bare socket.
    BareTls,
}

impl Transport {
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Plain => "http",
            _ => "https",
        }
    }
}

/// One step of a script.
#[derive(Debug, Clone)]
pub enum Step {
    /// Reads up to the end of the request's head.
    ReadHead,
    /// Reads the whole request; of HTTP/2 the one on stream 1.
    ReadAll,
    /// Reads the whole HTTP/2 request of this stream.
    ReadStream(u32),
    /// Reads this many bytes.
    ReadSome(usize),
    /// Writes.
    Say(Bytes),
    /// Writes byte by byte, this long apart.
    Drip(Bytes, Duration),
    /// Writes the same over and over until the peer is gone or the flood's bounds are reached.
    Flood(Bytes),
    /// Keeps the connection open and silent until the peer ends it.
    Hang,
    /// Says that nothing more will come, and then hangs.
    HalfClose,
    /// Begins anew, for the next request on a connection that was kept.
    Again,
    /// Ends the connection by RST.
    Reset,
}

/// What may become of a ping or a post: reasons of no-bids or `bid`, outcomes of posts.
pub type Expect = &'static [&'static str];

/// Why a post that was not answered may be known to be unseen although bytes were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unseen {
    /// Nothing was read.
    NothingRead,
    /// The protocol says so: HTTP/2 refused the stream.
    SaidSo,
}

/// A hostile buyer.
pub struct Behaviour {
    /// Its name, a slug.
    pub name: &'static str,
    /// What its connections begin with.
    pub transport: Transport,
    /// What it does, by role.
    pub script: Box<dyn Fn(Role) -> Vec<Step> + Send + Sync>,
    /// What may become of a ping to it.
    pub ping: Expect,
    /// What may become of a post to it.
    pub post: Expect,
    /// Why a post may be not sent.
    pub unseen: Unseen,
}

/// No answer before the round is over; the post may have arrived.
pub const SILENT: (Expect, Expect) = (&["timeout"], &["unknown"]);
/// The connection breaks, or what comes is no HTTP; the post may have arrived.
pub const BROKEN: (Expect, Expect) = (&["malformed"], &["unknown"]);
/// As [`BROKEN`], seen before or after the request is on its way.
pub const BROKEN_EARLY: (Expect, Expect) = (&["malformed", "not_sent"], &["unknown", "not_sent"]);
/// The body is longer than what is read of one.
pub const OVERSIZED: (Expect, Expect) = (&["oversized"], &["unknown"]);
/// A whole answer that makes no sense.
pub const UNREADABLE: (Expect, Expect) = (&["malformed"], &["unknown"]);
/// No connection was made.
pub const UNREACHED: (Expect, Expect) = (&["not_sent"], &["not_sent"]);
/// A good answer, oddly given.
pub const GOOD: (Expect, Expect) = (&["bid"], &["accepted"]);

impl Behaviour {
    pub fn plain(
        name: &'static str,
        expect: (Expect, Expect),
        script: impl Fn(Role) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        Self::over(Transport::Plain, name, expect, script)
    }

    pub fn over(
        transport: Transport,
        name: &'static str,
        (ping, post): (Expect, Expect),
        script: impl Fn(Role) -> Vec<Step> + Send + Sync + 'static,
    ) -> Self {
        let unseen = Unseen::NothingRead;
        Self { name, transport, script: Box::new(script), ping, post, unseen }
    }

    /// The same, for an answer that comes whole after each whole request.
    pub fn answers(
        name: &'static str,
        expect: (Expect, Expect),
        answer: impl Fn(Role) -> Bytes + Send + Sync + 'static,
    ) -> Self {
        Self::plain(name, expect, move |role| {
            vec![Step::ReadAll, Step::Say(answer(role)), Step::Again]
        })
    }

    /// The same, whose protocol can say that a request was not looked at.
    pub const fn may_refuse(mut self) -> Self {
        self.unseen = Unseen::SaidSo;
        self
    }

    pub const fn expect(&self, role: Role) -> Expect {
        match role {
            Role::Ping => self.ping,
            Role::Post => self.post,
        }
    }
}

/// Bytes of a text.
pub fn text(text: impl Into<String>) -> Bytes {
    Bytes::from(text.into())
}

/// A head with these further lines, each with its end.
pub fn head(status: &str, lines: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{lines}\r\n")
}

/// A whole reply with the length of its body.
pub fn whole(status: &str, lines: &str, body: &[u8]) -> Bytes {
    let length = format!("content-length: {}\r\n{lines}", body.len());
    Bytes::from([head(status, &length).as_bytes(), body].concat())
}

/// A good reply of a role.
pub fn good(role: Role) -> Bytes {
    whole("200 OK", "", role.answer().as_bytes())
}

/// A good reply's head that announces so many more bytes than come.
pub fn longer_by(role: Role, more: usize) -> Bytes {
    let length = format!("content-length: {}\r\n", role.answer().len() + more);
    text(head("200 OK", &length) + role.answer())
}
