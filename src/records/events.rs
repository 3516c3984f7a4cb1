//! Events on their way to endpoints: an outbox with leases, order within a subject, and a log.
//!
//! An event is due or it is not: `due_at_us` is empty while an earlier event of its subject waits
//! for the same endpoint, so that looking for work never reads past what is blocked. Whoever ends
//! an event gives the next of its subject its turn, in the same transaction; and what is sent anew
//! takes its place in the order again.

use std::collections::{BTreeMap, BTreeSet};

use super::column;
use super::pool::{Pool, Transaction, Turn};
use super::sql::{ManyRows, Row, Statement, Value};
use crate::domain::event::EventType;
use crate::domain::ids::{EndpointId, EventId};
use crate::ports::auction_store::NodeId;
use crate::ports::records::RecordsError;
use crate::ports::records::events::{
    AttemptKey, AttemptRow, Backlog, DueEvent, EndpointHealth, EventState, EventView, EventWork,
    Forgetting, LaneView, NewEvent, Tried, Wanted, WorkReply,
};

const ADD: ManyRows = ManyRows {
    head: "INSERT INTO events (event_id, endpoint_id, subject, sequence, type, body, state, \
           tries, is_retry, attempts, created_at_us) VALUES",
    tail: " ON CONFLICT (event_id) DO NOTHING",
};

/// Gives new events their turn, those that have it.
pub(super) const MAKE_DUE: ManyRows = ManyRows {
    head: "WITH given (due_at_us, event_id) AS (VALUES",
    tail: ") UPDATE events SET due_at_us = given.due_at_us FROM given \
           WHERE events.event_id = given.event_id AND events.state = 'waiting' \
           AND events.due_at_us IS NULL AND NOT EXISTS (SELECT 1 FROM events AS earlier \
           WHERE earlier.endpoint_id = events.endpoint_id AND earlier.subject = events.subject \
           AND earlier.state = 'waiting' AND earlier.sequence < events.sequence)",
};

/// Gives the next event of a subject its turn.
pub(super) const MAKE_NEXT_DUE: Statement = Statement::new(
    "UPDATE events SET due_at_us = $1 WHERE due_at_us IS NULL AND event_id = \
     (SELECT event_id FROM events WHERE endpoint_id = $2 AND subject = $3 \
     AND state = 'waiting' ORDER BY sequence LIMIT 1)",
);

const ADD_ATTEMPTS: ManyRows = ManyRows {
    head: "INSERT INTO event_attempts (event_id, attempt, endpoint_id, at_us, result, \
           http_status, elapsed_ms) VALUES",
    tail: " ON CONFLICT (event_id, attempt) DO NOTHING",
};

/// Whoever delivered it, it is delivered.
const END_DELIVERED: Statement = Statement::new(
    "UPDATE events SET state = 'delivered', tries = tries + 1, attempts = attempts + 1, \
     due_at_us = NULL, leased_by = NULL WHERE event_id = $1 AND state = 'waiting'",
);

/// A failure counts only for whoever has the event now.
const END_GIVEN_UP: Statement = Statement::new(
    "UPDATE events SET state = 'given_up', tries = tries + 1, attempts = attempts + 1, \
     due_at_us = NULL, leased_by = NULL \
     WHERE event_id = $1 AND state = 'waiting' AND leased_by = $2",
);

const TRY_AGAIN: Statement = Statement::new(
    "UPDATE events SET tries = tries + 1, is_retry = 1, attempts = attempts + 1, \
     due_at_us = $3, leased_by = NULL WHERE event_id = $1 AND state = 'waiting' AND leased_by = $2",
);

/// What was given out and not sent is due again.
const RETURN: Statement = Statement::new(
    "UPDATE events SET due_at_us = $3, leased_by = NULL \
     WHERE event_id = $1 AND state = 'waiting' AND leased_by = $2",
);

/// Takes the turn from an event that an earlier one of its subject goes before.
pub(super) const HOLD_BACK: Statement = Statement::new(
    "UPDATE events SET due_at_us = NULL WHERE event_id = $1 AND state = 'waiting' \
     AND leased_by IS NULL AND EXISTS (SELECT 1 FROM events AS earlier \
     WHERE earlier.endpoint_id = events.endpoint_id AND earlier.subject = events.subject \
     AND earlier.state = 'waiting' AND earlier.sequence < events.sequence)",
);

