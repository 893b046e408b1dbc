package replay_test

import (
	"errors"
	"testing"
	"time"

	"github.com/annals-io/annals/audit/replay"
	"github.com/annals-io/annals/domain"
)

func TestWhichPartsThereAre(t *testing.T) {
	t.Parallel()
	at := func(r domain.Revision) replay.Moment { return replay.Moment{Revision: &r} }
	when := func(d time.Duration) replay.Moment { return replay.Moment{Time: new(noon.Add(d))} }
	x := replay.Extent{Name: "workspace lab", First: noon, Last: 9, Now: noon.Add(time.Hour), Whose: "the server's time"}
	for name, tt := range map[string]struct {
		part        replay.Part
		field, code string // of the refusal; empty: there is none
	}{
		"all":                                {replay.Part{}, "", ""},
		"the whole of it":                    {replay.Part{From: at(0), Until: at(9)}, "", ""},
		"one behind the last: to go on from": {replay.Part{From: at(10)}, "", ""},
		"one behind its own end":             {replay.Part{From: at(5), Until: at(4)}, "", ""},
		"two behind the last":                {replay.Part{From: at(11)}, "from", replay.Ahead},
		"two behind the last, followed":      {replay.Part{From: at(11), Follow: true}, "from", replay.Ahead},
		"until what there is not":            {replay.Part{Until: at(10)}, "until", replay.Ahead},
		"until what there is not, followed":  {replay.Part{Until: at(10), Follow: true}, "", ""},
		"from a time ahead":                  {replay.Part{From: when(2 * time.Hour)}, "from", replay.Ahead},
		"until a time ahead":                 {replay.Part{Until: when(2 * time.Hour)}, "until", replay.Ahead},
		"until a time ahead, followed":       {replay.Part{Until: when(2 * time.Hour), Follow: true}, "", ""},
		"a time a little ahead":              {replay.Part{Until: when(time.Hour + 30*time.Second)}, "", ""},
		"from before the beginning":          {replay.Part{From: when(-time.Hour)}, "", ""},
		"until before the beginning":         {replay.Part{Until: when(-time.Hour)}, "until", replay.Before},
		"before the beginning, followed":     {replay.Part{Until: when(-time.Hour), Follow: true}, "until", replay.Before},
		"until the very first":               {replay.Part{Until: when(0)}, "", ""},
		"revisions backward":                 {replay.Part{From: at(5), Until: at(2)}, "until", replay.Backward},
		"times backward":                     {replay.Part{From: when(time.Minute), Until: when(0)}, "until", replay.Backward},
	} {
		err := tt.part.Check(x)
		var outside *replay.OutsideError
		errors.As(err, &outside)
		if err == nil != (tt.code == "") || outside != nil && (outside.Field != tt.field || outside.Code != tt.code || outside.Message == "") {
			t.Errorf("%s: %+v", name, err)
		}
	}
}
