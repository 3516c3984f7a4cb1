-- Times are microseconds since 1970 (UTC), money is ten-thousandths of the currency's unit,
-- booleans are 0 and 1. Ids are the texts that people see, so that any SQL tool can read this.
-- All tables keep their rowid: rows of a kilobyte are slow and large without one.

-- One row. Every change of the registry adds one to it.
CREATE TABLE registry_version (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;

INSERT INTO registry_version (id, version) VALUES (1, 0);

-- Who changed the registry when, one row for each version.
CREATE TABLE registry_changes (
    version INTEGER PRIMARY KEY,
    actor TEXT NOT NULL,
    summary TEXT NOT NULL,
    at_us INTEGER NOT NULL
) STRICT;

-- Every version of every object; the current one has the highest version.
CREATE TABLE registry_objects (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    is_archived INTEGER NOT NULL CHECK (is_archived IN (0, 1)),
    PRIMARY KEY (kind, id, version)
) STRICT;

-- States that people set and files do not hold.
CREATE TABLE campaign_states (
    campaign TEXT PRIMARY KEY,
    state TEXT NOT NULL
) STRICT;

-- Sealed by the vault. An owner has one that goes on and perhaps older ones that end.
CREATE TABLE secrets (
    owner TEXT NOT NULL,
    valid_from_us INTEGER NOT NULL,
    valid_until_us INTEGER,
    sealed BLOB NOT NULL,
    PRIMARY KEY (owner, valid_from_us)
) STRICT;

-- A key's secret cannot be computed from its digest.
CREATE TABLE keys (
    key_id TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    mode TEXT NOT NULL,
    owner TEXT NOT NULL,
    digest BLOB NOT NULL,
    is_strict INTEGER NOT NULL CHECK (is_strict IN (0, 1)),
    requires_signature INTEGER NOT NULL CHECK (requires_signature IN (0, 1)),
    created_at_us INTEGER NOT NULL,
    revoked_at_us INTEGER,
    expires_at_us INTEGER
) STRICT;

-- The parts of decision records, as they were written; never changed. Sequences may have gaps:
-- they count other things of the lead too.
CREATE TABLE auction_parts (
    lead_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    part TEXT NOT NULL,
    PRIMARY KEY (lead_id, sequence)
) STRICT;

-- Each auction in short, worked out from its parts whenever one is added.
CREATE TABLE auctions (
    lead_id TEXT PRIMARY KEY,
    vendor_id TEXT NOT NULL,
    vertical TEXT NOT NULL,
    registry_version INTEGER NOT NULL,
    disposition TEXT NOT NULL,
    reason TEXT,
    is_test INTEGER NOT NULL CHECK (is_test IN (0, 1)),
    received_at_us INTEGER NOT NULL,
    closed_at_us INTEGER,
    elapsed_ms INTEGER,
    pinged INTEGER NOT NULL,
    bids INTEGER NOT NULL,
    seats_sold INTEGER NOT NULL,
    price INTEGER NOT NULL,
    margin INTEGER NOT NULL,
    payout INTEGER NOT NULL
) STRICT;

CREATE INDEX auctions_by_time ON auctions (received_at_us, lead_id);
CREATE INDEX auctions_by_vendor ON auctions (vendor_id, received_at_us, lead_id);
CREATE INDEX auctions_by_disposition ON auctions (disposition, received_at_us, lead_id);

-- Ids that do not carry their lead's bits: pings and bids of buyers, posts.
CREATE TABLE auction_ids (
    id TEXT PRIMARY KEY,
    lead_id TEXT NOT NULL
) STRICT;

-- The money book: the journals of all accounts, for ever.
CREATE TABLE ledger (
    account_kind TEXT NOT NULL CHECK (account_kind IN ('buyer', 'vendor')),
    account_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    op_id TEXT NOT NULL,
    amount INTEGER NOT NULL,
    is_unheld INTEGER NOT NULL CHECK (is_unheld IN (0, 1)),
    PRIMARY KEY (account_kind, account_id, sequence)
) STRICT;
