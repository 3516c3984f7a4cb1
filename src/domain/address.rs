//! Where the exchange may send: which URLs may be registered, which addresses may be connected to.
//!
//! One policy answers both questions, so that a URL is judged the same way when somebody registers
//! it and when the wire connects. Only public addresses are reachable, over https, on the listed
//! ports, by name; `allow_networks` opens single networks (tests, the demo, a buyer in the
//! operator's own network) to plain http, literals and any port. A name is judged by the addresses
//! it resolves to, and that is known only at connect time: a check at registration alone is a known
//! bypass (rebinding). This module resolves nothing and no refusal names an address, because the
//! text may reach the buyer and would tell him about the inside.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// The longest URL taken, in bytes: a profile may put a whole lead into the query.
pub const URL_BYTES_MAX: usize = 8192;
/// The ports open outside `allow_networks` unless the operator names others.
pub const PORTS_DEFAULT: [u16; 1] = [443];

/// IPv4 networks that are not public (IANA special-purpose registry), multicast, reserved space and
/// one public address that clouds answer from inside.
const BLOCKED_V4: [Ipv4Net; 16] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([168, 63, 129, 16], 32), // Azure's host agent, reachable from every machine there
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 0], 24),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// The only IPv6 space that is handed out for public use. Everything outside is refused: loopback,
/// v4-mapped and v4-compatible forms, NAT64, ULA, link-local, site-local, multicast and the rest.
const PUBLIC_V6: Ipv6Net = v6([0x2000, 0, 0], 3);

/// What is not public inside [`PUBLIC_V6`].
const BLOCKED_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0, 0], 23), // protocol assignments: Teredo, benchmarking, ORCHID
    v6([0x2001, 0x0db8, 0], 32),
    v6([0x2002, 0, 0], 16), // 6to4: carries any IPv4 address
    v6([0x3fff, 0, 0], 20),
];

/// Suffixes of names that never lead to the public internet.
const LOCAL_SUFFIXES: [&str; 6] =
    ["localhost", "localdomain", "local", "internal", "home.arpa", "intranet"];

const fn v4(octets: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3]), prefix)
}

const fn v6(head: [u16; 3], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(head[0], head[1], head[2], 0, 0, 0, 0, 0), prefix)
}

/// Whether `address`, in whatever form it hides, lies outside the public internet.
#[must_use]
pub fn is_blocked(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => BLOCKED_V4.iter().any(|network| network.contains(&address)),
        IpAddr::V6(address) => {
            !PUBLIC_V6.contains(&address)
                || BLOCKED_V6.iter().any(|network| network.contains(&address))
                || is_isatap(address)
        }
    }
}

/// ISATAP (RFC 5214) hides an IPv4 address behind any prefix, marked by `[02]00:5efe`.
fn is_isatap(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    segments[4] & !0x0200 == 0 && segments[5] == 0x5efe
}

/// How a connection is asked for: what decides, beside the address, whether it may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Whether TLS will be spoken (`https`).
    pub encrypted: bool,
    /// The TCP port.
    pub port: u16,
    /// Whether the URL names the address itself instead of a name.
    pub literal: bool,
}

/// Why a URL may not be used. The texts name no address and may be shown to whoever registered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefused {
    /// Longer than [`URL_BYTES_MAX`].
    #[error("the URL is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// Not `scheme://host...`, or with blanks, control characters or backslashes.
    #[error("this is not an absolute URL")]
    Malformed,
    /// Neither https nor, where networks are allowed for it, http.
    #[error("the URL must begin with https://")]
    Scheme,
    /// `user:password@` before the host.
    #[error("the URL must not hold a user name or password")]
    Credentials,
    /// `#...` at the end; it would never be sent.
    #[error("the URL must not hold a fragment")]
    Fragment,
    /// A host name that ends in a dot.
    #[error("the host name must not end in a dot")]
    TrailingDot,
    /// A port that is not open.
    #[error("this port is not allowed")]
    Port,
    /// An IP address for a host, in any spelling.
    #[error("the host must be a name, not an IP address")]
    Literal,
    /// A name that exists only inside a machine or a network.
    #[error("the host must be a public name")]
    LocalName,
}

/// Why an address may not be connected to. Names no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// It is not a public address.
    #[error("the host does not lead to a public address")]
    NotPublic,
    /// Plain http outside the allowed networks.
    #[error("the host must be reached over https")]
    PlainHttp,
    /// A port that is not open outside the allowed networks.
    #[error("this port is not allowed")]
    Port,
    /// A literal outside the allowed networks.
    #[error("the host must be a name, not an IP address")]
    Literal,
}

/// The operator's rule of where the exchange may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressPolicy {
    allow_networks: Vec<IpNet>,
    ports: Vec<u16>,
}

