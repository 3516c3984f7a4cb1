//! Taking leads in, reading them, and appending facts to those that have ended.

use bytes::Bytes;
use jiff::Timestamp;

use super::lead::{Lead, Notes};
use super::rows::{self, HeadRow, KeyRow};
use super::{Result, State, reply};
use crate::domain::auction::{Closing, LeadState, LeadView, Seat, SeatState};
use crate::domain::disposition::Disposition;
use crate::domain::ids::{LeadId, Partition, PostId};
use crate::domain::time::plus_ms;
use crate::faults::planted;
use crate::ports::auction_store::{
    Create, Created, Due, Effect, LeadReply, SealedPost, StoreError,
};
use crate::store::embedded::engine::Table;
use crate::store::limits;

/// The fence of a lead's first owner.
const FIRST_FENCE: u64 = 1;

impl State {
    /// Takes a lead in under its key, or tells what the key stands for.
    pub(in super::super) fn create(
        &mut self,
        now: Timestamp,
        create: Create,
    ) -> Result<LeadReply<Created>> {
        self.check_create(&create)?;
        let known = self.key(now, &create.key_digest)?;
        if let Some(known) = known.filter(|_| !planted("key_not_kept")) {
            let lead = self.lead(known.lead_id)?;
            let is_same = known.fingerprint == create.fingerprint;
            if !is_same && !planted("fingerprint_not_checked") {
                return Ok(reply(now, lead.as_ref(), Created::Mismatch));
            }
            if known.lead_id == create.lead_id {
                let created = Created::Created { fence: FIRST_FENCE };
                return Ok(reply(now, lead.as_ref(), created));
            }
            if lead.is_some() {
                return Ok(reply(now, lead.as_ref(), Created::Same));
            }
        }
        if self.lead(create.lead_id)?.is_some() {
            return Err(StoreError::Limit("the lead's id is taken".to_owned()));
        }
        self.check_free_space(now)?;
        let lead = self.take_in(now, create);
        Ok(reply(now, Some(&lead), Created::Created { fence: FIRST_FENCE }))
    }

    fn check_create(&self, create: &Create) -> Result<()> {
        self.partition(create.lead_id.partition())?;
        limits::within("seats", usize::from(create.seats), limits::SEATS_MAX)?;
        limits::opaque("sealed lead", &create.sealed)?;
        limits::opaque("plan", &create.plan)?;
        limits::effects(&create.effects)?;
        create.closing.as_ref().map_or(Ok(()), check_closing)
    }

    /// A key that is still known.
    fn key(&self, now: Timestamp, digest: &[u8; 32]) -> Result<Option<KeyRow>> {
        let known: Option<KeyRow> = self.row(Table::Keys, digest)?;
        Ok(known.filter(|key| key.expires_at > now))
    }

    fn take_in(&mut self, now: Timestamp, create: Create) -> Lead {
        let lead_id = create.lead_id;
        let key = KeyRow {
            lead_id,
            fingerprint: create.fingerprint,
            expires_at: plus_ms(now, ms(create.key_ttl_ms)),
        };
        self.put(Table::Keys, create.key_digest.to_vec(), &key);
        self.expire_later(key.expires_at, Table::Keys, &create.key_digest);
        if !create.sealed.is_empty() {
            let key = rows::sealed_key(lead_id);
            self.changes.put(rows::day_table(lead_id), key, create.sealed.clone());
        }
        let mut lead = Lead { view: new_view(now, &create).into(), notes: Notes::new(create.node) };
        self.add_effects(&mut lead, create.effects);
        if let Some(closing) = create.closing {
            close(&mut lead, now, closing);
        } else {
            let head = HeadRow {
                vendor: create.vendor,
                fingerprint: create.fingerprint,
                registry_version: create.registry_version,
                plan: create.plan,
                created_at: now,
            };
            self.put(Table::Leads, rows::lead_key(lead_id), &head);
        }
        self.save(lead.clone());
        lead
    }

    /// The lead as it stands.
    pub(in super::super) fn read(&self, now: Timestamp, lead_id: LeadId) -> Result<LeadReply<()>> {
        let lead = self.lead(lead_id)?;
        Ok(reply(now, lead.as_ref(), ()))
    }

