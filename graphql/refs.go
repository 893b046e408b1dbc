package graphql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/graphql/model"
	"github.com/annals-io/annals/graphql/relay"
	"github.com/annals-io/annals/projections/read"
)

// An ambiguous word means several things; candidates are in a form that can be given back.
type ambiguousError struct {
	word       string
	candidates []string
}

func (e *ambiguousError) Error() string {
	return fmt.Sprintf("%q means several things: %s", clip(e.word), strings.Join(e.candidates, ", "))
}

// fault is the error as a reader gets it.
func (e *ambiguousError) fault() error {
	return &Fault{codeAmbiguous, e.Error(), map[string]any{"candidates": e.candidates, "rule": ruleOneThing}}
}

func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// shown makes a fault of an ambiguous word.
func shown[T any](thing T, err error) (T, error) {
	if e, ok := err.(*ambiguousError); ok {
		return thing, e.fault()
	}
	return thing, err
}

// enough is how many candidates are looked for: one is the thing, more are listed.
const enough = 11

// keyIn reads a global id of a kind in the moment's workspace. isID false: the word is no global id. An id of another
// kind or workspace has key 0: there is no such thing here.
func keyIn(at *model.Moment, word string, kind relay.Kind) (key int64, isID bool) {
	id, err := relay.ParseID(word)
	if err != nil {
		return 0, false
	}
	if id.Kind != kind || id.Slug != at.Slug() {
		return 0, true
	}
	return id.Key, true
}

// only is the one thing that was found; nil where there is none.
func only[T any](word string, found []*T, form func(*T) string) (*T, error) {
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	e := &ambiguousError{word: word}
	for _, f := range found {
		e.candidates = append(e.candidates, form(f))
	}
	return nil, e
}

// names are the natural names that a word can mean: NAMESPACE/NAME cut at each slash, or a bare name.
func names(word string) []read.NameRef {
	out := []read.NameRef{{Name: word}}
	for i := range len(word) {
		if word[i] == '/' && i+1 < len(word) {
			ns := word[:i]
			out = append(out, read.NameRef{Namespace: &ns, Name: word[i+1:]})
		}
	}
	return out
}

// exact prefers the things whose whole name is the word over those of which it is the bare name.
func exact[T any](word string, found []*T, form func(*T) string) []*T {
	for _, f := range found {
		if form(f) == word {
			return []*T{f}
		}
	}
	return found
}

func pipelineForm(p *model.Pipeline) string {
	return domain.Name{Namespace: p.Row.Namespace, Name: p.Row.Name}.String()
}

func artifactForm(a *model.Artifact) string {
	return domain.Name{Namespace: a.Row.Namespace, Name: a.Row.Name}.String()
}

// findPipeline is the pipeline that a word means; nil where there is none.
func (r *Resolver) findPipeline(ctx context.Context, at *model.Moment, word string) (*model.Pipeline, error) {
	if key, isID := keyIn(at, word, relay.Pipeline); isID {
		found, err := r.pipelines(ctx, at, []int64{key})
		return found[key], err
	}
	rows, err := r.Read.PipelinesNamed(ctx, at.At, names(word), enough)
	if err != nil {
		return nil, err
	}
	p, err := only(word, exact(word, pipelinesOf(at, rows), pipelineForm), pipelineForm)
	if err != nil || p == nil {
		return nil, err
	}
	found, err := r.pipelines(ctx, at, []int64{p.Row.Key}) // by key they have their newest run
	return found[p.Row.Key], err
}

// findArtifact is the artifact that a word means; nil where there is none.
func (r *Resolver) findArtifact(ctx context.Context, at *model.Moment, word string) (*model.Artifact, error) {
	if key, isID := keyIn(at, word, relay.Artifact); isID {
		found, err := r.artifacts(ctx, at, []int64{key})
		return found[key], err
	}
	rows, err := r.Read.ArtifactsNamed(ctx, at.At, names(word), enough)
	if err != nil {
		return nil, err
	}
	return only(word, exact(word, artifactsOf(at, rows), artifactForm), artifactForm)
}

