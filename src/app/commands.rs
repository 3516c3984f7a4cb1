//! The commands: from what was typed to what is printed.
//!
//! A command that changes the exchange goes through the running server if there is one, and opens
//! the exchange's files itself if not. Answers go to standard output in one piece, everything else
//! to standard error; the exit code is 0, 1 for a failure, 2 for something mistyped.

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Parser;
use serde::Deserialize;
use serde_json::json;

use super::demo;
use super::explain::explain;
use super::try_buyer::try_buyer;
use super::{Floor, Office, serve};
use crate::cli::buyer::{Buyer, Findings};
use crate::cli::desk::{ACTOR, Desk, DeskError};
use crate::cli::init::{DATA_FOLDER, Layout, with_data_at};
use crate::cli::remote::{Call, Remote, is_served};
use crate::cli::timeline::{timeline, whole_timeline};
use crate::cli::{
    self, Apply, Ask, Auction, Cli, Command, Credit, DayKey, Init, Key, LineFormat, Rollback,
    exchange_dir, private_file, report,
};
use crate::config::{Config, Log, LogFormat, TEMPLATE, local_template};
use crate::domain::key::{KeyMode, OPERATOR_OWNER, Role};
use crate::domain::money::Money;
use crate::domain::record::AuctionRecord;
use crate::flow::administer::{ApplyOptions, KeyOrder};
use crate::flow::exchange::{CreditOrder, CreditReply};
use crate::ports::auction_store::CreditKind;
use crate::ports::records::AuctionFilter;
use crate::ports::{Entropy, Records};
use crate::system::{SystemClock, SystemEntropy};
use crate::telemetry;
use crate::vault::{Vault, read_key_file};

/// How long tasks that are cut off may take to notice.
const RUNTIME_SHUTDOWN: Duration = Duration::from_secs(2);

/// How wide an auction is drawn.
const TIMELINE_WIDTH: usize = 110;

/// The longest id an auction is asked for by, in characters.
const ID_LENGTH_MAX: usize = 64;

/// The process's environment, as far as it is text.
pub type Environment = Vec<(String, String)>;

