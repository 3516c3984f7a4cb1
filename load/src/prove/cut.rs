//! `prove cut`: posts are cut off at byte offsets of request and response.
//!
//! The buyers are idempotent, and each stands behind a proxy; one of them is reached over TLS. After a
//! cut the exchange cannot know whether its buyer has the lead. It must ask that buyer again until it
//! knows, and must never give the lead to another one. In the end what the vendor was told, what the
//! accounts and the records say and what the buyers count must be the same, to the cent.

mod check;
mod plan;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use gavel::demo::stub_buyer::StubBuyer;
use gavel::demo::temper::{Delay, Temper};
use gavel::domain::slug::VerticalId;
use gavel::intake::sample::sample_at;
use gavel::ports::Clock;
use gavel::registry::compile::shipped_verticals;
use gavel::signing::{SigningKeys, SigningSecret};
use gavel::system::SystemClock;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::proxy::{Orders, Proxy};
use super::{Common, Findings};
use crate::client::{Answer, Call};
use crate::exchange::{Campaign, Exchange};

/// How long one post may take, in milliseconds: what a stalled one costs.
const POST_MS: u64 = 1_000;
/// How long a ping round may take, in milliseconds: so long that on a busy machine no bid is late.
const PING_ROUND_MS: u64 = 30_000;
/// Leads under way at once.
const LEADS_AT_ONCE: usize = 200;
/// How long a lead may take to be settled.
const PATIENCE: Duration = Duration::from_secs(300);
/// Pause between two looks at a pending lead.
const PAUSE: Duration = Duration::from_millis(250);
/// Leads that go through unharmed first, to learn the sizes of messages.
const LEADS_UNHARMED: usize = 12;
/// What the exchange keeps.
const TREE: &str = "margin_percent = \"12.5\"\n";
/// The buyers, and whether they are reached over TLS.
const BUYERS: [(&str, bool); 4] =
    [("north", false), ("south", false), ("west", false), ("locked", true)];

#[derive(Debug, Clone, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    pub common: Common,
    /// How many posts are cut off, repeats included.
    #[arg(long, default_value_t = 2_400)]
    cuts: usize,
}

/// A buyer behind its proxy.
struct Buyer {
    id: &'static str,
    stub: StubBuyer,
    _proxy: Proxy,
}

/// A lead, and all that its vendor was told.
struct Told {
    lead_id: String,
    first: Answer,
    last: Answer,
    /// The answer to the same request sent again at the end.
    again: Answer,
}

/// Runs the proof.
pub async fn prove(asked: Arguments) -> anyhow::Result<Findings> {
    ensure!(asked.cuts > 0, "nothing to cut");
    let authority = Authority::new()?;
    let settings = [
        ("limits.post_ms", POST_MS.to_string()),
        ("limits.ping_round_ms", PING_ROUND_MS.to_string()),
        ("wire.extra_ca_file", authority.file()),
        // Each cut is a failed post; an open breaker would keep its buyer out of what is proved.
        ("limits.breaker_ping_sample_min", u32::MAX.to_string()),
        ("limits.breaker_post_sample_min", u32::MAX.to_string()),
    ];
    let exchange = Exchange::start(&settings).await?;
    let orders = Orders::default();
    let buyers = start_buyers(&exchange, &authority, &orders).await?;
    let vendor = Vendor { key: exchange.vendor_key()?, exchange: &exchange };

    let mut told = vendor.sell_all(0..LEADS_UNHARMED).await?;
    let sizes = orders.sizes();
    ensure!(sizes.request > 500 && sizes.response > 50, "no post went through: {sizes:?}");
    let lists = plan::plan(asked.cuts, sizes, asked.common.seed);
    let leads = LEADS_UNHARMED..LEADS_UNHARMED + lists.len();
    if !asked.common.json {
        println!(
            "cutting {} posts of {} leads: requests of {} bytes, responses of {}",
            asked.cuts,
            leads.len(),
            sizes.request,
            sizes.response
        );
    }
    orders.order(lists);
    told.extend(vendor.sell_all(leads).await?);

    let made = orders.made().len();
    let mut findings =
        Findings { leads: told.len() as u64, faults: made as u64, ..Findings::default() };
    if made < asked.cuts {
        findings.broke(format!("{made} cuts were made, {} are left", orders.left()));
    }
    check::compare(&exchange, &buyers, &told, &mut findings).await?;
    Ok(findings)
}

