//! Compares what the vendor was told, what is on record, and what buyers have.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::behaviour::{Role, Unseen};
use super::leads::Submitted;
use super::{Case, Good};
use crate::client::Call;
use crate::exchange::{Exchange, money};
use crate::prove::Findings;

/// Judges the leads of one run.
pub struct Judge<'a> {
    gavel: &'a Exchange,
    cases: &'a [Case],
    good: &'a Good,
    vendor: &'a str,
    /// What became of the pings and posts of each case.
    pub outcomes: BTreeMap<String, BTreeMap<String, u64>>,
    /// Leads that went to the healthy buyer, and to hostile ones.
    sold_to_healthy: u64,
    sold_to_hostile: u64,
}

impl<'a> Judge<'a> {
    /// A judge who has heard nothing.
    pub fn new(
        gavel: &'a Exchange,
        cases: &'a [Case],
        good: &'a Good,
        vendor: &'a str,
    ) -> anyhow::Result<Self> {
        let outcomes = BTreeMap::new();
        let (sold_to_healthy, sold_to_hostile) = (0, 0);
        Ok(Self { gavel, cases, good, vendor, outcomes, sold_to_healthy, sold_to_hostile })
    }

    /// Waits for the end of every lead and judges it.
    pub async fn hear(
        &mut self,
        submitted: &[Submitted],
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let mut ended = Vec::with_capacity(submitted.len());
        for lead in submitted {
            let path = format!("/v1/leads/{}", lead.lead_id);
            let is_final = |body: &Json| body["disposition"] != "pending";
            let call = Call::get(&path).bearing(self.vendor);
            let Some(last) = self.gavel.await_body(call, is_final).await? else {
                findings.lost += 1;
                continue;
            };
            if lead.first.status == 200 && last.body != lead.first.body {
                findings.contradictions += 1;
                findings.broke(format!("{path} was answered in two ways"));
            }
            ended.push((lead, last));
        }
        // Some were sold only while they were waited for.
        let taken = self.good.healthy.taken();
        for (lead, last) in ended {
            let path = format!("/v1/auctions/{}", lead.lead_id);
            let record = self.gavel.ask(&path).await?;
            let has_healthy = posts_of(&record, "healthy")
                .any(|post| post["post_id"].as_str().is_some_and(|id| taken.contains_key(id)));
            self.judge(&self.cases[lead.case], &last.json(), (&record, has_healthy), findings);
        }
        Ok(())
    }

    fn judge(
        &mut self,
        case: &Case,
        told: &Json,
        (record, has_healthy): (&Json, bool),
        findings: &mut Findings,
    ) {
        let campaign = case.campaign();
        let about = format!("{campaign} {}", told["lead_id"].as_str().unwrap_or_default());
        let outcome = outcome_of(case.role, &campaign, record);
        *self.outcomes.entry(campaign.clone()).or_default().entry(outcome.clone()).or_default() +=
            1;
        if !case.behaviour.expect(case.role).contains(&outcome.as_str()) {
            findings.broke(format!("{about}: its {} became `{outcome}`", case.role.as_str()));
        }
        let post = posts_of(record, &campaign).next();
        let hostile = post.map_or("", |post| post["outcome"].as_str().unwrap_or_default());
        // What is not sent was not seen, unless the protocol has a word for leaving it.
        let id = post.map_or("", |post| post["post_id"].as_str().unwrap_or_default());
        let is_promised = hostile == "not_sent" && case.behaviour.unseen == Unseen::NothingRead;
        if is_promised && case.server.counts().has_seen(id) {
            findings.contradictions += 1;
            findings.broke(format!("{about}: not sent, but the buyer has read it"));
        }
        let may_have = matches!(hostile, "accepted" | "unknown");
        if may_have && has_healthy {
            findings.sold_twice += 1;
            findings.broke(format!("{about}: two buyers may have it"));
        }
        let (disposition, payout) = match (hostile, has_healthy) {
            ("accepted", _) => ("sold", "50.00"),
            ("unknown", _) => ("unresolved", "0.00"),
            (_, true) => ("sold", "10.00"),
            (_, false) => ("unsold", "0.00"),
        };
        if told["disposition"] != disposition || told["payout"] != payout {
            findings.contradictions += 1;
            let (said, paid) = (&told["disposition"], &told["payout"]);
            findings
                .broke(format!("{about}: told {said} for {paid}, is {disposition} for {payout}"));
        }
        if record["disposition"] != told["disposition"] {
            findings.contradictions += 1;
            findings.broke(format!("{about}: the record says {}", record["disposition"]));
        }
        if disposition == "unsold" {
            findings.broke(format!("{about}: the healthy buyer did not get it"));
        }
        self.sold_to_healthy += u64::from(has_healthy);
        self.sold_to_hostile += u64::from(hostile == "accepted");
    }

    /// Waits until nothing is held, and compares the buyers' accounts with what they bought.
    pub async fn compare_books(&self, findings: &mut Findings) -> anyhow::Result<()> {
        let books =
            [("healthy", self.sold_to_healthy * 10), ("hostile", self.sold_to_hostile * 50)];
        for (buyer, owed) in books {
            let owed = money(&Json::from(format!("{owed}.00")))?;
            let posted = self.gavel.settled(buyer).await?;
            if posted != owed {
                findings.contradictions += 1;
                findings.broke(format!("{buyer} bought for {owed}, and was debited {posted}"));
            }
        }
        let has = self.good.healthy.taken().len() as u64;
        if has != self.sold_to_healthy {
            findings.contradictions += 1;
            let sold = self.sold_to_healthy;
            findings.broke(format!("the healthy buyer has {has} leads, and was sold {sold}"));
        }
        Ok(())
    }
}

fn posts_of<'a>(record: &'a Json, campaign: &'a str) -> impl Iterator<Item = &'a Json> {
    let posts = record["posts"].as_array().map(Vec::as_slice).unwrap_or_default();
    posts.iter().filter(move |post| post["campaign_id"] == campaign)
}

/// What became of the hostile ping or post.
fn outcome_of(role: Role, campaign: &str, record: &Json) -> String {
    let text = |value: &Json| value.as_str().unwrap_or("missing").to_owned();
    match role {
        Role::Ping => {
            let candidates = record["candidates"].as_array().map(Vec::as_slice).unwrap_or_default();
            let candidate =
                candidates.iter().find(|candidate| candidate["campaign_id"] == campaign);
            let ping = candidate.map_or(&Json::Null, |candidate| &candidate["ping"]);
            if ping["result"] == "bid" { "bid".to_owned() } else { text(&ping["reason"]) }
        }
        Role::Post => {
            let post = posts_of(record, campaign).next();
            post.map_or_else(|| "missing".to_owned(), |post| text(&post["outcome"]))
        }
    }
}
