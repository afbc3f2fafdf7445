package portal

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
)

const wasGiven = "You have been given access to 1 more program since you signed in."

// addProgram grants a second program to a person, or to their team.
func (w *tenants) addProgram(who person) *v1alpha1.Partnership {
	w.t.Helper()
	p := partnershipFor("second", who.email)
	p.Spec.ProgramRef.Name, p.Status.State = "reseller", v1alpha1.PartnershipActive
	if who.email == bobMail {
		p.Spec.Contact, p.Spec.TeamRef = nil, &v1alpha1.TeamReference{Name: "agency"}
	}
	for _, o := range []client.Object{&v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "reseller"}, Spec: v1alpha1.ProgramSpec{DisplayName: "Secret Reseller"}}, p} {
		if err := w.cluster.Create(w.t.Context(), o); err != nil {
			w.t.Fatal(err)
		}
	}
	p.Status.State = v1alpha1.PartnershipActive
	if err := w.cluster.Status().Update(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
	return p
}

// What is given back is told in a live session, without its name; what is posted to it leads to the notice, and after
// signing in again it is there. Another browser with an old session sees no more than before.
func TestWhatIsGivenBackIsTold(t *testing.T) {
	for name, who := range people {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTenants(t)
				p := w.addProgram(who)
				s := w.replica()
				here, elsewhere := w.browser(s), w.browser(s)
				w.signsIn(here, who)
				w.signsIn(elsewhere, who)
				before := here.do(http.MethodGet, "/t/acme/").Body.String()
				if !strings.Contains(before, "Secret Reseller") || strings.Contains(before, "more program") {
					t.Fatalf("before, the page says %s", before)
				}
				time.Sleep(time.Hour)
				if err := w.cluster.Get(t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
					t.Fatal(err)
				}
				signin.EndAll(&p.Status.Access, time.Now()) // it was taken and given back
				if err := w.cluster.Status().Update(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				_, writes := w.counts()
				page := here.do(http.MethodGet, "/t/acme/")
				if body := page.Body.String(); page.Code != http.StatusOK || !strings.Contains(body, wasGiven) || strings.Contains(body, "Secret") || !strings.Contains(body, `value="`+who.email+`"`) {
					t.Errorf("the page says %s", body)
				}
				if _, now := w.counts(); now != writes {
					t.Error("looking at it writes")
				}
				for _, path := range []string{"/t/acme/links", "/t/acme/terms"} {
					if got := here.do(http.MethodPost, path, "partnership", "second", "name", "blog"); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/t/acme/" {
						t.Errorf("a POST to %s is answered %d to %q", path, got.Code, got.Header().Get("Location"))
					}
				}
				if got := here.do(http.MethodPost, "/t/acme/links", "partnership", "nobodys"); got.Code != http.StatusNotFound {
					t.Errorf("one to somebody else's is answered %d", got.Code)
				}
				time.Sleep(time.Hour)
				w.signsIn(here, who)
				if body := here.do(http.MethodGet, "/t/acme/").Body.String(); !strings.Contains(body, "Secret Reseller") || strings.Contains(body, "more program") {
					t.Errorf("after signing in again the page says %s", body)
				}
				if body := elsewhere.do(http.MethodGet, "/t/acme/").Body.String(); strings.Contains(body, "Secret") || !strings.Contains(body, wasGiven) {
					t.Errorf("another browser is told %s", body)
				}
			})
		})
	}
}

// Somebody who was taken out of a team and came back is told, and its page leads to the notice.
func TestATeamThatIsGivenBackIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTenants(t)
		own := partnershipFor("bob", bobMail)
		own.UID = "11111111-2222-3333-4444-555555555555"
		if err := w.cluster.Create(t.Context(), own); err != nil {
			t.Fatal(err)
		}
		here := w.browser(w.replica())
		w.signsIn(here, person{bobMail, string(own.UID), func(w *tenants) v1alpha1.PartnershipSignIn {
			p := &v1alpha1.Partnership{}
			if err := w.cluster.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: "bob"}, p); err != nil {
				t.Fatal(err)
			}
			return p.Status.SignIn
		}, nil})
		a := w.agency()
		time.Sleep(time.Minute)
		signin.EndAll(&team.Member(a, bobMail).Access, time.Now())
		if err := w.cluster.Status().Update(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if body := here.do(http.MethodGet, "/t/acme/").Body.String(); !strings.Contains(body, wasGiven) {
			t.Errorf("the page says %s", body)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			path := "/t/acme/teams/agency"
			if method == http.MethodPost {
				path += "/leave"
			}
			if got := here.do(method, path); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/t/acme/" {
				t.Errorf("%s is answered %d to %q", method, got.Code, got.Header().Get("Location"))
			}
		}
	})
}

// That somebody is there is noted when they sign in, and a day later with the first thing that they do.
func TestLastActive(t *testing.T) {
	for name, who := range people {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTenants(t)
				seen := func() time.Time {
					access := &w.grace().Status.Access
					if who.email == bobMail {
						access = &team.Member(w.agency(), bobMail).Access
					}
					if access.LastActiveTime == nil {
						return time.Time{}
					}
					return access.LastActiveTime.Time
				}
				here := w.browser(w.replica())
				w.signsIn(here, who)
				began := seen()
				if time.Since(began) > time.Minute {
					t.Fatalf("signing in notes %s", began)
				}
				del := "/t/acme/links/blog/delete"
				for _, step := range []struct {
					after        time.Duration
					method, path string
					moves        bool
				}{{time.Hour, http.MethodPost, del, false}, {25 * time.Hour, http.MethodGet, "/t/acme/", false}, {0, http.MethodPost, del, true}, {time.Hour, http.MethodPost, del, false}} {
					time.Sleep(step.after)
					partnership := "grace"
					if who.email == bobMail {
						partnership = "agency"
					}
					l := &v1alpha1.PartnerLink{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "blog"}, Spec: v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: partnership}}}
					if who.email == bobMail {
						l.Spec.Member = &v1alpha1.LinkMember{Email: bobMail}
					}
					if err := client.IgnoreAlreadyExists(w.cluster.Create(t.Context(), l)); err != nil {
						t.Fatal(err)
					}
					before := seen()
					if got := here.do(step.method, step.path); got.Code >= 400 {
						t.Fatalf("%s %s is answered %d", step.method, step.path, got.Code)
					}
					if moved := !seen().Equal(before); moved != step.moves {
						t.Errorf("%s %s after %s moves it: %v", step.method, step.path, step.after, moved)
					}
				}
			})
		})
	}
}
