//! A few buyers that bid on everything, each with an account and a campaign of its own.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use gavel::demo::stub_buyer::StubBuyer;
use gavel::demo::temper::{Delay, Temper};
use gavel::signing::{SigningKeys, SigningSecret, Tolerance};
use gavel::system::SystemClock;

use super::compare;
use crate::exchange::{Campaign, Exchange};

/// What the exchange keeps.
const TREE: &str = "margin_percent = \"12.5\"\n";
/// The buyers.
const BUYERS: [&str; 4] = ["north", "south", "west", "east"];
/// The lowest bid, and how many different ones there are, in whole units.
const PRICE_MIN: u32 = 20;
const PRICES: u32 = 20;

/// The buyers of an exchange.
pub struct Crowd {
    stubs: Vec<(&'static str, StubBuyer)>,
}

impl Crowd {
    /// Starts them, each of which thinks for `delay`, and enrolls them.
    pub async fn start(exchange: &Exchange, delay: Delay) -> anyhow::Result<Self> {
        Self::of_temper(exchange, Temper::steady(delay, PRICE_MIN, PRICES), None).await
    }

    /// Starts and enrolls buyers of this temper; with a tolerance they refuse what was signed outside
    /// of it.
    pub async fn of_temper(
        exchange: &Exchange,
        temper: Temper,
        tolerance: Option<Tolerance>,
    ) -> anyhow::Result<Self> {
        let (mut stubs, mut campaigns) = (Vec::new(), Vec::new());
        for id in BUYERS {
            let listen = SocketAddr::from(([127, 0, 0, 1], 0));
            let stub = StubBuyer::start(listen, temper.script(), Arc::new(SystemClock)).await?;
            let base_url = format!("http://{}", stub.address());
            campaigns.push(Campaign::new(id, base_url));
            stubs.push((id, stub));
        }
        let secrets = exchange.enroll(&campaigns, TREE)?;
        for (id, stub) in &stubs {
            let secret = secrets.get(&format!("{id}-fe")).context("no secret was made")?;
            stub.expect_signatures(SigningKeys::of(&SigningSecret::parse(secret)?));
            if let Some(tolerance) = tolerance {
                stub.refuse_beyond(tolerance);
            }
        }
        Ok(Self { stubs })
    }

    /// What is compared in the end.
    pub fn buyers(&self) -> Vec<compare::Buyer<'_>> {
        self.stubs.iter().map(|(id, stub)| compare::Buyer { id, stub }).collect()
    }
}
