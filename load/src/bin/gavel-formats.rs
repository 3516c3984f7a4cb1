//! What it costs to make a ping and to read its reply: the same ping of the same lead, and the same
//! bid, in the exchange's own format and in three formats of profiles.
//!
//! Every round measures all formats, each round beginning with another one; what is told are medians,
//! and of ratios the median of the rounds' own. Allocations are counted by the allocator.

use std::alloc::System;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use clap::Parser;
use gavel::domain::ids::PingId;
use gavel::domain::money::Money;
use gavel::domain::reply::RawReply;
use gavel::domain::slug::{CampaignId, VerticalId};
use gavel::flow::rehearsal::stage;
use gavel::integration::cases::{Case, Staged};
use gavel::integration::reply::{HttpReply, Terms};
use gavel::integration::{Frame, Matter, Phase, PingInput, Profile, SecretText};
use gavel::ping::native::{self, BidTerms, PingFrame};
use gavel::registry::compile::shipped_verticals;
use gavel::signing::{self, SigningKeys, SigningSecret};
use jiff::Timestamp;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Parser)]
#[command(about = "The cost of making pings and reading bids, by format")]
struct Arguments {
    /// Rounds; each measures every format
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Pings of each format in a round
    #[arg(long, default_value_t = 20_000)]
    pings: usize,
    /// Only a line of JSON at the end
    #[arg(long)]
    json: bool,
}

/// What every format has to say, by the names of the native one, and its sources.
const FIELDS: [(&str, &str); 19] = [
    ("ping_id", "ping_id"),
    ("campaign_id", "campaign_id"),
    ("vertical", "vertical"),
    ("source_ref", "vendor"),
    ("sub_ref", "sub_source"),
    ("floor", "floor"),
    ("currency", "currency"),
    ("seats_max", "seats_max"),
    ("test", "test"),
    ("consent_kind", "consent.kind"),
    ("consent_age_seconds", "consent.age_seconds"),
    ("state", "state"),
    ("zip3", "zip3"),
    ("age_band", "age_band"),
    ("gender", "gender"),
    ("tobacco", "tobacco"),
    ("coverage_amount_bucket", "coverage_amount_bucket"),
    ("currently_insured", "currently_insured"),
    ("payment_method", "payment_method"),
];

/// A case whose lead is made of the vertical's examples.
const CASE: &str =
    r#"{"about": "A lead.", "vertical": "final_expense", "steps": [{"call": "ping"}]}"#;

/// The pseudonyms of a vendor and its sub-source.
const SOURCE_REF: &str = "a75fcca3ecede1738db5d370f6a5f58b";
const SUB_REF: &str = "0b3e7a9c4d5f60718293a4b5c6d7e8f9";

/// A format of a buyer's own.
struct Format {
    name: &'static str,
    /// Its tables, with a place for the fields.
    profile: &'static str,
    reply: &'static [u8],
}

const FORMATS: [Format; 3] = [
    Format {
        name: "json",
        profile: r#"
            [ping.request]
            body = "json"
            [ping.request.fields]
            key = "secret.key"
            FIELDS
            [ping.reply]
            rules = [
              { when = { "$.status" = "accepted" }, outcome = "accept" },
              { when = { "$.status" = "rejected" }, outcome = "refuse" },
            ]
            bid = { price = "$.price", reference = "$.id" }
        "#,
        reply: br#"{"status":"accepted","price":"24.50","id":"b-1017"}"#,
    },
    Format {
        name: "form",
        profile: r#"
            [ping.request]
            body = "form"
            [ping.request.fields]
            key = "secret.key"
            FIELDS
            [ping.reply]
            format = "form"
            rules = [
              { when = { status = "accepted" }, outcome = "accept" },
              { when = { status = "rejected" }, outcome = "refuse" },
            ]
            bid = { price = "price", reference = "id" }
        "#,
        reply: b"status=accepted&price=24.50&id=b-1017",
    },
    Format {
        name: "xml",
        profile: r#"
            [ping.request]
            body = "xml"
            wrap = ["Lead", "Ping"]
            attributes = { key = "secret.key" }
            [ping.request.fields]
            FIELDS
            [ping.reply]
            format = "xml"
            rules = [
              { when = { "/reply/status" = "accepted" }, outcome = "accept" },
              { when = { "/reply/status" = "rejected" }, outcome = "refuse" },
            ]
            bid = { price = "/reply/price", reference = "/reply/id" }
        "#,
        reply: b"<?xml version=\"1.0\"?><reply><status>accepted</status><price>24.50</price>\
                 <id>b-1017</id></reply>",
    },
];

