//! Seats: the intent before each post, the verdict after it, and the end of waiting for one.
//!
//! A seat has at most one post whose fate is not known. While it has one, nobody else gets the
//! seat, and no buyer or legal entity gets two seats of one lead.

use bytes::Bytes;
use jiff::Timestamp;

use super::lead::{AttemptNote, Lead, Notes, judge_closing, seat_of};
use super::leads::{check_closing, close, ms};
use super::rows;
use super::{Result, State, owns, reply};
use crate::domain::auction::{Attempt, LeadState, LeadView, Seat, SeatState};
use crate::domain::ids::PostId;
use crate::domain::post::Verdict;
use crate::domain::time::plus_ms;
use crate::faults::planted;
use crate::ports::auction_store::{
    Effect, Fenced, Finished, Intended, Intent, LeadReply, Outcome, Recorded, SealedPost,
    StoreError, Unresolved,
};
use crate::store::limits;

impl State {
    /// Writes that a post is about to leave.
    pub(in super::super) fn intent(
        &mut self,
        now: Timestamp,
        intent: Intent,
    ) -> Result<LeadReply<Fenced<Intended>>> {
        limits::opaque("sealed post", &intent.sealed_post)?;
        let Some(mut lead) = self.lead(intent.lead_id)? else {
            return Ok(reply(now, None, Fenced::Fenced));
        };
        if lead.view.fence != intent.fence && !planted("intent_not_fenced") {
            return Ok(reply(now, Some(&lead), Fenced::Fenced));
        }
        let Some(seat) = seat_of(&lead.view, intent.seat) else {
            let (seat, seats) = (intent.seat, lead.view.seats.len());
            return Err(StoreError::Limit(format!("seat {seat} of {seats}")));
        };
        if is_same_intent(&lead.notes, seat, &intent) {
            return Ok(reply(now, Some(&lead), Fenced::Ok(Intended::Ok)));
        }
        let intended = judge_intent(&lead.view, seat, &intent);
        if intended != Intended::Ok {
            return Ok(reply(now, Some(&lead), Fenced::Ok(intended)));
        }
        if !owns(&lead, intent.fence) && !planted("intent_not_fenced") {
            return Ok(reply(now, Some(&lead), Fenced::Fenced));
        }
        self.write_intent(now, &mut lead, intent);
        Ok(reply(now, Some(&lead), Fenced::Ok(Intended::Ok)))
    }

    fn write_intent(&mut self, now: Timestamp, lead: &mut Lead, intent: Intent) {
        let Intent { lead_id, seat, k, .. } = intent;
        let note = AttemptNote { seat, k, fence: intent.fence, late: Vec::new() };
        lead.notes.attempts.push(note);
        let view = lead.edit();
        view.lease_until = plus_ms(now, ms(intent.lease_ms));
        let place = &mut view.seats[usize::from(seat) - 1];
        place.state = SeatState::Posting { k };
        place.attempts.push(Attempt {
            k,
            campaign: intent.campaign,
            post_id: intent.post_id,
            intended_at: now,
            verdict: None,
            has_conflict: false,
        });
        let post = SealedPost { lead_id, seat, k, sealed: intent.sealed_post };
        self.put(rows::day_table(lead_id), rows::post_key(intent.post_id), &post);
        self.save(lead.clone());
    }

    /// Writes what became of a post.
    pub(in super::super) fn outcome(
        &mut self,
        now: Timestamp,
        outcome: Outcome,
    ) -> Result<LeadReply<Recorded>> {
        outcome.closing.as_ref().map_or(Ok(()), check_closing)?;
        limits::effects(&outcome.effects)?;
        limits::late_record(&outcome.late_record)?;
        let Some(mut lead) = self.lead(outcome.lead_id)? else {
            return Ok(reply(now, None, Recorded::Missing));
        };
        if outcome.fence.is_some_and(|fence| fence != lead.view.fence) {
            return Ok(reply(now, Some(&lead), Recorded::Fenced));
        }
        let recorded = seat_of(&lead.view, outcome.seat)
            .map_or(Recorded::Missing, |seat| judge_outcome(seat, outcome.k, outcome.verdict));
        match recorded {
            Recorded::Missing | Recorded::Already | Recorded::Fenced => {}
            Recorded::Recorded => self.write_verdict(now, &mut lead, outcome),
            Recorded::Stands(_) | Recorded::Conflict => self.write_late_verdict(&mut lead, outcome),
        }
        Ok(reply(now, Some(&lead), recorded))
    }

    fn write_verdict(&mut self, now: Timestamp, lead: &mut Lead, outcome: Outcome) {
        let Outcome { seat, k, verdict, .. } = outcome;
        let state = match verdict {
            Verdict::Accepted => SeatState::Sold { k },
            Verdict::Rejected | Verdict::NotSent | Verdict::GivenUp => SeatState::Open,
            Verdict::Unknown => SeatState::Unknown { k },
        };
        let post_id = set_seat(lead.edit(), seat, state, Some(verdict));
        if verdict == Verdict::Unknown {
            lead.notes.due_at = outcome.due_at;
        } else {
            self.erase_post(lead, post_id, (seat, k));
        }
        self.add_effects(lead, outcome.effects);
        if let Some(closing) = outcome.closing
            && judge_closing(&lead.view, &closing).is_ok()
        {
            close(lead, now, closing);
        }
        self.save(lead.clone());
    }

