//! A vendor as it ought to be: submits each lead under a key of its own, asks until the answer is
//! final, and submits it once more at the end. One that insists sends the same again, to another
//! server, where one does not answer or asks it to come back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, future, stream};
use gavel::domain::slug::VerticalId;
use gavel::intake::sample::sample_at;
use gavel::ports::Clock;
use gavel::registry::compile::shipped_verticals;
use gavel::system::SystemClock;
use tokio::time::{Instant, timeout};

use crate::client::{Answer, Call};
use crate::exchange::Exchange;

/// How long a lead may take to be settled.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long one answer may take before whoever insists asks again.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// Pause between two looks at a pending lead.
const PAUSE: Duration = Duration::from_millis(250);
/// Pause before the same is sent again.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A lead, and all that its vendor was told.
#[derive(Debug, Clone)]
pub struct Told {
    pub lead_id: String,
    pub first: Answer,
    /// How long that took, from the request that was answered.
    pub first_after: Duration,
    pub last: Answer,
    /// The answer to the same request sent again at the end.
    pub again: Answer,
}

/// The vendor of an exchange.
pub struct Vendor<'a> {
    key: String,
    exchange: &'a Exchange,
    insists: bool,
    turn: AtomicUsize,
    retries: AtomicUsize,
    sold: AtomicUsize,
}

impl<'a> Vendor<'a> {
    /// A vendor for which everything but an answer is a failure.
    pub fn strict(exchange: &'a Exchange) -> anyhow::Result<Self> {
        let key = exchange.vendor_key()?;
        let [turn, retries, sold] = [0; 3].map(AtomicUsize::new);
        Ok(Self { key, exchange, insists: false, turn, retries, sold })
    }

    /// A vendor that takes its requests to the servers in turn, and sends again what is not answered
    /// or answered with 503. From here on all servers know its key.
    pub async fn insisting(exchange: &'a Exchange) -> anyhow::Result<Self> {
        let vendor = Self { insists: true, ..Self::strict(exchange)? };
        exchange.await_registry().await?;
        Ok(vendor)
    }

    /// How often something was sent again.
    pub fn retries(&self) -> usize {
        self.retries.load(Ordering::Relaxed)
    }

    /// How many leads were sold, or ended otherwise.
    pub fn sold(&self) -> usize {
        self.sold.load(Ordering::Relaxed)
    }

    /// The request that submits `body` under the idempotency key `name`.
    pub fn submission(&self, name: &str, body: &Bytes) -> Call {
        Call::post("/v1/leads", body.clone()).bearing(&self.key).with("idempotency-key", name)
    }

    /// Sells a lead under the idempotency key `name`.
    pub async fn sell(&self, name: &str, body: &Bytes) -> anyhow::Result<Told> {
        let submit = || self.submission(name, body);
        let (first, first_after) = self.call_timed(submit()).await?;
        let lead_id = first.json()["lead_id"].as_str().unwrap_or_default().to_owned();
        ensure!(matches!(first.status, 200 | 202), "{}: {:?}", first.status, first.body);
        let give_up_at = Instant::now() + PATIENCE;
        let ask = || Call::get(&format!("/v1/leads/{lead_id}")).bearing(&self.key);
        let mut last = self.call(ask()).await?;
        while last.json()["disposition"] == "pending" {
            if Instant::now() > give_up_at {
                bail!("{lead_id} is pending for ever");
            }
            tokio::time::sleep(PAUSE).await;
            last = self.call(ask()).await?;
        }
        let again = self.call(submit()).await?;
        self.sold.fetch_add(1, Ordering::Relaxed);
        Ok(Told { lead_id, first, first_after, last, again })
    }

    /// Sells leads, `at_once` at a time, as long as `goes_on` says so; their keys begin with `name`.
    pub async fn sell_while(
        &self,
        name: &str,
        at_once: usize,
        goes_on: impl Fn() -> bool,
    ) -> anyhow::Result<Vec<Told>> {
        stream::iter(0..)
            .take_while(|_| future::ready(goes_on()))
            .map(|number: usize| async move {
                let told = self.sell(&format!("{name}-{number}"), &lead(number)?).await;
                told.with_context(|| format!("lead {number}"))
            })
            .buffer_unordered(at_once)
            .try_collect()
            .await
            .map_err(|error: anyhow::Error| error.context(self.exchange.log()))
    }

    /// Sends a request as this vendor does.
    pub async fn call(&self, call: Call) -> anyhow::Result<Answer> {
        Ok(self.call_timed(call).await?.0)
    }

    async fn call_timed(&self, call: Call) -> anyhow::Result<(Answer, Duration)> {
        if !self.insists {
            let asked_at = Instant::now();
            return Ok((self.exchange.call(call).await?, asked_at.elapsed()));
        }
        let give_up_at = Instant::now() + PATIENCE;
        loop {
            let nodes = self.exchange.nodes();
            let node = &nodes[self.turn.fetch_add(1, Ordering::Relaxed) % nodes.len()];
            let asked_at = Instant::now();
            let why = match timeout(ANSWER_WITHIN, node.call(call.clone())).await {
                // 408: the server did not get the request in time, as when it was frozen.
                Ok(Ok(answer)) if !matches!(answer.status, 408 | 503) => {
                    return Ok((answer, asked_at.elapsed()));
                }
                Ok(Ok(answer)) => format!("{} {:?}", answer.status, answer.body),
                Ok(Err(error)) => format!("{error:#}"),
                Err(_) => "no answer in time".to_owned(),
            };
            ensure!(Instant::now() < give_up_at, "{} {}: {why}", call.method, call.path);
            self.retries.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

/// The body of a made-up lead; another for each number.
pub fn lead(number: usize) -> anyhow::Result<Bytes> {
    let vertical = VerticalId::parse("final_expense")?;
    let shipped = shipped_verticals();
    let vertical = shipped.get(&vertical).context("the vertical is not shipped")?;
    Ok(sample_at(vertical, number as u64, SystemClock.now()).to_string().into())
}
