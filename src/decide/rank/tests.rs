use super::*;
use proptest::prelude::*;

fn standing(tier: u16, price: i64, tie_key: u64, campaign: u8) -> Standing {
    Standing {
        tier,
        effective_price: Money::from_ten_thousandths(price).unwrap(),
        tie_key,
        campaign: CampaignId::parse(&format!("c{campaign}")).unwrap(),
    }
}

fn any_standings() -> impl Strategy<Value = Vec<Standing>> {
    proptest::collection::btree_map(0u8..40, (1u16..3, 0i64..6, 0u64..4), 0..20).prop_map(|map| {
        map.into_iter().map(|(id, (tier, price, tie))| standing(tier, price, tie, id)).collect()
    })
}

#[test]
fn tier_then_price_then_tie_key() {
    let bids = vec![
        standing(2, 900, 0, 1),
        standing(1, 100, 9, 2),
        standing(1, 300, 7, 3),
        standing(1, 300, 2, 4),
        standing(1, 50, 1, 5),
    ];
    let ranking = rank(bids, Money::from_ten_thousandths(100).unwrap(), |bid| bid);
    let names =
        |list: &[Standing]| list.iter().map(|bid| bid.campaign.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&ranking.ranked), ["c4", "c3", "c2", "c1"]);
    assert_eq!(names(&ranking.below_floor), ["c5"]);
}

#[test]
fn of_several_bids_of_one_campaign_the_best_counts() {
    let ranking = rank(vec![standing(1, 5, 3, 1), standing(1, 9, 3, 1)], Money::ZERO, |bid| bid);
    assert_eq!(ranking.ranked, [standing(1, 9, 3, 1)]);
    assert_eq!(ranking.below_floor, []);
}

proptest! {
    #[test]
    fn the_ranking_does_not_depend_on_arrival(
        (bids, shuffled) in any_standings().prop_flat_map(|bids| {
            (Just(bids.clone()), Just(bids).prop_shuffle())
        }),
        floor in 0i64..6,
    ) {
        let floor = Money::from_ten_thousandths(floor).unwrap();
        prop_assert_eq!(rank(bids, floor, |bid| bid), rank(shuffled, floor, |bid| bid));
    }

    #[test]
    fn the_order_is_total(bids in any_standings()) {
        for a in &bids {
            for b in &bids {
                let either = a.is_before(b) ^ b.is_before(a);
                prop_assert_eq!(either, a != b);
                for c in &bids {
                    prop_assert!(!(a.is_before(b) && b.is_before(c)) || a.is_before(c));
                }
            }
        }
    }
}
