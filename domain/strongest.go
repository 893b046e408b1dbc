package domain

// Strongest is the source that permits most; of equal ones the one in the workspace itself, then the one held directly. ok
// is false where there is none.
func Strongest(through []Source) (best Source, ok bool) {
	for _, s := range through {
		if !ok || s.outweighs(best) {
			best, ok = s, true
		}
	}
	return best, ok
}

func (s Source) outweighs(o Source) bool {
	switch {
	case len(s.Permissions) != len(o.Permissions):
		return len(s.Permissions) > len(o.Permissions)
	case s.Level != o.Level:
		return s.Level == WorkspaceLevel
	}
	return s.Team == "" && o.Team != ""
}

// How says in one word how a role of a workspace is held: direct, team:NAME, organization, or organization, team:NAME.
func (s Source) How() string {
	how := "direct"
	if s.Team != "" {
		how = string(TeamGrantee) + ":" + s.Team
	}
	if s.Level == WorkspaceLevel {
		return how
	}
	if s.Team == "" {
		return string(OrganizationLevel)
	}
	return string(OrganizationLevel) + ", " + how
}