/// Takes the turn from the events of a subject that come after one that waits again.
pub(super) const HOLD_BACK_LATER: Statement = Statement::new(
    "UPDATE events SET due_at_us = NULL WHERE endpoint_id = $1 AND subject = $2 \
     AND state = 'waiting' AND sequence > $3 AND leased_by IS NULL",
);

const SET_HEALTH: ManyRows = ManyRows {
    head: "INSERT INTO event_health (endpoint_id, failing_since_us, paused_until_us) VALUES",
    tail: " ON CONFLICT (endpoint_id) DO UPDATE SET failing_since_us = excluded.failing_since_us, \
           paused_until_us = excluded.paused_until_us",
};

const HEALTH: Statement = Statement::new(
    "SELECT failing_since_us, paused_until_us FROM event_health WHERE endpoint_id = $1",
);

pub(super) const DUE: Statement = Statement::new(
    "SELECT event_id, subject, type, body, tries, attempts, due_at_us FROM events \
     WHERE endpoint_id = $1 AND is_retry = $2 AND due_at_us <= $3 \
     ORDER BY due_at_us LIMIT $4",
);

pub(super) const NEXT_DUE: Statement = Statement::new(
    "SELECT MIN(due_at_us) FROM events \
     WHERE endpoint_id = $1 AND is_retry = $2 AND due_at_us IS NOT NULL",
);

const LEASE: ManyRows = ManyRows {
    head: "WITH given (event_id, node, until_us) AS (VALUES",
    tail: ") UPDATE events SET leased_by = given.node, due_at_us = given.until_us FROM given \
           WHERE events.event_id = given.event_id",
};

const ONE: Statement = Statement::new("SELECT endpoint_id, state FROM events WHERE event_id = $1");

const PLACE: Statement =
    Statement::new("SELECT endpoint_id, subject, sequence FROM events WHERE event_id = $1");

/// Sends an event anew, from the start of the retry list; one that is on its way is left alone.
const RESEND: Statement = Statement::new(
    "UPDATE events SET state = 'waiting', tries = 0, is_retry = 0, due_at_us = $1, leased_by = NULL \
     WHERE event_id = $2 AND (leased_by IS NULL OR due_at_us <= $1)",
);

const ATTEMPTS: Statement = Statement::new(
    "SELECT event_attempts.event_id, events.type, attempt, at_us, result, http_status, \
     elapsed_ms, events.state FROM event_attempts \
     JOIN events ON events.event_id = event_attempts.event_id \
     WHERE event_attempts.endpoint_id = $1",
);

const BACKLOG: Statement = Statement::new(
    "SELECT endpoint_id, COUNT(*), MIN(CASE WHEN leased_by IS NULL THEN due_at_us END) \
     FROM events WHERE state = 'waiting' GROUP BY endpoint_id",
);

/// Events that have ended, the oldest first.
pub(super) const OLD: Statement = Statement::new(
    "SELECT event_id, subject FROM events WHERE created_at_us < $1 AND state <> 'waiting' \
     ORDER BY created_at_us, event_id LIMIT $2",
);

/// Events that wait for one endpoint, the oldest first.
pub(super) const OLD_WAITING: Statement = Statement::new(
    "SELECT event_id, subject FROM events WHERE created_at_us < $1 AND endpoint_id = $3 \
     AND state = 'waiting' ORDER BY created_at_us, event_id LIMIT $2",
);

const FORGET_ATTEMPTS: ManyRows = ManyRows {
    head: "WITH gone (event_id) AS (VALUES",
    tail: ") DELETE FROM event_attempts WHERE event_id IN (SELECT event_id FROM gone)",
};

/// Not one that was sent anew since it was looked at.
const FORGET: ManyRows = ManyRows {
    head: "WITH gone (event_id) AS (VALUES",
    tail: ") DELETE FROM events WHERE state <> 'waiting' \
           AND event_id IN (SELECT event_id FROM gone)",
};

const FORGET_WAITING: ManyRows = ManyRows {
    head: "WITH gone (event_id) AS (VALUES",
    tail: ") DELETE FROM events WHERE state = 'waiting' \
           AND event_id IN (SELECT event_id FROM gone)",
};

