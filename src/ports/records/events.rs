//! What the records keep of events: each with its state, and every attempt to deliver it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::event::EventType;
use crate::domain::ids::{EndpointId, EventId};
use crate::domain::schema::UtcTime;
use crate::ports::auction_store::NodeId;

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventState {
    /// It is to be delivered.
    Waiting,
    /// It was.
    Delivered,
    /// It was tried as often as the retry list says, in vain.
    GivenUp,
}

/// One event to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Its id: the same whoever works it out.
    pub event_id: EventId,
    /// Where it goes.
    pub endpoint_id: EndpointId,
    /// What it is about, a lead's id as a rule: within a subject an endpoint gets events in order.
    pub subject: String,
    /// Its place in that order.
    pub sequence: u64,
    /// What it tells.
    pub event_type: EventType,
    /// The body, sent as it stands here.
    pub body: String,
    /// When it was worked out.
    pub created_at: Timestamp,
}

/// An event whose turn it is; nobody else has it until the lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueEvent {
    /// Its id.
    pub event_id: EventId,
    /// Where it goes.
    pub endpoint_id: EndpointId,
    /// What it is about.
    pub subject: String,
    /// Its type.
    pub event_type: EventType,
    /// The body.
    pub body: String,
    /// Attempts since it was last sent anew.
    pub tries: u32,
    /// All attempts so far.
    pub attempts: u32,
}

/// One attempt, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "EventAttempt")]
pub struct AttemptRow {
    /// The event.
    pub event_id: EventId,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// Counted from 1 for each event.
    pub attempt: u32,
    /// When it began.
    #[schemars(with = "UtcTime")]
    pub at: Timestamp,
    /// How it went, from a closed list.
    pub result: String,
    /// The reply's status, if there was one.
    pub http_status: Option<u16>,
    /// How long it took.
    pub elapsed_ms: i64,
    /// Where the event stands now.
    pub state: EventState,
}

/// The place of an attempt in the list of its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptKey {
    /// When it began.
    pub at: Timestamp,
    /// Its event.
    pub event_id: EventId,
    /// Its number.
    pub attempt: u32,
}

/// An attempt that is over, and what comes after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The event.
    pub event: DueEvent,
    /// When the attempt began.
    pub at: Timestamp,
    /// How it went, from a closed list.
    pub result: String,
    /// The reply's status, if there was one.
    pub http_status: Option<u16>,
    /// How long it took.
    pub elapsed_ms: i64,
    /// Where the event stands now.
    pub state: EventState,
    /// When the next attempt is due, if it still waits.
    pub due_at: Option<Timestamp>,
}

/// What is known of an endpoint's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EndpointHealth {
    /// Since when every attempt has failed.
    pub failing_since: Option<Timestamp>,
    /// Until when it asked to be left alone.
    pub paused_until: Option<Timestamp>,
}

/// How many events an endpoint may be given now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// At most so many in all.
    pub events_max: usize,
    /// At most so many that were tried before.
    pub retries_max: usize,
}

/// One step of the work on events, done whole or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventWork {
    /// Who works.
    pub node: NodeId,
    /// The present.
    pub now: Timestamp,
    /// Until when what is given out is this node's; after that it is due again.
    pub lease_until: Timestamp,
    /// Attempts that are over.
    pub tried: Vec<Tried>,
    /// Events that this node was given and does not send: due again at once.
    pub returned: Vec<(EndpointId, EventId)>,
    /// Endpoints whose health changed.
    pub health: Vec<(EndpointId, EndpointHealth)>,
    /// Endpoints that may be given events.
    pub wanted: Vec<Wanted>,
}

/// What is known of an endpoint after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneView {
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// When the next of its events is due, past or future.
    pub next_due: Option<Timestamp>,
    /// Its health.
    pub health: EndpointHealth,
}

/// Reply to a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WorkReply {
    /// Events given out.
    pub due: Vec<DueEvent>,
    /// What is known of the endpoints that were wanted.
    pub lanes: Vec<LaneView>,
}

/// How much waits for an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// The endpoint.
    pub endpoint_id: EndpointId,
    /// Events that wait, for their turn or for their time.
    pub waiting: u64,
    /// When the oldest that has its turn was due, if it is.
    pub oldest_due: Option<Timestamp>,
}

/// Which events are to be forgotten: those that were worked out before a time, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgetting {
    /// That time.
    pub before: Timestamp,
    /// The present.
    pub now: Timestamp,
    /// At most so many.
    pub limit: usize,
    /// The endpoint of events that still wait; `None` = events that have ended.
    pub waiting_for: Option<EndpointId>,
}

/// Where an event stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// Its endpoint.
    pub endpoint_id: EndpointId,
    /// Its state.
    pub state: EventState,
}
