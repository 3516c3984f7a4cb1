//! Integration profiles: any buyer's wire format, described in a file.
//!
//! A profile is TOML text. It is compiled once, with every fault in it named by line and column; what
//! comes out renders requests and reads replies without looking at that text again. The module is
//! pure: it reads no file, knows no clock and no secret store; the time, the secrets and what may be
//! seen of a lead are handed to it for each request.
//!
//! `section` is the cursor over a file under which every part is compiled, and `fault` what it notes.

#[expect(dead_code, reason = "the parts of a profile that are compiled with it follow")]
mod fault;
mod nearest;
pub mod reference;
#[expect(dead_code, reason = "the parts of a profile that are compiled with it follow")]
mod section;

pub use fault::{Fault, Severity};
