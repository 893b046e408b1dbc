-- The read model of all workspaces, as of every revision. The prefix "read." is replaced by the model's own schema.
--
-- A temporal table has two parts: x holds the row that is true now (one per key, since a revision), x_was the closed
-- rows (since, until, level = floor(log2(until - since))). As of n: x where since <= n, and x_was where
-- since <= n < until. Rows are a function of the stream alone. Every entity that was ever named keeps a row in x, a
-- deleted one as a tombstone, so that x alone drives newest-first lists of any moment.
--
-- ws is the small number of the workspace (log.workspaces). key = revision of the event that first named the thing
-- * 1024 + its ordinal in that event.

CREATE SCHEMA read;

CREATE TABLE read.progress (
    ws int PRIMARY KEY,
    slug text NOT NULL,
    applied bigint NOT NULL,              -- last revision whose rows are here; -1: none
    state text NOT NULL DEFAULT 'live',   -- live, paused
    reason text,
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- Where a lane goes on reading the log. Only a hint: progress decides.
CREATE TABLE read.lanes (
    lane int PRIMARY KEY,
    commit_pos numeric NOT NULL,
    prepare_pos numeric NOT NULL
);

CREATE TABLE read.parked (
    ws int NOT NULL,
    revision bigint NOT NULL,
    error text NOT NULL,
    tries int NOT NULL DEFAULT 1,
    parked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (ws, revision)
);

-- Natural identity to key, for every kind of entity.
CREATE TABLE read.identities (
    ws int NOT NULL,
    id uuid NOT NULL,
    kind text NOT NULL,
    key bigint NOT NULL,
    PRIMARY KEY (ws, id)
);

-- Labels 1, 2, 3 on arrival: runs of a pipeline, versions of a pipeline, versions of an artifact.
CREATE TABLE read.counters (
    ws int NOT NULL,
    key bigint NOT NULL,
    what text NOT NULL,
    n int NOT NULL,
    PRIMARY KEY (ws, key, what)
);

-- How many things of a workspace there are now, deleted ones apart. Not temporal: counted in place.
CREATE TABLE read.totals (
    ws int NOT NULL,
    pipelines int NOT NULL, runs int NOT NULL, steps int NOT NULL, artifacts int NOT NULL, versions int NOT NULL,
    PRIMARY KEY (ws)
);

CREATE TABLE read.workspaces (
    ws int NOT NULL, since bigint NOT NULL,
    slug text NOT NULL, name text NOT NULL, organization text NOT NULL, owner uuid,
    description bytea, labels jsonb NOT NULL DEFAULT '{}', archived bool NOT NULL DEFAULT false, deleted bool NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    kind text NOT NULL DEFAULT 'project', environment text, sensitivity text, team text,
    hides_counts bool NOT NULL DEFAULT false, -- behind its wall even how many things there are is not told
    PRIMARY KEY (ws)
);
CREATE TABLE read.workspaces_was (LIKE read.workspaces INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

-- Organizations and accounts are projected like workspaces, each under a number and revisions of its own. Who may do
-- what is said alike in organizations and in workspaces.
CREATE TABLE read.organizations (
    ws int NOT NULL, since bigint NOT NULL,
    slug text NOT NULL, name text NOT NULL, personal bool NOT NULL, owner uuid, description bytea, created_at timestamptz NOT NULL,
    PRIMARY KEY (ws)
);
CREATE TABLE read.organizations_was (LIKE read.organizations INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.accounts (
    ws int NOT NULL, since bigint NOT NULL,
    id uuid NOT NULL, subject text, name bytea,  -- sealed for the subject
    created_at timestamptz NOT NULL,
    disabled bool NOT NULL,                   -- shut out
    issuers text[] NOT NULL,                  -- who vouches for the person, once for each identity
    PRIMARY KEY (ws)
);
CREATE TABLE read.accounts_was (LIKE read.accounts INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.members (
    ws int NOT NULL, since bigint NOT NULL,
    member text NOT NULL,                     -- KIND:ID
    roles text[] NOT NULL,                    -- held directly: a built-in one by its name, a custom one as LEVEL/NAME
    suspended bool NOT NULL,
    PRIMARY KEY (ws, member)
);
CREATE TABLE read.members_was (LIKE read.members INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.roles (
    ws int NOT NULL, since bigint NOT NULL,
    name text NOT NULL, permissions text[] NOT NULL, description bytea,
    PRIMARY KEY (ws, name)
);
CREATE TABLE read.roles_was (LIKE read.roles INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.teams (
    ws int NOT NULL, since bigint NOT NULL,
    name text NOT NULL, title text NOT NULL, description bytea,
    PRIMARY KEY (ws, name)
);
CREATE TABLE read.teams_was (LIKE read.teams INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.team_members (
    ws int NOT NULL, since bigint NOT NULL,
    team text NOT NULL, member text NOT NULL,
    PRIMARY KEY (ws, team, member)
);
CREATE TABLE read.team_members_was (LIKE read.team_members INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.service_accounts (
    ws int NOT NULL, since bigint NOT NULL,
    id uuid NOT NULL, name text NOT NULL, description bytea,
    PRIMARY KEY (ws, id)
);
CREATE TABLE read.service_accounts_was (LIKE read.service_accounts INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.invitations (
    ws int NOT NULL, since bigint NOT NULL,
    id uuid NOT NULL, roles text[] NOT NULL, state text NOT NULL, -- open, accepted, revoked
    expires_at timestamptz NOT NULL, subject text, invited bytea, invited_by text NOT NULL, account uuid,
    PRIMARY KEY (ws, id)
);
CREATE TABLE read.invitations_was (LIKE read.invitations INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.pipelines (
    ws int NOT NULL, key bigint NOT NULL, since bigint NOT NULL,
    namespace text NOT NULL, name text NOT NULL,
    description bytea, description_at text,   -- evidence digest and JSON pointer
    job jsonb,                                -- what foreign reports say: type, integration, processing, sql, source, ownership
    code jsonb,
    deleted bool NOT NULL DEFAULT false, reason text,
    said bytea,                               -- which fact set each field (fold.marks); changes in place, NULL in _was
    namespace_first text GENERATED ALWAYS AS (left(namespace, 200)) STORED, name_first text GENERATED ALWAYS AS (left(name, 200)) STORED,
    PRIMARY KEY (ws, key)
);
CREATE TABLE read.pipelines_was (LIKE read.pipelines INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.pipeline_versions (
    ws int NOT NULL, key bigint NOT NULL, since bigint NOT NULL,
    pipeline bigint NOT NULL, number int NOT NULL, hash text NOT NULL, label text NOT NULL DEFAULT '',
    spec json NOT NULL, source bytea, source_at text, code jsonb,
    registered_at timestamptz NOT NULL DEFAULT 'epoch', digest bytea NOT NULL DEFAULT '',  -- order of its registration
    PRIMARY KEY (ws, key)
);

CREATE TABLE read.runs (
    ws int NOT NULL, key bigint NOT NULL, since bigint NOT NULL,
    run_id text NOT NULL,                     -- the producer's
    foreign_run bool NOT NULL,                -- named by run id and job
    pipeline bigint, number int,
    status text NOT NULL,                     -- as shown: unfinished where the parent ended
    own_status text NOT NULL,                 -- by its own facts
    started_at timestamptz, ended_at timestamptz, first_at timestamptz,
    attempt int NOT NULL DEFAULT 0, contradictory bool NOT NULL DEFAULT false, streaming bool NOT NULL DEFAULT false,
    parent bigint, root bigint,
    refused_parent bigint, refused_root bigint,  -- those that were named, where that parent closes a loop; then parent and root are NULL
    deleted bool NOT NULL DEFAULT false, reason text,
    attempts jsonb,                           -- where there is more than one, or a contradiction; each with its failure
    failure jsonb,                            -- of the last attempt: {type, message {evidence, pointer}, stack}
    said bytea,                               -- which fact set each field (fold.marks); changes in place, NULL in _was
    run_id_hash bigint GENERATED ALWAYS AS (hashtextextended(run_id, 0)) STORED,
    duration interval GENERATED ALWAYS AS (ended_at - started_at) STORED,
    PRIMARY KEY (ws, key)
);
CREATE TABLE read.runs_was (LIKE read.runs INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

-- Which pipelines runs were of, and which runs they were nested in, before they came to where they are now.
CREATE TABLE read.runs_left (
    ws int NOT NULL, place bigint NOT NULL, run bigint NOT NULL,
    PRIMARY KEY (ws, place, run)
);

CREATE TABLE read.run_details (
    ws int NOT NULL, key bigint NOT NULL, since bigint NOT NULL,
    name text, version bigint, version_label text, code jsonb, orchestrator jsonb, warnings text[],
    version_at timestamptz,                   -- when the version was named; changes in place, NULL in _was
    said bytea,
    PRIMARY KEY (ws, key)
);
CREATE TABLE read.run_details_was (LIKE read.run_details INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.steps (
    ws int NOT NULL, key bigint NOT NULL, since bigint NOT NULL,
    run bigint NOT NULL, name text NOT NULL, title text,
    status text NOT NULL, own_status text NOT NULL,
    started_at timestamptz, ended_at timestamptz, first_at timestamptz,
    attempt int NOT NULL DEFAULT 0, contradictory bool NOT NULL DEFAULT false,
    upstream text[], cache_key text, cached_from bigint, code jsonb,
    deleted bool NOT NULL DEFAULT false, reason text,
    attempts jsonb, failure jsonb, warnings text[],
    said bytea,
    PRIMARY KEY (ws, key)
);
CREATE TABLE read.steps_was (LIKE read.steps INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

-- Parameters (1), metadata (2) and tags (3) of any entity. text is cut to 200 characters for the index; value is whole.
CREATE TABLE read.attributes (
    ws int NOT NULL, entity bigint NOT NULL, space smallint NOT NULL, name text NOT NULL, since bigint NOT NULL,
    kind text NOT NULL,                       -- of the entity: run, step, artifact, artifact_version, pipeline
    type text NOT NULL, text text NOT NULL, num double precision, value bytea NOT NULL, source text,
    gone bool NOT NULL DEFAULT false,         -- removed: kept so that its order stays known
    at timestamptz NOT NULL, rank smallint NOT NULL, digest bytea NOT NULL,  -- order of the fact that set it
    PRIMARY KEY (ws, entity, space, name)
);
CREATE TABLE read.attributes_was (LIKE read.attributes INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.metrics (
    ws int NOT NULL, entity bigint NOT NULL, name text NOT NULL, since bigint NOT NULL,
    kind text NOT NULL,
    last double precision NOT NULL, last_step bigint NOT NULL, last_at timestamptz NOT NULL, last_digest bytea NOT NULL,
    min double precision NOT NULL, max double precision NOT NULL, points bigint NOT NULL,
    PRIMARY KEY (ws, entity, name)
);
CREATE TABLE read.metrics_was (LIKE read.metrics INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.artifacts (
    ws int NOT NULL, key bigint NOT NULL, since bigint NOT NULL,
    namespace text NOT NULL, name text NOT NULL, type text,
    canonical bigint NOT NULL,                -- itself, or the artifact it is another name of
    description bytea, description_at text, lifecycle text,
    schema jsonb, schema_at timestamptz,      -- last one said of it, by event time
    deleted bool NOT NULL DEFAULT false, reason text,
    said bytea,
    namespace_first text GENERATED ALWAYS AS (left(namespace, 200)) STORED, name_first text GENERATED ALWAYS AS (left(name, 200)) STORED,
    PRIMARY KEY (ws, key)
);
CREATE TABLE read.artifacts_was (LIKE read.artifacts INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.aliases (
    ws int NOT NULL, artifact bigint NOT NULL, alias bigint NOT NULL, since bigint NOT NULL, type text,
    PRIMARY KEY (ws, artifact, alias)
);

CREATE TABLE read.artifact_versions (
    ws int NOT NULL, key bigint NOT NULL, since bigint NOT NULL,
    artifact bigint NOT NULL,                 -- canonical
    named_as bigint NOT NULL,                 -- the artifact under whose name it was written
    number int NOT NULL, name text,           -- label on arrival; the producer's name
    producer bigint, attempt int,             -- execution; null: external or observed
    kind text NOT NULL,                       -- produced, observed, external, received
    outcome text NOT NULL,                    -- complete, failed, unfinished; external: complete
    completed_at timestamptz,
    last_at timestamptz, last_rank smallint, last_digest bytea,
    readers int NOT NULL DEFAULT 0,           -- reads that mean it, where nobody here wrote it; counted in place
    exists_now bool NOT NULL DEFAULT true,    -- false: an external version that no read means any more, or a write that moved
    deleted bool NOT NULL DEFAULT false, deleted_at timestamptz, reason text,
    same_as bigint,                           -- the version that it turned out to be, when two names became one artifact
    promotion uuid,                           -- that it came with; then it has no producer
    name_hash bigint GENERATED ALWAYS AS (hashtextextended(name, 0)) STORED,
    PRIMARY KEY (ws, key)
);
CREATE TABLE read.artifact_versions_was (LIKE read.artifact_versions INCLUDING DEFAULTS INCLUDING GENERATED, until bigint NOT NULL, level smallint NOT NULL);

-- Promotions, of each the side that this workspace knows. Both sides have one id: that is all that joins them.
CREATE TABLE read.promotions (
    ws int NOT NULL, promotion uuid NOT NULL, since bigint NOT NULL,
    direction smallint NOT NULL,              -- 0 sent, 1 received
    version bigint NOT NULL,                  -- that was sent, or that was received
    artifact bigint NOT NULL,                 -- under whose name
    began bigint NOT NULL,                    -- revision of the event that began it here
    state text NOT NULL,                      -- open, promoted, refused; received
    code text,                                -- why it was refused
    other bytea,                              -- evidence: what this side knows of the other
    actor text NOT NULL,                      -- KIND:ID of who promoted
    reason text, at timestamptz NOT NULL,     -- when that was recorded here
    PRIMARY KEY (ws, promotion)
);
CREATE TABLE read.promotions_was (LIKE read.promotions INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.version_details (
    ws int NOT NULL, key bigint NOT NULL, since bigint NOT NULL,
    type text, uri text, size_bytes bigint, digest text, schema jsonb, lifecycle text,
    said bytea,
    PRIMARY KEY (ws, key)
);
CREATE TABLE read.version_details_was (LIKE read.version_details INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

-- Execution (run or step) consumed (0) or produced (1) a version.
CREATE TABLE read.lineage_edges (
    ws int NOT NULL, execution bigint NOT NULL, direction smallint NOT NULL, version bigint NOT NULL, role text NOT NULL DEFAULT '', since bigint NOT NULL,
    position int NOT NULL DEFAULT 0,
    PRIMARY KEY (ws, execution, direction, version, role) INCLUDE (since)   -- walks read the index alone
);
CREATE TABLE read.lineage_edges_was (LIKE read.lineage_edges INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

-- Artifact was made from artifact, by a pipeline; true while one execution or declaration supports it.
CREATE TABLE read.artifact_edges (
    ws int NOT NULL, source bigint NOT NULL, target bigint NOT NULL, pipeline bigint NOT NULL, since bigint NOT NULL,
    supports int NOT NULL,                    -- counted in place, not temporal
    PRIMARY KEY (ws, source, target, pipeline) INCLUDE (since)
);
CREATE TABLE read.artifact_edges_was (LIKE read.artifact_edges INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

-- Derived from own_columns: of what is said of the columns of an artifact in one pipeline, the last word counts.
CREATE TABLE read.column_lineage (
    ws int NOT NULL, target bigint NOT NULL, target_field text NOT NULL, source bigint NOT NULL, source_field text NOT NULL, pipeline bigint NOT NULL,
    kind text NOT NULL DEFAULT '', subtype text NOT NULL DEFAULT '', since bigint NOT NULL,
    masking bool NOT NULL DEFAULT false,
    PRIMARY KEY (ws, target, target_field, source, source_field, pipeline, kind, subtype)
);
CREATE TABLE read.column_lineage_was (LIKE read.column_lineage INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

-- What a pipeline reads (0) and writes (1) by declaration.
CREATE TABLE read.declared (
    ws int NOT NULL, pipeline bigint NOT NULL, direction smallint NOT NULL, artifact bigint NOT NULL, since bigint NOT NULL,
    sources bigint[],                         -- of an output: artifacts it is made from, where that was said
    PRIMARY KEY (ws, pipeline, direction, artifact)
);
CREATE TABLE read.declared_was (LIKE read.declared INCLUDING DEFAULTS, until bigint NOT NULL, level smallint NOT NULL);

CREATE TABLE read.audit_entries (
    ws int NOT NULL, revision bigint NOT NULL,
    type text NOT NULL, kind text NOT NULL, subject bigint,
    actor_kind text NOT NULL DEFAULT '', actor_id text NOT NULL DEFAULT '',
    actor_key text,                           -- the id of the key by which they acted; NULL: by none
    occurred_at timestamptz NOT NULL, recorded_at timestamptz NOT NULL,
    correlation text,
    command text,                             -- id of the command that made it; NULL: it came without one
    command_hash bigint GENERATED ALWAYS AS (hashtextextended(command, 0)) STORED,
    PRIMARY KEY (ws, revision)
);
-- Which things changed at which revision: they, or what belongs to them (attributes, metrics, edges, details). The
-- workspace itself, its members and its roles are entity 0. What changed between two moments is a range of this.
CREATE TABLE read.changes (
    ws int NOT NULL, revision bigint NOT NULL, entity bigint NOT NULL,
    PRIMARY KEY (ws, revision, entity)
);
-- Which revision was the last one at a recorded time.
CREATE VIEW read.moments AS SELECT ws, recorded_at, revision FROM read.audit_entries;

-- Words of names, lower case, for search by name.
CREATE TABLE read.words (
    ws int NOT NULL, word text NOT NULL, kind text NOT NULL, entity bigint NOT NULL, since bigint NOT NULL,   -- never taken back
    PRIMARY KEY (ws, word, kind, entity)
);

-- The facts that rows are recomputed from. Not temporal: a fact is never closed.
CREATE TABLE read.life_facts (
    ws int NOT NULL, execution bigint NOT NULL, revision bigint NOT NULL,
    phase text NOT NULL, at timestamptz NOT NULL, digest bytea NOT NULL, attempt int NOT NULL DEFAULT 0,
    failure jsonb,                            -- what it says went wrong
    PRIMARY KEY (ws, execution, revision)
);
-- What each fact said an execution reads or writes; artifact is the one named, before aliases.
CREATE TABLE read.io_facts (
    ws int NOT NULL, execution bigint NOT NULL, revision bigint NOT NULL, ordinal int NOT NULL,
    direction smallint NOT NULL, artifact bigint NOT NULL, version_name text NOT NULL DEFAULT '',
    phase text NOT NULL, at timestamptz NOT NULL, digest bytea NOT NULL, attempt int NOT NULL DEFAULT 0,
    role text NOT NULL DEFAULT '', position int NOT NULL DEFAULT 0,
    sources bigint[],                         -- artifacts an output was made from, where it was said
    says uuid,                                -- of an output: what else was said of it, in io_says
    PRIMARY KEY (ws, execution, revision, ordinal)
);
-- What facts say of the versions they write, each content once: type, uri, schema, metadata, ...
CREATE TABLE read.io_says (
    ws int NOT NULL, id uuid NOT NULL, says json NOT NULL,
    PRIMARY KEY (ws, id)
);
-- Each read of an artifact, by version name or none. Which version it means stands in lineage_edges.
CREATE TABLE read.reads (
    ws int NOT NULL, artifact bigint NOT NULL, execution bigint NOT NULL, name text NOT NULL,   -- canonical artifact
    start timestamptz NOT NULL,
    twin bool NOT NULL DEFAULT false,         -- the execution reads the same artifact by another name too
    PRIMARY KEY (ws, artifact, execution, name)
);
-- What each run itself last said of the columns of what it wrote, and each pipeline by declaration, whatever counts of
-- it: a run may change its pipeline, and takes its words along.
CREATE TABLE read.own_columns (
    ws int NOT NULL, speaker bigint NOT NULL, target bigint NOT NULL,   -- a run or a pipeline; the artifact named, before aliases
    pipeline bigint NOT NULL,                 -- that of the run now; 0: none
    at timestamptz NOT NULL, rank smallint NOT NULL, digest bytea NOT NULL, revision bigint NOT NULL, ordinal int NOT NULL,
    says uuid NOT NULL,                       -- which fields from which, in io_says
    PRIMARY KEY (ws, speaker, target)
);
-- The order of the last declaration that counts.
CREATE TABLE read.last_said (
    ws int NOT NULL, pipeline bigint NOT NULL, what text NOT NULL, target bigint NOT NULL,
    at timestamptz NOT NULL, rank smallint NOT NULL, digest bytea NOT NULL,
    PRIMARY KEY (ws, pipeline, what, target)
);
