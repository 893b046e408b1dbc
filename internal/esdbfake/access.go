package esdbfake

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// right is a key of an access list.
type right string

const (
	reading  right = "$r"
	writing  right = "$w"
	deleting right = "$d"
)

// admit checks credentials and the stream's access list.
func (s *Server) admit(ctx context.Context, name string, r right) error {
	if len(s.opts.Users) == 0 {
		return nil
	}
	md, _ := metadata.FromIncomingContext(ctx)
	user, ok := s.user(md.Get("authorization"))
	switch {
	case !ok:
		return status.Error(codes.Unauthenticated, "unauthenticated")
	case user == "admin":
		return nil
	}
	s.log.mu.Lock()
	acl := s.log.meta(strings.TrimPrefix(name, "$$")).ACL
	s.log.mu.Unlock()
	system := strings.HasPrefix(name, "$") && !strings.HasPrefix(name, "$$")
	if allowed(acl, r, user, system || strings.HasPrefix(name, "$$") && r == writing && acl == nil) {
		return nil
	}
	return status.Error(codes.PermissionDenied, "access denied")
}

func (s *Server) user(headers []string) (name string, ok bool) {
	if len(headers) == 0 {
		return "", false
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(headers[0], "Basic "))
	if err != nil {
		return "", false
	}
	name, password, _ := strings.Cut(string(plain), ":")
	known, there := s.opts.Users[name]
	return name, there && known == password
}

// allowed reads an access list: a role or several under each right. Without one, everybody may touch what is not a
// system stream.
func allowed(acl json.RawMessage, r right, user string, system bool) bool {
	var lists map[right]json.RawMessage
	if json.Unmarshal(acl, &lists) != nil || lists[r] == nil {
		return !system
	}
	var one string
	var many []string
	if json.Unmarshal(lists[r], &one) == nil {
		many = []string{one}
	} else if json.Unmarshal(lists[r], &many) != nil {
		return false
	}
	return slices.Contains(many, user) || slices.Contains(many, "$all")
}
