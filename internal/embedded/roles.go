package embedded

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// Only a superuser may let a role pass over row level security, and the owner of our database is none: so the roles of
// the wall between workspaces are made here, at every start, for clusters that an earlier version created as well. What
// each of them may see is granted by migrations.
//
// The server's role writes the rows of all workspaces, most by COPY, which policies do not allow. Questions are asked as
// one of the other three, whom policies hold.
const rolesSQL = `
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['annals_reader', 'annals_surveyor', 'annals_crosser'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        END IF;
        IF NOT pg_has_role('annals_server', name, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO annals_server', name);
        END IF;
    END LOOP;
    IF NOT (SELECT rolbypassrls FROM pg_roles WHERE rolname = 'annals_server') THEN
        ALTER ROLE annals_server BYPASSRLS;
    END IF;
END $$`

func (s *Server) prepareRoles(ctx context.Context) error {
	conn, err := pgconn.Connect(ctx, s.AdminURL())
	if err != nil {
		return fmt.Errorf("connect to prepare the database's roles: %w", err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, rolesSQL).ReadAll(); err != nil {
		return fmt.Errorf("prepare the database's roles: %w", err)
	}
	return nil
}
