//! The benchmark: the exchange beside the floor, measured in turns on the same machine with the same
//! buyers, leads and rate, so that what is told are ratios.
//!
//! Server, buyers and driver are processes of their own; processor time and memory are the server's,
//! as the kernel counts them. Arrivals are open-loop: a lead is sent when its time has come, whatever
//! became of those before it, and its latency counts from that time.

mod drive;
mod figures;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::ensure;

use crate::backends::Backends;
use crate::exchange::{Campaign, Exchange};
use crate::process::{self, Speaker};
use crate::stubs::{Order, Stubs};
use drive::{Driver, Load, Target};
use figures::{Figures, Report, Round};

/// The first buyer answers pings after so long, in milliseconds, the last after [`PING_HIGH_MS`].
const PING_LOW_MS: u64 = 5;
/// What every auction has to wait for.
const PING_HIGH_MS: u64 = 50;
/// How long buyers think while memory is measured, in milliseconds: all auctions are under way then.
const PING_MEMORY_MS: u64 = 1_500;
/// Auctions in flight while memory is measured: each buyer has one connection for each.
const MEMORY_AUCTIONS: usize = 150;
/// How many leads are on their way at once while capacity is measured.
const CAPACITY_LEADS: usize = 64;

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    /// Buyers, each with one campaign that wants every lead
    #[arg(long, default_value_t = 20)]
    buyers: usize,
    /// Leads a second while latency is measured
    #[arg(long, default_value_t = 60)]
    rate: u32,
    /// Seconds of each measurement
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Rounds; each measures the exchange and the floor
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Of a thousand pings of the last, rough phase: how many go unanswered, fail, or are garbled
    #[arg(long, default_value_t = 20)]
    faults: u32,
    /// Where the exchange keeps auctions in flight and its records
    #[arg(long, value_enum, default_value_t = Kept::Embedded)]
    store: Kept,
    /// Only a line of JSON at the end
    #[arg(long)]
    json: bool,
}

/// Where the exchange keeps what must last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Kept {
    /// In its own files.
    Embedded,
    /// In a Redis and a Postgres of their own, whose processor time and memory are not counted.
    Redis,
}

impl Kept {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Redis => "redis",
        }
    }
}

/// The two programs, and what they are measured with.
struct Bench {
    arguments: Arguments,
    stubs: Stubs,
    exchange: Exchange,
    // After the server that uses them.
    _backends: Option<Backends>,
    floor: Speaker,
    driver: Driver,
    gavel: Target,
    bare: Target,
}

pub async fn run(arguments: Arguments) -> anyhow::Result<bool> {
    let is_json = arguments.json;
    let mut bench = Bench::start(arguments).await?;
    bench.warm_up().await?;
    let mut rounds = Vec::new();
    for number in 1..=bench.arguments.rounds {
        // Who comes first changes, so that neither always finds the machine warmer.
        let order = if number % 2 == 1 { [true, false] } else { [false, true] };
        let mut round = Round::default();
        for is_gavel in order {
            let figures = bench.measure(is_gavel).await?;
            if !is_json {
                println!("round {number}, {}: {figures}", if is_gavel { "gavel" } else { "floor" });
            }
            *if is_gavel { &mut round.gavel } else { &mut round.floor } = figures;
        }
        rounds.push(round);
    }
    let rough = bench.rough().await?;
    let books = bench.compare_books().await?;
    let report = Report::of(&bench.arguments_json(), &rounds, rough, books);
    println!("{}", if is_json { report.json() } else { report.text() });
    Ok(report.holds())
}

impl Bench {
    async fn start(arguments: Arguments) -> anyhow::Result<Self> {
        ensure!(
            arguments.buyers > 0 && arguments.rounds > 0 && arguments.rate > 0,
            "nothing to do"
        );
        let stubs = Stubs::start(arguments.buyers)?;
        let many = || (MEMORY_AUCTIONS * 4).to_string();
        let backends = match arguments.store {
            Kept::Embedded => None,
            Kept::Redis => Some(Backends::start()),
        };
        let mut settings = backends.as_ref().map(Backends::settings).unwrap_or_default();
        settings.extend([
            ("limits.auctions_in_flight_max", many()),
            ("wire.calls_in_flight_max", many()),
            ("wire.idle_connections_per_host_max", many()),
        ]);
        let exchange = Exchange::start(&settings).await?;
        let campaigns: Vec<_> = (0..).zip(&stubs.addresses).map(campaign).collect();
        exchange.enroll(&campaigns, "")?;
        let mut words = vec!["floor".to_owned()];
        for address in &stubs.addresses {
            words.extend(["--buyer".to_owned(), address.to_string()]);
        }
        let mut floor = Speaker::start(&words)?;
        let bare = Target::new(floor.hear()?, None)?;
        let gavel = Target::new(exchange.address(), Some(exchange.vendor_key()?))?;
        let driver = Driver::new();
        Ok(Self { arguments, stubs, exchange, _backends: backends, floor, driver, gavel, bare })
    }

