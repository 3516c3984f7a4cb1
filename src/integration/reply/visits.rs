//! How many places of one document its paths have visited: a document and a few paths must not make
//! work without end.

use std::cell::Cell;

use super::json::Broken;
use super::limits::VISITS_MAX;

/// The count of one document.
#[derive(Debug, Default)]
pub(super) struct Visits(Cell<usize>);

impl Visits {
    /// Counts visits; tells whether there may be more.
    pub(super) fn add(&self, count: usize) -> bool {
        self.0.set(self.0.get().saturating_add(count));
        self.0.get() <= VISITS_MAX
    }

    /// What a path found.
    ///
    /// # Errors
    /// [`Broken`] if paths needed more than [`VISITS_MAX`], so that nothing more was found.
    pub(super) fn unless_spent<T>(&self, found: T) -> Result<T, Broken> {
        if self.0.get() > VISITS_MAX { Err(Broken) } else { Ok(found) }
    }

    /// The places directly inside `of`, which ends before `end`; `end_of` says where each of them ends.
    pub(super) fn inside(
        &self,
        of: usize,
        end: usize,
        end_of: impl Fn(usize) -> usize,
    ) -> impl Iterator<Item = usize> {
        let first = (of + 1 < end && self.add(1)).then_some(of + 1);
        std::iter::successors(first, move |at| {
            let next = end_of(*at);
            (next < end && self.add(1)).then_some(next)
        })
    }
}
