//! The worker: one loop that takes what is due, sends it, and writes down what became of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::Events;
use super::attempt::Attempted;
use super::lanes::Lanes;
use crate::domain::event::{DisabledReason, Endpoint, EndpointState};
use crate::domain::event_settings::EventSettings;
use crate::domain::ids::{EndpointId, EventId};
use crate::domain::time::plus_ms;
use crate::flow::exchange::Exchange;
use crate::notify::retry::{AttemptResult, Ended, Next, after, pause};
use crate::ports::records::RecordsError;
use crate::ports::records::events::{
    Backlog, EndpointHealth, EventState, EventWork, Forgetting, Tried, WorkReply,
};

/// Pause between two looks at all endpoints, for what another node or a crash left.
const SWEEP_PAUSE: Duration = Duration::from_secs(5);
/// How long a node owns an event beyond the longest attempt, in milliseconds.
const LEASE_MARGIN_MS: u64 = 5_000;
/// How long a stopping node waits for attempts on their way; what is cut off is sent again.
const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// Pause after the records gave no answer.
const TROUBLE_PAUSE: Duration = Duration::from_millis(500);
/// Events forgotten in one go.
const FORGOTTEN_MAX: usize = 1_000;
/// Sweeps between two rounds of forgetting.
const SWEEPS_PER_FORGETTING: u32 = 12;
/// An event of an endpoint that works is late when it has been due for so long, in seconds.
const LATE_S: i64 = 60;

/// What the worker knows between two steps.
struct Desk {
    lanes: Lanes,
    /// Attempts that are over and not written down yet.
    ended: Vec<Attempted>,
    /// Attempts on their way.
    calls: BTreeSet<(EndpointId, EventId)>,
    /// Cuts them off.
    cut: CancellationToken,
    /// Events that were given out and are not sent.
    returned: Vec<(EndpointId, EventId)>,
    done: UnboundedSender<Attempted>,
    sweeps: u32,
}

