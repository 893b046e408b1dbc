-- The event log: primary data. Nothing here is ever rebuilt from anything else.

-- Where each stream is. The row is locked by whoever appends, so an append checks and moves it in one transaction.
CREATE TABLE log.streams (
    id int GENERATED ALWAYS AS IDENTITY CONSTRAINT streams_pkey PRIMARY KEY,
    name text NOT NULL CONSTRAINT streams_name UNIQUE,
    revision bigint NOT NULL,                 -- of the last event; -1 only inside the transaction that creates it
    recorded_at timestamptz NOT NULL          -- of the last event
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);

-- The events. data and meta are JSON kept as bytes: what is hashed, signed and compared must come back as it was.
-- There is no foreign key to the stream and no index on the event's id: each would cost more than the insert itself.
CREATE TABLE log.events (
    position bigint NOT NULL CONSTRAINT events_pkey PRIMARY KEY,
    revision bigint NOT NULL,
    recorded_at timestamptz NOT NULL,
    occurred_at timestamptz NOT NULL,
    stream int NOT NULL,                      -- log.streams.id
    version smallint NOT NULL,                -- of the shape of data
    event_id uuid NOT NULL,
    subject uuid NOT NULL,
    kind text NOT NULL,                       -- of the subject
    type text NOT NULL,
    data bytea NOT NULL,
    meta bytea NOT NULL,
    CONSTRAINT events_revision UNIQUE (stream, revision)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02);

-- What is known about one thing: a cold decision reads this instead of the stream.
CREATE INDEX events_subject ON log.events (stream, subject, revision);

-- The position of the last event of the whole log, in one row, taken last in every append: the order of commits is
-- the order of positions, and there are no holes to guess at.
CREATE TABLE log.head (
    one bool NOT NULL DEFAULT true CONSTRAINT head_pkey PRIMARY KEY CONSTRAINT head_one CHECK (one),
    position bigint NOT NULL
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
INSERT INTO log.head (position) VALUES (0);

-- The commands that appended, so that a retry is answered instead of carried out again.
CREATE TABLE log.commands (
    first bigint NOT NULL,                    -- revisions of its events
    last bigint NOT NULL,
    at timestamptz NOT NULL,
    stream int NOT NULL,
    forever bool NOT NULL,                    -- else it may be forgotten after 30 days
    digest bytea NOT NULL,                    -- of the request
    id text NOT NULL,
    CONSTRAINT commands_pkey PRIMARY KEY (stream, id)
);
-- Forgetting goes through the table in the order of time; a block range index costs appends next to nothing.
CREATE INDEX commands_at ON log.commands USING brin (at) WHERE NOT forever;

-- Bodies and texts that events refer to by digest. Erasing deletes the row: bytes and salt.
CREATE TABLE log.evidence (
    stream int NOT NULL,
    encoding smallint NOT NULL,               -- 0 as they are, 1 zstd
    digest bytea NOT NULL,                    -- SHA-256 of salt and bytes
    salt bytea NOT NULL,
    bytes bytea NOT NULL,
    CONSTRAINT evidence_pkey PRIMARY KEY (stream, digest)
);
ALTER TABLE log.evidence ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- Fails a transaction whose statements were sent in one go, where something that it was built on is not so.
CREATE FUNCTION log.require(so bool, state text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT so THEN
        RAISE EXCEPTION 'what this append was decided on has changed' USING ERRCODE = state;
    END IF;
END $$;

-- Grants keep the server from changing history; this keeps the owner from it, short of meaning to.
CREATE FUNCTION log.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append-only: % on log.% is refused', lower(TG_OP), TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON log.events
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse();
CREATE TRIGGER streams_kept BEFORE DELETE OR TRUNCATE ON log.streams
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse();
CREATE TRIGGER head_kept BEFORE DELETE OR TRUNCATE ON log.head
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse();
