package portal

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/accept"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/keyring/mint"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/lookup"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/token"
)

const (
	graceUID, agencyUID = "5b0d7a4e-52c1-4d7e-8f2e-0a9b8c7d6e5f", "9c1e2d3f-4a5b-4c6d-8e7f-1a2b3c4d5e6f"
	graceMail, bobMail  = "grace@example.com", "bob@agency.example"
)

// tenants are portals at one cluster, in which Grace is a partner in acme, and Bob is in the team of a partner there. They
// run on the clock of the test, which has to be in a bubble of synctest.
type tenants struct {
	t       *testing.T
	cluster client.Client
	keys    *keyring.Keyring
	// reads counts what was asked for about people, and writes what was written.
	mutex         sync.Mutex
	reads, writes int
}

func newTenants(t *testing.T, namespaces ...string) *tenants {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, corev1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	w := &tenants{t: t}
	grace := partnershipFor("grace", graceMail)
	grace.UID, grace.Status.State = graceUID, v1alpha1.PartnershipActive
	ofTeam := partnershipFor("agency", "")
	ofTeam.Spec.Contact, ofTeam.Spec.TeamRef, ofTeam.Status.State = nil, &v1alpha1.TeamReference{Name: "agency"}, v1alpha1.PartnershipActive
	agency := &v1alpha1.PartnerTeam{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "agency", UID: agencyUID},
		Spec:       v1alpha1.PartnerTeamSpec{DisplayName: "Agency", Owner: v1alpha1.TeamOwner{Email: "owner@agency.example"}},
		Status: v1alpha1.PartnerTeamStatus{
			Owner: &v1alpha1.TeamOwner{Email: "owner@agency.example"},
			Members: []v1alpha1.TeamMember{
				{Email: "owner@agency.example", Role: v1alpha1.RoleOwner, State: v1alpha1.MemberActive, Source: v1alpha1.MemberFromOwner},
				{Email: bobMail, Role: v1alpha1.RoleMember, State: v1alpha1.MemberActive, Source: v1alpha1.MemberFromTeam},
			},
		},
	}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(grace, agency, &v1alpha1.PartnerInvite{}).WithObjects(grace, ofTeam, agency).
		WithIndex(&v1alpha1.PartnerLink{}, "spec.partnershipRef.name", func(o client.Object) []string {
			return []string{o.(*v1alpha1.PartnerLink).Spec.PartnershipRef.Name}
		}).
		WithInterceptorFuncs(w.counting())
	for _, namespace := range append(namespaces, "acme") {
		builder.WithObjects(&v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "referral"}, Spec: v1alpha1.ProgramSpec{DisplayName: "Referral"}})
	}
	if err := lookup.AddIndexes(t.Context(), indexes{builder}); err != nil {
		t.Fatal(err)
	}
	w.cluster = builder.Build()
	var err error
	if w.keys, err = mint.Load(t.Context(), w.cluster, "operator", time.Now()); err != nil {
		t.Fatal(err)
	}
	w.writes = 0
	return w
}

func (w *tenants) counting() interceptor.Funcs {
	noted := func(o any, number *int) {
		switch o.(type) {
		case *v1alpha1.PartnershipList, *v1alpha1.PartnerInviteList, *v1alpha1.PartnerTeamList, *v1alpha1.Partnership, *v1alpha1.PartnerInvite, *v1alpha1.PartnerTeam:
			w.mutex.Lock()
			defer w.mutex.Unlock()
			*number++
		}
	}
	return interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			noted(o, &w.reads)
			return c.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			noted(list, &w.reads)
			return c.List(ctx, list, opts...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, name string, o client.Object, opts ...client.SubResourceUpdateOption) error {
			noted(o, &w.writes)
			return c.SubResource(name).Update(ctx, o, opts...)
		},
	}
}

func (w *tenants) counts() (reads, writes int) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.reads, w.writes
}

// replica is a portal that runs until the test ends.
func (w *tenants) replica(change ...func(*Options)) *Server {
	w.t.Helper()
	base, err := link.ParseBase("https://partners.example.com")
	if err != nil {
		w.t.Fatal(err)
	}
	o := Options{
		Client: w.cluster, Live: w.cluster, Keys: w.keys, Base: base, Now: time.Now,
		Accept: &accept.Step{Client: w.cluster, Live: w.cluster, Events: events.NewFakeRecorder(16), Now: time.Now},
		Book:   &brandbook.Book{Cache: w.cluster, Live: w.cluster, Default: brand.Default(&mail.Address{Address: "partners@acme.example"})},
	}
	for _, each := range change {
		each(&o)
	}
	s := New(o)
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.handOutSignIns(ctx)
	}()
	w.t.Cleanup(func() { cancel(); <-ended })
	return s
}

