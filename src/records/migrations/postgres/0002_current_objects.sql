-- Which version of each object is the current one. Every version is kept for ever, and whoever reads
-- the registry as it is now must not read them all.
CREATE TABLE current_objects (
    kind TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (kind, id)
);

INSERT INTO current_objects (kind, id, version)
SELECT kind, id, MAX(version) FROM registry_objects GROUP BY kind, id;

-- Secrets that still sign are few among those that have ended.
CREATE INDEX secrets_by_end ON secrets (valid_until_us);
