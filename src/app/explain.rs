//! `gavel explain`: who may buy a lead, and which rule keeps the others out.
//!
//! The lead is read as a vendor's body would be, and considered as a sale would consider it, but
//! for caps, which only a sale looks at. Where a server runs, it is asked for balances and breakers.
//! Nothing is stored and nothing is sent to buyers. What is printed names fields and rules, never a
//! value of the lead.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::Office;
use super::commands::{running, say};
use crate::cli::Explain;
use crate::cli::remote::{Call, Remote, RemoteError};
use crate::config::Config;
use crate::domain::breaker::{BreakerCall, BreakerState};
use crate::domain::ids::{LeadId, Partition};
use crate::domain::lead::{Lead, Submission};
use crate::domain::limits::Limits;
use crate::domain::money::Money;
use crate::domain::slug::{BuyerId, CampaignId, VendorId};
use crate::eligibility;
use crate::eligibility::explain::{CampaignTrace, Explanation, NodeTrace};
use crate::intake::{self, Body, Contact, ContentKind, IntakeContext, IntakeLimits};
use crate::registry::snapshot::Snapshot;

/// Explains the lead in the file of `order`.
pub(super) async fn explain(config: &Config, order: &Explain) -> anyhow::Result<String> {
    let bytes = read_file(&order.lead, config.limits.body_bytes_max)?;
    let office = Office::open(config).await?;
    let snapshot = office.administration.snapshot().load_full();
    let now = office.clock.now();
    office.close().await;
    if let Some(vendor) = order.vendor.as_ref()
        && !snapshot.vendors.contains_key(vendor)
    {
        bail!("there is no vendor {vendor}");
    }
    let submission = read_lead(&bytes, &snapshot, &config.limits, now)?;
    let standings = match running(config).await {
        Ok(Some(remote)) => Some(Standings::ask(&remote, &submission, &snapshot).await?),
        Ok(None) => None,
        Err(error) => {
            say(&format!("{error:#}"));
            None
        }
    };
    Ok(explained(submission, &snapshot, order.vendor.clone(), (now, standings.as_ref())))
}

/// How buyers and endpoints stand now, as the running server has it.
#[derive(Default)]
struct Standings {
    breakers: Vec<BreakerRow>,
    accounts: BTreeMap<BuyerId, AccountRow>,
}

/// A breaker, as far as it is told here.
#[derive(Deserialize)]
struct BreakerRow {
    campaign_id: CampaignId,
    call: BreakerCall,
    state: BreakerState,
    forced: Option<serde::de::IgnoredAny>,
}

/// An account, as far as it is told here.
#[derive(Deserialize)]
struct AccountRow {
    balance: Money,
    held: Money,
    credit_limit: Option<Money>,
}

#[derive(Deserialize)]
struct BreakerPage {
    data: Vec<BreakerRow>,
}

impl Standings {
    async fn ask(
        remote: &Remote,
        submission: &Submission,
        snapshot: &Snapshot,
    ) -> Result<Self, RemoteError> {
        let mut standings = Self::default();
        for campaign in snapshot.campaigns_of(&submission.vertical) {
            let path = format!("/v1/campaigns/{}/breakers", campaign.id);
            let page: Option<BreakerPage> = found(remote.call(Call::get(path)).await)?;
            standings.breakers.extend(page.into_iter().flat_map(|page| page.data));
            let buyer = &campaign.buyer_id;
            if !standings.accounts.contains_key(buyer) {
                let path = format!("/v1/buyers/{buyer}/balance");
                let account: Option<AccountRow> = found(remote.call(Call::get(path)).await)?;
                standings.accounts.extend(account.map(|account| (buyer.clone(), account)));
            }
        }
        Ok(standings)
    }

    /// What keeps a campaign from buying now, although its rules let it.
    fn obstacles(&self, campaign: &CampaignTrace, floor: Option<Money>) -> Vec<String> {
        let is_open = |row: &&BreakerRow| {
            row.campaign_id == campaign.campaign_id && row.state == BreakerState::Open
        };
        let open = self.breakers.iter().filter(is_open).map(|row| {
            let why = if row.forced.is_some() { ", by an operator's order" } else { "" };
            format!("its {}s are not sent: the breaker is open{why}", row.call.as_str())
        });
        let account = self.accounts.get(&campaign.buyer_id).and_then(|account| {
            let room = account.credit_limit?.checked_add(account.balance)?;
            let room = room.checked_sub(account.held)?;
            let is_short = room <= Money::ZERO || floor.is_some_and(|floor| room < floor);
            is_short.then(|| format!("the account of {} has room for {room}", campaign.buyer_id))
        });
        open.chain(account).collect()
    }
}

/// What was asked for; `None` if it was taken out of use meanwhile.
fn found<T>(answer: Result<T, RemoteError>) -> Result<Option<T>, RemoteError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(RemoteError::Refused { status, .. }) if status.as_u16() == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

fn read_file(path: &Path, bytes_max: usize) -> anyhow::Result<Vec<u8>> {
    let named = || path.display().to_string();
    let length = std::fs::metadata(path).with_context(named)?.len();
    if length > bytes_max as u64 {
        bail!("{} has more bytes than limits.body_bytes_max", named());
    }
    std::fs::read(path).with_context(named)
}

