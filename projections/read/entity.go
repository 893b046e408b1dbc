package read

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/annals-io/annals/domain"
)

// An Entity is a thing of a workspace at a moment, taken apart into fields that can be compared one by one. What follows
// from other fields, such as a duration, is no field, and neither is what other things say of it, such as who read a
// version.
type Entity struct {
	Node
	Fields map[FieldKey]FieldValue
}

// A FieldKey names a field of a thing.
type FieldKey struct {
	Group string // parameters, metadata, tags, metrics, inputs, ...; empty: what each thing of the kind has
	Name  string // within the group
	Ref   int64  // the thing that the field leads to, where that tells it from others: a version that is read, ...
	By    int64  // the pipeline that says so; 0: none
}

// A FieldValue is what a field holds: one of the three is set.
type FieldValue struct {
	JSON json.RawMessage
	Text *domain.Text // in evidence
	Ref  Node         // another thing
}

// Equal says whether two values are the same. Texts are when they are one text of one body: whether others read the same,
// [Texts] knows.
func (v FieldValue) Equal(w FieldValue) bool {
	if v.Text != nil && w.Text != nil {
		return *v.Text == *w.Text
	}
	return v.Text == w.Text && v.Ref == w.Ref && bytes.Equal(v.JSON, w.JSON)
}

// Groups of fields.
const (
	groupParameters = "parameters"
	groupMetadata   = "metadata"
	groupTags       = "tags"
	groupSources    = "sources" // who set a parameter, an entry of metadata or a tag
	groupMetrics    = "metrics"
	groupInputs     = "inputs"
	groupOutputs    = "outputs"
	groupUpstream   = "upstream"
	groupColumns    = "columnLineage"
	groupPromotions = "promotions"
	groupLabels     = "labels"
	groupMembers    = "members"
	groupRoles      = "roles"

	groupInvitations = "invitations" // by those who may see them
)

// kindExecution stands for a run or a step where a row does not say which.
const kindExecution domain.Kind = "execution"

func newEntity(kind domain.Kind, key int64) *Entity {
	return &Entity{Node: Node{Kind: kind, Key: key}, Fields: map[FieldKey]FieldValue{}}
}

// put sets a field to a value that JSON can say.
func (e *Entity) put(group, name string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		panic("read: the field " + name + " cannot be written: " + err.Error()) // texts, numbers, bools and what was JSON
	}
	e.Fields[FieldKey{Group: group, Name: name}] = FieldValue{JSON: b}
}

// Fields that are empty are not there.

func (e *Entity) word(name, s string) {
	if s != "" {
		e.put("", name, s)
	}
}

// choice is a word of a closed list, as the API spells it.
func (e *Entity) choice(name, s string) { e.word(name, strings.ToUpper(s)) }

func (e *Entity) words(name string, list []string) {
	if len(list) > 0 {
		e.put("", name, list)
	}
}

func (e *Entity) number(name string, n int) {
	if n != 0 {
		e.put("", name, n)
	}
}

func (e *Entity) time(name string, t time.Time) {
	if !t.IsZero() {
		e.put("", name, instantText(t))
	}
}

func (e *Entity) raw(name string, doc json.RawMessage) {
	if len(doc) > 0 && string(doc) != "null" {
		e.Fields[FieldKey{Name: name}] = FieldValue{JSON: doc}
	}
}

func (e *Entity) text(name string, t *domain.Text) {
	if t != nil {
		e.Fields[FieldKey{Name: name}] = FieldValue{Text: t}
	}
}

func (e *Entity) ref(name string, kind domain.Kind, key int64) {
	if key != 0 {
		e.Fields[FieldKey{Name: name}] = FieldValue{Ref: Node{Kind: kind, Key: key}}
	}
}

// instant is the time that a field holds.
func (e *Entity) instant(name string) (t time.Time, ok bool) {
	if v, there := e.Fields[FieldKey{Name: name}]; there {
		ok = json.Unmarshal(v.JSON, &t) == nil
	}
	return t, ok
}

func instantText(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// tries are the attempts of an execution, and what went wrong in the last one.
func (e *Entity) tries(all []Attempt, failure json.RawMessage) error {
	type try struct {
		Number    int    `json:"number"`
		Status    string `json:"status"`
		StartedAt string `json:"startedAt,omitempty"`
		EndedAt   string `json:"endedAt,omitempty"`
		Failure   string `json:"failure,omitempty"` // its type
	}
	if len(all) > 1 {
		list := make([]try, len(all))
		for i, a := range all {
			list[i] = try{Number: a.Number, Status: strings.ToUpper(string(a.Status))}
			if !a.StartedAt.IsZero() {
				list[i].StartedAt = instantText(a.StartedAt)
			}
			if !a.EndedAt.IsZero() {
				list[i].EndedAt = instantText(a.EndedAt)
			}
			if a.Failure != nil {
				list[i].Failure = a.Failure.Type
			}
		}
		e.put("", "attempts", list)
	}
	if len(failure) == 0 {
		return nil
	}
	var f domain.Failure
	if err := json.Unmarshal(failure, &f); err != nil {
		return err
	}
	e.word("failure.type", f.Type)
	e.text("failure.message", f.Message)
	e.text("failure.stack", f.Stack)
	return nil
}

// attributes are parameters, metadata and tags, each with its source where a producer said so.
func (e *Entity) attributes(list []Attribute) {
	for _, a := range list {
		group := map[Space]string{Parameters: groupParameters, Metadata: groupMetadata, Tags: groupTags}[a.Space]
		value := json.RawMessage(a.Value)
		if a.Space == Tags {
			value, _ = json.Marshal(a.Value.Text()) // a text
		}
		e.Fields[FieldKey{Group: group, Name: a.Name}] = FieldValue{JSON: value}
		if a.Source != "" {
			e.put(groupSources, group+"."+a.Name, a.Source)
		}
	}
}

// measured is a number as JSON has it, which knows neither infinity nor what is no number: these are texts.
func measured(f float64) json.RawMessage {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return json.RawMessage(strconv.Quote(strconv.FormatFloat(f, 'g', -1, 64)))
	}
	b, _ := json.Marshal(f) // finite
	return b
}

func (e *Entity) metrics(list []Metric) {
	for _, m := range list {
		e.put(groupMetrics, m.Name, struct {
			Last     json.RawMessage `json:"last"`
			LastStep int64           `json:"lastStep,omitempty"`
			LastAt   string          `json:"lastAt"`
			Min      json.RawMessage `json:"min"`
			Max      json.RawMessage `json:"max"`
			Count    int64           `json:"count"`
		}{measured(m.Last), m.LastStep, instantText(m.LastAt), measured(m.Min), measured(m.Max), m.Points})
	}
}

// uses are what an execution read or wrote.
func (e *Entity) uses(group string, list []Use) {
	for _, u := range list {
		v := map[string]any{"position": u.Position}
		if u.Role != "" {
			v["role"] = u.Role
		}
		b, _ := json.Marshal(v) // a number and a text
		e.Fields[FieldKey{Group: group, Name: u.Role, Ref: u.Version}] = FieldValue{JSON: b}
	}
}

var yes = FieldValue{JSON: json.RawMessage("true")}