impl Exchange {
    /// Delivers events as they become due; ends when the node stops.
    pub(in crate::flow) async fn deliver_events_for_ever(self: &Arc<Self>) {
        let (done, mut ended) = unbounded_channel();
        let lanes = Lanes::new(self.endpoint_places, self.event_settings.calls_in_flight_max);
        let mut desk = Desk {
            lanes,
            ended: Vec::new(),
            calls: BTreeSet::new(),
            cut: CancellationToken::new(),
            returned: Vec::new(),
            done,
            sweeps: 0,
        };
        let mut sweep = interval(SWEEP_PAUSE);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let next = self.next_event_look(&desk);
            tokio::select! {
                biased;
                () = self.stopping.cancelled() => break,
                _ = sweep.tick() => self.sweep_events(&mut desk).await,
                Some(attempted) = ended.recv() => desk.ended.push(attempted),
                () = self.events.wake.notified() => {}
                () = sleep_until(next) => {}
            }
            while let Ok(attempted) = ended.try_recv() {
                desk.ended.push(attempted);
            }
            self.event_step(&mut desk).await;
        }
        self.finish_events(desk, ended).await;
    }

    /// Writes down what ends within a short while; the rest is cut off and given back, so that it is
    /// due for whoever comes next.
    async fn finish_events(
        self: &Arc<Self>,
        mut desk: Desk,
        mut ended: UnboundedReceiver<Attempted>,
    ) {
        let mut left = desk.lanes.in_flight().saturating_sub(desk.ended.len());
        let until = Instant::now() + STOP_PATIENCE;
        while left > 0 {
            let wait = until.saturating_duration_since(Instant::now());
            let Ok(Some(attempted)) = timeout(wait, ended.recv()).await else { break };
            desk.ended.push(attempted);
            left -= 1;
        }
        let (tried, health) = self.judge(&mut desk);
        let mut returned = std::mem::take(&mut desk.returned);
        desk.cut.cancel();
        returned.extend(std::mem::take(&mut desk.calls));
        let (node, now) = (self.node, self.now());
        let lease_until = now;
        let wanted = Vec::new();
        let work = EventWork { node, now, lease_until, tried, returned, health, wanted };
        if let Err(error) = self.records.work_events(work).await {
            tracing::error!(%error, "events.not_written");
        }
    }

    fn next_event_look(&self, desk: &Desk) -> Instant {
        let snapshot = self.snapshot();
        let is_active = |id: EndpointId| is_active(&snapshot, id);
        // Anything further away is found by a sweep.
        let furthest = Instant::now() + SWEEP_PAUSE;
        desk.lanes.next_look(is_active).map_or(furthest, |at| self.instant_of(at).min(furthest))
    }

    /// One step: what ended is written down, what is due is taken, in one transaction.
    async fn event_step(self: &Arc<Self>, desk: &mut Desk) {
        let snapshot = self.snapshot();
        let now = self.now();
        for id in self.events.take_healed() {
            desk.lanes.set_health(id, EndpointHealth::default());
        }
        for id in self.events.take_woken() {
            desk.lanes.look(id, now);
        }
        let (tried, health) = self.judge(desk);
        let wanted = desk.lanes.wanted(now, |id| is_active(&snapshot, id));
        let returned = std::mem::take(&mut desk.returned);
        if tried.is_empty() && wanted.is_empty() && returned.is_empty() {
            return;
        }
        let lease_ms = self.event_settings.timeout_ms.saturating_add(LEASE_MARGIN_MS);
        let work = EventWork {
            node: self.node,
            now,
            lease_until: plus_ms(now, i64::try_from(lease_ms).unwrap_or(i64::MAX)),
            tried,
            returned,
            health,
            wanted,
        };
        let Some(reply) = self.insist_on_work(&work).await else { return };
        let mut given: BTreeMap<EndpointId, usize> = BTreeMap::new();
        for event in &reply.due {
            *given.entry(event.endpoint_id).or_default() += 1;
        }
        for view in &reply.lanes {
            let wanted = work.wanted.iter().find(|wanted| wanted.endpoint_id == view.endpoint_id);
            let given = given.get(&view.endpoint_id).copied().unwrap_or(0);
            let is_full = wanted.is_some_and(|wanted| given >= wanted.events_max);
            desk.lanes.looked(view, is_full, now);
        }
        self.send(desk, reply);
    }

    /// What ended must be written down, so this goes on until it is or the node stops.
    async fn insist_on_work(&self, work: &EventWork) -> Option<WorkReply> {
        loop {
            match self.records.work_events(work.clone()).await {
                Ok(reply) => {
                    Events::note(&self.events.trouble, None);
                    return Some(reply);
                }
                Err(error) => self.events_fail(&error),
            }
            let pause = tokio::time::sleep(TROUBLE_PAUSE);
            self.stopping.run_until_cancelled(pause).await?;
        }
    }

    fn events_fail(&self, error: &RecordsError) {
        tracing::error!(%error, "events.records_failed");
        self.metrics.records_errors("work_events");
        Events::note(&self.events.trouble, Some(error.to_string()));
    }

    fn send(self: &Arc<Self>, desk: &mut Desk, reply: WorkReply) {
        let snapshot = self.snapshot();
        for event in reply.due {
            // Taken away, moved or disabled since it was wanted: whoever wants it next finds it due.
            let to = snapshot.endpoints.get(event.endpoint_id).cloned();
            let Some(to) = to.filter(|to| to.endpoint.state == EndpointState::Active) else {
                desk.returned.push((event.endpoint_id, event.event_id));
                continue;
            };
            let name = (event.endpoint_id, event.event_id);
            desk.lanes.begin(event.endpoint_id, event.tries > 0);
            let (exchange, done, cut) = (Arc::clone(self), desk.done.clone(), desk.cut.clone());
            let attempt = async move {
                let attempt = exchange.attempt(event, &to);
                if let Some(attempted) = cut.run_until_cancelled_owned(attempt).await {
                    // Nobody listens once the node has stopped.
                    drop(done.send(attempted));
                }
            };
            desk.calls.insert(name);
            self.tasks.spawn(&self.event_calls, attempt);
        }
    }

    /// Says what each ended attempt means for its event and its endpoint.
    fn judge(self: &Arc<Self>, desk: &mut Desk) -> (Vec<Tried>, Vec<(EndpointId, EndpointHealth)>) {
        let mut tried = Vec::with_capacity(desk.ended.len());
        let mut changed: BTreeMap<EndpointId, EndpointHealth> = BTreeMap::new();
        for attempted in std::mem::take(&mut desk.ended) {
            let now = self.now();
            let id = attempted.event.endpoint_id;
            desk.calls.remove(&(id, attempted.event.event_id));
            desk.lanes.end(id, attempted.event.tries > 0, now);
            self.metrics.event_attempts(attempted.event.event_type, attempted.result.as_str());
            let ended = Ended {
                result: attempted.result,
                tries: attempted.event.tries + 1,
                retry_after: attempted.retry_after.as_deref(),
                now,
                random: (self.entropy.bits() & 0xffff) as u16,
            };
            let next = after(ended, &self.event_settings);
            let before = desk.lanes.health(id);
            let health = health_after(before, ended, &self.event_settings);
            if health != before {
                desk.lanes.set_health(id, health);
                changed.insert(id, health);
            }
            self.consider_disabling(&attempted, health);
            tried.push(tried_of(attempted, next));
        }
        (tried, changed.into_iter().collect())
    }

    fn consider_disabling(self: &Arc<Self>, attempted: &Attempted, health: EndpointHealth) {
        let limit_s = i64::try_from(self.event_settings.disable_after_s).unwrap_or(i64::MAX);
        let failing_s = |since: Timestamp| self.now().duration_since(since).as_secs();
        let is_failing = health.failing_since.is_some_and(|since| failing_s(since) >= limit_s);
        let reason = match attempted.result {
            AttemptResult::Gone => DisabledReason::Gone,
            _ if is_failing => DisabledReason::Failing,
            _ => return,
        };
        let endpoint = self.snapshot().endpoints.get(attempted.event.endpoint_id).cloned();
        // What an endpoint that moved meanwhile says at its old place is no word about the new one.
        let is_meant =
            |known: &Endpoint| known.state == EndpointState::Active && known.url == attempted.url;
        let Some(endpoint) = endpoint.filter(|known| is_meant(&known.endpoint)) else { return };
        let exchange = Arc::clone(self);
        let disable = async move { exchange.disable_endpoint(&endpoint, reason).await };
        self.tasks.spawn(&self.event_calls, disable);
    }

    /// Looks at everything now and then, counts what waits, and forgets what is old.
    async fn sweep_events(&self, desk: &mut Desk) {
        let snapshot = self.snapshot();
        let now = self.now();
        desk.lanes.keep(|id| is_active(&snapshot, id));
        for endpoint in snapshot.endpoints.active() {
            desk.lanes.look(endpoint.id, now);
        }
        let disabled = snapshot
            .endpoints
            .iter()
            .filter(|known| known.endpoint.state == EndpointState::Disabled);
        let disabled = i64::try_from(disabled.count()).unwrap_or(i64::MAX);
        self.metrics.endpoints_disabled.set(disabled);
        let backlog = match self.records.event_backlog().await {
            Ok(backlog) => backlog,
            Err(error) => return self.events_fail(&error),
        };
        // Where there is no endpoint nothing else would ever say so.
        Events::note(&self.events.trouble, None);
        let (active, deaf): (Vec<Backlog>, Vec<Backlog>) =
            backlog.into_iter().partition(|of| is_active(&snapshot, of.endpoint_id));
        self.show_backlog(&active, desk, now);
        desk.sweeps = desk.sweeps.wrapping_add(1);
        if desk.sweeps % SWEEPS_PER_FORGETTING == 1 {
            let deaf = deaf.iter().map(|of| of.endpoint_id);
            self.forget_events(now, deaf).await;
        }
    }

    fn show_backlog(&self, backlog: &[Backlog], desk: &Desk, now: Timestamp) {
        let waiting: u64 = backlog.iter().map(|of| of.waiting).sum();
        self.metrics.events_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        let age_s = |of: &Backlog| of.oldest_due.map(|due| now.duration_since(due).as_secs());
        let oldest_s = backlog.iter().filter_map(age_s).max().unwrap_or(0).max(0);
        #[expect(clippy::cast_precision_loss, reason = "ages in seconds are small")]
        self.metrics.events_oldest_due.set(oldest_s as f64);
        let healthy = backlog.iter().filter(|of| !desk.lanes.is_failing(of.endpoint_id));
        let late_s = healthy.filter_map(age_s).max().filter(|age_s| *age_s > LATE_S);
        let why = late_s.map(|age_s| format!("an event has been due for {age_s} seconds"));
        Events::note(&self.events.late, why);
    }

    /// Forgets what is old and has ended. What waits for an endpoint that hears of it is kept,
    /// however old it is; what waits for one that is `deaf` is not.
    async fn forget_events(&self, now: Timestamp, deaf: impl Iterator<Item = EndpointId>) {
        let kept = SignedDuration::from_hours(24 * i64::from(self.event_settings.keep_days));
        let before = now.saturating_sub(kept).unwrap_or(Timestamp::MIN);
        for waiting_for in deaf.map(Some).chain([None]) {
            let order = Forgetting { before, now, limit: FORGOTTEN_MAX, waiting_for };
            loop {
                match self.records.forget_events(order).await {
                    Ok(count) if count >= FORGOTTEN_MAX as u64 => {}
                    Ok(_) => break,
                    Err(error) => return self.events_fail(&error),
                }
            }
        }
    }
}

fn is_active(snapshot: &crate::registry::snapshot::Snapshot, id: EndpointId) -> bool {
    let known = snapshot.endpoints.get(id);
    known.is_some_and(|known| known.endpoint.state == EndpointState::Active)
}

/// An endpoint's health after an attempt: a success clears it.
fn health_after(
    before: EndpointHealth,
    ended: Ended<'_>,
    settings: &EventSettings,
) -> EndpointHealth {
    if ended.result == AttemptResult::Delivered {
        return EndpointHealth::default();
    }
    EndpointHealth {
        failing_since: before.failing_since.or(Some(ended.now)),
        paused_until: before.paused_until.max(pause(ended, settings)),
    }
}

fn tried_of(attempted: Attempted, next: Next) -> Tried {
    let (state, due_at) = match next {
        Next::Delivered => (EventState::Delivered, None),
        Next::Retry { due_at } => (EventState::Waiting, Some(due_at)),
        Next::GivenUp => (EventState::GivenUp, None),
    };
    Tried {
        event: attempted.event,
        at: attempted.at,
        result: attempted.result.as_str().to_owned(),
        http_status: attempted.http_status,
        elapsed_ms: attempted.elapsed_ms,
        state,
        due_at,
    }
}
