//! A cap of so many leads a day, and a clock that is stepped over midnight and back.
//!
//! The day is that of the clock, in the buyer's zone. Each day has its leads once, however often the
//! clock comes back to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use futures::future;
use gavel::demo::stub_buyer::{Reply, Script, StubBuyer};
use gavel::signing::Tolerance;
use gavel::system::SystemClock;
use jiff::tz::TimeZone;
use jiff::{ToSpan, Unit};
use tokio::time::Instant;

use super::stage::Stage;
use crate::exchange::{Campaign, money};
use crate::prove::Findings;
use crate::prove::compare::check_answers;
use crate::prove::vendor::Vendor;

/// Leads a day, and how many are offered each time.
const CAP: usize = 5;
const OFFERED: usize = 12;
const ZONE: &str = "America/Chicago";
const ACCOUNT: &str = "time_zone = \"America/Chicago\"";
const TERMS: &str = "caps = [{ per = \"day\", leads = 5 }]";
/// Within what time room that a new day brings must be seen, and the pause between two looks.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(200);
/// After what time whoever has room has been seen to have it.
const LOOKED_AT_WITHIN: Duration = Duration::from_millis(1_500);
/// How far from midnight the clock is set, in milliseconds.
const AROUND_MS: i64 = 60_000;

pub async fn prove(late_ms: u64, findings: &mut Findings) -> anyhow::Result<()> {
    let stage = Stage::start(1, Vec::new()).await?;
    let (mut stubs, mut campaigns) = (Vec::new(), Vec::new());
    for (id, price, account, terms) in
        [("daily", "50.00", ACCOUNT, TERMS), ("open", "10.00", "", "")]
    {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let script = Script::always(Reply::bid(price));
        let stub = StubBuyer::start(listen, script, Arc::new(SystemClock)).await?;
        let base_url = format!("http://{}", stub.address());
        campaigns.push(Campaign { account, terms, ..Campaign::new(id, base_url) });
        stubs.push(stub);
    }
    let secrets = stage.exchange.enroll(&campaigns, "")?;
    for (stub, campaign) in stubs.iter().zip(&campaigns) {
        Stage::expect_signatures(stub, &secrets, campaign)?;
        stub.refuse_beyond(Tolerance { past_s: i64::MAX, future_s: i64::MAX });
    }
    let vendor = Vendor::insisting(&stage.exchange).await?;

    // Which day, on which side of its end, and how many leads that buyer has then in all.
    let visits = [(0, -1, 1), (0, 1, 2), (0, -1, 2), (0, 1, 2), (1, 1, 3), (0, -1, 3), (1, 1, 3)];
    let proof = Proof { stage: &stage, vendor: &vendor, stubs: &stubs, late_ms };
    let mut offered = 0;
    for (visit, (days, side, caps)) in visits.into_iter().enumerate() {
        stage.clocks.set_first(to_midnight_ms(days)? + side * AROUND_MS)?;
        findings.faults += 1;
        // Who was full is looked at again every second.
        let give_up_at = Instant::now() + PATIENCE;
        while proof.stubs[0].taken().len() < caps * CAP && Instant::now() < give_up_at {
            proof.offer(&mut offered, findings).await?;
            tokio::time::sleep(PAUSE).await;
        }
        tokio::time::sleep(LOOKED_AT_WITHIN).await;
        proof.offer(&mut offered, findings).await?;
        let has = [stubs[0].taken().len(), stubs[1].taken().len()];
        if has != [caps * CAP, offered - caps * CAP] {
            findings.sold_twice += u64::from(has[0] > caps * CAP);
            findings
                .broke(format!("visit {visit}: {has:?} leads, of {offered}; {caps} days' caps"));
        }
    }
    stage.clocks.set_first(0)?;
    findings.leads += offered as u64;
    let price = money(&"50.00".into())?;
    let posted = stage.exchange.settled("daily").await?;
    if posted != price * i64::try_from(3 * CAP)? {
        findings.contradictions += 1;
        findings.broke(format!("daily was debited {posted}"));
    }
    Ok(())
}

struct Proof<'a> {
    stage: &'a Stage,
    vendor: &'a Vendor<'a>,
    stubs: &'a [StubBuyer],
    late_ms: u64,
}

impl Proof<'_> {
    /// Offers some leads at once, all of which somebody must buy.
    async fn offer(&self, offered: &mut usize, findings: &mut Findings) -> anyhow::Result<()> {
        let selling = (0..OFFERED).map(async |number| {
            let number = *offered + number;
            self.vendor.sell(&format!("day-{number}"), &self.stage.body(number)?).await
        });
        for told in future::try_join_all(selling).await? {
            super::in_time(&told, self.late_ms, findings);
            check_answers(&told, findings);
        }
        *offered += OFFERED;
        Ok(())
    }
}

/// How long it is to the end of this day in the buyer's zone, or of a later one, in milliseconds.
fn to_midnight_ms(days: i64) -> anyhow::Result<i64> {
    use gavel::ports::Clock;
    let now = SystemClock.now();
    let zone = TimeZone::get(ZONE).context("the zone is not known")?;
    let midnight = now.to_zoned_datetime(zone).checked_add((days + 1).days())?.start_of_day()?;
    Ok(now.until((Unit::Millisecond, midnight.timestamp()))?.get_milliseconds())
}
