package people

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"time"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

// Organizations lists the organizations there are. *projections.Engine does.
type Organizations interface {
	// Organizations answers those that were found after a mark, and the mark after them; the zero mark is before all.
	Organizations(ctx context.Context, after int32) (slugs []domain.Slug, mark int32, err error)
}

// completing is the id of the command that makes a default workspace, in the workspace's stream. There is one for ever,
// so that it is made once, by whoever comes first.
const completing = "default-workspace"

// complete makes an organization's default workspace where it is missing, as it is made with the organization: with the
// same actor, and owned by the same person.
func (d *Desk) complete(ctx context.Context, slug domain.Slug) error {
	created, recorded, err := d.opening(ctx, slug)
	if err != nil || created == nil {
		return err
	}
	name := domain.TeamDefault
	if created.Personal {
		name = domain.PersonalDefault
	}
	cause := recorded.EventID
	_, err = d.do(ctx, eventstore.Request{
		Stream: domain.WorkspaceStream(d.DefaultOf(slug)), CommandID: completing, Forever: true,
		Digest: sha256.Sum256([]byte(completing + "\x00" + string(slug))), OccurredAt: recorded.OccurredAt,
		Meta: domain.Meta{Actor: recorded.Meta.Actor, CorrelationID: recorded.Meta.CorrelationID, CausationID: &cause},
	}, domain.CreateWorkspace{Slug: d.DefaultOf(slug), Name: name, Organization: slug, Owner: created.Owner, Kind: domain.DefaultWorkspace})
	return err
}

// behind is how far before the mark organizations are looked for again: one that was found at the same time as another may
// have come to be seen after it.
const behind = 200

// A completer remembers up to where everything is complete.
type completer struct {
	desk *Desk
	mark int32
}

// pass finishes the organizations found since the last pass. One that cannot be finished is told of and tried again at
// the next pass; the others are finished all the same.
func (c *completer) pass(ctx context.Context) error {
	slugs, mark, err := c.desk.Organizations.Organizations(ctx, max(0, c.mark-behind))
	if err != nil {
		return err
	}
	var failed []error
	for _, slug := range slugs {
		if slug == c.desk.First {
			continue // its default workspace is made by the first start
		}
		there, err := c.desk.exists(ctx, domain.WorkspaceStream(c.desk.DefaultOf(slug)))
		if err == nil && !there {
			err = c.desk.complete(ctx, slug)
		}
		if err != nil {
			failed = append(failed, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if len(failed) == 0 {
		c.mark = mark
	}
	return errors.Join(failed...)
}

// Complete makes the default workspaces that are missing: at once, then after pauses that grow to a minute, until ctx
// ends. The first ones follow each other closely, for what was interrupted before a restart is found again only when
// the log has been read up to there.
func (d *Desk) Complete(ctx context.Context, log *slog.Logger) {
	c := completer{desk: d}
	pause := 500 * time.Millisecond
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		if err := c.pass(ctx); err != nil && ctx.Err() == nil {
			log.Warn("an organization is without its default workspace; trying again", "err", err)
		}
		pause = min(2*pause, time.Minute)
		timer.Reset(pause)
	}
}
