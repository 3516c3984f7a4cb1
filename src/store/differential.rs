//! Two stores under the same random operations: every reply must be the same, and with it the lead or
//! the account that it shows.
//!
//! The embedded store without a disk is the model; it applies pure functions of state, arguments and
//! time. Both go by one clock. A run is named by its seed, and since every reply is compared before
//! the next operation is made up, the first difference ends the shortest prefix that shows it.

mod command;
mod dice;
mod world;

use std::collections::BTreeMap;
use std::fmt;

pub use self::command::Command;
use self::dice::Dice;
use self::world::World;
use crate::ports::AuctionStore;

/// Operations before the leads, accounts and claims are changed for new ones.
const EPISODE_COMMANDS: u64 = 400;
/// Operations before a difference that are shown with it.
const SHOWN: usize = 12;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// How often each operation was made, and what its replies were.
    pub replies: BTreeMap<String, u64>,
}

/// Where two stores differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What the run is named by.
    pub seed: u64,
    /// The number of the operation, from 1: with the seed it is the shortest failing prefix.
    pub number: u64,
    /// The last operations, the one that differs at the end.
    pub commands: Vec<String>,
    /// What the model replied.
    pub model: String,
    /// What the other store replied.
    pub subject: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "operation {} of seed {} differs:", self.number, self.seed)?;
        self.commands.iter().try_for_each(|command| writeln!(out, "    {command}"))?;
        write!(out, "  model:   {}\n  subject: {}", self.model, self.subject)
    }
}

/// The two stores and the clock that both go by.
pub struct Pair<'a> {
    /// What is right.
    pub model: &'a dyn AuctionStore,
    /// What is compared with it; both begin empty.
    pub subject: &'a dyn AuctionStore,
    /// Lets so many milliseconds pass.
    pub advance: &'a (dyn Fn(u64) + Sync),
}

impl Pair<'_> {
    /// Makes `commands` random operations on both.
    ///
    /// # Errors
    /// The first [`Difference`].
    pub async fn run(&self, seed: u64, commands: u64) -> Result<Report, Box<Difference>> {
        let mut dice = Dice::new(seed);
        let mut report = Report::default();
        let mut last: Vec<String> = Vec::new();
        let began = self.model_time().await;
        let mut world = World::new(seed, 0, began);
        for number in 1..=commands {
            if number % EPISODE_COMMANDS == 0 {
                world = World::new(seed, number / EPISODE_COMMANDS, self.model_time().await);
            }
            let command = world.next(self.model, &mut dice).await;
            if last.len() == SHOWN {
                last.remove(0);
            }
            last.push(format!("{command:?}"));
            if let Command::Wait(ms) = command {
                (self.advance)(ms);
                continue;
            }
            let model = command.apply(self.model).await;
            let subject = command.apply(self.subject).await;
            if model != subject {
                let commands = last;
                return Err(Box::new(Difference { seed, number, commands, model, subject }));
            }
            let name = format!("{} {}", command.name(), kind_of(&model));
            *report.replies.entry(name).or_default() += 1;
        }
        Ok(report)
    }

    async fn model_time(&self) -> jiff::Timestamp {
        world::time_of(self.model).await
    }
}

/// The part of a reply that says how it went.
fn kind_of(reply: &str) -> String {
    let Some((_, kind)) = reply.split_once("reply: ") else {
        let end = reply.find(['(', '[', ' ']).unwrap_or(reply.len());
        return reply[..end].to_owned();
    };
    kind.trim_end_matches([' ', '}', ')']).chars().filter(|c| !c.is_ascii_digit()).collect()
}
