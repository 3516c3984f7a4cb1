-- Whose records these are: a digest of the installation's master key.
CREATE TABLE installation (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    mark BYTEA NOT NULL
);

-- The key of each day, wrapped by the master key, which is not here. A key that was destroyed leaves
-- an empty row: the day never gets another one.
CREATE TABLE day_keys (
    day TEXT COLLATE "C" PRIMARY KEY,
    wrapped BYTEA
);
