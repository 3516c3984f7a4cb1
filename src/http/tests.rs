//! The servers on real sockets, with a real exchange behind them.

mod administration;
pub(super) mod door;
mod gate;
mod leads;
mod specs;