// browser keeps cookies.
type browser struct {
	t       *testing.T
	s       *Server
	cookies map[string]*http.Cookie
}

func (w *tenants) browser(s *Server) *browser {
	return &browser{w.t, s, map[string]*http.Cookie{}}
}

func (b *browser) do(method, path string, pairs ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range b.cookies {
		r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
	}
	recorder := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(recorder, r)
	for _, c := range recorder.Result().Cookies() {
		if b.cookies[c.Name] = c; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return recorder
}

// asks asks for a sign-in link of somebody in acme, which has to be answered as always.
func (b *browser) asks(email string) {
	b.t.Helper()
	if got := b.do(http.MethodPost, "/t/acme/login", "email", email); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/t/acme/login?asked" {
		b.t.Fatalf("asking for %s is answered %d to %q", email, got.Code, got.Header().Get("Location"))
	}
}

// person is somebody who can sign in: as a partner, or through a team.
type person struct {
	email, uid string
	is         func(w *tenants) v1alpha1.PartnershipSignIn
	mails      func(w *tenants) []int64
}

var people = map[string]person{
	"a partner": {
		graceMail, graceUID,
		func(w *tenants) v1alpha1.PartnershipSignIn { return w.grace().Status.SignIn },
		func(w *tenants) (serials []int64) {
			for _, m := range w.grace().Status.Mails {
				serials = append(serials, m.Serial)
			}
			return serials
		},
	},
	"a member of a team": {
		bobMail, agencyUID,
		func(w *tenants) v1alpha1.PartnershipSignIn { return w.bob().SignIn },
		func(w *tenants) (serials []int64) {
			for _, m := range w.agency().Status.Mails {
				serials = append(serials, m.Serial)
			}
			return serials
		},
	},
}

func (w *tenants) grace() *v1alpha1.Partnership {
	w.t.Helper()
	p := &v1alpha1.Partnership{}
	if err := w.cluster.Get(w.t.Context(), client.ObjectKey{Namespace: "acme", Name: "grace"}, p); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *tenants) agency() *v1alpha1.PartnerTeam {
	w.t.Helper()
	a := &v1alpha1.PartnerTeam{}
	if err := w.cluster.Get(w.t.Context(), client.ObjectKey{Namespace: "acme", Name: "agency"}, a); err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *tenants) bob() v1alpha1.TeamMember {
	w.t.Helper()
	members := w.agency().Status.Members
	return members[slices.IndexFunc(members, func(m v1alpha1.TeamMember) bool { return m.Email == bobMail })]
}

// link is the one of a number, as the mail has it.
func (w *tenants) link(who person, serial int64) string {
	w.t.Helper()
	text, err := w.keys.Current().Sign(token.PurposeSignIn, "", token.Subject{Namespace: "acme", UID: who.uid, Serial: serial, Address: who.email})
	if err != nil {
		w.t.Fatal(err)
	}
	return "/t/acme/signin/" + text
}

