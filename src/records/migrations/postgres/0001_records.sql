-- Times are microseconds since 1970 (UTC), money is ten-thousandths of the currency's unit,
-- booleans are 0 and 1. Ids are the texts that people see, so that any SQL tool can read this.
-- Texts are compared byte by byte, as SQLite does: the order of a list must not depend on a locale.

-- One row. Every change of the registry adds one to it.
CREATE TABLE registry_version (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
);

INSERT INTO registry_version (id, version) VALUES (1, 0);

-- Who changed the registry when, one row for each version.
CREATE TABLE registry_changes (
    version BIGINT PRIMARY KEY,
    actor TEXT NOT NULL,
    summary TEXT NOT NULL,
    at_us BIGINT NOT NULL
);

-- Every version of every object; the current one has the highest version.
CREATE TABLE registry_objects (
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    body TEXT NOT NULL,
    is_archived BIGINT NOT NULL CHECK (is_archived IN (0, 1)),
    PRIMARY KEY (kind, id, version)
);

-- Sealed by the vault. An owner has one that goes on and perhaps older ones that end.
CREATE TABLE secrets (
    owner TEXT COLLATE "C" NOT NULL,
    valid_from_us BIGINT NOT NULL,
    valid_until_us BIGINT,
    sealed BYTEA NOT NULL,
    PRIMARY KEY (owner, valid_from_us)
);

-- A key's secret cannot be computed from its digest.
CREATE TABLE keys (
    key_id TEXT COLLATE "C" PRIMARY KEY,
    role TEXT NOT NULL,
    mode TEXT NOT NULL,
    owner TEXT COLLATE "C" NOT NULL,
    digest BYTEA NOT NULL,
    is_strict BIGINT NOT NULL CHECK (is_strict IN (0, 1)),
    requires_signature BIGINT NOT NULL CHECK (requires_signature IN (0, 1)),
    created_at_us BIGINT NOT NULL,
    revoked_at_us BIGINT,
    expires_at_us BIGINT
);

-- The parts of decision records, as they were written; never changed. Sequences may have gaps:
-- they count other things of the lead too.
CREATE TABLE auction_parts (
    lead_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    part TEXT NOT NULL,
    PRIMARY KEY (lead_id, sequence)
);

-- Each auction in short, worked out from its parts whenever one is added.
CREATE TABLE auctions (
    lead_id TEXT COLLATE "C" PRIMARY KEY,
    vendor_id TEXT COLLATE "C" NOT NULL,
    vertical TEXT COLLATE "C" NOT NULL,
    registry_version BIGINT NOT NULL,
    disposition TEXT COLLATE "C" NOT NULL,
    reason TEXT,
    is_test BIGINT NOT NULL CHECK (is_test IN (0, 1)),
    received_at_us BIGINT NOT NULL,
    closed_at_us BIGINT,
    elapsed_ms BIGINT,
    pinged BIGINT NOT NULL,
    bids BIGINT NOT NULL,
    seats_sold BIGINT NOT NULL,
    price BIGINT NOT NULL,
    margin BIGINT NOT NULL,
    payout BIGINT NOT NULL
);

CREATE INDEX auctions_by_time ON auctions (received_at_us, lead_id);
CREATE INDEX auctions_by_vendor ON auctions (vendor_id, received_at_us, lead_id);
CREATE INDEX auctions_by_disposition ON auctions (disposition, received_at_us, lead_id);
CREATE INDEX auctions_by_vertical ON auctions (vertical, received_at_us, lead_id);

-- Ids that do not carry their lead's bits: pings and bids of buyers, posts.
CREATE TABLE auction_ids (
    id TEXT COLLATE "C" PRIMARY KEY,
    lead_id TEXT COLLATE "C" NOT NULL
);

-- The money book: the journals of all accounts, for ever.
CREATE TABLE ledger (
    account_kind TEXT COLLATE "C" NOT NULL CHECK (account_kind IN ('buyer', 'vendor')),
    account_id TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    at_us BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    op_id TEXT COLLATE "C" NOT NULL,
    amount BIGINT NOT NULL,
    is_unheld BIGINT NOT NULL CHECK (is_unheld IN (0, 1)),
    PRIMARY KEY (account_kind, account_id, sequence)
);

-- What an operator wrote beside a credit, and whose key it was.
CREATE TABLE credit_notes (
    account_kind TEXT COLLATE "C" NOT NULL CHECK (account_kind IN ('buyer', 'vendor')),
    account_id TEXT COLLATE "C" NOT NULL,
    op_id TEXT COLLATE "C" NOT NULL,
    note TEXT,
    actor TEXT NOT NULL,
    PRIMARY KEY (account_kind, account_id, op_id)
);

-- One row for each event to each endpoint. An event has its turn when no earlier one of the same
-- subject waits for the same endpoint; then, and only then, it has a time at which it is due. While a
-- node works on it the time is the end of that node's lease.
CREATE TABLE events (
    event_id TEXT COLLATE "C" PRIMARY KEY,
    endpoint_id TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    sequence BIGINT NOT NULL,
    type TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'delivered', 'given_up')),
    tries BIGINT NOT NULL,
    is_retry BIGINT NOT NULL CHECK (is_retry IN (0, 1)),
    attempts BIGINT NOT NULL,
    due_at_us BIGINT,
    leased_by TEXT COLLATE "C",
    created_at_us BIGINT NOT NULL
);

CREATE INDEX events_due ON events (endpoint_id, is_retry, due_at_us)
WHERE due_at_us IS NOT NULL;
CREATE INDEX events_order ON events (endpoint_id, subject, sequence) WHERE state = 'waiting';
CREATE INDEX events_by_age ON events (created_at_us);

-- Every attempt; the receiver's reply is not kept.
CREATE TABLE event_attempts (
    event_id TEXT COLLATE "C" NOT NULL,
    attempt BIGINT NOT NULL,
    endpoint_id TEXT COLLATE "C" NOT NULL,
    at_us BIGINT NOT NULL,
    result TEXT NOT NULL,
    http_status BIGINT,
    elapsed_ms BIGINT NOT NULL,
    PRIMARY KEY (event_id, attempt)
);

CREATE INDEX event_attempts_by_endpoint ON event_attempts (endpoint_id, at_us, event_id, attempt);

-- What must be known of an endpoint after a restart.
CREATE TABLE event_health (
    endpoint_id TEXT COLLATE "C" PRIMARY KEY,
    failing_since_us BIGINT,
    paused_until_us BIGINT
);
