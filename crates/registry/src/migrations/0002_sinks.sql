-- Where events go, how far each sink is, and what it would not take; and the order of the things
-- that events tell of. What happened is told by the lake and by the health of connections.

CREATE TABLE sinks (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    -- JSON; everything but the secrets.
    settings TEXT NOT NULL,
    -- JSON; the fields of its secrets, so that one that was forgotten is missed.
    secret_fields TEXT NOT NULL,
    -- The place up to which everything is acknowledged or a dead letter.
    cursor_position INTEGER NOT NULL,
    cursor_index INTEGER NOT NULL,
    moved_at INTEGER,
    -- JSON; what was last said about how it is.
    state TEXT,
    state_at INTEGER,
    paused_since INTEGER,
    created_at INTEGER NOT NULL,
    CHECK ((state IS NULL) = (state_at IS NULL))
) STRICT;

-- As the table secrets, but of sinks.
CREATE TABLE sink_secrets (
    sink TEXT NOT NULL REFERENCES sinks (id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (sink, field)
) STRICT, WITHOUT ROWID;

-- A row for each event that a sink will never take as it is.
CREATE TABLE dead_letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    sink TEXT NOT NULL REFERENCES sinks (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    event_index INTEGER NOT NULL,
    -- JSON
    event TEXT NOT NULL,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    buried_at INTEGER NOT NULL,
    tried_at INTEGER NOT NULL,
    UNIQUE (sink, position, event_index)
) STRICT;

-- Only an order: rows are added at the end and never changed, but for the names of health, which
-- follow a rename. Deliveries are of connections as the lake names them, where they outlive them.
CREATE TABLE happenings (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('delivery', 'health')),
    connection TEXT NOT NULL,
    -- Both empty for a change of health.
    period TEXT NOT NULL,
    revision TEXT NOT NULL,
    recorded_at INTEGER NOT NULL,
    UNIQUE (connection, period, revision, recorded_at, kind)
) STRICT;
CREATE INDEX happenings_by_time ON happenings (recorded_at, position);
