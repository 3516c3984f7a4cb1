//! The vendor's final answer: the body of `POST /v1/leads` and of `GET /v1/leads/{id}`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::LeadId;
use crate::domain::lead::Warning;
use crate::domain::money::Money;

/// One sale, as the vendor sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "LeadSale")]
pub struct Sale {
    /// The seat, from 1.
    pub seat: u8,
    /// What the vendor gets for it.
    pub payout: Money,
    /// Where the consumer may be sent next.
    pub redirect_url: Option<String>,
}

/// What the vendor sees of the auction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "LeadAuction")]
pub struct AuctionSide {
    /// Its id.
    pub id: String,
    /// How many campaigns were asked.
    pub pinged: u32,
    /// How many bids there were.
    pub bids: u32,
    /// From intake to the end.
    pub elapsed_ms: i64,
}

/// A final answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "LeadAnswer")]
pub struct Answer<'a> {
    /// The lead.
    pub lead_id: LeadId,
    /// How it ended.
    pub disposition: Disposition,
    /// Why it was not sold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What the vendor gets in all.
    pub payout: Money,
    /// The currency of amounts.
    pub currency: &'a str,
    /// One per sold seat.
    pub sales: Vec<Sale>,
    /// What was left aside of the body.
    pub warnings: &'a [Warning],
    /// The auction.
    pub auction: AuctionSide,
}

/// The body of a final answer.
#[must_use]
pub fn final_body(answer: &Answer<'_>) -> Vec<u8> {
    serde_json::to_vec(answer).expect("a struct of texts and numbers always serializes")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::Partition;

    fn answer(disposition: Disposition, reason: Option<Reason>, sales: Vec<Sale>) -> String {
        let lead_id = LeadId::new(Partition(0), 0);
        let body = final_body(&Answer {
            lead_id,
            disposition,
            reason,
            payout: sales.iter().map(|sale| sale.payout).next().unwrap_or(Money::ZERO),
            currency: "USD",
            sales,
            warnings: &[],
            auction: AuctionSide { id: lead_id.auction_id(), pinged: 12, bids: 7, elapsed_ms: 143 },
        });
        String::from_utf8(body).unwrap().replace(&"0".repeat(28), "N")
    }

    #[test]
    fn a_sold_lead_names_its_sales_and_no_reason() {
        let sale = Sale { seat: 1, payout: Money::parse("21.5").unwrap(), redirect_url: None };
        assert_eq!(
            answer(Disposition::Sold, None, vec![sale]),
            r#"{"lead_id":"lead_N","disposition":"sold","payout":"21.50","currency":"USD","sales":[{"seat":1,"payout":"21.50","redirect_url":null}],"warnings":[],"auction":{"id":"auc_N","pinged":12,"bids":7,"elapsed_ms":143}}"#
        );
    }

    #[test]
    fn an_unsold_lead_names_its_reason() {
        assert_eq!(
            answer(Disposition::Unsold, Some(Reason::NoBidAboveFloor), vec![]),
            r#"{"lead_id":"lead_N","disposition":"unsold","reason":"no_bid_above_floor","payout":"0.00","currency":"USD","sales":[],"warnings":[],"auction":{"id":"auc_N","pinged":12,"bids":7,"elapsed_ms":143}}"#
        );
    }
}
