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

-- Inbox: GHL's webhooks, each event once.

CREATE TABLE inbox (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook_id  TEXT    NOT NULL UNIQUE,
    type        TEXT    NOT NULL,
    location    TEXT,
    contact     TEXT,
    subject     TEXT,
    event_at    INTEGER,
    received_at INTEGER NOT NULL,
    duplicates  INTEGER NOT NULL DEFAULT 0,
    replays     INTEGER NOT NULL DEFAULT 0,
    -- Gone once no replay needs it any more.
    body        BLOB,
    -- 0: just arrived; 1: what can be done at once was done, and the rest waits until `due_at`; null: it has its fate.
    stage       INTEGER,
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    fate        TEXT    NOT NULL DEFAULT 'pending',
    fate_at     INTEGER,
    detail      TEXT
);

CREATE INDEX inbox_new ON inbox (seq) WHERE stage = 0;
CREATE INDEX inbox_waiting ON inbox (due_at, seq) WHERE stage = 1;
CREATE INDEX inbox_ended ON inbox (fate_at) WHERE stage IS NULL;
CREATE INDEX inbox_bodies ON inbox (fate_at) WHERE stage IS NULL AND body IS NOT NULL AND fate <> 'failed';
CREATE INDEX inbox_by_location ON inbox (location, seq);
CREATE INDEX inbox_by_contact ON inbox (contact, seq);

-- Erasure

-- When an operation's content was forgotten: at once, or where an attempt was under way, at its end.
ALTER TABLE operations ADD COLUMN erased_at INTEGER;

-- The contact that `answer_json` is about, where the key is no operation's.
ALTER TABLE idempotency_keys ADD COLUMN contact TEXT;
ALTER TABLE idempotency_keys ADD COLUMN erased_at INTEGER;
UPDATE idempotency_keys SET contact = json_extract(answer_json, '$.contactId') WHERE answer_json IS NOT NULL;
CREATE INDEX idempotency_keys_by_contact ON idempotency_keys (contact) WHERE contact IS NOT NULL;

-- What was begun before its contact or location was forgotten must not be kept after.
CREATE INDEX audit_erasures ON audit (location, contact, at) WHERE event = 'erased';
