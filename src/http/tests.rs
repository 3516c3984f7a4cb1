//! The servers on real sockets, with a real exchange behind them.

mod administration;
mod challenges;
mod docs;
pub(super) mod door;
mod gate;
mod inbound;
mod leads;
mod limits;
mod objects;
mod profiles;
mod signed;
mod specs;
mod views;
