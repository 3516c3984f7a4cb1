//! What the tests of this module share, and tests of it as a whole.

pub(super) mod sample;
