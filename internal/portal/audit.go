package portal

import (
	"context"
	"net/http"
	"strings"

	"github.com/partner-operator/partner-operator/internal/audit"
)

// actions are the routes that are audited, with what they do: all that a form is posted to, and the pages that links with
// a token lead to.
var actions = map[string]string{
	"POST /t/{ns}/login":                    "AskToSignIn",
	"GET /t/{ns}/signin/{token}":            "OpenSignIn",
	"POST /t/{ns}/signin/{token}":           "SignIn",
	"POST /t/{ns}/signout":                  "SignOut",
	"POST /t/{ns}/terms":                    "AcceptTerms",
	"POST /t/{ns}/links":                    "CreateLink",
	"POST /t/{ns}/links/{link}/delete":      "DeleteLink",
	"GET /t/{ns}/invite/{token}":            "OpenInvite",
	acceptRoute:                             "AcceptInvite",
	"POST /t/{ns}/invite/{token}/decline":   "DeclineInvite",
	"POST /t/{ns}/invite/{token}/renew":     "RenewInvite",
	"GET /t/{ns}/join/{group}/{token}":      "OpenJoinLink",
	"POST /t/{ns}/join/{group}/{token}":     "AskToApply",
	"GET /t/{ns}/apply/{token}":             "OpenApplication",
	applyRoute:                              "Apply",
	"GET /t/{ns}/member/{token}":            "OpenTeamInvite",
	"POST /t/{ns}/member/{token}/accept":    "JoinTeam",
	"POST /t/{ns}/member/{token}/decline":   "DeclineTeam",
	"GET /t/{ns}/approval/{token}":          "OpenApproval",
	"POST /t/{ns}/approval/{token}/approve": "ApproveTeammate",
	"POST /t/{ns}/approval/{token}/reject":  "RejectTeammate",
	"POST /t/{ns}/teams/{team}/invite":      "InviteTeammate",
	"POST /t/{ns}/teams/{team}/approve":     "ApproveTeammate",
	"POST /t/{ns}/teams/{team}/reject":      "RejectTeammate",
	"POST /t/{ns}/teams/{team}/remove":      "RemoveTeammate",
	"POST /t/{ns}/teams/{team}/role":        "ChangeRole",
	"POST /t/{ns}/teams/{team}/handover":    "HandOverTeam",
	"POST /t/{ns}/teams/{team}/leave":       "LeaveTeam",
}

type auditKey struct{}

// audited begins to note what comes of a request; handlers add to it with noteTenant, noteObject and noteReason. The end logs it, given
// the code of the answer. Of pages only those are logged that were not shown.
func (s *Server) audited(r *http.Request, route string) (_ *http.Request, end func(code int)) {
	action, known := actions[route]
	if !known {
		return r, func(int) {}
	}
	entry := &audit.Entry{Action: action, Route: route}
	r = r.WithContext(context.WithValue(r.Context(), auditKey{}, entry))
	return r, func(code int) {
		if entry.Outcome == "" {
			entry.Outcome = audit.Outcome(code)
		}
		if code == http.StatusBadRequest {
			noteReason(r, audit.UnreadableForm)
		}
		if entry.Outcome == audit.Done && !strings.HasPrefix(route, "POST ") {
			return
		}
		if s.LogClients {
			entry.Client = s.client(r)
		}
		s.trail.Note(*entry)
	}
}

// noting is what is noted of a request.
func noting(r *http.Request) *audit.Entry {
	if entry, ok := r.Context().Value(auditKey{}).(*audit.Entry); ok {
		return entry
	}
	return &audit.Entry{} // it is not audited
}

// noteTenant notes that the namespace of a request is one of a tenant.
func noteTenant(r *http.Request) { noting(r).Namespace = r.PathValue("ns") }

// noteObject notes which object a request is about.
func noteObject(r *http.Request, kind, name string) {
	entry := noting(r)
	entry.Kind, entry.Name = kind, name
}

// noteReason notes why a request did not do what it was asked to. The first reason counts: it is the most precise.
func noteReason(r *http.Request, reason string) {
	if entry := noting(r); entry.Reason == "" {
		entry.Reason = reason
	}
}

// noteNoSession notes that a request was sent to sign in first.
func noteNoSession(r *http.Request) {
	noting(r).Outcome = audit.Refused
	noteReason(r, audit.NoSession)
}

// noteSignIn notes whose sign-in link it is.
func noteSignIn(r *http.Request, visit signInVisit) {
	if visit.grant.Team != nil {
		noteObject(r, "PartnerTeam", visit.grant.Team.Name)
		return
	}
	noteObject(r, "Partnership", visit.grant.Partnership.Name)
}