impl Default for AddressPolicy {
    fn default() -> Self {
        Self::new(Vec::new(), PORTS_DEFAULT.to_vec())
    }
}

impl AddressPolicy {
    /// A policy that opens `allow_networks` to anything and the rest of the public internet to
    /// https on `ports`. IPv4 networks are written as IPv4.
    #[must_use]
    pub const fn new(allow_networks: Vec<IpNet>, ports: Vec<u16>) -> Self {
        Self { allow_networks, ports }
    }

    /// Checks a URL as far as its text alone can be judged. A name that passes is judged again, by
    /// its addresses, at every connect.
    ///
    /// # Errors
    /// [`UrlRefused`] with the first fault found.
    pub fn check_url(&self, text: &str) -> Result<(), UrlRefused> {
        self.parse_url(text).map(|_| ())
    }

    /// As [`check_url`](Self::check_url), and returns the URL in its one normal form: what is
    /// connected to must be what was judged (`https://0x7f.1/` is `https://127.0.0.1/`).
    ///
    /// # Errors
    /// [`UrlRefused`] with the first fault found.
    pub fn parse_url(&self, text: &str) -> Result<Url, UrlRefused> {
        if text.len() > URL_BYTES_MAX {
            return Err(UrlRefused::TooLong);
        }
        let odd = |character: char| {
            character.is_control() || character.is_whitespace() || character == '\\'
        };
        if text.chars().any(odd) {
            return Err(UrlRefused::Malformed);
        }
        let (scheme, rest) = text.split_once("://").ok_or(UrlRefused::Malformed)?;
        if rest.starts_with('/') {
            return Err(UrlRefused::Malformed);
        }
        if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
            return Err(UrlRefused::Scheme);
        }
        let url = Url::parse(text).map_err(|_| UrlRefused::Malformed)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(UrlRefused::Credentials);
        }
        if url.fragment().is_some() {
            return Err(UrlRefused::Fragment);
        }
        self.check_host(&url)?;
        Ok(url)
    }

    /// The ports that are open outside the allowed networks.
    #[must_use]
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    fn check_host(&self, url: &Url) -> Result<(), UrlRefused> {
        let encrypted = url.scheme() == "https";
        let port = url.port_or_known_default().ok_or(UrlRefused::Malformed)?;
        let name = match url.host().ok_or(UrlRefused::Malformed)? {
            Host::Ipv4(address) => return self.check_literal(address.into()),
            Host::Ipv6(address) => return self.check_literal(address.into()),
            Host::Domain(name) => name,
        };
        if name.ends_with('.') {
            return Err(UrlRefused::TrailingDot);
        }
        // With allowed networks only the addresses can tell, and they are not known here.
        if !self.allow_networks.is_empty() {
            return Ok(());
        }
        if !encrypted {
            return Err(UrlRefused::Scheme);
        }
        if !self.ports.contains(&port) {
            return Err(UrlRefused::Port);
        }
        if is_local_name(name) {
            return Err(UrlRefused::LocalName);
        }
        Ok(())
    }

    fn check_literal(&self, address: IpAddr) -> Result<(), UrlRefused> {
        if self.allows(address.to_canonical()) { Ok(()) } else { Err(UrlRefused::Literal) }
    }

    /// Checks every address a connection could go to; one that is refused refuses them all.
    ///
    /// # Errors
    /// [`AddressRefused`] of the first address that may not be connected to.
    pub fn check_addresses(
        &self,
        target: Target,
        addresses: &[IpAddr],
    ) -> Result<(), AddressRefused> {
        addresses.iter().try_for_each(|address| self.check_address(target, address.to_canonical()))
    }

    fn check_address(&self, target: Target, address: IpAddr) -> Result<(), AddressRefused> {
        if self.allows(address) {
            return Ok(());
        }
        if is_blocked(address) {
            return Err(AddressRefused::NotPublic);
        }
        if target.literal {
            return Err(AddressRefused::Literal);
        }
        if !target.encrypted {
            return Err(AddressRefused::PlainHttp);
        }
        if !self.ports.contains(&target.port) {
            return Err(AddressRefused::Port);
        }
        Ok(())
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allow_networks.iter().any(|network| network.contains(&address))
    }
}

/// Whether `name` (lower case, without a final dot) has one label only or a suffix of local use.
fn is_local_name(name: &str) -> bool {
    let ends_in = |suffix: &str| {
        name.strip_suffix(suffix).is_some_and(|head| head.is_empty() || head.ends_with('.'))
    };
    !name.contains('.') || LOCAL_SUFFIXES.into_iter().any(ends_in)
}

#[cfg(test)]
mod tests;
