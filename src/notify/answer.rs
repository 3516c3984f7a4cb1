//! The vendor's answers: the final one of a lead, as `POST /v1/leads`, `POST /v1/posts` and
//! `GET /v1/leads/{id}` give it, and that of a ping.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::LeadId;
use crate::domain::lead::Warning;
use crate::domain::money::Money;
use crate::domain::offer::Offer;
use crate::domain::schema::UtcTime;

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
    /// The number to connect the call to, where the buyer bids for calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
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

/// The answer to a ping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PingAnswer<'a> {
    /// The ping.
    pub ping_id: String,
    /// The lead.
    pub lead_id: LeadId,
    /// `offered`, or how the lead ended without an offer.
    pub disposition: Disposition,
    /// Why there is no offer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// The offers, alternatives to each other, best first.
    pub offers: &'a [Offer],
    /// The currency of amounts.
    pub currency: &'a str,
    /// Until when the offers bind.
    #[schemars(with = "Option<UtcTime>")]
    pub expires_at: Option<Timestamp>,
    /// What was left aside of the body.
    pub warnings: &'a [Warning],
}

/// The body of the answer to a ping.
#[must_use]
pub fn ping_body(answer: &PingAnswer<'_>) -> String {
    serde_json::to_string(answer).expect("a struct of texts and numbers always serializes")
}

/// The body of the answer to a ping whose lead ended without an offer.
#[must_use]
pub fn no_offer(answer: &Answer<'_>) -> Vec<u8> {
    let answer = PingAnswer {
        ping_id: answer.lead_id.ping_id(),
        lead_id: answer.lead_id,
        disposition: answer.disposition,
        reason: answer.reason,
        offers: &[],
        currency: answer.currency,
        expires_at: None,
        warnings: answer.warnings,
    };
    ping_body(&answer).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::bid::SeatsWanted;
    use crate::domain::ids::{OfferId, Partition};

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
        let mut sale = Sale {
            seat: 1,
            payout: Money::parse("21.5").unwrap(),
            redirect_url: None,
            phone_number: None,
        };
        assert_eq!(
            answer(Disposition::Sold, None, vec![sale.clone()]),
            r#"{"lead_id":"lead_N","disposition":"sold","payout":"21.50","currency":"USD","sales":[{"seat":1,"payout":"21.50","redirect_url":null}],"warnings":[],"auction":{"id":"auc_N","pinged":12,"bids":7,"elapsed_ms":143}}"#
        );
        sale.phone_number = Some("+18005550100".to_owned());
        let of_a_call = answer(Disposition::Sold, None, vec![sale]);
        assert!(of_a_call.contains(r#""redirect_url":null,"phone_number":"+18005550100"}]"#));
    }

    #[test]
    fn a_ping_names_its_offers_or_why_there_is_none() {
        let lead_id = LeadId::new(Partition(0), 0);
        let offer = Offer {
            offer_id: OfferId::new(0),
            payout: Money::parse("21.4375").unwrap(),
            seats: SeatsWanted::Exclusive,
            legal_name: Some("Acme Life LLC".to_owned()),
        };
        let body = ping_body(&PingAnswer {
            ping_id: lead_id.ping_id(),
            lead_id,
            disposition: Disposition::Offered,
            reason: None,
            offers: &[offer],
            currency: "USD",
            expires_at: Some("2026-11-23T14:00:45Z".parse().unwrap()),
            warnings: &[],
        });
        let body = body.replace(&"0".repeat(28), "N").replace(&"0".repeat(26), "M");
        assert_eq!(
            body,
            r#"{"ping_id":"ping_N","lead_id":"lead_N","disposition":"offered","offers":[{"offer_id":"off_M","payout":"21.4375","seats":"exclusive","legal_name":"Acme Life LLC"}],"currency":"USD","expires_at":"2026-11-23T14:00:45Z","warnings":[]}"#
        );
        let unsold = no_offer(&Answer {
            lead_id,
            disposition: Disposition::Unsold,
            reason: Some(Reason::NoBid),
            payout: Money::ZERO,
            currency: "USD",
            sales: Vec::new(),
            warnings: &[],
            auction: AuctionSide { id: lead_id.auction_id(), pinged: 1, bids: 0, elapsed_ms: 3 },
        });
        let unsold = String::from_utf8(unsold).unwrap().replace(&"0".repeat(28), "N");
        assert_eq!(
            unsold,
            r#"{"ping_id":"ping_N","lead_id":"lead_N","disposition":"unsold","reason":"no_bid","offers":[],"currency":"USD","expires_at":null,"warnings":[]}"#
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
