package domain

// RoleGranted gives a role to somebody, in the stream's workspace or organization. Whoever holds a role there is a member.
type RoleGranted struct {
	Member Grantee `json:"member"`
	Role   RoleRef `json:"role"`
}

// EventType is "role.granted".
func (RoleGranted) EventType() string { return "role.granted" }

// Subject is the roster.
func (RoleGranted) Subject() Entity { return RosterEntity() }

// RoleRevoked takes a role away. With the last one, whoever held it is no longer a member.
type RoleRevoked struct {
	Member Grantee `json:"member"`
	Role   RoleRef `json:"role"`
}

// EventType is "role.revoked".
func (RoleRevoked) EventType() string { return "role.revoked" }

// Subject is the roster.
func (RoleRevoked) Subject() Entity { return RosterEntity() }

// MemberRemoved takes every role away that somebody holds directly.
type MemberRemoved struct {
	Member Grantee `json:"member"`
}

// EventType is "member.removed".
func (MemberRemoved) EventType() string { return "member.removed" }

// Subject is the roster.
func (MemberRemoved) Subject() Entity { return RosterEntity() }

// MemberSuspended keeps a member of an organization from doing anything in it and in its workspaces.
type MemberSuspended struct {
	Member Grantee `json:"member"`
}

// EventType is "member.suspended".
func (MemberSuspended) EventType() string { return "member.suspended" }

// Subject is the roster.
func (MemberSuspended) Subject() Entity { return RosterEntity() }

// MemberDisabled says that the account of a member was shut out: they count as an owner no more, until [MemberEnabled].
// What they hold stays, and so does a suspension.
type MemberDisabled struct {
	Member Grantee `json:"member"`
}

// EventType is "member.disabled".
func (MemberDisabled) EventType() string { return "member.disabled" }

// Subject is the roster.
func (MemberDisabled) Subject() Entity { return RosterEntity() }

// MemberEnabled says that the account of a member may come in again.
type MemberEnabled struct {
	Member Grantee `json:"member"`
}

// EventType is "member.enabled".
func (MemberEnabled) EventType() string { return "member.enabled" }

// Subject is the roster.
func (MemberEnabled) Subject() Entity { return RosterEntity() }

// MemberReinstated ends a suspension.
type MemberReinstated struct {
	Member Grantee `json:"member"`
}

// EventType is "member.reinstated".
func (MemberReinstated) EventType() string { return "member.reinstated" }

// Subject is the roster.
func (MemberReinstated) Subject() Entity { return RosterEntity() }
