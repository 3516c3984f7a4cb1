//! Buyers of every contract, as those who clear up a post of unknown fate have to be met.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use gavel::demo::stub_buyer::{OnPost, Reply, Script, StubBuyer};
use gavel::demo::temper::{Delay, Temper};
use gavel::signing::{SigningKeys, SigningSecret, Tolerance};
use gavel::system::SystemClock;

use crate::exchange::{Campaign, Exchange};
use crate::prove::compare;

/// What the exchange keeps.
const TREE: &str = "margin_percent = \"12.5\"\n";
/// How long a buyer thinks, in milliseconds.
const DELAY: Delay = Delay::Uniform(1, 30);
/// The lowest bid, and how many different ones there are, in whole units.
const PRICE_MIN: u32 = 20;
const PRICES: u32 = 20;
/// How old a request may be for a buyer that minds, in seconds: less than servers are frozen.
const STALE_AFTER_S: i64 = 5;

/// A buyer's name, which says how it is, and its contract.
const CONTRACTS: [(&str, &str, &str); 5] = [
    // Answers a repeat as the first time.
    ("same-again", "idempotent", ""),
    // Refuses a repeat, as a duplicate.
    ("no-repeat", "idempotent", ""),
    // Refuses what was signed too long ago.
    ("punctual", "idempotent", ""),
    // Says what became of a post, and gets it once.
    ("askable", "queryable", ""),
    // Cannot be asked; the lead is sold to another after a second.
    ("mute", "at_most_once", "on_unknown = { resell_after_s = 1 }"),
];

/// One of each.
pub struct Buyers {
    stubs: Vec<(&'static str, StubBuyer)>,
}

/// Deliveries that were one too many, in the buyers' eyes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deliveries {
    /// Of a post that they had already.
    pub again: usize,
    /// Signed too long ago.
    pub stale: usize,
}

impl Buyers {
    /// Starts and enrolls them, the one that can be asked only if that is wanted.
    pub async fn start(exchange: &Exchange, with_askable: bool) -> anyhow::Result<Self> {
        let (mut stubs, mut campaigns) = (Vec::new(), Vec::new());
        let wanted =
            |(_, semantics, _): &(&str, &str, &str)| with_askable || *semantics != "queryable";
        for (id, semantics, terms) in CONTRACTS.into_iter().filter(wanted) {
            let listen = SocketAddr::from(([127, 0, 0, 1], 0));
            let stub = StubBuyer::start(listen, script(id), Arc::new(SystemClock)).await?;
            let base_url = format!("http://{}", stub.address());
            campaigns.push(Campaign { semantics, terms, ..Campaign::new(id, base_url) });
            stubs.push((id, stub));
        }
        let secrets = exchange.enroll(&campaigns, TREE)?;
        for (id, stub) in &stubs {
            let secret = secrets.get(&format!("{id}-fe")).context("no secret was made")?;
            stub.expect_signatures(SigningKeys::of(&SigningSecret::parse(secret)?));
            if *id == "punctual" {
                stub.refuse_beyond(Tolerance { past_s: STALE_AFTER_S, ..Tolerance::default() });
            }
        }
        Ok(Self { stubs })
    }

    /// Who is at which address.
    pub fn kinds(&self) -> BTreeMap<String, &'static str> {
        self.stubs.iter().map(|(id, stub)| (stub.address().to_string(), *id)).collect()
    }

    /// What is compared in the end.
    pub fn compared(&self) -> Vec<compare::Buyer<'_>> {
        self.stubs.iter().map(|(id, stub)| compare::Buyer { id, stub }).collect()
    }

    /// What they got too often.
    pub fn deliveries(&self) -> Deliveries {
        let mut sum = Deliveries::default();
        for (_, stub) in &self.stubs {
            sum.again += stub.posts().iter().filter(|post| post.occurrence > 1).count();
            sum.stale += stub.stale();
        }
        sum
    }
}

fn script(id: &str) -> Script {
    let script = Temper::steady(DELAY, PRICE_MIN, PRICES).script();
    match id {
        "no-repeat" => script.on_post(OnPost::AcceptOnce(Reply::rejected("duplicate"))),
        _ => script,
    }
}