    fn arguments_json(&self) -> serde_json::Value {
        let Arguments { buyers, rate, seconds, rounds, faults, store, .. } = self.arguments;
        serde_json::json!({"buyers": buyers, "rate": rate, "seconds": seconds, "rounds": rounds,
                           "faults": faults, "store": store.as_str()})
    }

    async fn warm_up(&mut self) -> anyhow::Result<()> {
        self.stubs.behave(Order::Spread { low_ms: PING_LOW_MS, high_ms: PING_HIGH_MS })?;
        for target in [&self.gavel, &self.bare] {
            let load = Load::Closed { at_once: CAPACITY_LEADS, lasting: Duration::from_secs(2) };
            self.driver.run(target, load).await?.all_answered()?;
        }
        Ok(())
    }

    /// One program's turn: latency at the rate, then capacity, then memory.
    async fn measure(&mut self, is_gavel: bool) -> anyhow::Result<Figures> {
        let (target, pid) = match is_gavel {
            true => (&self.gavel, self.exchange.pid()),
            false => (&self.bare, self.floor.pid()),
        };
        let lasting = Duration::from_secs(self.arguments.seconds.into());
        let pings = self.arguments.buyers;
        self.stubs.behave(Order::Spread { low_ms: PING_LOW_MS, high_ms: PING_HIGH_MS })?;

        let before_s = process::cpu_s_when_quiet(pid).await?;
        let load = Load::Open { rate: self.arguments.rate, lasting };
        let latency = self.driver.run(target, load).await?.all_answered()?;
        let between_s = process::cpu_s_when_quiet(pid).await?;
        let load = Load::Closed { at_once: CAPACITY_LEADS, lasting };
        let capacity = self.driver.run(target, load).await?.all_answered()?;
        let after_s = process::cpu_s_when_quiet(pid).await?;
        let (cpu_s, busy_s) = (between_s - before_s, after_s - between_s);

        let memory = PING_MEMORY_MS;
        self.stubs.behave(Order::Spread { low_ms: memory, high_ms: memory })?;
        let idle = process::resident_bytes(pid)?;
        let load = Load::Burst { leads: MEMORY_AUCTIONS };
        let (burst, peak) = futures::join!(
            self.driver.run(target, load),
            peak_bytes(pid, Duration::from_millis(memory))
        );
        let burst = burst?.all_answered()?;
        let runs = [&latency, &capacity, &burst];
        Ok(Figures {
            unsold: runs.iter().map(|run| run.leads() - run.sold()).sum::<usize>() as f64,
            leads_per_s: capacity.leads_per_s(),
            leads_per_cpu_s: capacity.leads() as f64 / busy_s,
            cpu_per_ping_us: cpu_s * 1e6 / (latency.leads() * pings) as f64,
            cpu_per_lead_us: cpu_s * 1e6 / latency.leads() as f64,
            added_p50_ms: latency.quantile_ms(0.5) - PING_HIGH_MS as f64,
            added_p99_ms: latency.quantile_ms(0.99) - PING_HIGH_MS as f64,
            memory_per_1000_mib: peak?.saturating_sub(idle) as f64 * 1_000.0
                / MEMORY_AUCTIONS as f64
                / f64::from(1_u32 << 20),
        })
    }

    /// Buyers as they are: long tails, silence, errors, rubbish. Nothing is measured against the
    /// floor here; what counts is that every lead is answered.
    async fn rough(&mut self) -> anyhow::Result<figures::Rough> {
        let faults = self.arguments.faults;
        self.stubs.behave(Order::Rough { median_ms: 60, p99_ms: 400, faults })?;
        let lasting = Duration::from_secs(self.arguments.seconds.into());
        let load = Load::Open { rate: self.arguments.rate, lasting };
        let outcome = self.driver.run(&self.gavel, load).await?.all_answered()?;
        Ok(figures::Rough {
            leads: outcome.leads(),
            sold: outcome.sold(),
            p50_ms: outcome.quantile_ms(0.5),
            p99_ms: outcome.quantile_ms(0.99),
        })
    }

    /// What buyers took of both programs against what the exchange booked and the floor sold.
    async fn compare_books(&mut self) -> anyhow::Result<figures::Books> {
        let taken = self.stubs.taken()?;
        let mut booked = 0;
        for index in 0..taken.len() {
            booked += self.exchange.settled(&buyer(index)).await?;
        }
        let floor = self.bare.sold();
        Ok(figures::Books {
            sold: self.gavel.sold().leads + floor.leads,
            taken: taken.iter().map(|taken| taken.leads).sum(),
            booked: booked + floor.price,
            paid: taken.iter().map(|taken| taken.price).sum(),
            answered: self.gavel.sold().price + floor.price,
        })
    }
}

fn buyer(index: usize) -> String {
    format!("buyer-{index}")
}

fn campaign((index, address): (usize, &SocketAddr)) -> Campaign {
    Campaign::new(&buyer(index), format!("http://{address}"))
}

/// The most memory a process has within `lasting`.
async fn peak_bytes(pid: u32, lasting: Duration) -> anyhow::Result<u64> {
    let end = tokio::time::Instant::now() + lasting;
    let mut peak = 0;
    while tokio::time::Instant::now() < end {
        peak = peak.max(process::resident_bytes(pid)?);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(peak)
}
