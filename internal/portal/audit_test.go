package portal

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/audit"
)

// auditing lets the trail of a portal be read.
func auditing(o *open) (lines *[]string) {
	lines = &[]string{}
	o.LogClients = true
	o.trail = audit.New(funcr.NewJSON(func(line string) { *lines = append(*lines, line) }, funcr.Options{}), o.Now)
	return lines
}

// told is a line without what is the same in all.
func told(t *testing.T, line string) string {
	t.Helper()
	var said map[string]any
	if err := json.Unmarshal([]byte(line), &said); err != nil {
		t.Fatal(err)
	}
	if said["msg"] != "Portal request" || said["logger"] != "audit" || said["client"] != "192.0.2.1" {
		t.Errorf("the line is %s", line)
	}
	var words []string
	for _, key := range []string{"action", "outcome", "reason", "namespace", "kind", "name"} {
		if word, ok := said[key].(string); ok {
			words = append(words, word)
		} else {
			words = append(words, "-")
		}
	}
	return strings.Join(words, " ")
}

// Every form that is posted, and every page that a token leads to, is audited, and nothing else.
func TestEveryActionIsAudited(t *testing.T) {
	var routes patterns
	(&Server{}).addRoutes(&routes)
	want := map[string]bool{}
	for _, route := range routes {
		if strings.HasPrefix(route, "POST ") || strings.Contains(route, "{token}") {
			want[route] = true
		}
	}
	got := map[string]bool{}
	for route, action := range actions {
		got[route] = action != ""
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected (-routes +actions):\n%s", diff)
	}
}

// Each route is asked as somebody would who has no session and a token that was made up, in a tenant and elsewhere. There is
// one line for each request, with an outcome, and nothing in it of what was asked for.
func TestEveryRouteLeavesOneLine(t *testing.T) {
	const secret = "AQ-made-up-by-a-stranger"
	for route := range actions {
		for _, ns := range []string{"acme", "nobody-of-the-name", "No_Namespace"} {
			t.Run(route+" in "+ns, func(t *testing.T) {
				o := joinable(t, nil)
				lines := auditing(o)
				method, pattern, _ := strings.Cut(route, " ")
				path := strings.NewReplacer("{ns}", ns, "{token}", secret, "{group}", "gold", "{team}", "agency", "{link}", "shared").Replace(pattern)
				code := o.raw(method, path, url.Values{"email": {"mallory@elsewhere.example"}, "partnership": {secret}}).Code
				if len(*lines) != 1 {
					t.Fatalf("answered %d, it leaves %d lines: %q", code, len(*lines), *lines)
				}
				line := (*lines)[0]
				for _, private := range []string{secret, "mallory", "elsewhere", path} {
					if strings.Contains(line, private) {
						t.Errorf("it tells %q: %s", private, line)
					}
				}
				words := strings.Fields(told(t, line))
				want := []string{actions[route], "unknown", audit.BadToken, "acme"}
				switch {
				case ns != "acme":
					want[2], want[3] = audit.UnknownTenant, "-"
				case strings.Contains(route, "{token}"):
				case strings.HasSuffix(route, "/login"):
					want[1], want[2] = audit.Done, "-"
				case strings.HasSuffix(route, "/signout"):
					want[1], want[2] = audit.Done, audit.NoSession
				default:
					want[1], want[2] = audit.Refused, audit.NoSession
				}
				if diff := cmp.Diff(want, words[:4]); diff != "" || !strings.Contains(line, route) {
					t.Errorf("answered %d, unexpected (-want +got):\n%s%s", code, diff, line)
				}
			})
		}
	}
}

