package openapi

// Problem is the body of every refusal but GraphQL's.
type Problem struct {
	Error Detail `json:"error"`
}

// Detail is why a request was refused. Programs branch on the code; it is never renamed.
type Detail struct {
	Code    string `json:"code" doc:"Stable, for programs."`
	Message string `json:"message" doc:"For people: what is wrong, and the way out."`
	Field   string `json:"field,omitempty" doc:"What of the request is to blame; absent: all of it."`
	Path    string `json:"path,omitempty" doc:"JSON pointer to it in the body."`
	Offset  *int   `json:"offset,omitempty" doc:"Byte of the body where reading stopped."`
	Rule    string `json:"rule,omitempty" doc:"The rule that is broken, as one sentence that holds for all requests."`
}
