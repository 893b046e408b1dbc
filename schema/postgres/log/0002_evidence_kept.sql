-- Evidence that lies here before its events are written elsewhere. Beside an EventStoreDB the bytes come first, and the
-- append that refers to them may fail: a row here stays until that is known, and after a safe age what no event refers
-- to is swept. Where the log itself lies in this database there is no such row: both are written in one transaction.
CREATE TABLE log.evidence_kept (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT evidence_kept_pkey PRIMARY KEY,
    stream int NOT NULL,                      -- log.streams.id
    since bigint NOT NULL,                    -- the stream's last revision then: events that refer to it come behind
    at timestamptz NOT NULL DEFAULT now(),
    digests bytea[] NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
