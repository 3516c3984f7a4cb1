//! Trying the exchange without anybody else: stub buyers, sample leads, and a run of both.

pub mod cast;
pub mod play;
pub mod stub_buyer;
pub mod summary;
pub mod temper;
