-- What projecting keeps besides the read models themselves. A rebuild touches none of it but log.models.
CREATE SCHEMA IF NOT EXISTS log;

-- The read models there are. One is live: new questions are answered from it. Those being built and the last one
-- before the live one lie beside it.
CREATE TABLE log.models (
    schema text PRIMARY KEY,
    state text NOT NULL CONSTRAINT models_state CHECK (state IN ('live', 'building', 'old', 'dropped')),
    version text NOT NULL,                    -- of the code that folds and of its tables
    filled bool NOT NULL DEFAULT false,       -- a model being built: lanes project it from now on
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    drop_after timestamptz                    -- an old model: kept until then, to go back to
);
CREATE UNIQUE INDEX models_live ON log.models ((true)) WHERE state = 'live';

-- The small number under which the rows of a workspace are kept. Slugs are never used again, nor are numbers.
CREATE TABLE log.workspaces (
    number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug text NOT NULL CONSTRAINT workspaces_slug UNIQUE
);

-- Who does what only one process should do at a time. A term is a tenure of one holder: a new one has a higher term.
-- The term is part of a key, so that taking a lease over waits for transactions that checked it (they lock the key),
-- while renewing it does not.
CREATE TABLE log.leases (
    name text PRIMARY KEY,
    holder uuid NOT NULL,
    term bigint NOT NULL,
    until timestamptz NOT NULL,
    CONSTRAINT leases_term UNIQUE (name, term)
);

-- The decision states of all streams: what deciding needs, projected apart from the read models and before them.
CREATE SCHEMA states;

CREATE TABLE states.streams (
    number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text NOT NULL CONSTRAINT streams_stream UNIQUE
);

CREATE TABLE states.entity_states (
    ws int NOT NULL,                          -- states.streams.number
    entity uuid NOT NULL,
    kind text NOT NULL,
    state bytea NOT NULL,                     -- JSON
    revision bigint NOT NULL,                 -- of the last fact folded in
    PRIMARY KEY (ws, entity)
) WITH (fillfactor = 80);

-- The same three tables as in a read model, of streams in place of workspaces.
CREATE TABLE states.progress (
    ws int PRIMARY KEY,
    stream text NOT NULL,
    applied bigint NOT NULL,
    state text NOT NULL DEFAULT 'live',
    reason text,
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE states.lanes (
    lane int PRIMARY KEY,
    commit_pos numeric NOT NULL,
    prepare_pos numeric NOT NULL
);
CREATE TABLE states.parked (
    ws int NOT NULL,
    revision bigint NOT NULL,
    error text NOT NULL,
    tries int NOT NULL DEFAULT 1,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (ws, revision)
);
