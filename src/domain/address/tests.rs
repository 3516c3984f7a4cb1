//! Every spelling of an address that must not be reached, and the few that must be.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::{AddressPolicy, AddressRefused, Target, UrlRefused, is_blocked};

/// Addresses that no connection may go to, whichever way they were found.
const BLOCKED: &[&str] = &[
    // this network, private, shared, loopback
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.0",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.0",
    "127.0.0.1",
    "127.0.1.1",
    "127.255.255.255",
    // link-local and what clouds answer on
    "168.63.129.16",
    "169.254.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "169.254.255.255",
    // private, protocol, documentation, benchmarking, 6to4 relays
    "172.16.0.0",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.0",
    "192.0.0.192",
    "192.0.0.255",
    "192.0.2.0",
    "192.0.2.1",
    "192.0.2.255",
    "192.88.99.1",
    "192.168.0.0",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.0",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    // multicast, reserved, broadcast
    "224.0.0.0",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.254",
    "255.255.255.255",
    // IPv6: unspecified, loopback, v4 in disguise
    "::",
    "::1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:0.0.0.0",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:192.168.1.1",
    "::ffff:0:127.0.0.1",
    "::ffff:0:8.8.8.8",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
    "2001::1",
    "2001:0:53aa:64c::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db8::1",
    "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:808:808::1",
    "2a00:1450::5efe:10.0.0.1",
    "2a00:1450::200:5efe:127.0.0.1",
    // IPv6: discard, documentation, SRv6, ULA, link-local, site-local, multicast, unassigned
    "100::1",
    "100:0:0:1::1",
    "1::1",
    "1fff::1",
    "3fff::1",
    "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
    "4000::1",
    "5f00::1",
    "8000::1",
    "fc00::1",
    "fd00::1",
    "fd00:ec2::254",
    "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::1",
    "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fec0::1",
    "ff00::1",
    "ff02::1",
    "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
];

/// Public addresses, most of them neighbours of a blocked network.
const PUBLIC: &[&str] = &[
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "168.63.129.15",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "::ffff:8.8.8.8",
    "2001:200::1",
    "2001:4860:4860::8888",
    "2003::1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "3ffe:ffff::1",
];

#[test]
fn no_private_address_is_public_in_any_form() {
    for text in BLOCKED {
        let address: IpAddr = text.parse().expect(text);
        assert!(is_blocked(address), "{text}");
    }
}

#[test]
fn the_public_internet_is_open() {
    for text in PUBLIC {
        let address: IpAddr = text.parse().expect(text);
        assert!(!is_blocked(address), "{text}");
    }
}

