//! Hostile buyers: every way in which a buyer's server can misbehave, against its ping and its post.
//!
//! Each behaviour has a campaign of its own that only one kind of lead is offered to, beside one
//! healthy buyer that would take every lead for less. So each auction has one hostile bidder, and
//! one that must win whenever the hostile one does not. What may become of each ping and post is
//! written beside the behaviour (PROTOCOL a6, c rows 11 and 12).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use anyhow::ensure;
use clap::Args;
use gavel::demo::stub_buyer::{Reply, Script, StubBuyer};
use gavel::system::SystemClock;
use serde_json::json;

mod behaviour;
mod bodies;
mod certificates;
mod connection;
mod framing;
mod judge;
mod leads;
mod secure;
mod server;

use behaviour::{Behaviour, Role};
use certificates::Certificates;
use judge::Judge;
use leads::{Run, Submitted};
use server::HostileServer;

use super::{Common, Findings};
use crate::exchange::{Exchange, VENDOR};
use crate::process::{peak_resident_bytes, resident_bytes};

/// How much the exchange's memory may grow over the whole run, in bytes.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

/// Rounds before memory and times are measured.
const WARM_UP_ROUNDS: usize = 2;

/// What the proof of hostile buyers is asked.
#[derive(Debug, Clone, Args)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    /// How often each behaviour meets a ping and a post.
    #[arg(long, default_value_t = 10)]
    rounds: usize,
    /// How late an answer may be at the 99th percentile, in milliseconds.
    #[arg(long, default_value_t = 50)]
    late_ms: u64,
    /// How long a ping round is, in milliseconds; the other times follow from it.
    #[arg(long, default_value_t = 400)]
    ping_round_ms: u64,
    /// Only the behaviours whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// Only every so many of them.
    #[arg(long, default_value_t = 1)]
    every: usize,
}

/// The times of the exchange under proof, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// A ping round: the deadline of a lead whose ping is hostile.
    pub ping_round_ms: u64,
}

impl Times {
    /// How long a vendor waits: the deadline of a lead whose post is hostile.
    pub const fn wait_ms(self) -> u64 {
        self.ping_round_ms * 3 / 2
    }

    /// One post; longer than the vendor waits.
    const fn post_ms(self) -> u64 {
        self.ping_round_ms * 9 / 4
    }

    /// One auction: a round, a post that hangs, and time for the next candidate.
    pub const fn auction_ms(self) -> u64 {
        self.ping_round_ms * 6
    }

    /// When an unknown post is final, in seconds.
    const fn unresolved_after_s(self) -> u64 {
        self.auction_ms().div_ceil(1_000) + 1
    }

    /// By when a lead with a hostile endpoint of this role must be answered.
    const fn deadline_ms(self, role: Role) -> u64 {
        match role {
            Role::Ping => self.ping_round_ms,
            Role::Post => self.wait_ms(),
        }
    }
}

/// One behaviour at one endpoint, and the server that shows it.
pub struct Case {
    pub behaviour: Arc<Behaviour>,
    pub role: Role,
    pub server: HostileServer,
    /// What tells its leads from all others.
    pub coverage_amount: usize,
}

impl Case {
    /// The slug of its campaign.
    pub fn campaign(&self) -> String {
        format!("{}-{}", self.role.as_str(), self.behaviour.name)
    }
}

/// The buyers that behave: the healthy one, and the good halves of the hostile ones.
pub struct Good {
    pub healthy: StubBuyer,
    pub partner: StubBuyer,
}

/// Carries the proof out.
pub async fn prove(arguments: Arguments) -> anyhow::Result<Findings> {
    let certificates_folder = tempfile::tempdir()?;
    let certificates = Certificates::make(certificates_folder.path())?;
    let cases = start_cases(&certificates, &arguments).await?;
    ensure!(!cases.is_empty(), "no behaviour has `{}` in its name", arguments.only);
    let times = Times { ping_round_ms: arguments.ping_round_ms };
    let good = Good { healthy: stub("10.00").await?, partner: stub("50.00").await? };
    let gavel = Exchange::start(&settings(&certificates, times)).await?;
    gavel.apply(exchange_files(&cases, &good))?;
    let vendor = gavel.vendor_key()?;

    let mut findings = Findings::default();
    // What is made once, and buffers that fill up once, come with the first rounds; what grows
    // after them is a leak.
    let run = Run { gavel: &gavel, vendor: &vendor, cases: &cases, times };
    let warm_up = run.submit_all(WARM_UP_ROUNDS, arguments.common.seed).await?;
    let before = resident_bytes(gavel.pid())?;
    let mut submitted = run.submit_all(arguments.rounds, !arguments.common.seed).await?;
    let (after, peak) = (resident_bytes(gavel.pid())?, peak_resident_bytes(gavel.pid())?);
    let growth = peak.saturating_sub(before);
    if growth > GROWTH_BYTES_MAX {
        findings.broke(format!("memory grew by {growth} bytes"));
    }
    let timed = submitted.len();
    submitted.extend(warm_up);
    findings.leads = submitted.len() as u64;
    findings.faults =
        cases.iter().map(|case| case.server.counts().connections.load(Ordering::Relaxed)).sum();
    let late = lateness(times, &cases, &submitted[..timed]);
    if late.p99_ms > arguments.late_ms {
        findings.broke(format!("answers were {} ms late at p99", late.p99_ms));
    }
    for (campaign, late_ms) in latest(times, &cases, &submitted[..timed]) {
        eprintln!("latest: {campaign} {late_ms} ms");
    }
    let mut judge = Judge::new(&gavel, &cases, &good, &vendor)?;
    judge.hear(&submitted, &mut findings).await?;
    judge.compare_books(&mut findings).await?;
    tell(&judge.outcomes, arguments.common.json);
    let measured = json!({
        "behaviours": cases.len() / Role::ALL.len(), "late_p50_ms": late.p50_ms,
        "late_p99_ms": late.p99_ms, "late_max_ms": late.max_ms,
        "memory_before_kib": before >> 10, "memory_after_kib": after >> 10,
        "memory_peak_kib": peak >> 10,
    });
    println!("{measured}");
    Ok(findings)
}