const NATIVE_REPLY: &[u8] = br#"{"bid":{"price":"24.50","seats":"exclusive","ref":"b-1017"}}"#;

/// What every format is rendered from.
struct Ground {
    staged: Staged,
    campaign: CampaignId,
    vertical: VerticalId,
    settings: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretText>,
    captured: BTreeMap<String, String>,
    floor: Money,
    bid_max: Money,
    keys: SigningKeys,
}

/// One thing that is measured.
struct Measured<'a> {
    name: &'static str,
    /// Does it once; gives the size of what was made.
    once: Box<dyn Fn() -> anyhow::Result<usize> + 'a>,
    nanoseconds: Vec<f64>,
    allocations: f64,
    bytes: f64,
}

impl<'a> Measured<'a> {
    fn new(name: &'static str, once: impl Fn() -> anyhow::Result<usize> + 'a) -> Self {
        let once = Box::new(once);
        Self { name, once, nanoseconds: Vec::new(), allocations: 0.0, bytes: 0.0 }
    }
}

impl Ground {
    fn new() -> anyhow::Result<Self> {
        let case = Case::parse(CASE).map_err(|fault| anyhow::anyhow!("{fault}"))?;
        let verticals = shipped_verticals();
        let vertical = verticals.get(&case.vertical).context("a shipped vertical")?;
        let staged = stage(&compiled(&FORMATS[0])?, &case, vertical);
        Ok(Self {
            staged: staged.map_err(|faults| anyhow::anyhow!("{faults:?}"))?,
            campaign: CampaignId::parse("acme-tx").map_err(|fault| anyhow::anyhow!("{fault}"))?,
            vertical: case.vertical.clone(),
            settings: BTreeMap::new(),
            secrets: BTreeMap::from([("key".to_owned(), SecretText::new("k-1017".to_owned()))]),
            captured: BTreeMap::new(),
            floor: Money::parse("5.7143")?,
            bid_max: Money::parse("100000")?,
            keys: SigningKeys::of(&SigningSecret::mint([7; 32])),
        })
    }

    fn frame(&self) -> PingFrame<'_> {
        PingFrame {
            ping_id: PingId::new(7),
            campaign_id: &self.campaign,
            vertical: &self.vertical,
            source_ref: SOURCE_REF,
            sub_ref: Some(SUB_REF),
            floor: self.floor,
            currency: "USD",
            seats_max: 1,
            test: false,
        }
    }

    fn input(&self) -> PingInput<'_> {
        PingInput {
            frame: Frame {
                campaign_id: &self.campaign,
                url: Some("https://bids.acme.example/ping"),
                currency: "USD",
                now: Timestamp::UNIX_EPOCH,
                request_id: "ping_00000000000000000000000007",
                settings: &self.settings,
                secrets: &self.secrets,
                captured: &self.captured,
            },
            matter: Matter {
                vertical: &self.vertical,
                test: false,
                vendor: SOURCE_REF,
                sub_source: Some(SUB_REF),
                floor: self.floor,
                deadline_ms: 2_000,
                seats_max: 1,
                sold_to: &[],
            },
            ping_id: PingId::new(7),
            ping: &self.staged.ping,
        }
    }

    fn native(&self) -> anyhow::Result<usize> {
        let body = native::body(black_box(&self.frame()), &self.staged.ping);
        let raw = RawReply { status: 200, content_encoding: None, body: NATIVE_REPLY };
        let bid_max = self.bid_max;
        let terms = BidTerms { currency: "USD", max_bid: None, bid_max, offers_shared: false };
        let bids = native::read(black_box(raw), terms);
        ensure!(bids.is_ok_and(|bids| bids.len() == 1), "the native reply is a bid");
        Ok(black_box(body).len())
    }

    fn signed(&self) -> anyhow::Result<usize> {
        let body = native::body(black_box(&self.frame()), &self.staged.ping);
        let signed = signing::sign(&self.keys, "ping_00000000000000000000000007", 1, &body);
        let signed = signed.map_err(|error| anyhow::anyhow!("{error}"))?;
        black_box(signed.into_pairs());
        Ok(body.len())
    }

    fn by_profile(&self, profile: &Profile, reply: &'static [u8]) -> anyhow::Result<usize> {
        let input = self.input();
        let rendered = profile.render_ping(black_box(&input));
        let rendered = rendered.map_err(|refused| anyhow::anyhow!("{refused}"))?;
        let authorization = profile.authorization(Phase::Ping, &input.frame);
        ensure!(authorization.is_ok(), "there is no authorization to fail");
        let raw = RawReply { status: 200, content_encoding: None, body: reply };
        let terms = Terms {
            currency: "USD",
            max_bid: None,
            bid_max: self.bid_max,
            offers_shared: false,
            is_test: false,
        };
        let reader = profile.reply(Phase::Ping).context("a ping has a reply")?;
        let reading = reader.read_ping(&HttpReply { raw: black_box(raw), headers: &[] }, terms);
        ensure!(reading.bids.is_ok_and(|bids| bids.len() == 1), "the reply is a bid");
        Ok(black_box(rendered).body.len())
    }
}

