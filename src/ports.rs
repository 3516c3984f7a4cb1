//! The few seams of the exchange: what `flow` asks of the outside, in the exchange's own words.
//!
//! A trait stands here only where a test double differs in kind from the real thing. The traits
//! know the domain's types and nothing of any engine, protocol or library behind them.

pub mod auction_store;
pub mod buyer_wire;
pub mod clock;
pub mod entropy;
pub mod records;

pub use auction_store::AuctionStore;
pub use buyer_wire::BuyerWire;
pub use clock::Clock;
pub use entropy::Entropy;
pub use records::Records;
