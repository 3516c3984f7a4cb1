use super::*;
use proptest::prelude::*;

#[test]
fn only_plain_decimals_are_amounts() {
    let check = |text: &str, expect: Result<i64, InvalidMoney>| {
        assert_eq!(Money::parse(text).map(Money::ten_thousandths), expect, "{text:?}");
    };
    check("0", Ok(0));
    check("12", Ok(120_000));
    check("12.5", Ok(125_000));
    check("012.5050", Ok(125_050));
    check("900719925474.0991", Ok((1 << 53) - 1));
    check("900719925474.0992", Err(InvalidMoney::TooLarge));
    check("1000000000000", Err(InvalidMoney::TooLarge));
    check("99999999999999999999999999", Err(InvalidMoney::TooLarge));
    check("1.00001", Err(InvalidMoney::TooPrecise));
    for text in [
        "", ".", "1.", ".5", "-1", "+1", "1e2", "1,000", "$1", " 1", "1 ", "NaN", "Infinity",
        "0x1", "١",
    ] {
        check(text, Err(InvalidMoney::NotDecimal));
    }
}

#[test]
fn amounts_print_with_two_to_four_decimals() {
    let check = |amount: i64, expect: &str| assert_eq!(Money(amount).to_string(), expect);
    check(0, "0.00");
    check(125_000, "12.50");
    check(125_050, "12.505");
    check(125_051, "12.5051");
    check(-1, "-0.0001");
}

#[test]
fn a_margin_of_a_hundred_percent_is_refused() {
    assert_eq!(Percent::parse("99.9999"), Ok(Percent(999_999)));
    assert_eq!(Percent::parse("100"), Err(InvalidMoney::TooLarge));
    assert_eq!(Percent::parse("12.50").map(|share| share.to_string()), Ok("12.5".to_owned()));
    assert_eq!(Percent::ZERO.to_string(), "0");
    assert_eq!(Percent(100_000).to_string(), "10");
}

proptest! {
    #[test]
    fn parse_and_print_round_trip(amount in 0..=Money::MAX.0) {
        let money = Money(amount);
        prop_assert_eq!(Money::parse(&money.to_string()), Ok(money));
        let json = serde_json::to_string(&Money(-amount)).unwrap();
        prop_assert_eq!(serde_json::from_str::<Money>(&json).unwrap(), Money(-amount));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC*") {
        let _ = Money::parse(&text);
    }

    #[test]
    fn payout_and_margin_make_the_price(price in 0..=Money::MAX.0, share in 0..WHOLE) {
        let (price, share) = (Money(price), Percent(share));
        let payout = share.rest_of(price);
        prop_assert!(Money::ZERO <= payout && payout <= price);
        prop_assert_eq!(payout.checked_add(price.checked_sub(payout).unwrap()), Some(price));
    }

    #[test]
    fn the_grossed_up_floor_is_the_lowest_price_that_pays_it(
        payout in 0..1_000_000_000_i64, share in 0..WHOLE,
    ) {
        let (payout, share) = (Money(payout), Percent(share));
        if let Some(price) = share.gross_up(payout) {
            prop_assert!(share.rest_of(price) >= payout);
            prop_assert!(price.0 == 0 || share.rest_of(Money(price.0 - 1)) < payout);
        }
    }
}
