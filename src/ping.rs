//! The ping stage: what a buyer may see of a lead, how it is asked, and what its answer means.
//!
//! [`redact`] is the only maker of pings: what it leaves out cannot be sent. [`native`] speaks the
//! exchange's own format. This stage must not know who wins, what the time is, or how bytes travel.

pub mod native;
pub mod redact;
mod trace;