/// Runs the command line `arguments` (the program's name first) under `environment`.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>, environment: Environment) -> ExitCode {
    telemetry::hide_panic_messages();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Where neither output can be written there is nobody to tell.
            drop(error.print());
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1));
        }
    };
    match carry_out(&cli, environment) {
        Ok(answer) => match std::io::stdout().write_all(answer.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            drop(writeln!(std::io::stderr(), "gavel: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn carry_out(cli: &Cli, environment: Environment) -> anyhow::Result<String> {
    // One provider for every TLS connection of the process; a second one could only be this again.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("gavel")
        .build()
        .context("the runtime cannot be started")?;
    let answer = runtime.block_on(dispatch(cli, environment));
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN);
    answer
}

async fn dispatch(cli: &Cli, environment: Environment) -> anyhow::Result<String> {
    match &cli.command {
        Command::Init(order) => init(order, environment).await,
        Command::Demo(order) => {
            telemetry::start(&quiet(), SystemClock)?;
            demo::demo(order).await
        }
        Command::StubBuyer(order) => demo::stub_buyer(order).await,
        Command::Buyer(order) => {
            telemetry::start(&quiet(), SystemClock)?;
            buyer(order, &environment).await
        }
        Command::Serve(order) => {
            let mut config = Config::load(&cli.config, environment)?;
            match order.log_format {
                Some(LineFormat::Json) => config.log.format = LogFormat::Json,
                Some(LineFormat::Text) => config.log.format = LogFormat::Text,
                None => {}
            }
            telemetry::start(&config.log, SystemClock)?;
            serve(&config).await?;
            Ok(String::new())
        }
        Command::Ask(ask) => {
            let config = Config::load(&cli.config, environment.clone())?;
            telemetry::start(&quiet(), SystemClock)?;
            answer(ask, &config, &environment).await
        }
    }
}

/// Beside an answer only what is wrong is told, to people.
fn quiet() -> Log {
    Log { level: "warn".to_owned(), format: LogFormat::Text }
}

async fn answer(ask: &Ask, config: &Config, environment: &Environment) -> anyhow::Result<String> {
    match ask {
        Ask::CheckConfig => check_config(config),
        Ask::Apply(order) => apply(config, order, environment).await,
        Ask::Rollback(order) => {
            let Rollback { version, plan } = *order;
            let report = at_desk(config, async |desk| desk.roll_back(version, plan).await).await?;
            Ok(report::applied(&report, plan))
        }
        Ask::Key(order) => key(config, order).await,
        Ask::Credit(order) => credit(config, order).await,
        Ask::DayKey(order) => day_key(config, order).await,
        Ask::Explain(order) => explain(config, order).await,
        Ask::Auction(Auction::Show { id, json }) => show(config, id, *json).await,
        Ask::Auction(Auction::List(order)) => {
            let filter = AuctionFilter {
                vendor: order.vendor.clone(),
                disposition: order.disposition,
                vertical: order.vertical.clone(),
                since: order.since,
                ..AuctionFilter::newest(usize::from(order.limit))
            };
            list(config, filter).await
        }
    }
}

/// Works on folders of profiles, without an installation. What was found is printed whether or not it
/// is a failure.
async fn buyer(order: &Buyer, environment: &Environment) -> anyhow::Result<String> {
    let findings = match (cli::buyer::carry_out(order)?, order) {
        (Some(findings), _) => findings,
        (None, Buyer::Try(order)) => try_buyer(order, environment).await?,
        (None, _) => Findings::default(),
    };
    match findings.failure {
        None => Ok(findings.text),
        Some(failure) => {
            std::io::stdout().write_all(findings.text.as_bytes())?;
            bail!(failure)
        }
    }
}

/// Says what is wrong with the configuration, and with the keys it names: a server would not start
/// without them. Stores and records are not opened.
fn check_config(config: &Config) -> anyhow::Result<String> {
    let master = read_key_file(&config.vault.key_file)?;
    let folder = &config.vault.day_key_folder;
    if folder.exists() {
        let entropy = SystemEntropy::new()?;
        let random = Box::new(move |bytes: &mut [u8]| entropy.fill(bytes));
        Vault::open(&master, folder.clone(), random)?;
    }
    let warnings = config.warnings().into_iter().map(|warning| format!("warning: {warning}\n"));
    Ok(warnings.chain(["the configuration is sound\n".to_owned()]).collect())
}

/// Lays out an installation and puts the operator's key into its records.
async fn init(order: &Init, environment: Environment) -> anyhow::Result<String> {
    let entropy = SystemEntropy::new()?;
    let mut template = if order.local { local_template() } else { TEMPLATE.to_owned() };
    let mut data = order.folder.join(DATA_FOLDER);
    if let Some(named) = &order.data {
        data = std::path::absolute(named).context("the folder of data has no absolute path")?;
        template = with_data_at(&template, &data);
    }
    let layout = Layout::create(&order.folder, &data, &template, &|bytes| entropy.fill(bytes))?;
    let file = layout.config_file();
    let config = Config::load(&file, environment)?;
    let office = Office::open(&config).await?;
    let operator = KeyOrder {
        role: Role::Operator,
        owner: OPERATOR_OWNER.to_owned(),
        mode: KeyMode::Live,
        strict: false,
        require_signature: false,
        expires_at: None,
    };
    let made = office.administration.create_key(&operator, ACTOR).await;
    office.close().await;
    let made = made?;
    layout.finish(&made.key)?;
    Ok(format!(
        "{}\n\nThis is the operator's key, kept in {} too. Start the exchange with\n\n  \
         gavel serve --config {}\n",
        made.key.as_str(),
        config.operator_key_file().display(),
        file.display()
    ))
}

async fn apply(
    config: &Config,
    order: &Apply,
    environment: &Environment,
) -> anyhow::Result<String> {
    let variable = |name: &str| {
        let known = environment.iter().find(|(known, _)| known == name);
        known.map(|(_, value)| value.clone())
    };
    let bundle = exchange_dir::read(&order.folder, &variable)?;
    let options = ApplyOptions { plan_only: order.plan, prune: order.prune };
    let report = at_desk(config, async |desk| desk.apply(&bundle, options).await).await?;
    Ok(report::applied(&report, order.plan))
}

async fn key(config: &Config, order: &Key) -> anyhow::Result<String> {
    match order {
        Key::Create(order) => {
            let issued = at_desk(config, async |desk| desk.create_key(order).await).await?;
            let secret = issued.signing_secret.map(|secret| format!("{}\n", secret.as_str()));
            Ok(format!("{}\n{}", issued.key.as_str(), secret.unwrap_or_default()))
        }
        Key::Revoke { key_id } => {
            at_desk(config, async |desk| desk.revoke_key(*key_id).await).await?;
            Ok(format!("revoked {key_id}\n"))
        }
        Key::List => {
            let rows = at_desk(config, async |desk| desk.keys().await).await?;
            Ok(report::keys(&rows))
        }
    }
}

async fn credit(config: &Config, order: &Credit) -> anyhow::Result<String> {
    let balance = match running(config).await? {
        Some(remote) => {
            let mut body = json!({"kind": order.kind.as_str(), "amount": order.amount});
            if let Some(note) = &order.note {
                body["note"] = note.as_str().into();
            }
            let path = format!("/v1/buyers/{}/credits", order.buyer);
            let done: Credited = remote.call(Call::post(path, body).once(&order.op_id)).await?;
            done.balance
        }
        None => credit_here(config, order).await?,
    };
    Ok(format!("{}: balance {balance} {}\n", order.buyer, config.exchange.currency))
}

/// The server's answer to a credit.
#[derive(Deserialize)]
struct Credited {
    balance: Money,
}

/// Credits with the exchange opened in this process.
async fn credit_here(config: &Config, order: &Credit) -> anyhow::Result<Money> {
    let kind = match order.kind {
        cli::CreditKind::Deposit if order.amount <= Money::ZERO => bail!("a deposit is above 0"),
        cli::CreditKind::Deposit => CreditKind::Deposit,
        cli::CreditKind::Adjustment => CreditKind::Adjustment,
    };
    let floor = Floor::open(config).await?;
    let exchange = Arc::clone(&floor.exchange);
    let reply = {
        let credit = CreditOrder {
            kind,
            amount: order.amount,
            op_id: order.op_id.clone(),
            note: order.note.clone(),
            actor: ACTOR.to_owned(),
        };
        exchange.credit(&order.buyer, credit).await
    };
    // Carries the entry over into the book.
    exchange.drain().await;
    floor.close().await;
    match reply? {
        CreditReply::Credited(account) => {
            let balance = account.deposited.checked_sub(account.posted);
            balance.context("the balance is beyond the largest amount")
        }
        CreditReply::Mismatch => {
            bail!("operation {} is known with another kind or amount", order.op_id)
        }
        CreditReply::OutOfRange => bail!("the account would go beyond the largest amount"),
        CreditReply::UnknownBuyer => bail!("there is no buyer {}", order.buyer),
    }
}

/// Speaks to the records, beside running servers: each forgets a destroyed key at its next look.
async fn day_key(config: &Config, order: &DayKey) -> anyhow::Result<String> {
    let office = Office::open(config).await?;
    let done =
        match order {
            DayKey::List => office.records.day_keys().await.map(|rows| report::day_keys(&rows)),
            DayKey::Destroy { day } => office.records.destroy_day_key(*day).await.map(|()| {
                format!("destroyed {day}; running servers forget it within ten minutes\n")
            }),
        };
    if let (DayKey::Destroy { day }, Ok(_)) = (order, &done) {
        office.vault.destroy_day(*day)?;
    }
    office.close().await;
    Ok(done?)
}

async fn show(config: &Config, id: &str, is_json: bool) -> anyhow::Result<String> {
    let is_an_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if id.is_empty() || id.len() > ID_LENGTH_MAX || !id.bytes().all(is_an_id) {
        bail!("`{}` is no id of an auction", id.escape_default());
    }
    let record: AuctionRecord = match running(config).await? {
        Some(remote) => remote.call(Call::get(format!("/v1/auctions/{id}"))).await?,
        None => auction_here(config, id).await?.with_context(|| format!("there is no {id}"))?,
    };
    match is_json {
        true => Ok(to_json(&record)?),
        false if std::io::stdout().is_terminal() => Ok(timeline(&record, TIMELINE_WIDTH)),
        false => Ok(whole_timeline(&record)),
    }
}

/// The record with the exchange opened in this process, what is still to be settled included.
async fn auction_here(config: &Config, id: &str) -> anyhow::Result<Option<AuctionRecord>> {
    let floor = Floor::open(config).await?;
    let record = floor.exchange.auction(None, id).await;
    floor.close().await;
    Ok(record?)
}

fn to_json(record: &AuctionRecord) -> serde_json::Result<String> {
    serde_json::to_string_pretty(record).map(|text| text + "\n")
}

/// Lists from the records, which may be read beside a running server.
async fn list(config: &Config, filter: AuctionFilter) -> anyhow::Result<String> {
    say("from the records, which follow a running server by a moment");
    let office = Office::open(config).await?;
    let rows = office.records.auctions(filter).await;
    office.close().await;
    Ok(report::auctions(&rows?))
}

/// Tells on standard error what a command goes by; an answer has standard output to itself.
pub(super) fn say(text: &str) {
    // Where it cannot be told there is nobody to tell.
    drop(writeln!(std::io::stderr(), "gavel: {text}"));
}

/// The running server, if there is one.
pub(super) async fn running(config: &Config) -> anyhow::Result<Option<Remote>> {
    if !is_served(config.http.listen).await? {
        say(&format!("no server at {}; with the files of its configuration", config.http.listen));
        return Ok(None);
    }
    let listen = config.admin.map_or(config.http.listen, |admin| admin.listen);
    say(&format!("through the server at {listen}"));
    let file = config.operator_key_file();
    let key = private_file::read(&file).with_context(|| {
        format!(
            "the exchange is running at {listen}, and the operator's key for it cannot be read \
             from {}",
            file.display()
        )
    })?;
    Ok(Some(Remote::new(listen, key)?))
}

/// Does something at the desk of the running server, or at one of its own.
async fn at_desk<T>(
    config: &Config,
    act: impl AsyncFnOnce(&Desk) -> Result<T, DeskError>,
) -> anyhow::Result<T> {
    if let Some(remote) = running(config).await? {
        return Ok(act(&Desk::Served(remote)).await?);
    }
    let office = Office::open(config).await?;
    let done = act(&Desk::Direct(Arc::clone(&office.administration))).await;
    office.close().await;
    Ok(done?)
}
