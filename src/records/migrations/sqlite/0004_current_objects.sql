-- Which version of each object is the current one. Every version is kept for ever, and whoever reads
-- the registry as it is now must not read them all.
CREATE TABLE current_objects (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT;

INSERT INTO current_objects (kind, id, version)
SELECT kind, id, MAX(version) FROM registry_objects GROUP BY kind, id;

-- Secrets that still sign are few among those that have ended.
CREATE INDEX secrets_by_end ON secrets (valid_until_us);
