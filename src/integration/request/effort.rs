//! How much it may take to make one request.

use std::cell::Cell;

use super::refused::RenderRefused;

/// The most steps in which one request is made. A part that is visited is one, a source that is read,
/// each 64 bytes of a text, and what a template uses of its fuel.
pub const RENDER_STEPS_MAX: u32 = 100_000;

/// The bytes of a text that count as one step.
const STEP_BYTES: usize = 64;

/// The steps that were taken so far. What is written is bounded by its size; lists in lists that write
/// nothing, and texts that are made and not written, are bounded by this alone.
#[derive(Default)]
pub(super) struct Effort(Cell<u32>);

impl Effort {
    /// Takes a step.
    ///
    /// # Errors
    /// If there were too many.
    pub(super) fn step(&self) -> Result<(), RenderRefused> {
        self.add(1);
        if self.0.get() > RENDER_STEPS_MAX { Err(RenderRefused::TooLarge) } else { Ok(()) }
    }

    /// Counts steps, for which the next one is refused if they are too many.
    pub(super) fn add(&self, steps: usize) {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.0.set(self.0.get().saturating_add(steps));
    }

    /// Counts a text that was made.
    pub(super) fn add_text(&self, text: &str) {
        self.add(text.len() / STEP_BYTES);
    }
}
