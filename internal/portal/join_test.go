package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/join"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/token"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

const goldUID = "8d5f5a2e-7b1c-4c8e-9a44-0a2f5b6c7d8e"

// joinable is a portal in which the group gold has a join link, and Ada no invite.
func joinable(t *testing.T, change func(*v1alpha1.GroupJoin), fields ...v1alpha1.FormField) *open {
	t.Helper()
	o := opened(t, v1alpha1.FormSkip, fields...)
	if err := o.Client.Delete(t.Context(), o.invite()); err != nil {
		t.Fatal(err)
	}
	g := o.gold()
	g.UID, g.Spec.Join.Mode = goldUID, v1alpha1.JoinForm
	if change != nil {
		change(&g.Spec.Join)
	}
	o.must(o.Client.Update(t.Context(), g))
	join.Follow(&g.Status, g)
	o.must(o.Client.Status().Update(t.Context(), g))
	text, err := o.Keys.Current().Sign(token.PurposeJoin, "", token.Subject{Namespace: "acme", UID: goldUID, Serial: 1})
	o.must(err)
	o.path = joinPath("acme", "gold", text)
	return o
}

func (o *open) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *open) gold() *v1alpha1.PartnerGroup {
	o.t.Helper()
	g := &v1alpha1.PartnerGroup{}
	o.must(o.Client.Get(o.t.Context(), client.ObjectKey{Namespace: "acme", Name: "gold"}, g))
	return g
}

// applying is the portal at the page that Ada's verification mail leads to.
func (o *open) applying() *open {
	o.t.Helper()
	text, err := o.Keys.Current().SignVerification("acme", token.Verification{Group: goldUID, Serial: 1, JoinLink: 1, Time: o.Now(), Address: "Ada@Example.com"})
	o.must(err)
	return &open{Server: o.Server, t: o.t, path: "/t/acme/apply/" + text}
}

// nameSalt is the salt of the program referral.
const nameSalt = "mfrggzdfmztwq2lknnwg23tpob"

// adasNames are those that a partnership of Ada can have.
var adasNames = partnership.Names(v1alpha1.PartnershipSpec{
	ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: nobodyElse},
}, nameSalt)

// made is the partnership that Ada's application makes; nil: there is none.
func (o *open) made() *v1alpha1.Partnership {
	o.t.Helper()
	p := &v1alpha1.Partnership{}
	err := o.Client.Get(o.t.Context(), client.ObjectKey{Namespace: "acme", Name: adasNames[0]}, p)
	o.must(client.IgnoreNotFound(err))
	if err != nil {
		return nil
	}
	return p
}

// knows makes a partnership of Ada.
func (o *open) knows(change func(*v1alpha1.Partnership)) {
	o.t.Helper()
	p := &v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: adasNames[0]},
		Spec:       v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: nobodyElse}},
	}
	change(p)
	status := *p.Status.DeepCopy()
	o.must(o.Client.Create(o.t.Context(), p))
	p.Status = status
	o.must(o.Client.Status().Update(o.t.Context(), p))
}

// raw is a whole answer: code, headers and body.
func (o *open) raw(method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	o.Handler().ServeHTTP(w, r)
	return w
}

func active(*v1alpha1.Partnership)       {}
func revokedOne(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} }
func pendingOne(p *v1alpha1.Partnership) { p.Spec.Onboarding = v1alpha1.OnboardingApproval }
func rejectedOne(p *v1alpha1.Partnership) {
	p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
	p.Status.HandledApproval = &v1alpha1.HandledApproval{Serial: 1, Decision: v1alpha1.ApprovalRejected, Time: &metav1.Time{Time: newClock().now.Add(-48 * time.Hour)}}
}

// blind fails the test as soon as something of a person is asked for.
type blind struct {
	client.Client
	t *testing.T
}

