//! The demo's run: sample leads go in over HTTP as a vendor would send them, and each auction is
//! shown when it is over.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::cast::{Cast, VENDOR, VERTICALS};
use super::summary::{Disagreement, Summary};
use crate::domain::money::Money;
use crate::domain::record::AuctionRecord;
use crate::domain::slug::VerticalId;
use crate::flow::Exchange;
use crate::intake::sample::sample_at;
use crate::ports::Records;

/// Leads under way at once.
const LEADS_AT_ONCE: usize = 32;
/// How long the vendor waits in one request, in milliseconds.
const WAIT_MS: u64 = 20_000;
/// How long the run waits for one lead, or for the books, in all.
const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at a pending lead or at the books.
const POLL_PAUSE: Duration = Duration::from_millis(50);

/// Why the demo broke off.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// A request could not be made.
    #[error("the exchange could not be asked: {0}")]
    Http(#[from] reqwest::Error),
    /// The exchange did not take a sample lead.
    #[error("the exchange answered {status} to a sample lead: {body}")]
    Refused {
        /// The status.
        status: u16,
        /// The body.
        body: String,
    },
    /// An auction has no decision record.
    #[error("there is no record of {0}")]
    Unrecorded(String),
    /// Nothing could be written to the terminal.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// How a run is shown.
#[derive(Debug, Clone, Copy)]
pub struct PlayOptions {
    /// How many leads are sold.
    pub leads: usize,
    /// One JSON object a line instead of pictures.
    pub is_json: bool,
}

/// Draws one auction for a terminal.
pub type Draw = fn(&AuctionRecord) -> String;

/// What a run needs at hand.
pub struct Stage<'a> {
    /// The exchange.
    pub exchange: &'a Arc<Exchange>,
    /// Its records.
    pub records: &'a dyn Records,
    /// Where it listens.
    pub http_address: SocketAddr,
    /// The vendor's key.
    pub vendor_key: String,
    /// The buyers.
    pub cast: &'a Cast,
    /// How an auction is drawn.
    pub draw: Draw,
}

impl Stage<'_> {
    /// Sells `options.leads` leads, shows each, and adds up.
    ///
    /// # Errors
    /// [`PlayError`] when the run breaks off; disagreements in the books are not errors but the
    /// second part of the result.
    pub async fn play(
        &self,
        options: PlayOptions,
        out: &mut (dyn Write + Send),
    ) -> Result<(Summary, Vec<Disagreement>), PlayError> {
        let began = Instant::now();
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let mut records = Vec::with_capacity(options.leads);
        let mut auctions = stream::iter(0..options.leads)
            .map(|index| self.sell(&client, index))
            .buffer_unordered(LEADS_AT_ONCE);
        while let Some(record) = auctions.next().await {
            let record = record?;
            if options.is_json {
                serde_json::to_writer(&mut *out, &record).map_err(std::io::Error::from)?;
                writeln!(out)?;
            } else {
                writeln!(out, "{}", (self.draw)(&record))?;
            }
            records.push(record);
        }
        drop(auctions);
        self.await_books(&records).await;
        let book = self.records.book_totals().await.unwrap_or_default();
        let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let summary = Summary::of(&records, book, self.cast, elapsed_ms);
        let disagreements = summary.disagreements(self.cast);
        Ok((summary, disagreements))
    }

    /// Submits one sample lead, waits for its end and reads its decision record.
    async fn sell(
        &self,
        client: &reqwest::Client,
        index: usize,
    ) -> Result<AuctionRecord, PlayError> {
        let mut body = self.sample(index);
        body["wait_ms"] = json!(WAIT_MS);
        let url = format!("http://{}/v1/leads", self.http_address);
        let request = client.post(url).bearer_auth(&self.vendor_key).json(&body);
        let mut answer = read(request.send().await?).await?;
        let lead_id = answer["lead_id"].as_str().unwrap_or_default().to_owned();
        let url = format!("http://{}/v1/leads/{lead_id}", self.http_address);
        let give_up_at = Instant::now() + PATIENCE;
        while answer["disposition"] == "pending" && Instant::now() < give_up_at {
            tokio::time::sleep(POLL_PAUSE).await;
            answer = read(client.get(&url).bearer_auth(&self.vendor_key).send().await?).await?;
        }
        let record = self.exchange.auction(None, &lead_id).await.ok().flatten();
        record.ok_or(PlayError::Unrecorded(lead_id))
    }

    /// A plausible lead; the same index gives the same consumer.
    fn sample(&self, index: usize) -> Json {
        let vertical = VERTICALS[index % VERTICALS.len()];
        let snapshot = self.exchange.snapshot();
        let compiled = VerticalId::parse(vertical)
            .ok()
            .and_then(|vertical| snapshot.verticals.get(&vertical).cloned());
        let now = self.exchange.clock().now();
        compiled.map_or(Json::Null, |vertical| sample_at(&vertical, index as u64, now))
    }

    /// Waits until the book has settled every sale of this run.
    async fn await_books(&self, records: &[AuctionRecord]) {
        let seats = || records.iter().flat_map(|record| &record.money);
        let sold: i64 = seats().map(|seat| seat.price.ten_thousandths()).sum();
        let paid: i64 = seats().map(|seat| seat.payout.ten_thousandths()).sum();
        let give_up_at = Instant::now() + PATIENCE;
        while Instant::now() < give_up_at {
            let book = self.records.book_totals().await.unwrap_or_default();
            if book.buyer_debits >= sold && book.vendor_payouts >= paid {
                return;
            }
            tokio::time::sleep(POLL_PAUSE).await;
        }
    }

    /// The command that submits a lead of one's own.
    #[must_use]
    pub fn curl_line(&self) -> String {
        let mut body = self.sample(0);
        body["wait_ms"] = json!(WAIT_MS);
        format!(
            "curl -sS http://{}/v1/leads -H 'Authorization: Bearer {}' \\\n  \
             -H 'Content-Type: application/json' -d '{}'",
            self.http_address,
            self.vendor_key,
            body.to_string().replace('\'', "'\\''")
        )
    }
}

async fn read(reply: reqwest::Response) -> Result<Json, PlayError> {
    let status = reply.status().as_u16();
    let body = reply.text().await?;
    match serde_json::from_str(&body) {
        Ok(answer) if (200..300).contains(&status) => Ok(answer),
        _ => Err(PlayError::Refused { status, body }),
    }
}

impl Summary {
    /// The summary for a person.
    #[must_use]
    pub fn text(&self, disagreements: &[Disagreement]) -> String {
        let row = |name: &str, amount: Money| format!("  {name:<16}{amount:>12}\n");
        let mut text = format!(
            "{VENDOR} submitted {} leads in {} ms: {} sold, {} unsold, {} refused, {} pending\n",
            self.leads, self.elapsed_ms, self.sold, self.unsold, self.refused, self.pending
        );
        text.push_str(&row("buyer debits", self.buyer_debits));
        text.push_str(&row("sold prices", self.sold_prices));
        text.push_str(&row("vendor payouts", self.vendor_payouts));
        text.push_str(&row("margin", self.margin));
        text.push_str(&format!("  {:<16}{:>12}\n", "sold twice", self.sold_twice));
        if disagreements.is_empty() {
            text.push_str("Debits = prices = payouts + margin, and the buyers count the same.\n");
        }
        for disagreement in disagreements {
            text.push_str(&format!("THE BOOKS DISAGREE: {disagreement}\n"));
        }
        text
    }
}
