use super::super::rank::rank;
use super::*;
use crate::domain::slug::CampaignId;
use proptest::prelude::*;

fn standing(price: i64, tie_key: u64, campaign: usize) -> Standing {
    Standing {
        tier: 1,
        effective_price: Money::from_ten_thousandths(price).unwrap(),
        tie_key,
        campaign: CampaignId::parse(&format!("c{campaign}")).unwrap(),
    }
}

#[test]
fn a_candidate_without_a_ceiling_keeps_the_round_open() {
    let best = standing(100, 0, 0);
    let open = [Outstanding { best: None }];
    assert!(!may_close(&[&best], &open, Money::ZERO, 1));
    assert!(may_close(&[&best], &[], Money::ZERO, 1));
    assert!(may_close(&[], &[], Money::ZERO, 3));
}

#[test]
fn too_few_bids_keep_the_round_open_unless_the_rest_is_below_the_floor() {
    let bid = standing(100, 0, 0);
    let weak = [Outstanding { best: Some(standing(40, 0, 1)) }];
    assert!(!may_close(&[&bid], &weak, Money::ZERO, 2));
    assert!(may_close(&[&bid], &weak, Money::from_ten_thousandths(41).unwrap(), 2));
}

proptest! {
    /// Each campaign has a ceiling (or none) and a bid at or below it; bids come in one by one.
    #[test]
    fn closing_early_gives_the_same_winner_and_fallbacks_as_waiting(
        campaigns in proptest::collection::vec((0i64..8, 0i64..8, 0u64..3, any::<bool>()), 1..10),
        floor in 0i64..6,
        kept in 1usize..4,
    ) {
        let floor = Money::from_ten_thousandths(floor).unwrap();
        let bids: Vec<Standing> = campaigns.iter().enumerate()
            .map(|(index, (bid, _, tie, _))| standing(*bid, *tie, index)).collect();
        let best = |index: usize| {
            let (bid, over, tie, has_ceiling) = campaigns[index];
            Outstanding { best: has_ceiling.then(|| standing(bid + over, tie, index)) }
        };
        let whole = rank(bids.clone(), floor, |bid| bid).ranked;
        for arrived in 0..bids.len() {
            let so_far = rank(bids[..arrived].to_vec(), floor, |bid| bid).ranked;
            let outstanding: Vec<Outstanding> = (arrived..bids.len()).map(best).collect();
            if may_close(&so_far.iter().collect::<Vec<_>>(), &outstanding, floor, kept) {
                let first = |ranked: &[Standing]| ranked.iter().take(kept).cloned().collect::<Vec<_>>();
                prop_assert_eq!(first(&so_far), first(&whole));
            }
        }
    }
}
