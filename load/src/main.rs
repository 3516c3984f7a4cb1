//! Measurements for Gavel: each subcommand prints what it did and what it cost.

use clap::{Parser, Subcommand};

mod store_pattern;

#[derive(Parser)]
#[command(name = "gavel-load", about = "Measurements and proofs for Gavel")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the in-flight store's pattern of changes straight on an embedded engine.
    StorePattern(store_pattern::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::StorePattern(arguments) => store_pattern::run(&arguments),
    }
}
