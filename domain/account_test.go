package domain

import (
	"errors"
	"reflect"
	"testing"

	"github.com/google/uuid"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	ann := uuid.UUID{15: 1}
	there := AccountRegistered{Account: ann}
	google := Digest{1}
	full := []Event{there}
	for i := range MaxIdentities {
		full = append(full, IdentityLinked{ann, "https://id.example", Digest{2, byte(i)}})
	}
	for name, tt := range map[string]struct {
		given []Event
		when  Command
		then  []Event
		no    Code
	}{
		"registered":                {nil, RegisterAccount{ann, nil}, []Event{there}, ""},
		"registered again":          {[]Event{there}, RegisterAccount{ann, nil}, nil, ""},
		"renamed":                   {[]Event{there}, RenameAccount{ann, &Personal{"s", []byte{1}}}, []Event{AccountRenamed{ann, &Personal{"s", []byte{1}}}}, ""},
		"renamed, who is nobody":    {nil, RenameAccount{ann, nil}, nil, NotFound},
		"disabled":                  {[]Event{there}, DisableAccount{ann}, []Event{AccountDisabled{ann}}, ""},
		"disabled again":            {[]Event{there, AccountDisabled{ann}}, DisableAccount{ann}, nil, ""},
		"disabled, who is nobody":   {nil, DisableAccount{ann}, nil, NotFound},
		"signed in":                 {[]Event{there}, RecordSignIn{ann}, []Event{AccountSignedIn{ann}}, ""},
		"signed in again":           {[]Event{there, AccountSignedIn{ann}}, RecordSignIn{ann}, nil, ""},
		"enabled":                   {[]Event{there, AccountDisabled{ann}}, EnableAccount{ann}, []Event{AccountEnabled{ann}}, ""},
		"enabled, who is":           {[]Event{there}, EnableAccount{ann}, nil, ""},
		"disabled anew":             {[]Event{there, AccountDisabled{ann}, AccountEnabled{ann}}, DisableAccount{ann}, []Event{AccountDisabled{ann}}, ""},
		"linked":                    {[]Event{there}, LinkIdentity{ann, "https://id.example", google}, []Event{IdentityLinked{ann, "https://id.example", google}}, ""},
		"linked again":              {[]Event{there, IdentityLinked{ann, "https://id.example", google}}, LinkIdentity{ann, "https://id.example", google}, nil, ""},
		"linked to nobody":          {nil, LinkIdentity{ann, "https://id.example", google}, nil, NotFound},
		"one identity too many":     {full, LinkIdentity{ann, "https://id.example", google}, nil, TooLong},
		"unlinked":                  {[]Event{there, IdentityLinked{ann, "https://id.example", google}}, UnlinkIdentity{ann, "https://id.example", google}, []Event{IdentityUnlinked{ann, "https://id.example", google}}, ""},
		"unlinked, which was not":   {[]Event{there}, UnlinkIdentity{ann, "https://id.example", google}, nil, ""},
		"linked, unlinked and back": {[]Event{there, IdentityLinked{ann, "i", google}, IdentityUnlinked{ann, "i", google}}, LinkIdentity{ann, "i", google}, []Event{IdentityLinked{ann, "i", google}}, ""},
	} {
		state := &State{Changed: NoRevision}
		for i, e := range tt.given {
			if err := state.Apply(&Recorded{Envelope: Envelope{Revision: Revision(i)}, Event: e}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		states := States{}
		if len(tt.given) > 0 {
			states[AccountEntity(ann)] = state
		}
		events, err := tt.when.Decide(states)
		if !reflect.DeepEqual(events, tt.then) || (tt.no == "") != (err == nil) || tt.no != "" && !errors.Is(err, tt.no) {
			t.Errorf("%s: %v, %v; want %v, %v", name, events, err, tt.then, tt.no)
		}
	}
}
