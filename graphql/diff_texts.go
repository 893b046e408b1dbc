package graphql

import (
	"context"
	"encoding/json"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/projections/read"
)

// erasedText stands for a text of which nothing is left, among fields of things: whoever reads them could not tell the
// word from a text.
var erasedText = json.RawMessage(`{"erased":true}`)

// said says what texts say, as JSON; what is no text of its body is left out.
func (r *Resolver) said(ctx context.Context, at read.Moment, texts []*domain.Text) (map[domain.Text]json.RawMessage, error) {
	digests := make([]domain.Digest, len(texts))
	for i, t := range texts {
		digests[i] = t.Evidence
	}
	if len(digests) == 0 {
		return nil, nil
	}
	found, err := r.Log.Evidence(ctx, []Bodies{{at, digests}})
	if err != nil {
		return nil, storeFault(err)
	}
	out := make(map[domain.Text]json.RawMessage, len(texts))
	for _, t := range texts {
		body, there := found[0][t.Evidence]
		if !there {
			out[*t] = erasedText
		} else if s, ok := evidence.Text(body, t.Pointer); ok {
			out[*t], _ = json.Marshal(s) // a text
		}
	}
	return out, nil
}

// differingTexts reads those texts of fields that nobody read yet.
func (r *Resolver) differingTexts(ctx context.Context, at *model.Moment, fields []read.FieldDifference) (map[domain.Text]json.RawMessage, error) {
	var refs []*domain.Text
	for _, f := range fields {
		for _, v := range []*read.FieldValue{f.Before, f.After} {
			if v != nil && v.Text != nil && v.JSON == nil {
				refs = append(refs, v.Text)
			}
		}
	}
	return r.said(ctx, at.At, refs)
}

func fieldDifferences(fields []read.FieldDifference, texts map[domain.Text]json.RawMessage) []*model.FieldDifference {
	value := func(v *read.FieldValue) json.RawMessage {
		switch {
		case v == nil:
			return nil
		case v.JSON == nil && v.Text != nil:
			return texts[*v.Text]
		}
		return v.JSON
	}
	out := make([]*model.FieldDifference, len(fields))
	for i, f := range fields {
		out[i] = &model.FieldDifference{Group: model.Word(f.Key.Group), Name: f.Name, Before: value(f.Before), After: value(f.After)}
	}
	return out
}
