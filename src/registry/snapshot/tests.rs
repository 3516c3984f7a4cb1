use super::*;

fn snapshot(
    margin_of_vendor: Option<&str>,
    floor_of_vendor: Option<&str>,
    tree: Option<(&str, &str)>,
) -> Snapshot {
    let mut parts = SnapshotParts::default();
    let vendor = Vendor {
        name: "Acme".to_owned(),
        time_zone: crate::domain::time::Zone::utc(),
        margin_percent: margin_of_vendor.map(|margin| Percent::parse(margin).unwrap()),
        floor: floor_of_vendor.map(money),
        takes_calls: false,
    };
    parts.vendors.insert(VendorId::parse("acme").unwrap(), Arc::new(vendor));
    if let Some((margin, floor)) = tree {
        let margin_percent = Percent::parse(margin).unwrap();
        let tree = Tree { margin_percent, floor: money(floor), duplicate_window_s: None };
        parts.trees.insert(VerticalId::parse("solar").unwrap(), Arc::new(tree));
    }
    Snapshot::new(parts)
}

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

#[test]
fn the_margin_is_the_vendors_else_the_trees_else_nothing() {
    let margin = |snapshot: &Snapshot, vendor: &str, vertical: &str| {
        let vendor = VendorId::parse(vendor).unwrap();
        snapshot.margin_for(&vendor, &VerticalId::parse(vertical).unwrap()).to_string()
    };
    let both = snapshot(Some("10"), None, Some(("20", "0")));
    assert_eq!(margin(&both, "acme", "solar"), "10");
    assert_eq!(margin(&both, "acme", "term_life"), "10");
    assert_eq!(margin(&both, "other", "solar"), "20");
    assert_eq!(margin(&both, "other", "term_life"), "0");
}

#[test]
fn the_floor_is_the_vendors_grossed_up_or_the_trees_whichever_is_higher() {
    let check = |snapshot: Snapshot, lead_floor: &str, expect: Option<&str>| {
        let (vendor, vertical) =
            (VendorId::parse("acme").unwrap(), VerticalId::parse("solar").unwrap());
        let price = snapshot.floor_price(&vendor, &vertical, money(lead_floor));
        assert_eq!(price, expect.map(money));
    };
    check(snapshot(None, None, None), "0", Some("0"));
    check(snapshot(None, None, None), "10", Some("10"));
    check(snapshot(Some("20"), None, None), "10", Some("12.50"));
    check(snapshot(None, None, Some(("20", "5"))), "10", Some("12.50"));
    check(snapshot(None, None, Some(("20", "15"))), "10", Some("15"));
    check(snapshot(Some("20"), Some("8"), Some(("50", "5"))), "0", Some("10"));
    check(snapshot(Some("20"), Some("8"), None), "4", Some("5"));
    check(snapshot(Some("99"), None, None), "900000000000", None);
}
