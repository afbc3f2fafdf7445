package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/keyring/mint"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/token"
)

// site is a portal in which Ada is a partner of referral, with the link ada-summer, and Bob one of referral with the link
// bobs, and Ada is signed in.
type site struct {
	*Server
	t       *testing.T
	cluster client.Client
	cookie  *http.Cookie
	// writes counts what was written.
	writes int
}

func partnershipFor(name, email string) *v1alpha1.Partnership {
	return &v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID("uid-" + name)},
		Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, GroupRef: &v1alpha1.GroupReference{Name: "gold"},
			Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress(email)},
		},
	}
}

func linkFor(name, partnership string) *v1alpha1.PartnerLink {
	return &v1alpha1.PartnerLink{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name},
		Spec:       v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: partnership}},
	}
}

// newSite makes the site after the objects were changed.
func newSite(t *testing.T, change func(*v1alpha1.Program, *v1alpha1.PartnerGroup, *v1alpha1.Partnership), more ...client.Object) *site {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	program := &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "referral"}, Spec: v1alpha1.ProgramSpec{
		DisplayName: "Acme Referral", Description: "Tell your friends.", Links: v1alpha1.ProgramLinks{Destination: "https://acme.example/"},
	}}
	group := &v1alpha1.PartnerGroup{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "gold"}, Spec: v1alpha1.PartnerGroupSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, DisplayName: "Gold",
	}}
	ada := partnershipFor("ada", nobodyElse)
	if change != nil {
		change(program, group, ada)
	}
	st := &site{t: t}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(ada).
		WithIndex(&v1alpha1.PartnerLink{}, "spec.partnershipRef.name", func(o client.Object) []string {
			return []string{o.(*v1alpha1.PartnerLink).Spec.PartnershipRef.Name}
		}).
		WithObjects(program, group, ada, partnershipFor("bob", "bob@example.com"), linkFor("ada-summer", "ada"), linkFor("bobs", "bob")).
		WithObjects(more...)
	if err := lookup.AddIndexes(t.Context(), indexes{builder}); err != nil {
		t.Fatal(err)
	}
	c := newClock()
	st.cluster = builder.WithInterceptorFuncs(st.counting()).Build()
	keys, err := mint.Load(t.Context(), st.cluster, "operator", c.now)
	if err != nil {
		t.Fatal(err)
	}
	base, err := link.ParseBase("https://partners.example.com")
	if err != nil {
		t.Fatal(err)
	}
	book := &brandbook.Book{Cache: st.cluster, Live: st.cluster, Default: brand.Default(&mail.Address{Address: "partners@acme.example"})}
	st.Server = New(Options{Client: st.cluster, Live: st.cluster, Keys: keys, Accept: &accept.Step{Client: st.cluster, Live: st.cluster, Events: events.NewFakeRecorder(64), Now: c.time}, Base: base, Book: book, Now: c.time})
	st.cookie = given(t, func(w http.ResponseWriter) {
		st.setCookie(w, token.PurposeSession, "acme", nobodyElse, signin.DefaultSessionLifetime)
	})
	st.writes = 0
	return st
}

func (st *site) counting() interceptor.Funcs {
	return interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			st.writes++
			return c.Create(ctx, o, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			st.writes++
			return c.Delete(ctx, o, opts...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, name string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			st.writes++
			return c.SubResource(name).Update(ctx, o, opts...)
		},
	}
}

// ask makes a request as Ada, or as nobody.
func (st *site) ask(method, path string, signedIn bool, pairs ...string) *httptest.ResponseRecorder {
	st.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if signedIn {
		r.AddCookie(&http.Cookie{Name: st.cookie.Name, Value: st.cookie.Value})
	}
	w := httptest.NewRecorder()
	st.Handler().ServeHTTP(w, r)
	return w
}

func (st *site) post(path string, pairs ...string) *httptest.ResponseRecorder {
	st.t.Helper()
	return st.ask(http.MethodPost, path, true, pairs...)
}