    /// The sealed lead.
    pub(in super::super) fn sealed_lead(&self, lead_id: LeadId) -> Result<Option<Bytes>> {
        self.bytes(rows::day_table(lead_id), &rows::sealed_key(lead_id))
    }

    /// The sealed post. A post's id does not tell its day, so days are asked from the newest on.
    pub(in super::super) fn sealed_post(&self, post_id: PostId) -> Result<Option<SealedPost>> {
        let key = rows::post_key(post_id);
        let mut days = self.engine.days();
        days.extend(self.open_days());
        days.sort_unstable();
        days.dedup();
        for day in days.into_iter().rev() {
            if let Some(post) = self.row(Table::Day(day), &key)? {
                return Ok(Some(post));
            }
        }
        Ok(None)
    }

    /// Leads of a partition that somebody must look at, the longest due first.
    pub(in super::super) fn due(
        &self,
        now: Timestamp,
        partition: Partition,
        limit: usize,
    ) -> Result<Vec<Due>> {
        let index = &self.due[self.partition(partition)?];
        let over = index.iter().take_while(|(at, _)| *at <= now);
        let limit = limit.min(limits::READ_MAX);
        Ok(over.take(limit).map(|(at, lead_id)| Due { lead_id: *lead_id, at: *at }).collect())
    }

    /// Appends a fact to a closed lead.
    pub(in super::super) fn append(
        &mut self,
        now: Timestamp,
        lead_id: LeadId,
        fact_id: String,
        fact: (Bytes, Vec<Effect>),
    ) -> Result<LeadReply<bool>> {
        let (fact, effects) = fact;
        limits::text("fact id", &fact_id)?;
        limits::opaque("fact", &fact)?;
        limits::effects(&effects)?;
        let Some(mut lead) = self.lead(lead_id)? else { return Ok(reply(now, None, false)) };
        if !lead.is_closed() {
            return Ok(reply(now, Some(&lead), false));
        }
        if lead.notes.fact_ids.contains(&fact_id) {
            return Ok(reply(now, Some(&lead), true));
        }
        limits::within("facts", lead.view.facts.len() + 1, limits::FACTS_MAX)?;
        lead.notes.fact_ids.push(fact_id);
        lead.edit().facts.push(fact);
        self.add_effects(&mut lead, effects);
        self.save(lead.clone());
        Ok(reply(now, Some(&lead), true))
    }
}

/// Refuses a closing that is none or too large.
pub(super) fn check_closing(closing: &Closing) -> Result<()> {
    if matches!(closing.disposition, Disposition::Pending | Disposition::Offered) {
        return Err(StoreError::Limit("a lead cannot end as pending or offered".to_owned()));
    }
    limits::opaque("answer", &closing.answer.body)
}

/// Ends a lead; the caller has made sure that it may end like this, and saves it.
pub(super) fn close(lead: &mut Lead, now: Timestamp, closing: Closing) {
    lead.notes.due_at = None;
    let view = lead.edit();
    view.state = LeadState::Closed;
    view.closing = Some(closing);
    view.closed_at = Some(now);
    view.lease_until = view.lease_until.min(now);
}

/// Milliseconds as the time arithmetic takes them.
pub(super) fn ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

fn new_view(now: Timestamp, create: &Create) -> LeadView {
    let open = Seat { state: SeatState::Open, attempts: Vec::new() };
    LeadView {
        lead_id: create.lead_id,
        vendor: create.vendor.clone(),
        state: LeadState::Received,
        fence: FIRST_FENCE,
        lease_until: plus_ms(now, ms(create.lease_ms)),
        fingerprint: create.fingerprint,
        registry_version: create.registry_version,
        seats: vec![open; usize::from(create.seats)],
        rounds: 0,
        rank: Vec::new(),
        closing: None,
        plan: create.plan.clone(),
        offers: Bytes::new(),
        taken: Bytes::new(),
        created_at: now,
        closed_at: None,
        facts: Vec::new(),
    }
}
