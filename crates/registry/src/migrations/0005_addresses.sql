-- Addresses of views and queries that are too long for a link, each by its SHA-256
-- (src/addresses.rs). Who made one is named, not referred to: an address outlives its maker.
CREATE TABLE addresses (
    hash TEXT PRIMARY KEY NOT NULL,
    address TEXT NOT NULL,
    owner TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL
) STRICT;
CREATE INDEX addresses_by_use ON addresses (used_at);
