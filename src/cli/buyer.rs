//! `gavel buyer`: the tools for integration profiles.
//!
//! They need no installation and no server: a profile is a folder with `profile.toml` and `cases/`,
//! and everything here works on such folders. Only `try` sends anything, and that is `app`'s business.

mod fields;
pub mod folder;
mod lint;
mod new;
mod render;
pub mod show;
mod test;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::domain::slug::VerticalId;
use crate::integration::{PHASES, Phase};
use folder::FolderError;

/// `gavel buyer`
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Buyer {
    /// Say everything that is wrong with profiles: where, what, and what to write instead
    Lint(Lint),
    /// Run the cases of profiles
    Test(Test),
    /// Tell the fields of a vertical: types, values, and what of them is in a ping
    Fields(Fields),
    /// Show the bytes that would be sent for a lead
    Render(Render),
    /// Send a test lead to a live endpoint, and show what went out, what came back, and what it means
    Try(Try),
    /// Write a first profile from a recorded request and its reply
    New(New),
}

/// `gavel buyer lint`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Lint {
    /// Folders of profiles, or folders with such folders in them
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// Hold them against this vertical [default: those of their cases]
    #[arg(long, value_name = "VERTICAL", value_parser = VerticalId::parse)]
    pub vertical: Vec<VerticalId>,
    /// What the campaign discloses [default: what the ping asks for]
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    pub disclose: Option<Vec<String>>,
    /// Fail on warnings too
    #[arg(long)]
    pub strict: bool,
    /// A folder with further verticals [default: `verticals` beside the folder of the profiles]
    #[arg(long, value_name = "FOLDER")]
    pub verticals: Option<PathBuf>,
}

/// `gavel buyer test`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Test {
    /// Folders of profiles, or folders with such folders in them
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// A folder with further verticals [default: `verticals` beside the folder of the profiles]
    #[arg(long, value_name = "FOLDER")]
    pub verticals: Option<PathBuf>,
}

/// `gavel buyer fields`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Fields {
    /// The vertical, such as solar
    #[arg(value_name = "VERTICAL", value_parser = VerticalId::parse)]
    pub vertical: VerticalId,
    /// A folder with further verticals
    #[arg(long, value_name = "FOLDER")]
    pub verticals: Option<PathBuf>,
}

/// `gavel buyer render`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Render {
    /// The folder of the profile
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The case whose lead and campaign are taken, such as accept.json; with its replies
    #[arg(long, value_name = "FILE")]
    pub case: Option<String>,
    /// Without a case: the vertical whose examples make the lead
    #[arg(long, value_name = "VERTICAL", value_parser = VerticalId::parse, conflicts_with = "case")]
    pub vertical: Option<VerticalId>,
    /// Only this call: login, preping, ping, post, confirm, status, loser_notice or completion
    #[arg(long, value_name = "CALL", value_parser = parse_call)]
    pub call: Option<Phase>,
    /// A folder with further verticals [default: `verticals` beside the folder of the profiles]
    #[arg(long, value_name = "FOLDER")]
    pub verticals: Option<PathBuf>,
}

/// `gavel buyer try`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct Try {
    /// The folder of the profile
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The case whose lead and campaign are taken; the lead is sent as a test in any case
    #[arg(long, value_name = "FILE")]
    pub case: String,
    /// The URL of a call, such as `ping=https://bids.acme.example/ping`
    #[arg(long = "url", value_name = "CALL=URL", value_parser = parse_pair)]
    pub urls: Vec<(String, String)>,
    /// A setting of the campaign
    #[arg(long = "setting", value_name = "NAME=TEXT", value_parser = parse_pair)]
    pub settings: Vec<(String, String)>,
    /// A secret of the campaign, in a variable of the environment
    #[arg(long = "secret-env", value_name = "NAME=VARIABLE", value_parser = parse_pair)]
    pub secrets: Vec<(String, String)>,
    /// Post the lead too if the ping brings a bid
    #[arg(long)]
    pub post: bool,
    /// A network that may be reached by plain http, such as 127.0.0.0/8
    #[arg(long = "allow-network", value_name = "NETWORK")]
    pub allow_networks: Vec<ipnet::IpNet>,
    /// How long each call may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub timeout_ms: u64,
    /// A folder with further verticals [default: `verticals` beside the folder of the profiles]
    #[arg(long, value_name = "FOLDER")]
    pub verticals: Option<PathBuf>,
}

/// `gavel buyer new`
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct New {
    /// The folder to make; its name becomes the profile's
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The vertical of the recorded lead
    #[arg(long, value_name = "VERTICAL", value_parser = VerticalId::parse)]
    pub vertical: VerticalId,
    /// A file with a recorded ping: the request as HTTP writes it, or its body alone
    #[arg(long, value_name = "FILE", required_unless_present = "post")]
    pub ping: Option<PathBuf>,
    /// A file with the answer to it
    #[arg(long, value_name = "FILE", requires = "ping")]
    pub ping_reply: Option<PathBuf>,
    /// A file with a recorded post
    #[arg(long, value_name = "FILE")]
    pub post: Option<PathBuf>,
    /// A file with the answer to it
    #[arg(long, value_name = "FILE", requires = "post")]
    pub post_reply: Option<PathBuf>,
    /// A folder with further verticals [default: `verticals` beside the folder of the profiles]
    #[arg(long, value_name = "FOLDER")]
    pub verticals: Option<PathBuf>,
}

/// What a command found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// What is printed.
    pub text: String,
    /// Why it is a failure all the same, in one line.
    pub failure: Option<String>,
}

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum BuyerError {
    /// A folder or a file in it cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The profile has faults.
    #[error("{}/profile.toml has {faults} fault(s); `gavel buyer lint` tells them", folder.display())]
    Faulty {
        /// The folder.
        folder: PathBuf,
        /// How many.
        faults: usize,
    },
    /// Something that was asked for is not there, or cannot be.
    #[error("{0}")]
    Asked(String),
    /// A file cannot be written.
    #[error("{}: {error}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// Carries out everything that sends nothing; none for `try`.
///
/// # Errors
/// [`BuyerError`].
pub fn carry_out(order: &Buyer) -> Result<Option<Findings>, BuyerError> {
    Ok(Some(match order {
        Buyer::Lint(order) => lint::lint(order)?,
        Buyer::Test(order) => test::test(order)?,
        Buyer::Fields(order) => fields::fields(order)?,
        Buyer::Render(order) => render::render(order)?,
        Buyer::New(order) => new::new(order)?,
        Buyer::Try(_) => return Ok(None),
    }))
}

fn parse_call(text: &str) -> Result<Phase, String> {
    let known = PHASES.into_iter().find(|phase| phase.as_str() == text);
    known.ok_or_else(|| format!("it is one of {}", PHASES.map(Phase::as_str).join(", ")))
}

fn parse_pair(text: &str) -> Result<(String, String), &'static str> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    pair.map(|(name, value)| (name.to_owned(), value.to_owned())).ok_or("it is NAME=TEXT")
}

#[cfg(test)]
mod tests;
