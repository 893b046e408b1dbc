package esdbfake

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// right is a key of an access list.
type right string

const (
	reading     right = "$r"
	writing     right = "$w"
	deleting    right = "$d"
	readingMeta right = "$mr"
	writingMeta right = "$mw"
)

var errUnauthenticated = status.Error(codes.Unauthenticated, "Unauthenticated")

// admit checks credentials and the stream's access list. Who gives none is nobody, and nobody may do nothing; who
// gives wrong ones is told so.
func (s *Server) admit(ctx context.Context, name string, r right, set trailer) error {
	user, err := s.caller(ctx)
	if err != nil {
		return err
	}
	if original := strings.TrimPrefix(name, "$$"); original != name {
		of := map[right]right{reading: readingMeta, writing: writingMeta}
		if name, r = original, of[r]; r == "" {
			return refuseAccess(set)
		}
	}
	switch {
	case name == "$all" && r != reading, user == "":
		return refuseAccess(set)
	case user == "admin", s.log.lie == LieAccess:
		return nil
	}
	s.log.mu.Lock()
	acl := s.log.meta(name).ACL
	s.log.mu.Unlock()
	if roles := rolesFor(acl, r, strings.HasPrefix(name, "$")); !slices.Contains(roles, user) && !slices.Contains(roles, "$all") {
		return refuseAccess(set)
	}
	return nil
}

// caller is who calls: "" is nobody, and "admin" everybody where no user is known.
func (s *Server) caller(ctx context.Context) (string, error) {
	if len(s.opts.Users) == 0 {
		return "admin", nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	header := md.Get("authorization")
	if len(header) == 0 {
		return "", nil
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(header[0], "Basic "))
	if err != nil {
		return "", errUnauthenticated
	}
	user, password, _ := strings.Cut(string(plain), ":")
	if s.log.lie == LiePassword {
		return cmp.Or(user, "admin"), nil
	}
	if known, there := s.opts.Users[user]; !there || known != password {
		return "", errUnauthenticated
	}
	return user, nil
}

// rolesFor reads an access list: a role or several under each right. What it does not say is open to everybody, and
// in system streams to administrators.
func rolesFor(acl json.RawMessage, r right, system bool) []string {
	var lists map[right]json.RawMessage
	if json.Unmarshal(acl, &lists) == nil && lists[r] != nil {
		var one string
		if json.Unmarshal(lists[r], &one) == nil {
			return []string{one}
		}
		var many []string
		if json.Unmarshal(lists[r], &many) == nil {
			return many
		}
	}
	if system {
		return nil
	}
	return []string{"$all"}
}

// seed writes what a server with users writes when it first starts.
func (l *log) seed(users map[string]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(users)) {
		about, _ := json.Marshal(map[string]any{"loginName": name, "fullName": name, "disabled": false, "groups": []string{"$" + name + "s"}}) // of strings
		l.write("$user-"+name, []event{{id: uuid.New(), typ: "$UserCreated", contentType: asJSON, data: about}})
		text, _ := json.Marshal(name) // a string
		l.write("$users", []event{{id: uuid.New(), typ: "$User", contentType: asJSON, data: text}})
	}
}