async fn start_buyers(
    exchange: &Exchange,
    authority: &Authority,
    orders: &Orders,
) -> anyhow::Result<Vec<Buyer>> {
    let (mut buyers, mut campaigns) = (Vec::new(), Vec::new());
    for (id, is_locked) in BUYERS {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        // All draw from the same prices, so each wins its share, and there is always a next one.
        let script = Temper::steady(Delay::Uniform(1, 10), 20, 20).script();
        let stub = StubBuyer::start(listen, script, Arc::new(SystemClock)).await?;
        let tls = if is_locked { Some(authority.acceptor()?) } else { None };
        let proxy = Proxy::start(stub.address(), tls, orders.clone()).await?;
        let scheme = if is_locked { "https" } else { "http" };
        let base_url = format!("{scheme}://{}", proxy.address());
        campaigns.push(Campaign { id: id.to_owned(), base_url });
        buyers.push(Buyer { id, stub, _proxy: proxy });
    }
    let secrets = exchange.enroll(&campaigns, TREE)?;
    for buyer in &buyers {
        let secret = secrets.get(&format!("{}-fe", buyer.id)).context("no secret was made")?;
        buyer.stub.expect_signatures(SigningKeys::of(&SigningSecret::parse(secret)?));
    }
    Ok(buyers)
}

struct Vendor<'a> {
    key: String,
    exchange: &'a Exchange,
}

impl Vendor<'_> {
    async fn sell_all(&self, numbers: std::ops::Range<usize>) -> anyhow::Result<Vec<Told>> {
        stream::iter(numbers)
            .map(|number| async move {
                let told = self.sell(number).await;
                told.with_context(|| format!("lead {number}\n{}", self.exchange.log()))
            })
            .buffer_unordered(LEADS_AT_ONCE)
            .try_collect()
            .await
    }

    /// Sells a lead as a vendor does: submits it, and asks until the answer is final.
    async fn sell(&self, number: usize) -> anyhow::Result<Told> {
        let key = format!("cut-{number}");
        let body = lead(number)?;
        let submit = || {
            Call::post("/v1/leads", body.clone()).bearing(&self.key).with("idempotency-key", &key)
        };
        let first = self.exchange.call(submit()).await?;
        let lead_id = first.json()["lead_id"].as_str().unwrap_or_default().to_owned();
        ensure!(matches!(first.status, 200 | 202), "{}: {:?}", first.status, first.body);
        let give_up_at = Instant::now() + PATIENCE;
        let ask = || Call::get(&format!("/v1/leads/{lead_id}")).bearing(&self.key);
        let mut last = self.exchange.call(ask()).await?;
        while last.json()["disposition"] == "pending" {
            if Instant::now() > give_up_at {
                bail!("{lead_id} is pending for ever");
            }
            tokio::time::sleep(PAUSE).await;
            last = self.exchange.call(ask()).await?;
        }
        let again = self.exchange.call(submit()).await?;
        Ok(Told { lead_id, first, last, again })
    }
}

fn lead(number: usize) -> anyhow::Result<Bytes> {
    let vertical = VerticalId::parse("final_expense")?;
    let shipped = shipped_verticals();
    let vertical = shipped.get(&vertical).context("the vertical is not shipped")?;
    Ok(sample_at(vertical, number as u64, SystemClock.now()).to_string().into())
}

/// A certificate authority that the exchange trusts.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let folder = TempDir::new()?;
        std::fs::write(folder.path().join("ca.pem"), certificate.pem())?;
        Ok(Self { issuer: Issuer::new(params, key), folder })
    }

    fn file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// A server's TLS for this machine.
    fn acceptor(&self) -> anyhow::Result<TlsAcceptor> {
        let key = KeyPair::generate()?;
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()])?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
