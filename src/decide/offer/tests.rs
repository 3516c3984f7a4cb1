use proptest::prelude::*;

use super::*;
use crate::domain::bid::SeatsWanted;

fn money(text: &str) -> Money {
    Money::parse(text).unwrap()
}

fn offers(payouts: &[Money]) -> Vec<Offer> {
    let offer = |(at, payout): (usize, &Money)| Offer {
        offer_id: OfferId::new(at as u128),
        payout: *payout,
        seats: SeatsWanted::Exclusive,
        legal_name: None,
    };
    payouts.iter().enumerate().map(offer).collect()
}

#[test]
fn a_post_takes_the_offers_it_names_or_the_best_one() {
    let made = offers(&["25", "20", "15"].map(money));
    let unknown = |at| Err(InvalidChoice::UnknownOffer { at });
    let check = |wanted: Option<&[&str]>,
                 least: Option<&str>,
                 expect: Result<(&[u16], &str), _>| {
        let wanted: Option<Vec<String>> =
            wanted.map(|ids| ids.iter().map(|id| (*id).to_owned()).collect());
        let chosen = choose(&made, wanted.as_deref(), least.map(money));
        let chosen = chosen.map(|choice| {
            let named: Vec<u16> = choice
                .offer_ids
                .iter()
                .map(|id| made.iter().position(|offer| offer.offer_id == *id).unwrap() as u16)
                .collect();
            assert_eq!(named, choice.places);
            (choice.places, choice.min_payout)
        });
        let expect = expect.map(|(places, least): (&[u16], &str)| (places.to_vec(), money(least)));
        assert_eq!(chosen, expect, "{wanted:?} {least:?}");
    };
    let id = |at: usize| made[at].offer_id.to_string();
    let (first, second, third) = (id(0), id(1), id(2));
    let stranger = OfferId::new(77).to_string();
    check(None, None, Ok((&[0], "25")));
    check(None, Some("12.50"), Ok((&[0], "12.50")));
    check(None, Some("25"), Ok((&[0], "25")));
    check(None, Some("25.0001"), Err(InvalidChoice::AbovePayout));
    check(Some(&[&second]), None, Ok((&[1], "20")));
    check(Some(&[&third, &first]), None, Ok((&[0, 2], "25")));
    check(Some(&[&third, &first]), Some("15"), Ok((&[0, 2], "15")));
    check(Some(&[&third, &first]), Some("16"), Err(InvalidChoice::AbovePayout));
    check(Some(&[&first, &first]), None, Ok((&[0], "25")));
    check(Some(&[&first, &stranger]), None, unknown(1));
    check(Some(&["off_1"]), None, unknown(0));
    check(Some(&[""]), None, unknown(0));
    assert_eq!(choose(&[], None, None), Err(InvalidChoice::UnknownOffer { at: 0 }));
}

proptest! {
    #[test]
    fn nobody_gets_a_lead_for_less_than_the_offers_taken_or_the_least_the_vendor_takes(
        mut payouts in prop::collection::vec(0_i64..2_000_000, 1..12),
        shown in 1_usize..4,
        picked in prop::collection::vec(0_usize..4, 0..4),
        least in prop::option::of(0_i64..2_000_000),
    ) {
        payouts.sort_unstable_by(|left, right| right.cmp(left));
        let payouts: Vec<Money> = payouts
            .into_iter()
            .map(|amount| Money::from_ten_thousandths(amount).unwrap())
            .collect();
        let made = offers(&payouts[..shown.min(payouts.len())]);
        let picked: Vec<&Offer> = picked.into_iter().filter_map(|at| made.get(at)).collect();
        let names: Vec<String> = picked.iter().map(|offer| offer.offer_id.to_string()).collect();
        let wanted = (!names.is_empty()).then_some(&names[..]);
        let least = least.map(|amount| Money::from_ten_thousandths(amount).unwrap());
        let Ok(choice) = choose(&made, wanted, least) else {
            prop_assert!(least.is_some(), "only a minimum can make an offer of ours impossible");
            return Ok(());
        };
        let taken = if picked.is_empty() { vec![&made[0]] } else { picked };
        let best = taken.iter().map(|offer| offer.payout).max().unwrap();
        let lowest = taken.iter().map(|offer| offer.payout).min().unwrap();
        for (k, payout) in payouts.iter().enumerate() {
            let stands = standing(&choice.places, choice.min_payout, (k as u16, *payout));
            let is_taken = made.get(k).is_some_and(|offer| taken.contains(&offer));
            let is_after_first = made[..made.len().min(k)].iter().any(|it| taken.contains(&it));
            let is_enough = *payout >= least.unwrap_or(best);
            let expect = match (is_taken, is_after_first) {
                (true, _) => Standing::Welcome,
                (false, false) => Standing::NotTaken,
                (false, true) if is_enough => Standing::Welcome,
                (false, true) => Standing::BelowMinPayout,
            };
            prop_assert_eq!(stands, expect);
            let is_safe = *payout >= lowest.min(least.unwrap_or(best));
            prop_assert!(stands != Standing::Welcome || is_safe);
        }
    }
}
