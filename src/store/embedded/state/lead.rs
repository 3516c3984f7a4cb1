//! One lead as the state keeps it: what everybody may see, and the store's own notes beside it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::auction::{Closing, LeadState, LeadView, Seat, SeatState};
use crate::domain::disposition::Disposition;
use crate::domain::post::Verdict;
use crate::ports::auction_store::NodeId;

/// A lead, open or closed.
#[derive(Debug, Clone)]
pub(super) struct Lead {
    /// What replies show.
    pub(super) view: Arc<LeadView>,
    /// What only the store needs.
    pub(super) notes: Notes,
}

/// What the store remembers of a lead beside its view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Notes {
    /// Who holds the lease, or held it last.
    pub(super) owner: NodeId,
    /// Nobody needs to look at unknown posts before.
    pub(super) due_at: Option<Timestamp>,
    /// Outbox entries written so far.
    pub(super) sequence: u32,
    /// Where each round begins in the ranking.
    pub(super) round_starts: Vec<u32>,
    /// The vendor's post, for a lead that was offered.
    pub(super) take: Option<TakeNote>,
    /// One note per attempt.
    pub(super) attempts: Vec<AttemptNote>,
    /// Ids of the facts appended after the end, in order.
    pub(super) fact_ids: Vec<String>,
}

/// Which post of the vendor took an offer, under which fence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TakeNote {
    pub(super) fingerprint: [u8; 32],
    pub(super) node: NodeId,
    pub(super) fence: u64,
}

/// What the view does not say of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AttemptNote {
    pub(super) seat: u8,
    pub(super) k: u16,
    /// The fence that wrote the intent.
    pub(super) fence: u64,
    /// Verdicts that came too late and whose record was kept; each is kept once.
    pub(super) late: Vec<Verdict>,
}

impl Notes {
    /// The notes of a new lead.
    pub(super) fn new(owner: NodeId) -> Self {
        Self {
            owner,
            due_at: None,
            sequence: 0,
            round_starts: Vec::new(),
            take: None,
            attempts: Vec::new(),
            fact_ids: Vec::new(),
        }
    }

    /// The note of an attempt.
    pub(super) fn attempt(&mut self, seat: u8, k: u16) -> Option<&mut AttemptNote> {
        self.attempts.iter_mut().find(|note| note.seat == seat && note.k == k)
    }
}

impl Lead {
    /// Whether the lead has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.view.state == LeadState::Closed
    }

    /// The view, to change it.
    pub(super) fn edit(&mut self) -> &mut LeadView {
        Arc::make_mut(&mut self.view)
    }

    /// When somebody must look at an open lead next.
    ///
    /// A running lease means that its owner looks. A post on its way needs somebody as soon as
    /// the lease is over; unknown posts wait until the time given for them.
    pub(super) fn next_look(&self) -> Timestamp {
        let view = &self.view;
        if let LeadState::Offered { expires_at } = view.state {
            return expires_at;
        }
        let any =
            |wanted: fn(&SeatState) -> bool| view.seats.iter().any(|seat| wanted(&seat.state));
        let is_posting = any(|state| matches!(state, SeatState::Posting { .. }));
        let is_unknown = any(|state| matches!(state, SeatState::Unknown { .. }));
        match self.notes.due_at {
            Some(due_at) if is_unknown && !is_posting => due_at.max(view.lease_until),
            _ => view.lease_until,
        }
    }
}

/// The seat of that number; numbers count from 1.
pub(super) fn seat_of(view: &LeadView, seat: u8) -> Option<&Seat> {
    view.seats.get(usize::from(seat).checked_sub(1)?)
}

/// Why a closing cannot be the lead's end as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// A post may be with a buyer.
    Locked,
    /// It says sold without a sold seat, or the other way round.
    Contradicts,
}

/// Whether the lead may end like this: no seat may be locked, and `sold` and `unsold` must mean
/// what they say.
pub(super) fn judge_closing(view: &LeadView, closing: &Closing) -> Result<(), Unfit> {
    if view.has_locked_seat() {
        return Err(Unfit::Locked);
    }
    let has_sold = view.seats.iter().any(|seat| matches!(seat.state, SeatState::Sold { .. }));
    let fits = match closing.disposition {
        Disposition::Sold => has_sold,
        Disposition::Unresolved => true,
        Disposition::Unsold | Disposition::Refused | Disposition::Expired => !has_sold,
        Disposition::Pending | Disposition::Offered => false,
    };
    if fits { Ok(()) } else { Err(Unfit::Contradicts) }
}