func (b blind) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	switch list.(type) {
	case *v1alpha1.PartnershipList, *v1alpha1.PartnerInviteList, *v1alpha1.PartnerTeamList:
		b.t.Errorf("%T is asked for before the answer", list)
	}
	return b.Client.List(ctx, list, options...)
}

func (b blind) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	switch object.(type) {
	case *v1alpha1.Partnership, *v1alpha1.PartnerInvite, *v1alpha1.PartnerTeam:
		b.t.Errorf("%T is asked for before the answer", object)
	}
	return b.Client.Get(ctx, key, object, options...)
}

// The same answer for every address, by the same way: nothing about the person is looked up before it.
func TestEveryAddressGetsTheSameAnswer(t *testing.T) {
	answers := map[string]map[string]*httptest.ResponseRecorder{"login": {}, "join": {}}
	for name, change := range map[string]func(*v1alpha1.Partnership){"unknown": nil, "active": active, "pending": pendingOne, "revoked": revokedOne, "rejected": rejectedOne} {
		o := joinable(t, nil)
		if change != nil {
			o.knows(change)
		}
		o.Client, o.Live = blind{o.Client, t}, blind{o.Client, t}
		answers["login"][name] = o.raw(http.MethodPost, "/t/acme/login", url.Values{"email": {nobodyElse}})
		answers["join"][name] = o.raw(http.MethodPost, o.path, url.Values{"email": {nobodyElse}})
	}
	for page, all := range answers {
		want := all["unknown"]
		if want.Code != http.StatusSeeOther {
			t.Fatalf("%s: the answer is %d", page, want.Code)
		}
		for name, got := range all {
			// The sealed cookie and, in the path, the key of each portal differ always; their length must not.
			for _, w := range []*httptest.ResponseRecorder{want, got} {
				w.Header().Set("Set-Cookie", strings.Repeat("x", len(w.Header().Get("Set-Cookie"))))
				w.Header().Set("Location", strings.Repeat("x", len(w.Header().Get("Location"))))
			}
			if diff := cmp.Diff(want.Header(), got.Header()); diff != "" || got.Code != want.Code || got.Body.String() != want.Body.String() {
				t.Errorf("%s: the answer for an address that is %s differs: %d %s %s", page, name, got.Code, got.Body, diff)
			}
		}
	}
}

func TestJoinAsksForAMail(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*v1alpha1.GroupJoin)
		typed  string
		code   int
		waits  int
	}{
		"an address":                 {nil, "Ada@Example.com", http.StatusSeeOther, 1},
		"with blanks around":         {nil, " ada@example.com ", http.StatusSeeOther, 1},
		"nothing":                    {nil, "", http.StatusUnprocessableEntity, 0},
		"no address":                 {nil, "ada", http.StatusUnprocessableEntity, 0},
		"two addresses":              {nil, "ada@example.com,bob@example.com", http.StatusUnprocessableEntity, 0},
		"a header":                   {nil, "ada@example.com\r\nBcc: bob@example.com", http.StatusUnprocessableEntity, 0},
		"of a domain that may":       {func(j *v1alpha1.GroupJoin) { j.EligibleDomains = []v1alpha1.Domain{"example.com"} }, nobodyElse, http.StatusSeeOther, 1},
		"of a domain that may not":   {func(j *v1alpha1.GroupJoin) { j.EligibleDomains = []v1alpha1.Domain{"example.org"} }, nobodyElse, http.StatusUnprocessableEntity, 0},
		"of a group that is closed":  {func(j *v1alpha1.GroupJoin) { j.Mode = v1alpha1.JoinClosed }, nobodyElse, http.StatusNotFound, 0},
		"of a group that asks a lot": {func(j *v1alpha1.GroupJoin) { j.Approval = v1alpha1.JoinApprovalRequired }, nobodyElse, http.StatusSeeOther, 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := joinable(t, test.change)
			if got := o.raw(http.MethodPost, o.path, url.Values{"email": {test.typed}}); got.Code != test.code {
				t.Errorf("the answer is %d", got.Code)
			}
			waiting := o.gold().Status.Verifications
			if len(waiting) != test.waits {
				t.Fatalf("%d mails are asked for", len(waiting))
			}
			if test.waits == 0 {
				return
			}
			sealed, ok := o.Keys.Current().Unseal(token.PurposeApplicant, join.SealContext(o.gold()), waiting[0].SealedAddress)
			if !ok || string(sealed) != strings.TrimSpace(test.typed) || strings.Contains(waiting[0].SealedAddress, "@") {
				t.Errorf("the address is sealed as %q, %v", sealed, ok)
			}
		})
	}
}

