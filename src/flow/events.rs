//! Telling vendors and buyers: events are worked out when a decision record is settled, and
//! delivered, at least once, by a worker of their own.
//!
//! `Exchange::tell` stands between the records and the acknowledgement of the outbox: whatever
//! dies in between is settled again and works out the same events under the same ids. The worker
//! takes what is due from the records, a few events for each endpoint at a time, so that an endpoint
//! that hangs holds up nobody; and everything it must know after a restart stands in the records.

mod attempt;
mod lanes;
mod worker;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::exchange::{Degraded, Exchange};
use crate::domain::event::{DisabledReason, EndpointState, EventType};
use crate::domain::ids::{EndpointId, EventId, LeadId};
use crate::notify::events::{self, Telling};
use crate::ports::records::events::{EndpointHealth, EventWork, NewEvent};
use crate::ports::records::{RecordPart, RecordsError};
use crate::registry::endpoints::CompiledEndpoint;

/// Who disables an endpoint that is gone or failing, in the audit.
pub const ACTOR: &str = "exchange";

/// What the settler and the worker tell each other, and what stands in the way.
#[derive(Default)]
pub struct Events {
    woken: Mutex<BTreeSet<EndpointId>>,
    /// Endpoints whose failures somebody has forgotten.
    healed: Mutex<BTreeSet<EndpointId>>,
    wake: Notify,
    trouble: Mutex<Option<String>>,
    late: Mutex<Option<String>>,
}

impl Events {
    /// Says that endpoints have something new.
    pub(super) fn wake(&self, endpoints: impl IntoIterator<Item = EndpointId>) {
        self.woken.lock().unwrap_or_else(PoisonError::into_inner).extend(endpoints);
        self.wake.notify_one();
    }

    /// Says that an endpoint's failures are forgotten, and that it is to be looked at.
    fn heal(&self, id: EndpointId) {
        self.healed.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        self.wake([id]);
    }

    fn take_healed(&self) -> BTreeSet<EndpointId> {
        std::mem::take(&mut *self.healed.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn take_woken(&self) -> BTreeSet<EndpointId> {
        std::mem::take(&mut *self.woken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note(place: &Mutex<Option<String>>, trouble: Option<String>) {
        *place.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// What does not work as it should.
    #[must_use]
    pub fn degraded(&self) -> Option<Degraded> {
        let of = |place: &Mutex<Option<String>>| {
            place.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        let why = of(&self.trouble).or_else(|| of(&self.late))?;
        Some(Degraded { what: "events", why })
    }
}

impl Exchange {
    /// Works out what the settled `parts` tell, and keeps it for delivery. To be repeated with the
    /// same parts until it succeeds.
    pub(super) async fn tell(&self, parts: &[RecordPart]) -> Result<(), RecordsError> {
        let snapshot = self.snapshot();
        if snapshot.endpoints.is_empty() {
            return Ok(());
        }
        let mut fresh: BTreeMap<LeadId, BTreeSet<u32>> = BTreeMap::new();
        for part in parts {
            fresh.entry(part.lead_id).or_default().insert(part.sequence);
        }
        let telling = Telling {
            currency: &snapshot.currency,
            price_band_width: self.event_settings.price_band_width,
        };
        let mut new = Vec::new();
        for (lead_id, parts) in self.records.parts_of(fresh.keys().copied().collect()).await? {
            let Some(fresh) = fresh.get(&lead_id) else { continue };
            let told = events::told(&parts, telling);
            for told in told.into_iter().filter(|told| fresh.contains(&told.part)) {
                let endpoints = snapshot.endpoints.of(&told.to);
                for heard in endpoints.iter().filter(|known| known.endpoint.hears(told.event_type))
                {
                    let digest =
                        self.vault.event_digest(lead_id, (told.part, told.place), heard.id);
                    new.push(NewEvent {
                        event_id: EventId::new(digest),
                        endpoint_id: heard.id,
                        subject: lead_id.to_string(),
                        sequence: told.sequence,
                        event_type: told.event_type,
                        body: told.body.clone(),
                        created_at: self.now(),
                    });
                }
            }
        }
        self.keep_events(new).await
    }

    async fn keep_events(&self, new: Vec<NewEvent>) -> Result<(), RecordsError> {
        if new.is_empty() {
            return Ok(());
        }
        let endpoints: BTreeSet<EndpointId> = new.iter().map(|event| event.endpoint_id).collect();
        self.records.add_events(new).await?;
        self.events.wake(endpoints);
        Ok(())
    }

    /// Disables an endpoint that must not be called any more, and tells its owner's others first:
    /// should this end halfway, the next failure does it again under the same ids.
    async fn disable_endpoint(&self, failed: &CompiledEndpoint, reason: DisabledReason) {
        let now = self.now();
        let event_type = EventType::EndpointDisabled;
        let snapshot = self.snapshot();
        let others = snapshot.endpoints.of(&failed.endpoint.owner).iter();
        let others =
            others.filter(|other| other.id != failed.id && other.endpoint.hears(event_type));
        let day = now.as_second().div_euclid(86_400);
        let new = others.map(|other| NewEvent {
            event_id: EventId::new(self.vault.endpoint_event_digest(failed.id, day, other.id)),
            endpoint_id: other.id,
            subject: failed.id.to_string(),
            sequence: 1,
            event_type,
            body: events::endpoint_disabled(failed.id, reason, now),
            created_at: now,
        });
        if let Err(error) = self.keep_events(new.collect()).await {
            tracing::error!(%error, "events.not_told");
            return;
        }
        let changed = self.administration().change_endpoint(failed.id, ACTOR, |endpoint| {
            if endpoint.state != EndpointState::Active {
                return None;
            }
            endpoint.state = EndpointState::Disabled;
            endpoint.disabled_reason = Some(reason);
            Some(match reason {
                DisabledReason::Gone => "disabled: it answered 410",
                _ => "disabled: every attempt failed for days",
            })
        });
        match changed.await {
            Ok(_) => {
                let (owner, reason) = (failed.endpoint.owner.to_string(), reason.as_str());
                tracing::warn!(endpoint_id = %failed.id, owner, reason, "endpoint.disabled");
            }
            Err(error) => {
                tracing::error!(endpoint_id = %failed.id, %error, "endpoint.not_disabled");
            }
        }
    }

    /// Forgets an endpoint's failures, because somebody has put it to rights.
    ///
    /// # Errors
    /// [`RecordsError`].
    pub(super) async fn clear_endpoint_health(&self, id: EndpointId) -> Result<(), RecordsError> {
        let now = self.now();
        let work = EventWork {
            node: self.node,
            now,
            lease_until: now,
            tried: Vec::new(),
            returned: Vec::new(),
            health: vec![(id, EndpointHealth::default())],
            wanted: Vec::new(),
        };
        self.records.work_events(work).await?;
        self.events.heal(id);
        Ok(())
    }
}
