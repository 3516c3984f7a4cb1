//! What must hold in the end: each lead is somebody's, once, and all sides say the same.

use std::collections::{BTreeMap, BTreeSet};

use gavel::demo::stub_buyer::StubBuyer;
use serde_json::Value as Json;

use super::Findings;
use super::vendor::Told;
use crate::exchange::{Exchange, money};

/// A buyer as the exchange knows it, and what it has.
pub struct Buyer<'a> {
    pub id: &'static str,
    pub stub: &'a StubBuyer,
}

/// What the buyers say of one lead.
#[derive(Debug, Default, PartialEq, Eq)]
struct Takers {
    /// Who got a whole post of it, and for what price in ten-thousandths.
    prices: BTreeMap<&'static str, i64>,
    /// Different bodies that its posts had, at the buyer that got the most.
    bodies: usize,
}

/// Notes a contradiction unless `holds`.
fn hold(findings: &mut Findings, holds: bool, otherwise: impl FnOnce() -> String) {
    if !holds {
        findings.contradictions += 1;
        findings.broke(otherwise());
    }
}

/// Compares the vendor's, the buyers' and the exchange's side; nobody may have a lead that was sold to
/// another.
pub async fn compare(
    exchange: &Exchange,
    buyers: &[Buyer<'_>],
    told: &[Told],
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let conflicts = compare_with_conflicts(exchange, buyers, told, findings).await?;
    hold(findings, conflicts == 0, || format!("{conflicts} posts are recorded as conflicts"));
    Ok(())
}

/// The same where buyers may have leads that were sold to another, if each of these is on record as a
/// conflict, unbilled; gives how many there are.
pub async fn compare_with_conflicts(
    exchange: &Exchange,
    buyers: &[Buyer<'_>],
    told: &[Told],
    findings: &mut Findings,
) -> anyhow::Result<u64> {
    let mut takers = takers(buyers)?;
    let mut conflicts = 0;
    // By buyer, what it has of others' leads, and what is recorded as sold to it.
    let mut unbilled: BTreeMap<String, i64> = BTreeMap::new();
    let mut recorded: BTreeMap<String, i64> = BTreeMap::new();
    for told in told {
        check_answers(told, findings);
        let record = exchange.ask(&format!("/v1/auctions/{}", told.lead_id)).await?;
        let mut takers = takers.remove(&told.lead_id).unwrap_or_default();
        for buyer in posts_with(&record, "conflict").map(|post| text(&post["buyer_id"])) {
            let price = takers.prices.remove(buyer.as_str());
            hold(findings, price.is_some(), || {
                format!("{}: {buyer} is in conflict without having it", told.lead_id)
            });
            *unbilled.entry(buyer).or_default() += price.unwrap_or(0);
            conflicts += 1;
        }
        check_lead(told, &record, &takers, findings)?;
        for (buyer, price) in sales(&record)? {
            *recorded.entry(buyer).or_default() += price;
        }
    }
    for buyer in buyers {
        let counted: i64 = buyer.stub.taken().values().map(|price| price.ten_thousandths()).sum();
        let counted = counted - unbilled.get(buyer.id).copied().unwrap_or(0);
        let posted = exchange.settled(buyer.id).await?;
        let recorded = recorded.get(buyer.id).copied().unwrap_or(0);
        hold(findings, counted == posted && counted == recorded, || {
            let id = buyer.id;
            format!("{id} counts {counted}, its account {posted}, the records {recorded}")
        });
        let unsigned = buyer.stub.bad_signatures();
        hold(findings, unsigned == 0, || format!("{} got {unsigned} unsigned requests", buyer.id));
    }
    Ok(conflicts)
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The posts of a record with this outcome.
fn posts_with<'a>(record: &'a Json, outcome: &'a str) -> impl Iterator<Item = &'a Json> {
    let posts = record["posts"].as_array().map(Vec::as_slice).unwrap_or_default();
    posts.iter().filter(move |post| post["outcome"] == outcome)
}

/// By lead, what every buyer says.
fn takers(buyers: &[Buyer<'_>]) -> anyhow::Result<BTreeMap<String, Takers>> {
    let mut takers: BTreeMap<String, Takers> = BTreeMap::new();
    for buyer in buyers {
        let mut bodies: BTreeMap<String, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for post in buyer.stub.posts() {
            let body = post.json();
            let lead_id = body["lead_id"].as_str().unwrap_or_default().to_owned();
            bodies.entry(lead_id.clone()).or_default().insert(post.body.to_vec());
            takers.entry(lead_id).or_default().prices.insert(buyer.id, money(&body["price"])?);
        }
        for (lead_id, bodies) in bodies {
            let takers = takers.entry(lead_id).or_default();
            takers.bodies = takers.bodies.max(bodies.len());
        }
    }
    Ok(takers)
}

/// What the vendor was told never changes, but from pending to the end.
pub fn check_answers(told: &Told, findings: &mut Findings) {
    let Told { lead_id, first, last, again, .. } = told;
    if last.json()["disposition"] != "sold" {
        findings.lost += 1;
        findings.broke(format!("{lead_id} was not sold: {:?}", last.body));
    }
    let is_first_true = match first.status {
        202 => first.json()["disposition"] == "pending",
        _ => first.body == last.body,
    };
    hold(findings, is_first_true, || format!("{lead_id}: {:?}, then {:?}", first.body, last.body));
    hold(findings, (again.status, &again.body) == (200, &last.body), || {
        format!("{lead_id}: {:?}, again {} {:?}", last.body, again.status, again.body)
    });
}

fn check_lead(
    told: &Told,
    record: &Json,
    takers: &Takers,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let lead_id = &told.lead_id;
    if takers.prices.len() > 1 {
        findings.sold_twice += 1;
        findings.broke(format!("{lead_id} was sold twice: {takers:?}"));
    }
    hold(findings, takers.bodies <= 1, || format!("{lead_id} was posted with different bodies"));
    let taken: Vec<(String, i64)> =
        takers.prices.iter().map(|(buyer, price)| ((*buyer).to_owned(), *price)).collect();
    let sales = sales(record)?;
    hold(findings, sales == taken, || format!("{lead_id}: recorded {sales:?}, taken {taken:?}"));
    let payout = told.last.json()["payout"].clone();
    let recorded = &record["money"][0]["payout"];
    hold(findings, payout == *recorded, || {
        format!("{lead_id}: told {payout}, recorded {recorded}")
    });
    Ok(())
}

/// Buyer and price of each post that the record calls accepted.
fn sales(record: &Json) -> anyhow::Result<Vec<(String, i64)>> {
    posts_with(record, "accepted")
        .map(|post| Ok((text(&post["buyer_id"]), money(&post["price"])?)))
        .collect()
}
