#![expect(clippy::unwrap_used, reason = "a test may panic where it cannot go on")]
//! What the documents show is what the program does: examples are read from them and tried.

#[path = "documents/reasons.rs"]
mod reasons;
#[path = "documents/registry.rs"]
mod registry;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use gavel::domain::address::{AddressPolicy, PORTS_DEFAULT};
use gavel::domain::bid::{NoBid, SeatsWanted};
use gavel::domain::campaign::OnUnmatched;
use gavel::domain::ids::{LeadId, PingId, PostId};
use gavel::domain::lead::Lead;
use gavel::domain::money::Money;
use gavel::domain::post::PostOutcome;
use gavel::domain::reply::RawReply;
use gavel::domain::slug::{CampaignId, VendorId, VerticalId};
use gavel::intake::{self, Contact, ContentKind, IntakeContext, IntakeLimits};
use gavel::ping::native::{BidTerms, PingFrame};
use gavel::ping::redact::redact;
use gavel::post::native::PostFrame;
use gavel::registry::compile::{Surroundings, check, shipped_verticals};
use gavel::registry::exchange_files::{self, FOLDERS, SourceFile};
use gavel::registry::objects::RegistryObjects;
use gavel::registry::plan::plan;
use gavel::registry::vertical::CompiledVertical;
use gavel::signing::{SignatureHeaders, SigningKeys, SigningSecret, Tolerance, verify};
use gavel::{ping, post};
use jiff::Timestamp;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// The blocks of a document that are marked as `language`.
fn blocks<'a>(document: &'a str, language: &str) -> Vec<&'a str> {
    let fence = format!("```{language}\n");
    document.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// The bodies of the curl calls in a document.
fn curl_bodies(document: &str) -> Vec<&str> {
    let calls = blocks(document, "sh").into_iter().flat_map(|block| block.split("-d '").skip(1));
    calls.filter_map(|rest| rest.split('\'').next()).collect()
}

/// A request as it stands in a document.
struct Example<'a> {
    headers: BTreeMap<&'a str, &'a str>,
    body: &'a str,
}

fn example(block: &str) -> Example<'_> {
    let (head, body) = block.split_once("\n\n").unwrap();
    let headers = head.lines().skip(1).map(|line| line.split_once(": ").unwrap()).collect();
    Example { headers, body: body.trim_end() }
}

fn vertical_of(id: &VerticalId) -> Option<Arc<CompiledVertical>> {
    shipped_verticals().get(id).cloned()
}

/// A lead as the exchange would take it in.
fn lead_of(body: &str, id: LeadId, received_at: Timestamp) -> Lead {
    let context = IntakeContext {
        verticals: &vertical_of,
        strict: true,
        is_test_key: false,
        contact: Contact::Required,
        limits: &IntakeLimits::default(),
        now: received_at,
    };
    let body = intake::Body { content: ContentKind::Json, bytes: body.as_bytes() };
    let submission = intake::read(body, &context).unwrap();
    assert_eq!(submission.consent_missing, []);
    Lead {
        id,
        vendor: VendorId::parse("lakeside").unwrap(),
        vertical: submission.vertical,
        fields: submission.fields,
        consent: submission.consent,
        source: submission.source,
        submitted_at: submission.submitted_at,
        floor: submission.floor.unwrap_or(Money::ZERO),
        received_at,
        test: submission.test,
    }
}

#[test]
fn the_signed_examples_for_buyers_have_the_signatures_they_show() {
    let document = document("docs/INTEGRATING.md");
    let secret = blocks(&document, "text").into_iter().map(str::trim);
    let secret = secret.into_iter().find(|text| text.starts_with("whsec_")).unwrap();
    let keys = SigningKeys::of(&SigningSecret::parse(secret).unwrap());
    let requests = blocks(&document, "http");
    assert_eq!(requests.len(), 2);
    for request in requests {
        let Example { headers, body } = example(request);
        let timestamp = headers["webhook-timestamp"];
        let signed = SignatureHeaders {
            id: headers["webhook-id"],
            timestamp,
            signature: headers["webhook-signature"],
        };
        let now_s = timestamp.parse().unwrap();
        let check = |body: &str| {
            verify(&keys, signed, body.as_bytes(), now_s, Tolerance::default()).is_ok()
        };
        assert!(check(body), "{body}");
        assert!(!check(&body.replace('2', "3")));
    }
}

