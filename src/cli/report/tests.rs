use jiff::Timestamp;

use super::*;
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::ids::{LeadId, Partition};
use crate::domain::key::{KeyId, Role};
use crate::domain::money::Money;
use crate::domain::object::ObjectKind;
use crate::domain::slug::{CampaignId, VendorId, VerticalId};
use crate::flow::administer::ShownSecret;
use crate::registry::bundle::SecretText;

const SECRET: &str = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";

fn change(kind: ObjectKind, id: &str, action: PlanAction, fields: &[&str]) -> PlanChange {
    let fields = fields.iter().map(|field| (*field).to_owned()).collect();
    PlanChange { kind, id: id.to_owned(), action, fields, kept: Vec::new() }
}

fn plan() -> Plan {
    Plan {
        changes: vec![
            change(ObjectKind::Vendor, "leadco", PlanAction::Unchanged, &[]),
            change(ObjectKind::Buyer, "acme", PlanAction::Update, &["credit_limit", "name"]),
            change(ObjectKind::Buyer, "zenith", PlanAction::Archive, &[]),
            change(ObjectKind::Campaign, "acme-tx", PlanAction::Create, &[]),
            change(ObjectKind::Tree, "solar", PlanAction::Unchanged, &[]),
        ],
    }
}

fn at() -> Timestamp {
    "2026-11-24T12:00:00.5Z".parse().unwrap()
}

#[test]
fn what_was_applied_is_told_with_the_secrets_that_were_made() {
    let secret = ShownSecret {
        campaign: CampaignId::parse("acme-tx").unwrap(),
        secret: SecretText::parse(SECRET).unwrap(),
    };
    let report = ApplyReport { version: 7, plan: plan(), secrets: vec![secret] };
    insta::assert_snapshot!(applied(&report, false), @r"
    update     buyer      acme     credit_limit, name
    archive    buyer      zenith
    create     campaign   acme-tx
    unchanged  2 objects
    version 7: 1 created, 1 updated, 1 archived
    secret acme-tx whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=
    ");
}

#[test]
fn what_was_set_over_the_api_and_is_kept_is_told() {
    let mut plan = plan();
    plan.changes[1].kept = vec!["state".to_owned()];
    plan.changes[4].kept = vec!["ping_url".to_owned(), "post_url".to_owned()];
    let report = ApplyReport { version: 7, plan, secrets: Vec::new() };
    insta::assert_snapshot!(applied(&report, false), @r"
    update     buyer      acme     credit_limit, name (set over the API and kept: state)
    archive    buyer      zenith
    create     campaign   acme-tx
    unchanged  tree       solar    (set over the API and kept: ping_url, post_url)
    unchanged  2 objects
    version 7: 1 created, 1 updated, 1 archived
    ");
}

#[test]
fn a_plan_says_that_nothing_was_changed() {
    let report = ApplyReport { version: 6, plan: plan(), secrets: Vec::new() };
    let text = applied(&report, true);
    let last = text.lines().last().unwrap();
    let expect = "planned on version 6: 1 created, 1 updated, 1 archived; nothing was changed";
    assert_eq!(last, expect);
}

#[test]
fn a_registry_that_is_as_described_is_told_so() {
    let report = ApplyReport { version: 6, plan: Plan::default(), secrets: Vec::new() };
    assert_eq!(applied(&report, false), "version 6: nothing changed\n");
    assert_eq!(applied(&report, true), "version 6: nothing changed\n");
}

#[test]
fn keys_are_listed_with_what_is_special_about_them() {
    let row = |key_id: &str, role, owner: &str| KeyRow {
        key_id: KeyId::parse(key_id).unwrap(),
        role,
        owner: owner.to_owned(),
        test: false,
        strict: false,
        require_signature: false,
        created_at: at(),
        revoked_at: None,
        expires_at: None,
    };
    let special = KeyRow {
        test: true,
        strict: true,
        require_signature: true,
        revoked_at: Some(at()),
        ..row("bbbbbbbb", Role::Vendor, "leadco")
    };
    let text = keys(&[row("aaaaaaaa", Role::Operator, "exchange"), special]);
    insta::assert_snapshot!(text, @r"
    aaaaaaaa  operator  exchange  made 2026-11-24T12:00:00Z
    bbbbbbbb  vendor    leadco    made 2026-11-24T12:00:00Z  test, strict, signed, revoked 2026-11-24T12:00:00Z
    ");
}

#[test]
fn auctions_are_listed_one_a_line() {
    let sold = AuctionSummary {
        lead_id: LeadId::new(Partition(7), 1),
        vendor_id: VendorId::parse("leadco").unwrap(),
        vertical: VerticalId::parse("solar").unwrap(),
        disposition: Disposition::Sold,
        reason: None,
        test: false,
        received_at: at(),
        closed_at: Some(at()),
        elapsed_ms: Some(143),
        pinged: 12,
        bids: 7,
        price: Money::parse("22").unwrap(),
        margin: Money::parse("2.75").unwrap(),
        payout: Money::parse("19.25").unwrap(),
    };
    let unsold = AuctionSummary {
        disposition: Disposition::Unsold,
        reason: Some(Reason::NoBid),
        test: true,
        elapsed_ms: None,
        bids: 0,
        payout: Money::ZERO,
        ..sold.clone()
    };
    insta::assert_snapshot!(auctions(&[sold, unsold]), @r"
    2026-11-24T12:00:00Z  auc_0700000000000000000000000001  solar from leadco       sold            12 pinged, 7 bid  payout 19.25  143 ms
    2026-11-24T12:00:00Z  auc_0700000000000000000000000001  solar from leadco TEST  unsold: no_bid  12 pinged, 0 bid   payout 0.00
    ");
}
