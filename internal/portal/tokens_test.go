package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/join"
	"github.com/partner-operator/partner-operator/internal/token"
)

const (
	teamUID        = "5a0c5b9e-1f6d-4d5a-8c43-6f1f1f2b9d01"
	partnershipUID = "5a0c5b9e-1f6d-4d5a-8c43-6f1f1f2b9d02"
	ownerOfTeam    = "olga@example.com"
)

// withEveryLink is a portal in which a link of each kind is open. It returns the tokens by the part of the path before
// them.
func withEveryLink(t *testing.T) (*open, map[string]string) {
	t.Helper()
	o := opened(t, v1alpha1.FormSkip)
	invitation := strings.TrimPrefix(o.path, "/t/acme/invite/")
	now := metav1.NewTime(o.Now())

	g := o.gold()
	g.UID, g.Spec.Join.Mode = goldUID, v1alpha1.JoinForm
	o.must(o.Client.Update(t.Context(), g))
	join.Follow(&g.Status, g)
	o.must(o.Client.Status().Update(t.Context(), g))

	o.knows(func(p *v1alpha1.Partnership) {
		p.Name, p.UID, p.Spec.Contact.Email = "grace", partnershipUID, "grace@example.com"
		p.Status.SignIn = v1alpha1.PartnershipSignIn{Serial: 1, RequestedTime: &now}
	})
	crew := &v1alpha1.PartnerTeam{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "crew", UID: teamUID},
		Spec:       v1alpha1.PartnerTeamSpec{DisplayName: "Crew", Owner: v1alpha1.TeamOwner{Email: ownerOfTeam}},
	}
	o.must(o.Client.Create(t.Context(), crew))
	crew.Status.LastSerial = 2
	crew.Status.Members = []v1alpha1.TeamMember{
		{Email: ownerOfTeam, Role: v1alpha1.RoleOwner, State: v1alpha1.MemberActive, Source: v1alpha1.MemberFromOwner},
		{
			Email: nobodyElse, Role: v1alpha1.RoleMember, State: v1alpha1.MemberInvited, Source: v1alpha1.MemberFromTeam,
			Serial: 1, SentTime: &now, ExpiryTime: &metav1.Time{Time: o.Now().Add(time.Hour)},
		},
		{Email: "max@example.com", Role: v1alpha1.RoleMember, State: v1alpha1.MemberAwaitingApproval, Source: v1alpha1.MemberFromCompany, Serial: 2},
	}
	o.must(o.Client.Status().Update(t.Context(), crew))

	sign := func(purpose token.Purpose, uid string, serial int64, address string) string {
		t.Helper()
		text, err := o.Keys.Current().Sign(purpose, "", token.Subject{Namespace: "acme", UID: uid, Serial: serial, Address: address})
		o.must(err)
		return text
	}
	return o, map[string]string{
		"invite/":    invitation,
		"join/gold/": sign(token.PurposeJoin, goldUID, 1, ""),
		"apply/":     strings.TrimPrefix(o.applying().path, "/t/acme/apply/"),
		"signin/":    sign(token.PurposeSignIn, partnershipUID, 1, "grace@example.com"),
		"member/":    sign(token.PurposeTeamMember, teamUID, 1, nobodyElse),
		"approval/":  sign(token.PurposeTeamApproval, teamUID, 2, ownerOfTeam),
	}
}

// routesWithTokens are the routes that open a token: method, the path before the token, and the path after it.
func routesWithTokens() (routes [][3]string) {
	var all patterns
	(&Server{}).addRoutes(&all)
	for _, pattern := range all {
		method, path, _ := strings.Cut(pattern, " ")
		before, after, opens := strings.Cut(strings.NewReplacer("{ns}", "acme", "{group}", "gold").Replace(path), "{token}")
		if opens {
			routes = append(routes, [3]string{method, strings.TrimPrefix(before, "/t/acme/"), after})
		}
	}
	return routes
}

// A genuine link is served whatever others behind the same address tried, and bad ones go on being refused.
func TestGenuineTokensPassWhateverOthersTry(t *testing.T) {
	routes := routesWithTokens()
	if len(routes) < 14 {
		t.Fatalf("there are only %v", routes)
	}
	for _, route := range routes {
		method, before, after := route[0], route[1], route[2]
		t.Run(method+" "+before+after, func(t *testing.T) {
			alone, good := withEveryLink(t)
			if good[before] == "" {
				t.Fatal("the test knows no token for this route")
			}
			want := alone.raw(method, "/t/acme/"+before+good[before]+after, url.Values{}).Code
			if want >= http.StatusInternalServerError || want == http.StatusTooManyRequests {
				t.Fatalf("the link alone is answered %d", want)
			}

			o, good := withEveryLink(t)
			for i := range failuresPerMinute {
				if got := o.raw(method, "/t/acme/"+before+"guess"+after, url.Values{}).Code; got != http.StatusNotFound {
					t.Fatalf("guess %d is answered %d", i+1, got)
				}
			}
			refused := func() {
				t.Helper()
				got := o.raw(method, "/t/acme/"+before+"guess"+after, url.Values{})
				if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") == "" {
					t.Errorf("one guess more is answered %d, %v", got.Code, got.Header())
				}
			}
			refused()
			if got := o.raw(method, "/t/acme/"+before+good[before]+after, url.Values{}).Code; got != want {
				t.Errorf("the genuine link is answered %d, and %d without the guesses of others", got, want)
			}
			refused()
		})
	}
}

// A link that was genuine once is no guess: whoever holds a used one is told so, and keeps nobody else out.
func TestUsedLinksAreNoGuesses(t *testing.T) {
	o := opened(t, v1alpha1.FormSkip)
	if code := o.post("decline").code; code != http.StatusSeeOther {
		t.Fatalf("declining is answered %d", code)
	}
	for range failuresPerMinute + 1 {
		if code := o.get().code; code != http.StatusNotFound {
			t.Fatalf("the used link is answered %d", code)
		}
	}
	if code := o.raw(http.MethodGet, "/t/acme/invite/guess", nil).Code; code != http.StatusNotFound {
		t.Errorf("the first guess is answered %d", code)
	}
}

// The failures of one client are not those of another.
func TestGuessesAreCountedByClient(t *testing.T) {
	o := opened(t, v1alpha1.FormSkip)
	guess := func(remote string) int {
		r := httptest.NewRequest(http.MethodGet, "/t/acme/invite/guess", nil)
		r.RemoteAddr = remote
		return o.do(r).code
	}
	var codes []int
	for range failuresPerMinute + 1 {
		codes = append(codes, guess("192.0.2.1:1"))
	}
	if !slices.Contains(codes, http.StatusTooManyRequests) {
		t.Errorf("the answers are %v", codes)
	}
	if code := guess("192.0.2.2:1"); code != http.StatusNotFound {
		t.Errorf("the guess of another client is answered %d", code)
	}
}
