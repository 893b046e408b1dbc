package seal

import (
	"context"
	"fmt"
)

// checkKey refuses to seal with a key that is not the instance's: signatures by two keys could not be compared. One that
// was rotated is taken up before that.
func (s *Sealer) checkKey(ctx context.Context) error {
	var text string
	if err := s.Pool.QueryRow(ctx, keySQL).Scan(&text); err != nil {
		return fmt.Errorf("look who sealed last: %w", err)
	}
	s.renewKey() // behind the question: whatever key sealed last lay in the file before it did
	if text == "" {
		return nil
	}
	for _, k := range s.Signer.Keys() {
		if text == k.String() {
			return nil
		}
	}
	return fmt.Errorf("history is sealed by the key %s, and this server's is %s: give it the instance's audit.key (--audit-key)", text, s.Signer.Key())
}

// renewKey takes up the key that the key file was rotated to. A file that is no use is told of once, and changes nothing.
func (s *Sealer) renewKey() {
	if s.KeyFile == "" {
		return
	}
	changed, err := s.Signer.Renew(s.KeyFile)
	switch {
	case err != nil:
		if err.Error() != s.stuck {
			s.stuck = err.Error()
			s.Logger.Error("the file of the key that seals history is not what it was; sealing goes on by the key that was there", "file", s.KeyFile, "err", err)
		}
	case changed:
		s.stuck = ""
		s.Logger.Info("the key that seals history was rotated: give auditors the new verifier key beside the former ones", "key", s.Signer.Key().String())
	default:
		s.stuck = ""
	}
}