func (st *site) link(name string) *v1alpha1.PartnerLink {
	st.t.Helper()
	found, err := lookup.Link(st.t.Context(), st.cluster, "acme", name)
	if err != nil {
		st.t.Fatal(err)
	}
	return found
}

func TestCreateLink(t *testing.T) {
	twenty := make([]client.Object, 0, 19)
	for i := range 19 {
		twenty = append(twenty, linkFor(fmt.Sprintf("ada-%d", i), "ada"))
	}
	none := int32(0)
	for name, test := range map[string]struct {
		change func(*v1alpha1.Program, *v1alpha1.PartnerGroup, *v1alpha1.Partnership)
		more   []client.Object
		fields []string
		code   int
		says   string
	}{
		"a name":                     {nil, nil, []string{"partnership", "ada", "name", "ada-new"}, 303, ""},
		"a name as people type":      {nil, nil, []string{"partnership", "ada", "name", " Ada-New "}, 303, ""},
		"a destination":              {nil, nil, []string{"partnership", "ada", "name", "ada-new", "destination", "https://shop.acme.example/x"}, 303, ""},
		"no name":                    {nil, nil, []string{"partnership", "ada"}, 422, "The name is missing"},
		"a name that is none":        {nil, nil, []string{"partnership", "ada", "name", "a/b"}, 422, "letters from a to z"},
		"a name that is taken":       {nil, nil, []string{"partnership", "ada", "name", "bobs"}, 409, "The name is taken"},
		"one's own name again":       {nil, nil, []string{"partnership", "ada", "name", "ada-summer"}, 409, "The name is taken"},
		"a foreign destination":      {nil, nil, []string{"partnership", "ada", "name", "ada-new", "destination", "https://evil.example/"}, 422, "must be on acme.example"},
		"a script":                   {nil, nil, []string{"partnership", "ada", "name", "ada-new", "destination", "javascript:alert(1)"}, 422, "must begin with https://"},
		"the portal":                 {nil, nil, []string{"partnership", "ada", "name", "ada-new", "destination", "https://partners.example.com/"}, 422, "this portal"},
		"the partnership of another": {nil, nil, []string{"partnership", "bob", "name", "ada-new"}, 404, ""},
		"no partnership":             {nil, nil, []string{"name", "ada-new"}, 404, ""},
		"a partnership that is not":  {nil, nil, []string{"partnership", "eve", "name", "ada-new"}, 404, ""},
		"the last that is left":      {nil, twenty[:18], []string{"partnership", "ada", "name", "ada-new"}, 303, ""},
		"one too many":               {nil, twenty, []string{"partnership", "ada", "name", "ada-new"}, 403, "that is 20"},
		"in a group that makes none": {func(_ *v1alpha1.Program, g *v1alpha1.PartnerGroup, _ *v1alpha1.Partnership) {
			g.Spec.Links.Creation = v1alpha1.LinkCreationDisabled
		}, nil, []string{"partnership", "ada", "name", "ada-new"}, 403, "cannot make links yourself"},
		"in a program that makes none": {func(p *v1alpha1.Program, _ *v1alpha1.PartnerGroup, _ *v1alpha1.Partnership) {
			p.Spec.Links.MaxPerMember = &none
		}, nil, []string{"partnership", "ada", "name", "ada-new"}, 403, "cannot make links yourself"},
		"in a program that leads nowhere": {func(p *v1alpha1.Program, _ *v1alpha1.PartnerGroup, _ *v1alpha1.Partnership) {
			p.Spec.Links.Destination = ""
		}, nil, []string{"partnership", "ada", "name", "ada-new"}, 403, "cannot make links yourself"},
		"without the destination that it needs": {onlyHosts, nil, []string{"partnership", "ada", "name", "ada-new"}, 422, "The destination is missing"},
		"with the destination that it needs":    {onlyHosts, nil, []string{"partnership", "ada", "name", "ada-new", "destination", "https://good.example/"}, 303, ""},
		"before the terms were accepted":        {withTerms, nil, []string{"partnership", "ada", "name", "ada-new"}, 403, "accept the terms first"},
	} {
		t.Run(name, func(t *testing.T) {
			st := newSite(t, test.change, test.more...)
			got := st.post("/t/acme/links", test.fields...)
			if got.Code != test.code || !strings.Contains(got.Body.String(), test.says) {
				t.Fatalf("%d, want %d and %q:\n%s", got.Code, test.code, test.says, got.Body)
			}
			made := st.link("ada-new")
			if (made != nil) != (test.code == http.StatusSeeOther) {
				t.Fatalf("the link is %+v", made)
			}
			if made != nil && (made.Spec.PartnershipRef.Name != "ada" || made.Spec.Member != nil || len(made.OwnerReferences) > 0) {
				t.Errorf("the link is %+v", made)
			}
		})
	}
}

