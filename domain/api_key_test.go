package domain

import (
	"errors"
	"reflect"
	"testing"
	"time"
)

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	first := APIKeyCreated{Key: "k1", Kind: "sa", Holder: Grantee{ServiceGrantee, "6ba7b810-9dad-41d1-80b4-00c04fd430c8"}, Scopes: []string{"ingest"}}
	second := first
	second.Key = "k2"
	rotated := APIKeyRotated{"k1", "k2", noon}
	revoked := APIKeyRevoked{"k1"}
	for name, tt := range map[string]struct {
		given []Event
		when  Command
		then  []Event
		code  error
	}{
		"create":                           {nil, CreateAPIKey{first}, []Event{first}, nil},
		"create, id taken":                 {[]Event{first}, CreateAPIKey{first}, nil, AlreadyExists},
		"create, id taken by a dead one":   {[]Event{first, revoked}, CreateAPIKey{first}, nil, AlreadyExists},
		"rotate":                           {[]Event{first}, RotateAPIKey{rotated, second}, []Event{rotated, second}, nil},
		"rotate one from before the log":   {nil, RotateAPIKey{rotated, second}, []Event{rotated, second}, nil},
		"rotate, revoked":                  {[]Event{first, revoked}, RotateAPIKey{rotated, second}, nil, Gone},
		"rotate, the successor's id taken": {[]Event{first, second}, RotateAPIKey{rotated, second}, nil, AlreadyExists},
		"revoke":                           {[]Event{first}, RevokeAPIKey{revoked}, []Event{revoked}, nil},
		"revoke again":                     {[]Event{first, revoked}, RevokeAPIKey{revoked}, nil, nil},
		"revoke one from before the log":   {nil, RevokeAPIKey{revoked}, []Event{revoked}, nil},
		"the successor of a revoked lives": {[]Event{first, rotated, second, revoked}, RevokeAPIKey{APIKeyRevoked{"k2"}}, []Event{APIKeyRevoked{"k2"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			states := States{}
			for i, e := range tt.given {
				if states[e.Subject()] == nil {
					states[e.Subject()] = &State{}
				}
				if err := states[e.Subject()].Apply(&Recorded{Envelope: Envelope{Revision: Revision(i)}, Event: e}); err != nil {
					t.Fatal(err)
				}
			}
			got, err := tt.when.Decide(states)
			if !errors.Is(err, tt.code) || err == nil && !(len(got) == 0 && len(tt.then) == 0) && !reflect.DeepEqual(got, tt.then) {
				t.Errorf("Decide = %v, %v; want %v, %v", got, err, tt.then, tt.code)
			}
		})
	}
}
