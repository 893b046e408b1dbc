package rest

import "github.com/annals-io/annals/rest/openapi"

// The parameters that several actions have.
var (
	slugParam = openapi.Parameter{Name: "slug", In: "path", Description: "The workspace.", Shape: openapi.Text(), Example: "default"}
	orgParam  = openapi.Parameter{Name: "org", In: "path", Description: "The organization.", Shape: openapi.Text(), Example: "personal"}

	asOfParam = openapi.Parameter{Name: "asOf", In: "query", Shape: openapi.Text(),
		Description: "The moment to look at: a revision (120) or a time (2026-03-01T12:00:00Z); left out: now. Where several workspaces or organizations are listed it is a time."}
	atLeastParam = openapi.Parameter{Name: "atLeast", In: "query", Shape: openapi.Number(0, maxRevision),
		Description: "Wait until this revision can be read: the revision that a change answered, to read one's own write. 412 where that takes more than two seconds."}
	limitParam  = openapi.Parameter{Name: "limit", In: "query", Shape: openapi.Number(1, 500), Description: "How many at most; 50 when left out."}
	cursorParam = openapi.Parameter{Name: "cursor", In: "query", Shape: openapi.Text(), Description: "The nextCursor of the page before, with everything else the same."}
	matchParam  = openapi.Parameter{Name: matchHeader, In: "header", Shape: openapi.Text(), Description: "The ETag that the resource had: it is changed only if it still has it (412 else)."}
)

const maxRevision = 1<<53 - 1

// some is a parameter that may be given several times: any of the values.
func some(name, about string, words ...string) openapi.Parameter {
	item := openapi.Schema{Type: "string"}
	for _, w := range words {
		item.Enum = append(item.Enum, w)
	}
	return openapi.Parameter{Name: name, In: "query", Description: about, Shape: openapi.As(openapi.Schema{Type: "array", Items: &item})}
}

// one is a parameter that may be given once.
func one(name, about string, shape openapi.Shape) openapi.Parameter {
	return openapi.Parameter{Name: name, In: "query", Description: about, Shape: shape}
}

func params(all ...openapi.Parameter) []openapi.Parameter { return all }

// etag is the header of an answer that is about one resource.
var etag = []openapi.Header{{Name: "ETag", Description: "The revision of the resource, for If-Match."}}

// says is the answer of an action about one resource.
func says(status int, about string, shape openapi.Shape) []openapi.Answer {
	a := openapi.Says(status, about, shape)
	a.Headers = etag
	return []openapi.Answer{a}
}
