package history

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/annals-io/annals/audit/bundle"
	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/eventstore"
)

const placedSQL = `INSERT INTO log.imports (stream, last, origins, digest, checkpoints, instance, organization, importer, done)
VALUES ($1, $2, $3, ''::bytea, ''::bytea, ''::bytea, '', '00000000-0000-0000-0000-000000000000', now()) ON CONFLICT DO NOTHING`

// Place lays an export into an instance that holds nothing else, under the names it had: for who only looks at it. Nothing
// is added behind its last event. What an earlier attempt laid is passed over.
func (i *Importer) Place(ctx context.Context, b *bundle.Bundle, progress func(stage string, done, total int64)) error {
	m := &b.Manifest
	if len(m.Origins) > 0 {
		origins, err := json.Marshal(m.Origins)
		if err != nil {
			return fmt.Errorf("write where %s comes from: %w", m.Stream, err)
		}
		if _, err := i.Pool.Exec(ctx, placedSQL, m.Stream, m.Origins[len(m.Origins)-1].UpTo, origins); err != nil {
			return fmt.Errorf("write where %s comes from: %w", m.Stream, err)
		}
	}
	if err := i.placeBodies(ctx, b, progress); err != nil {
		return err
	}
	w, err := i.from(ctx, m.Stream)
	if err != nil {
		return err
	}
	for e, err := range b.Events(w.last + 1) {
		if err == nil {
			err = w.add(ctx, *e)
		}
		if err != nil {
			return err
		}
		if (e.Revision+1)%eventsAtOnce == 0 {
			progress(StageEvents, int64(e.Revision)+1, m.Counts.Events)
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	others := map[domain.Stream]*appending{}
	for e, err := range b.Others() {
		if err != nil {
			return err
		}
		if others[e.Stream] == nil {
			if others[e.Stream], err = i.from(ctx, e.Stream); err != nil {
				return err
			}
		}
		if w := others[e.Stream]; e.Revision > w.last {
			if err := w.add(ctx, *e); err != nil {
				return err
			}
		}
	}
	for _, w := range others {
		if err := w.flush(ctx); err != nil {
			return err
		}
	}
	progress(StageEvents, m.Counts.Events, m.Counts.Events)
	return nil
}

func (i *Importer) placeBodies(ctx context.Context, b *bundle.Bundle, progress func(string, int64, int64)) error {
	keepers := map[domain.Stream]*keeper{}
	var done int64
	for e, err := range b.Evidence() {
		if err != nil {
			return err
		}
		if keepers[e.Stream] == nil {
			if keepers[e.Stream], err = newKeeper(ctx, i.Pool, e.Stream); err != nil {
				return err
			}
		}
		if err := keepers[e.Stream].add(ctx, e); err != nil {
			return err
		}
		if done++; done%pieces == 0 {
			progress(StageBodies, done, b.Manifest.Counts.Evidence)
		}
	}
	for _, k := range keepers {
		if err := k.flush(ctx); err != nil {
			return err
		}
	}
	return nil
}

// from is where a stream is, to go on there.
func (i *Importer) from(ctx context.Context, stream domain.Stream) (*appending, error) {
	at, err := i.Log.Info(ctx, stream)
	var none *eventstore.NotFoundError
	if errors.As(err, &none) {
		at, err = eventstore.StreamInfo{Last: domain.NoRevision}, nil
	}
	return &appending{log: i.Log, stream: stream, last: at.Last, at: at.RecordedAt, most: i.page}, err
}
