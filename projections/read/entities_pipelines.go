package read

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/annals-io/annals/domain"
)

func (a *assembly) pipelines(ctx context.Context, keys []int64) error {
	rows, err := a.d.PipelinesByKey(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for _, p := range rows {
		if p.Deleted {
			continue
		}
		e := a.add(domain.KindPipeline, p.Key)
		e.word("namespace", p.Namespace)
		e.word("name", p.Name)
		e.text("description", p.Description)
		e.raw("codeReference", p.Code)
		var job domain.JobInfo
		if len(p.Job) > 0 {
			if err := json.Unmarshal(p.Job, &job); err != nil {
				return fmt.Errorf("read what is said of pipeline %d: %w", p.Key, err)
			}
		}
		e.word("type", job.Type)
		e.word("integration", job.Integration)
		e.word("processing", job.Processing)
		e.text("sql", job.SQL)
		e.text("source", job.Source)
		e.text("ownership", job.Ownership)
	}
	keys = a.there(keys)
	declared, err := a.d.DeclaredIO(ctx, a.m, keys)
	if err != nil {
		return err
	}
	for key, io := range declared {
		for group, list := range map[string][]int64{groupInputs: io.Inputs, groupOutputs: io.Outputs} {
			for _, artifact := range list {
				a.all[key].Fields[FieldKey{Group: group, Ref: artifact}] = yes
			}
		}
	}
	return a.attributes(ctx, keys)
}

func (a *assembly) pipelineVersions(ctx context.Context, keys []int64) error {
	rows, err := a.d.PipelineVersionsByKey(ctx, a.m, keys)
	for _, v := range rows {
		e := a.add(domain.KindPipelineVersion, v.Key)
		e.ref("pipeline", domain.KindPipeline, v.Pipeline)
		e.number("number", v.Number)
		e.word("label", v.Label)
		e.word("specHash", v.Hash)
		e.raw("codeReference", v.Code)
		e.text("source", v.Source)
	}
	return err
}
