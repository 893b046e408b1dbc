-- A tree that was stopped can be taken up again by an operator who knows why it does not fit: a backup was restored. What
-- was signed before stays known to whoever was told of it, and so does this.
ALTER TABLE audit.trees
    ADD COLUMN behind bool NOT NULL DEFAULT false, -- its stream has events that went by while it was stopped
    ADD COLUMN contradicts bytea;             -- the checkpoint from elsewhere that it did not grow from; null: it is something else
CREATE INDEX trees_behind ON audit.trees (id) WHERE behind;

CREATE TABLE audit.resumed (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT resumed_pkey PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now(),
    tree text COLLATE "C" NOT NULL,           -- audit.trees.name
    by text NOT NULL,                         -- who
    reason text NOT NULL,
    stopped text NOT NULL,                    -- why it was
    note bytea                                -- the checkpoint that is not held against it any more
);
CREATE TRIGGER resumed_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.resumed
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