func TestJoinPagesAreSound(t *testing.T) {
	o := joinable(t, func(j *v1alpha1.GroupJoin) { j.EligibleDomains = []v1alpha1.Domain{"example.com", "example.org"} }, everything()...)
	for name, page := range map[string]answer{
		"join":             o.get(),
		"join, wrong":      o.post("", "email", "nonsense"),
		"apply":            o.applying().get(),
		"apply, wrong":     o.applying().post(""),
		"join, asked":      o.do(httptest.NewRequest(http.MethodGet, o.path+"?asked", nil)),
		"login, next":      o.do(httptest.NewRequest(http.MethodGet, "/t/acme/login?next=/t/acme/links", nil)),
		"login, applied":   o.do(httptest.NewRequest(http.MethodGet, "/t/acme/login?applied", nil)),
		"apply, nonsense":  o.do(httptest.NewRequest(http.MethodGet, "/t/acme/apply/nonsense", nil)),
		"join, wrong path": o.do(httptest.NewRequest(http.MethodGet, strings.Replace(o.path, "gold", "silver", 1), nil)),
	} {
		t.Run(name, func(t *testing.T) {
			page.t = t
			page.isSound()
		})
	}
}

// While too many have asked, everybody is answered the same, before it is looked at what they typed.
func TestALimitedJoinLinkAnswersLater(t *testing.T) {
	asked := func(times int, max int32) func(*v1alpha1.PartnerGroup, time.Time) {
		return func(g *v1alpha1.PartnerGroup, now time.Time) {
			g.Spec.Join.MaxPerHour = &max
			for range times {
				join.Request(g, "sealed", now)
			}
		}
	}
	for name, test := range map[string]struct {
		before func(*v1alpha1.PartnerGroup, time.Time)
		after  string
	}{
		"a full queue":   {asked(join.MaxWaiting, 1000), "60"},
		"a spent budget": {asked(3, 3), "3900"},
	} {
		for _, typed := range []string{nobodyElse, "ADA@example.com", "nonsense", ""} {
			t.Run(name+", "+typed, func(t *testing.T) {
				o := joinable(t, nil)
				g := o.gold()
				test.before(g, o.Now())
				status := *g.Status.DeepCopy()
				o.must(o.Client.Update(t.Context(), g))
				g.Status = status
				o.must(o.Client.Status().Update(t.Context(), g))
				got := o.raw(http.MethodPost, o.path, url.Values{"email": {typed}})
				if got.Code != http.StatusTooManyRequests || got.Header().Get("Retry-After") != test.after || !strings.Contains(got.Body.String(), "Too many people") {
					t.Errorf("the answer is %d, %v: %s", got.Code, got.Header(), got.Body)
				}
				if after := o.gold(); after.Status.VerificationSerial != status.VerificationSerial {
					t.Error("a mail is asked for")
				}
			})
		}
	}
}

