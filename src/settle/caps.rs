//! Which counters a sale to a campaign charges, in the windows of the buyer's time zone.

use jiff::Timestamp;

use crate::domain::campaign::{Cap, CapWindow};
use crate::domain::money::Money;
use crate::domain::slug::CampaignId;
use crate::domain::time::Zone;

/// One counter that a sale charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The rule, as refusals name it: `cap:day`.
    pub rule: String,
    /// The counter: campaign, what is counted, window and its day.
    pub counter: String,
    /// The cap, in leads or ten-thousandths of money.
    pub limit: i64,
    /// What this sale adds.
    pub add: i64,
    /// When the window ends.
    pub ends_at: Option<Timestamp>,
}

/// The counters of `caps` that a sale at `price` charges at `now`.
#[must_use]
pub fn charges(
    campaign: &CampaignId,
    caps: &[Cap],
    zone: &Zone,
    price: Money,
    now: Timestamp,
) -> Vec<Charge> {
    let mut charges = Vec::with_capacity(caps.len());
    for cap in caps {
        let (window, ends_at) = match cap.per {
            CapWindow::Day => {
                let day = zone.day_of(now);
                (format!("day|{day}"), zone.end_of(day))
            }
            CapWindow::Total => ("total".to_owned(), None),
        };
        let mut charge = |counted: &str, limit: i64, add: i64| {
            charges.push(Charge {
                rule: format!("cap:{}", cap.per.as_str()),
                counter: format!("{campaign}|{counted}|{window}"),
                limit,
                add,
                ends_at,
            });
        };
        if let Some(leads) = cap.leads {
            charge("leads", i64::from(leads), 1);
        }
        if let Some(spend) = cap.spend {
            charge("spend", spend.ten_thousandths(), price.ten_thousandths());
        }
    }
    charges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_the_buyers_day_and_ends_by_its_clock() {
        let zone = Zone::parse("America/Chicago").unwrap();
        let caps = [Cap { per: CapWindow::Day, leads: Some(10), spend: None }];
        let campaign = CampaignId::parse("acme-tx").unwrap();
        let check = |now: &str, day: &str, ends_at: &str| {
            let charges = charges(&campaign, &caps, &zone, Money::ZERO, now.parse().unwrap());
            let expect = Charge {
                rule: "cap:day".to_owned(),
                counter: format!("acme-tx|leads|day|{day}"),
                limit: 10,
                add: 1,
                ends_at: Some(ends_at.parse().unwrap()),
            };
            assert_eq!(charges, [expect]);
        };
        check("2026-11-24T05:59:59Z", "2026-11-23", "2026-11-24T06:00:00Z");
        check("2026-11-24T06:00:00Z", "2026-11-24", "2026-11-25T06:00:00Z");
        check("2026-03-08T12:00:00Z", "2026-03-08", "2026-03-09T05:00:00Z");
    }

    #[test]
    fn leads_and_spend_are_counted_apart() {
        let caps = [Cap {
            per: CapWindow::Total,
            leads: Some(100),
            spend: Some(Money::parse("500").unwrap()),
        }];
        let campaign = CampaignId::parse("acme-tx").unwrap();
        let price = Money::parse("12.5").unwrap();
        let charges = charges(&campaign, &caps, &Zone::utc(), price, Timestamp::UNIX_EPOCH);
        let counters: Vec<_> = charges
            .iter()
            .map(|charge| (charge.counter.as_str(), charge.limit, charge.add))
            .collect();
        assert_eq!(
            counters,
            [("acme-tx|leads|total", 100, 1), ("acme-tx|spend|total", 5_000_000, 125_000)]
        );
    }
}