fn compiled(format: &Format) -> anyhow::Result<Profile> {
    let fields: String =
        FIELDS.iter().map(|(name, source)| format!("{name} = \"{source}\"\n")).collect();
    let tables = format.profile.replace("FIELDS", &fields);
    let text = format!(
        "profile = \"{}\"\nsecrets = [\"key\"]\n{tables}\n[post.request]\nbody = \"none\"\n\
         [post.reply]\nformat = \"none\"\nrules = [{{ when = {{ http_status = 200 }}, outcome = \
         \"accept\" }}, {{ outcome = \"refuse\" }}]\n",
        format.name
    );
    Profile::compile(&text).map_err(|faults| anyhow::anyhow!("{}: {faults:?}", format.name))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn measure(arguments: &Arguments, all: &mut [Measured<'_>]) -> anyhow::Result<()> {
    let count = all.len();
    for round in 0..arguments.rounds {
        for place in 0..count {
            let one = &mut all[(round + place) % count];
            // What is made for the first time only counts for nothing.
            (one.once)()?;
            one.nanoseconds.reserve(arguments.rounds);
            let region = Region::new(ALLOCATOR);
            let began = Instant::now();
            for _ in 0..arguments.pings {
                (one.once)()?;
            }
            let elapsed = began.elapsed().as_nanos() as f64;
            let stats = region.change();
            let per_ping = |count: usize| count as f64 / arguments.pings as f64;
            one.nanoseconds.push(elapsed / arguments.pings as f64);
            one.allocations = per_ping(stats.allocations + stats.reallocations);
            one.bytes = per_ping(stats.bytes_allocated);
        }
    }
    Ok(())
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    ensure!(arguments.rounds > 0 && arguments.pings > 0, "there is a round with a ping at least");
    let ground = Ground::new()?;
    let profiles: Vec<Profile> = FORMATS.iter().map(compiled).collect::<anyhow::Result<_>>()?;
    let mut all = vec![
        Measured::new("native", || ground.native()),
        Measured::new("native, signed, not read", || ground.signed()),
    ];
    for (format, profile) in FORMATS.iter().zip(&profiles) {
        all.push(Measured::new(format.name, || ground.by_profile(profile, format.reply)));
    }
    measure(arguments, &mut all)?;
    let native = all[0].nanoseconds.clone();
    let mut formats = Vec::new();
    for one in &mut all {
        let mut ratios: Vec<f64> =
            one.nanoseconds.iter().zip(&native).map(|(one, native)| one / native).collect();
        let (us, ratio) = (median(&mut one.nanoseconds) / 1_000.0, median(&mut ratios));
        let (name, allocations, bytes) = (one.name, one.allocations, one.bytes);
        let body_bytes = (one.once)()?;
        if !arguments.json {
            println!(
                "{name:<26} {us:>7.2} us {ratio:>6.2} x {allocations:>6.1} allocations of \
                 {bytes:>6.0} bytes; a body of {body_bytes}"
            );
        }
        formats.push(serde_json::json!({
            "format": name, "us": us, "ratio": ratio, "allocations": allocations,
            "allocated_bytes": bytes, "body_bytes": body_bytes,
        }));
    }
    let (rounds, pings) = (arguments.rounds, arguments.pings);
    println!("{}", serde_json::json!({"rounds": rounds, "pings": pings, "formats": formats}));
    Ok(())
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gavel-formats: {error:#}");
            ExitCode::FAILURE
        }
    }
}
