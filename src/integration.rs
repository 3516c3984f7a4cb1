//! Integration profiles: any buyer's wire format, described in a file.
//!
//! A profile is TOML text. It is compiled once, with every fault in it named by line and column; what
//! comes out renders requests and reads replies without looking at that text again. The module is
//! pure: it reads no file, knows no clock and no secret store; the time, the secrets and what may be
//! seen of a lead are handed to it for each request.
//!
//! The way through it: `Profile::compile` reads the text under the cursor in `section` and notes
//! faults in `fault`; `request` has what is sent, `reply` what comes back. `Profile::lint` holds a
//! profile against a vertical and the disclosures of a campaign, and names what a ping would need.
//! `Profile::render_ping`, `render_post` and their like take an input of their own type (`input`): a
//! ping's has an anonymized ping and no lead in it. `Profile::authorization` makes the header of one
//! attempt, which is no part of the rendered request.

pub mod cases;
mod confirmation;
mod datum;
mod fault;
pub mod inbound;
mod input;
mod lint;
mod nearest;
mod phase;
mod profile;
pub mod reference;
pub mod reply;
mod request;
mod section;

pub use confirmation::of_second_post;
pub use fault::{Fault, Severity};
pub use input::{BidInput, Frame, Matter, PingInput, PostInput, SecretText, WonBid};
pub use lint::coarse_name;
pub use phase::{PHASES, Phase, Sight};
pub use profile::{Profile, Setting, is_refused};
pub use request::{
    RENDER_STEPS_MAX, RENDERED_BYTES_MAX, RenderRefused, RenderedRequest, URL_BYTES_MAX, Uses,
};
pub use section::PROFILE_BYTES_MAX;

#[cfg(test)]
mod tests;
