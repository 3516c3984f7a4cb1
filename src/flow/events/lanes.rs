//! Who may be given how much: one lane for each endpoint, and room that the healthy do not share
//! with the failing.
//!
//! An endpoint has a few places. One whose last attempt failed has a single place, and all of
//! those together have half of the room, so that first attempts to endpoints that work always find
//! some. Nothing here reads a clock or waits.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::ids::EndpointId;
use crate::ports::records::events::{EndpointHealth, LaneView, Wanted};

/// What is on its way to one endpoint, and when to look for more.
#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    in_flight: usize,
    retries_in_flight: usize,
    health: EndpointHealth,
    look_at: Option<Timestamp>,
}

/// All lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    places: usize,
    room: usize,
    lanes: BTreeMap<EndpointId, Lane>,
    /// Where the next round begins, so that none is always last.
    turn: Option<EndpointId>,
}

impl Lanes {
    /// Lanes with `places` for each endpoint and `room` for all together.
    pub(super) fn new(places: usize, room: usize) -> Self {
        Self { places, room, lanes: BTreeMap::new(), turn: None }
    }

    /// Looks at an endpoint as soon as it has a place.
    pub(super) fn look(&mut self, id: EndpointId, now: Timestamp) {
        let lane = self.lanes.entry(id).or_default();
        lane.look_at = Some(lane.look_at.map_or(now, |at| at.min(now)));
    }

    /// Drops the lanes of endpoints that `is_active` does not know, once nothing is on its way.
    pub(super) fn keep(&mut self, is_active: impl Fn(EndpointId) -> bool) {
        self.lanes.retain(|id, lane| lane.in_flight > 0 || is_active(*id));
    }

    /// Whether the endpoint's last attempt failed.
    pub(super) fn is_failing(&self, id: EndpointId) -> bool {
        self.lanes.get(&id).is_some_and(|lane| lane.health.failing_since.is_some())
    }

    /// The endpoint's health.
    pub(super) fn health(&self, id: EndpointId) -> EndpointHealth {
        self.lanes.get(&id).map(|lane| lane.health).unwrap_or_default()
    }

    /// Notes the endpoint's health.
    pub(super) fn set_health(&mut self, id: EndpointId, health: EndpointHealth) {
        self.lanes.entry(id).or_default().health = health;
    }

    /// An event is on its way.
    pub(super) fn begin(&mut self, id: EndpointId, is_retry: bool) {
        let lane = self.lanes.entry(id).or_default();
        lane.in_flight += 1;
        lane.retries_in_flight += usize::from(is_retry);
    }

    /// An event is no longer on its way; its place may be taken at once.
    pub(super) fn end(&mut self, id: EndpointId, is_retry: bool, now: Timestamp) {
        let lane = self.lanes.entry(id).or_default();
        lane.in_flight = lane.in_flight.saturating_sub(1);
        lane.retries_in_flight = lane.retries_in_flight.saturating_sub(usize::from(is_retry));
        self.look(id, now);
    }

    /// How many events are on their way.
    pub(super) fn in_flight(&self) -> usize {
        self.lanes.values().map(|lane| lane.in_flight).sum()
    }

    /// What may be given out now, and to whom; these are not looked at again before
    /// [`Lanes::looked`].
    pub(super) fn wanted(
        &mut self,
        now: Timestamp,
        is_active: impl Fn(EndpointId) -> bool,
    ) -> Vec<Wanted> {
        let (mut room, mut room_for_failing) = self.room_left();
        let later = self.lanes.keys().filter(|id| self.turn.is_some_and(|turn| **id > turn));
        let sooner = self.lanes.keys().filter(|id| self.turn.is_none_or(|turn| **id <= turn));
        let order: Vec<EndpointId> = later.chain(sooner).copied().collect();
        let mut wanted = Vec::new();
        for id in order {
            let Some(lane) = self.lanes.get_mut(&id) else { continue };
            let is_due = lane.look_at.is_some_and(|at| at <= now);
            let is_paused = lane.health.paused_until.is_some_and(|until| until > now);
            if !is_due || is_paused || !is_active(id) {
                continue;
            }
            let is_failing = lane.health.failing_since.is_some();
            let places = if is_failing { 1 } else { self.places };
            let share = if is_failing { room.min(room_for_failing) } else { room };
            let events_max = places.saturating_sub(lane.in_flight).min(share);
            if events_max == 0 {
                continue;
            }
            // One place is for events that were never tried, unless there is only one.
            let for_retries = places.saturating_sub(1).max(1);
            let retries_max = for_retries.saturating_sub(lane.retries_in_flight).min(events_max);
            room -= events_max;
            room_for_failing =
                room_for_failing.saturating_sub(events_max * usize::from(is_failing));
            self.turn = Some(id);
            wanted.push(Wanted { endpoint_id: id, events_max, retries_max });
        }
        wanted
    }

    /// Notes what a look has shown; `is_full` when as much came as was wanted.
    ///
    /// What is due and was not given waits for a place of its kind; the end of an attempt looks
    /// again.
    pub(super) fn looked(&mut self, view: &LaneView, is_full: bool, now: Timestamp) {
        let lane = self.lanes.entry(view.endpoint_id).or_default();
        lane.health = view.health;
        let paused_until = view.health.paused_until.filter(|until| *until > now);
        lane.look_at = match paused_until {
            _ if is_full => Some(now),
            Some(until) => view.next_due.map(|due| due.max(until)),
            None => view.next_due.filter(|due| *due > now),
        };
    }

    /// How many more attempts there is room for: in all, and to failing endpoints.
    fn room_left(&self) -> (usize, usize) {
        let failing = self.lanes.values().filter(|lane| lane.health.failing_since.is_some());
        let to_failing: usize = failing.map(|lane| lane.in_flight).sum();
        let room = self.room.saturating_sub(self.in_flight());
        (room, room.min((self.room / 2).saturating_sub(to_failing)))
    }

    /// When something is to be looked at next, endpoints without a place left out: the end of an
    /// attempt makes one.
    pub(super) fn next_look(&self, is_active: impl Fn(EndpointId) -> bool) -> Option<Timestamp> {
        let (room, room_for_failing) = self.room_left();
        let has_place = |lane: &Lane| {
            let is_failing = lane.health.failing_since.is_some();
            let (places, room) =
                if is_failing { (1, room_for_failing) } else { (self.places, room) };
            lane.in_flight < places && room > 0
        };
        let waiting = self.lanes.iter().filter(|(id, lane)| has_place(lane) && is_active(**id));
        waiting
            .filter_map(|(_, lane)| {
                let at = lane.look_at?;
                Some(lane.health.paused_until.map_or(at, |until| until.max(at)))
            })
            .min()
    }
}

#[cfg(test)]
mod tests;
