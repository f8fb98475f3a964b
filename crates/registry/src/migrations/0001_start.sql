-- The control database as it began. Times are microseconds since 1970 UTC. Texts that end in JSON
-- say so. A migration that was released is never changed: the next one goes into a file of its own.

CREATE TABLE connections (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    location TEXT,
    -- JSON; what only this kind of connection needs.
    settings TEXT NOT NULL,
    -- JSON; credentials with "sealed" in the place of each secret, region, endpoint.
    access TEXT NOT NULL,
    schedule TEXT NOT NULL,
    payer TEXT,
    paused_since INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

-- What must not be read by who finds this file. Each value is sealed for its connection and field
-- (src/seal.rs) and opens nowhere else.
CREATE TABLE secrets (
    connection TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (connection, field)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    started_by TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    outcome TEXT CHECK (outcome IN ('ok', 'waiting', 'failed', 'stopped')),
    -- JSON; empty until the run ends, and for one that was cut short.
    summary TEXT,
    findings TEXT,
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
) STRICT;
CREATE INDEX runs_of_connection ON runs (connection, id);

-- A row for each change of health or of the set of finding codes; the newest one is refreshed.
CREATE TABLE health (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    connection TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    health TEXT NOT NULL CHECK (health IN ('healthy', 'waiting', 'degraded', 'broken', 'paused')),
    -- JSON; the distinct codes of the findings in order.
    codes TEXT NOT NULL,
    -- JSON
    findings TEXT NOT NULL,
    since INTEGER NOT NULL,
    checked_at INTEGER NOT NULL
) STRICT;
CREATE INDEX health_of_connection ON health (connection, id);

CREATE TABLE leases (
    name TEXT PRIMARY KEY NOT NULL,
    -- For people: host, process and a random part.
    holder TEXT NOT NULL,
    -- Whoever knows it holds the lease.
    token TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
