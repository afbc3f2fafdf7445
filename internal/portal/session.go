package portal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/audit"
	"github.com/partner-operator/partner-operator/internal/grant"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/token"
)

// requestLifetime is how long a browser is known as the one that asked for a sign-in link.
const requestLifetime = signin.LongestLinkLifetime

// session is what a sealed cookie tells: who signed in, and when. What that person may see is asked of the cache.
type session struct {
	Address string    `json:"a"`
	Time    time.Time `json:"t"`
	// Seen is when the cookie was sealed anew, since the person was there; unset: not since Time.
	Seen time.Time `json:"s,omitzero"`
	// Next is where a browser that asked for a sign-in link wanted to go.
	Next string `json:"n,omitempty"`
}

// setCookie seals who and when into a cookie of one tenant.
func (s *Server) setCookie(w http.ResponseWriter, purpose token.Purpose, namespace, email string, lifetime time.Duration) {
	s.seal(w, purpose, namespace, session{Address: email, Time: s.Now()}, lifetime)
}

// seal sets a cookie, in the place of one that the answer sets already.
func (s *Server) seal(w http.ResponseWriter, purpose token.Purpose, namespace string, of session, lifetime time.Duration) {
	of.Address = address.Normalize(of.Address)
	text, _ := json.Marshal(of)            // a struct of strings and times always marshals
	cookie := s.cookie(purpose, namespace) //nolint:gosec // s.cookie sets the attributes
	cookie.Value = s.Keys.Current().Seal(purpose, namespace, text)
	cookie.MaxAge = int(lifetime.Seconds())
	replaceCookie(w, cookie)
}

// replaceCookie sets a cookie once, whatever the answer has set before.
func replaceCookie(w http.ResponseWriter, cookie *http.Cookie) {
	w.Header()["Set-Cookie"] = slices.DeleteFunc(w.Header()["Set-Cookie"], func(set string) bool { return strings.HasPrefix(set, cookie.Name+"=") })
	http.SetCookie(w, cookie)
}

// clearCookie has the same attributes as setCookie, or the browser would keep the cookie.
func (s *Server) clearCookie(w http.ResponseWriter, purpose token.Purpose, namespace string) {
	cookie := s.cookie(purpose, namespace) //nolint:gosec // s.cookie sets the attributes
	cookie.MaxAge = -1
	replaceCookie(w, cookie)
}

// readCookie opens a cookie of this tenant and purpose that is not older than its lifetime.
func (s *Server) readCookie(r *http.Request, purpose token.Purpose, namespace string, lifetime time.Duration) (session, bool) {
	cookie, err := r.Cookie(s.cookie(purpose, namespace).Name)
	if err != nil {
		return session{}, false
	}
	text, ok := s.Keys.Current().Unseal(purpose, namespace, cookie.Value)
	if !ok {
		return session{}, false
	}
	var opened session
	if err := json.Unmarshal(text, &opened); err != nil || s.Now().Sub(opened.Time) > lifetime {
		return session{}, false
	}
	return opened, true
}

// openSession opens the session of a browser, if it is neither too old nor was nobody there for too long. Whether it counts
// is told by what it signs in to.
func (s *Server) openSession(r *http.Request, namespace string) (session, bool) {
	of, ok := s.readCookie(r, token.PurposeSession, namespace, s.SessionLifetime)
	return of, ok && (s.SessionIdle == 0 || s.Now().Sub(of.seen()) <= s.SessionIdle)
}

// seen is when a person was last known to be there.
func (of session) seen() time.Time {
	if of.Seen.IsZero() {
		return of.Time
	}
	return of.Seen
}

// sealAgain is how long a cookie stays as it is while the person is there.
const sealAgain = time.Hour

// keepSession notes in the cookie that the person was there, where that matters, and not with every request.
func (s *Server) keepSession(w http.ResponseWriter, r *http.Request, namespace string) {
	if s.SessionIdle == 0 {
		return
	}
	of, ok := s.openSession(r, namespace)
	if !ok || s.Now().Sub(of.seen()) < min(sealAgain, s.SessionIdle/4) {
		return
	}
	of.Seen = s.Now()
	s.seal(w, token.PurposeSession, namespace, of, of.Time.Add(s.SessionLifetime).Sub(s.Now()))
}

// cookie is an empty cookie with the attributes of a purpose and tenant. On https its name keeps other hosts and plain
// http from setting it.
func (s *Server) cookie(purpose token.Purpose, namespace string) *http.Cookie {
	name := "partner-session-" + namespace
	switch purpose {
	case token.PurposeSignInRequest:
		name = "partner-request-" + namespace
	case token.PurposeBrowser:
		name = "partner-browser-" + namespace
	default: // the session
	}
	c := &http.Cookie{Name: name, Path: "/t/" + namespace + "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if s.Base.Secure() {
		c.Name, c.Path, c.Secure = "__Host-"+name, "/", true
	}
	return c
}

// signOut ends every session of the person in this tenant, on all replicas.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	namespace := r.PathValue("ns")
	cookie, ok := s.readCookie(r, token.PurposeSession, namespace, s.SessionLifetime)
	if ok {
		err := s.endSessions(r.Context(), namespace, cookie, func(g grant.Grant) bool {
			g.EndAll(s.Now())
			return true
		})
		if err != nil {
			s.unavailable(w, r, err)
			return
		}
	}
	if !ok {
		noteReason(r, audit.NoSession)
	}
	s.clearCookie(w, token.PurposeSession, namespace)
	http.Redirect(w, r, loginPath(namespace)+"?signed-out", http.StatusSeeOther)
}

// startSession signs a person in, and lets the browser be known later. If somebody is signed in in the browser, that session
// ends, and with it each copy of its cookie. That it cannot be ended right now keeps nobody out.
func (s *Server) startSession(w http.ResponseWriter, r *http.Request, namespace, email string) {
	if before, ok := s.readCookie(r, token.PurposeSession, namespace, s.SessionLifetime); ok {
		err := s.endSessions(r.Context(), namespace, before, func(g grant.Grant) bool { return g.End(before.Time) })
		if err != nil {
			log.FromContext(r.Context()).Error(err, "The session of before could not be ended", "namespace", namespace)
		}
	}
	s.setCookie(w, token.PurposeSession, namespace, email, s.SessionLifetime)
	s.rememberBrowser(w, namespace, email)
}

// endSessions ends sessions of a person wherever a session of theirs counts.
func (s *Server) endSessions(ctx context.Context, namespace string, of session, end func(grant.Grant) bool) error {
	found, err := s.find(ctx, namespace, of.Address)
	if err != nil {
		return err
	}
	for _, g := range found.Grants() {
		if !g.Counts(of.Time) || g.Why == grant.NotMember {
			continue
		}
		ended := s.changeAccess(ctx, g, func(live grant.Grant) error {
			if !end(live) {
				return errNothing
			}
			return nil
		})
		if !errors.Is(ended, grant.ErrGone) {
			err = errors.Join(err, ended)
		}
	}
	return err
}
