//! The money of one seat.

use crate::domain::ids::LeadId;
use crate::domain::money::{Money, Percent};
use crate::domain::record::SeatMoney;

/// Splits `price` into payout and margin: the payout is rounded down, the margin is the rest
/// (DESIGN section 14).
#[must_use]
pub fn split(seat: u8, price: Money, margin: Percent) -> SeatMoney {
    let payout = margin.rest_of(price);
    let margin = price.checked_sub(payout).unwrap_or(Money::ZERO);
    SeatMoney { seat, price, margin, payout }
}

/// A seat whose vendor is paid although no buyer is billed (`on_unknown = "pay_vendor"`).
#[must_use]
pub fn paid_at_own_risk(seat: u8, price: Money, margin: Percent) -> SeatMoney {
    let payout = margin.rest_of(price);
    let margin = Money::ZERO.checked_sub(payout).unwrap_or(Money::ZERO);
    SeatMoney { seat, price: Money::ZERO, margin, payout }
}

/// The operation under which the vendor's share of one seat is credited, once.
#[must_use]
pub fn payout_op(lead_id: LeadId, seat: u8) -> String {
    format!("payout:{lead_id}:{seat}")
}

/// What the vendor gets in all.
#[must_use]
pub fn total_payout(money: &[SeatMoney]) -> Money {
    money.iter().fold(Money::ZERO, |sum, seat| sum.checked_add(seat.payout).unwrap_or(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn price_is_payout_and_margin_to_the_last_ten_thousandth() {
        let check = |price: &str, margin: &str, expect: [&str; 2]| {
            let money = split(1, Money::parse(price).unwrap(), Percent::parse(margin).unwrap());
            assert_eq!([money.payout.to_string(), money.margin.to_string()], expect);
        };
        check("24.50", "12.5", ["21.4375", "3.0625"]);
        check("0.0001", "12.5", ["0.00", "0.0001"]);
        check("10.00", "0", ["10.00", "0.00"]);
    }

    #[test]
    fn paying_at_own_risk_is_a_negative_margin() {
        let money = paid_at_own_risk(1, Money::parse("10").unwrap(), Percent::parse("10").unwrap());
        let texts = [money.price, money.payout, money.margin].map(|amount| amount.to_string());
        assert_eq!(texts, ["0.00", "9.00", "-9.00"]);
    }
}
