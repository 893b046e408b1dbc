-- A model that a verification folds beside the live one, to be compared and dropped: it never answers.
ALTER TABLE log.models
    DROP CONSTRAINT models_state,
    ADD CONSTRAINT models_state CHECK (state IN ('live', 'building', 'old', 'checking', 'dropped'));
