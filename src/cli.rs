//! The command line: what can be asked, and how answers look on a terminal.
//!
//! [`Cli`] says what may be typed. The submodules carry out the parts that need no wiring: laying
//! out an installation, reading an exchange directory, talking to a running server, drawing an
//! auction. Opening stores and starting servers is `app`'s business.

pub mod buyer;
pub mod desk;
pub mod exchange_dir;
pub mod init;
pub mod private_file;
pub mod remote;
pub mod report;
mod table;
pub mod timeline;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use crate::domain::disposition::Disposition;
use crate::domain::key::{KeyId, OPERATOR_OWNER, Role};
use crate::domain::money::Money;
use crate::domain::slug::{BuyerId, VendorId, VerticalId};

/// An open ping/post lead exchange.
#[derive(Debug, Clone, Parser)]
#[command(name = "gavel", version, arg_required_else_help = true)]
pub struct Cli {
    /// The configuration of the process
    #[arg(long, global = true, value_name = "FILE", default_value = "gavel.toml")]
    #[arg(env = "GAVEL_CONFIG")]
    pub config: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Write a configuration, a master key and an operator's key into a folder
    Init(Init),
    /// Run the exchange until SIGTERM or SIGINT
    Serve(Serve),
    /// Sell sample leads to buyers of every temper, and compare all books
    Demo(Demo),
    /// Run one buyer that bids on every ping and takes every lead, to try things out
    StubBuyer(StubBuyer),
    /// Try out integration profiles: buyers' formats as files
    #[command(subcommand)]
    Buyer(buyer::Buyer),
    /// Everything that is asked and answered.
    #[command(flatten)]
    Ask(Ask),
}

/// What is asked and answered, by the running server where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Ask {
    /// Bring the registry in line with an exchange directory
    Apply(Apply),
    /// Make every object of the registry what it was at an earlier version
    Rollback(Rollback),
    /// Make, withdraw or list API keys
    #[command(subcommand)]
    Key(Key),
    /// Add money to a buyer's account
    Credit(Credit),
    /// Say who may buy a lead and which rule keeps the others out; sends nothing
    Explain(Explain),
    /// Look at auctions
    #[command(subcommand)]
    Auction(Auction),
    /// List the keys of the days under which leads are sealed, or destroy one
    #[command(subcommand)]
    DayKey(DayKey),
    /// Check the configuration and say everything that is wrong with it
    CheckConfig,
}

/// `gavel init`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Init {
    /// The folder; made if it is not there
    #[arg(default_value = ".", value_name = "DIR")]
    pub folder: PathBuf,
    /// Allow buyers on this machine (plain http on 127.0.0.0/8), to try things out
    #[arg(long)]
    pub local: bool,
    /// Where store, records and day keys go [default: data in the folder]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
}

/// `gavel serve`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Serve {
    /// How log lines look, whatever the configuration says
    #[arg(long, value_name = "FORMAT", env = "GAVEL_LOG_FORMAT")]
    pub log_format: Option<LineFormat>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LineFormat {
    /// One JSON object a line
    Json,
    /// One line of text, for people
    Text,
}

/// `gavel apply`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Apply {
    /// The folder with verticals/, vendors/, buyers/ and trees/
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Only say what would change
    #[arg(long)]
    pub plan: bool,
    /// Archive what the folder does not have
    #[arg(long)]
    pub prune: bool,
}

/// `gavel rollback`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Rollback {
    /// The version to go back to; `GET /v1/registry/changes` lists them
    #[arg(value_name = "VERSION")]
    pub version: i64,
    /// Only say what would change
    #[arg(long)]
    pub plan: bool,
}

/// `gavel key`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Key {
    /// Make a key and print it, this once
    Create(KeyCreate),
    /// Withdraw a key at once
    Revoke {
        /// The 8 letters and digits after the role in the key
        #[arg(value_name = "KEY_ID", value_parser = KeyId::parse)]
        key_id: KeyId,
    },
    /// List all keys, withdrawn ones included
    List,
}

/// `gavel key create`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct KeyCreate {
    /// vendor, buyer or operator
    #[arg(long, value_parser = parse_role)]
    pub role: Role,
    /// The vendor or buyer it is for
    #[arg(long, value_name = "ID", required_if_eq_any([("role", "vendor"), ("role", "buyer")]))]
    owner: Option<String>,
    /// What is done with it runs outside caps, money and reports; not for operators
    #[arg(long)]
    pub test: bool,
    /// Refuse leads with unknown fields instead of warning about them
    #[arg(long)]
    pub strict: bool,
    /// Requests must be signed; the signing secret is printed on a second line
    #[arg(long)]
    pub require_signature: bool,
    /// When it stops working by itself, such as 2027-01-01T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub expires_at: Option<Timestamp>,
}

