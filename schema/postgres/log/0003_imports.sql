-- Histories that were recorded elsewhere, and brought here. While done is not set, the import is under way or was cut
-- off: until then the workspace does not exist for anybody.
CREATE TABLE log.imports (
    stream text NOT NULL CONSTRAINT imports_pkey PRIMARY KEY, -- log.streams.name
    last bigint NOT NULL,                     -- the last revision that was recorded elsewhere
    origins jsonb NOT NULL,                   -- in which streams of which instances, and up to which revision in each
    digest bytea NOT NULL,                    -- SHA-256 of the manifest: which export this is
    checkpoints bytea NOT NULL,               -- as signed there, in the form that exports have them
    instance bytea NOT NULL,                  -- what ties the last of them to the log of the instance there
    organization text NOT NULL,               -- whose the workspace becomes
    importer uuid NOT NULL,                   -- the account that becomes its owner
    begun timestamptz NOT NULL DEFAULT now(),
    done timestamptz
);
