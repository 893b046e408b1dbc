package main

import (
	"context"
	"fmt"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/fork"
	"github.com/annals-io/annals/rest/openapi"
)

// What was handed out on another course of events, and cannot be told from what was taken back there since, ends with it.
// Keys stay: programs would stand still. Those revoked since the backup was made are revoked again by whoever restores.
var endedByForkSQL = []string{
	`UPDATE log.sessions SET ended_at = now() WHERE ended_at IS NULL`,
	`DELETE FROM log.sign_in_links`,
	`DELETE FROM log.device_grants`,
	`DELETE FROM log.oidc_attempts`,
}

// openFork sees which course of events the database holds, and goes on looking.
func (s *server) openFork(ctx, living context.Context) error {
	s.forks = &fork.Watch{DB: s.pool, Log: s.log, Drawn: func(ctx context.Context, tx pgx.Tx) error {
		for _, sql := range endedByForkSQL {
			if _, err := tx.Exec(ctx, sql); err != nil {
				return fmt.Errorf("end what was handed out before: %w", err)
			}
		}
		return nil
	}}
	if err := s.forks.Look(ctx); err != nil {
		return err
	}
	s.work.Go(func() { s.forks.Run(living) })
	return nil
}

// forkShort is the short form of the course of events as it was last seen.
func (s *server) forkShort() string { return s.forks.Short() }

// forked puts the short form of the fork on every answer, and refuses requests that were meant for another one.
func (s *server) forked(next http.Handler, refuse func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := s.forks.Short()
		w.Header().Set(fork.Header, now)
		if meant := r.Header.Get(fork.Header); meant != "" && meant != now {
			refuse(w, r, &access.Refusal{Status: http.StatusPreconditionFailed, Code: "forked", Field: "header " + fork.Header,
				Message: "this database was restored or copied since: revisions and cursors from before mean nothing here; begin anew, with the " + fork.Header + " of this answer"})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// instanceView is which course of events the database holds, as answers show it.
type instanceView struct {
	fork.State
	Short string `json:"short" doc:"As the header Annals-Fork and cursors carry it."`
}

func (s *server) instance(w http.ResponseWriter, _ *http.Request) {
	now := s.forks.Now()
	answerJSON(w, http.StatusOK, instanceView{now, now.Short()})
}

// fork draws a new fork, after the files of the database were copied.
func (s *server) fork(w http.ResponseWriter, r *http.Request) {
	p, _ := access.From(r.Context())
	err := operates(r.Context(), s.rights, p)
	if err == nil {
		err = s.forks.Draw(r.Context(), "an operator said that the database was copied")
	}
	if err != nil {
		access.Refuse(w, err)
		return
	}
	s.signIn.Sessions.Forget()
	w.Header().Set(fork.Header, s.forks.Short())
	s.instance(w, r)
}

// instanceOperations describes those routes.
func instanceOperations() []openapi.Operation {
	shown := []openapi.Answer{openapi.Says(http.StatusOK, "The course of events.", openapi.Of[instanceView]())}
	return []openapi.Operation{
		{Pattern: "GET /v1/instance", ID: "showInstance", Tag: "health", Summary: "Which course of events the database holds",
			Description: "It has an id, the fork, which is drawn anew when the database is restored or copied. Cursors from before are refused then (HISTORY_FORKED, forked); so is a request whose header Annals-Fork names another one. Every answer has that header.", Answers: shown},
		{Pattern: "POST /v1/instance/fork", ID: "forkInstance", Tag: "health", Summary: "Draw a new fork for a copy",
			Description: "For operators, on a copy that was made of the files of a database: it cannot see by itself that it is one. Cursors from before are refused from then on, sessions end.", Answers: shown},
	}
}
