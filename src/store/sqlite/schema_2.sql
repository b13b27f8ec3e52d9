-- Times are milliseconds since 1970. What is portable to PostgreSQL is written so.

-- Connections

CREATE TABLE connections (
    -- location or company, and its id in GHL.
    kind          TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    company       TEXT,
    -- 1: its tokens were minted by the company's.
    minted        INTEGER NOT NULL,
    scopes_json   TEXT    NOT NULL,
    -- Which key sealed the tokens; null where there are none.
    key_id        TEXT,
    access_token  BLOB,
    refresh_token BLOB,
    expires_at    INTEGER NOT NULL,
    connected_at  INTEGER NOT NULL,
    lost_because  TEXT,
    lost_since    INTEGER,
    failures      INTEGER NOT NULL,
    next_try_at   INTEGER,
    -- Counts the changes: who changes a row says which one it knew.
    version       INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- Who renews whose tokens at the moment.
CREATE TABLE connection_leases (
    kind        TEXT    NOT NULL,
    id          TEXT    NOT NULL,
    owner       TEXT    NOT NULL,
    lease_until INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- One line for each key that something here is sealed with, sealed itself: it proves a key before that is used.
CREATE TABLE seals (
    key_id TEXT NOT NULL PRIMARY KEY,
    proof  BLOB NOT NULL
) WITHOUT ROWID;
