package graphql

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	gql "github.com/99designs/gqlgen/graphql"

	"github.com/annals-io/annals/graphql/model"
)

// The executor makes a value, a closure and a context of each field of each row of a list, and a goroutine of many of them:
// for a page of fifty workspaces that takes longer than finding them, for a walk of a thousand nodes many times as long.
// Where everything that was asked of such a list is plain, its JSON is written straight from the rows; anything else is left
// to the executor. Who reads the JSON gets the same values either way, in the same order; how a text is escaped is not
// promised.

// whole writes the lists of [lineageWriter] and [workspaceWriter] at once.
func (r *Resolver) whole(ctx context.Context, next gql.Resolver) (any, error) {
	fc := gql.GetFieldContext(ctx)
	if fc.Parent == nil {
		return next(ctx)
	}
	var out []byte
	ok := false
	switch fc.Object {
	case "Lineage":
		if l, is := fc.Parent.Result.(*model.Lineage); is {
			w := lineageWriter{Lineage: l}
			out, ok = w.part(ctx, fc.Field)
		}
	case "WorkspaceConnection":
		if c, is := fc.Parent.Result.(*model.WorkspaceConnection); is {
			w := workspaceWriter{ctx: ctx, Resolver: r, nested: map[*gql.CollectedField][]gql.CollectedField{}}
			out, ok = w.part(c, fc.Field)
		}
	}
	if !ok {
		return next(ctx)
	}
	return gql.WriterFunc(func(to io.Writer) { _, _ = to.Write(out) }), nil
}

// plain is JSON that grows. Its methods say false where they cannot write what was asked.
type plain struct {
	out   []byte
	words map[string]string
}

// list is a list of n objects, each of about so many bytes.
func (w *plain) list(n, each int, object func(i int) bool) ([]byte, bool) {
	w.out = append(make([]byte, 0, 2+each*n), '[')
	for i := range n {
		w.comma(i)
		if !object(i) {
			return nil, false
		}
	}
	return append(w.out, ']'), true
}

// object writes an object with the fields that were asked.
func (w *plain) object(typ string, asked []gql.CollectedField, field func(f *gql.CollectedField) bool) bool {
	w.out = append(w.out, '{')
	for i := range asked {
		f := &asked[i]
		if len(f.Deferrables) > 0 && !f.IsNonDeferrable {
			return false
		}
		w.comma(i)
		w.text(f.Alias)
		w.out = append(w.out, ':')
		if f.Name == "__typename" {
			w.text(typ)
		} else if !field(f) {
			return false
		}
	}
	w.out = append(w.out, '}')
	return true
}

// upper is a word of few in capitals, each made once.
func (w *plain) upper(word string) string {
	if up, ok := w.words[word]; ok {
		return up
	}
	if w.words == nil {
		w.words = map[string]string{}
	}
	w.words[word] = strings.ToUpper(word)
	return w.words[word]
}

func (w *plain) comma(i int) {
	if i > 0 {
		w.out = append(w.out, ',')
	}
}

func (w *plain) number(n int) bool { return w.int64(int64(n)) }

func (w *plain) int64(n int64) bool {
	w.out = strconv.AppendInt(w.out, n, 10)
	return true
}

func (w *plain) bool(b bool) bool {
	w.out = strconv.AppendBool(w.out, b)
	return true
}

func (w *plain) null() bool {
	w.out = append(w.out, "null"...)
	return true
}

// time writes a time that is there.
func (w *plain) time(t time.Time) bool {
	w.out = model.AppendTime(w.out, t)
	return true
}

// word writes a text that may be missing.
func (w *plain) word(s string) bool {
	if s == "" {
		return w.null()
	}
	return w.text(s)
}

// text writes a text in quotes, as the executor does.
func (w *plain) text(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' {
			var b strings.Builder
			gql.MarshalString(s).MarshalGQL(&b)
			w.out = append(w.out, b.String()...)
			return true
		}
	}
	w.out = append(w.out, '"')
	w.out = append(w.out, s...)
	w.out = append(w.out, '"')
	return true
}

// texts writes a list of texts.
func (w *plain) texts(list []string) bool {
	w.out = append(w.out, '[')
	for i, s := range list {
		w.comma(i)
		w.text(s)
	}
	w.out = append(w.out, ']')
	return true
}
