use super::*;

const PER_ADDRESS: u32 = 60;
const PER_KEY: u32 = 20;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn key(index: u32) -> Option<KeyId> {
    Some(KeyId::parse(&format!("{index:08}")).unwrap())
}

#[test]
fn an_address_is_told_to_wait_after_its_last_failure_and_not_before() {
    let limits = FailureLimits::new(PER_ADDRESS, PER_KEY);
    let from = address("192.0.2.1");
    for failure in 0..PER_ADDRESS {
        assert_eq!(limits.count(from, key(failure), at(0)), None, "{failure}");
    }
    assert_eq!(limits.count(from, key(999), at(10)), Some(50));
    assert_eq!(limits.count(address("192.0.2.2"), key(999), at(10)), None);
}

#[test]
fn a_key_id_is_told_to_wait_wherever_its_failures_come_from() {
    let limits = FailureLimits::new(PER_ADDRESS, PER_KEY);
    for failure in 0..PER_KEY {
        let from = address(&format!("192.0.2.{failure}"));
        assert_eq!(limits.count(from, key(1), at(0)), None, "{failure}");
    }
    assert_eq!(limits.count(address("198.51.100.1"), key(1), at(0)), Some(60));
    assert_eq!(limits.count(address("198.51.100.1"), key(2), at(0)), None);
}

#[test]
fn failures_are_forgotten_after_two_spans() {
    let limits = FailureLimits::new(PER_ADDRESS, PER_KEY);
    for _ in 0..PER_KEY {
        limits.count(None, key(1), at(0));
    }
    assert!(limits.count(None, key(1), at(119)).is_some());
    assert_eq!(limits.count(None, key(1), at(120)), None);
}

#[test]
fn tries_that_are_told_to_wait_do_not_prolong_the_wait() {
    let limits = FailureLimits::new(PER_ADDRESS, PER_KEY);
    for second in 0..119 {
        limits.count(None, key(1), at(second));
    }
    assert_eq!(limits.count(None, key(1), at(120)), None);
}

#[test]
fn the_addresses_of_one_ipv6_network_are_one() {
    let cases = [
        ("2001:db8::1", "2001:db8::ffff:1", true),
        ("2001:db8::1", "2001:db8:0:1::1", false),
        ("::ffff:192.0.2.1", "192.0.2.1", true),
        ("192.0.2.1", "192.0.2.2", false),
    ];
    for (one, other, expect) in cases {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network(one) == network(other), expect, "{one} {other}");
    }
}
