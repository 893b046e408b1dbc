package rest

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/annals-io/annals/rest/openapi"
)

// A Word is one of a closed list, in small letters. GraphQL writes them in capitals.
type Word string

// UnmarshalJSON reads it in either.
func (w *Word) UnmarshalJSON(raw []byte) error {
	var s string
	err := json.Unmarshal(raw, &s)
	*w = Word(strings.ToLower(s))
	return err
}

// Labels are texts by key. GraphQL has a list of pairs.
type Labels map[string]string

// UnmarshalJSON reads that list.
func (l *Labels) UnmarshalJSON(raw []byte) error {
	var pairs []struct{ Key, Value string }
	err := json.Unmarshal(raw, &pairs)
	*l = Labels{}
	for _, p := range pairs {
		(*l)[p.Key] = p.Value
	}
	return err
}

// Moment is the moment that an answer is true at.
type Moment struct {
	Revision int64      `json:"revision" doc:"Ask again with asOf=REVISION for the same answer at any later day."`
	Time     *time.Time `json:"time" doc:"When that event was recorded."`
	Settled  bool       `json:"settled" doc:"Whether asking for the same time again will give the same revision."`
}

// A Page is a part of a list.
type Page[T any] struct {
	Items      []T     `json:"items"`
	NextCursor *string `json:"nextCursor" doc:"Send it as cursor for the next page; null: this was the last."`
	TotalCount int     `json:"totalCount" doc:"How many there are in all, counted up to 10,000; 10,001 means more."`
}

// connection is a page as GraphQL has it.
type connection[T any] struct {
	Nodes    []T `json:"nodes"`
	PageInfo struct {
		HasNextPage bool    `json:"hasNextPage"`
		EndCursor   *string `json:"endCursor"`
	} `json:"pageInfo"`
	TotalCount int `json:"totalCount"`
}

// pageFields is what a page asks of a connection beside its nodes.
const pageFields = ` pageInfo { hasNextPage endCursor } totalCount`

func (c connection[T]) page() answer {
	p := Page[T]{Items: c.Nodes, TotalCount: c.TotalCount}
	if p.Items == nil {
		p.Items = []T{}
	}
	if c.PageInfo.HasNextPage {
		p.NextCursor = c.PageInfo.EndCursor
	}
	return answer{body: p}
}

// Optional is a member that can be left out, null, or a value. Left out, it stays as it is; null takes it away.
type Optional[T any] struct {
	Said  bool
	Value *T
}

// UnmarshalJSON is only asked where the member is there.
func (o *Optional[T]) UnmarshalJSON(raw []byte) error {
	o.Said = true
	return json.Unmarshal(raw, &o.Value)
}

// Known tells an OpenAPI document the words of this package's types.
func Known(k openapi.Known) {
	k[reflect.TypeFor[Optional[string]]()] = openapi.Schema{Type: []string{"string", "null"}}
	k[reflect.TypeFor[Optional[map[string]*string]]()] = openapi.Schema{Type: []string{"object", "null"}, AdditionalProperties: &openapi.Schema{Type: []string{"string", "null"}}}
}