// onlyHosts says where links can lead, but not where they do.
func onlyHosts(p *v1alpha1.Program, _ *v1alpha1.PartnerGroup, _ *v1alpha1.Partnership) {
	p.Spec.Links = v1alpha1.ProgramLinks{AllowedHosts: []v1alpha1.HostName{"good.example"}}
}

func withTerms(p *v1alpha1.Program, _ *v1alpha1.PartnerGroup, _ *v1alpha1.Partnership) {
	p.Spec.Terms = &v1alpha1.ProgramTerms{URL: "https://acme.example/terms", Version: "2026-01"}
}

func TestLinksNeedASession(t *testing.T) {
	st := newSite(t, nil)
	for _, path := range []string{"/t/acme/links", "/t/acme/links/ada-summer/delete", "/t/acme/terms"} {
		got := st.ask(http.MethodPost, path, false, "partnership", "ada", "name", "x", "version", "2026-01")
		if got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/t/acme/login" {
			t.Errorf("%s: %d to %s", path, got.Code, got.Header().Get("Location"))
		}
		if got := st.ask(http.MethodGet, path, true); got.Code != http.StatusMethodNotAllowed {
			t.Errorf("GET %s: %d", path, got.Code)
		}
	}
	if st.writes != 0 {
		t.Errorf("%d writes", st.writes)
	}
}

func TestDeleteLink(t *testing.T) {
	for name, test := range map[string]struct {
		link   string
		change func(*v1alpha1.Program, *v1alpha1.PartnerGroup, *v1alpha1.Partnership)
		code   int
	}{
		"one's own":                      {"ada-summer", nil, 303},
		"of another":                     {"bobs", nil, 404},
		"of nobody":                      {"nobodys", nil, 404},
		"that is not":                    {"unknown", nil, 404},
		"before the terms were accepted": {"ada-summer", withTerms, 403},
		"of one who is revoked": {"ada-summer", func(_ *v1alpha1.Program, _ *v1alpha1.PartnerGroup, p *v1alpha1.Partnership) {
			p.Spec.Revocation = &v1alpha1.Revocation{}
		}, 303}, // to the page where one signs in
	} {
		t.Run(name, func(t *testing.T) {
			st := newSite(t, test.change, linkFor("nobodys", "nobody"))
			got := st.post("/t/acme/links/" + test.link + "/delete")
			if got.Code != test.code {
				t.Fatalf("%d, want %d", got.Code, test.code)
			}
			deleted := test.code == 303 && strings.HasPrefix(got.Header().Get("Location"), "/t/acme/?")
			if there := st.link("ada-summer") != nil; there == deleted {
				t.Errorf("the link is there: %v", there)
			}
			if st.link("bobs") == nil || st.link("nobodys") == nil {
				t.Error("a link of somebody else is gone")
			}
		})
	}
}

