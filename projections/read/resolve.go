package read

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/annals-io/annals/domain"
)

// A Candidate is a thing that a word may mean. Word names it in a form that can be typed instead; it is empty where
// only the thing's id tells it from the others.
type Candidate struct {
	Node
	Word string
}

// An AmbiguousError says that a word means several things.
type AmbiguousError struct {
	Kind       domain.Kind
	Word       string
	Candidates []Candidate // the first ten
	More       bool
}

// Error names the candidates.
func (e *AmbiguousError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q means more than one %s", e.Word, strings.ReplaceAll(string(e.Kind), "_", " "))
	for i, c := range e.Candidates {
		b.WriteString(map[bool]string{true: ": ", false: ", "}[i == 0])
		if c.Word == "" {
			fmt.Fprintf(&b, "(key %d)", c.Key)
			continue
		}
		b.WriteString(c.Word)
	}
	if e.More {
		b.WriteString(", ...")
	}
	return b.String()
}

// A NotFoundError says that a word means nothing of its kind at the moment.
type NotFoundError struct {
	Kind domain.Kind
	Word string
}

// Error says so.
func (e *NotFoundError) Error() string {
	return fmt.Sprintf("there is no %s %q", strings.ReplaceAll(string(e.Kind), "_", " "), e.Word)
}

// Unwrap is the code.
func (e *NotFoundError) Unwrap() error { return domain.NotFound }

// mostCandidates is how many an AmbiguousError names.
const mostCandidates = 10

// Resolve finds what a word means, of a kind: NAMESPACE/NAME or a bare name of a pipeline or an artifact,
// NAMESPACE/NAME@VERSION of an artifact version (a number, a producer's name, "latest"; without it the latest),
// PIPELINE#NUMBER or the producer's id of a run. Global ids are the caller's to read. "/NAME" names what has no
// namespace, where others have the same name. Deleted things are not found by name. The errors are *NotFoundError
// and *AmbiguousError.
func (d *DB) Resolve(ctx context.Context, m Moment, kind domain.Kind, word string) (int64, error) {
	var found []Candidate
	var err error
	switch kind {
	case domain.KindPipeline:
		found, err = d.pipelinesMeant(ctx, m, word)
	case domain.KindArtifact:
		found, err = d.artifactsMeant(ctx, m, word)
	case domain.KindArtifactVersion:
		found, err = d.versionsMeant(ctx, m, word)
	case domain.KindRun:
		found, err = d.runsMeant(ctx, m, word)
	default:
		return 0, invalid("things of kind %s have no names", kind)
	}
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, &NotFoundError{Kind: kind, Word: word}
	case len(found) == 1:
		return found[0].Key, nil
	}
	more := len(found) > mostCandidates
	return 0, &AmbiguousError{Kind: kind, Word: word, Candidates: found[:min(len(found), mostCandidates)], More: more}
}

// readings are the names that a word can be: it alone in any namespace, and cut at each of its slashes.
func readings(word string) []NameRef {
	names := []NameRef{{Name: word}}
	for i, c := range word {
		if namespace := word[:i]; c == '/' && i+1 < len(word) {
			names = append(names, NameRef{Namespace: &namespace, Name: word[i+1:]})
		}
	}
	return names
}

// Word is the form of a name that means it and nothing else, unless names hold slashes.
func Word(n domain.Name) string { return n.Namespace + "/" + n.Name }

// only makes candidates of names: one that is the whole word, namespace and all, is meant before those whose bare
// name it is. Equal forms tell nothing: they are left out.
func only(word string, keys []int64, names []domain.Name, kind domain.Kind) []Candidate {
	forms := map[string]int{}
	var whole []Candidate
	all := make([]Candidate, len(keys))
	for i, n := range names {
		all[i] = Candidate{Node{kind, keys[i]}, Word(n)}
		forms[Word(n)]++
		if Word(n) == word {
			whole = append(whole, all[i])
		}
	}
	if len(whole) == 1 {
		return whole
	}
	for i := range all {
		if forms[all[i].Word] > 1 {
			all[i].Word = ""
		}
	}
	return all
}

