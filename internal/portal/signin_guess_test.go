package portal

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Ten wrong addresses kill a sign-in link, whoever types them, also for the right one. Another one can be asked for at once.
func TestWrongAddressesKillASignInLink(t *testing.T) {
	for name, who := range people {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTenants(t)
				s, other := w.replica(), w.replica()
				w.browser(s).asks(who.email)
				settled()
				serial := who.is(w).Open[0].Serial
				link := w.link(who, serial)
				_, before := w.counts()
				for i := range v1alpha1.MaxWrongAddresses {
					replica := []*Server{s, other}[i%2]
					if got := w.browser(replica).do(http.MethodPost, link, "email", fmt.Sprintf("guess-%d@example.com", i)); got.Code != http.StatusUnprocessableEntity {
						t.Fatalf("wrong address %d is answered %d", i+1, got.Code)
					}
				}
				if _, after := w.counts(); after-before != int(v1alpha1.MaxWrongAddresses) {
					t.Errorf("they cost %d writes", after-before)
				}
				for _, typed := range []string{who.email, "guess@example.com"} {
					got := w.browser(s).do(http.MethodPost, link, "email", typed)
					if got.Code != http.StatusGone || !strings.Contains(got.Body.String(), "Too many addresses") || !strings.Contains(got.Body.String(), "Get a new link") {
						t.Errorf("%s is answered %d: %s", typed, got.Code, got.Body)
					}
				}
				if got := w.browser(s).do(http.MethodGet, link); got.Code != http.StatusGone {
					t.Errorf("the page is answered %d", got.Code)
				}
				w.browser(other).asks(who.email)
				settled()
				open := who.is(w).Open
				if len(open) != 2 {
					t.Fatalf("no other link is mailed: %+v", open)
				}
				if got := w.browser(s).do(http.MethodPost, w.link(who, open[1].Serial), "email", who.email); got.Code != http.StatusSeeOther {
					t.Errorf("the other link is answered %d", got.Code)
				}
			})
		})
	}
}

// Whoever has somebody else's link does not find out their address by asking for links.
func TestAskingIsNoWayToGuess(t *testing.T) {
	for name, who := range people {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTenants(t)
				s := w.replica()
				theirs := w.browser(s)
				theirs.asks(who.email)
				settled()
				link := w.link(who, who.is(w).Open[0].Serial)
				time.Sleep(5 * time.Second)
				thief := w.browser(s)
				thief.asks(who.email)
				settled()
				if got := thief.do(http.MethodPost, link); got.Code != http.StatusUnprocessableEntity {
					t.Errorf("a browser that asked once it had the link is answered %d", got.Code)
				}
				theirs.asks(who.email) // and once more, which sends nothing
				settled()
				if got := theirs.do(http.MethodPost, link); got.Code != http.StatusSeeOther {
					t.Errorf("the browser that asked for the link is answered %d", got.Code)
				}
			})
		})
	}
}