/// URLs that are refused when nothing is allowed beyond the public internet.
const REFUSED_URLS: &[(&str, UrlRefused)] = &[
    // literals: plain, decimal, octal, hexadecimal, short, mixed, encoded, wide
    ("https://127.0.0.1/", UrlRefused::Literal),
    ("https://127.0.0.1", UrlRefused::Literal),
    ("https://127.0.0.1:443/", UrlRefused::Literal),
    ("https://2130706433/", UrlRefused::Literal),
    ("https://017700000001/", UrlRefused::Literal),
    ("https://0x7f000001/", UrlRefused::Literal),
    ("https://0X7F000001/", UrlRefused::Literal),
    ("https://0x7f.1/", UrlRefused::Literal),
    ("https://0x7f.0x0.0x0.0x1/", UrlRefused::Literal),
    ("https://0177.0.0.1/", UrlRefused::Literal),
    ("https://0177.0.0.01/", UrlRefused::Literal),
    ("https://127.1/", UrlRefused::Literal),
    ("https://127.0.1/", UrlRefused::Literal),
    ("https://0/", UrlRefused::Literal),
    ("https://0.0.0.0/", UrlRefused::Literal),
    ("https://10.1/", UrlRefused::Literal),
    ("https://0xa.0.0.1/", UrlRefused::Literal),
    ("https://3232235777/", UrlRefused::Literal),
    ("https://0xc0a80101/", UrlRefused::Literal),
    ("https://169.254.169.254/latest/meta-data/", UrlRefused::Literal),
    ("https://2852039166/", UrlRefused::Literal),
    ("https://0xa9fea9fe/", UrlRefused::Literal),
    ("https://0251.0376.0251.0376/", UrlRefused::Literal),
    ("https://%31%32%37.0.0.1/", UrlRefused::Literal),
    ("https://127%2e0%2e0%2e1/", UrlRefused::Literal),
    ("https://１２７.０.０.１/", UrlRefused::Literal),
    ("https://127。0。0。1/", UrlRefused::Literal),
    ("https://①②⑦.0.0.1/", UrlRefused::Literal),
    ("https://127.0.0.1./", UrlRefused::Literal),
    ("https://[::1]/", UrlRefused::Literal),
    ("https://[::]/", UrlRefused::Literal),
    ("https://[0:0:0:0:0:0:0:1]/", UrlRefused::Literal),
    ("https://[::ffff:127.0.0.1]/", UrlRefused::Literal),
    ("https://[::ffff:7f00:1]/", UrlRefused::Literal),
    ("https://[::127.0.0.1]/", UrlRefused::Literal),
    ("https://[64:ff9b::7f00:1]/", UrlRefused::Literal),
    ("https://[2002:7f00:1::]/", UrlRefused::Literal),
    ("https://[fe80::1]/", UrlRefused::Literal),
    ("https://[fd00:ec2::254]/", UrlRefused::Literal),
    ("https://8.8.8.8/", UrlRefused::Literal),
    ("https://[2606:4700:4700::1111]/", UrlRefused::Literal),
    // schemes
    ("http://bids.acme.example/", UrlRefused::Scheme),
    ("HTTP://bids.acme.example/", UrlRefused::Scheme),
    ("ftp://bids.acme.example/", UrlRefused::Scheme),
    ("file:///etc/passwd", UrlRefused::Malformed),
    ("file://localhost/etc/passwd", UrlRefused::Scheme),
    ("gopher://bids.acme.example:70/_", UrlRefused::Scheme),
    ("ws://bids.acme.example/", UrlRefused::Scheme),
    ("unix://run/docker.sock", UrlRefused::Scheme),
    ("javascript://bids.acme.example/%0aalert(1)", UrlRefused::Scheme),
    // credentials, also where they hide the host
    ("https://user@bids.acme.example/", UrlRefused::Credentials),
    ("https://user:secret@bids.acme.example/", UrlRefused::Credentials),
    ("https://@bids.acme.example/", UrlRefused::Credentials),
    ("https://:@bids.acme.example/", UrlRefused::Credentials),
    ("https://bids.acme.example@127.0.0.1/", UrlRefused::Credentials),
    ("https://bids.acme.example%40x@127.0.0.1/", UrlRefused::Credentials),
    // fragments and dots
    ("https://bids.acme.example/#x", UrlRefused::Fragment),
    ("https://bids.acme.example/#", UrlRefused::Fragment),
    ("https://bids.acme.example#@127.0.0.1/", UrlRefused::Fragment),
    ("https://bids.acme.example./", UrlRefused::TrailingDot),
    ("https://localhost./", UrlRefused::TrailingDot),
    // ports
    ("https://bids.acme.example:80/", UrlRefused::Port),
    ("https://bids.acme.example:22/", UrlRefused::Port),
    ("https://bids.acme.example:0/", UrlRefused::Port),
    ("https://bids.acme.example:6379/", UrlRefused::Port),
    ("https://bids.acme.example:8443/", UrlRefused::Port),
    // names that stay inside
    ("https://localhost/", UrlRefused::LocalName),
    ("https://LOCALHOST/", UrlRefused::LocalName),
    ("https://ⓛocalhost/", UrlRefused::LocalName),
    ("https://a.localhost/", UrlRefused::LocalName),
    ("https://localhost.localdomain/", UrlRefused::LocalName),
    ("https://metadata/", UrlRefused::LocalName),
    ("https://metadata.google.internal/", UrlRefused::LocalName),
    ("https://printer.local/", UrlRefused::LocalName),
    ("https://router.home.arpa/", UrlRefused::LocalName),
    // not a URL, or one that readers disagree about
    ("", UrlRefused::Malformed),
    ("bids.acme.example", UrlRefused::Malformed),
    ("//bids.acme.example/", UrlRefused::Malformed),
    ("https:bids.acme.example/", UrlRefused::Malformed),
    ("https:/bids.acme.example/", UrlRefused::Malformed),
    ("https:///bids.acme.example/", UrlRefused::Malformed),
    ("https://", UrlRefused::Malformed),
    ("https://?x", UrlRefused::Malformed),
    ("https:\\\\bids.acme.example\\", UrlRefused::Malformed),
    ("https://bids.acme.example\\@127.0.0.1/", UrlRefused::Malformed),
    (" https://bids.acme.example/", UrlRefused::Malformed),
    ("https://bids.acme.example/ ", UrlRefused::Malformed),
    ("https://bids.acme.example/a b", UrlRefused::Malformed),
    ("https://bids.acme\t.example/", UrlRefused::Malformed),
    ("https://bids.acme\n.example/", UrlRefused::Malformed),
    ("https://bids.acme\u{0}.example/", UrlRefused::Malformed),
    ("https://bids.acme.example:99999/", UrlRefused::Malformed),
    ("https://bids.acme.example:-1/", UrlRefused::Malformed),
    ("https://[fe80::1%25eth0]/", UrlRefused::Malformed),
    ("https://[::1/", UrlRefused::Malformed),
    ("https://256.256.256.256/", UrlRefused::Malformed),
    ("https://4294967296/", UrlRefused::Malformed),
    ("https://acme.0x7f/", UrlRefused::Malformed),
];