// settled waits until all that was asked for is carried out.
func settled() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// A stranger asks for somebody's links at two replicas, all the time. Every answer is as always, every link that was mailed
// works until its own end, one is always open, and the mails are few. Once one is used all the others are dead.
func TestAStrangerLocksNobodyOut(t *testing.T) {
	for name, who := range people {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTenants(t)
				stranger := []*browser{w.browser(w.replica()), w.browser(w.replica(func(o *Options) { o.AddressRate = 2 }))}
				began, ends := time.Now(), map[int64]time.Time{}
				for i := 0; time.Since(began) < 20*time.Minute; i++ {
					stranger[i%2].asks(who.email)
					settled()
					if serial := who.is(w).Serial; ends[serial].IsZero() {
						ends[serial] = who.is(w).RequestedTime.Add(signin.DefaultLinkLifetime)
						if mails := who.mails(w); !slices.Contains(mails, serial) {
							t.Fatalf("link %d has no mail; those noted are %v", serial, mails)
						}
					}
					open := 0
					for serial, end := range ends {
						want := http.StatusOK
						if !time.Now().Before(end) {
							delete(ends, serial)
							continue
						}
						open++
						if got := w.browser(stranger[0].s).do(http.MethodGet, w.link(who, serial)); got.Code != want {
							t.Fatalf("after %s link %d, which lasts until %s, is answered %d", time.Since(began), serial, end, got.Code)
						}
					}
					if open == 0 {
						t.Fatalf("after %s no link is open", time.Since(began))
					}
					time.Sleep(19 * time.Second)
				}
				if serial := who.is(w).Serial; serial > 6 || len(ends) < 2 {
					t.Errorf("%d mails in twenty minutes, %d links are open", serial, len(ends))
				}
				person := w.browser(stranger[0].s)
				for serial := range ends { // whichever comes first
					if got := person.do(http.MethodPost, w.link(who, serial), "email", who.email); got.Code != http.StatusSeeOther {
						t.Fatalf("the person signs in: %d", got.Code)
					}
					break
				}
				for serial := range ends {
					if got := person.do(http.MethodPost, w.link(who, serial), "email", who.email); got.Code != http.StatusNotFound {
						t.Errorf("after one was used link %d is answered %d", serial, got.Code)
					}
				}
			})
		})
	}
}

// Two requests at once, at one replica or at two, lead to one mail, whose link works.
func TestTwoRequestsAtOnceAreOneMail(t *testing.T) {
	for name, who := range people {
		for _, replicas := range []int{1, 2} {
			t.Run(fmt.Sprint(name, " at ", replicas), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newTenants(t)
					var at []*browser
					for range replicas {
						at = append(at, w.browser(w.replica()))
					}
					var both sync.WaitGroup
					for i := range 2 {
						both.Go(func() { w.browser(at[i%replicas].s).asks(who.email) })
					}
					both.Wait()
					settled()
					if is := who.is(w); is.Serial != 1 || len(who.mails(w)) != 1 {
						t.Errorf("%d links, and the mails are %v", is.Serial, who.mails(w))
					}
					if got := at[0].do(http.MethodPost, w.link(who, 1), "email", who.email); got.Code != http.StatusSeeOther {
						t.Errorf("the link is answered %d", got.Code)
					}
				})
			})
		}
	}
}

// A link that the version before mailed works after the upgrade, beside those of this one.
func TestALinkOfTheVersionBeforeWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTenants(t)
		p := w.grace()
		p.Status.SignIn = v1alpha1.PartnershipSignIn{Serial: 7, RequestedTime: &metav1.Time{Time: time.Now()}}
		if err := w.cluster.Status().Update(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		b := w.browser(w.replica())
		time.Sleep(6 * time.Minute)
		b.asks(graceMail)
		settled()
		for serial, want := range map[int64]int{6: http.StatusNotFound, 7: http.StatusOK, 8: http.StatusOK} {
			if got := b.do(http.MethodGet, w.link(people["a partner"], serial)); got.Code != want {
				t.Errorf("link %d is answered %d", serial, got.Code)
			}
		}
	})
}

// Nothing is read or written about an address, known or not, before the answer is out and a pause is over; and then it is
// looked up, known or not.
func TestNothingIsLookedUpBeforeTheAnswer(t *testing.T) {
	for _, email := range []string{graceMail, bobMail, "stranger@example.com"} {
		t.Run(email, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTenants(t)
				s := w.replica()
				w.browser(s).asks(email)
				time.Sleep(50*time.Millisecond - time.Nanosecond)
				synctest.Wait()
				if reads, writes := w.counts(); reads+writes > 0 {
					t.Errorf("%d reads and %d writes before the pause is over", reads, writes)
				}
				time.Sleep(450 * time.Millisecond)
				synctest.Wait()
				if reads, _ := w.counts(); reads == 0 {
					t.Error("nothing is looked up half a second later")
				}
			})
		})
	}
}

func TestSignInDelay(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 1000 {
		d := signInDelay()
		if d < 50*time.Millisecond || d > 500*time.Millisecond {
			t.Fatalf("the delay is %s", d)
		}
		seen[d/(50*time.Millisecond)] = true
	}
	if len(seen) < 9 {
		t.Errorf("the delays are %v", seen)
	}
}

