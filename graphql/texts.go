package graphql

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/evidence"
	"github.com/annals-io/annals/graphql/model"
)

func asFault(err error, fault **Fault) bool { return errors.As(err, fault) }

// erased is what a text reads as whose body is gone.
const erased = "erased"

// readTexts reads each text out of its body. Where the body was erased, the text reads as [erased].
func readTexts(bodies map[domain.Digest][]byte, texts []*domain.Text) map[domain.Text]string {
	out := make(map[domain.Text]string, len(texts))
	for _, t := range texts {
		if t == nil {
			continue
		}
		body, ok := bodies[t.Evidence]
		if !ok {
			out[*t] = erased
		} else if s, ok := evidence.Text(body, t.Pointer); ok {
			out[*t] = s
		}
	}
	return out
}

// texts answers a field that lies in evidence, for several things.
func texts[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, word string, of func(*T) *domain.Text) ([]*string, error) {
	return each(objs, word, func(at *model.Moment, all []*T) (func(*T) *string, error) {
		refs := make([]*domain.Text, len(all))
		for i, o := range all {
			refs[i] = of(o)
		}
		found, err := r.evidenceOf(ctx, at, refs)
		return func(o *T) *string {
			t := of(o)
			if t == nil {
				return nil
			}
			s, ok := found[*t]
			if !ok {
				return nil
			}
			return &s
		}, err
	})
}

// failures answers what went wrong, for several things. The type is a fact; message and stack are evidence.
func failures[T any, P peered[T]](ctx context.Context, r *Resolver, objs []P, of func(*T) json.RawMessage) ([]*model.Failure, error) {
	return each(objs, "failure", func(at *model.Moment, all []*T) (func(*T) *model.Failure, error) {
		facts := make(map[*T]*domain.Failure, len(all))
		var refs []*domain.Text
		for _, o := range all {
			if f := failureOf(of(o)); f != nil {
				facts[o] = f
				refs = append(refs, f.Message, f.Stack)
			}
		}
		found, err := r.evidenceOf(ctx, at, refs)
		return func(o *T) *model.Failure { return shownFailure(facts[o], found) }, err
	})
}

func failureOf(raw json.RawMessage) *domain.Failure {
	var f domain.Failure
	unpack(raw, &f)
	if f == (domain.Failure{}) {
		return nil
	}
	return &f
}

func shownFailure(f *domain.Failure, found map[domain.Text]string) *model.Failure {
	if f == nil {
		return nil
	}
	read := func(t *domain.Text) *string {
		if t == nil {
			return nil
		}
		s, ok := found[*t]
		if !ok {
			return nil
		}
		return &s
	}
	return &model.Failure{Type: model.Word(f.Type), Message: read(f.Message), Stack: read(f.Stack)}
}
