-- Whose records these are: a digest of the installation's master key.
CREATE TABLE installation (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    mark BLOB NOT NULL
) STRICT;

-- The key of each day, wrapped by the master key, which is not here. A key that was destroyed leaves
-- an empty row: the day never gets another one.
CREATE TABLE day_keys (
    day TEXT PRIMARY KEY,
    wrapped BLOB
) STRICT;