// A flood at one tenant is refused there once its places are taken, in words that promise no mail; another tenant is served
// as if it were alone.
func TestAFloodAtOneTenantIsNobodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTenants(t, "other")
		s := w.replica()
		flood, honest := w.browser(s), w.browser(s)
		codes := map[int]int{}
		for i := range 2 * signInsOfTenant {
			got := flood.do(http.MethodPost, "/t/other/login", "email", fmt.Sprintf("nobody%d@example.com", i))
			if codes[got.Code]++; got.Code == http.StatusServiceUnavailable && got.Header().Get("Retry-After") == "" {
				t.Error("a refusal does not tell when to try again")
			}
		}
		if codes[http.StatusSeeOther] != signInsOfTenant || codes[http.StatusServiceUnavailable] != signInsOfTenant {
			t.Errorf("the flood is answered %v", codes)
		}
		honest.asks(graceMail)
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if serial := w.grace().Status.SignIn.Serial; serial != 1 {
			t.Errorf("half a second later the other tenant has issued %d links", serial)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := flood.do(http.MethodPost, "/t/other/login", "email", "nobody@example.com"); got.Code != http.StatusSeeOther {
			t.Errorf("after the flood the tenant is answered %d", got.Code)
		}
		settled()
		if s.signIns.taken < 0 || len(s.signIns.shares) > 1 {
			t.Errorf("%d places are taken, of %d tenants", s.signIns.taken, len(s.signIns.shares))
		}
	})
}

// Work at one tenant that hangs keeps no worker from another.
func TestATenantThatHangsHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := &signInQueue{}
		var done sync.Map
		q.try = func(_ context.Context, r *signInRequest, _ bool) (time.Duration, bool) {
			if r.namespace == "other" {
				time.Sleep(time.Hour)
			}
			done.Store(r.email, time.Now())
			return 0, false
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { q.run(ctx); close(ended) }()
		for i := range 100 {
			r, ok := q.take(signInRequest{namespace: "other", email: fmt.Sprintf("%d@example.com", i)})
			if !ok {
				t.Fatal("there is no place")
			}
			q.start(r, time.Millisecond)
		}
		time.Sleep(time.Second)
		r, _ := q.take(signInRequest{namespace: "acme", email: graceMail})
		q.start(r, time.Millisecond)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if _, ok := done.Load(graceMail); !ok {
			t.Error("the other tenant waits")
		}
		cancel()
		<-ended
		for i := range 100 {
			if _, ok := done.Load(fmt.Sprintf("%d@example.com", i)); !ok {
				t.Errorf("request %d was forgotten when the process stopped", i)
			}
		}
	})
}

// More than --address-rate allows for an address wait their turn and are one; nobody's is lost, since somebody else asked.
func TestAddressRateLosesNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTenants(t)
		s := w.replica(func(o *Options) { o.AddressRate = 1 })
		b := w.browser(s)
		b.asks(graceMail)
		settled()
		if got := b.do(http.MethodPost, w.link(people["a partner"], 1)); got.Code != http.StatusSeeOther {
			t.Fatalf("the person signs in: %d", got.Code)
		}
		for range 5 { // and wants to sign in elsewhere
			w.browser(s).asks(graceMail)
		}
		settled()
		if serial := w.grace().Status.SignIn.Serial; serial != 2 {
			t.Errorf("the count is %d", serial)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if is := w.grace().Status.SignIn; is.Serial != 3 || is.RequestedTime == nil {
			t.Errorf("a minute later no link is open: %+v", is)
		}
	})
}

// With another lifetime page, link and status say the same.
func TestTheLifetimeIsWrittenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTenants(t)
		b := w.browser(w.replica(func(o *Options) { o.SignInLifetime = 2 * time.Minute }))
		b.asks(graceMail)
		settled()
		if page := b.do(http.MethodGet, "/t/acme/login?asked").Body.String(); !strings.Contains(page, "within 2 minutes") {
			t.Errorf("the page says %s", page)
		}
		if got := signin.LifetimeOf(w.grace().Status.SignIn, 1); got != 2*time.Minute {
			t.Errorf("the mail will say %s", got)
		}
		time.Sleep(2*time.Minute - 3*time.Second)
		if got := b.do(http.MethodGet, w.link(people["a partner"], 1)); got.Code != http.StatusOK {
			t.Errorf("in its last moment the link is answered %d", got.Code)
		}
		time.Sleep(3 * time.Second)
		got := b.do(http.MethodGet, w.link(people["a partner"], 1))
		if got.Code != http.StatusGone || !strings.Contains(got.Body.String(), "2 minutes") {
			t.Errorf("after that it is answered %d: %s", got.Code, got.Body)
		}
	})
}