#[test]
fn a_url_that_could_lead_inside_is_refused_at_registration() {
    let policy = AddressPolicy::default();
    for (text, expect) in REFUSED_URLS {
        assert_eq!(policy.check_url(text), Err(*expect), "{text:?}");
    }
    let long = format!("https://bids.acme.example/{}", "a".repeat(super::URL_BYTES_MAX));
    assert_eq!(policy.check_url(&long), Err(UrlRefused::TooLong));
}

#[test]
fn a_public_name_over_https_passes() {
    let policy = AddressPolicy::default();
    for (text, normal) in [
        ("https://bids.acme.example/ping", "https://bids.acme.example/ping"),
        ("https://bids.acme.example", "https://bids.acme.example/"),
        ("https://bids.acme.example:443/a?b=c%20d", "https://bids.acme.example/a?b=c%20d"),
        ("HTTPS://BIDS.acme.example/A", "https://bids.acme.example/A"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://acme.example/a@b?c=@d", "https://acme.example/a@b?c=@d"),
        ("https://notlocalhost.example/", "https://notlocalhost.example/"),
        ("https://mylocal.example.com/", "https://mylocal.example.com/"),
        ("https://acme-internal.example/", "https://acme-internal.example/"),
    ] {
        let url = policy.parse_url(text).map(String::from);
        assert_eq!(url, Ok(normal.to_owned()), "{text}");
    }
}

#[test]
fn an_allowed_network_opens_its_literals_and_leaves_names_to_the_connect() {
    let loopback = vec!["127.0.0.0/8".parse().expect("network")];
    let policy = AddressPolicy::new(loopback, vec![443]);
    for (text, expect) in [
        ("http://127.0.0.1:8080/ping", Ok(())),
        ("http://0x7f.1/", Ok(())),
        ("https://[::ffff:127.0.0.1]:9/", Ok(())),
        ("http://localhost:8080/", Ok(())),
        ("http://bids.acme.example/", Ok(())),
        ("http://[::1]:8080/", Err(UrlRefused::Literal)),
        ("http://[::127.0.0.1]/", Err(UrlRefused::Literal)),
        ("http://10.0.0.1/", Err(UrlRefused::Literal)),
        ("https://8.8.8.8/", Err(UrlRefused::Literal)),
        ("ftp://127.0.0.1/", Err(UrlRefused::Scheme)),
        ("http://a@127.0.0.1/", Err(UrlRefused::Credentials)),
    ] {
        assert_eq!(policy.check_url(text), expect, "{text}");
    }
}

fn addresses(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().expect("address")).collect()
}

