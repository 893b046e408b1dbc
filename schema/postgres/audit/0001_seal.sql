-- What seals history: one Merkle tree a stream, one more of their checkpoints, and what was signed of them. All of it but
-- the signatures can be computed again from the log; a signature that does not fit the log is what gives a change away.

-- The trees. The one of all checkpoints is called "instance".
CREATE TABLE audit.trees (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT trees_pkey PRIMARY KEY,
    size bigint NOT NULL DEFAULT 0,           -- leaves
    name text COLLATE "C" NOT NULL CONSTRAINT trees_name UNIQUE, -- the stream
    frontier bytea NOT NULL DEFAULT '',       -- roots of the complete subtrees along the right edge
    stopped text                              -- why it is sealed no more; null: it is
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX trees_stopped ON audit.trees (id) WHERE stopped IS NOT NULL;

-- Hashes within the trees, for proofs: those of every eighth level, 256 to a row, as far as there are.
CREATE TABLE audit.tiles (
    tree bigint NOT NULL,                     -- audit.trees.id
    n bigint NOT NULL,
    level smallint NOT NULL,                  -- 0: leaves
    hashes bytea NOT NULL,
    CONSTRAINT tiles_pkey PRIMARY KEY (tree, level, n)
);
ALTER TABLE audit.tiles ALTER COLUMN hashes SET STORAGE EXTERNAL; -- nothing compresses a hash

-- Every checkpoint of a stream that was signed; they are the leaves of the instance's tree, in the order of their numbers.
CREATE TABLE audit.checkpoints (
    number bigint CONSTRAINT checkpoints_pkey PRIMARY KEY,
    size bigint NOT NULL,
    at timestamptz NOT NULL,
    name text COLLATE "C" NOT NULL,           -- the stream
    note bytea NOT NULL,
    CONSTRAINT checkpoints_size UNIQUE (name, size)
);

-- What was signed of the instance's tree.
CREATE TABLE audit.instance_checkpoints (
    size bigint CONSTRAINT instance_checkpoints_pkey PRIMARY KEY,
    at timestamptz NOT NULL,
    note bytea NOT NULL
);

-- How far the log is sealed, and by whom: the holder's term is checked in every transaction that seals.
CREATE TABLE audit.sealing (
    one bool NOT NULL DEFAULT true CONSTRAINT sealing_pkey PRIMARY KEY CONSTRAINT sealing_one CHECK (one),
    commit_position bigint NOT NULL DEFAULT 0,
    prepare_position bigint NOT NULL DEFAULT 0,
    term bigint NOT NULL DEFAULT 0,
    until timestamptz NOT NULL DEFAULT '-infinity',
    holder uuid,
    key text,                                 -- the verifier key of who sealed last
    last_stream text,                         -- the last event that is sealed: another one in its place gives a cut away
    last_revision bigint
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
INSERT INTO audit.sealing DEFAULT VALUES;

-- How far each place outside has been told.
CREATE TABLE audit.sinks (
    name text COLLATE "C" CONSTRAINT sinks_pkey PRIMARY KEY,
    delivered bigint NOT NULL,                -- the number of the next checkpoint it is told
    instance bigint NOT NULL DEFAULT 0        -- the size of the instance's tree it was told last
);

-- What is signed stays: a row can be added, and none changed or removed short of meaning to.
CREATE FUNCTION audit.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'checkpoints are kept: % on audit.% is refused', lower(TG_OP), TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER checkpoints_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER instance_checkpoints_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.instance_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
