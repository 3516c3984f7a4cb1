//! The command line.

pub mod timeline;
