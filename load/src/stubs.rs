//! Stub buyers as a process of their own, so that what they cost is not the server's.
//!
//! They say in one line where they listen. A line on their input changes their temper or asks for
//! their counts; they end with their input.

use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use gavel::demo::stub_buyer::StubBuyer;
use gavel::demo::temper::{Delay, Temper};
use gavel::system::SystemClock;
use serde::{Deserialize, Serialize};

use crate::process::Speaker;

/// The lowest bid, in whole units.
const PRICE_MIN: u32 = 10;
/// Different bids.
const PRICES: u32 = 30;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// How many buyers.
    #[arg(long)]
    buyers: usize,
}

/// What buyers are told.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Bid on every ping, the first buyer after `low_ms`, the last after `high_ms`.
    Spread { low_ms: u64, high_ms: u64 },
    /// Bid after a time with a long tail, and of a thousand pings let so many go unanswered, answer
    /// so many with an error, and so many with something that is no bid.
    Rough { median_ms: u64, p99_ms: u64, faults: u32 },
    /// Say what was taken.
    Report,
}

/// What one buyer took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Taken {
    /// Leads.
    pub leads: usize,
    /// Their prices, in ten-thousandths.
    pub price: i64,
}

/// The processes' owner.
pub struct Stubs {
    speaker: Speaker,
    pub addresses: Vec<SocketAddr>,
}

impl Stubs {
    pub fn start(buyers: usize) -> anyhow::Result<Self> {
        let arguments = ["stubs".to_owned(), "--buyers".to_owned(), buyers.to_string()];
        let mut speaker = Speaker::start(&arguments)?;
        let addresses = speaker.hear()?;
        Ok(Self { speaker, addresses })
    }

    /// Tells them how to behave.
    pub fn behave(&mut self, order: Order) -> anyhow::Result<()> {
        let _: Vec<Taken> = self.speaker.ask(&serde_json::to_string(&order)?)?;
        Ok(())
    }

    /// What each took so far.
    pub fn taken(&mut self) -> anyhow::Result<Vec<Taken>> {
        self.speaker.ask(&serde_json::to_string(&Order::Report)?)
    }
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let mut buyers = Vec::new();
    let temper = Temper::steady(Delay::Fixed(0), PRICE_MIN, PRICES);
    for _ in 0..arguments.buyers {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let buyer = StubBuyer::start(listen, temper.script(), Arc::new(SystemClock)).await?;
        buyer.keep_no_requests();
        buyers.push(buyer);
    }
    let addresses: Vec<SocketAddr> = buyers.iter().map(StubBuyer::address).collect();
    say(&addresses)?;
    tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lock().lines() {
            obey(&serde_json::from_str(&line?)?, &buyers);
            let taken: Vec<Taken> = buyers.iter().map(taken).collect();
            say(&taken)?;
        }
        Ok(true)
    })
    .await?
}

fn say(what: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(what)?)?;
    Ok(out.flush()?)
}

fn obey(order: &Order, buyers: &[StubBuyer]) {
    let last = buyers.len().saturating_sub(1).max(1);
    for (index, buyer) in (0_u64..).zip(buyers) {
        let temper = match *order {
            Order::Report => return,
            Order::Spread { low_ms, high_ms } => {
                let delay = low_ms + (high_ms - low_ms) * index / last as u64;
                Temper::steady(Delay::Fixed(delay), PRICE_MIN, PRICES)
            }
            Order::Rough { median_ms, p99_ms, faults } => Temper {
                silences: faults,
                errors: faults,
                garbled: faults,
                declines: 200,
                ..Temper::steady(Delay::LongTail(median_ms, p99_ms), PRICE_MIN, PRICES)
            },
        };
        buyer.behave(temper.script());
    }
}

fn taken(buyer: &StubBuyer) -> Taken {
    let taken = buyer.taken();
    let price = taken.values().map(|price| price.ten_thousandths()).sum();
    Taken { leads: taken.len(), price }
}
