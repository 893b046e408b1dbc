package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/annals-io/annals/access"
	"github.com/annals-io/annals/audit/seal"
)

// resumeOrder is the body of POST /v1/audit/resume.
type resumeOrder struct {
	Tree   string `json:"tree" doc:"The stream, or instance." example:"workspace-default"`
	Reason string `json:"reason" doc:"Why it does not fit; it is kept." example:"restored the backup of 21 November"`
}

func (a *app) auditResumeCommand() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "resume TREE --reason TEXT", Short: "Have a history sealed again that was stopped, after a restore", Args: cobra.ExactArgs(1),
		Long: `Have a history sealed again that was stopped because it does not follow from what was signed before.
TREE is what "annals doctor" names: a stream, such as workspace-fraud, or instance.

It is for after a restore, when places outside know more than the database does. It takes nothing back:
who kept a checkpoint sees that history was cut back. Anything else that is wrong stops it again.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return usage("--reason is missing: it is kept with who said it").with("annals audit resume %s --reason 'restored the backup of 21 November'", args[0])
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			var was seal.Stop
			if err := c.rest(cmd.Context(), http.MethodPost, "/v1/audit/resume", resumeOrder{args[0], reason}, &was); err != nil {
				return err
			}
			return a.printObject(rawJSON(was), func(w io.Writer, _ row) error {
				_, err := fmt.Fprintf(w, "%s is sealed again from %d events on; it was stopped since %s\n", was.Tree, was.Size, clean(was.Reason))
				return err
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it does not fit, for whoever asks later")
	return cmd
}

// maxReason bounds what is kept of why, in bytes.
const maxReason = 2000

// resumeSealing has a tree sealed again, for an operator.
func (s *server) resumeSealing(w http.ResponseWriter, r *http.Request) {
	var order resumeOrder
	body := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	body.DisallowUnknownFields()
	if err := body.Decode(&order); err != nil || order.Tree == "" || strings.TrimSpace(order.Reason) == "" || len(order.Reason) > maxReason || strings.ContainsRune(order.Tree+order.Reason, 0) {
		access.Refuse(w, &access.Refusal{Status: http.StatusBadRequest, Code: "invalid", Message: fmt.Sprintf("the body is JSON with a tree and a reason of at most %d bytes", maxReason), Field: "body"})
		return
	}
	p, _ := access.From(r.Context())
	by := p.Actor().Kind + " " + p.Actor().ID
	was, err := s.history.Kept().Resume(r.Context(), order.Tree, by, order.Reason)
	if errors.Is(err, seal.ErrNotStopped) {
		access.Refuse(w, &access.Refusal{Status: http.StatusNotFound, Code: "not_found", Message: "no history of that name is stopped", Field: "tree"})
		return
	}
	if err != nil {
		s.refuseProof(w, r, err)
		return
	}
	s.log.WarnContext(r.Context(), "sealing of a history was resumed", "tree", was.Tree, "sealed", was.Size, "stopped", was.Reason, "by", by, "reason", order.Reason)
	answerJSON(w, http.StatusOK, was)
}
