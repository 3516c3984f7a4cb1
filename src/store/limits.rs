//! What one operation on the in-flight store may carry. Beyond a limit is our own fault, never a
//! vendor's or a buyer's: both are held to tighter limits before anything reaches the store.

use bytes::Bytes;

use crate::ports::auction_store::{Effect, StoreError};

/// Seats of one lead.
pub const SEATS_MAX: usize = 32;
/// Entries of a lead's ranking, all rounds together.
pub const RANK_MAX: usize = 2_000;
/// Opaque bytes of one argument: sealed lead, sealed post, plan, offers, one record part, one fact.
pub const OPAQUE_BYTES_MAX: usize = 1 << 20;
/// Effects of one step: a part of the record for each candidate that was passed over, and a few.
pub const EFFECTS_MAX: usize = RANK_MAX + 100;
/// Parts of the record that a verdict leaves which came too late.
pub const LATE_RECORD_MAX: usize = 4;
/// Counters one hold charges.
pub const CAPS_MAX: usize = 64;
/// Bytes of a counter, a cap's rule, an operation id or a fact id.
pub const TEXT_BYTES_MAX: usize = 512;
/// Facts appended to one closed lead.
pub const FACTS_MAX: usize = 1_000;
/// Entries one reading operation returns.
pub const READ_MAX: usize = 10_000;

/// Checks a length against its limit.
///
/// # Errors
/// [`StoreError::Limit`] naming what is too long.
pub fn within(what: &str, length: usize, limit: usize) -> Result<(), StoreError> {
    if length <= limit {
        return Ok(());
    }
    Err(StoreError::Limit(format!("{what}: {length} is above {limit}")))
}

/// Checks opaque bytes against [`OPAQUE_BYTES_MAX`].
///
/// # Errors
/// [`StoreError::Limit`] naming what is too long.
pub fn opaque(what: &str, bytes: &Bytes) -> Result<(), StoreError> {
    within(what, bytes.len(), OPAQUE_BYTES_MAX)
}

/// Checks a text against [`TEXT_BYTES_MAX`]; an empty one names nothing and is refused too.
///
/// # Errors
/// [`StoreError::Limit`] naming what is wrong.
pub fn text(what: &str, text: &str) -> Result<(), StoreError> {
    if text.is_empty() {
        return Err(StoreError::Limit(format!("{what} is empty")));
    }
    within(what, text.len(), TEXT_BYTES_MAX)
}

/// Checks the number and the sizes of the parts of a record that a late verdict leaves.
///
/// # Errors
/// [`StoreError::Limit`] naming what is too long.
pub fn late_record(parts: &[Bytes]) -> Result<(), StoreError> {
    within("parts of a late record", parts.len(), LATE_RECORD_MAX)?;
    parts.iter().try_for_each(|part| opaque("record", part))
}

/// Checks the number and the sizes of a step's effects.
///
/// # Errors
/// [`StoreError::Limit`] naming what is too long.
pub fn effects(effects: &[Effect]) -> Result<(), StoreError> {
    within("effects", effects.len(), EFFECTS_MAX)?;
    for effect in effects {
        match effect {
            Effect::Record(bytes) => opaque("record", bytes)?,
            Effect::Credit { op_id, .. } => text("operation id", op_id)?,
            Effect::Capture { .. } | Effect::Void { .. } | Effect::FreeDuplicate { .. } => {}
        }
    }
    Ok(())
}
