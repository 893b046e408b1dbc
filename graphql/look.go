package graphql

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/annals-io/annals/graphql/model"
)

// behind says that the read model lacks something of the workspace, and waits for it: then what was not found is looked
// up once more, at the moment that is there now. What still lags after the wait is left as it is.
func (w *write) behind(wait time.Duration) bool {
	s, err := w.Moments.ProgressOf(w.ctx, w.slug)
	if err != nil || s.Head <= w.at.At.Revision {
		return false
	}
	head := int64(s.Head)
	at, err := w.open(w.ctx, string(w.slug), nil, &head, int(wait.Milliseconds()))
	if err != nil {
		return false
	}
	w.at = at
	return true
}

// nativeWait is how long a word is waited for that may be the name of something native: the command finds that in the
// log, so that a writer is not held up by a read model that lags.
const nativeWait = 100 * time.Millisecond

// patience is how long a word is waited for. One that numbers a run or names a namespace is hardly a native name: only
// the read model can say what it means.
func patience(word string) time.Duration {
	if strings.ContainsAny(word, "/#@") {
		return readWait
	}
	return nativeWait
}

// look finds what a word means now. A caller may name what it wrote a moment ago: what is not found in a read model
// that is behind is looked up again, after a wait.
func look[T any](w *write, at *model.Moment, word string, wait time.Duration, find func(context.Context, *model.Moment, string) (*T, error)) (*T, error) {
	thing, err := find(w.ctx, at, word)
	if err == nil && thing == nil && w.behind(wait) {
		return find(w.ctx, w.at, word)
	}
	return thing, err
}

// found reports a look-up that failed or found nothing, and says whether the mutation goes on.
func (w *write) found(field, what string, ok bool, err error) bool {
	var ambiguous *ambiguousError
	switch {
	case errors.As(err, &ambiguous):
		w.refuse(&model.NotFoundError{Message: ambiguous.Error(), Path: []string{"input", field}, Code: model.UserErrorCodeAmbiguous, Candidates: ambiguous.candidates})
	case err != nil:
		w.fault = err
	case !ok:
		w.refuse(&model.NotFoundError{Message: "there is no such " + what, Path: []string{"input", field}, Code: model.UserErrorCodeNotFound, Candidates: []string{}})
	default:
		return true
	}
	return false
}