func TestApply(t *testing.T) {
	website := mustAnswer(ask("website", v1alpha1.FieldURL, "Website"))
	automatic := func(j *v1alpha1.GroupJoin) { j.Approval = v1alpha1.JoinApprovalAutomatic }
	openMode := func(j *v1alpha1.GroupJoin) { j.Mode = v1alpha1.JoinOpen }
	for name, test := range map[string]struct {
		change   func(*v1alpha1.GroupJoin)
		posted   []string
		code     int
		state    v1alpha1.PartnershipState
		answers  map[string]v1alpha1.Answer
		signedIn bool
	}{
		"waits":              {nil, []string{"website", "https://ada.example", "note", "dropped"}, http.StatusSeeOther, v1alpha1.PartnershipPending, map[string]v1alpha1.Answer{"website": "https://ada.example"}, false},
		"at once":            {automatic, []string{"website", "https://ada.example"}, http.StatusSeeOther, v1alpha1.PartnershipActive, map[string]v1alpha1.Answer{"website": "https://ada.example"}, true},
		"without a form":     {openMode, []string{"website", "https://ada.example"}, http.StatusSeeOther, v1alpha1.PartnershipPending, nil, false},
		"nothing filled in":  {nil, nil, http.StatusUnprocessableEntity, "", nil, false},
		"filled in wrong":    {nil, []string{"website", "ada"}, http.StatusUnprocessableEntity, "", nil, false},
		"filled in twice":    {nil, []string{"website", "https://a.example", "website", "https://b.example"}, http.StatusUnprocessableEntity, "", nil, false},
		"with other fields":  {nil, []string{"approval", "Approved", "onboarding", "Automatic"}, http.StatusUnprocessableEntity, "", nil, false},
		"as another address": {nil, []string{"website", "https://ada.example", "email", "eve@example.com"}, http.StatusSeeOther, v1alpha1.PartnershipPending, map[string]v1alpha1.Answer{"website": "https://ada.example"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := joinable(t, test.change, website)
			form := url.Values{}
			for i := 0; i < len(test.posted); i += 2 {
				form.Add(test.posted[i], test.posted[i+1])
			}
			got := o.raw(http.MethodPost, o.applying().path, form)
			if got.Code != test.code {
				t.Fatalf("the answer is %d: %s", got.Code, got.Body)
			}
			if signedIn := strings.Contains(got.Header().Get("Set-Cookie"), "partner-session"); signedIn != test.signedIn {
				t.Errorf("signed in: %v", signedIn)
			}
			p := o.made()
			if (p == nil) != (test.state == "") {
				t.Fatalf("the partnership is %v", p)
			}
			if p == nil {
				return
			}
			if diff := cmp.Diff(test.answers, p.Spec.Application.Fields); diff != "" || partnership.State(p, nil, o.Now()) != test.state || p.Spec.Contact.Email != "Ada@Example.com" {
				t.Errorf("it is %+v, %s", p.Spec, diff)
			}
		})
	}
}

func TestApplyIsRefused(t *testing.T) {
	remembered := func(t *testing.T, o *open) {
		t.Helper()
		p := &v1alpha1.Program{}
		o.must(o.Client.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: "referral"}, p))
		marks := map[string]string{o.Keys.Current().Marks(string(p.UID), nobodyElse)[0]: ""}
		o.must(o.Client.Create(t.Context(), &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "stones", Labels: map[string]string{tombstone.Label: string(p.UID)}}, Data: marks,
		}))
	}
	knows := func(change func(*v1alpha1.Partnership)) func(*testing.T, *open) {
		return func(_ *testing.T, o *open) { o.knows(change) }
	}
	for name, test := range map[string]struct {
		before func(*testing.T, *open)
		code   int
		text   string
	}{
		"a partner":            {knows(active), http.StatusConflict, "partner already"},
		"one who waits":        {knows(pendingOne), http.StatusConflict, "arrived already"},
		"one who is revoked":   {knows(revokedOne), http.StatusForbidden, "cannot apply with this address"},
		"one who was rejected": {knows(rejectedOne), http.StatusForbidden, "cannot apply with this address"},
		"one who was removed":  {remembered, http.StatusForbidden, "cannot apply with this address"},
		"a program that pauses": {func(t *testing.T, o *open) {
			p := &v1alpha1.Program{}
			o.must(o.Client.Get(t.Context(), client.ObjectKey{Namespace: "acme", Name: "referral"}, p))
			p.Spec.Suspend = true
			o.must(o.Client.Update(t.Context(), p))
		}, http.StatusForbidden, "at the moment"},
		"a group that closed": {func(t *testing.T, o *open) {
			g := o.gold()
			g.Spec.Join.Mode = v1alpha1.JoinClosed
			o.must(o.Client.Update(t.Context(), g))
		}, http.StatusNotFound, "does not work"},
		"another domain": {func(t *testing.T, o *open) {
			g := o.gold()
			g.Spec.Join.EligibleDomains = []v1alpha1.Domain{"example.org"}
			o.must(o.Client.Update(t.Context(), g))
		}, http.StatusForbidden, "certain domains"},
	} {
		t.Run(name, func(t *testing.T) {
			o := joinable(t, nil)
			apply := o.applying()
			test.before(t, o)
			before := o.made()
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				got := o.raw(method, apply.path, nil)
				if got.Code != test.code || !strings.Contains(got.Body.String(), test.text) || got.Header().Get("Set-Cookie") != "" {
					t.Errorf("%s is answered %d: %s", method, got.Code, got.Body)
				}
			}
			if diff := cmp.Diff(before, o.made()); diff != "" {
				t.Errorf("it changed the partnership: %s", diff)
			}
		})
	}
}

