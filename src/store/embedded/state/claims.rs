//! Who runs a lead: leases that end by the store's clock and fences that only grow.

use jiff::Timestamp;

use super::lead::{Unfit, judge_closing};
use super::leads::{check_closing, close, ms};
use super::{Result, State, owns, reply};
use crate::domain::auction::{Closing, LeadState};
use crate::domain::ids::LeadId;
use crate::domain::time::plus_ms;
use crate::faults::planted;
use crate::ports::auction_store::{
    Claimed, Effect, Fenced, Finished, LeadReply, NodeId, StoreError,
};
use crate::store::limits;

impl State {
    /// Takes a lead over once its lease is over. The same node keeps a lease that still runs
    /// under the same fence, so that a claim whose reply was lost can be repeated.
    pub(in super::super) fn claim(
        &mut self,
        now: Timestamp,
        lead_id: LeadId,
        node: NodeId,
        lease_ms: u64,
    ) -> Result<LeadReply<Claimed>> {
        let Some(mut lead) = self.lead(lead_id)? else {
            return Ok(reply(now, None, Claimed::Missing));
        };
        match lead.view.state {
            LeadState::Closed => return Ok(reply(now, Some(&lead), Claimed::Closed)),
            LeadState::Offered { .. } => return Ok(reply(now, Some(&lead), Claimed::Held)),
            LeadState::Received | LeadState::Decided => {}
        }
        let runs = lead.view.lease_until > now;
        if runs && lead.notes.owner != node && !planted("lease_not_checked") {
            return Ok(reply(now, Some(&lead), Claimed::Held));
        }
        lead.notes.owner = node;
        let view = lead.edit();
        if !runs {
            view.fence += 1;
        }
        view.lease_until = view.lease_until.max(plus_ms(now, ms(lease_ms)));
        let fence = view.fence;
        self.save(lead.clone());
        Ok(reply(now, Some(&lead), Claimed::Claimed { fence }))
    }

    /// Moves the lease's end.
    pub(in super::super) fn renew(
        &mut self,
        now: Timestamp,
        lead_id: LeadId,
        fence: u64,
        lease_ms: u64,
    ) -> Result<LeadReply<Fenced<()>>> {
        let Some(mut lead) = self.lead(lead_id)? else {
            return Ok(reply(now, None, Fenced::Fenced));
        };
        if !owns(&lead, fence) {
            return Ok(reply(now, Some(&lead), Fenced::Fenced));
        }
        lead.edit().lease_until = plus_ms(now, ms(lease_ms));
        self.save(lead.clone());
        Ok(reply(now, Some(&lead), Fenced::Ok(())))
    }

    /// Says when somebody must look at unknown posts again.
    pub(in super::super) fn postpone(
        &mut self,
        now: Timestamp,
        lead_id: LeadId,
        fence: u64,
        due_at: Timestamp,
    ) -> Result<LeadReply<Fenced<()>>> {
        let Some(mut lead) = self.lead(lead_id)? else {
            return Ok(reply(now, None, Fenced::Fenced));
        };
        if !owns(&lead, fence) {
            return Ok(reply(now, Some(&lead), Fenced::Fenced));
        }
        lead.notes.due_at = Some(due_at);
        self.save(lead.clone());
        Ok(reply(now, Some(&lead), Fenced::Ok(())))
    }

    /// Ends a lead unless a post may be with a buyer.
    pub(in super::super) fn finish(
        &mut self,
        now: Timestamp,
        lead_id: LeadId,
        fence: u64,
        end: (Closing, Vec<Effect>),
    ) -> Result<LeadReply<Fenced<Finished>>> {
        let (closing, effects) = end;
        check_closing(&closing)?;
        limits::effects(&effects)?;
        let Some(mut lead) = self.lead(lead_id)? else {
            return Ok(reply(now, None, Fenced::Fenced));
        };
        if lead.view.fence == fence && lead.is_closed() {
            let same = lead.view.closing.as_ref() == Some(&closing);
            let finished = if same { Finished::Closed } else { Finished::Already };
            return Ok(reply(now, Some(&lead), Fenced::Ok(finished)));
        }
        if !owns(&lead, fence) {
            return Ok(reply(now, Some(&lead), Fenced::Fenced));
        }
        match judge_closing(&lead.view, &closing) {
            Ok(()) => {}
            Err(Unfit::Locked) => {
                return Ok(reply(now, Some(&lead), Fenced::Ok(Finished::Busy)));
            }
            Err(Unfit::Contradicts) => {
                return Err(StoreError::Limit("the closing contradicts the seats".to_owned()));
            }
        }
        self.add_effects(&mut lead, effects);
        close(&mut lead, now, closing);
        self.save(lead.clone());
        Ok(reply(now, Some(&lead), Fenced::Ok(Finished::Closed)))
    }
}