    /// Keeps what a verdict that does not count says, once.
    fn write_late_verdict(&mut self, lead: &mut Lead, outcome: Outcome) {
        let Outcome { seat, k, verdict, .. } = outcome;
        let Some(note) = lead.notes.attempt(seat, k) else { return };
        if note.late.contains(&verdict) {
            return;
        }
        note.late.push(verdict);
        if verdict == Verdict::Accepted && !planted("conflict_unwritten") {
            let attempts = &mut lead.edit().seats[usize::from(seat) - 1].attempts;
            if let Some(attempt) = attempts.iter_mut().find(|attempt| attempt.k == k) {
                attempt.has_conflict = true;
            }
        }
        self.add_effects(lead, outcome.late_record.into_iter().map(Effect::Record).collect());
        self.save(lead.clone());
    }

    /// Ends the wait for a post that stayed unknown.
    pub(in super::super) fn unresolved(
        &mut self,
        now: Timestamp,
        unresolved: Unresolved,
    ) -> Result<LeadReply<Finished>> {
        let Unresolved { lead_id, seat, k, closing, effects } = unresolved;
        closing.as_ref().map_or(Ok(()), check_closing)?;
        limits::effects(&effects)?;
        let Some(mut lead) = self.lead(lead_id)? else {
            return Ok(reply(now, None, Finished::Busy));
        };
        match seat_of(&lead.view, seat).map(|seat| seat.state) {
            Some(SeatState::Unknown { k: waiting }) if waiting == k => {}
            Some(SeatState::Unresolved { k: before }) if before == k => {
                let other = closing.is_some() && lead.is_closed() && lead.view.closing != closing;
                let finished = if other { Finished::Already } else { Finished::Closed };
                return Ok(reply(now, Some(&lead), finished));
            }
            _ if lead.is_closed() => return Ok(reply(now, Some(&lead), Finished::Already)),
            _ => return Ok(reply(now, Some(&lead), Finished::Busy)),
        }
        let post_id = set_seat(lead.edit(), seat, SeatState::Unresolved { k }, None);
        self.erase_post(&lead, post_id, (seat, k));
        self.add_effects(&mut lead, effects);
        if let Some(closing) = closing
            && judge_closing(&lead.view, &closing).is_ok()
        {
            close(&mut lead, now, closing);
        }
        self.save(lead.clone());
        Ok(reply(now, Some(&lead), Finished::Closed))
    }

    /// Keeps only where a post belongs: it is never sent again.
    fn erase_post(&mut self, lead: &Lead, post_id: Option<PostId>, place: (u8, u16)) {
        let Some(post_id) = post_id else { return };
        let (lead_id, (seat, k)) = (lead.view.lead_id, place);
        let post = SealedPost { lead_id, seat, k, sealed: Bytes::new() };
        self.put(rows::day_table(lead_id), rows::post_key(post_id), &post);
    }
}

/// Moves a seat, gives its last attempt a verdict, and returns that attempt's post.
fn set_seat(
    view: &mut LeadView,
    seat: u8,
    state: SeatState,
    verdict: Option<Verdict>,
) -> Option<PostId> {
    let seat = &mut view.seats[usize::from(seat) - 1];
    seat.state = state;
    let attempt = seat.attempts.last_mut()?;
    if verdict.is_some() {
        attempt.verdict = verdict;
    }
    Some(attempt.post_id)
}

/// Whether the owner repeats an intent of its own that is still on its way.
fn is_same_intent(notes: &Notes, seat: &Seat, intent: &Intent) -> bool {
    let is_posting = seat.state == SeatState::Posting { k: intent.k };
    let is_own = notes
        .attempts
        .iter()
        .any(|note| (note.seat, note.k, note.fence) == (intent.seat, intent.k, intent.fence));
    let is_same = seat.last().is_some_and(|attempt| {
        attempt.campaign == intent.campaign && attempt.post_id == intent.post_id
    });
    is_posting && is_own && is_same
}

fn judge_intent(view: &LeadView, seat: &Seat, intent: &Intent) -> Intended {
    match seat.state {
        SeatState::Sold { .. } => return Intended::Sold,
        SeatState::Posting { .. } | SeatState::Unknown { .. } | SeatState::Unresolved { .. } => {
            return Intended::Busy;
        }
        SeatState::Open => {}
    }
    let is_after_last = seat.last().is_none_or(|attempt| intent.k > attempt.k);
    let Some(entry) = view.rank.get(usize::from(intent.k)) else { return Intended::Stale };
    if view.state != LeadState::Decided || !is_after_last || entry.campaign != intent.campaign {
        return Intended::Stale;
    }
    let taken = |other: &Seat| {
        let Some(theirs) = held_by(other).and_then(|k| view.rank.get(usize::from(k))) else {
            return false;
        };
        let same_entity =
            !entry.legal_entity.is_empty() && theirs.legal_entity == entry.legal_entity;
        theirs.buyer == entry.buyer || same_entity
    };
    if view.seats.iter().any(taken) { Intended::Busy } else { Intended::Ok }
}

/// The candidate that has a seat or may have it.
fn held_by(seat: &Seat) -> Option<u16> {
    match seat.state {
        SeatState::Open => None,
        SeatState::Posting { k }
        | SeatState::Unknown { k }
        | SeatState::Sold { k }
        | SeatState::Unresolved { k } => Some(k),
    }
}

/// What a verdict on candidate `k` means as the seat stands: the first definite one counts.
fn judge_outcome(seat: &Seat, k: u16, verdict: Verdict) -> Recorded {
    let Some(attempt) = seat.attempts.iter().find(|attempt| attempt.k == k) else {
        return Recorded::Missing;
    };
    let is_over = seat.state == SeatState::Unresolved { k };
    let standing = attempt.verdict.filter(|before| before.is_definite() || is_over);
    match (standing, attempt.verdict) {
        (_, Some(before)) if before == verdict => Recorded::Already,
        (None, _) => Recorded::Recorded,
        (Some(_), _) if verdict == Verdict::Accepted => Recorded::Conflict,
        (Some(before), _) => Recorded::Stands(before),
    }
}
