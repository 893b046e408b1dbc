-- Work that outlives whoever asked for it: asked for by one request, done by any server, looked at by others.
CREATE SCHEMA IF NOT EXISTS ops;

CREATE TABLE ops.operations (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    target text NOT NULL,                     -- what it is about, such as a workspace; empty: the whole server
    params json NOT NULL,
    alone bool NOT NULL,                      -- only one of its kind about its target at a time
    by_kind text NOT NULL,                    -- who asked for it
    by_id text NOT NULL,
    state text NOT NULL CONSTRAINT operations_state CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    cancelling bool NOT NULL DEFAULT false,   -- somebody wants it to end
    tries int NOT NULL DEFAULT 0,             -- how often a server took it up
    losses int NOT NULL DEFAULT 0,            -- how often in a row it was given back for what passes
    stage text NOT NULL DEFAULT '',           -- what done and total count
    done bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0,          -- 0: not known
    stage_from bigint NOT NULL DEFAULT 0,     -- what was done when this stage was begun, or taken up again
    stage_at timestamptz,
    checkpoint json,                          -- from where it is taken up again
    result json,
    code text NOT NULL DEFAULT '',            -- why it failed, or what it found
    message text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    begun_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    -- The tenure of the server that runs it. The term is part of a key, so that taking the operation over waits for
    -- transactions that checked it (they lock the key), while prolonging the tenure does not.
    term bigint NOT NULL DEFAULT 0,
    holder uuid,
    until timestamptz NOT NULL DEFAULT '-infinity',
    CONSTRAINT operations_term UNIQUE (id, term)
);
CREATE UNIQUE INDEX operations_alone ON ops.operations (kind, target) WHERE alone AND state IN ('waiting', 'running');
CREATE INDEX operations_open ON ops.operations (created_at) WHERE state IN ('waiting', 'running');
CREATE INDEX operations_newest ON ops.operations (created_at DESC, id);