async fn start_cases(
    certificates: &Certificates,
    arguments: &Arguments,
) -> anyhow::Result<Vec<Case>> {
    let all = [
        connection::behaviours(),
        framing::behaviours(),
        bodies::behaviours(),
        secure::behaviours(),
    ];
    let named = |behaviour: &Behaviour| behaviour.name.contains(&arguments.only);
    let mut cases = Vec::new();
    for behaviour in all.into_iter().flatten().filter(named).step_by(arguments.every.max(1)) {
        let behaviour = Arc::new(behaviour);
        for role in Role::ALL {
            let script = (behaviour.script)(role);
            let server = HostileServer::start(behaviour.transport, script, certificates).await?;
            let behaviour = Arc::clone(&behaviour);
            let coverage_amount = 1_000 + cases.len();
            cases.push(Case { behaviour, role, server, coverage_amount });
        }
    }
    Ok(cases)
}

async fn stub(price: &str) -> anyhow::Result<StubBuyer> {
    let listen = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let script = Script::always(Reply::bid(price));
    Ok(StubBuyer::start(listen, script, Arc::new(SystemClock)).await?)
}

/// Short times, no kept connections, and breakers that never open: every behaviour is to be met
/// from its beginning every time.
fn settings(certificates: &Certificates, times: Times) -> Vec<(&'static str, String)> {
    let never = u32::MAX.to_string();
    let authority_file = certificates.authority_file().display().to_string();
    vec![
        ("wire.extra_ca_file", authority_file),
        ("wire.idle_timeout_ms", "1".to_owned()),
        ("limits.ping_round_ms", times.ping_round_ms.to_string()),
        ("limits.late_reply_ms", "200".to_owned()),
        ("limits.post_ms", times.post_ms().to_string()),
        ("limits.auction_ms", times.auction_ms().to_string()),
        ("limits.unresolved_after_s", times.unresolved_after_s().to_string()),
        ("limits.breaker_ping_sample_min", never.clone()),
        ("limits.breaker_post_sample_min", never),
    ]
}

fn exchange_files(cases: &[Case], good: &Good) -> Vec<(String, String)> {
    let mut hostile = "name = \"Hostile\"\n".to_owned();
    for case in cases {
        let (ping, post) = match case.role {
            Role::Ping => (case.server.url(), good.partner.url("post")),
            Role::Post => (good.partner.url("ping"), case.server.url()),
        };
        hostile += &format!(
            "[[campaign]]\nid = \"{}\"\nvertical = \"final_expense\"\nping_url = \"{ping}\"\n\
             post_url = \"{post}\"\nprice = {{ bid = {{}} }}\npost_semantics = \"idempotent\"\n\
             filter = {{ field = \"coverage_amount\", eq = {} }}\n",
            case.campaign(),
            case.coverage_amount,
        );
    }
    let healthy = format!(
        "name = \"Healthy\"\n[[campaign]]\nid = \"healthy\"\nvertical = \"final_expense\"\n\
         ping_url = \"{}\"\npost_url = \"{}\"\nprice = {{ bid = {{}} }}\n",
        good.healthy.url("ping"),
        good.healthy.url("post"),
    );
    vec![
        (format!("vendors/{VENDOR}.toml"), "name = \"Load\"\n".to_owned()),
        ("buyers/healthy.toml".to_owned(), healthy),
        ("buyers/hostile.toml".to_owned(), hostile),
    ]
}

/// How late answers were.
struct Lateness {
    p50_ms: u64,
    p99_ms: u64,
    max_ms: u64,
}

fn lateness(times: Times, cases: &[Case], submitted: &[Submitted]) -> Lateness {
    let late = |lead: &Submitted| {
        lead.answered_ms.saturating_sub(times.deadline_ms(cases[lead.case].role))
    };
    let mut all: Vec<u64> = submitted.iter().map(late).collect();
    all.sort_unstable();
    let at = |percent: usize| {
        let index = (all.len() * percent).div_ceil(100).saturating_sub(1);
        all.get(index).copied().unwrap_or(0)
    };
    Lateness { p50_ms: at(50), p99_ms: at(99), max_ms: at(100) }
}

/// How many of the latest answers are told.
const LATEST: usize = 20;

/// The latest answers, the worst first.
fn latest(times: Times, cases: &[Case], submitted: &[Submitted]) -> Vec<(String, u64)> {
    let late = |lead: &Submitted| {
        let case = &cases[lead.case];
        (lead.answered_ms.saturating_sub(times.deadline_ms(case.role)), case.campaign())
    };
    let mut all: Vec<(u64, String)> = submitted.iter().map(late).collect();
    all.sort_unstable_by(|one, other| other.cmp(one));
    all.into_iter().take(LATEST).map(|(late_ms, campaign)| (campaign, late_ms)).collect()
}

/// Says what became of the pings and posts of each behaviour.
fn tell(outcomes: &BTreeMap<String, BTreeMap<String, u64>>, is_json: bool) {
    for (campaign, outcomes) in outcomes {
        if is_json {
            println!("{}", json!({"campaign": campaign, "outcomes": outcomes}));
        } else {
            let counts: Vec<String> =
                outcomes.iter().map(|(outcome, count)| format!("{outcome} x{count}")).collect();
            println!("{campaign:<48} {}", counts.join(", "));
        }
    }
}