impl KeyCreate {
    /// Whom the key is for.
    #[must_use]
    pub fn owner(&self) -> &str {
        self.owner.as_deref().unwrap_or(OPERATOR_OWNER)
    }
}

fn parse_role(text: &str) -> Result<Role, &'static str> {
    Role::parse(text).ok_or("it is vendor, buyer or operator")
}

/// `gavel credit`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Credit {
    /// The buyer
    #[arg(value_name = "BUYER", value_parser = BuyerId::parse)]
    pub buyer: BuyerId,
    /// How much, such as 500.00; an adjustment may be negative
    #[arg(value_name = "AMOUNT", value_parser = parse_amount, allow_negative_numbers = true)]
    pub amount: Money,
    /// Makes it happen once: the same command again changes nothing
    #[arg(long = "op", value_name = "ID", value_parser = parse_op_id)]
    pub op_id: String,
    /// What it is for
    #[arg(long, default_value = "deposit")]
    pub kind: CreditKind,
    /// A word for the book
    #[arg(long)]
    pub note: Option<String>,
}

/// `gavel day-key`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum DayKey {
    /// List all days that have a key, or had one
    List,
    /// Make the leads of a day unreadable for good, at every node
    Destroy {
        /// The day, in UTC
        #[arg(value_name = "YYYY-MM-DD")]
        day: jiff::civil::Date,
    },
}

/// What a credit is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CreditKind {
    /// Money paid in
    Deposit,
    /// A correction, of either sign
    Adjustment,
}

impl CreditKind {
    /// The kind as in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deposit => "deposit",
            Self::Adjustment => "adjustment",
        }
    }
}

/// The longest operation id, in characters.
const OP_ID_LENGTH_MAX: usize = 128;

/// An id that any header and any log can carry.
fn parse_op_id(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if text.is_empty() || text.len() > OP_ID_LENGTH_MAX || !text.bytes().all(is_plain) {
        return Err(format!("1 to {OP_ID_LENGTH_MAX} letters, digits, `-`, `_`, `.` and `:`"));
    }
    Ok(text.to_owned())
}

fn parse_amount(text: &str) -> Result<Money, String> {
    let (positive, is_negative) = match text.strip_prefix('-') {
        Some(positive) => (positive, true),
        None => (text, false),
    };
    let amount = Money::parse(positive).map_err(|error| error.to_string())?;
    let signed = if is_negative { Money::ZERO.checked_sub(amount) } else { Some(amount) };
    signed.ok_or_else(|| "above the largest amount".to_owned())
}

/// `gavel explain`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Explain {
    /// A file with the body of POST /v1/leads
    #[arg(value_name = "LEAD.json")]
    pub lead: PathBuf,
    /// The vendor that would submit it
    #[arg(long, value_name = "ID", value_parser = VendorId::parse)]
    pub vendor: Option<VendorId>,
}

/// `gavel auction`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Auction {
    /// Draw one auction
    Show {
        /// Any id of it: auc_, lead_, ping_, bid_ or post_
        id: String,
        /// Print the decision record as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the newest auctions
    List(AuctionList),
}

/// `gavel auction list`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct AuctionList {
    /// How many
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub limit: u16,
    /// Only this vendor's
    #[arg(long, value_name = "ID", value_parser = VendorId::parse)]
    pub vendor: Option<VendorId>,
    /// Only those that ended so, such as sold, unsold, refused or pending
    #[arg(long, value_parser = parse_disposition)]
    pub disposition: Option<Disposition>,
    /// Only those of this vertical
    #[arg(long, value_name = "ID", value_parser = VerticalId::parse)]
    pub vertical: Option<VerticalId>,
    /// Only those received at this time or later, such as 2026-11-24T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub since: Option<Timestamp>,
}

fn parse_disposition(text: &str) -> Result<Disposition, &'static str> {
    let known = serde_json::from_value(text.into()).ok();
    known.ok_or("it is pending, offered, sold, unsold, refused, unresolved or expired")
}

fn parse_time(text: &str) -> Result<Timestamp, &'static str> {
    text.parse().map_err(|_| "it is a time such as 2026-11-24T00:00:00Z")
}

/// `gavel demo`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Demo {
    /// How many sample leads are sold
    #[arg(long, default_value_t = 12, value_name = "N")]
    pub leads: usize,
    /// End after the last lead instead of serving on
    #[arg(long)]
    pub exit: bool,
    /// One JSON object per auction and one for the summary, instead of pictures
    #[arg(long)]
    pub json: bool,
    /// Where the demo's exchange listens; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub listen: SocketAddr,
}

/// `gavel stub-buyer`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct StubBuyer {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:9101", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// What it bids on every ping
    #[arg(long, default_value = "24.50", value_name = "AMOUNT")]
    pub price: Money,
    /// A file with the campaign's signing secret, to check signatures with
    #[arg(long, value_name = "FILE")]
    pub secret_file: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
