//! `prove cut`: posts are cut off at byte offsets of request and response.
//!
//! The buyers are idempotent, and each stands behind a proxy; one of them is reached over TLS. After a
//! cut the exchange cannot know whether its buyer has the lead. It must ask that buyer again until it
//! knows, and must never give the lead to another one. In the end what the vendor was told, what the
//! accounts and the records say and what the buyers count must be the same, to the cent.

mod plan;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use gavel::demo::stub_buyer::StubBuyer;
use gavel::demo::temper::{Delay, Temper};
use gavel::signing::{SigningKeys, SigningSecret};
use gavel::system::SystemClock;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use super::proxy::{Orders, Proxy};
use super::vendor::{Told, Vendor, lead};
use super::{Common, Findings, compare};
use crate::exchange::{Campaign, Exchange};

/// How long one post may take, in milliseconds: what a stalled one costs.
const POST_MS: u64 = 1_000;
/// How long a ping round may take, in milliseconds: so long that on a busy machine no bid is late.
const PING_ROUND_MS: u64 = 30_000;
/// Leads under way at once.
const LEADS_AT_ONCE: usize = 200;
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

/// Runs the proof.
pub async fn prove(asked: Arguments) -> anyhow::Result<Findings> {
    ensure!(asked.cuts > 0, "nothing to cut");
    let authority = Authority::new()?;
    let mut settings = vec![
        ("limits.post_ms", POST_MS.to_string()),
        ("limits.ping_round_ms", PING_ROUND_MS.to_string()),
        ("wire.extra_ca_file", authority.file()),
    ];
    // Each cut is a failed post.
    settings.extend(super::breakers_that_never_open());
    let exchange = Exchange::start(&settings).await?;
    let orders = Orders::default();
    let buyers = start_buyers(&exchange, &authority, &orders).await?;
    let vendor = Vendor::strict(&exchange)?;

    let mut told = sell_all(&vendor, &exchange, 0..LEADS_UNHARMED).await?;
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
    told.extend(sell_all(&vendor, &exchange, leads).await?);

    let made = orders.made().len();
    let mut findings =
        Findings { leads: told.len() as u64, faults: made as u64, ..Findings::default() };
    if made < asked.cuts {
        findings.broke(format!("{made} cuts were made, {} are left", orders.left()));
    }
    let buyers: Vec<_> =
        buyers.iter().map(|buyer| compare::Buyer { id: buyer.id, stub: &buyer.stub }).collect();
    compare::compare(&exchange, &buyers, &told, &mut findings).await?;
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
        campaigns.push(Campaign::new(id, base_url));
        buyers.push(Buyer { id, stub, _proxy: proxy });
    }
    let secrets = exchange.enroll(&campaigns, TREE)?;
    for buyer in &buyers {
        let secret = secrets.get(&format!("{}-fe", buyer.id)).context("no secret was made")?;
        buyer.stub.expect_signatures(SigningKeys::of(&SigningSecret::parse(secret)?));
    }
    Ok(buyers)
}

async fn sell_all(
    vendor: &Vendor<'_>,
    exchange: &Exchange,
    numbers: std::ops::Range<usize>,
) -> anyhow::Result<Vec<Told>> {
    stream::iter(numbers)
        .map(|number| async move {
            let told = vendor.sell(&format!("cut-{number}"), &lead(number)?).await;
            told.with_context(|| format!("lead {number}\n{}", exchange.log()))
        })
        .buffer_unordered(LEADS_AT_ONCE)
        .try_collect()
        .await
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
