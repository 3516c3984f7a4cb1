use super::*;
use proptest::prelude::*;

#[test]
fn a_lead_its_auction_and_its_vendor_ping_share_their_bits() {
    let lead = LeadId::new(Partition(63), 0x0193_5b1c_7a2e_7abc_8def_0123_4567_89ab);
    let text = lead.to_string();
    assert!(text.starts_with("lead_1z"), "partition 63 is the two digits 1z: {text}");
    assert_eq!(text.len(), "lead_".len() + 28);
    assert_eq!(lead.auction_id()[4..], text[5..]);
    assert_eq!(LeadId::parse_any(&lead.auction_id()), Some(lead));
    assert_eq!(LeadId::parse_any(&text.replace("lead_", "ping_")), Some(lead));
    assert_eq!(lead.minted_ms(), 0x0193_5b1c_7a2e);
}

#[test]
fn texts_of_another_kind_or_length_are_refused() {
    let lead = LeadId::new(Partition(1), 7).to_string();
    for text in ["", "lead_", "lead_abc", "post_0", &lead[..lead.len() - 1], &lead.to_uppercase()] {
        assert_eq!(LeadId::parse(text), Err(InvalidId { prefix: "lead_" }), "{text}");
    }
    let overflowing = format!("ping_{}", "z".repeat(26));
    assert_eq!(PingId::parse(&overflowing), Err(InvalidId { prefix: "ping_" }));
}

proptest! {
    #[test]
    fn ids_round_trip_through_text_and_bytes(partition in 0u16..1024, bits: u128) {
        let lead = LeadId::new(Partition(partition), bits);
        prop_assert_eq!(LeadId::parse(&lead.to_string()), Ok(lead));
        prop_assert_eq!(LeadId::from_bytes(lead.to_bytes()), lead);
        let post = PostId::new(Partition(partition), bits);
        prop_assert_eq!(PostId::parse(&post.to_string()), Ok(post));
        prop_assert_eq!(PingId::parse(&PingId::new(bits).to_string()), Ok(PingId::new(bits)));
        prop_assert_eq!(EventId::parse(&EventId::new(bits).to_string()), Ok(EventId::new(bits)));
        let endpoint = EndpointId::new(bits);
        prop_assert_eq!(EndpointId::parse(&endpoint.to_string()), Ok(endpoint));
        prop_assert!(EventId::parse(&endpoint.to_string()).is_err());
    }

    #[test]
    fn leads_of_one_partition_sort_by_time(earlier in 0u64..1 << 47, later in 0u64..1 << 47) {
        let id = |ms: u64| LeadId::new(Partition(0), u128::from(ms) << 80);
        prop_assert_eq!(id(earlier).cmp(&id(later)), earlier.cmp(&later));
    }
}
