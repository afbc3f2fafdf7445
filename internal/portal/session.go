package portal

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/token"
)

const (
	sessionLifetime = 30 * 24 * time.Hour
	// requestLifetime is how long a browser is known as the one that asked for a sign-in link.
	requestLifetime = time.Hour
)

// session is what a sealed cookie tells: who signed in, and when. What that person may see is asked of the cache.
type session struct {
	Address string    `json:"a"`
	Time    time.Time `json:"t"`
	// Next is where a browser that asked for a sign-in link wanted to go.
	Next string `json:"n,omitempty"`
}

// setCookie seals who and when into a cookie of one tenant.
func (s *Server) setCookie(w http.ResponseWriter, purpose token.Purpose, namespace, email string, lifetime time.Duration) {
	s.seal(w, purpose, namespace, session{Address: email}, lifetime)
}

func (s *Server) seal(w http.ResponseWriter, purpose token.Purpose, namespace string, of session, lifetime time.Duration) {
	of.Address, of.Time = address.Normalize(of.Address), s.Now()
	text, _ := json.Marshal(of)            // a struct of strings and a time always marshals
	cookie := s.cookie(purpose, namespace) //nolint:gosec // s.cookie sets the attributes
	cookie.Value = s.Keys.Current().Seal(purpose, namespace, text)
	cookie.MaxAge = int(lifetime.Seconds())
	http.SetCookie(w, cookie)
}

// clearCookie has the same attributes as setCookie, or the browser would keep the cookie.
func (s *Server) clearCookie(w http.ResponseWriter, purpose token.Purpose, namespace string) {
	cookie := s.cookie(purpose, namespace) //nolint:gosec // s.cookie sets the attributes
	cookie.MaxAge = -1
	http.SetCookie(w, cookie)
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