func TestAnExpiredVerificationLeadsToTheJoinLink(t *testing.T) {
	o := joinable(t, nil)
	apply := o.applying()
	now := o.Now().Add(join.VerificationLifetime)
	o.Now = func() time.Time { return now }
	got := o.raw(http.MethodGet, apply.path, nil)
	if got.Code != http.StatusGone || !strings.Contains(got.Body.String(), `href="`+o.path+`"`) {
		t.Errorf("the answer is %d: %s", got.Code, got.Body)
	}
}

func TestARejectedPersonAppliesAgain(t *testing.T) {
	o := joinable(t, func(j *v1alpha1.GroupJoin) { j.ReapplyAfter, j.Approval = "24h", v1alpha1.JoinApprovalAutomatic })
	o.knows(rejectedOne)
	got := o.raw(http.MethodPost, o.applying().path, nil)
	p := o.made()
	if got.Code != http.StatusSeeOther || got.Header().Get("Set-Cookie") != "" || partnership.State(p, nil, o.Now()) != v1alpha1.PartnershipPending || p.Status.Reapplication == nil {
		t.Errorf("the answer is %d, the partnership %+v", got.Code, p)
	}
	if again := o.raw(http.MethodPost, o.applying().path, nil); again.Code != http.StatusNotFound {
		t.Errorf("the same link once more is answered %d", again.Code)
	}
}

func FuzzJoinTokens(f *testing.F) {
	for _, seed := range []string{"", "AQjz", strings.Repeat("A", 78), "..", "%2e%2e/login", "gold/extra"} {
		f.Add(seed, "ada@example.com")
	}
	var shared *open
	f.Fuzz(func(t *testing.T, text, email string) {
		if shared == nil {
			shared = joinable(t, nil)
		}
		for _, path := range []string{"/t/acme/join/gold/", "/t/acme/apply/"} {
			target, err := url.Parse(path + url.PathEscape(text))
			if err != nil || strings.TrimSpace(text) == "" {
				continue
			}
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(url.Values{"email": {email}}.Encode()))
			r.URL, r.RemoteAddr = target, "192.0.2.1:1"
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			shared.Handler().ServeHTTP(w, r)
			if code := w.Code; code != http.StatusNotFound && code != http.StatusTooManyRequests && code != http.StatusTemporaryRedirect && code != http.StatusMovedPermanently {
				t.Errorf("%s is answered %d", target, code)
			}
		}
	})
}

