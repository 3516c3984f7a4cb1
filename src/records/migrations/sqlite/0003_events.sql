-- One row for each event to each endpoint. An event has its turn when no earlier one of the same
-- subject waits for the same endpoint; then, and only then, it has a time at which it is due. While a
-- node works on it the time is the end of that node's lease.
CREATE TABLE events (
    event_id TEXT PRIMARY KEY,
    endpoint_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'given_up')),
    tries INTEGER NOT NULL,
    is_retry INTEGER NOT NULL CHECK (is_retry IN (0, 1)),
    attempts INTEGER NOT NULL,
    due_at_us INTEGER,
    leased_by TEXT,
    created_at_us INTEGER NOT NULL
) STRICT;

CREATE INDEX events_due ON events (endpoint_id, is_retry, due_at_us)
WHERE due_at_us IS NOT NULL;
CREATE INDEX events_order ON events (endpoint_id, subject, sequence) WHERE state = 'waiting';
CREATE INDEX events_by_age ON events (created_at_us);

-- Every attempt; the receiver's reply is not kept.
CREATE TABLE event_attempts (
    event_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    endpoint_id TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    result TEXT NOT NULL,
    http_status INTEGER,
    elapsed_ms INTEGER NOT NULL,
    PRIMARY KEY (event_id, attempt)
) STRICT;

CREATE INDEX event_attempts_by_endpoint ON event_attempts (endpoint_id, at_us, event_id, attempt);

-- What must be known of an endpoint after a restart.
CREATE TABLE event_health (
    endpoint_id TEXT PRIMARY KEY,
    failing_since_us INTEGER,
    paused_until_us INTEGER
) STRICT;
