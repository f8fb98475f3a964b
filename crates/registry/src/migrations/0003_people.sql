-- People: who may come in, what they hold, what they did, and what they left half-done or saved.
-- Names of users, invitations and tokens are told apart without regard to case, and across the
-- three (src/users.rs).

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'admin')),
    sign_in TEXT NOT NULL CHECK (sign_in IN ('password', 'proxy')),
    -- argon2id, as a PHC string.
    password TEXT,
    created_at INTEGER NOT NULL,
    seen_at INTEGER,
    changed_at INTEGER NOT NULL,
    CHECK ((sign_in = 'password') = (password IS NOT NULL))
) STRICT;

-- As the table secrets, but of users: what SCRAM needs.
CREATE TABLE user_secrets (
    user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (user, field)
) STRICT, WITHOUT ROWID;

-- One-time links, by the SHA-256 of their texts. Without name and role, the link that sets up the
-- first admin; else an invitation.
CREATE TABLE links (
    digest BLOB PRIMARY KEY NOT NULL,
    name TEXT COLLATE NOCASE UNIQUE,
    role TEXT CHECK (role IN ('viewer', 'admin')),
    made_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    CHECK ((name IS NULL) = (role IS NULL))
) STRICT, WITHOUT ROWID;

-- Signed-in browsers, by the SHA-256 of their cookies.
CREATE TABLE sessions (
    digest BLOB PRIMARY KEY NOT NULL,
    user TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    started_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_user ON sessions (user);

CREATE TABLE tokens (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE UNIQUE,
    owner TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- The SHA-256 of its text.
    digest BLOB NOT NULL UNIQUE,
    -- What it is for: 0 or 1.
    api INTEGER NOT NULL,
    wire INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at INTEGER,
    used_from TEXT
) STRICT;
CREATE INDEX tokens_of_owner ON tokens (owner);

-- As the table secrets, but of tokens: what SCRAM needs.
CREATE TABLE token_secrets (
    token TEXT NOT NULL REFERENCES tokens (id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (token, field)
) STRICT, WITHOUT ROWID;

-- Users and subjects are named, not referred to: the log outlives both.
CREATE TABLE audit (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    address TEXT,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    -- JSON
    state_before TEXT,
    state_after TEXT
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject, number);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

-- Connections that are being added. The owner is the name of a user.
CREATE TABLE drafts (
    id TEXT PRIMARY KEY NOT NULL,
    owner TEXT NOT NULL,
    step TEXT NOT NULL,
    -- JSON; no secrets.
    answers TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

-- As the table secrets, but of drafts, and only for a day: a value that is not told when it was
-- typed has expired.
CREATE TABLE draft_secrets (
    draft TEXT NOT NULL REFERENCES drafts (id) ON DELETE CASCADE,
    field TEXT NOT NULL,
    sealed BLOB NOT NULL,
    typed_at INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (draft, field)
) STRICT, WITHOUT ROWID;

-- Views of costs (as query strings) and queries (as SQL) that somebody gave a name.
CREATE TABLE saved (
    id TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('view', 'query')),
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    owner TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX saved_by_name ON saved (kind, name);
