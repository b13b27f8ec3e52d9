-- Times are milliseconds since 1970. What is portable to PostgreSQL is written so.

-- Sources: what outside systems tell, event by event, and what is known of their records.

CREATE TABLE source_events (
    -- In the order of arrival; one that is replayed arrives anew.
    seq                 INTEGER PRIMARY KEY AUTOINCREMENT,
    source              TEXT    NOT NULL,
    event_id            TEXT    NOT NULL,
    kind                TEXT,
    location            TEXT    NOT NULL,
    external_id         TEXT,
    contact_external_id TEXT,
    event_at            INTEGER,
    received_at         INTEGER NOT NULL,
    -- 1: a line of a listing.
    listed              INTEGER NOT NULL,
    duplicates          INTEGER NOT NULL DEFAULT 0,
    replays             INTEGER NOT NULL DEFAULT 0,
    -- Gone once no replay needs it any more.
    body                BLOB,
    -- 0: just arrived; 1: laid over what is known, and the end of the record below decides; null: it has its fate.
    stage               INTEGER,
    record_kind         TEXT,
    record_id           TEXT,
    fate                TEXT    NOT NULL,
    fate_at             INTEGER,
    detail              TEXT,
    operations_json     TEXT,
    -- When what it said was forgotten by request.
    erased_at           INTEGER,
    UNIQUE (source, event_id)
);

CREATE INDEX source_events_new ON source_events (seq) WHERE stage = 0;
CREATE INDEX source_events_open ON source_events (source, received_at) WHERE stage IS NOT NULL;
CREATE INDEX source_events_by_time ON source_events (source, received_at);
CREATE INDEX source_events_of_record ON source_events (source, record_kind, record_id, seq) WHERE record_id IS NOT NULL;
CREATE INDEX source_events_ended ON source_events (fate_at) WHERE stage IS NULL;
CREATE INDEX source_events_bodies ON source_events (fate_at)
    WHERE stage IS NULL AND body IS NOT NULL AND fate <> 'failed';
CREATE INDEX source_events_by_location ON source_events (location, seq);
CREATE INDEX source_events_by_source ON source_events (source, seq);
CREATE INDEX source_events_by_fate ON source_events (fate, seq);
CREATE INDEX source_events_by_record ON source_events (external_id, seq) WHERE external_id IS NOT NULL;
CREATE INDEX source_events_by_contact ON source_events (contact_external_id, seq)
    WHERE contact_external_id IS NOT NULL;

-- How many events of each fate there are: how many wait is asked with each request that brings some.
CREATE TABLE source_event_counts (
    source TEXT    NOT NULL,
    fate   TEXT    NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (source, fate)
) WITHOUT ROWID;

CREATE TRIGGER source_events_come AFTER INSERT ON source_events BEGIN
    INSERT INTO source_event_counts (source, fate, number) VALUES (NEW.source, NEW.fate, 1)
        ON CONFLICT (source, fate) DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER source_events_change AFTER UPDATE OF fate ON source_events WHEN OLD.fate <> NEW.fate BEGIN
    UPDATE source_event_counts SET number = number - 1 WHERE source = OLD.source AND fate = OLD.fate;
    INSERT INTO source_event_counts (source, fate, number) VALUES (NEW.source, NEW.fate, 1)
        ON CONFLICT (source, fate) DO UPDATE SET number = number + 1;
END;

CREATE TRIGGER source_events_go AFTER DELETE ON source_events BEGIN
    UPDATE source_event_counts SET number = number - 1 WHERE source = OLD.source AND fate = OLD.fate;
END;

CREATE TABLE source_records (
    source         TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    id             TEXT    NOT NULL,
    location       TEXT    NOT NULL,
    -- Those with the same are carried out one after the other: a contact's, or of a record whose contact is not known, its
    -- own.
    lane_kind      TEXT    NOT NULL,
    lane_id        TEXT    NOT NULL,
    -- What the source says, and the position of the last event that was laid over it.
    state_json     TEXT    NOT NULL,
    deleted        INTEGER NOT NULL,
    merged_seq     INTEGER NOT NULL,
    -- The position of the first one: what was begun before is another record's, which was forgotten.
    first_seq      INTEGER NOT NULL,
    -- What GHL was made to hold.
    ghl_id         TEXT,
    ghl_contact    TEXT,
    -- The last one there was: whoever has a contact forgotten names it, also once it is gone from GHL.
    last_contact   TEXT,
    delivered_json TEXT    NOT NULL,
    intent_json    TEXT,
    -- The operation of what is on its way.
    operation      TEXT,
    status         TEXT    NOT NULL,
    due_at         INTEGER NOT NULL,
    tries          INTEGER NOT NULL,
    verify         INTEGER NOT NULL,
    problem_json   TEXT,
    PRIMARY KEY (source, kind, id)
);

CREATE INDEX source_records_due ON source_records (source, lane_kind, lane_id, due_at)
    WHERE status IN ('due', 'waiting');
CREATE INDEX source_records_by_operation ON source_records (operation) WHERE operation IS NOT NULL;
CREATE INDEX source_records_by_lane ON source_records (source, lane_kind, lane_id);
CREATE INDEX source_records_by_contact ON source_records (ghl_contact) WHERE ghl_contact IS NOT NULL;
CREATE INDEX source_records_by_last_contact ON source_records (last_contact) WHERE last_contact IS NOT NULL;
CREATE INDEX source_records_by_location ON source_records (location);

-- When something in a lane is due next. Kept by whoever changes a record, so that the next lanes are found without looking
-- at their records.
CREATE TABLE source_lanes (
    source TEXT    NOT NULL,
    kind   TEXT    NOT NULL,
    id     TEXT    NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (source, kind, id)
);

CREATE INDEX source_lanes_due ON source_lanes (source, due_at);