// Of the links of a partner that is a team, a person sees their own and those of the team. Their own alone count, and it
// takes another right to delete one of the team.
func TestLinksInATeam(t *testing.T) {
	const own, teams, others = "ada-own", "ada-summer", "eve-own"
	linkOf := func(name, email string) *v1alpha1.PartnerLink {
		l := linkFor(name, "ada")
		l.Spec.Member = &v1alpha1.LinkMember{Email: v1alpha1.EmailAddress(email)}
		return l
	}
	type rights struct {
		see, mayDelete bool
		code           int
	}
	for role, want := range map[v1alpha1.TeamRole]map[string]rights{
		v1alpha1.RoleOwner:   {own: {true, true, 303}, teams: {true, true, 303}, others: {false, false, 404}},
		v1alpha1.RoleAdmin:   {own: {true, true, 303}, teams: {true, true, 303}, others: {false, false, 404}},
		v1alpha1.RoleMember:  {own: {true, true, 303}, teams: {true, false, 403}, others: {false, false, 404}},
		v1alpha1.RoleFinance: {own: {true, false, 403}, teams: {true, false, 403}, others: {false, false, 404}},
	} {
		t.Run(string(role), func(t *testing.T) {
			agency := &v1alpha1.PartnerTeam{
				ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "agency", UID: "uid-agency"},
				Spec:       v1alpha1.PartnerTeamSpec{DisplayName: "Agency GmbH", Owner: v1alpha1.TeamOwner{Email: "olga@agency.example"}},
			}
			agency.Status.Members = []v1alpha1.TeamMember{{Email: nobodyElse, Role: role, State: v1alpha1.MemberActive}, {Email: "eve@agency.example", Role: v1alpha1.RoleMember, State: v1alpha1.MemberActive}}
			if role == v1alpha1.RoleOwner {
				agency.Spec.Owner.Email = nobodyElse
			}
			most := int32(2)
			st := newSite(t, func(program *v1alpha1.Program, _ *v1alpha1.PartnerGroup, p *v1alpha1.Partnership) {
				program.Spec.Links.MaxPerMember = &most
				p.Spec.Contact, p.Spec.TeamRef = nil, &v1alpha1.TeamReference{Name: "agency"}
			}, agency, linkOf(own, nobodyElse), linkOf(others, "eve@agency.example"), linkFor("ada-winter", "ada"))

			page := st.ask(http.MethodGet, "/t/acme/", true).Body.String()
			for name, can := range want {
				if see := strings.Contains(page, "/r/acme/"+name+"<"); see != can.see {
					t.Errorf("%s is seen: %v", name, see)
				}
				if button := strings.Contains(page, "/links/"+name+"/delete"); button != can.mayDelete {
					t.Errorf("%s can be deleted: %v", name, button)
				}
			}
			if !strings.Contains(page, "Links of your team") {
				t.Error("the links of the team are not told apart")
			}
			made := []int{st.post("/t/acme/links", "partnership", "ada", "name", "one-more").Code, st.post("/t/acme/links", "partnership", "ada", "name", "too-many").Code}
			if role != v1alpha1.RoleFinance && (made[0] != http.StatusSeeOther || made[1] != http.StatusForbidden) {
				t.Errorf("with one of two links made, two more answer %v", made)
			}
			for name, can := range want {
				if got := st.post("/t/acme/links/" + name + "/delete").Code; got != can.code {
					t.Errorf("deleting %s answers %d, want %d", name, got, can.code)
				}
				if gone := st.link(name) == nil; gone != (can.code == http.StatusSeeOther) {
					t.Errorf("%s is gone: %v", name, gone)
				}
			}
		})
	}
}

