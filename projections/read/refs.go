package read

import (
	"context"
	"strconv"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
)

// NamesOf names things in forms that can be given back: NAMESPACE/NAME, PIPELINE#NUMBER or a run's id, a run and its
// step, NAMESPACE/NAME@NUMBER of versions. Things that had no name by the moment are left out.
func (d *DB) NamesOf(ctx context.Context, m Moment, nodes []Node) (map[int64]string, error) {
	n := naming{d: d, m: m, out: map[int64]string{0: string(m.Slug)}}
	keys := map[domain.Kind][]int64{}
	for _, x := range nodes {
		keys[x.Kind] = append(keys[x.Kind], x.Key)
	}
	executions := keys[kindExecution]
	if len(executions) > 0 {
		found, err := d.ExecutionsByKey(ctx, m, distinctKeys(executions))
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			kind := domain.KindStep
			if e.Run != nil {
				kind = domain.KindRun
			}
			keys[kind] = append(keys[kind], e.Key())
		}
	}
	for _, of := range []struct {
		kind domain.Kind
		name func(context.Context, []int64) error
	}{
		{domain.KindPipeline, n.pipelines}, {domain.KindPipelineVersion, n.pipelineVersions}, {domain.KindRun, n.runs}, {domain.KindStep, n.steps},
		{domain.KindArtifact, n.artifacts}, {domain.KindArtifactVersion, n.versions},
	} {
		if err := of.name(ctx, n.unnamed(keys[of.kind])); err != nil {
			return nil, err
		}
	}
	return n.out, nil
}

func distinctKeys(keys []int64) []int64 {
	return distinct(append([]int64(nil), keys...), func(k int64) int64 { return k })
}

// naming is names being found out at one moment.
type naming struct {
	d   *DB
	m   Moment
	out map[int64]string
}

// unnamed are the keys without a name yet, each once.
func (n *naming) unnamed(keys []int64) []int64 {
	var out []int64
	for _, k := range distinctKeys(keys) {
		if _, known := n.out[k]; !known && k != 0 {
			out = append(out, k)
		}
	}
	return out
}

func (n *naming) plain(ctx context.Context, what, statement string, keys []int64) error {
	if len(keys) == 0 {
		return nil
	}
	_, err := list(ctx, n.d, n.m, what, statement, func(row pgx.CollectableRow) (struct{}, error) {
		var key int64
		var name domain.Name
		err := row.Scan(&key, &name.Namespace, &name.Name)
		n.out[key] = name.String()
		return struct{}{}, err
	}, keys)
	return err
}

func (n *naming) pipelines(ctx context.Context, keys []int64) error {
	return n.plain(ctx, "name pipelines", pipelineNamesSQL, keys)
}

func (n *naming) artifacts(ctx context.Context, keys []int64) error {
	return n.plain(ctx, "name artifacts", artifactNamesSQL, keys)
}

func (n *naming) pipelineVersions(ctx context.Context, keys []int64) error {
	if len(keys) == 0 {
		return nil
	}
	rows, err := n.d.PipelineVersionsByKey(ctx, n.m, keys)
	if err != nil {
		return err
	}
	if err := n.pipelines(ctx, n.unnamed(keysOf(rows, func(v PipelineVersion) int64 { return v.Pipeline }))); err != nil {
		return err
	}
	for _, v := range rows {
		n.out[v.Key] = n.out[v.Pipeline] + "@" + strconv.Itoa(v.Number)
	}
	return nil
}

func (n *naming) runs(ctx context.Context, keys []int64) error {
	if len(keys) == 0 {
		return nil
	}
	rows, err := n.d.RunsByKey(ctx, n.m, keys)
	if err != nil {
		return err
	}
	if err := n.pipelines(ctx, n.unnamed(keysOf(rows, func(r Run) int64 { return r.Pipeline }))); err != nil {
		return err
	}
	for _, r := range rows {
		n.out[r.Key] = r.RunID
		if pipeline := n.out[r.Pipeline]; r.Pipeline != 0 && r.Number > 0 {
			n.out[r.Key] = pipeline + "#" + strconv.Itoa(r.Number)
		}
	}
	return nil
}

func (n *naming) steps(ctx context.Context, keys []int64) error {
	if len(keys) == 0 {
		return nil
	}
	rows, err := n.d.StepsByKey(ctx, n.m, keys)
	if err != nil {
		return err
	}
	if err := n.runs(ctx, n.unnamed(keysOf(rows, func(s Step) int64 { return s.Run }))); err != nil {
		return err
	}
	for _, s := range rows {
		n.out[s.Key] = n.out[s.Run] + " step " + s.Name
	}
	return nil
}

func (n *naming) versions(ctx context.Context, keys []int64) error {
	if len(keys) == 0 {
		return nil
	}
	rows, err := n.d.VersionsByKey(ctx, n.m, keys)
	if err != nil {
		return err
	}
	if err := n.artifacts(ctx, n.unnamed(keysOf(rows, func(v Version) int64 { return v.Artifact }))); err != nil {
		return err
	}
	for _, v := range rows {
		n.out[v.Key] = n.out[v.Artifact] + "@" + strconv.Itoa(v.Number)
	}
	return nil
}

func keysOf[T any](rows []T, key func(T) int64) []int64 {
	out := make([]int64, len(rows))
	for i, r := range rows {
		out[i] = key(r)
	}
	return out
}
