package erasure_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/annals-io/annals/domain"
	"github.com/annals-io/annals/erasure"
	"github.com/annals-io/annals/internal/pgtest"
	"github.com/annals-io/annals/vault"
)

func pgExec(t *testing.T, h *house, statements ...string) {
	t.Helper()
	pgtest.Exec(t, h.server.OwnerURL(), statements...)
}

var ann = uuid.UUID{15: 5}

// person is somebody with everything that can be known of a person.
func (h *house) person() (values []string, sealed domain.Personal) {
	h.t.Helper()
	v := map[string]string{}
	for _, what := range []string{"name", "login", "email", "subject", "address", "agent", "key", "device", "invited"} {
		v[what] = canary(what)
		values = append(values, v[what])
	}
	sealed, err := h.keys.Seal(ann.String(), v["name"])
	h.must(err)
	h.say(domain.AccountStream(ann), nil, nil, domain.AccountRegistered{Account: ann, Name: &sealed})
	invitation := uuid.UUID{15: 6}
	invited, err := h.keys.Seal("invitation:"+invitation.String(), v["invited"])
	h.must(err)
	h.say("organization-acme", nil, nil, domain.MemberInvited{Invitation: invitation, Invited: &invited}, domain.InvitationAccepted{Invitation: invitation, Account: ann})
	h.accepted = []erasure.Accepted{{Stream: "organization-acme", Invitation: invitation}}
	for _, x := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO log.accounts (account, login, name, email, password, state, slug, created_at) VALUES ($1, $2, $3, $4, '$argon2id$x', 'active', $2, now())`, []any{ann, v["login"], v["name"], v["email"]}},
		{`INSERT INTO log.identities (issuer, subject, account, linked_at) VALUES ('https://id.example', $2, $1, now())`, []any{ann, v["subject"]}},
		{`INSERT INTO log.sessions (hash, id, account, method, address, agent, created_at, used_at) VALUES (decode(repeat('00', 32), 'hex'), 's1', $1, 'password', $2, $3, now(), now())`, []any{ann, v["address"], v["agent"]}},
		{`INSERT INTO log.device_grants (hash, user_code, client, device, address, scopes, workspace, account, state, pause, created_at, expires_at)
VALUES (decode(repeat('00', 32), 'hex'), 'c', 'c', $2, $3, '{read}', '', $1, 'approved', 5, now(), now())`, []any{ann, v["device"], v["address"]}},
		{`INSERT INTO log.api_keys (id, kind, hash, name, scopes, account, organization, default_workspace, created_at, created_by)
VALUES ('k1', 'pat', decode(repeat('00', 32), 'hex'), $2, '{read}', $1, 'acme', 'lab', now(), 'system')`, []any{ann, v["key"]}},
	} {
		_, err := h.DB.Exec(h.t.Context(), x.sql, x.args...)
		h.must(err)
	}
	for _, sql := range others { // of one person alone the planner would sample nothing
		_, err := h.DB.Exec(h.t.Context(), sql)
		h.must(err)
	}
	return values, sealed
}

// others are more people, with what is known of them.
var others = []string{
	`INSERT INTO log.accounts (account, login, name, email, state, slug, created_at) SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'l' || n, 'n' || n, 'e' || n, 'active', 's' || n, now() FROM generate_series(1, 9) n`,
	`INSERT INTO log.identities (issuer, subject, account, linked_at) SELECT 'https://id.example', 's' || row_number() OVER (), account, now() FROM log.accounts WHERE login LIKE 'l_'`,
	`INSERT INTO log.sessions (hash, id, account, method, address, agent, created_at, used_at) SELECT sha256(login::bytea), 's' || login, account, 'password', 'at' || login, 'by' || login, now(), now() FROM log.accounts WHERE login LIKE 'l_'`,
	`INSERT INTO log.device_grants (hash, user_code, client, device, address, scopes, workspace, account, state, pause, created_at, expires_at)
SELECT sha256(login::bytea), login, 'c', 'd' || login, 'at' || login, '{read}', '', account, 'approved', 5, now(), now() FROM log.accounts WHERE login LIKE 'l_'`,
	`INSERT INTO log.api_keys (id, kind, hash, name, scopes, account, organization, default_workspace, created_at, created_by)
SELECT 'k' || login, 'pat', sha256(login::bytea), 'key' || login, '{read}', account, 'acme', 'lab', now(), 'system' FROM log.accounts WHERE login LIKE 'l_'`,
}

// Given a person with everything that can be known of one, when they are erased, then their name cannot be opened any
// more, no file or table has a byte of what was known, samples and indexes among them, and nothing lets them in.
func TestAPersonIsErased(t *testing.T) {
	t.Parallel()
	h := built(t)
	values, sealed := h.person()
	pgExec(t, h, "ANALYZE")
	open := values[1 : len(values)-1] // the first and the last are sealed, in the log at least
	if in := h.inFiles(open...); len(in) < len(open) {
		t.Fatalf("the search finds only %v before", in)
	}
	if counted, err := h.ErasePerson(t.Context(), ann, erasure.Ask{By: owner, DryRun: true}); err != nil || counted.Keys != 2 || counted.Rows != 5 || counted.State != "counted" {
		t.Errorf("counted %s, %v", shown(counted), err)
	}
	done, err := h.ErasePerson(t.Context(), ann, because("asked for"))
	h.must(err)
	if done.State != "erased" || !done.Files || done.Keys != 2 {
		t.Errorf("erased %s", shown(done))
	}
	if in := append(h.inFiles(values...), h.inTables(values...)...); len(in) > 0 {
		t.Errorf("still there: %v", in)
	}
	if name, err := h.keys.Reveal(sealed); !errors.Is(err, vault.ErrErased) {
		t.Errorf("the name opens as %q, %v", name, err)
	}
	for _, stream := range []domain.Stream{domain.AccountStream(ann), "organization-acme"} {
		if all := h.erasedIn(stream); len(all) != 1 || len(all[0].Keys) != 1 {
			t.Errorf("%s says %s", stream, shown(all))
		}
	}
	var shut, revoked bool
	h.must(h.DB.QueryRow(t.Context(), `SELECT (SELECT disabled_at IS NOT NULL FROM log.accounts WHERE account = $1), (SELECT revoked_at IS NOT NULL AND untold FROM log.api_keys WHERE account = $1)`, ann).Scan(&shut, &revoked))
	if !shut || !revoked {
		t.Errorf("shut out %v, keys revoked %v", shut, revoked)
	}
	if again, err := h.ErasePerson(t.Context(), ann, because("again")); err != nil || again.State != "already" || *again.Revision != *done.Revision {
		t.Errorf("again: %s, %v", shown(again), err)
	}
}

// Who only was invited is erased by the invitation. A build that forgets the keys is found.
func TestAnInvitationIsErased(t *testing.T) {
	t.Parallel()
	h := built(t)
	h.person()
	id := h.accepted[0].Invitation
	target := erasure.Target{Stream: "organization-acme", Entity: domain.InvitationEntity(id), Word: "invitation"}
	broken := h.Copy()
	broken.Skip("keys")
	_, err := broken.Erase(t.Context(), target, because("x"))
	h.must(err)
	if !h.keys.Has("invitation:" + id.String()) {
		t.Fatal("a build that destroys no keys destroyed one")
	}
	done, err := h.Erase(t.Context(), target, because("x"))
	if err != nil || done.State != "erased" || done.Keys != 1 || h.keys.Has("invitation:"+id.String()) {
		t.Errorf("erased %s, %v", shown(done), err)
	}
	if again, err := h.Erase(t.Context(), target, because("x")); err != nil || again.State != "already" {
		t.Errorf("again: %s, %v", shown(again), err)
	}
}