/// Reads the body as for a test key, which takes numbers of no real person too.
fn read_lead(
    bytes: &[u8],
    snapshot: &Snapshot,
    limits: &Limits,
    now: Timestamp,
) -> anyhow::Result<Submission> {
    let context = IntakeContext {
        verticals: &|vertical| snapshot.verticals.get(vertical).cloned(),
        strict: false,
        is_test_key: true,
        contact: Contact::Required,
        limits: &IntakeLimits::from(limits),
        now,
    };
    let body = Body { content: ContentKind::Json, bytes };
    intake::read(body, &context).map_err(|invalid| {
        let faults = invalid.errors.iter();
        let faults = faults.map(|fault| format!("\n  {}: {}", fault.pointer, fault.detail));
        anyhow::anyhow!("{}{}", invalid.detail, faults.collect::<String>())
    })
}

/// The whole text; without a vendor, as for one that has no terms of its own.
fn explained(
    submission: Submission,
    snapshot: &Snapshot,
    vendor: Option<VendorId>,
    (now, standings): (Timestamp, Option<&Standings>),
) -> String {
    let from = vendor.as_ref().map(|vendor| format!(" from {vendor}")).unwrap_or_default();
    let vendor = vendor.unwrap_or_else(any_vendor);
    let floor = submission.floor.unwrap_or(Money::ZERO);
    let price_floor = snapshot.floor_price(&vendor, &submission.vertical, floor);
    let floor =
        price_floor.map_or("none: no price is high enough".to_owned(), |price| price.to_string());
    let mut text = format!("{}{from}, registry {}\n", submission.vertical, snapshot.version);
    text.push_str(&format!("lowest price that can win: {floor}\n"));
    for warning in &submission.warnings {
        text.push_str(&format!("warning: {}: {}\n", warning.pointer, warning.detail));
    }
    for element in &submission.consent_missing {
        let element = serde_json::to_value(element).unwrap_or_default();
        let element = element.as_str().unwrap_or_default();
        text.push_str(&format!("refused as consent_missing: consent.{element} is not there\n"));
    }
    let is_refused = !submission.consent_missing.is_empty();
    let today = TimeZone::UTC.to_datetime(now).date();
    let lead = lead_of(submission, vendor, now);
    let explanation = eligibility::explain::explain(&lead, snapshot, today, &BTreeMap::new());
    let obstacles = |campaign: &CampaignTrace| {
        standings.map(|now| now.obstacles(campaign, price_floor)).unwrap_or_default()
    };
    text.push_str(&draw(&explanation, is_refused, obstacles));
    text.push_str(match standings {
        Some(_) => "\nbalances and breakers are those of the server now; caps are not looked at\n",
        None => "\ncaps, balances and breakers are not looked at: no server was asked\n",
    });
    text
}

/// Stands for a vendor without margin or floor of its own; no rule looks at its name.
fn any_vendor() -> VendorId {
    VendorId::parse("any").expect("`any` is a slug")
}

fn lead_of(submission: Submission, vendor: VendorId, now: Timestamp) -> Lead {
    Lead {
        id: LeadId::new(Partition(0), 0),
        vendor,
        vertical: submission.vertical,
        fields: submission.fields,
        consent: submission.consent,
        source: submission.source,
        submitted_at: submission.submitted_at,
        floor: submission.floor.unwrap_or(Money::ZERO),
        received_at: now,
        test: submission.test,
    }
}

fn draw(
    explanation: &Explanation,
    is_refused: bool,
    obstacles: impl Fn(&CampaignTrace) -> Vec<String>,
) -> String {
    if explanation.campaigns.is_empty() {
        return "no campaign is in this vertical\n".to_owned();
    }
    let asked = explanation.campaigns.iter().filter(|campaign| campaign.is_eligible).count();
    let total = explanation.campaigns.len();
    let mut text = if is_refused {
        format!("nobody would be asked; with the consent, {asked} of {total} campaigns\n")
    } else {
        format!("{asked} of {total} campaigns would be asked, room permitting\n")
    };
    for campaign in &explanation.campaigns {
        draw_campaign(campaign, &obstacles(campaign), &mut text);
    }
    text
}

fn draw_campaign(campaign: &CampaignTrace, obstacles: &[String], text: &mut String) {
    let verdict = match &campaign.rule {
        Some(rule) => format!("no, {rule}"),
        None if obstacles.is_empty() => "yes".to_owned(),
        None => "yes by its rules, but not now".to_owned(),
    };
    text.push_str(&format!("\n{} of {}: {verdict}\n", campaign.campaign_id, campaign.buyer_id));
    for obstacle in obstacles {
        text.push_str(&format!("  now: {obstacle}\n"));
    }
    if let Some(filter) = &campaign.filter {
        draw_node(filter, 1, text);
    }
}

fn draw_node(node: &NodeTrace, depth: usize, text: &mut String) {
    let mark = if node.holds { "+" } else { "-" };
    text.push_str(&format!("{}{mark} {}\n", "  ".repeat(depth), node.node));
    for below in &node.nodes {
        draw_node(below, depth + 1, text);
    }
}

#[cfg(test)]
mod tests;
