package portal

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/partner-operator/partner-operator/internal/keyring/mint"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/token"
)

const nobodyElse = "ada@example.com"

// sealing is a portal that can seal cookies and has nothing else.
func sealing(t *testing.T, c *clock, base string) *Server {
	t.Helper()
	keys, err := mint.Load(context.Background(), fake.NewClientBuilder().WithScheme(scheme.Scheme).Build(), "operator", c.now)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := link.ParseBase(base)
	if err != nil {
		t.Fatal(err)
	}
	return &Server{Options: Options{Keys: keys, Base: parsed, Now: c.time}}
}

// given is the cookie that an answer sets.
func given(t *testing.T, set func(http.ResponseWriter)) *http.Cookie {
	t.Helper()
	w := httptest.NewRecorder()
	set(w)
	cookies := w.Result().Cookies()
	if len(cookies) != 1 {
		t.Fatalf("%d cookies are set", len(cookies))
	}
	return cookies[0]
}

func with(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	return r
}

func TestCookieOpens(t *testing.T) {
	c := newClock()
	s := sealing(t, c, "https://partners.example.com")
	session := given(t, func(w http.ResponseWriter) {
		s.setCookie(w, token.PurposeSession, "acme", "Ada@Example.com", signin.DefaultSessionLifetime)
	})
	signedIn := c.now
	for name, after := range map[string]time.Duration{"at once": 0, "after a day": 24 * time.Hour, "in its last moment": signin.DefaultSessionLifetime} {
		t.Run(name, func(t *testing.T) {
			c.now = signedIn.Add(after)
			opened, ok := s.readCookie(with(session), token.PurposeSession, "acme", signin.DefaultSessionLifetime)
			if !ok || opened.Address != nobodyElse || !opened.Time.Equal(signedIn) {
				t.Errorf("it opens as %+v, %v", opened, ok)
			}
		})
	}
}

// The moment that a cookie keeps is as fine as the clock: sessions are judged by it.
func TestCookieKeepsTheMoment(t *testing.T) {
	c := newClock()
	c.advance(123456789 * time.Nanosecond)
	s := sealing(t, c, "https://partners.example.com")
	session := given(t, func(w http.ResponseWriter) {
		s.setCookie(w, token.PurposeSession, "acme", nobodyElse, signin.DefaultSessionLifetime)
	})
	if opened, ok := s.readCookie(with(session), token.PurposeSession, "acme", signin.DefaultSessionLifetime); !ok || !opened.Time.Equal(c.now) {
		t.Errorf("it keeps %s", opened.Time)
	}
}

func TestCookieIsRefused(t *testing.T) {
	c := newClock()
	s := sealing(t, c, "https://partners.example.com")
	session := given(t, func(w http.ResponseWriter) {
		s.setCookie(w, token.PurposeSession, "acme", nobodyElse, signin.DefaultSessionLifetime)
	})
	request := given(t, func(w http.ResponseWriter) {
		s.setCookie(w, token.PurposeSignInRequest, "acme", nobodyElse, requestLifetime)
	})
	stranger := given(t, func(w http.ResponseWriter) {
		sealing(t, c, "https://partners.example.com").setCookie(w, token.PurposeSession, "acme", nobodyElse, signin.DefaultSessionLifetime)
	})
	cleared := given(t, func(w http.ResponseWriter) { s.clearCookie(w, token.PurposeSession, "acme") })
	named := func(name string, of *http.Cookie) *http.Cookie { return &http.Cookie{Name: name, Value: of.Value} }
	changed := func(of *http.Cookie) *http.Cookie {
		last := of.Value[len(of.Value)-2:]
		return &http.Cookie{Name: of.Name, Value: strings.TrimSuffix(of.Value, last) + map[bool]string{true: "BA", false: "AA"}[last == "AA"]}
	}
	for name, test := range map[string]struct {
		request   *http.Request
		purpose   token.Purpose
		namespace string
		after     time.Duration
	}{
		"without one":                       {with(), token.PurposeSession, "acme", 0},
		"of another tenant":                 {with(session), token.PurposeSession, "other", 0},
		"of another tenant, renamed":        {with(named("__Host-partner-session-other", session)), token.PurposeSession, "other", 0},
		"of another purpose":                {with(request), token.PurposeSession, "acme", 0},
		"of another purpose, renamed":       {with(named(session.Name, request)), token.PurposeSession, "acme", 0},
		"a session, for a request, renamed": {with(named(request.Name, session)), token.PurposeSignInRequest, "acme", 0},
		"of plain http, on https":           {with(named("partner-session-acme", session)), token.PurposeSession, "acme", 0},
		"too old":                           {with(session), token.PurposeSession, "acme", signin.DefaultSessionLifetime + time.Nanosecond},
		"changed":                           {with(changed(session)), token.PurposeSession, "acme", 0},
		"of other keys":                     {with(stranger), token.PurposeSession, "acme", 0},
		"cleared":                           {with(cleared), token.PurposeSession, "acme", 0},
		"nonsense":                          {with(&http.Cookie{Name: session.Name, Value: "ada@example.com"}), token.PurposeSession, "acme", 0},
		"sealed, and no session":            {with(&http.Cookie{Name: session.Name, Value: s.Keys.Current().Seal(token.PurposeSession, "acme", []byte("ada"))}), token.PurposeSession, "acme", 0},
	} {
		t.Run(name, func(t *testing.T) {
			defer func(now time.Time) { c.now = now }(c.now)
			c.advance(test.after)
			if opened, ok := s.readCookie(test.request, test.purpose, test.namespace, signin.DefaultSessionLifetime); ok {
				t.Errorf("it opens as %+v", opened)
			}
		})
	}
}

