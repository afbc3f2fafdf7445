package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/token"
)

// jar is a browser, with the cookies that the portal set, at an address that many share.
type jar struct {
	*open
	cookies map[string]string
}

func (o *open) browser(cookies ...*http.Cookie) *jar {
	j := &jar{o, map[string]string{}}
	for _, cookie := range cookies {
		j.cookies[cookie.Name] = cookie.Value
	}
	return j
}

// asks asks for mail, and gives the code of the answer.
func (j *jar) asks(path, email string) int {
	j.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(url.Values{"email": {email}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range j.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	j.Handler().ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		j.cookies[cookie.Name] = cookie.Value
	}
	return w.Code
}

// login asks for a sign-in link, and tells whether that was let through.
func (j *jar) login(email string) bool {
	j.t.Helper()
	switch code := j.asks("/t/acme/login", email); code {
	case http.StatusSeeOther:
		return true
	case http.StatusTooManyRequests:
		return false
	default:
		j.t.Fatalf("asking for a sign-in link is answered %d", code)
		return false
	}
}

// crowded is a portal at which a client may ask for rate mails a minute, and whose strangers have asked for all of them.
func crowded(t *testing.T, rate int) *open {
	t.Helper()
	o := joinable(t, nil)
	options := o.Options
	options.ClientRate = rate
	o.Server = New(options)
	for i := range rate {
		if !o.browser().login(fmt.Sprintf("stranger-%d@example.com", i)) {
			t.Fatal("a client gets less than its rate")
		}
	}
	if o.browser().login("late@example.com") {
		t.Fatal("a client gets more than its rate")
	}
	return o
}

// signsIn is a browser in which a person has signed in.
func (o *open) signsIn(email string) *jar {
	o.t.Helper()
	w := httptest.NewRecorder()
	o.startSession(w, httptest.NewRequest(http.MethodPost, "/", nil), "acme", email)
	return o.browser(w.Result().Cookies()...)
}

// without takes a cookie away.
func (j *jar) without(part string) *jar {
	for name := range j.cookies {
		if strings.Contains(name, part) {
			delete(j.cookies, name)
		}
	}
	return j
}

func TestAKnownBrowserHasABucketOfItsOwn(t *testing.T) {
	for name, of := range map[string]func(*open, string) *jar{
		"signed in":             func(o *open, email string) *jar { return o.signsIn(email) },
		"signed out":            func(o *open, email string) *jar { return o.signsIn(email).without("session") },
		"signed in long before": func(o *open, email string) *jar { return o.signsIn(email).without("browser") },
	} {
		t.Run(name, func(t *testing.T) {
			o := crowded(t, 3)
			ada, bob := of(o, "ada@example.com"), of(o, "bob@example.com")
			for range 3 {
				if !ada.login("ada@example.com") {
					t.Fatal("a known browser is held against what strangers did")
				}
			}
			if ada.without("request").login("ada@example.com") {
				t.Error("a known browser has no limit")
			}
			if code := bob.asks(o.path, "new@example.com"); code != http.StatusSeeOther {
				t.Errorf("what one known browser did is held against another: %d", code)
			}
			if o.browser().login("late@example.com") {
				t.Error("a stranger profits from that")
			}
		})
	}
}

// Signing in over and over gives no more than one bucket.
func TestABucketForEachPersonAndNotForEachSignIn(t *testing.T) {
	o := crowded(t, 3)
	allowed := 0
	for i := range 20 {
		if o.signsIn("ada@example.com").without("session").login(fmt.Sprintf("victim-%d@example.com", i)) {
			allowed++
		}
	}
	if allowed != 3 {
		t.Errorf("%d mails are asked for with twenty cookies of one person", allowed)
	}
}

func TestOnlyGenuineCookiesOfTheTenantCount(t *testing.T) {
	for name, spoil := range map[string]func(o *open, j *jar){
		"made up": func(_ *open, j *jar) {
			for name := range j.cookies {
				j.cookies[name] = "AAAA" + j.cookies[name][4:]
			}
		},
		"of another tenant": func(o *open, j *jar) {
			w := httptest.NewRecorder()
			o.startSession(w, httptest.NewRequest(http.MethodPost, "/", nil), "other", "ada@example.com")
			for _, cookie := range w.Result().Cookies() {
				j.cookies[strings.Replace(cookie.Name, "other", "acme", 1)] = cookie.Value
			}
		},
		"of another purpose": func(_ *open, j *jar) {
			session := j.cookies["__Host-partner-session-acme"]
			j.without("session").cookies["__Host-partner-browser-acme"] = session
		},
		"too old": func(o *open, _ *jar) {
			now := o.Now().Add(browserLifetime + time.Second)
			o.Now = func() time.Time { return now }
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := crowded(t, 3)
			ada := o.signsIn("ada@example.com")
			spoil(o, ada)
			if ada.login("ada@example.com") {
				t.Error("the cookie counts")
			}
		})
	}
}