// A program that has nothing to do with links does not speak of them.
func TestDashboardWithoutLinks(t *testing.T) {
	st := newSite(t, func(p *v1alpha1.Program, _ *v1alpha1.PartnerGroup, _ *v1alpha1.Partnership) {
		p.Spec.Links.Destination = ""
	})
	if err := st.cluster.Delete(t.Context(), linkFor("ada-summer", "ada")); err != nil {
		t.Fatal(err)
	}
	page := st.ask(http.MethodGet, "/t/acme/", true).Body.String()
	if !strings.Contains(page, "Acme Referral") || strings.Contains(page, "link</summary>") || strings.Contains(page, "no links yet") || strings.Contains(page, "Make a link") {
		t.Errorf("the page is:\n%s", page)
	}
}

func TestTermsGate(t *testing.T) {
	st := newSite(t, withTerms)
	page := st.ask(http.MethodGet, "/t/acme/", true).Body.String()
	for _, hidden := range []string{"ada-summer", "Gold", "Tell your friends", "Make a link"} {
		if strings.Contains(page, hidden) {
			t.Errorf("before the terms are accepted the page shows %q", hidden)
		}
	}
	for _, shown := range []string{"Acme Referral", "https://acme.example/terms", "2026-01"} {
		if !strings.Contains(page, shown) {
			t.Errorf("the page does not show %q", shown)
		}
	}
	for name, fields := range map[string][]string{
		"of another version":   {"partnership", "ada", "version", "2025-01"},
		"without a version":    {"partnership", "ada"},
		"of somebody else":     {"partnership", "bob", "version", "2026-01"},
		"without saying whose": {"version", "2026-01"},
	} {
		want := map[bool]int{true: http.StatusConflict, false: http.StatusNotFound}[fields[1] == "ada"]
		if got := st.post("/t/acme/terms", fields...); got.Code != want {
			t.Errorf("%s: %d, want %d", name, got.Code, want)
		}
	}
	if st.writes != 0 {
		t.Fatalf("%d writes", st.writes)
	}
	for range 2 {
		if got := st.post("/t/acme/terms", "partnership", "ada", "version", "2026-01"); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/t/acme/" {
			t.Fatalf("%d to %s", got.Code, got.Header().Get("Location"))
		}
	}
	if st.writes != 1 {
		t.Errorf("accepting twice is %d writes", st.writes)
	}
	page = st.ask(http.MethodGet, "/t/acme/", true).Body.String()
	for _, shown := range []string{"https://partners.example.com/r/acme/ada-summer", "Gold", "Tell your friends", "Make a link"} {
		if !strings.Contains(page, shown) {
			t.Errorf("after the terms were accepted the page does not show %q", shown)
		}
	}
	if strings.Contains(page, "bobs") {
		t.Error("the page shows a link of somebody else")
	}
}

