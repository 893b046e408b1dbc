package account

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/annals-io/annals/domain"
)

// The length of names, in bytes.
const (
	maxLogin = 254 // as an e-mail address
	maxName  = 200
)

// Login is the one form of a login name: whatever is typed in other cases or composed otherwise is the same name. An
// e-mail address will do.
func Login(typed string) (string, error) {
	typed = strings.TrimSpace(typed)
	login, err := precis.UsernameCaseMapped.String(typed)
	switch {
	case typed == "":
		return "", &domain.Error{Code: domain.Required, Subject: "login", Message: "the name to sign in with is missing"}
	case len(typed) > maxLogin || len(login) > maxLogin:
		return "", &domain.Error{Code: domain.TooLong, Subject: "login", Message: fmt.Sprintf("a name to sign in with has at most %d bytes", maxLogin)}
	case err != nil:
		return "", &domain.Error{Code: domain.Invalid, Subject: "login", Message: "a name to sign in with holds letters, digits and signs, and no spaces"}
	}
	return login, nil
}

// title checks what a person is called.
func title(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", &domain.Error{Code: domain.Required, Subject: "name", Message: "the name is missing"}
	case len(name) > maxName:
		return "", &domain.Error{Code: domain.TooLong, Subject: "name", Message: fmt.Sprintf("a name has at most %d bytes", maxName)}
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", &domain.Error{Code: domain.Invalid, Subject: "name", Message: "a name holds no control characters"}
	}
	return name, nil
}

// optional is a value that may be missing in a row.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
