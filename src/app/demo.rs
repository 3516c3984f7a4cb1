//! `gavel demo` and `gavel stub-buyer`: the exchange with everybody around it, in one process.

use std::io::{IsTerminal, Write};
use std::sync::Arc;

use anyhow::{Context, bail};
use zeroize::Zeroizing;

use super::{Running, Signals};
use crate::cli::init::{DATA_FOLDER, Layout};
use crate::cli::timeline::{timeline, whole_timeline};
use crate::cli::{Demo, StubBuyer as StubBuyerOrder};
use crate::config::Config;
use crate::demo::cast::{Cast, PING_ROUND_MS, POST_MS, VENDOR};
use crate::demo::play::{PlayOptions, Stage};
use crate::demo::stub_buyer::{Reply, Script, StubBuyer};
use crate::domain::key::{KeyMode, Role};
use crate::domain::record::AuctionRecord;
use crate::flow::administer::{ApplyOptions, KeyOrder};
use crate::ports::{Clock, Entropy};
use crate::registry::exchange_files;
use crate::signing::{SigningKeys, SigningSecret};
use crate::system::{SystemClock, SystemEntropy};

/// How wide an auction is drawn.
const TIMELINE_WIDTH: usize = 100;
/// In whose name the demo changes the registry.
const ACTOR: &str = "demo";

fn draw(record: &AuctionRecord) -> String {
    if std::io::stdout().is_terminal() {
        timeline(record, TIMELINE_WIDTH)
    } else {
        whole_timeline(record)
    }
}

/// Sells sample leads to stub buyers in a folder of its own, which goes when the demo ends.
pub(super) async fn demo(order: &Demo) -> anyhow::Result<String> {
    let folder = tempfile::Builder::new().prefix("gavel-demo-").tempdir()?;
    let config = configuration(folder.path(), order)?;
    let running = Running::start(&config).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let cast = Cast::start(&clock).await.context("the stub buyers cannot listen")?;
    let vendor_key = enroll(&running, &cast).await?;
    let stage = Stage {
        exchange: running.exchange(),
        records: running.records(),
        http_address: running.http_address(),
        vendor_key: vendor_key.to_string(),
        cast: &cast,
        draw,
    };
    let options = PlayOptions { leads: order.leads, is_json: order.json };
    let mut out = std::io::stdout();
    let (summary, disagreements) = stage.play(options, &mut out).await?;
    if order.json {
        writeln!(out, "{}", serde_json::to_string(&summary)?)?;
    } else {
        write!(out, "{}", summary.text(&disagreements))?;
    }
    if !order.exit {
        writeln!(out, "\nThe exchange goes on serving. Submit a lead of your own:\n")?;
        writeln!(out, "{}\n\nCtrl-C ends the demo.", stage.curl_line())?;
        Signals::listen()?.next().await;
    }
    running.stop().await;
    if let Some(first) = disagreements.first() {
        bail!("the books disagree: {first}");
    }
    Ok(String::new())
}

/// Lays out an installation for the demo and reads its configuration.
fn configuration(folder: &std::path::Path, order: &Demo) -> anyhow::Result<Config> {
    let text = format!(
        "[exchange]\ncurrency = \"USD\"\n\
         [http]\nlisten = \"{}\"\n\
         [metrics]\nlisten = \"127.0.0.1:0\"\n\
         [vault]\nkey_file = \"gavel.key\"\n\
         [wire]\nallow_networks = [\"127.0.0.0/8\"]\n\
         [limits]\nping_round_ms = {PING_ROUND_MS}\npost_ms = {POST_MS}\n",
        order.listen
    );
    let entropy = SystemEntropy::new()?;
    let random = |bytes: &mut [u8]| entropy.fill(bytes);
    let layout = Layout::create(folder, &folder.join(DATA_FOLDER), &text, &random)?;
    let config = Config::load(&layout.config_file(), Vec::new())?;
    layout.finish("")?;
    Ok(config)
}

/// Brings vendor, buyers and trees into the registry; gives the vendor's key.
async fn enroll(running: &Running, cast: &Cast) -> anyhow::Result<Zeroizing<String>> {
    let files = match exchange_files::parse(&cast.exchange_files()) {
        Ok(files) => files,
        Err(faults) => bail!("the demo's exchange directory has {} faults", faults.len()),
    };
    let campaigns = files.bundle.campaigns.clone();
    let administration = running.exchange().administration();
    let report = administration.apply(&files.bundle, ApplyOptions::default(), ACTOR).await?;
    for (id, buyer) in &cast.buyers {
        let mut secrets: Vec<&SigningSecret> = Vec::new();
        for shown in &report.secrets {
            let campaign = campaigns.get(&shown.campaign);
            if campaign.is_some_and(|campaign| campaign.buyer_id.as_str() == *id) {
                secrets.push(&shown.secret.0);
            }
        }
        // One server stands for all campaigns of a buyer, so it takes any of their secrets.
        if let Some((first, rest)) = secrets.split_first() {
            buyer.expect_signatures(SigningKeys::rotating(first, rest.iter().copied())?);
        }
    }
    let order = KeyOrder {
        role: Role::Vendor,
        owner: VENDOR.to_owned(),
        mode: KeyMode::Live,
        strict: false,
        require_signature: false,
        expires_at: None,
    };
    Ok(administration.create_key(&order, ACTOR).await?.key)
}

/// Runs one stub buyer until a signal, and says what it saw.
pub(super) async fn stub_buyer(order: &StubBuyerOrder) -> anyhow::Result<String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let script = Script::always(Reply::bid(&order.price.to_string()));
    let buyer = StubBuyer::start(order.listen, script, clock).await?;
    if let Some(file) = &order.secret_file {
        let text = Zeroizing::new(std::fs::read_to_string(file)?);
        buyer.expect_signatures(SigningKeys::of(&SigningSecret::parse(text.trim())?));
    }
    let mut out = std::io::stdout();
    writeln!(out, "bids {} at {}", order.price, buyer.url("ping"))?;
    writeln!(
        out,
        "takes leads at {}, tells of them at {}",
        buyer.url("post"),
        buyer.url("status")
    )?;
    Signals::listen()?.next().await;
    let (pings, posts) = (buyer.pings().len(), buyer.posts().len());
    let (taken, bad) = (buyer.taken().len(), buyer.bad_signatures());
    Ok(format!("{pings} pings, {posts} posts, {taken} leads taken, {bad} bad signatures\n"))
}
