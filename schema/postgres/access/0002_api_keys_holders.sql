-- Who holds a key, what replaced it, and the run whose token it is.
ALTER TABLE log.api_keys
    ADD COLUMN holder           text        NOT NULL DEFAULT 'account' CONSTRAINT api_keys_holder CHECK (holder IN ('account', 'service_account')),
    ADD COLUMN line             text,       -- the id of the first key of its line; null: its own
    ADD COLUMN successor        text,       -- the id of the key that it was rotated to
    ADD COLUMN run              jsonb,      -- domain.RunRef; not null: the key may write that run and nothing else
    ADD COLUMN untold           boolean     NOT NULL DEFAULT false, -- its revocation is not in the log yet
    ADD CONSTRAINT api_keys_run CHECK (run IS NULL OR (kind = 'run' AND workspace IS NOT NULL));

CREATE INDEX api_keys_of ON log.api_keys (account, created_at);
CREATE INDEX api_keys_in ON log.api_keys (workspace, created_at) WHERE workspace IS NOT NULL;
CREATE INDEX api_keys_lines ON log.api_keys (line) WHERE line IS NOT NULL;
CREATE INDEX api_keys_untold ON log.api_keys (id) WHERE untold;
CREATE INDEX api_keys_runs ON log.api_keys (id) WHERE run IS NOT NULL AND revoked_at IS NULL;
