#![expect(clippy::unwrap_used, reason = "a test may panic where it cannot go on")]
//! No packet leaves for an address that is not public, in whatever form somebody names it.
//!
//! The forms are a table (`forms`): every range that is not public, as a literal in every spelling,
//! and as what a name resolves to. Each is refused when it is registered and again when it would be
//! connected to. That nothing leaves is seen by a sniffer (`sniffer`): where the machine allows it,
//! the test runs in a network of its own in which every address of the world is this machine, so
//! that a connection to any of them would arrive, and the kernel counts what it was asked to send.

#[path = "address_guard/forms.rs"]
mod forms;
#[path = "address_guard/sniffer.rs"]
mod sniffer;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use gavel::domain::address::{AddressPolicy, PORTS_DEFAULT};
use gavel::domain::ids::EndpointId;
use gavel::domain::slug::{BuyerId, CampaignId};
use gavel::ports::BuyerWire;
use gavel::ports::buyer_wire::{CallClass, Callee, WireError, WireFailure, WireReply, WireRequest};
use gavel::registry::compile::{Surroundings, check};
use gavel::registry::exchange_files::{self, SourceFile};
use gavel::registry::objects::RegistryObjects;
use gavel::registry::plan::plan;
use gavel::wire::lookup::{Answer, Lookup};
use gavel::wire::{BuyerClient, WireSettings};
use tokio::time::Instant;

use forms::{bad_addresses, literal_urls, redirect_targets};
use sniffer::Sniffer;

/// A name of a buyer, as good as any.
const NAME: &str = "bids.acme.example";
/// An address that may be connected to.
const PUBLIC: &str = "8.8.8.8";
/// Both clients: pings go through one, events through the other.
const CLASSES: [CallClass; 4] =
    [CallClass::Ping, CallClass::Post, CallClass::Event, CallClass::Challenge];

/// Resolves every name to each answer in turn, the last one for ever.
struct Names {
    answers: Vec<Vec<IpAddr>>,
    lookups: AtomicUsize,
}

impl Names {
    fn lead(answers: &[&[IpAddr]]) -> Arc<Self> {
        let answers = answers.iter().map(|answer| answer.to_vec()).collect();
        Arc::new(Self { answers, lookups: AtomicUsize::new(0) })
    }
}

impl Lookup for Names {
    fn lookup(&self, _name: &str) -> BoxFuture<'static, Answer> {
        let number = self.lookups.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        let answer = self.answers[number].clone();
        Box::pin(async move { Ok(answer) })
    }
}

fn request(class: CallClass, url: &str) -> WireRequest {
    let callee = match class {
        CallClass::Ping
        | CallClass::Post
        | CallClass::Status
        | CallClass::Login
        | CallClass::Notice => Callee::Campaign {
            buyer: BuyerId::parse("acme").unwrap(),
            campaign: CampaignId::parse("acme-tx").unwrap(),
        },
        CallClass::Event | CallClass::Challenge => Callee::Endpoint { id: EndpointId::new(7) },
    };
    WireRequest {
        callee,
        class,
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: Vec::new(),
        body: Bytes::from_static(b"{}"),
        deadline: Instant::now() + Duration::from_secs(5),
        reply_bytes_max: 1_024,
    }
}

async fn call(client: &BuyerClient, class: CallClass, url: &str) -> Result<WireReply, WireError> {
    client.call(request(class, url)).await.result
}

/// The faults of an exchange whose one campaign has this URL for its pings and its posts.
fn faults_at_registration(url: &str) -> Vec<String> {
    let text = format!(
        "name = \"Acme\"\n[[campaign]]\nid = \"acme-tx\"\nvertical = \"final_expense\"\n\
         ping_url = '{url}'\npost_url = '{url}'\nprice = {{ bid = {{}} }}\n"
    );
    let file = SourceFile { path: "buyers/acme.toml".to_owned(), text };
    let read = match exchange_files::parse(&[file]) {
        Ok(read) => read,
        Err(faults) => return faults.iter().map(ToString::to_string).collect(),
    };
    let planned = plan(&RegistryObjects::default(), &BTreeMap::new(), &read.bundle, false);
    let outside = AddressPolicy::new(Vec::new(), PORTS_DEFAULT.to_vec());
    let faults = check(&planned.next, &Surroundings::new("USD", outside));
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn every_form_is_refused_at_registration() {
    let urls = literal_urls();
    assert!(urls.len() >= 200, "{} forms", urls.len());
    for url in urls {
        let faults = faults_at_registration(&url);
        assert!(!faults.is_empty(), "{url} could be registered");
        let host = url.trim_start_matches("https://").split(['/', ':']).next().unwrap();
        let tells =
            faults.iter().any(|fault| fault.contains("169.254.") && !host.contains("169.254."));
        assert!(!tells, "{url}: the refusal tells an address: {faults:?}");
    }
    assert_eq!(faults_at_registration("https://bids.acme.example/ping"), [] as [String; 0]);
}

#[test]
fn no_packet_leaves_for_any_form() {
    sniffer::run_in_a_network_of_its_own("no_packet_leaves", || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(refuse_everything());
    });
}