func TestWhatPeopleDoIsAudited(t *testing.T) {
	const partner = " acme PartnerInvite ada"
	invited := func(t *testing.T) *open { return opened(t, v1alpha1.FormSkip) }
	asking := func(t *testing.T) *open { return joinable(t, nil) }
	applying := func(t *testing.T) *open { return joinable(t, nil).applying() }
	for name, test := range map[string]struct {
		open  func(*testing.T) *open
		steps func(*open)
		want  []string
	}{
		"a page that is shown": {invited, func(o *open) { o.get() }, nil},
		"accepted, and used again": {invited, func(o *open) {
			o.post("accept", "email", nobodyElse)
			o.post("accept", "email", nobodyElse)
		}, []string{"AcceptInvite done -" + partner, "AcceptInvite unknown DeadLink" + partner}},
		"with a wrong address": {invited, func(o *open) {
			o.post("accept", "email", "eve@example.com")
			o.post("accept", "email", "")
		}, []string{"AcceptInvite wrong_input WrongAddress" + partner, "AcceptInvite wrong_input -" + partner}},
		"declined": {invited, func(o *open) { o.post("decline") }, []string{"DeclineInvite done -" + partner}},
		"refused, because the program is suspended": {invited, func(o *open) {
			p := &v1alpha1.Program{}
			o.must(o.Client.Get(o.t.Context(), client.ObjectKey{Namespace: "acme", Name: "referral"}, p))
			p.Spec.Suspend = true
			o.must(o.Client.Update(o.t.Context(), p))
			o.post("accept", "email", nobodyElse)
		}, []string{"AcceptInvite refused NotAllowed" + partner}},
		"from another site": {invited, func(o *open) {
			r := httptest.NewRequest(http.MethodPost, o.path+"/accept", strings.NewReader("email="+nobodyElse))
			r.Header.Set("Sec-Fetch-Site", "cross-site")
			o.do(r)
		}, []string{"AcceptInvite refused CrossOrigin - - -"}},
		"a form that is too large": {invited, func(o *open) { o.postBody("decline", "email="+strings.Repeat("x", maxBody)) }, []string{
			"DeclineInvite wrong_input UnreadableForm" + partner,
		}},
		"after many links that were made up": {invited, func(o *open) {
			for range failuresPerMinute {
				o.failures.allow("192.0.2.1")
			}
			o.do(httptest.NewRequest(http.MethodGet, "/t/acme/invite/AQ", nil))
		}, []string{"OpenInvite limited TooManyBadTokens acme - -"}},
		"asking to sign in too often": {invited, func(o *open) {
			o.clients = newLimiter(1, o.Now)
			for range 2 {
				o.raw(http.MethodPost, "/t/acme/login", url.Values{"email": {nobodyElse}})
			}
		}, []string{"AskToSignIn done - acme - -", "AskToSignIn limited TooManyRequests acme - -"}},
		"asking to apply": {asking, func(o *open) {
			o.raw(http.MethodPost, o.path, url.Values{"email": {nobodyElse}})
			o.raw(http.MethodPost, o.path, url.Values{"email": {"ada"}})
		}, []string{"AskToApply done - acme PartnerGroup gold", "AskToApply wrong_input - acme PartnerGroup gold"}},
		"applied, and again": {applying, func(o *open) {
			o.raw(http.MethodPost, o.path, nil)
			o.raw(http.MethodPost, o.path, nil)
		}, []string{"Apply done - acme PartnerGroup gold", "Apply unknown DeadLink acme PartnerGroup gold"}},
		"applying as somebody whose access has ended": {applying, func(o *open) {
			o.knows(revokedOne)
			o.raw(http.MethodGet, o.path, nil)
		}, []string{"OpenApplication refused Refused acme PartnerGroup gold"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := test.open(t)
			lines := auditing(o)
			test.steps(o)
			var got []string
			for _, line := range *lines {
				got = append(got, told(t, line))
				if strings.Contains(line, "@") || strings.Contains(line, o.path) {
					t.Errorf("it tells too much: %s", line)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
}

func TestClientsCanBeLeftOut(t *testing.T) {
	o := opened(t, v1alpha1.FormSkip)
	lines := auditing(o)
	o.LogClients = false
	o.post("decline")
	if len(*lines) != 1 || strings.Contains((*lines)[0], "192.0.2") || strings.Contains((*lines)[0], "client") {
		t.Errorf("the lines are %q", *lines)
	}
}
