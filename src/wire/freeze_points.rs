//! Points right before a post leaves at which the process says where it is and waits to go on, so that
//! a proof can freeze it exactly there. Only under the feature `faults`, and only if the environment
//! asks for it.
//!
//! `call` is after the intent is stored, before anything of the post is done; `write` is after every
//! check of time, before the first byte goes to the kernel. The whole thread waits: nothing of the
//! process goes on that could notice.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::OnceLock;

/// The environment's variable with the address that is told: a line `PLACE PROCESS HOST`, on a
/// connection of its own; the process goes on when a line comes back, or the connection ends.
pub const FREEZE_AT: &str = "GAVEL_FAULT_FREEZE_AT";

fn address() -> Option<SocketAddr> {
    static ADDRESS: OnceLock<Option<SocketAddr>> = OnceLock::new();
    *ADDRESS.get_or_init(|| std::env::var(FREEZE_AT).ok()?.parse().ok())
}

/// Passes the point before a post to `url`.
pub(super) fn before_call(url: &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    pass("call", rest.split('/').next().unwrap_or_default());
}

/// Passes the point before a write, if it begins a post to a path that ends in `/post`.
pub(super) fn before_write(bytes: &[u8]) {
    if address().is_none() || !bytes.starts_with(b"POST ") {
        return;
    }
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let host = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
    });
    if let Some(host) = host.filter(|_| path.ends_with("/post")) {
        pass("write", &host);
    }
}

fn pass(place: &str, host: &str) {
    let Some(address) = address() else { return };
    // A proof that is over must not keep the process from its work.
    if let Err(error) = announce(address, place, host) {
        tracing::debug!(%error, "freeze_point.unheard");
    }
}

fn announce(address: SocketAddr, place: &str, host: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    writeln!(stream, "{place} {} {host}", std::process::id())?;
    BufReader::new(stream).read_line(&mut String::new()).map(drop)
}