func TestCookieAttributes(t *testing.T) {
	for name, test := range map[string]struct {
		base     string
		purpose  token.Purpose
		lifetime time.Duration
		want     http.Cookie
	}{
		"a session on https": {
			"https://partners.example.com", token.PurposeSession, signin.DefaultSessionLifetime,
			http.Cookie{Name: "__Host-partner-session-acme", Path: "/", Secure: true, MaxAge: 30 * 24 * 60 * 60},
		},
		"a request on https": {
			"https://partners.example.com", token.PurposeSignInRequest, requestLifetime,
			http.Cookie{Name: "__Host-partner-request-acme", Path: "/", Secure: true, MaxAge: 60 * 60},
		},
		"a session on http": {
			"http://localhost:8080", token.PurposeSession, signin.DefaultSessionLifetime,
			http.Cookie{Name: "partner-session-acme", Path: "/t/acme/", MaxAge: 30 * 24 * 60 * 60},
		},
		"a request on http": {
			"http://localhost:8080", token.PurposeSignInRequest, requestLifetime,
			http.Cookie{Name: "partner-request-acme", Path: "/t/acme/", MaxAge: 60 * 60},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			s := sealing(t, c, test.base)
			set := given(t, func(w http.ResponseWriter) { s.setCookie(w, test.purpose, "acme", nobodyElse, test.lifetime) })
			cleared := given(t, func(w http.ResponseWriter) { s.clearCookie(w, test.purpose, "acme") })
			for what, got := range map[string]*http.Cookie{"set": set, "cleared": cleared} {
				if got.Name != test.want.Name || got.Path != test.want.Path || got.Secure != test.want.Secure {
					t.Errorf("%s: %s", what, got)
				}
				if !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Domain != "" {
					t.Errorf("%s: %s", what, got)
				}
			}
			if set.MaxAge != test.want.MaxAge {
				t.Errorf("it lives for %d seconds, want %d", set.MaxAge, test.want.MaxAge)
			}
			if cleared.MaxAge >= 0 || cleared.Value != "" {
				t.Errorf("cleared: %s", cleared)
			}
			sealed, err := base64.RawURLEncoding.DecodeString(set.Value)
			if err != nil || bytes.Contains(sealed, []byte(nobodyElse)) || len(set.String()) > 4096 {
				t.Errorf("the value is %q, %v", set.Value, err)
			}
		})
	}
}

// The longest address must still fit into what a browser keeps.
func TestCookieOfTheLongestAddressOpens(t *testing.T) {
	s := sealing(t, newClock(), "https://partners.example.com")
	email := strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 90) + "example"
	session := given(t, func(w http.ResponseWriter) {
		s.setCookie(w, token.PurposeSession, "acme", email, signin.DefaultSessionLifetime)
	})
	if opened, ok := s.readCookie(with(session), token.PurposeSession, "acme", signin.DefaultSessionLifetime); !ok || opened.Address != email {
		t.Errorf("it opens as %+v, %v", opened, ok)
	}
}
