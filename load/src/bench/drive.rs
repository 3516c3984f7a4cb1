//! Sends leads as vendors do, and keeps what was answered.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use gavel::domain::slug::VerticalId;
use gavel::intake::sample::sample_at;
use gavel::ports::Clock;
use gavel::registry::compile::shipped_verticals;
use gavel::registry::vertical::CompiledVertical;
use gavel::system::SystemClock;
use hdrhistogram::Histogram;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{Call, Client};
use crate::exchange::money;

/// What all leads are.
const VERTICAL: &str = "final_expense";
/// How long a vendor waits in one request, in milliseconds.
const WAIT_MS: u32 = 60_000;
/// The seed of arrivals: the same times in every round.
const SEED: u64 = 20_261_126;

/// How leads arrive.
#[derive(Debug, Clone, Copy)]
pub enum Load {
    /// So many a second at random times, whatever becomes of them.
    Open { rate: u32, lasting: Duration },
    /// As many as can be, so many at once.
    Closed { at_once: usize, lasting: Duration },
    /// All at once.
    Burst { leads: usize },
}

/// What was sold, over all runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sold {
    pub leads: usize,
    /// In ten-thousandths.
    pub price: i64,
}

/// A program that takes leads.
pub struct Target {
    client: Arc<Client>,
    key: Option<String>,
    sold: Arc<(AtomicUsize, AtomicI64)>,
}

impl Target {
    pub fn new(address: SocketAddr, key: Option<String>) -> anyhow::Result<Self> {
        let client = Arc::new(Client::new(address)?);
        Ok(Self { client, key, sold: Arc::default() })
    }

    /// What its answers said was sold.
    pub fn sold(&self) -> Sold {
        let (leads, price) = &*self.sold;
        Sold { leads: leads.load(Ordering::SeqCst), price: price.load(Ordering::SeqCst) }
    }
}

/// What became of one run.
pub struct Outcome {
    latency_us: Histogram<u64>,
    sold: usize,
    faults: Vec<String>,
    elapsed: Duration,
}

impl Outcome {
    fn new() -> anyhow::Result<Self> {
        let latency_us = Histogram::new_with_bounds(1, 600_000_000, 3)?;
        Ok(Self { latency_us, sold: 0, faults: Vec::new(), elapsed: Duration::ZERO })
    }

    /// Leads that were answered.
    pub fn leads(&self) -> usize {
        usize::try_from(self.latency_us.len()).unwrap_or(usize::MAX)
    }

    /// Leads that were sold.
    pub fn sold(&self) -> usize {
        self.sold
    }

    /// Answers a second.
    pub fn leads_per_s(&self) -> f64 {
        self.leads() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency, from the time a lead was meant to be sent.
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latency_us.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// Itself, if every lead was answered.
    pub fn all_answered(self) -> anyhow::Result<Self> {
        ensure!(self.faults.is_empty(), "{} leads: {}", self.faults.len(), self.faults[0]);
        ensure!(self.leads() > 0, "no lead was sent");
        Ok(self)
    }

    fn add(&mut self, answered: anyhow::Result<(Duration, bool)>) {
        match answered {
            Ok((latency, is_sold)) => {
                let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
                self.latency_us.saturating_record(us);
                self.sold += usize::from(is_sold);
            }
            Err(error) => self.faults.push(format!("{error:#}")),
        }
    }
}

/// Makes leads and sends them.
pub struct Driver {
    vertical: Option<Arc<CompiledVertical>>,
    next: AtomicU64,
    ready: Mutex<Vec<Bytes>>,
}

impl Driver {
    pub fn new() -> Self {
        let vertical = VerticalId::parse(VERTICAL).ok();
        let vertical = vertical.and_then(|vertical| shipped_verticals().get(&vertical).cloned());
        Self { vertical, next: AtomicU64::new(0), ready: Mutex::default() }
    }

    /// Runs one load on one program.
    pub async fn run(&self, target: &Target, load: Load) -> anyhow::Result<Outcome> {
        let mut outcome = Outcome::new()?;
        let began = Instant::now();
        match load {
            Load::Open { rate, lasting } => {
                let arrivals = arrivals(rate, lasting);
                self.prepare(arrivals.len())?;
                self.at_times(target, &arrivals, &mut outcome).await?;
            }
            Load::Burst { leads } => {
                self.prepare(leads)?;
                self.at_times(target, &vec![Duration::ZERO; leads], &mut outcome).await?;
            }
            Load::Closed { at_once, lasting } => {
                self.prepare(at_once)?;
                let mut under_way = FuturesUnordered::new();
                for _ in 0..at_once {
                    under_way.push(send(target, self.lead()?, Instant::now()));
                }
                while let Some(answered) = under_way.next().await {
                    outcome.add(answered);
                    if began.elapsed() < lasting {
                        under_way.push(send(target, self.lead()?, Instant::now()));
                    }
                }
            }
        }
        outcome.elapsed = began.elapsed();
        Ok(outcome)
    }

    /// Sends a lead at each of these times, and waits for all answers.
    async fn at_times(
        &self,
        target: &Target,
        times: &[Duration],
        outcome: &mut Outcome,
    ) -> anyhow::Result<()> {
        let began = Instant::now();
        let mut under_way = JoinSet::new();
        for after in times {
            let at = began + *after;
            tokio::time::sleep_until(at).await;
            under_way.spawn(send(target, self.lead()?, at));
        }
        while let Some(answered) = under_way.join_next().await {
            outcome.add(answered?);
        }
        Ok(())
    }

    /// Makes leads ahead of their time.
    fn prepare(&self, leads: usize) -> anyhow::Result<()> {
        let mut made = (0..leads).map(|_| self.make()).collect::<anyhow::Result<Vec<_>>>()?;
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).append(&mut made);
        Ok(())
    }

    fn lead(&self) -> anyhow::Result<Bytes> {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop();
        ready.map_or_else(|| self.make(), Ok)
    }

    fn make(&self) -> anyhow::Result<Bytes> {
        let vertical = self.vertical.as_ref().context("the vertical is not shipped")?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut lead = sample_at(vertical, number, SystemClock.now());
        lead["wait_ms"] = WAIT_MS.into();
        Ok(lead.to_string().into())
    }
}

/// When leads arrive: at random, and so many a second on the whole (a Poisson process).
fn arrivals(rate: u32, lasting: Duration) -> Vec<Duration> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut times = Vec::new();
    let mut at_s = 0.0;
    loop {
        let share: f64 = random.random();
        at_s -= (1.0 - share).ln() / f64::from(rate);
        if at_s >= lasting.as_secs_f64() {
            return times;
        }
        times.push(Duration::from_secs_f64(at_s));
    }
}

/// Sends one lead; gives its latency since `at`, and whether it was sold.
fn send(
    target: &Target,
    lead: Bytes,
    at: Instant,
) -> impl Future<Output = anyhow::Result<(Duration, bool)>> + 'static {
    let mut call = Call::post("/v1/leads", lead);
    if let Some(key) = &target.key {
        call = call.bearing(key);
    }
    let (client, sold) = (Arc::clone(&target.client), Arc::clone(&target.sold));
    async move {
        let answer = client.send(call).await?;
        let latency = at.elapsed();
        ensure!(answer.status == 200, "{}: {:?}", answer.status, answer.body);
        let answer = answer.json();
        let is_sold = answer["disposition"] == "sold";
        if is_sold {
            sold.0.fetch_add(1, Ordering::SeqCst);
            sold.1.fetch_add(money(&answer["payout"])?, Ordering::SeqCst);
        }
        Ok((latency, is_sold))
    }
}
