package read

import (
	"context"
	"strconv"
	"strings"
	"unicode"

	"github.com/annals-io/annals/domain"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype/zeronull"
)

// A Hit is something whose name was found.
type Hit struct {
	Node
	Namespace string
	Name      string
	Status    string // of runs and steps
	Rank      int    // 0: the name is the text; 1: it begins with it; 2: its words begin with the words of the text
}

// searchBound is how many candidates of each kind are ranked: those whose words fit, the newest of them.
const searchBound = 2000

// A searchKind is how things of one kind are shown.
type searchKind struct {
	kind domain.Kind
	// row is a query for (namespace, name, status, deleted) of the thing c.entity at the moment.
	row string
}

var searchKinds = []searchKind{
	{domain.KindPipeline, `SELECT k.namespace, k.name, NULL::text AS status, r.deleted FROM read.pipelines k
		CROSS JOIN LATERAL (` + rowAt("pipelines", "deleted", "x.key = k.key") + `) r WHERE k.ws = $1 AND k.key = c.entity`},
	{domain.KindArtifact, `SELECT k.namespace, k.name, NULL::text AS status, r.deleted FROM read.artifacts k
		CROSS JOIN LATERAL (` + rowAt("artifacts", "deleted", "x.key = k.key") + `) r WHERE k.ws = $1 AND k.key = c.entity`},
	{domain.KindRun, `SELECT '' AS namespace, coalesce(d.name, r.run_id) AS name, r.status, r.deleted FROM (` + rowAt("runs", "run_id, status, deleted", "x.key = c.entity") + `) r
		LEFT JOIN LATERAL (` + rowAt("run_details", "name", "x.key = c.entity") + `) d ON true`},
	{domain.KindStep, `SELECT '' AS namespace, coalesce(s.title, s.name) AS name, s.status, s.deleted FROM (` + rowAt("steps", "name, title, status, deleted", "x.key = c.entity") + `) s`},
}

// searchWords are the words that a text is looked up by: the parts that the index has, each a beginning of a word.
func searchWords(text string) []string {
	var out []string
	for part := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if len(out) < 8 {
			out = append(out, first(part, 200))
		}
	}
	return out
}

// beginsWith is the condition on a word of the index, in words that row level security lets an index answer.
func beginsWith(b *binds, column, prefix string) string {
	return column + " ^@ " + b.of(prefix)
}

// Search finds things by name, as they are at the moment: every word of the text must begin a word of the name, or of
// another name that the thing had by then (of a run its titles, of an artifact what it was renamed from). First come
// the names that are the text, then those that begin with it, then the others; the newest first among equals.
// Kinds nil means all that have names. A name with only signs is found whole.
func (d *DB) Search(ctx context.Context, m Moment, text string, kinds []domain.Kind, limit int) ([]Hit, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, invalid("the text to search for is empty")
	}
	b := bindsOf(m)
	whole := strings.ToLower(text)
	letters := lower(text)
	last, exact, begins := b.of(lastKey(m.Revision)), b.of(first(whole, 200)), b.of(letters.text)
	name, qualified := letters.of(&b, "name"), letters.of(&b, "namespace || '/' || name")
	var parts []string
	for _, k := range searchKinds {
		if len(kinds) > 0 && !contains(kinds, k.kind) {
			continue
		}
		kind := b.of(string(k.kind))
		common := `w.ws = $1 AND w.kind = ` + kind + ` AND w.entity <= ` + last + ` AND w.since <= $2`
		candidates := `(SELECT w.entity FROM read.words w WHERE ` + common + ` AND w.word = ` + exact + ` ORDER BY w.entity DESC LIMIT ` + strconv.Itoa(searchBound) + `)`
		if words := searchWords(text); len(words) > 0 {
			fits := ""
			for _, word := range words[1:] {
				fits += ` AND w.entity IN (SELECT o.entity FROM read.words o WHERE o.ws = $1 AND o.kind = ` + kind + ` AND o.since <= $2 AND ` + beginsWith(&b, "o.word", word) + `)`
			}
			candidates += ` UNION (SELECT w.entity FROM read.words w WHERE ` + common + ` AND ` + beginsWith(&b, "w.word", words[0]) + fits + ` GROUP BY w.entity ORDER BY w.entity DESC LIMIT ` + strconv.Itoa(searchBound) + `)`
		}
		parts = append(parts, `SELECT `+kind+`::text AS kind, c.entity AS key, r.namespace, r.name, r.status FROM (`+candidates+`) c
			CROSS JOIN LATERAL (`+k.row+`) r WHERE NOT r.deleted`)
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return ask(ctx, d, m, "search", `SELECT kind, key, namespace, name, status,
		CASE WHEN `+name+` = `+begins+` OR `+qualified+` = `+begins+` THEN 0 WHEN starts_with(`+name+`, `+begins+`) THEN 1 ELSE 2 END AS rank
		FROM (`+strings.Join(parts, " UNION ALL ")+`) h ORDER BY rank, key DESC LIMIT `+strconv.Itoa(limit), b, func(row pgx.CollectableRow) (Hit, error) {
		var h Hit
		err := row.Scan(&h.Kind, &h.Key, &h.Namespace, &h.Name, (*zeronull.Text)(&h.Status), &h.Rank)
		return h, err
	})
}

func contains[T comparable](list []T, x T) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}
