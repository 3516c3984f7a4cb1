//! `gavel explain`: who may buy a lead, and which rule keeps the others out.
//!
//! The lead is read as a vendor's body would be, and considered as a sale would consider it, but
//! for caps and balances, which only a sale looks at. Nothing is stored and nothing is sent. What
//! is printed names fields and rules, never a value of the lead.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Office;
use crate::cli::Explain;
use crate::config::Config;
use crate::domain::ids::{LeadId, Partition};
use crate::domain::lead::{Lead, Submission};
use crate::domain::limits::Limits;
use crate::domain::money::Money;
use crate::domain::slug::VendorId;
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
    Ok(explained(submission, &snapshot, order.vendor.clone(), now))
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
    now: Timestamp,
) -> String {
    let from = vendor.as_ref().map(|vendor| format!(" from {vendor}")).unwrap_or_default();
    let vendor = vendor.unwrap_or_else(any_vendor);
    let floor = submission.floor.unwrap_or(Money::ZERO);
    let floor = snapshot.floor_price(&vendor, &submission.vertical, floor);
    let floor = floor.map_or("none: no price is high enough".to_owned(), |price| price.to_string());
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
    let today = TimeZone::UTC.to_datetime(now).date();
    let lead = lead_of(submission, vendor, now);
    text.push_str(&draw(&eligibility::explain::explain(&lead, snapshot, today, &BTreeMap::new())));
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

fn draw(explanation: &Explanation) -> String {
    if explanation.campaigns.is_empty() {
        return "no campaign is in this vertical\n".to_owned();
    }
    let asked = explanation.campaigns.iter().filter(|campaign| campaign.is_eligible).count();
    let total = explanation.campaigns.len();
    let mut text = format!("{asked} of {total} campaigns would be asked, room permitting\n");
    for campaign in &explanation.campaigns {
        draw_campaign(campaign, &mut text);
    }
    text
}

fn draw_campaign(campaign: &CampaignTrace, text: &mut String) {
    let verdict = match &campaign.rule {
        Some(rule) => format!("no, {rule}"),
        None => "yes".to_owned(),
    };
    text.push_str(&format!("\n{} of {}: {verdict}\n", campaign.campaign_id, campaign.buyer_id));
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