func TestRequestsForMailAreLimitedByClient(t *testing.T) {
	o := joinable(t, nil)
	o.clients = newLimiter(2, o.Now)
	paths := []string{o.path, "/t/acme/login", o.path}
	for i, path := range paths {
		got := o.raw(http.MethodPost, path, url.Values{"email": {nobodyElse}})
		want := http.StatusSeeOther
		if i == len(paths)-1 {
			want = http.StatusTooManyRequests
		}
		if got.Code != want || (got.Header().Get("Retry-After") != "") != (want == http.StatusTooManyRequests) {
			t.Errorf("request %d is answered %d, %v", i+1, got.Code, got.Header())
		}
	}
	if waiting := len(o.gold().Status.Verifications); waiting != 1 {
		t.Errorf("%d mails are asked for", waiting)
	}
}

// Whoever asks for somebody else's address uses nothing of theirs up, and learns nothing about who asked before: the answer
// stays the same. Within ten seconds there is one mail.
func TestAnAddressIsNeverAnsweredTooMany(t *testing.T) {
	o := joinable(t, nil)
	o.mailed = newLimiter(1, o.Now)
	o.applied = newSpacing(joinSpacing, func() time.Time { return newClock().now })
	want := map[string]string{}
	for i := range 40 {
		for _, path := range []string{o.path, "/t/acme/login"} {
			got := o.raw(http.MethodPost, path, url.Values{"email": {strings.ToUpper(nobodyElse)}})
			got.Header().Del("Set-Cookie")
			said := fmt.Sprint(got.Code, got.Header(), got.Body.String())
			if got.Code != http.StatusSeeOther || i > 0 && said != want[path] {
				t.Fatalf("%s: request %d is answered %s, the first one %s", path, i+1, said, want[path])
			}
			want[path] = said
		}
	}
	if asked := o.gold().Status.VerificationSerial; asked != 1 {
		t.Errorf("%d verification mails are asked for", asked)
	}
	o.raw(http.MethodPost, o.path, url.Values{"email": {"somebody.else@example.com"}})
	if asked := o.gold().Status.VerificationSerial; asked != 2 {
		t.Error("another address gets no mail")
	}
}

// After ten seconds the same address gets another verification mail.
func TestAVerificationMailCanBeAskedForAgain(t *testing.T) {
	o := joinable(t, nil)
	c := newClock()
	o.applied = newSpacing(joinSpacing, c.time)
	for i, after := range []time.Duration{0, joinSpacing - time.Second, time.Second} {
		c.advance(after)
		o.raw(http.MethodPost, o.path, url.Values{"email": {nobodyElse}})
		if asked, want := o.gold().Status.VerificationSerial, []int64{1, 1, 2}[i]; asked != want {
			t.Errorf("after request %d %d mails are asked for, want %d", i+1, asked, want)
		}
	}
}

// Neither a redirect nor a page follows the host that a request names.
func TestTheHostOfARequestIsNotBelieved(t *testing.T) {
	o := joinable(t, nil)
	for _, request := range []*http.Request{
		httptest.NewRequest(http.MethodGet, o.path, nil),
		httptest.NewRequest(http.MethodPost, o.path, strings.NewReader("email=ada%40example.com")),
		httptest.NewRequest(http.MethodPost, "/t/acme/login", strings.NewReader("email=ada%40example.com&next=//evil.example/")),
		httptest.NewRequest(http.MethodPost, o.applying().path, strings.NewReader("")),
		httptest.NewRequest(http.MethodGet, "/t/acme/", nil),
	} {
		request.Host = "evil.example"
		request.Header.Set("X-Forwarded-Host", "evil.example")
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		o.Handler().ServeHTTP(w, request)
		location := w.Header().Get("Location")
		if strings.Contains(w.Body.String(), "evil") || strings.Contains(location, "evil") || location != "" && !strings.HasPrefix(location, "/t/acme/") {
			t.Errorf("%s %s is answered %d to %q: %s", request.Method, request.URL, w.Code, location, w.Body)
		}
	}
}
