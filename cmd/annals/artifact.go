package main

import (
	"io"

	"github.com/spf13/cobra"
)

const (
	versionRow  = `id number name status type uri sizeBytes digest completedAt createdAt revision artifact { namespace name } producedBy { id name __typename ... on Run { runId number pipeline { namespace name } } ... on Step { run { runId number pipeline { namespace name } } } }`
	artifactRow = `id namespace name type tags { key value } createdAt revision latest { number name status completedAt createdAt }`

	artifactFields = artifactRow + ` description updatedAt createdRevision aliases { namespace name type } canonical { namespace name }
		deleted { reason at } fields { name type } upstream { namespace name } downstream { namespace name }
		columnLineage { field fromField type subtype masking hidden from { namespace name } }`
	versionFields = versionRow + ` tags { key value } fields { name type } metadata { name type value } deleted { reason at }
		promotions { direction state code reason recordedAt hidden counterpart { workspace artifactVersion { number artifact { namespace name } } } }
		consumedBy(first: 100) { nodes { id name __typename ... on Run { runId number pipeline { namespace name } } ... on Step { run { runId number pipeline { namespace name } } } } totalCount }`
)

func (a *app) artifactCommand() *cobra.Command {
	return group("artifact", "Artifacts and their versions: list, show, versions, version, compare, promote, delete", []string{"artifacts"},
		a.artifactList(), a.artifactShow(), a.artifactVersions(), a.artifactVersion(), a.artifactCompare(), a.artifactPromote(),
		a.remove("artifact", "ARTIFACT", "deleteArtifact", "artifact { id namespace name }"),
		renamed(a.remove("artifact version", "ARTIFACT@VERSION", "deleteArtifactVersion", "artifactVersion { id number }"), "delete-version ARTIFACT@VERSION --reason TEXT"))
}

func renamed(cmd *cobra.Command, use string) *cobra.Command {
	cmd.Use = use
	return cmd
}

func (a *app) artifactList() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	var text, sort string
	var namespaces, types, tags []string
	cmd := &cobra.Command{
		Use: "list", Short: "List artifacts", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			order, err := orderOf(sort, map[string]string{"name": "NAME", "created": "CREATED", "last-version": "LAST_VERSION"})
			if err != nil {
				return err
			}
			filter := filterOf(map[string]any{"text": text, "namespaces": namespaces, "types": types, "tags": tags})
			return a.listIn(cmd.Context(), "artifacts", ", filter: $filter, orderBy: $orderBy", ", $filter: ArtifactFilter, $orderBy: ArtifactOrder", artifactRow,
				map[string]any{"filter": filter, "orderBy": order}, f, asOf, []column{
					{"ARTIFACT", label()}, {"TYPE", field("type")}, {"LATEST", latestVersion}, {"STATUS", field("latest", "status")},
					{"COMPLETED", moment("latest", "completedAt")}, {"TAGS", tagsOf},
				})
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	cmd.Flags().StringVar(&text, "search", "", "only those whose name contains this `text`")
	cmd.Flags().StringSliceVar(&namespaces, "namespace", nil, "only those of these `namespaces`")
	cmd.Flags().StringSliceVar(&types, "type", nil, "only those of these `types`")
	cmd.Flags().StringSliceVar(&tags, "tag", nil, "only those with all of these `tags`, as KEY or KEY=VALUE")
	cmd.Flags().StringVar(&sort, "sort", "", "order by name, created or last-version; -`FIELD` the other way round")
	return cmd
}

func latestVersion(r row) string {
	if n := r.text("latest", "number"); n != "" {
		return "@" + n
	}
	return ""
}

func (a *app) artifactShow() *cobra.Command {
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "show ARTIFACT", Short: "Show an artifact: an id, NAMESPACE/NAME, or a name when it is the only one", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			raw, err := a.one(cmd.Context(), c, "artifact", args[0], "artifact(id: $id) { "+artifactFields+" }", nil, "", asOf)
			if err != nil {
				return err
			}
			return a.printObject(raw, a.writeArtifact)
		},
	}
	asOf.add(cmd)
	return cmd
}

