package domain

// SendVersion begins a promotion in the source.
type SendVersion struct {
	ArtifactVersionSent
	Known bool // the caller found the version
}

// Needs is the version.
func (c SendVersion) Needs() []Entity { return []Entity{c.Subject()} }

// Decide refuses a version that is not there or was deleted.
func (c SendVersion) Decide(s States) ([]Event, error) {
	if _, err := present(s, c.ArtifactVersionSent, c.Known); err != nil {
		return nil, err
	}
	return []Event{c.ArtifactVersionSent}, nil
}

// ExpectVersion asks whether a workspace would receive a version under that name. It records nothing.
type ExpectVersion struct{ IO }

// Needs is nothing but the workspace.
func (ExpectVersion) Needs() []Entity { return nil }

// Decide refuses what ReceiveVersion would refuse.
func (c ExpectVersion) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	return nil, checkIO("artifact", c.IO)
}

// ReceiveVersion takes a version that another workspace sent.
type ReceiveVersion struct{ ArtifactVersionReceived }

// Needs is the version.
func (c ReceiveVersion) Needs() []Entity { return []Entity{c.Subject()} }

// Decide does nothing where the promotion was received before.
func (c ReceiveVersion) Decide(s States) ([]Event, error) {
	if err := writable(s); err != nil {
		return nil, err
	}
	if err := checkIO("artifact", c.IO); err != nil {
		return nil, err
	}
	if s.Of(c.Subject()).Exists {
		return nil, nil
	}
	return []Event{c.ArtifactVersionReceived}, nil
}

// EndPromotion says in the source what became of a promotion. It is said in an archived workspace, too: what happened
// elsewhere has happened.
type EndPromotion struct {
	Event Event // ArtifactVersionPromoted or ArtifactVersionPromotionRefused
}

// Needs is the version.
func (c EndPromotion) Needs() []Entity { return []Entity{c.Event.Subject()} }

// Decide does nothing where the end is known. A refusal does not undo what was received, but what was received in spite of
// a refusal is said: the version is there.
func (c EndPromotion) Decide(s States) ([]Event, error) {
	if w := s.Of(WorkspaceEntity()); !w.Exists || w.Deleted {
		return nil, writable(s)
	}
	st := s.Of(c.Event.Subject())
	switch e := c.Event.(type) {
	case ArtifactVersionPromoted:
		if st.sending(e.Promotion) < 0 {
			return nil, nil
		}
	case ArtifactVersionPromotionRefused:
		if at := st.sending(e.Promotion); at < 0 || st.Sent[at].Refused {
			return nil, nil
		}
	}
	return []Event{c.Event}, nil
}
