//! A server whose clock is an hour off, and a buyer that refuses what was not signed just now.
//!
//! Before the ping it has no bids; between ping and post its posts are refused. Either way the vendor is
//! told so at once, nobody gets a lead, and all is well again with the clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future;
use gavel::demo::stub_buyer::{Reply, Script, StubBuyer};
use gavel::signing::Tolerance;
use gavel::system::SystemClock;

use super::Arguments;
use super::stage::Stage;
use crate::exchange::Campaign;
use crate::prove::Findings;
use crate::prove::vendor::Vendor;

const HOUR_MS: i64 = 3_600_000;
/// How long the buyer thinks over a ping, and when meanwhile the clock is stepped, in milliseconds.
const THINKS_MS: u64 = 1_000;
const STEPPED_AFTER: Duration = Duration::from_millis(150);

pub async fn prove(asked: &Arguments, findings: &mut Findings) -> anyhow::Result<()> {
    let leads = asked.refused;
    let stage = Stage::start(1, Vec::new()).await?;
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let script = Script::always(Reply::bid("25.00").after_ms(THINKS_MS));
    let stub = StubBuyer::start(listen, script, Arc::new(SystemClock)).await?;
    let campaign = Campaign::new("punctual", format!("http://{}", stub.address()));
    let secrets = stage.exchange.enroll(std::slice::from_ref(&campaign), "")?;
    Stage::expect_signatures(&stub, &secrets, &campaign)?;
    stub.refuse_beyond(Tolerance::default());
    let vendor = Vendor::insisting(&stage.exchange).await?;
    let late_ms = asked.late_ms;
    let proof = Proof { stage: &stage, stub: &stub, vendor: &vendor, late_ms };

    let none = Ending { disposition: "unsold", reason: "no_bid" };
    let refused = Ending { disposition: "unsold", reason: "all_posts_rejected" };
    let sold = Ending { disposition: "sold", reason: "" };
    for (round, off_ms) in [HOUR_MS, -HOUR_MS].into_iter().enumerate() {
        stage.clocks.set_first(off_ms)?;
        let name = |kind: &str| format!("{kind}-{round}");
        findings.faults += 2;
        proof.offer(&name("before"), leads, &none, findings).await?;
        stage.clocks.set_first(0)?;
        let step = async {
            tokio::time::sleep(STEPPED_AFTER).await;
            stage.clocks.set_first(off_ms)
        };
        let between = name("between");
        let offered = proof.offer(&between, leads, &refused, findings);
        future::try_join(offered, step).await?;
        stage.clocks.set_first(0)?;
        proof.offer(&name("after"), leads, &sold, findings).await?;
    }
    let taken = stub.taken().len();
    if taken != 2 * leads || stub.stale() == 0 {
        findings.broke(format!("the buyer has {taken} leads; it refused {}", stub.stale()));
    }
    Ok(())
}

/// What the vendor must be told.
struct Ending {
    disposition: &'static str,
    reason: &'static str,
}

struct Proof<'a> {
    stage: &'a Stage,
    stub: &'a StubBuyer,
    vendor: &'a Vendor<'a>,
    late_ms: u64,
}

impl Proof<'_> {
    /// Offers so many leads at once, all of which must end so.
    async fn offer(
        &self,
        name: &str,
        leads: usize,
        ending: &Ending,
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let before = self.stub.taken().len();
        let selling = (0..leads).map(async |number| {
            let body = self.stage.body(number)?;
            self.vendor.sell(&format!("{name}-{number}"), &body).await
        });
        let told = future::try_join_all(selling).await?;
        findings.leads += told.len() as u64;
        for told in &told {
            super::in_time(told, self.late_ms, findings);
            let last = told.last.json();
            let is_right = last["disposition"] == ending.disposition
                && last["reason"].as_str().unwrap_or_default() == ending.reason;
            if !is_right || told.again.body != told.last.body {
                findings.contradictions += 1;
                findings.broke(format!("{name}: {:?}, {:?}", told.last.body, told.again.body));
            }
        }
        let taken = self.stub.taken().len() - before;
        let expected = if ending.disposition == "sold" { leads } else { 0 };
        if taken != expected {
            findings.sold_twice += u64::from(taken > expected);
            findings.broke(format!("{name}: the buyer took {taken}, not {expected}"));
        }
        Ok(())
    }
}
