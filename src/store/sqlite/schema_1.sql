-- Times are milliseconds since 1970. What is portable to PostgreSQL is written so.

CREATE TABLE operations (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT    NOT NULL UNIQUE,
    location        TEXT    NOT NULL,
    contact         TEXT,
    kind            TEXT    NOT NULL,
    write_json      TEXT    NOT NULL,
    order_key       TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    -- 1: the one of its order key whose turn it is, or that has it. Kept by whoever opens or ends an operation, so that
    -- the next ones are found without looking at those behind them.
    head            INTEGER NOT NULL,
    requester_key   TEXT,
    request_id      TEXT    NOT NULL,
    client_key      TEXT,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    due_at          INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    -- While running: when this attempt began, and when it counts as lost.
    started_at      INTEGER,
    lease_until     INTEGER,
    uncertain_since INTEGER,
    settles_at      INTEGER,
    written_json    TEXT,
    written_id      TEXT,
    problem_json    TEXT
);

CREATE UNIQUE INDEX operations_head ON operations (order_key) WHERE head = 1;
-- By location first: those of a closed one are passed over as a whole, however many wait.
CREATE INDEX operations_due ON operations (location, due_at, seq) WHERE head = 1 AND state = 'pending';
-- Each begins with what is asked for by equality, so that SQLite prefers it to those that lists are read by.
CREATE INDEX operations_lease ON operations (state, lease_until) WHERE state = 'running';
CREATE INDEX operations_open ON operations (order_key, seq) WHERE state IN ('pending', 'running');
CREATE INDEX operations_waiting_since ON operations (created_at) WHERE state IN ('pending', 'running');
CREATE INDEX operations_ended ON operations (updated_at) WHERE state IN ('done', 'failed', 'dead', 'cancelled');
CREATE INDEX operations_written ON operations (kind, updated_at) WHERE written_id IS NOT NULL;
CREATE INDEX operations_by_location ON operations (location, seq);
CREATE INDEX operations_by_contact ON operations (contact, seq);
CREATE INDEX operations_by_state ON operations (state, seq);

CREATE TABLE idempotency_keys (
    scope       TEXT    NOT NULL,
    client_key  TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    -- The operation the request became; else it is one that is answered by `answer_json`.
    operation   TEXT,
    answer_json TEXT,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (scope, client_key)
) WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_operation ON idempotency_keys (operation);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

CREATE TABLE audit (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    at              INTEGER NOT NULL,
    event           TEXT    NOT NULL,
    location        TEXT,
    contact         TEXT,
    operation       TEXT,
    kind            TEXT,
    requester_key   TEXT,
    request_id      TEXT,
    attempt         INTEGER,
    outcome         TEXT    NOT NULL,
    upstream_status INTEGER,
    duration_ms     INTEGER,
    payload_json    TEXT
);

CREATE INDEX audit_by_location ON audit (location, seq);
CREATE INDEX audit_by_contact ON audit (contact, seq);
CREATE INDEX audit_by_operation ON audit (operation, seq);
CREATE INDEX audit_by_time ON audit (at);

-- Written and emptied to learn whether a store that failed can be written again.
CREATE TABLE probe (room BLOB NOT NULL);
