//! The `gavel` command: everything it does is in the library.

use std::process::ExitCode;

/// Auctions allocate small things from many threads, which this allocator is made for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gavel::app::run(std::env::args_os(), environment())
}

/// The process's variables that are text.
fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
