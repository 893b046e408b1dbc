package promotion

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/projections/read"
)

// A Plan is what a promotion is to do. It is the source's evidence.
type Plan struct {
	To     domain.Slug `json:"to"`
	As     domain.IO   `json:"as"` // as the target receives it
	Origin Origin      `json:"origin"`
}

// An Origin is what the target knows of where a version came from. It is the target's evidence.
type Origin struct {
	Workspace domain.Slug       `json:"workspace"`
	Version   domain.VersionRef `json:"version"`
	Number    int               `json:"number"`
	Name      string            `json:"name,omitempty"`
	Run       *domain.Execution `json:"run,omitempty"` // that wrote it
	Revision  domain.Revision   `json:"revision"`      // at which it was seen
	Completed time.Time         `json:"completed,omitzero"`
	Created   domain.Revision   `json:"created"` // that first named it
}

// plan says what the target is to receive.
func (d *Desk) plan(ctx context.Context, m read.Moment, v read.Version, o Order) (p Plan, err error) {
	p.To = o.To
	p.Origin = Origin{Workspace: o.From, Number: v.Number, Name: v.Name, Revision: m.Revision, Completed: v.CompletedAt, Created: read.KeyRevision(v.Key)}
	if p.Origin.Version, err = d.Read.VersionRef(ctx, m, v); err != nil {
		return p, err
	}
	p.Origin.Run = p.Origin.Version.Producer
	details, err := d.Read.VersionDetails(ctx, m, []int64{v.Key})
	if err != nil {
		return p, err
	}
	detail := details[v.Key]
	p.As = domain.IO{Artifact: p.Origin.Version.Artifact, Version: v.Name, Type: detail.Type, URI: detail.URI, SizeBytes: detail.SizeBytes, Digest: detail.Digest}
	if len(detail.Schema) > 0 {
		if err := json.Unmarshal(detail.Schema, &p.As.Schema); err != nil {
			return p, fmt.Errorf("read the schema of version %d of %s: %w", v.Key, m.Slug, err)
		}
	}
	if p.As.Version == "" {
		p.As.Version = fmt.Sprint(v.Number)
	}
	if o.Artifact != (domain.Name{}) {
		p.As.Artifact = o.Artifact
	}
	if o.Name != "" {
		p.As.Version = o.Name
	}
	return p, nil
}

// Other is the other side of a promotion, as the one side knows it: its workspace; ok is false where that was erased. Who is
// told must be allowed to see it.
func Other(ctx context.Context, log Bodies, from domain.Slug, p read.Promotion) (other domain.Slug, ok bool, err error) {
	if p.Other == nil {
		return "", false, nil
	}
	bodies, err := log.Evidence(ctx, domain.WorkspaceStream(from), []domain.Digest{p.Other.Evidence})
	body, ok := bodies[p.Other.Evidence]
	if err != nil || !ok {
		return "", false, err
	}
	var said struct {
		To        domain.Slug `json:"to"`        // of a plan
		Workspace domain.Slug `json:"workspace"` // of an origin
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return "", false, fmt.Errorf("read what promotion %s knows of its other side: %w", p.ID, err)
	}
	if p.Received {
		return said.Workspace, said.Workspace != "", nil
	}
	return said.To, said.To != "", nil
}

// planOf reads a plan; ok is false where it was erased.
func (d *Desk) planOf(ctx context.Context, from domain.Slug, text *domain.Text) (p Plan, ok bool, err error) {
	if text == nil {
		return p, false, nil
	}
	bodies, err := d.Log.Evidence(ctx, domain.WorkspaceStream(from), []domain.Digest{text.Evidence})
	if err != nil {
		return p, false, err
	}
	body, ok := bodies[text.Evidence]
	if !ok {
		return p, false, nil
	}
	if err := json.Unmarshal(body, &p); err != nil {
		return p, false, fmt.Errorf("read the plan of a promotion of %s: %w", from, err)
	}
	return p, true, nil
}
