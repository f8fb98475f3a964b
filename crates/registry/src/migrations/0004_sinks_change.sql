-- Sinks can be changed, and what was sent to them last is kept.

-- When it was last changed, another time for each change; empty while it is as it was added.
ALTER TABLE sinks ADD COLUMN changed_at INTEGER;

-- The last attempts to bring events to a sink; a few hundred of each (src/attempts.rs). Neither
-- requests nor answers: headers may stand in them.
CREATE TABLE attempts (
    sink TEXT NOT NULL REFERENCES sinks (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    took INTEGER NOT NULL,
    came TEXT NOT NULL CHECK (came IN ('taken', 'again', 'refused')),
    reason TEXT,
    status INTEGER,
    -- How many events it carried.
    event_count INTEGER NOT NULL,
    -- JSON; id, type and subject of each.
    events TEXT NOT NULL,
    PRIMARY KEY (sink, number)
) STRICT;
