//! `prove hot`: hundreds of auctions at once want the last lead of a cap and the last money of an account.
//!
//! One buyer bids most and may buy one lead in all; the next one's credit is enough for one; the last
//! one takes everything for less. Over all servers together exactly one lead may go to each of the
//! first two, no account may be overdrawn at any time, and every other lead must go to the last one.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use gavel::demo::stub_buyer::{Reply, Script, StubBuyer};
use gavel::system::SystemClock;
use serde_json::Value as Json;

use super::compare::check_answers;
use super::vendor::{Told, Vendor, lead};
use super::{Common, Findings};
use crate::backends::Backends;
use crate::exchange::{Campaign, Exchange, money};

/// How long a ping round and an auction may take, in milliseconds: so long that no bid is late.
const PING_ROUND_MS: u64 = 30_000;
const AUCTION_MS: u64 = 120_000;
/// How long a buyer thinks, in milliseconds: long enough that all auctions are decided side by side.
const DELAY_MS: u64 = 50;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    /// How many auctions run at once.
    #[arg(long, default_value_t = 500)]
    leads: usize,
    /// How often, each time with new accounts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many servers there are.
    #[arg(long, default_value_t = 3)]
    nodes: usize,
}

/// Runs the proof.
pub async fn prove(asked: Arguments) -> anyhow::Result<Findings> {
    ensure!(asked.leads > 2 && asked.rounds > 0 && asked.nodes > 0, "nothing to fight over");
    let backends = Backends::start();
    let mut settings = backends.settings();
    settings.extend([
        ("limits.ping_round_ms", PING_ROUND_MS.to_string()),
        ("limits.auction_ms", AUCTION_MS.to_string()),
    ]);
    settings.extend(super::breakers_that_never_open());
    let exchange = Exchange::start_nodes(asked.nodes, &settings).await?;
    let open = Rival::enroll(&exchange, Kind::Open, 0).await?;
    let vendor = Vendor::insisting(&exchange).await?;
    let mut findings = Findings::default();
    for round in 1..=asked.rounds {
        let capped = Rival::enroll(&exchange, Kind::Capped, round).await?;
        let poor = Rival::enroll(&exchange, Kind::Poor, round).await?;
        exchange.await_registry().await?;
        let first = (round - 1) * asked.leads;
        let told = sell_all(&vendor, first..first + asked.leads).await;
        let told = told.with_context(|| exchange.log())?;
        findings.leads += told.len() as u64;
        for (rival, leads) in [(&capped, 1), (&poor, 1), (&open, round * (asked.leads - 2))] {
            rival.judge(&exchange, leads, &mut findings).await?;
        }
        for told in &told {
            check_answers(told, &mut findings);
        }
    }
    if vendor.retries() > 0 {
        findings.broke(format!("{} requests had to be sent again", vendor.retries()));
    }
    Ok(findings)
}

async fn sell_all(
    vendor: &Vendor<'_>,
    numbers: std::ops::Range<usize>,
) -> anyhow::Result<Vec<Told>> {
    let at_once = numbers.len();
    stream::iter(numbers)
        .map(|number| async move { vendor.sell(&format!("hot-{number}"), &lead(number)?).await })
        .buffer_unordered(at_once)
        .try_collect()
        .await
}

/// What keeps a buyer from buying everything.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A cap of one lead in all.
    Capped,
    /// Credit for one lead.
    Poor,
    /// Nothing, but it pays least.
    Open,
}

impl Kind {
    const fn price(self) -> &'static str {
        match self {
            Self::Capped => "50.00",
            Self::Poor => "40.00",
            Self::Open => "10.00",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Capped => "capped",
            Self::Poor => "poor",
            Self::Open => "open",
        }
    }

    /// Lines of its account, and of its campaign.
    const fn limits(self) -> (&'static str, &'static str) {
        match self {
            Self::Capped => ("", "caps = [{ per = \"total\", leads = 1 }]"),
            Self::Poor => ("credit_limit = \"40.00\"", ""),
            Self::Open => ("", ""),
        }
    }
}

/// One buyer in the fight.
struct Rival {
    id: String,
    kind: Kind,
    stub: StubBuyer,
}

impl Rival {
    async fn enroll(exchange: &Exchange, kind: Kind, round: usize) -> anyhow::Result<Self> {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let script = Script::always(Reply::bid(kind.price()).after_ms(DELAY_MS));
        let stub = StubBuyer::start(listen, script, Arc::new(SystemClock)).await?;
        let id = format!("{}-{round}", kind.name());
        let (account, terms) = kind.limits();
        let base_url = format!("http://{}", stub.address());
        exchange.enroll(&[Campaign { account, terms, ..Campaign::new(&id, base_url) }], "")?;
        Ok(Self { id, kind, stub })
    }

    /// It must have bought so many leads in all, and paid for each; its account must never have been
    /// overdrawn.
    async fn judge(
        &self,
        exchange: &Exchange,
        leads: usize,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let id = &self.id;
        let has = self.stub.taken().len();
        let price = money(&Json::from(self.kind.price()))?;
        let posted = exchange.settled(id).await?;
        let owed = price * i64::try_from(leads)?;
        if has > leads {
            findings.sold_twice += 1;
        }
        if has != leads || posted != owed {
            findings.broke(format!(
                "{id} has {has} leads of {leads}, and was debited {posted} of {owed}"
            ));
        }
        Ok(())
    }
}