async fn refuse_everything() {
    let sniffer = Sniffer::start().await;
    let settings = WireSettings { ports: vec![sniffer.port()], ..WireSettings::default() };
    refuse_literals(&sniffer, &settings).await;
    refuse_names(&sniffer, &settings).await;
    refuse_changed_answers(&sniffer, &settings).await;
    follow_no_redirects(&sniffer, &settings).await;
}

const REFUSED: WireError = WireError { failure: WireFailure::Refused, sent: false, status: None };

async fn refuse_literals(sniffer: &Sniffer, settings: &WireSettings) {
    let public: IpAddr = PUBLIC.parse().unwrap();
    let names = Names::lead(&[&[public]]);
    let client = BuyerClient::with_lookup(settings, names.clone()).unwrap();
    let before = sniffer.sent();
    let mut tried = 0;
    for url in literal_urls() {
        // With the sniffer's port in it, nothing but the host stands in the way.
        for url in [url.clone(), with_port(&url, sniffer.port())] {
            for class in CLASSES {
                let outcome = call(&client, class, &url).await;
                assert_eq!(outcome.err(), Some(REFUSED), "{url} {class:?}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 1_600, "{tried}");
    assert_eq!(names.lookups.load(Ordering::SeqCst), 0, "no form is even looked up");
    assert_eq!((sniffer.arrived(), sniffer.sent()), (Vec::new(), before));
}

/// The URL with a port behind its host, if it has one.
fn with_port(url: &str, port: u16) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    format!("{scheme}://{authority}:{port}/{path}")
}

async fn refuse_names(sniffer: &Sniffer, settings: &WireSettings) {
    let public: IpAddr = PUBLIC.parse().unwrap();
    let url = format!("https://{NAME}:{}/", sniffer.port());
    let before = sniffer.sent();
    for bad in bad_addresses() {
        for answer in [&[bad][..], &[public, bad], &[bad, public], &[public, public, bad]] {
            let client = BuyerClient::with_lookup(settings, Names::lead(&[answer])).unwrap();
            for class in CLASSES {
                let outcome = call(&client, class, &url).await;
                assert_eq!(outcome.err(), Some(REFUSED), "{answer:?} {class:?}");
            }
        }
    }
    assert_eq!((sniffer.arrived(), sniffer.sent()), (Vec::new(), before));
}

/// A name that answers well once and badly ever after: the connection goes to what was checked.
async fn refuse_changed_answers(sniffer: &Sniffer, settings: &WireSettings) {
    if !sniffer.has_the_world() {
        return;
    }
    let public: IpAddr = PUBLIC.parse().unwrap();
    let url = format!("https://{NAME}:{}/", sniffer.port());
    for (number, bad) in bad_addresses().into_iter().enumerate() {
        let names = Names::lead(&[&[public], &[bad]]);
        let client = BuyerClient::with_lookup(settings, names.clone()).unwrap();
        let class = CLASSES[number % CLASSES.len()];
        // It arrives, and finds nobody who speaks TLS: the one control of what the sniffer sees.
        let first = call(&client, class, &url).await.err().map(|error| error.failure);
        assert_ne!(first, Some(WireFailure::Refused), "{bad}");
        assert_eq!(names.lookups.load(Ordering::SeqCst), 1, "{bad}: one lookup for one connection");
        let second = call(&client, class, &url).await.err();
        assert_eq!(second, Some(REFUSED), "{bad}");
        let arrived = sniffer.take_arrived();
        assert!(
            !arrived.is_empty() && arrived.iter().all(|at| *at == public),
            "{bad}: {arrived:?}"
        );
    }
}

async fn follow_no_redirects(sniffer: &Sniffer, settings: &WireSettings) {
    let allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
    let local = WireSettings { allow_networks, ..settings.clone() };
    let client = BuyerClient::new(&local).unwrap();
    let mut targets = redirect_targets();
    // One that could be connected to, were it followed.
    targets.push(format!("http://127.0.0.1:{}/", sniffer.port()));
    for (number, target) in targets.into_iter().enumerate() {
        let status = [301, 302, 303, 307, 308][number % 5];
        let server = sniffer::redirecting(status, target.clone()).await;
        let arrived = sniffer.take_arrived();
        assert_eq!(arrived, [] as [IpAddr; 0]);
        let before = sniffer.sent();
        for class in CLASSES {
            let reply = call(&client, class, &server.url()).await;
            assert_eq!(reply.map(|reply| reply.status), Ok(status), "{target}");
        }
        assert_eq!(sniffer.arrived(), [] as [IpAddr; 0], "{target}");
        // Only the connections to the server itself.
        let opened = sniffer.sent().connections - before.connections;
        assert!(opened <= CLASSES.len() as u64, "{target}: {opened} connections");
        assert_eq!(sniffer.sent().datagrams, before.datagrams, "{target}");
    }
}
