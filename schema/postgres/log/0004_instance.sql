-- Which course of events this database holds. A copy of it, or an older state of it that was brought back, goes another
-- course from there on: revisions mean other events, and what was handed out by the first is nothing to the second. So the
-- course has an id, which is drawn anew where the database finds itself elsewhere than when it was noted.
CREATE TABLE log.instance (
    one bool NOT NULL DEFAULT true CONSTRAINT instance_pkey PRIMARY KEY CONSTRAINT instance_one CHECK (one),
    fork uuid NOT NULL,
    place text NOT NULL,                      -- system identifier, timeline, and oid of the database
    since timestamptz NOT NULL DEFAULT now(),
    why text NOT NULL
);
