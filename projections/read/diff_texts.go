package read

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/annals-io/annals/domain"
)

// Texts lie beside the log, each time they are said anew under a salt of its own: a pipeline whose every run repeats its
// SQL refers to as many bodies as it has runs. By what a row holds nobody can see that they say the same, so the texts that
// are at two places are read, and compared as they read.

// Texts says what texts of a moment's place say, as JSON that is shown: a text, or what stands for one that was erased.
// What is no text of its body is left out.
type Texts func(ctx context.Context, m Moment, texts []*domain.Text) (map[domain.Text]json.RawMessage, error)

// textsAtOnce is how many pairs of texts are compared at once: each may lie in a body of some megabytes.
const textsAtOnce = 100

// texts says whether a field is a text on both sides.
func (f FieldDifference) texts() bool {
	return f.Before != nil && f.After != nil && f.Before.Text != nil && f.After.Text != nil
}

// settle takes the fields out of lists that are texts on both sides and read the same, and says in the others how they
// read. Two erased texts read the same, whatever they said. Without somebody who knows, all stay.
func (said Texts) settle(ctx context.Context, m Moment, lists ...*[]FieldDifference) error {
	if said == nil {
		return nil
	}
	var pairs []FieldDifference
	for _, list := range lists {
		for _, f := range *list {
			if f.texts() {
				pairs = append(pairs, f)
			}
		}
	}
	for some := range slices.Chunk(pairs, textsAtOnce) {
		var refs []*domain.Text
		for _, f := range some {
			refs = append(refs, f.Before.Text, f.After.Text)
		}
		words, err := said(ctx, m, refs)
		if err != nil {
			return fmt.Errorf("read the texts of %s that may differ: %w", m.Slug, err)
		}
		for _, f := range some { // both sides are pointers: the lists have them, too
			f.Before.JSON, f.After.JSON = words[*f.Before.Text], words[*f.After.Text]
		}
	}
	for _, list := range lists {
		*list = slices.DeleteFunc(*list, func(f FieldDifference) bool { return f.texts() && bytes.Equal(f.Before.JSON, f.After.JSON) })
	}
	return nil
}
