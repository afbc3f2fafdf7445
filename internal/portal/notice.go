package portal

import (
	"net/http"
	"regexp"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/internal/audit"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/token"
)

// notice is a page that tells one thing and what to do about it.
type notice struct {
	Title, Text string
	// Advice are things to do, each a sentence.
	Advice []string
	// SignIn is the label of a button that leads to signing in; empty: none.
	SignIn string
	// Back is the label of a button that leads to the dashboard; empty: none.
	Back string
	// GoTo is where a button leads to, and GoToAs what it says; empty: there is none.
	GoTo, GoToAs string
	// Action is where a button posts to, and ActionLabel what it says; empty: there is none.
	Action, ActionLabel string
}

func (s *Server) notice(w http.ResponseWriter, r *http.Request, code int, n notice) {
	s.render(w, r, code, "notice.html", page{Title: n.Title, Body: n})
}

// deadLink answers links that were genuine and are used, replaced, withdrawn or about nothing any more.
func (s *Server) deadLink(w http.ResponseWriter, r *http.Request) {
	noteReason(r, audit.DeadLink)
	s.notFound(w, r)
}

// notFound is the one page for what is unknown, used, replaced, withdrawn or not yours.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	n := notice{
		Title: "This link does not work",
		Text:  "It may have been used already, replaced by a newer one, or withdrawn.",
		Advice: []string{
			"Were you invited? Look for the newest mail, or ask whoever invited you for a new invitation.",
			"Did you copy the link? Make sure that you copied all of it.",
			"Are you a partner already? Sign in.",
		},
	}
	if tenantName.MatchString(r.PathValue("ns")) {
		n.SignIn = "Sign in"
	}
	s.notice(w, r, http.StatusNotFound, n)
}

// forbidden answers what the visitor may not do.
func (s *Server) forbidden(w http.ResponseWriter, r *http.Request, title, text string) {
	noteReason(r, audit.NotAllowed)
	s.notice(w, r, http.StatusForbidden, notice{Title: title, Text: text, Back: "Back to your programs"})
}

func (s *Server) badForm(w http.ResponseWriter, r *http.Request) {
	s.notice(w, r, http.StatusBadRequest, notice{
		Title: "This form could not be read",
		Text:  "Please go back, reload the page and try again.",
	})
}

// unavailable answers where the API server did not. Nothing was lost: the same request can be made again.
func (s *Server) unavailable(w http.ResponseWriter, r *http.Request, cause error) {
	log.FromContext(r.Context()).Error(cause, "A page could not be served", "route", r.Pattern, "namespace", r.PathValue("ns"))
	s.later(w, r)
}

// later answers that the same request can be made again in a moment.
func (s *Server) later(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "5")
	s.notice(w, r, http.StatusServiceUnavailable, notice{
		Title: "We cannot do that right now",
		Text:  "Nothing was lost. Please try again in a moment.",
	})
}

func (s *Server) broken(w http.ResponseWriter, r *http.Request) {
	s.notice(w, r, http.StatusInternalServerError, notice{
		Title: "Something went wrong",
		Text:  "This is our fault. Please try again; if it keeps happening, reply to the mail that led you here.",
	})
}

// open opens a token of the path. If it does not open, the answer is given.
func (s *Server) open(w http.ResponseWriter, r *http.Request, purpose token.Purpose, text string) (token.Opened, bool) {
	opened, ok := s.Keys.Current().Open(purpose, r.PathValue("ns"), text)
	return opened, s.genuine(w, r, ok)
}

// genuine tells whether a token opened. If it did not, it is counted against the client, who is answered. A token that
// opens is let through whatever was tried before, since many people may share the address of one client.
func (s *Server) genuine(w http.ResponseWriter, r *http.Request, opened bool) bool {
	if opened {
		return true
	}
	if ok, wait := s.failures.allow(s.client(r)); ok {
		noteReason(r, audit.BadToken)
		s.notFound(w, r)
	} else {
		noteReason(r, audit.TooManyBadTokens)
		s.tooMany(w, r, wait)
	}
	return false
}

var tenantName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// tenant lets requests through whose namespace runs a program; others get the page for what is unknown.
func (s *Server) tenant(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !tenantName.MatchString(r.PathValue("ns")) {
			noteReason(r, audit.UnknownTenant)
			s.notFound(w, r)
			return
		}
		catalog, err := lookup.Catalog(r.Context(), s.Client, r.PathValue("ns"))
		switch {
		case err != nil:
			s.unavailable(w, r, err)
		case len(catalog.Programs) == 0:
			noteReason(r, audit.UnknownTenant)
			s.notFound(w, r)
		default:
			noteTenant(r)
			s.keepSession(w, r, r.PathValue("ns"))
			next(w, r)
		}
	}
}
