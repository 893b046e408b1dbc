-- A model that a rebuild left beside the live one waits for a person: what was found stays with it.
ALTER TABLE log.models
    ADD COLUMN report jsonb,                              -- what comparing it with the live model found; null: not compared
    ADD COLUMN discarded bool NOT NULL DEFAULT false;     -- a person dropped it: no server builds another one by itself