pub(super) async fn add(pool: &Pool, events: Vec<NewEvent>) -> Result<(), RecordsError> {
    let mut rows = Vec::with_capacity(events.len());
    let mut due = Vec::with_capacity(events.len());
    let mut turns = Vec::with_capacity(events.len());
    for event in events {
        let created_at_us = column::us(event.created_at);
        let id = event.event_id.to_string();
        turns.push(Turn::Events(event.endpoint_id));
        due.push(vec![created_at_us.into(), id.as_str().into()]);
        rows.push(vec![
            id.into(),
            event.endpoint_id.to_string().into(),
            event.subject.into(),
            column::counter(event.sequence)?.into(),
            event.event_type.as_str().into(),
            event.body.into(),
            "waiting".into(),
            0.into(),
            0.into(),
            0.into(),
            created_at_us.into(),
        ]);
    }
    if rows.is_empty() {
        return Ok(());
    }
    let mut transaction = pool.write(&turns).await?;
    if transaction.run_all(ADD.statements(rows)).await? > 0 {
        transaction.run_all(MAKE_DUE.statements(due)).await?;
    }
    transaction.commit().await
}

pub(super) async fn work(pool: &Pool, work: EventWork) -> Result<WorkReply, RecordsError> {
    let tried = work.tried.iter().map(|tried| tried.event.endpoint_id);
    let wanted = work.wanted.iter().map(|wanted| wanted.endpoint_id);
    let health = work.health.iter().map(|(endpoint_id, _)| *endpoint_id);
    let returned = work.returned.iter().map(|(endpoint_id, _)| *endpoint_id);
    let concerned = tried.chain(wanted).chain(returned).chain(health);
    let turns: Vec<Turn> = concerned.map(Turn::Events).collect();
    let mut transaction = pool.write(&turns).await?;
    let mut rows = Vec::with_capacity(work.tried.len());
    for tried in &work.tried {
        rows.push(attempt_values(tried));
        transaction.run_all(consequences(tried, work.node, column::us(work.now))).await?;
    }
    transaction.run_all(ADD_ATTEMPTS.statements(rows)).await?;
    for (_, event_id) in &work.returned {
        let id = event_id.to_string();
        let due = RETURN.bind(id.as_str()).bind(node_text(work.node)).bind(column::us(work.now));
        transaction.run_all(vec![due, HOLD_BACK.bind(id)]).await?;
    }
    // Of an endpoint that is there twice the last counts: one statement sets a row once.
    let health: BTreeMap<_, _> = work.health.iter().copied().collect();
    let health = health.iter().map(health_values).collect();
    transaction.run_all(SET_HEALTH.statements(health)).await?;
    let mut reply = WorkReply::default();
    for wanted in &work.wanted {
        give_out(&mut transaction, &work, wanted, &mut reply).await?;
    }
    transaction.commit().await?;
    Ok(reply)
}

/// Takes what is due for one endpoint, the earliest first, and notes when more is.
async fn give_out(
    transaction: &mut Transaction,
    work: &EventWork,
    wanted: &Wanted,
    reply: &mut WorkReply,
) -> Result<(), RecordsError> {
    let id = wanted.endpoint_id.to_string();
    let now_us = column::us(work.now);
    let health = health(transaction, &id).await?;
    let is_paused = health.paused_until.is_some_and(|until| until > work.now);
    let mut found = Vec::new();
    for (is_retry, limit) in [(false, wanted.events_max), (true, wanted.retries_max)] {
        let limit = if is_paused { 0 } else { limit };
        let due = DUE.bind(id.as_str()).bind(is_retry).bind(now_us).bind(column::limit(limit));
        for row in transaction.fetch(due).await? {
            found.push(due_event(wanted.endpoint_id, row)?);
        }
    }
    found.sort_by_key(|(due_at_us, _)| *due_at_us);
    found.truncate(wanted.events_max);
    let given: Vec<DueEvent> = found.into_iter().map(|(_, event)| event).collect();
    let (node, until_us) = (node_text(work.node), column::us(work.lease_until));
    let leases = given.iter().map(|event| {
        vec![event.event_id.to_string().into(), node.as_str().into(), until_us.into()]
    });
    transaction.run_all(LEASE.statements(leases.collect())).await?;
    reply.due.extend(given);
    let mut next_due_us = None;
    for is_retry in [false, true] {
        let rows = transaction.fetch(NEXT_DUE.bind(id.as_str()).bind(is_retry)).await?;
        let next = rows.into_iter().next().map(|mut row| row.optional_integer()).transpose()?;
        next_due_us = [next_due_us, next.flatten()].into_iter().flatten().min();
    }
    reply.lanes.push(LaneView {
        endpoint_id: wanted.endpoint_id,
        next_due: column::optional_instant(next_due_us)?,
        health,
    });
    Ok(())
}