#[test]
fn the_ping_and_the_post_for_buyers_are_made_of_the_lead_for_vendors() {
    let document = document("docs/INTEGRATING.md");
    let requests = blocks(&document, "http");
    let (ping_shown, post_shown) = (example(requests[0]), example(requests[1]));
    let lead_id = LeadId::parse("lead_0j01k9t4x2m8c5q7v3n0rwy6hbdz").unwrap();
    let received_at: Timestamp = "2026-11-23T14:00:42Z".parse().unwrap();
    let lead = lead_of(curl_bodies(&document)[0], lead_id, received_at);
    let ping_id = PingId::parse(ping_shown.headers["webhook-id"]).unwrap();
    let vertical = vertical_of(&lead.vertical).unwrap();
    let today = received_at.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
    let frame = PingFrame {
        ping_id,
        campaign_id: &CampaignId::parse("acme-tx").unwrap(),
        vertical: &lead.vertical,
        source_ref: "a75fcca3ecede1738db5d370f6a5f58b",
        sub_ref: None,
        floor: Money::parse("5.7143").unwrap(),
        currency: "USD",
        seats_max: 1,
        test: false,
    };
    let pinged = ping::native::body(&frame, &redact(&lead, vertical.vertical(), &[], today));
    assert_eq!(String::from_utf8(pinged).unwrap(), ping_shown.body);

    let post_id = post_shown.headers["idempotency-key"];
    assert_eq!(post_id, post_shown.headers["webhook-id"]);
    let frame = PostFrame {
        post_id: PostId::parse(post_id).unwrap(),
        lead_id,
        ping_id: Some(ping_id),
        reference: Some("a-1017"),
        price: Money::parse("24.50").unwrap(),
        seats: SeatsWanted::Exclusive,
        post_url: "https://acme.example/post",
        status_url: None,
        test: false,
    };
    let posted = post::native::render(&frame, &lead);
    assert_eq!(String::from_utf8(posted.body.to_vec()).unwrap(), post_shown.body);
}

#[test]
fn the_answers_for_buyers_mean_what_they_are_said_to_mean() {
    let document = document("docs/INTEGRATING.md");
    let answers = blocks(&document, "json");
    let reply = |index: usize| RawReply {
        status: 200,
        content_encoding: None,
        body: answers[index].as_bytes(),
    };
    let terms = BidTerms {
        currency: "USD",
        max_bid: None,
        bid_max: Money::parse("100000").unwrap(),
        offers_shared: false,
    };
    let bids = ping::native::read(reply(0), terms).unwrap();
    assert_eq!((bids.len(), bids[0].price.to_string()), (1, "24.50".to_owned()));
    assert_eq!(ping::native::read(reply(1), terms), Err(NoBid::Declined));
    let read = |index| post::native::read(reply(index), false, OnUnmatched::Unknown);
    let PostOutcome::Accepted(acceptance) = read(2) else { panic!("not accepted") };
    assert_eq!(acceptance.buyer_lead_id.as_deref(), Some("L-88213"));
    assert_eq!(acceptance.redirect_url.as_deref(), Some("https://acme.example/next"));
    let PostOutcome::Rejected { reason } = read(3) else { panic!("not rejected") };
    assert_eq!(reason, "duplicate");
}

#[test]
fn the_lead_of_the_readme_is_a_lead() {
    let document = document("README.md");
    let bodies = curl_bodies(&document);
    assert!(!bodies.is_empty());
    let id = LeadId::parse("lead_0j01k9t4x2m8c5q7v3n0rwy6hbdz").unwrap();
    for body in bodies {
        lead_of(body, id, "2026-11-23T14:00:42Z".parse().unwrap());
    }
}

#[test]
fn the_example_exchange_has_no_fault() {
    let folder = root().join("deploy/example");
    let files: Vec<SourceFile> =
        FOLDERS.iter().flat_map(|name| files_of(&folder.join(name), name)).collect();
    assert_eq!(files.len(), 4);
    let read = exchange_files::parse(&files);
    let read = read.unwrap_or_else(|faults| panic!("{}", faults[0]));
    let planned = plan(&RegistryObjects::default(), &BTreeMap::new(), &read.bundle, false);
    let local = AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()], PORTS_DEFAULT.to_vec());
    let faults = check(&planned.next, &Surroundings::new("USD", local));
    assert_eq!(faults, []);
    let outside = AddressPolicy::new(Vec::new(), PORTS_DEFAULT.to_vec());
    assert_ne!(check(&planned.next, &Surroundings::new("USD", outside)), []);
}

fn files_of(folder: &Path, name: &str) -> Vec<SourceFile> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let read = |entry: std::fs::DirEntry| SourceFile {
        path: format!("{name}/{}", entry.file_name().to_str().unwrap()),
        text: std::fs::read_to_string(entry.path()).unwrap(),
    };
    entries.map(|entry| read(entry.unwrap())).collect()
}
