-- API keys. Only their ids and hashes are here: a copy of this table opens nothing.
CREATE SCHEMA IF NOT EXISTS log;

CREATE TABLE log.api_keys (
    id                text COLLATE "C" PRIMARY KEY,
    kind              text        NOT NULL CONSTRAINT api_keys_kind CHECK (kind IN ('pat', 'sa', 'run', 'ing')),
    hash              bytea       NOT NULL CONSTRAINT api_keys_hash CHECK (octet_length(hash) = 32),
    name              text        NOT NULL,
    scopes            text[]      NOT NULL CONSTRAINT api_keys_scopes CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['admin', 'write', 'ingest', 'read']),
    workspace         text,       -- the only workspace it is good for; null: all of them
    account           uuid        NOT NULL,
    organization      text        NOT NULL,
    default_workspace text        NOT NULL,
    created_at        timestamptz NOT NULL,
    created_by        text        NOT NULL, -- the id of the key that made it, or 'system'
    expires_at        timestamptz,
    last_used_at      timestamptz, -- within a minute
    revoked_at        timestamptz,
    revoked_by        text
);

CREATE INDEX api_keys_ends ON log.api_keys (expires_at) WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
