-- Indexes that projecting does not need: a rebuild makes them after it has filled the tables.
CREATE INDEX workspaces_slug ON read.workspaces (slug);
CREATE INDEX workspaces_order ON read.workspaces (slug COLLATE "C");
CREATE INDEX workspaces_organization ON read.workspaces (organization, ws);
CREATE INDEX workspaces_was_ws ON read.workspaces_was (ws, since);

CREATE INDEX organizations_slug ON read.organizations (slug);
CREATE INDEX organizations_was_ws ON read.organizations_was (ws, since);
CREATE INDEX accounts_id ON read.accounts (id);
CREATE INDEX accounts_was_ws ON read.accounts_was (ws, since);
CREATE INDEX members_member ON read.members (member, ws);
CREATE INDEX members_was_member ON read.members_was (ws, member, since);
CREATE INDEX roles_was_name ON read.roles_was (ws, name, since);
CREATE INDEX teams_was_name ON read.teams_was (ws, name, since);
CREATE INDEX team_members_member ON read.team_members (member, ws);
CREATE INDEX team_members_was_team ON read.team_members_was (ws, team, member, since);
CREATE INDEX service_accounts_was_id ON read.service_accounts_was (ws, id, since);
CREATE INDEX invitations_was_id ON read.invitations_was (ws, id, since);

CREATE INDEX pipelines_name ON read.pipelines (ws, name_first, key);
CREATE INDEX pipelines_order ON read.pipelines (ws, namespace_first, name_first, key);
CREATE INDEX pipelines_was_key ON read.pipelines_was (ws, key, since);

CREATE INDEX runs_pipeline ON read.runs (ws, pipeline, key DESC) INCLUDE (number);
CREATE INDEX runs_status ON read.runs (ws, status, key DESC);
CREATE INDEX runs_pipeline_status ON read.runs (ws, pipeline, status, key DESC);
CREATE INDEX runs_run_id ON read.runs (ws, run_id_hash);
CREATE INDEX runs_started ON read.runs (ws, started_at, key);
CREATE INDEX runs_ended ON read.runs (ws, ended_at, key) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_duration ON read.runs (ws, duration, key) WHERE ended_at IS NOT NULL;
CREATE INDEX runs_was_key ON read.runs_was (ws, key, since);
CREATE INDEX runs_was_level ON read.runs_was (ws, status, level, since) INCLUDE (until, key);
CREATE INDEX runs_was_until ON read.runs_was (ws, until);
CREATE INDEX runs_left_run ON read.runs_left (ws, run) INCLUDE (place);
CREATE INDEX run_details_was_key ON read.run_details_was (ws, key, since);

CREATE INDEX steps_was_key ON read.steps_was (ws, key, since);

CREATE INDEX attributes_num ON read.attributes (ws, kind, space, name, num, entity) WHERE num IS NOT NULL;
CREATE INDEX attributes_text ON read.attributes (ws, kind, space, name, text, entity) WHERE num IS NULL;
CREATE INDEX attributes_was_key ON read.attributes_was (ws, entity, space, name, since);
CREATE INDEX attributes_was_num ON read.attributes_was (ws, kind, space, name, num, entity) WHERE num IS NOT NULL;
CREATE INDEX attributes_was_text ON read.attributes_was (ws, kind, space, name, text, entity) WHERE num IS NULL;

CREATE INDEX metrics_value ON read.metrics (ws, kind, name, last, entity);
CREATE INDEX metrics_was_key ON read.metrics_was (ws, entity, name, since);
CREATE INDEX metrics_was_level ON read.metrics_was (ws, kind, name, level, since) INCLUDE (until, entity, last);

CREATE INDEX artifacts_name ON read.artifacts (ws, name_first, key);
CREATE INDEX artifacts_order ON read.artifacts (ws, namespace_first, name_first, key);
CREATE INDEX artifacts_was_key ON read.artifacts_was (ws, key, since);
CREATE INDEX aliases_alias ON read.aliases (ws, alias);

CREATE INDEX artifact_versions_was_name ON read.artifact_versions_was (ws, artifact, name_hash) WHERE name IS NOT NULL;
CREATE INDEX artifact_versions_was_key ON read.artifact_versions_was (ws, key, since);
CREATE INDEX version_details_was_key ON read.version_details_was (ws, key, since);

CREATE INDEX lineage_edges_version ON read.lineage_edges (ws, version, direction, execution) INCLUDE (since, role);
CREATE INDEX lineage_edges_was_execution ON read.lineage_edges_was (ws, execution, direction, version) INCLUDE (since, until, role);
CREATE INDEX lineage_edges_was_version ON read.lineage_edges_was (ws, version, direction, execution) INCLUDE (since, until, role);
CREATE INDEX artifact_edges_was_source ON read.artifact_edges_was (ws, source, target) INCLUDE (since, until, pipeline);
CREATE INDEX artifact_edges_was_target ON read.artifact_edges_was (ws, target, source) INCLUDE (since, until, pipeline);
CREATE INDEX column_lineage_was_target ON read.column_lineage_was (ws, target);
CREATE INDEX column_lineage_was_source ON read.column_lineage_was (ws, source);
CREATE INDEX declared_was_pipeline ON read.declared_was (ws, pipeline);

CREATE INDEX audit_subject ON read.audit_entries (ws, subject, revision);
CREATE INDEX audit_recorded ON read.audit_entries (ws, recorded_at) INCLUDE (revision);
CREATE INDEX audit_correlation ON read.audit_entries (ws, correlation, revision) WHERE correlation IS NOT NULL;
CREATE INDEX audit_command ON read.audit_entries (ws, command_hash) WHERE command IS NOT NULL;
CREATE INDEX audit_type ON read.audit_entries (ws, type, revision);
CREATE INDEX changes_entity ON read.changes (ws, entity, revision);
CREATE INDEX words_prefix ON read.words (ws, word text_pattern_ops, kind, entity) INCLUDE (since);
CREATE INDEX promotions_id ON read.promotions (promotion, ws);
CREATE INDEX promotions_version ON read.promotions (ws, version, direction);
CREATE INDEX promotions_artifact ON read.promotions (ws, artifact, direction);
CREATE INDEX promotions_open ON read.promotions (ws) WHERE state = 'open';
CREATE INDEX promotions_was_id ON read.promotions_was (ws, promotion, since);
