//! Offers: a ranked lead that waits for the vendor's post, and what ends the wait.

use jiff::Timestamp;

use super::lead::{Lead, TakeNote};
use super::leads::{check_closing, close, ms};
use super::rows;
use super::{Result, State, reply};
use crate::domain::auction::{Closing, LeadState};
use crate::domain::disposition::Disposition;
use crate::domain::ids::LeadId;
use crate::domain::time::plus_ms;
use crate::faults::planted;
use crate::ports::auction_store::{Effect, Expired, LeadReply, StoreError, Take, Taken};
use crate::store::limits;

impl State {
    /// Goes on with an offered lead, under a new fence.
    pub(in super::super) fn take(
        &mut self,
        now: Timestamp,
        take: Take,
    ) -> Result<LeadReply<Taken>> {
        limits::opaque("sealed lead", &take.sealed)?;
        limits::opaque("offer ids", &take.offer_ids)?;
        limits::effects(&take.effects)?;
        let Some(mut lead) = self.lead(take.lead_id)? else {
            return Ok(reply(now, None, Taken::Missing));
        };
        let LeadState::Offered { expires_at } = lead.view.state else {
            let taken = self.taken_before(&lead, &take)?;
            return Ok(reply(now, Some(&lead), taken));
        };
        if expires_at <= now && !planted("offer_taken_late") {
            return Ok(reply(now, Some(&lead), Taken::Expired));
        }
        let fence = lead.view.fence + 1;
        lead.notes.owner = take.node;
        lead.notes.take = Some(TakeNote { fingerprint: take.fingerprint, node: take.node, fence });
        let view = lead.edit();
        view.fence = fence;
        view.state = LeadState::Decided;
        view.lease_until = plus_ms(now, ms(take.lease_ms));
        view.taken = take.offer_ids;
        let day = rows::day_table(take.lead_id);
        self.changes.put(day, rows::sealed_key(take.lead_id), take.sealed);
        self.add_effects(&mut lead, take.effects);
        self.save(lead.clone());
        Ok(reply(now, Some(&lead), Taken::Taken { fence }))
    }

    /// What a post finds that comes after the wait.
    ///
    /// The vendor's repeat has the same fingerprint but is sealed anew; only our own repeat of
    /// this very operation has the same sealed bytes, and is told again that the lead is its own.
    fn taken_before(&self, lead: &Lead, take: &Take) -> Result<Taken> {
        let Some(note) = &lead.notes.take else {
            return Ok(if has_expired(lead) { Taken::Expired } else { Taken::Missing });
        };
        if note.fingerprint != take.fingerprint {
            return Ok(Taken::Mismatch);
        }
        let is_repeat = note.node == take.node
            && lead.view.taken == take.offer_ids
            && self.sealed_lead(take.lead_id)?.as_ref() == Some(&take.sealed);
        Ok(if is_repeat { Taken::Taken { fence: note.fence } } else { Taken::Same })
    }

    /// Ends an offer that ran out by the store's time.
    pub(in super::super) fn expire_offer(
        &mut self,
        now: Timestamp,
        lead_id: LeadId,
        closing: Closing,
        effects: Vec<Effect>,
    ) -> Result<LeadReply<Expired>> {
        check_closing(&closing)?;
        limits::effects(&effects)?;
        if closing.disposition != Disposition::Expired {
            return Err(StoreError::Limit("an offer can only expire".to_owned()));
        }
        let Some(mut lead) = self.lead(lead_id)? else {
            return Ok(reply(now, None, Expired::Taken));
        };
        let LeadState::Offered { expires_at } = lead.view.state else {
            let expired = if has_expired(&lead) { Expired::Closed } else { Expired::Taken };
            return Ok(reply(now, Some(&lead), expired));
        };
        if expires_at > now {
            return Ok(reply(now, Some(&lead), Expired::TooEarly));
        }
        self.add_effects(&mut lead, effects);
        close(&mut lead, now, closing);
        self.save(lead.clone());
        Ok(reply(now, Some(&lead), Expired::Closed))
    }
}

fn has_expired(lead: &Lead) -> bool {
    lead.view.closing.as_ref().is_some_and(|end| end.disposition == Disposition::Expired)
}