// findVersion is the artifact version that a word means: a global id, or NAMESPACE/NAME@VERSION. A version's name may
// hold an @ itself, and so may an artifact's: each cut is tried, the last first.
func (r *Resolver) findVersion(ctx context.Context, at *model.Moment, word string) (*model.ArtifactVersion, error) {
	if key, isID := keyIn(at, word, relay.ArtifactVersion); isID {
		found, err := r.versions(ctx, at, []int64{key})
		return found[key], err
	}
	const mostCuts = 8
	for i, cuts := len(word), 0; cuts < mostCuts; cuts++ {
		if i = strings.LastIndexByte(word[:i], '@'); i < 0 {
			return nil, nil
		}
		a, err := r.findArtifact(ctx, at, word[:i])
		if err != nil {
			return nil, err
		}
		if a == nil {
			continue
		}
		if v, err := r.versionCalled(ctx, at, a.Row.Key, word[i+1:]); err != nil || v != nil {
			return v, err
		}
	}
	return nil, nil
}

// versionCalled is the version of an artifact that a word means: latest, a number, or its producer's name.
func (r *Resolver) versionCalled(ctx context.Context, at *model.Moment, artifact int64, word string) (*model.ArtifactVersion, error) {
	number, name := 0, word
	if n, err := strconv.ParseUint(word, 10, 31); err == nil {
		number, name = int(n), ""
	}
	if word == "latest" {
		name = ""
	}
	row, ok, err := r.Read.VersionNamed(ctx, at.At, artifact, number, name)
	if err == nil && !ok && name != word { // snapshot ids are numbers too
		row, ok, err = r.Read.VersionNamed(ctx, at.At, artifact, 0, word)
	}
	if err != nil || !ok {
		return nil, err
	}
	return versionsOf(at, rowsOf(row))[0], nil
}

// findRun is the run that a word means: a global id, the producer's run id, or PIPELINE#NUMBER.
func (r *Resolver) findRun(ctx context.Context, at *model.Moment, word string) (*model.Run, error) {
	if key, isID := keyIn(at, word, relay.Run); isID {
		found, err := r.runs(ctx, at, []int64{key})
		return found[key], err
	}
	rows, err := r.Read.RunsByRunID(ctx, at.At, word, enough)
	if err != nil {
		return nil, err
	}
	var found []*model.Run
	for _, run := range runsOf(at, rows) {
		if !run.Row.Deleted {
			found = append(found, run)
		}
	}
	if len(found) > 1 {
		return nil, r.ambiguousRuns(ctx, at, word, found)
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return r.findNumbered(ctx, at, word)
}

// findNumbered is the run that PIPELINE#NUMBER means.
func (r *Resolver) findNumbered(ctx context.Context, at *model.Moment, word string) (*model.Run, error) {
	i := strings.LastIndexByte(word, '#')
	if i < 1 {
		return nil, nil
	}
	number, err := strconv.ParseUint(word[i+1:], 10, 31)
	if err != nil {
		return nil, nil
	}
	p, err := r.findPipeline(ctx, at, word[:i])
	if e, ok := err.(*ambiguousError); ok {
		for i := range e.candidates {
			e.candidates[i] += "#" + strconv.FormatUint(number, 10)
		}
		return nil, e
	}
	if err != nil || p == nil {
		return nil, err
	}
	row, ok, err := r.Read.RunByNumber(ctx, at.At, p.Row.Key, int(number))
	if err != nil || !ok || row.Deleted {
		return nil, err
	}
	return runsOf(at, rowsOf(row))[0], nil
}

func rowsOf[R any](rows ...R) []R { return rows }

// ambiguousRuns lists runs by pipeline and number, since their producers gave them one id.
func (r *Resolver) ambiguousRuns(ctx context.Context, at *model.Moment, word string, found []*model.Run) error {
	pipelines, err := r.pipelines(ctx, at, distinct(found, func(t *model.Run) int64 { return t.Row.Pipeline }))
	if err != nil {
		return err
	}
	e := &ambiguousError{word: word}
	for _, run := range found {
		form := run.ID()
		if p := pipelines[run.Row.Pipeline]; p != nil && run.Row.Number > 0 {
			form = pipelineForm(p) + "#" + strconv.Itoa(run.Row.Number)
		}
		e.candidates = append(e.candidates, form)
	}
	return e
}
