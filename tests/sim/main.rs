//! The simulator: the production exchange in a world that follows from a seed.
//!
//! ```text
//! cargo test --release --test sim -- --seeds 5000 --leads 200 [--from S] [--jobs N]
//! cargo test --release --test sim -- --seed 17 --leads 20 --trace
//! ```
//!
//! No socket, no disk, no second thread within a run: the same seed is the same run, bit for bit.

mod bugs;
mod buyers;
mod cell;
mod check;
mod clock;
mod dice;
mod director;
mod ears;
mod records;
mod runs;
mod scenario;
mod store;
mod trace;
mod vendor;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match runs::Order::parse(&arguments) {
        Ok(order) => runs::carry_out(&order),
        Err(fault) => {
            eprintln!("sim: {fault}\n\n{}", runs::USAGE);
            ExitCode::from(2)
        }
    }
}