// signsIn signs a person in by a mailed link.
func (w *tenants) signsIn(b *browser, who person) {
	w.t.Helper()
	b.asks(who.email)
	settled()
	if got := b.do(http.MethodPost, w.link(who, who.is(w).Serial)); got.Code != http.StatusSeeOther {
		w.t.Fatalf("signing in is answered %d", got.Code)
	}
}

func (b *browser) isIn() bool { return b.do(http.MethodGet, "/t/acme/").Code == http.StatusOK }

// copied is another browser with the cookies of one.
func (b *browser) copied() *browser {
	other := &browser{b.t, b.s, map[string]*http.Cookie{}}
	for name, c := range b.cookies {
		other.cookies[name] = c
	}
	return other
}

// Who signs in again in a browser ends the session that it had, and no other.
func TestSigningInAgainEndsTheSessionOfTheBrowser(t *testing.T) {
	for name, who := range people {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTenants(t)
				s := w.replica()
				here, elsewhere := w.browser(s), w.browser(s)
				w.signsIn(here, who)
				thief := here.copied()
				w.signsIn(elsewhere, who)
				if !here.isIn() || !thief.isIn() || !elsewhere.isIn() {
					t.Fatal("somebody who signed in is not in")
				}
				w.signsIn(here, who)
				if thief.isIn() {
					t.Error("a copy of the session from before lives on")
				}
				if !here.isIn() || !elsewhere.isIn() {
					t.Error("the new session, or that of another browser, ended")
				}
			})
		})
	}
	t.Run("somebody else", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newTenants(t)
			here := w.browser(w.replica())
			w.signsIn(here, people["a partner"])
			thief := here.copied()
			w.signsIn(here, people["a member of a team"])
			if thief.isIn() || !here.isIn() {
				t.Error("the session of who was signed in before lives on, or the new one does not")
			}
		})
	})
}

// A session in which nobody is seen ends; one that is used does not, until its time is over, and its cookie is sealed anew
// once in a while.
func TestIdleSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTenants(t)
		s := w.replica(func(o *Options) { o.SessionIdle, o.SessionLifetime = 8*time.Hour, 48*time.Hour })
		used, left := w.browser(s), w.browser(s)
		w.signsIn(used, people["a partner"])
		w.signsIn(left, people["a partner"])
		began, sealed, before := time.Now(), 0, ""
		for time.Since(began) < 47*time.Hour {
			time.Sleep(10 * time.Minute)
			if !used.isIn() {
				t.Fatalf("after %s of use the session is over", time.Since(began))
			}
			if now := used.cookies["__Host-partner-session-acme"].Value; now != before {
				sealed, before = sealed+1, now
			}
			if time.Since(began) == 7*time.Hour+50*time.Minute && !left.copied().isIn() {
				t.Error("one that was left ended early")
			}
		}
		if left.isIn() {
			t.Error("a session that was left alone lives on")
		}
		if sealed > 48 {
			t.Errorf("in 47 hours the cookie was sealed %d times", sealed)
		}
		time.Sleep(2 * time.Hour)
		if used.isIn() {
			t.Error("a session outlives its lifetime, since it is used")
		}
	})
}

// Without a limit for idleness no cookie is sealed anew.
func TestSessionsMayBeIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTenants(t)
		b := w.browser(w.replica())
		w.signsIn(b, people["a partner"])
		before := b.cookies["__Host-partner-session-acme"].Value
		time.Sleep(29 * 24 * time.Hour)
		if !b.isIn() || b.cookies["__Host-partner-session-acme"].Value != before {
			t.Error("the session ended, or its cookie changed")
		}
	})
}

// The dashboard tells when the session began, and of the last sign-in, wherever that was.
func TestTheDashboardTellsTheLastSignIn(t *testing.T) {
	for name, who := range people {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newTenants(t)
				s := w.replica()
				here := w.browser(s)
				w.signsIn(here, who)
				began := moment(time.Now())
				time.Sleep(3 * time.Hour)
				w.signsIn(w.browser(s), who)
				page := here.do(http.MethodGet, "/t/acme/").Body.String()
				if !strings.Contains(page, "since "+began) || !strings.Contains(page, "Last sign-in by a mailed link: "+moment(time.Now())) {
					t.Errorf("the page says %s", page)
				}
			})
		})
	}
}
