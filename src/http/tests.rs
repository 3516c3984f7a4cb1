//! The servers on real sockets, with a real exchange behind them.

pub(super) mod door;
mod gate;
mod leads;
mod money;
mod specs;
