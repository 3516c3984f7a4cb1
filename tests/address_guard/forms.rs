//! Addresses that are not public, and every way to write them into a URL.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks that are not public: first address, and length of the prefix.
const V4: [(&str, u8); 17] = [
    ("0.0.0.0", 8),
    ("10.0.0.0", 8),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("168.63.129.16", 32),
    ("169.254.0.0", 16),
    ("172.16.0.0", 12),
    ("192.0.0.0", 24),
    ("192.0.2.0", 24),
    ("192.88.99.0", 24),
    ("192.168.0.0", 16),
    ("198.18.0.0", 15),
    ("198.51.100.0", 24),
    ("203.0.113.0", 24),
    ("224.0.0.0", 4),
    ("240.0.0.0", 4),
    ("255.255.255.255", 32),
];

/// Addresses of the IPv6 networks that are not public, the first and one far inside of each.
const V6: [&str; 32] = [
    "::",
    "::1",
    "::2",
    "::ffff:0:0",
    "0:0:1::",
    "64:ff9b::1",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff::1",
    "100::1",
    "100:0:0:1::1",
    "2001::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:db8::1",
    "2001:db8:ffff::1",
    "2002::1",
    "3fff::1",
    "3fff:fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff:ffff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "feff::1",
    "ff00::1",
    "ff02::1",
    "ff0e::fb",
    "ffff::1",
    "4000::1",
];

/// The first, the last and a middle address of each network.
fn samples_v4() -> Vec<Ipv4Addr> {
    let samples = V4.iter().flat_map(|(first, prefix)| {
        let first = u32::from(first.parse::<Ipv4Addr>().unwrap());
        let size = u32::MAX.checked_shr(u32::from(*prefix)).unwrap_or(0);
        [first, first + size / 3, first + size]
    });
    let mut all: Vec<Ipv4Addr> = samples.map(Ipv4Addr::from).collect();
    all.extend([Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::LOCALHOST]);
    all.sort_unstable();
    all.dedup();
    all
}

/// IPv6 addresses that lead to an IPv4 one: mapped, compatible, SIIT, NAT64 (well-known and local),
/// 6to4, ISATAP (both marks), Teredo.
fn hidden(inside: Ipv4Addr) -> Vec<Ipv6Addr> {
    let [a, b, c, d] = inside.octets();
    let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
    vec![
        Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
        Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
        Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
        Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
        Ipv6Addr::new(0x2a00, 1, 2, 3, 0, 0x5efe, high, low),
        Ipv6Addr::new(0x2a00, 1, 2, 3, 0x0200, 0x5efe, high, low),
        Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low),
    ]
}

/// Every address of the table, as a name may resolve to it.
pub fn bad_addresses() -> Vec<IpAddr> {
    let v4 = samples_v4();
    let mut all: Vec<IpAddr> = v4.iter().map(|address| IpAddr::V4(*address)).collect();
    all.extend(V6.iter().map(|address| IpAddr::V6(address.parse().unwrap())));
    for inside in
        [Ipv4Addr::LOCALHOST, Ipv4Addr::new(169, 254, 169, 254), Ipv4Addr::new(10, 0, 0, 1)]
    {
        all.extend(hidden(inside).into_iter().map(IpAddr::V6));
    }
    all
}

/// The spellings of an IPv4 address that a URL's host may have.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let whole = u32::from(address);
    let last_two = u16::from_be_bytes([c, d]);
    let last_three = whole & 0x00ff_ffff;
    let dotted = address.to_string();
    vec![
        dotted.clone(),
        whole.to_string(),
        format!("0x{whole:x}"),
        format!("0X{whole:X}"),
        format!("0{whole:o}"),
        format!("{a}.{last_three}"),
        format!("{a}.{b}.{last_two}"),
        format!("0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"),
        format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        format!("0x{a:x}.{last_three}"),
        format!("{a}.0{b:o}.0x{last_two:x}"),
        format!("000000{a:o}.{b}.{c}.{d}"),
        format!("{dotted}."),
        format!("user@{dotted}"),
        format!("bids.acme.example@{dotted}"),
        format!("a:b@{dotted}"),
        dotted.replace('.', "%2e"),
        dotted.replace('.', "%2E"),
        dotted.chars().map(|character| format!("%{:02x}", character as u32)).collect(),
        dotted.replace('.', "\u{3002}"),
        dotted.chars().map(fullwidth).collect(),
    ]
}

/// The digit as it stands in Japanese text; browsers read it as the digit.
fn fullwidth(character: char) -> char {
    match character {
        '0'..='9' => char::from_u32(character as u32 - '0' as u32 + 0xff10).unwrap(),
        other => other,
    }
}

/// The spellings of an IPv6 address.
fn spellings_v6(address: Ipv6Addr) -> Vec<String> {
    let [.., g, h] = address.segments();
    let [a, b, c, d] = [g.to_be_bytes(), h.to_be_bytes()].concat()[..] else { unreachable!() };
    let long: Vec<String> =
        address.segments().iter().map(|segment| format!("{segment:04X}")).collect();
    let head: Vec<&str> = long[..6].iter().map(String::as_str).collect();
    vec![
        format!("[{address}]"),
        format!("[{}]", long.join(":")),
        format!("[{}:{a}.{b}.{c}.{d}]", head.join(":")),
        format!("[{address}%25eth0]"),
        format!("[{address}%eth0]"),
        format!("user@[{address}]"),
    ]
}

/// Names that never lead to the public internet, and odd ways to write a URL.
const ODD: [&str; 24] = [
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://a.localhost/",
    "https://localhost.localdomain/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://Metadata.Google.Internal/",
    "https://metadata/",
    "https://router.home.arpa/",
    "https://wiki.intranet/",
    "https://bids.acme.example./",
    "https://bids.acme.example:22/",
    "https://bids.acme.example:6379/",
    "https://bids.acme.example:443@127.0.0.1/",
    "https://bids.acme.example\\@127.0.0.1/",
    "https://127.0.0.1\\@bids.acme.example/",
    "https:127.0.0.1/",
    "https:///127.0.0.1/",
    "https:\\\\127.0.0.1/",
    "http://bids.acme.example/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_INFO",
    "https://\u{2460}27.0.0.1/",
];

/// Every URL that must be refused by its text alone.
pub fn literal_urls() -> Vec<String> {
    let v4 = samples_v4().into_iter().flat_map(spellings);
    let inside = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(169, 254, 169, 254)];
    let v6 = V6.iter().map(|address| address.parse().unwrap());
    let v6 = v6.chain(inside.into_iter().flat_map(hidden)).flat_map(spellings_v6);
    let mut all: Vec<String> = v4.chain(v6).map(|host| format!("https://{host}/")).collect();
    all.extend(ODD.map(str::to_owned));
    all
}

/// Where redirects may point.
pub fn redirect_targets() -> Vec<String> {
    let literal = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(169, 254, 169, 254)];
    let mut all: Vec<String> = literal
        .into_iter()
        .flat_map(spellings)
        .flat_map(|host| [format!("https://{host}/"), format!("http://{host}/latest/")])
        .collect();
    all.extend(
        ["//169.254.169.254/", "http://[::1]/", "http://[fd00:ec2::254]/"].map(str::to_owned),
    );
    all
}