func TestFollow(t *testing.T) {
	revoked := func(links v1alpha1.LinkEffect) func(*v1alpha1.Program, *v1alpha1.PartnerGroup, *v1alpha1.Partnership) {
		return func(_ *v1alpha1.Program, _ *v1alpha1.PartnerGroup, p *v1alpha1.Partnership) {
			p.Spec.Revocation = &v1alpha1.Revocation{Links: links}
		}
	}
	for name, test := range map[string]struct {
		path   string
		change func(*v1alpha1.Program, *v1alpha1.PartnerGroup, *v1alpha1.Partnership)
		want   string // empty: not found
	}{
		"active":              {"/r/acme/ada-summer", nil, "https://acme.example/?ref=ada-summer"},
		"with a query":        {"/r/acme/ada-summer?ref=eve&to=https://evil.example", nil, "https://acme.example/?ref=ada-summer"},
		"revoked, redirect":   {"/r/acme/ada-summer", revoked(v1alpha1.LinkRedirect), "https://acme.example/"},
		"revoked, keep":       {"/r/acme/ada-summer", revoked(v1alpha1.LinkKeep), "https://acme.example/?ref=ada-summer"},
		"revoked, deactivate": {"/r/acme/ada-summer", revoked(v1alpha1.LinkDeactivate), ""},
		"suspended": {"/r/acme/ada-summer", func(p *v1alpha1.Program, _ *v1alpha1.PartnerGroup, _ *v1alpha1.Partnership) {
			p.Spec.Suspend = true
		}, "https://acme.example/"},
		"terms that are not accepted yet": {"/r/acme/ada-summer", withTerms, "https://acme.example/?ref=ada-summer"},
		"unknown":                         {"/r/acme/unknown", nil, ""},
		"of another tenant":               {"/r/other/ada-summer", nil, ""},
		"of no tenant":                    {"/r/Not%20One/ada-summer", nil, ""},
		"a partner's name":                {"/r/acme/ada", nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			st := newSite(t, test.change)
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				got := st.ask(method, test.path, false)
				h := got.Header()
				code := map[bool]int{true: http.StatusNotFound, false: http.StatusFound}[test.want == ""]
				if got.Code != code || h.Get("Location") != test.want {
					t.Errorf("%s: %d to %q, want %d to %q", method, got.Code, h.Get("Location"), code, test.want)
				}
				if h.Get("Set-Cookie") != "" || h.Get("Cache-Control") != "no-store" || h.Get("Referrer-Policy") == "" {
					t.Errorf("%s: the header is %v", method, h)
				}
			}
			if st.writes != 0 {
				t.Errorf("%d writes", st.writes)
			}
			if got := st.ask(http.MethodPost, test.path, false); got.Code != http.StatusMethodNotAllowed {
				t.Errorf("POST: %d", got.Code)
			}
		})
	}
	st := newSite(t, revoked(v1alpha1.LinkDeactivate))
	if dead, unknown := st.ask(http.MethodGet, "/r/acme/ada-summer", false), st.ask(http.MethodGet, "/r/acme/unknown", false); dead.Body.String() != unknown.Body.String() {
		t.Error("a deactivated link is told from an unknown one")
	}
}

// Of two partnerships of one partner only the older one earns.
func TestFollowInConflict(t *testing.T) {
	for name, state := range map[string]v1alpha1.PartnershipState{"before it is looked at": "", "after": v1alpha1.PartnershipConflict} {
		t.Run(name, func(t *testing.T) {
			younger := partnershipFor("twin", nobodyElse)
			younger.CreationTimestamp = metav1.NewTime(newClock().now)
			younger.Status.State = state
			st := newSite(t, nil, younger, linkFor("twins", "twin"))
			if got := st.ask(http.MethodGet, "/r/acme/twins", false).Header().Get("Location"); got != "https://acme.example/" {
				t.Errorf("it leads to %q", got)
			}
		})
	}
}

func TestDashboardTellsOfAMove(t *testing.T) {
	moved := func(after func(*clock) metav1.Time) string {
		st := newSite(t, func(_ *v1alpha1.Program, _ *v1alpha1.PartnerGroup, p *v1alpha1.Partnership) {
			p.Status.LastMove = &v1alpha1.GroupMove{To: "gold", Time: after(newClock())}
		})
		return st.ask(http.MethodGet, "/t/acme/", true).Body.String()
	}
	if page := moved(func(c *clock) metav1.Time { return metav1.NewTime(c.now.Add(-newsTime / 2)) }); !strings.Contains(page, "You are in Gold since") {
		t.Error("a move is not told")
	}
	if page := moved(func(c *clock) metav1.Time { return metav1.NewTime(c.now.Add(-2 * newsTime)) }); strings.Contains(page, "You are in Gold since") {
		t.Error("a move of long ago is told")
	}
}

func TestInWords(t *testing.T) {
	for want, names := range map[string][]string{
		"":                         nil,
		"a.example":                {"a.example"},
		"a.example or b.example":   {"a.example", "b.example"},
		"a, b or c":                {"a", "b", "c"},
		"a, b, c, d, e and others": {"a", "b", "c", "d", "e", "f", "g"},
		"a, b, c, d or e":          {"a", "b", "c", "d", "e"},
	} {
		if got := inWords(names); got != want {
			t.Errorf("inWords(%q) = %q", names, got)
		}
	}
}
