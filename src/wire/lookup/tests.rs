use std::net::IpAddr;

use super::{Lookup, LookupFailed, SystemLookup};

#[tokio::test]
async fn the_machine_knows_itself() {
    let addresses = SystemLookup::new(1).lookup("localhost").await.expect("localhost");
    assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
}

#[tokio::test]
async fn a_name_that_cannot_be_one_fails() {
    let impossible = format!("{}.example", "a".repeat(64));
    assert_eq!(SystemLookup::new(1).lookup(&impossible).await, Err(LookupFailed));
}

#[tokio::test]
async fn calls_to_one_name_share_a_lookup_that_outlives_them() {
    let lookup = SystemLookup::new(1);
    let running = || lookup.shared.by_name.lock().expect("lock").len();
    drop(lookup.lookup("localhost"));
    let second = lookup.lookup("localhost");
    assert_eq!(running(), 1);
    second.await.expect("localhost");
    assert_eq!(running(), 0);
    lookup.lookup("localhost").await.expect("localhost, looked up again");
}
