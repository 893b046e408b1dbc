package openapi

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Check says whether the values that a request gives a parameter are of the form that the description promises. It knows
// shapes written by hand: texts, words, whole numbers, flags, moments, and lists of them.
func (p Parameter) Check(values []string) error {
	s := p.Shape.schema
	if s == nil {
		return nil
	}
	if s.Items != nil {
		for _, v := range values {
			if err := s.Items.check(v); err != nil {
				return err
			}
		}
		return nil
	}
	if len(values) > 1 {
		return errors.New("it is given more than once")
	}
	return s.check(values[0])
}

func (s *Schema) check(v string) error {
	if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
		return errors.New("it is no valid UTF-8, or holds NUL")
	}
	switch s.Type {
	case "integer":
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || s.Minimum != nil && n < *s.Minimum || s.Maximum != nil && n > *s.Maximum {
			return fmt.Errorf("it is a whole number, %s", bounds(s))
		}
	case "boolean":
		if v != "true" && v != "false" {
			return errors.New("it is true or false")
		}
	case "string":
		if s.Enum != nil && !slices.Contains(s.Enum, any(v)) {
			var words []string
			for _, w := range s.Enum {
				words = append(words, fmt.Sprint(w))
			}
			return fmt.Errorf("it is one of %s", strings.Join(words, ", "))
		}
		if s.Format == "date-time" {
			if _, err := time.Parse(time.RFC3339Nano, v); err != nil {
				return errors.New("it is a time, such as 2026-03-01T12:00:00Z")
			}
		}
	}
	return nil
}

func bounds(s *Schema) string {
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf("%d to %d", *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		return fmt.Sprintf("at least %d", *s.Minimum)
	}
	return "within 64 bits"
}