async fn health(transaction: &mut Transaction, id: &str) -> Result<EndpointHealth, RecordsError> {
    let rows = transaction.fetch(HEALTH.bind(id)).await?;
    let Some(mut row) = rows.into_iter().next() else { return Ok(EndpointHealth::default()) };
    Ok(EndpointHealth {
        failing_since: column::optional_instant(row.optional_integer()?)?,
        paused_until: column::optional_instant(row.optional_integer()?)?,
    })
}

/// What an attempt does to its event, and to the one behind it.
fn consequences(tried: &Tried, node: NodeId, now_us: i64) -> Vec<Statement> {
    let id = tried.event.event_id.to_string();
    let node = node_text(node);
    let next = || {
        let endpoint_id = tried.event.endpoint_id.to_string();
        MAKE_NEXT_DUE.bind(now_us).bind(endpoint_id).bind(tried.event.subject.as_str())
    };
    match (tried.state, tried.due_at) {
        (EventState::Delivered, _) => vec![END_DELIVERED.bind(id), next()],
        (EventState::Waiting, Some(due_at)) => {
            let again = TRY_AGAIN.bind(id.as_str()).bind(node).bind(column::us(due_at));
            vec![again, HOLD_BACK.bind(id)]
        }
        (EventState::GivenUp, _) | (EventState::Waiting, None) => {
            vec![END_GIVEN_UP.bind(id).bind(node), next()]
        }
    }
}

pub(super) async fn one(pool: &Pool, id: EventId) -> Result<Option<EventView>, RecordsError> {
    let rows = pool.fetch(ONE.bind(id.to_string())).await?;
    let view = |mut row: Row| {
        let endpoint_id = endpoint_id(&row.text()?)?;
        Ok(EventView { endpoint_id, state: column::variant(&row.text()?)? })
    };
    rows.into_iter().next().map(view).transpose()
}

pub(super) async fn resend(pool: &Pool, id: EventId, now_us: i64) -> Result<(), RecordsError> {
    let id = id.to_string();
    // An event's place never changes.
    let place = pool.fetch(PLACE.bind(id.as_str())).await?;
    let Some(mut place) = place.into_iter().next() else { return Ok(()) };
    let (endpoint, subject, sequence) = (place.text()?, place.text()?, place.integer()?);
    let mut transaction = pool.write(&[Turn::Events(endpoint_id(&endpoint)?)]).await?;
    transaction.run(RESEND.bind(now_us).bind(id.as_str())).await?;
    transaction.run(HOLD_BACK.bind(id)).await?;
    transaction.run(HOLD_BACK_LATER.bind(endpoint).bind(subject).bind(sequence)).await?;
    transaction.commit().await
}

pub(super) async fn attempts(
    pool: &Pool,
    endpoint: EndpointId,
    limit: usize,
    after: Option<AttemptKey>,
) -> Result<Vec<AttemptRow>, RecordsError> {
    let rows = pool.fetch(attempts_of(endpoint, limit, after)).await?;
    rows.into_iter().map(attempt).collect()
}

/// The list of attempts after one of them, if any.
pub(super) fn attempts_of(
    endpoint: EndpointId,
    limit: usize,
    after: Option<AttemptKey>,
) -> Statement {
    let mut statement = ATTEMPTS.bind(endpoint.to_string());
    if let Some(AttemptKey { at, event_id, attempt }) = after {
        statement.push(" AND (at_us, event_attempts.event_id, attempt) < ($", column::us(at));
        statement.push(", $", event_id.to_string());
        statement.push(", $)", i64::from(attempt));
    }
    let limit = column::limit(limit);
    statement
        .push(" ORDER BY at_us DESC, event_attempts.event_id DESC, attempt DESC LIMIT $", limit);
    statement
}

