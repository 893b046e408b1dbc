-- What is being erased, and what was. A row comes before the event that says so, and the event before anything is
-- destroyed: a server that dies in between leaves a row that is open, and the next one to start, or another one within a
-- minute, carries it to its end. The plan names what goes by digests and ids, and holds nothing of it.
CREATE TABLE log.erasures (
    id uuid CONSTRAINT erasures_pkey PRIMARY KEY,
    subject text NOT NULL,                    -- as readers write it: KIND:ID of a person, KIND of anything else
    plan jsonb NOT NULL,
    state text NOT NULL CONSTRAINT erasures_state CHECK (state IN ('open', 'erased', 'done')), -- erased: the pages of files may still hold it
    revision bigint,                          -- of the event, in the first of the streams; null: there is none to write to
    asked_at timestamptz NOT NULL DEFAULT now(),
    done_at timestamptz
);
CREATE INDEX erasures_open ON log.erasures (asked_at) WHERE state <> 'done';

-- The planner's samples of a column are copies of its values, which nothing erases: there are to be none of texts. A
-- column's samples go when its type is set, be it the same one; the table is not rewritten for that.
ALTER TABLE log.evidence ALTER COLUMN bytes TYPE bytea, ALTER COLUMN salt TYPE bytea;
ALTER TABLE log.evidence ALTER COLUMN bytes SET STATISTICS 0, ALTER COLUMN salt SET STATISTICS 0;
