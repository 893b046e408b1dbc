package esdb

import (
	"context"
	"fmt"
	"time"
)

// forgetSQL goes in portions, so that no transaction holds many rows for long.
const forgetSQL = `DELETE FROM log.commands WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM log.commands WHERE NOT forever AND at < $1 LIMIT 10000)) AND NOT forever AND at < $1`

// ForgetCommands forgets the commands that appended before a time, save those to be remembered for ever, and says
// how many they were. Their events stay, and still carry them.
func (s *Store) ForgetCommands(ctx context.Context, before time.Time) (forgotten int64, err error) {
	for {
		tag, err := s.pool.Exec(ctx, forgetSQL, before)
		if err != nil {
			return forgotten, fmt.Errorf("forget old commands: %w", besides(err))
		}
		if tag.RowsAffected() == 0 {
			return forgotten, nil
		}
		forgotten += tag.RowsAffected()
	}
}