pub(super) async fn backlog(pool: &Pool) -> Result<Vec<Backlog>, RecordsError> {
    let read = |mut row: Row| {
        Ok(Backlog {
            endpoint_id: endpoint_id(&row.text()?)?,
            waiting: column::count(row.integer()?)?,
            oldest_due: column::optional_instant(row.optional_integer()?)?,
        })
    };
    pool.fetch(BACKLOG).await?.into_iter().map(read).collect()
}

pub(super) async fn forget(pool: &Pool, order: Forgetting) -> Result<u64, RecordsError> {
    let (before_us, limit) = (column::us(order.before), column::limit(order.limit));
    let waiting_for = order.waiting_for.map(|endpoint| endpoint.to_string());
    let old = match &waiting_for {
        None => OLD.bind(before_us).bind(limit),
        Some(endpoint) => OLD_WAITING.bind(before_us).bind(limit).bind(endpoint.as_str()),
    };
    let turn = order.waiting_for.map_or(Turn::Forgetting, Turn::Events);
    let mut transaction = pool.write(&[turn]).await?;
    let mut gone = Vec::new();
    let mut subjects = BTreeSet::new();
    for mut row in transaction.fetch(old).await? {
        gone.push(vec![row.text()?.into()]);
        subjects.insert(row.text()?);
    }
    transaction.run_all(FORGET_ATTEMPTS.statements(gone.clone())).await?;
    let forget = if waiting_for.is_some() { FORGET_WAITING } else { FORGET };
    let forgotten = transaction.run_all(forget.statements(gone)).await?;
    for subject in subjects {
        let Some(endpoint) = &waiting_for else { break };
        let next = MAKE_NEXT_DUE.bind(column::us(order.now)).bind(endpoint.as_str()).bind(subject);
        transaction.run(next).await?;
    }
    transaction.commit().await?;
    Ok(forgotten)
}

fn node_text(node: NodeId) -> String {
    format!("{:032x}", node.0)
}

fn attempt_values(tried: &Tried) -> Vec<Value> {
    vec![
        tried.event.event_id.to_string().into(),
        i64::from(tried.event.attempts + 1).into(),
        tried.event.endpoint_id.to_string().into(),
        column::us(tried.at).into(),
        tried.result.as_str().into(),
        tried.http_status.map(i64::from).into(),
        tried.elapsed_ms.into(),
    ]
}

fn health_values((endpoint_id, health): (&EndpointId, &EndpointHealth)) -> Vec<Value> {
    vec![
        endpoint_id.to_string().into(),
        health.failing_since.map(column::us).into(),
        health.paused_until.map(column::us).into(),
    ]
}

fn due_event(endpoint_id: EndpointId, mut row: Row) -> Result<(i64, DueEvent), RecordsError> {
    let event = DueEvent {
        event_id: event_id(&row.text()?)?,
        endpoint_id,
        subject: row.text()?,
        event_type: event_type(&row.text()?)?,
        body: row.text()?,
        tries: column::count(row.integer()?)?,
        attempts: column::count(row.integer()?)?,
    };
    Ok((row.integer()?, event))
}

fn attempt(mut row: Row) -> Result<AttemptRow, RecordsError> {
    Ok(AttemptRow {
        event_id: event_id(&row.text()?)?,
        event_type: event_type(&row.text()?)?,
        attempt: column::count(row.integer()?)?,
        at: column::instant(row.integer()?)?,
        result: row.text()?,
        http_status: row.optional_integer()?.map(column::count).transpose()?,
        elapsed_ms: row.integer()?,
        state: column::variant(&row.text()?)?,
    })
}

fn event_id(text: &str) -> Result<EventId, RecordsError> {
    EventId::parse(text).map_err(|error| RecordsError::Corrupt(error.to_string()))
}

fn endpoint_id(text: &str) -> Result<EndpointId, RecordsError> {
    EndpointId::parse(text).map_err(|error| RecordsError::Corrupt(error.to_string()))
}

fn event_type(text: &str) -> Result<EventType, RecordsError> {
    let unknown = || RecordsError::Corrupt(format!("`{text}` is no type of event"));
    EventType::parse(text).ok_or_else(unknown)
}