func (d *DB) pipelinesMeant(ctx context.Context, m Moment, word string) ([]Candidate, error) {
	found, err := d.PipelinesNamed(ctx, m, readings(word), mostCandidates+1)
	keys, names := make([]int64, len(found)), make([]domain.Name, len(found))
	for i, p := range found {
		keys[i], names[i] = p.Key, p.FullName()
	}
	return only(word, keys, names, domain.KindPipeline), err
}

func (d *DB) artifactsMeant(ctx context.Context, m Moment, word string) ([]Candidate, error) {
	found, err := d.ArtifactsNamed(ctx, m, readings(word), mostCandidates+1)
	keys, names := make([]int64, len(found)), make([]domain.Name, len(found))
	for i, a := range found {
		keys[i], names[i] = a.Key, a.FullName()
	}
	return only(word, keys, names, domain.KindArtifact), err
}

// versionsMeant reads what is behind the last @ as a version; names that hold one are tried whole as well.
func (d *DB) versionsMeant(ctx context.Context, m Moment, word string) ([]Candidate, error) {
	var out []Candidate
	at := strings.LastIndexByte(word, '@')
	for _, cut := range []int{at, len(word)} {
		if cut <= 0 {
			continue
		}
		version := strings.TrimPrefix(word[cut:], "@")
		artifacts, err := d.artifactsMeant(ctx, m, word[:cut])
		if err != nil {
			return nil, err
		}
		for _, a := range artifacts {
			v, ok, err := d.versionMeant(ctx, m, a.Key, version)
			if err != nil {
				return nil, err
			}
			if ok && !holds(out, v.Key) {
				form := a.Word
				if form != "" {
					form += "@" + strconv.Itoa(v.Number)
				}
				out = append(out, Candidate{Node{domain.KindArtifactVersion, v.Key}, form})
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return out, nil
}

func holds(list []Candidate, key int64) bool {
	for _, c := range list {
		if c.Key == key {
			return true
		}
	}
	return false
}

// versionMeant reads a version by the word behind the @: a producer's name before a number.
func (d *DB) versionMeant(ctx context.Context, m Moment, artifact int64, version string) (Version, bool, error) {
	if version == "" || version == "latest" {
		return d.VersionNamed(ctx, m, artifact, 0, "")
	}
	v, ok, err := d.VersionNamed(ctx, m, artifact, 0, version)
	if number, bad := strconv.Atoi(version); !ok && err == nil && bad == nil && number > 0 {
		return d.VersionNamed(ctx, m, artifact, number, "")
	}
	return v, ok, err
}

// runsMeant reads a word as PIPELINE#NUMBER, else as a producer's id.
func (d *DB) runsMeant(ctx context.Context, m Moment, word string) ([]Candidate, error) {
	var out []Candidate
	if at := strings.LastIndexByte(word, '#'); at > 0 {
		if number, bad := strconv.Atoi(word[at+1:]); bad == nil {
			pipelines, err := d.pipelinesMeant(ctx, m, word[:at])
			if err != nil {
				return nil, err
			}
			for _, p := range pipelines {
				r, ok, err := d.RunByNumber(ctx, m, p.Key, number)
				if err != nil {
					return nil, err
				}
				if ok && !r.Deleted {
					form := p.Word
					if form != "" {
						form += "#" + strconv.Itoa(number)
					}
					out = append(out, Candidate{Node{domain.KindRun, r.Key}, form})
				}
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	runs, err := d.RunsByRunID(ctx, m, word, mostCandidates+1)
	if err != nil {
		return nil, err
	}
	return d.runForms(ctx, m, runs)
}

// runForms are the runs that were not deleted, as PIPELINE#NUMBER where they have a number.
func (d *DB) runForms(ctx context.Context, m Moment, runs []Run) ([]Candidate, error) {
	var keys []int64
	for _, r := range runs {
		keys = append(keys, r.Pipeline)
	}
	pipelines, err := d.PipelinesByKey(ctx, m, keys)
	names := byKey(pipelines, func(p Pipeline) int64 { return p.Key })
	var out []Candidate
	for _, r := range runs {
		if r.Deleted {
			continue
		}
		form := ""
		if p, ok := names[r.Pipeline]; ok && r.Number > 0 {
			form = Word(p.FullName()) + "#" + strconv.Itoa(r.Number)
		}
		out = append(out, Candidate{Node{domain.KindRun, r.Key}, form})
	}
	return out, err
}
