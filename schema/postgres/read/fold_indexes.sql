-- Indexes that projecting itself needs besides the primary keys.
CREATE INDEX runs_parent ON read.runs (ws, parent) WHERE parent IS NOT NULL;
CREATE INDEX steps_run ON read.steps (ws, run, key);
CREATE INDEX artifacts_canonical ON read.artifacts (ws, canonical);
CREATE INDEX artifact_versions_artifact ON read.artifact_versions (ws, artifact, key DESC);
CREATE INDEX artifact_versions_completed ON read.artifact_versions (ws, artifact, completed_at DESC) WHERE completed_at IS NOT NULL;
CREATE INDEX artifact_versions_producer ON read.artifact_versions (ws, producer) WHERE producer IS NOT NULL;
CREATE INDEX reads_start ON read.reads (ws, artifact, start);
CREATE INDEX reads_execution ON read.reads (ws, execution);
CREATE INDEX reads_name ON read.reads (ws, artifact, name) WHERE name <> '';
CREATE INDEX artifact_versions_name ON read.artifact_versions (ws, artifact, (left(name, 200))) WHERE name IS NOT NULL;
CREATE INDEX artifact_versions_outside ON read.artifact_versions (ws, artifact) WHERE producer IS NULL AND name IS NULL;
CREATE INDEX pipeline_versions_pipeline ON read.pipeline_versions (ws, pipeline, key DESC);
CREATE INDEX run_details_unlinked ON read.run_details (ws, version_label) WHERE version IS NULL AND version_label IS NOT NULL;
CREATE INDEX run_details_version ON read.run_details (ws, version, version_at) WHERE version IS NOT NULL;
CREATE INDEX io_facts_artifact ON read.io_facts (ws, artifact);
CREATE INDEX declared_artifact ON read.declared (ws, artifact, direction);
CREATE INDEX column_lineage_source ON read.column_lineage (ws, source, source_field);
CREATE INDEX own_columns_word ON read.own_columns (ws, target, pipeline, at DESC);
