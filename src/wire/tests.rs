//! The client against real sockets on 127.0.0.1, good and bad.

mod addresses;
mod events;
mod http2;
mod places;
mod replies;
mod secure;
mod sent;
mod support;
