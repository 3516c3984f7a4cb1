use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::domain::bid::NoBid;
use crate::domain::breaker::{BreakerCall, BreakerState, SkipReason};
use crate::domain::disposition::{Disposition, Reason};
use crate::domain::post::Verdict;
use crate::domain::slug::{BuyerId, CampaignId, VendorId, VerticalId};

fn campaign(text: &str) -> CampaignId {
    CampaignId::parse(text).unwrap()
}

fn buyer(text: &str) -> BuyerId {
    BuyerId::parse(text).unwrap()
}

/// Touches every metric there is.
fn all_counted() -> Metrics {
    let metrics = Metrics::new();
    let (tx, acme) = (campaign("acme-tx"), buyer("acme"));
    let vertical = VerticalId::parse("solar").unwrap();
    let vendor = VendorId::parse("leadco").unwrap();
    let elapsed = Duration::from_millis(120);
    metrics.pings_sent(&tx, &acme);
    metrics.bids(&tx, &acme);
    metrics.no_bids(&tx, NoBid::Timeout);
    metrics.late_replies(&tx);
    metrics.ping_seconds(&acme, elapsed);
    metrics.posts(&tx, Verdict::Accepted);
    metrics.post_seconds(&acme, elapsed);
    metrics.auctions(&vertical, &vendor, Disposition::Sold, None);
    metrics.auctions(&vertical, &vendor, Disposition::Unsold, Some(Reason::NoBid));
    metrics.auction_seconds(&vertical, elapsed);
    metrics.auction_overhead(&vertical, elapsed);
    metrics.submission_to_acceptance(&vertical, elapsed);
    metrics.breaker_state(&tx, BreakerCall::Ping, BreakerState::Open);
    metrics.breaker_opened(&tx, BreakerCall::Ping);
    metrics.ping_throttled(&tx, true);
    metrics.calls_skipped(&tx, BreakerCall::Ping, SkipReason::Throttled);
    metrics.holds(HoldResult::Held);
    metrics.store_seconds("create", elapsed);
    metrics.store_errors("create");
    metrics.store_durability("durable");
    metrics.records_errors("add_parts");
    metrics.leads_refused_by_http("invalid_lead");
    metrics.unknown_post_oldest.set(12.5);
    metrics
}

#[track_caller]
fn check_line(text: &str, line: &str) {
    assert!(text.lines().any(|known| known == line), "no line `{line}` in:\n{text}");
}

#[test]
fn what_was_counted_is_rendered_under_its_labels() {
    let text = all_counted().render();
    check_line(&text, r#"gavel_pings_sent_total{buyer="acme",campaign="acme-tx"} 1"#);
    check_line(&text, r#"gavel_no_bids_total{campaign="acme-tx",reason="timeout"} 1"#);
    check_line(&text, r#"gavel_ping_seconds_bucket{buyer="acme",le="0.1"} 0"#);
    check_line(&text, r#"gavel_ping_seconds_bucket{buyer="acme",le="0.15"} 1"#);
    check_line(&text, r#"gavel_posts_total{campaign="acme-tx",outcome="accepted"} 1"#);
    let auctions = r#"gavel_auctions_total{disposition="unsold",reason="no_bid""#;
    check_line(&text, &format!(r#"{auctions},vendor="leadco",vertical="solar"}} 1"#));
    let breaker = r#"{call="ping",campaign="acme-tx"}"#;
    check_line(&text, &format!("gavel_breaker_state{breaker} 2"));
    check_line(&text, r#"gavel_ping_throttled{campaign="acme-tx"} 1"#);
    check_line(&text, r#"gavel_holds_total{result="held"} 1"#);
    check_line(&text, r#"gavel_holds_total{result="refused"} 0"#);
    check_line(&text, r#"gavel_store_durability{level="durable"} 1"#);
    check_line(&text, "gavel_unknown_post_oldest_seconds 12.5");
    check_line(&text, "gavel_outbox_entries 0");
}

#[test]
fn only_the_current_durability_level_is_shown() {
    let metrics = Metrics::new();
    metrics.store_durability("durable");
    metrics.store_durability("relaxed");
    let text = metrics.render();
    let levels: Vec<&str> =
        text.lines().filter(|line| line.starts_with("gavel_store_durability")).collect();
    assert_eq!(levels, [r#"gavel_store_durability{level="relaxed"} 1"#]);
}

#[test]
fn label_values_beyond_the_limit_are_counted_as_other() {
    let metrics = Metrics::new();
    for number in 0..LABEL_VALUES_MAX + 7 {
        metrics.late_replies(&campaign(&format!("campaign-{number}")));
    }
    metrics.late_replies(&campaign("campaign-0"));
    let text = metrics.render();
    let series = text.lines().filter(|line| line.starts_with("gavel_late_replies_total{")).count();
    assert_eq!(series, LABEL_VALUES_MAX + 1);
    check_line(&text, r#"gavel_late_replies_total{campaign="other"} 7"#);
    check_line(&text, r#"gavel_late_replies_total{campaign="campaign-0"} 2"#);
}

#[test]
fn a_full_label_of_one_family_leaves_the_others_alone() {
    let metrics = Metrics::new();
    for number in 0..=LABEL_VALUES_MAX {
        metrics.late_replies(&campaign(&format!("campaign-{number}")));
    }
    metrics.no_bids(&campaign("newcomer"), NoBid::Declined);
    let line = r#"gavel_no_bids_total{campaign="newcomer",reason="declined"} 1"#;
    check_line(&metrics.render(), line);
}

#[tokio::test]
async fn the_runtime_is_read_at_each_scrape() {
    let metrics = Metrics::new();
    let runtime = tokio::runtime::Handle::current().metrics();
    metrics.watch_runtime(&runtime);
    metrics.watch_runtime(&runtime);
    let text = metrics.render();
    check_line(&text, "gavel_runtime_queued_tasks 0");
    assert_eq!(text.matches("# TYPE gavel_runtime_tasks gauge").count(), 1);
}

/// Families as rendered: name, help and type.
fn families(text: &str) -> Vec<(String, String, String)> {
    let mut families = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some((name, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        let kind = lines.peek().and_then(|line| line.rsplit(' ').next()).unwrap().to_owned();
        families.push((name.to_owned(), help.to_owned(), kind));
    }
    families
}

/// Doc comments of a source text, each joined into one line.
fn doc_comments(source: &str) -> BTreeSet<String> {
    let mut comments = BTreeSet::new();
    let mut comment = String::new();
    for line in source.lines() {
        match line.trim_start().strip_prefix("/// ") {
            Some(text) if comment.is_empty() => comment.push_str(text),
            Some(text) => comment = format!("{comment} {text}"),
            None => drop(comments.insert(std::mem::take(&mut comment))),
        }
    }
    comments
}

#[test]
fn every_help_text_is_a_doc_comment() {
    let mut documented = doc_comments(include_str!("../metrics.rs"));
    documented.extend(doc_comments(include_str!("endpoints.rs")));
    documented.extend(doc_comments(include_str!("market.rs")));
    documented.extend(doc_comments(include_str!("node.rs")));
    for (name, help, _) in families(&all_counted().render()) {
        let is_ours = name.starts_with("gavel_") && name != "gavel_build_info";
        assert!(!is_ours || documented.contains(&help), "{name}: `{help}` is no doc comment");
    }
}

#[test]
fn names_carry_the_product_first_and_the_unit_last() {
    let text = all_counted().render();
    let families = families(&text);
    assert!(families.len() > 30, "{} families", families.len());
    for (name, _, kind) in families {
        assert!(name.starts_with("gavel_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name}");
    }
}