#[test]
fn an_address_is_judged_with_scheme_port_and_form() {
    let allow = vec!["127.0.0.0/8".parse().expect("network")];
    let policy = AddressPolicy::new(allow, vec![443, 8443]);
    let https = Target { encrypted: true, port: 443, literal: false };
    let other_port = Target { port: 9443, ..https };
    let plain = Target { encrypted: false, port: 80, literal: false };
    let literal = Target { literal: true, ..https };
    for (target, texts, expect) in [
        (https, &["8.8.8.8"][..], Ok(())),
        (https, &["8.8.8.8", "2606:4700:4700::1111"], Ok(())),
        (Target { port: 8443, ..https }, &["8.8.8.8"], Ok(())),
        (https, &["8.8.8.8", "127.0.0.1"], Ok(())),
        (https, &["8.8.8.8", "10.0.0.1"], Err(AddressRefused::NotPublic)),
        (https, &["10.0.0.1", "8.8.8.8"], Err(AddressRefused::NotPublic)),
        (https, &["::1"], Err(AddressRefused::NotPublic)),
        (https, &["64:ff9b::808:808"], Err(AddressRefused::NotPublic)),
        (other_port, &["8.8.8.8"], Err(AddressRefused::Port)),
        (plain, &["8.8.8.8"], Err(AddressRefused::PlainHttp)),
        (plain, &["127.0.0.1"], Ok(())),
        (plain, &["::ffff:127.0.0.1"], Ok(())),
        (plain, &["127.0.0.1", "8.8.8.8"], Err(AddressRefused::PlainHttp)),
        (plain, &["127.0.0.1", "192.168.0.1"], Err(AddressRefused::NotPublic)),
        (literal, &["8.8.8.8"], Err(AddressRefused::Literal)),
        (literal, &["127.0.0.1"], Ok(())),
        (Target { port: 1, ..plain }, &["127.8.8.8"], Ok(())),
    ] {
        let judged = policy.check_addresses(target, &addresses(texts));
        assert_eq!(judged, expect, "{target:?} {texts:?}");
    }
}

#[test]
fn no_refusal_names_an_address() {
    let policy = AddressPolicy::default();
    for (text, refused) in REFUSED_URLS {
        assert_eq!(policy.check_url(text), Err(*refused));
        let shown = refused.to_string();
        assert!(!shown.contains("127") && !shown.contains("169"), "{shown}");
    }
    let https = Target { encrypted: true, port: 443, literal: false };
    let refused = policy.check_addresses(https, &addresses(&["10.11.12.13"]));
    assert_eq!(
        refused.map_err(|reason| reason.to_string()),
        Err("the host does not lead to a public address".to_owned())
    );
}

proptest! {
    #[test]
    fn no_v4_address_is_reachable_in_the_disguise_of_v6(bits: u32, prefix: u32) {
        let inner = Ipv4Addr::from_bits(bits);
        let mapped = inner.to_ipv6_mapped();
        prop_assert_eq!(is_blocked(mapped.into()), is_blocked(inner.into()), "{}", mapped);
        let [high, low] = [(bits >> 16) as u16, bits as u16];
        let [site, subnet] = [(prefix >> 16) as u16, prefix as u16];
        for disguised in [
            inner.to_ipv6_compatible(),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 1, site, subnet, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, site, 0, 0, 0, subnet),
            Ipv6Addr::new(0x2001, 0, site, subnet, 0, 0, !high, !low),
            Ipv6Addr::new(0x2a00, site, subnet, 1, 0, 0x5efe, high, low),
            Ipv6Addr::new(0x2a00, site, subnet, 1, 0x200, 0x5efe, high, low),
        ] {
            prop_assert!(is_blocked(disguised.into()), "{inner} as {disguised}");
        }
    }

    #[test]
    fn any_number_as_a_host_is_a_literal(bits: u32) {
        for text in [
            format!("https://{bits}/"),
            format!("https://{bits:#x}/"),
            format!("https://0{bits:o}/"),
            format!("https://{}/", Ipv4Addr::from_bits(bits)),
        ] {
            let judged = AddressPolicy::default().check_url(&text);
            prop_assert_eq!(judged, Err(UrlRefused::Literal), "{}", text);
        }
    }
}
