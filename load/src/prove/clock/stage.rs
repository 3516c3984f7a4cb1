//! An exchange whose servers read clocks that can be stepped, and what is played on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::Context;
use bytes::Bytes;
use gavel::demo::stub_buyer::StubBuyer;
use gavel::demo::temper::{Delay, Temper};
use gavel::domain::slug::VerticalId;
use gavel::intake::sample::sample_at;
use gavel::ports::Clock;
use gavel::registry::compile::shipped_verticals;
use gavel::signing::{SigningKeys, SigningSecret, Tolerance};
use gavel::system::SystemClock;
use gavel::system::stepped::CLOCK_FILE;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;

use super::WAIT_MS;
use crate::exchange::{Campaign, Exchange};
use crate::prove::crowd::Crowd;
use crate::prove::{MEMORY, breakers_that_never_open};

/// How long a ping round, a post and an auction may take, in milliseconds.
const PING_ROUND_MS: u64 = 1_800;
const POST_MS: u64 = 1_500;
const AUCTION_MS: u64 = 60_000;
/// How buyers are met: one ping in ten is never answered, so that rounds run to their end.
const TEMPER: Temper = Temper { silences: 100, ..Temper::steady(Delay::Uniform(1, 120), 20, 20) };
/// How far back consent was given: a clock that is behind must not find it in the future.
const CONSENTED_BEFORE: SignedDuration = SignedDuration::from_hours(72);

/// The clocks of an exchange's servers.
pub struct Clocks {
    folder: TempDir,
    first: AtomicI64,
}

impl Clocks {
    fn new() -> anyhow::Result<Self> {
        // In memory, where there is some: a disk under load would hold the clock up.
        let folder = match Path::new(MEMORY).is_dir() {
            true => TempDir::new_in(MEMORY)?,
            false => TempDir::new()?,
        };
        Ok(Self { folder, first: AtomicI64::new(0) })
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("first")
    }

    /// How far the first server's clock is off, in milliseconds.
    pub fn first(&self) -> i64 {
        self.first.load(Ordering::Relaxed)
    }

    /// Sets the first server's clock so far off.
    pub fn set_first(&self, off_ms: i64) -> anyhow::Result<()> {
        // Under another name first: nobody must read half of it.
        let new = self.folder.path().join("new");
        fs::write(&new, off_ms.to_string())?;
        fs::rename(new, self.file())?;
        self.first.store(off_ms, Ordering::Relaxed);
        Ok(())
    }
}

/// An exchange, and its servers' clocks.
pub struct Stage {
    // Before the clocks, which must outlive its servers.
    pub exchange: Exchange,
    pub clocks: Arc<Clocks>,
    began: Timestamp,
}

impl Stage {
    /// Starts so many servers, the first of them with a clock that can be stepped.
    pub async fn start(
        nodes: usize,
        mut settings: Vec<(&'static str, String)>,
    ) -> anyhow::Result<Self> {
        settings.extend([
            ("limits.wait_ms_default", WAIT_MS.to_string()),
            ("limits.ping_round_ms", PING_ROUND_MS.to_string()),
            ("limits.post_ms", POST_MS.to_string()),
            ("limits.auction_ms", AUCTION_MS.to_string()),
        ]);
        settings.extend(breakers_that_never_open());
        let exchange = Exchange::start_nodes(nodes, &settings).await?;
        let clocks = Arc::new(Clocks::new()?);
        let first = &exchange.nodes()[0];
        first.kill();
        first.spawn_with(&[(CLOCK_FILE.to_owned(), clocks.file().display().to_string())])?;
        first.ready().await?;
        Ok(Self { exchange, clocks, began: SystemClock.now() })
    }

    /// Buyers that take every lead, whenever it was signed.
    pub async fn tolerant_crowd(&self) -> anyhow::Result<Crowd> {
        let ever = Tolerance { past_s: i64::MAX, future_s: i64::MAX };
        Crowd::of_temper(&self.exchange, TEMPER, Some(ever)).await
    }

    /// The body of a made-up lead; always the same for the same number.
    pub fn body(&self, number: usize) -> anyhow::Result<Bytes> {
        let vertical = VerticalId::parse("final_expense")?;
        let shipped = shipped_verticals();
        let vertical = shipped.get(&vertical).context("the vertical is not shipped")?;
        let consented = self.began - CONSENTED_BEFORE;
        Ok(sample_at(vertical, number as u64, consented).to_string().into())
    }

    /// Has this buyer expect signatures.
    pub fn expect_signatures(
        stub: &StubBuyer,
        secrets: &std::collections::BTreeMap<String, String>,
        campaign: &Campaign,
    ) -> anyhow::Result<()> {
        let secret = secrets.get(&format!("{}-fe", campaign.id)).context("no secret was made")?;
        stub.expect_signatures(SigningKeys::of(&SigningSecret::parse(secret)?));
        Ok(())
    }
}