// The cookie holds no address, and no two of one person are the same.
func TestTheCookieOfABrowserTellsNothing(t *testing.T) {
	o := opened(t, v1alpha1.FormSkip)
	const name = "__Host-partner-browser-acme"
	one, two := o.signsIn("ada@example.com").cookies[name], o.signsIn("ada@example.com").cookies[name]
	if one == "" || one == two {
		t.Errorf("the cookies are %q and %q", one, two)
	}
	text, ok := o.Keys.Current().Unseal(token.PurposeBrowser, "acme", one)
	if !ok || strings.Contains(string(text), "ada") || strings.Contains(string(text), "example") {
		t.Errorf("it holds %q", text)
	}
	if o.browserID("acme", "ada@example.com") == o.browserID("other", "ada@example.com") || o.browserID("acme", "ada@example.com") != o.browserID("acme", "Ada@Example.com") {
		t.Error("an ID is the same in two tenants, or differs by how the address is written")
	}
}

// A browser that asked before may ask for the same address once more, whatever others behind its address do.
func TestABrowserThatAskedBeforeMayAskAgain(t *testing.T) {
	o := joinable(t, nil)
	options := o.Options
	options.ClientRate = 10
	o.Server = New(options)
	ada, bob := o.browser(), o.browser()
	if !ada.login("ada@example.com") || !bob.login("bob@example.com") {
		t.Fatal("a first request is refused")
	}
	for i := range 20 {
		o.browser().login(fmt.Sprintf("stranger-%d@example.com", i))
	}
	for range repeatsPerMinute {
		if !ada.login("ada@example.com") {
			t.Fatal("a browser that asked before is held against what strangers did")
		}
	}
	if ada.login("ada@example.com") {
		t.Error("it has no limit")
	}
	if !bob.login("bob@example.com") {
		t.Error("what one of them did is held against another")
	}
	if bob.login("victim@example.com") {
		t.Error("it may ask for another address, too")
	}
}

// Cookies that everybody can get give a client no more than as much again, however many it collects.
func TestCookiesOfStrangersDoNotMultiplyTheRate(t *testing.T) {
	const rate = 5
	o := joinable(t, nil)
	options := o.Options
	options.ClientRate = rate
	clock := newClock()
	options.Now = clock.time
	o.Server = New(options)
	var collected []*jar
	var emails []string
	for minute := range 30 { // a cookie for each address that is let through
		for i := range rate {
			j, email := o.browser(), fmt.Sprintf("victim-%d-%d@example.com", minute, i)
			if j.login(email) {
				collected, emails = append(collected, j), append(emails, email)
			}
		}
		clock.advance(time.Minute)
	}
	if len(collected) != 30*rate {
		t.Fatalf("%d cookies are collected", len(collected))
	}
	allowed := 0
	for range 3 {
		for i, j := range collected {
			if j.login(emails[i]) {
				allowed++
			}
		}
	}
	if allowed != 2*rate {
		t.Errorf("with %d cookies %d mails are asked for within a minute", len(collected), allowed)
	}
}

// A new link in place of an expired one is held against the link.
func TestRenewingIsHeldAgainstTheLink(t *testing.T) {
	o := opened(t, v1alpha1.FormSkip)
	options := o.Options
	options.ClientRate = 2
	o.Server = New(options)
	for i := range 3 {
		o.browser().login(fmt.Sprintf("stranger-%d@example.com", i))
	}
	i := o.invite()
	i.Status.ExpiryTime.Time = o.Now().Add(-time.Second)
	o.must(o.Client.Status().Update(t.Context(), i))
	for _, want := range []int{http.StatusSeeOther, http.StatusSeeOther, http.StatusTooManyRequests} {
		if got := o.post("renew"); got.code != want {
			t.Errorf("asking for a new link is answered %d, want %d", got.code, want)
		}
	}
	if i = o.invite(); i.Status.Renewal == nil {
		t.Error("nobody asks for a new link")
	}
}
