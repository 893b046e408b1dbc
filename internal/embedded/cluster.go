package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// accessRules replace initdb's pg_hba.conf: a password always, and nobody from elsewhere.
const accessRules = `# Written by annals when it created the database.
local   all           all                 scram-sha-256
local   replication   all                 scram-sha-256
host    all           all  127.0.0.1/32   scram-sha-256
host    all           all  ::1/128        scram-sha-256
`

const includes = `
# Ours, written at every start; then the operator's.
include_if_exists = 'annals.conf'
include_if_exists = 'local.conf'
`

const localConf = "# Settings of yours; they win over those of annals.conf. Annals never writes here again.\n"

// prepareCluster creates the cluster when there is none, and gives new passwords to one whose file of
// passwords was lost. No postmaster of this cluster runs when it is called.
func (s *Server) prepareCluster(ctx context.Context) error {
	if err := s.findBinaries(ctx); err != nil {
		return err
	}
	if s.place.hasCluster() {
		if s.secrets != (secrets{}) {
			return nil
		}
		return s.renewSecrets(ctx)
	}
	s.config.Progress("creating the database")
	s.secrets = newSecrets()
	if err := s.secrets.write(s.place.file("postgres.secret")); err != nil {
		return err
	}
	return s.createCluster(ctx)
}

// createCluster works in a directory of its own; the rename at the end makes it the cluster.
func (s *Server) createCluster(ctx context.Context) error {
	fresh := s.place.file("postgres.new")
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("clear what an interrupted start left: %w", err)
	}
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return fmt.Errorf("create the directory of the database: %w", err)
	}
	if err := s.user.own(fresh); err != nil {
		return err
	}
	if err := s.initdb(ctx, fresh); err != nil {
		return err
	}
	if err := s.singleUser(ctx, fresh, foundation(s.secrets)); err != nil {
		return fmt.Errorf("create roles and database: %w", err)
	}
	if err := s.putConfiguration(fresh); err != nil {
		return err
	}
	if err := os.Rename(fresh, s.place.cluster()); err != nil {
		return fmt.Errorf("put the new database in its place: %w", err)
	}
	return syncDir(s.place.base)
}

func (s *Server) initdb(ctx context.Context, dir string) error {
	args := []string{
		"--pgdata", dir, "--username", roleAdmin, "--encoding=UTF8", "--locale=C", "--auth=trust",
		"--data-checksums", "--no-instructions",
	}
	if s.throwaway() {
		args = append(args, "--no-sync")
	}
	out, err := s.command(ctx, dir, "initdb", args...).CombinedOutput()
	if err != nil && strings.Contains(string(out), "could not look up effective user ID") {
		return fmt.Errorf("initdb: user %d has no name on this machine and PostgreSQL wants one: "+
			"add a line for it to /etc/passwd, or start as another user", s.uid())
	}
	if err != nil {
		return fmt.Errorf("initdb: %w: %s", err, lastLines(out))
	}
	return nil
}

// throwaway reports that the caller asked for no durability, as tests do.
func (s *Server) throwaway() bool { return s.config.Settings["fsync"] == "off" }

func (s *Server) putConfiguration(dir string) error {
	for name, text := range map[string]string{"pg_hba.conf": accessRules, "local.conf": localConf} {
		path := filepath.Join(dir, name)
		if err := errors.Join(writeFile(path, text, 0o600), s.user.own(path)); err != nil {
			return err
		}
	}
	conf, err := os.OpenFile(filepath.Join(dir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("extend postgresql.conf: %w", err)
	}
	_, err = conf.WriteString(includes)
	if err := errors.Join(err, conf.Close()); err != nil {
		return fmt.Errorf("extend postgresql.conf: %w", err)
	}
	return nil
}

// foundation is what a new cluster holds before anybody connects. Default privileges let the server read and
// append to whatever the owner creates; every further right has to be granted by name, in a migration.
func foundation(p secrets) []string {
	return append(passwords("CREATE", p),
		"ALTER DEFAULT PRIVILEGES FOR ROLE annals_owner GRANT USAGE ON SCHEMAS TO annals_server",
		"ALTER DEFAULT PRIVILEGES FOR ROLE annals_owner GRANT SELECT, INSERT ON TABLES TO annals_server",
		"ALTER DEFAULT PRIVILEGES FOR ROLE annals_owner GRANT USAGE, SELECT ON SEQUENCES TO annals_server",
		"CREATE DATABASE annals OWNER annals_owner",
		"REVOKE ALL ON DATABASE annals FROM PUBLIC",
		"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE annals TO annals_server",
	)
}

// passwords are random text of letters and digits, safe inside quotes.
func passwords(verb string, p secrets) []string {
	return []string{
		fmt.Sprintf("ALTER ROLE %s PASSWORD '%s'", roleAdmin, p.Admin),
		fmt.Sprintf("%s ROLE %s LOGIN PASSWORD '%s'", verb, roleOwner, p.Owner),
		fmt.Sprintf("%s ROLE %s LOGIN PASSWORD '%s'", verb, roleServer, p.Server),
	}
}

func (s *Server) renewSecrets(ctx context.Context) error {
	fresh := newSecrets()
	if err := s.singleUser(ctx, s.place.cluster(), passwords("ALTER", fresh)); err != nil {
		return fmt.Errorf("renew the passwords of the database, whose file is gone: %w", err)
	}
	s.secrets = fresh
	s.note("the passwords of the database were missing and have been renewed")
	return fresh.write(s.place.file("postgres.secret"))
}

// singleUser runs statements, one a line, without a postmaster. That mode reports a failed statement and goes
// on with exit code 0, so its words have to be read.
func (s *Server) singleUser(ctx context.Context, dir string, statements []string) error {
	args := []string{"--single", "-D", dir, "-c", "log_min_error_statement=panic"} // statements hold passwords
	if s.throwaway() {
		args = append(args, "-F")
	}
	cmd := s.command(ctx, dir, "postgres", append(args, "template1")...)
	cmd.Stdin = strings.NewReader(strings.Join(statements, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if text := string(out); err == nil && !strings.Contains(text, "ERROR:") && !strings.Contains(text, "FATAL:") {
		return nil
	}
	return errors.Join(err, errors.New(lastLines(out)))
}

// command prepares one of PostgreSQL's programs as its user, in a directory that user can enter.
func (s *Server) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(s.binDir, program), args...)
	cmd.Dir = dir
	cmd.Env = childEnv()
	cmd.SysProcAttr = s.user.attributes()
	if s.lock != nil {
		cmd.ExtraFiles = []*os.File{s.lock}
	}
	return cmd
}

// lastLines keeps the end of a program's output, where it says why it gave up.
func lastLines(out []byte) string {
	const keep = 2000
	text := strings.TrimSpace(string(out))
	if len(text) > keep {
		text = "…" + text[len(text)-keep:]
	}
	return text
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("flush %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("flush %s: %w", dir, err)
	}
	return nil
}
