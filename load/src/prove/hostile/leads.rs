//! Submits the leads of a run, many at a time, and notes what the vendor was told and when.

use std::time::Duration;

use anyhow::ensure;
use futures::stream::{self, StreamExt, TryStreamExt};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::behaviour::Role;
use super::{Case, Times};
use crate::client::{Answer, Call};
use crate::exchange::Exchange;

/// Leads under way at once.
const LEADS_AT_ONCE: usize = 16;
/// How long any answer may take at all.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// A lead that was submitted.
pub struct Submitted {
    /// Which case it was for.
    pub case: usize,
    /// Its id.
    pub lead_id: String,
    /// What the vendor was told at first.
    pub first: Answer,
    /// How long that took, in milliseconds.
    pub answered_ms: u64,
}

/// Leads of one vendor for one exchange.
pub struct Run<'a> {
    pub gavel: &'a Exchange,
    pub vendor: &'a str,
    pub cases: &'a [Case],
    pub times: Times,
}

impl Run<'_> {
    /// Submits one lead per case and round, in an order that follows from the seed.
    pub async fn submit_all(&self, rounds: usize, seed: u64) -> anyhow::Result<Vec<Submitted>> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut order: Vec<usize> = (0..rounds).flat_map(|_| 0..self.cases.len()).collect();
        order.shuffle(&mut random);
        let leads = order.into_iter().enumerate();
        let submit = |(number, case)| self.submit(case, format!("{seed}.{number}"), number);
        stream::iter(leads.map(submit)).buffer_unordered(LEADS_AT_ONCE).try_collect().await
    }

    async fn submit(&self, case: usize, name: String, number: usize) -> anyhow::Result<Submitted> {
        let body = lead(&self.cases[case], self.times, &name, number).to_string();
        let call = Call::post("/v1/leads", body.into()).bearing(self.vendor);
        let began = Instant::now();
        let asked = self.gavel.call(call);
        let first = tokio::time::timeout(ANSWER_TIME_MAX, asked).await??;
        let answered_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let lead_id = first.json()["lead_id"].as_str().unwrap_or_default().to_owned();
        let told = String::from_utf8_lossy(&first.body).into_owned();
        let campaign = self.cases[case].campaign();
        ensure!(!lead_id.is_empty(), "{campaign}: {} {told}", first.status);
        Ok(Submitted { case, lead_id, first, answered_ms })
    }
}

/// A lead that only this case's campaign and the healthy one want.
fn lead(case: &Case, times: Times, name: &str, number: usize) -> Json {
    // With a hostile ping it is the auction that must end in time, not the waiting.
    let wait_ms = match case.role {
        Role::Ping => times.auction_ms(),
        Role::Post => times.wait_ms(),
    };
    json!({
        "vertical": "final_expense",
        "lead": {
            "first_name": "Grace", "last_name": "Testington",
            "phone": format!("+1214653{:04}", number % 10_000),
            "email": format!("grace{name}@mail.example"),
            "state": "TX", "zip": "75201", "date_of_birth": "1957-03-02", "gender": "female",
            "tobacco": false, "coverage_amount": case.coverage_amount
        },
        "consent": {
            "text": "I agree to be called about final expense insurance.",
            "given_at": "2026-11-23T14:00:00Z", "ip": "198.51.100.77",
            "page_url": "https://forms.example/final-expense"
        },
        "wait_ms": wait_ms
    })
}
