package domain

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// CreateWorkspace opens a workspace's stream.
type CreateWorkspace WorkspaceCreated

// Needs is the workspace.
func (CreateWorkspace) Needs() []Entity { return onlyWorkspace() }

// Decide refuses a slug that is no slug or was ever taken.
func (c CreateWorkspace) Decide(s States) ([]Event, error) {
	if err := checkNewSlug(c); err != nil {
		return nil, err
	}
	if err := checkClass(c); err != nil {
		return nil, err
	}
	if err := checkTitle("name", c.Name); err != nil {
		return nil, err
	}
	if err := checkLabels(c.Labels); err != nil {
		return nil, err
	}
	if s.Of(WorkspaceEntity()).Exists {
		return nil, &Error{Code: AlreadyExists, Subject: "slug", Message: fmt.Sprintf("the slug %s is taken: a slug is never used again, not even after its workspace was deleted", c.Slug)}
	}
	return []Event{WorkspaceCreated(c)}, nil
}

// RenameWorkspace changes the name for people.
type RenameWorkspace struct{ Name string }

// Needs is the workspace.
func (RenameWorkspace) Needs() []Entity { return onlyWorkspace() }

// Decide does nothing where that is the name. It refuses to rename the default workspace of a personal organization, and
// to give another default one its name.
func (c RenameWorkspace) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	if err := checkTitle("name", c.Name); err != nil {
		return nil, err
	}
	switch w := s.Of(WorkspaceEntity()); {
	case w.Name == c.Name:
		return nil, nil
	case w.Kind == DefaultWorkspace && w.Name == PersonalDefault:
		return nil, &Error{Code: Invalid, Subject: "name", Message: "this is the default workspace of a personal organization: it is always called " + PersonalDefault}
	case w.Kind == DefaultWorkspace && c.Name == PersonalDefault:
		return nil, &Error{Code: Invalid, Subject: "name", Message: PersonalDefault + " is what the default workspace of a personal organization is called: choose another name"}
	}
	return []Event{WorkspaceRenamed(c)}, nil
}

// DescribeWorkspace replaces the description.
type DescribeWorkspace struct{ Description *Text }

// Needs is the workspace.
func (DescribeWorkspace) Needs() []Entity { return onlyWorkspace() }

// Decide does nothing where there was and is none.
func (c DescribeWorkspace) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	if textDigest(c.Description) == s.Of(WorkspaceEntity()).Text {
		return nil, nil
	}
	return []Event{WorkspaceDescribed(c)}, nil
}

// LabelWorkspace sets and removes labels.
type LabelWorkspace struct {
	Set     map[string]string
	Removed []string
}

// MaxLabels is how many labels a workspace may have.
const MaxLabels = 64

// Needs is the workspace.
func (LabelWorkspace) Needs() []Entity { return onlyWorkspace() }

// Decide does nothing where the labels are so already.
func (c LabelWorkspace) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	if err := checkLabels(c.Set); err != nil {
		return nil, err
	}
	was := s.Of(WorkspaceEntity()).Labels
	now := relabelled(was, c.Set, c.Removed)
	if maps.Equal(was, now) {
		return nil, nil
	}
	if len(now) > MaxLabels {
		return nil, &Error{Code: TooLong, Subject: "labels", Message: fmt.Sprintf("%d labels; at most %d", len(now), MaxLabels)}
	}
	return []Event{WorkspaceLabelled{Set: c.Set, Removed: sorted(c.Removed)}}, nil
}

// ArchiveWorkspace makes the workspace read-only.
type ArchiveWorkspace struct{}

// Needs is the workspace.
func (ArchiveWorkspace) Needs() []Entity { return onlyWorkspace() }

// Decide does nothing where it is archived.
func (ArchiveWorkspace) Decide(s States) ([]Event, error) {
	if s.Of(WorkspaceEntity()).Archived {
		return nil, nil
	}
	if err := writable(s); err != nil {
		return nil, err
	}
	return []Event{WorkspaceArchived{}}, nil
}

// RestoreWorkspace makes an archived workspace writable again.
type RestoreWorkspace struct{}

// Needs is the workspace.
func (RestoreWorkspace) Needs() []Entity { return onlyWorkspace() }

// Decide does nothing where it is not archived.
func (RestoreWorkspace) Decide(s States) ([]Event, error) {
	if w := s.Of(WorkspaceEntity()); w.Archived && !w.Deleted {
		return []Event{WorkspaceRestored{}}, nil
	}
	return nil, writable(s)
}

// DeleteWorkspace ends the stream.
type DeleteWorkspace struct{}

// Needs is the workspace.
func (DeleteWorkspace) Needs() []Entity { return onlyWorkspace() }

// Decide refuses a workspace that is missing or deleted already, and an organization's default one; an archived one may
// be deleted.
func (DeleteWorkspace) Decide(s States) ([]Event, error) {
	if w := s.Of(WorkspaceEntity()); !w.Archived || w.Deleted {
		if err := writable(s); err != nil {
			return nil, err
		}
	}
	if s.Of(WorkspaceEntity()).Kind == DefaultWorkspace {
		return nil, &Error{Code: Invalid, Subject: "workspace", Message: "this is the default workspace of its organization, which always has one: it cannot be deleted"}
	}
	return []Event{WorkspaceDeleted{}}, nil
}

func onlyWorkspace() []Entity { return []Entity{WorkspaceEntity()} }

// checkTitle refuses what is no name for people: 1 to 200 characters on one line.
func checkTitle(field, s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return &Error{Code: Required, Subject: field, Message: field + " is missing"}
	case utf8.RuneCountInString(s) > 200:
		return &Error{Code: TooLong, Subject: field, Message: fmt.Sprintf("%s has %d characters; at most 200", field, utf8.RuneCountInString(s))}
	case !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\n\r"):
		return &Error{Code: Invalid, Subject: field, Message: field + " must be one line of valid UTF-8"}
	}
	return nil
}

func checkLabels(labels map[string]string) error {
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		if strings.TrimSpace(k) == "" {
			return &Error{Code: Required, Subject: "labels", Message: "a label has no name: each is NAME=VALUE"}
		}
		if err := checkTitle("labels", k); err != nil {
			return err
		}
		if len(labels[k]) > 1000 || strings.ContainsRune(labels[k], 0) || !utf8.ValidString(labels[k]) {
			return &Error{Code: Invalid, Subject: "labels." + clip(k), Message: "a label's value is valid UTF-8 of at most 1,000 bytes without NUL"}
		}
	}
	return nil
}

func sorted(s []string) []string {
	if s == nil {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(s)))
}
