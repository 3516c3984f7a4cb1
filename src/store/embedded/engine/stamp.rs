//! What every commit says of itself, so that a journal from which something is missing, or in which
//! something is out of place, cannot pass for a shorter one.
//!
//! Each batch carries a row with its number. The engine orders batches by sequence numbers of its own,
//! which its checksums do not cover; so the row also says which the engine had given out before it, and
//! before the commit after the one before.

/// The row's key in its keyspace: like no table's.
pub(super) const STAMP_KEY: &[u8] = b"#commit";
const STAMP_BYTES: usize = 24;

/// A commit's number and the bounds of its sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Counts the commits from 1.
    pub(super) number: u64,
    /// The engine's next sequence number before this commit: its own is not lower.
    pub(super) before: u64,
    /// The engine's next sequence number after the commit before: that one's is lower.
    pub(super) previous_after: u64,
}

impl Stamp {
    /// The row's bytes.
    pub(super) fn to_bytes(self) -> [u8; STAMP_BYTES] {
        let mut bytes = [0; STAMP_BYTES];
        let numbers = [self.number, self.before, self.previous_after];
        for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_le_bytes());
        }
        bytes
    }

    /// The stamp in a row; `None` if it is none.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; STAMP_BYTES] = bytes.try_into().ok()?;
        let (numbers, _) = bytes.as_chunks::<8>();
        let [number, before, previous_after] = *numbers else { return None };
        let [number, before, previous_after] =
            [number, before, previous_after].map(u64::from_le_bytes);
        Some(Self { number, before, previous_after })
    }
}
