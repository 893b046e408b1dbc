// Questions to begin with. They name the workspace that every new server has.
export const examples = [
  {
    title: 'Newest runs',
    query: `{
  workspace(slug: "default") {
    asOf { revision time }
    runs(first: 20) {
      nodes { id number name status startedAt durationMs pipeline { namespace name } }
      pageInfo { hasNextPage endCursor }
    }
  }
}
`,
  },
  {
    title: 'One run with its steps and what it read and wrote',
    query: `query Run($id: ID!) {
  workspace(slug: "default") {
    run(id: $id) {
      id name status failure { type message }
      steps { nodes { name status durationMs } }
      inputs { role artifactVersion { id number artifact { namespace name } } }
      outputs { role artifactVersion { id number artifact { namespace name } } }
    }
  }
}
`,
    variables: { id: "PIPELINE#1" },
  },
  {
    title: 'Where an artifact came from',
    query: `query Upstream($artifact: ID!) {
  workspace(slug: "default") {
    lineage(root: $artifact, direction: UP, depth: 10) {
      nodes { id kind name status distance }
      edges { from to role }
      complete truncatedBy revision
    }
  }
}
`,
    variables: { artifact: "NAMESPACE/NAME" },
  },
  {
    title: 'What was true at an earlier revision',
    query: `query Then($revision: Int64!) {
  workspace(slug: "default", asOf: { revision: $revision }) {
    asOf { revision time settled }
    counts { pipelines runs artifacts artifactVersions }
    runs(first: 10, filter: { statuses: [RUNNING] }) { nodes { name status } }
  }
}
`,
    variables: { revision: 0 },
  },
  {
    title: 'History, newest first',
    query: `{
  workspace(slug: "default") {
    auditLog(first: 50) { nodes { revision recordedAt type summary actor { kind id } } }
  }
}
`,
  },
  {
    title: 'Follow the events (live)',
    query: `subscription {
  events(workspace: "default") { revision events { revision type summary } }
}
`,
  },
];