func (a *app) writeArtifact(w io.Writer, r row) error {
	err := facts(w,
		"artifact", nameOf(r), "id", r.text("id"), "type", r.text("type"), "description", r.text("description"), "tags", tagsOf(r),
		"also known as", names(r.at("aliases")), "alias of", names([]any{r.at("canonical")}), "latest version", latestVersion(r),
		"made from", names(r.at("upstream")), "used for", names(r.at("downstream")),
		"created", shortTime(r.text("createdAt")), "deleted", r.text("deleted", "reason"), "revision", r.text("revision"))
	if err != nil {
		return err
	}
	if err := a.section(w, "FIELDS", r.at("fields"), []column{{"FIELD", field("name")}, {"TYPE", field("type")}}); err != nil {
		return err
	}
	return a.section(w, "COLUMN LINEAGE", r.at("columnLineage"), []column{
		{"FIELD", field("field")}, {"FROM", label("from")}, {"FIELD THERE", field("fromField")}, {"HOW", field("subtype")},
	})
}

func (a *app) artifactVersions() *cobra.Command {
	var f listFlags
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "versions ARTIFACT", Short: "List the versions of an artifact, the newest first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.listUnder(cmd.Context(), "artifact", args[0], "versions", versionRow, f, asOf, []column{
				{"VERSION", versionLabel}, {"NAME", field("name")}, {"STATUS", field("status")}, {"COMPLETED", moment("completedAt")}, {"WRITTEN BY", producerOf("producedBy")},
			})
		},
	}
	f.add(cmd, 50)
	asOf.add(cmd)
	return cmd
}

// producerOf names the run, and the step where it is one, that a version came from.
func producerOf(path ...string) func(row) string {
	return func(r row) string {
		m, ok := r.at(path...).(map[string]any)
		if !ok {
			return ""
		}
		x := row(m)
		if run, ok := x.at("run").(map[string]any); ok {
			return runRef(row(run)) + " step " + x.text("name")
		}
		return runRef(x)
	}
}

func (a *app) artifactVersion() *cobra.Command {
	var asOf asOfFlag
	cmd := &cobra.Command{
		Use: "version ARTIFACT@VERSION", Short: "Show one version: an id, or NAMESPACE/NAME@VERSION with a number, a name or latest", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.client()
			if err != nil {
				return err
			}
			raw, err := a.one(cmd.Context(), c, "artifact version", args[0], "artifactVersion(id: $id) { "+versionFields+" }", nil, "", asOf)
			if err != nil {
				return err
			}
			return a.printObject(raw, a.writeVersion)
		},
	}
	asOf.add(cmd)
	return cmd
}

func (a *app) writeVersion(w io.Writer, r row) error {
	err := facts(w,
		"version", versionLabel(r), "id", r.text("id"), "name", r.text("name"), "status", r.text("status"), "type", r.text("type"), "uri", r.text("uri"),
		"bytes", r.text("sizeBytes"), "digest", r.text("digest"), "tags", tagsOf(r), "metadata", named(r.at("metadata")),
		"written by", producerOf("producedBy")(r), "completed", shortTime(r.text("completedAt")), "created", shortTime(r.text("createdAt")),
		"deleted", r.text("deleted", "reason"), "revision", r.text("revision"))
	if err != nil {
		return err
	}
	if err := a.section(w, "FIELDS", r.at("fields"), []column{{"FIELD", field("name")}, {"TYPE", field("type")}}); err != nil {
		return err
	}
	if err := a.section(w, "PROMOTIONS", r.at("promotions"), promotionColumns()); err != nil {
		return err
	}
	return a.section(w, "READ BY", r.at("consumedBy", "nodes"), []column{{"EXECUTION", producerOf()}})
}
