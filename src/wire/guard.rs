//! The address guard: no connection goes to an address that was not judged for it.
//!
//! For each new connection the host is resolved once, all its addresses are judged together with
//! the scheme and port asked for, and the connector is handed those very addresses: there is no
//! second lookup that could answer differently (rebinding). Names and literals take the same way.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::vec;

use hyper::Uri;
use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use crate::domain::address::{AddressPolicy, Target};
use crate::wire::connect::ConnectFailure;
use crate::wire::lookup::Lookup;

/// Finds and judges the addresses of hosts.
pub(super) struct Guard {
    policy: AddressPolicy,
    lookup: Arc<dyn Lookup>,
}

impl Guard {
    pub(super) fn new(policy: AddressPolicy, lookup: Arc<dyn Lookup>) -> Arc<Self> {
        Arc::new(Self { policy, lookup })
    }

    /// The addresses a connection for `uri` may go to.
    pub(super) async fn addresses(&self, uri: &Uri) -> Result<CheckedAddresses, ConnectFailure> {
        let host = uri.host().ok_or(ConnectFailure::Refused)?;
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(ConnectFailure::Refused),
        };
        let port = uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let literal: Option<IpAddr> = bare.parse().ok();
        let target = Target { encrypted, port, literal: literal.is_some() };
        let addresses = match literal {
            Some(address) => self.judged(host, target, vec![address])?,
            None => self.addresses_of(host, target).await?,
        };
        let sockets: Vec<SocketAddr> =
            addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
        Ok(CheckedAddresses(sockets))
    }

    /// The addresses of a name, at least one, all of them judged for a connection as `target` says.
    pub(super) async fn addresses_of(
        &self,
        name: &str,
        target: Target,
    ) -> Result<Vec<IpAddr>, ConnectFailure> {
        let found = self.lookup.lookup(name).await.map_err(|_| ConnectFailure::Dns)?;
        if found.is_empty() {
            return Err(ConnectFailure::Dns);
        }
        self.judged(name, target, found)
    }

    fn judged(
        &self,
        host: &str,
        target: Target,
        addresses: Vec<IpAddr>,
    ) -> Result<Vec<IpAddr>, ConnectFailure> {
        self.policy.check_addresses(target, &addresses).map_err(|reason| {
            // For the operator; what goes up from here names no address.
            tracing::debug!(host, ?addresses, %reason, "outbound address refused");
            ConnectFailure::Refused
        })?;
        Ok(addresses)
    }
}

/// A resolver for one connection, which knows nothing but the addresses that were judged for it.
#[derive(Clone)]
pub(super) struct CheckedAddresses(Vec<SocketAddr>);

impl Service<Name> for CheckedAddresses {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _name: Name) -> Self::Future {
        ready(Ok(self.0.clone().into_iter()))
    }
}
