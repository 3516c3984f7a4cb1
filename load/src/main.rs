//! Measurements and proofs for Gavel: each subcommand prints what it did and what came of it.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod backends;
mod bench;
mod client;
mod exchange;
mod floor;
mod fuzz;
mod node;
mod process;
mod prove;
mod store_pattern;
mod stubs;

/// The allocator of the server's own program: what is measured here is the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "gavel-load", about = "Measurements and proofs for Gavel")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measures the exchange against the least program that does the job, in interleaved rounds
    Bench(bench::Arguments),
    /// Proves that invariants hold under faults; exits with 0 only if all of them did
    Prove(prove::Arguments),
    /// Feeds mutated bodies to the real parsers
    Fuzz(fuzz::Arguments),
    /// Runs the in-flight store's pattern of changes straight on an embedded engine.
    StorePattern(store_pattern::Arguments),
    /// The server, as a process of its own: `gavel` with these arguments
    #[command(hide = true)]
    Exchange {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// The least program that does the job, as a process of its own
    #[command(hide = true)]
    Floor(floor::Arguments),
    /// Stub buyers, as a process of their own
    #[command(hide = true)]
    Stubs(stubs::Arguments),
}

fn main() -> ExitCode {
    // A second provider of TLS could only be this one again.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let done = match Arguments::parse().command {
        Command::Exchange { arguments } => {
            let program = OsString::from("gavel");
            return gavel::app::run([program].into_iter().chain(arguments), environment());
        }
        Command::Prove(arguments) => match prove::run(arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
        Command::Bench(arguments) => on_runtime(bench::run(arguments)),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::StorePattern(arguments) => store_pattern::run(&arguments).map(|()| true),
        Command::Floor(arguments) => on_runtime(floor::run(arguments)),
        Command::Stubs(arguments) => on_runtime(stubs::run(arguments)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("gavel-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs `work` to its end; the answer says whether everything held.
fn on_runtime(work: impl Future<Output = anyhow::Result<bool>>) -> anyhow::Result<bool> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(Box::pin(work))
}

/// The process's variables that are text.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
