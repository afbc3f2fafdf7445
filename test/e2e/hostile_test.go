package e2e

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
)

// hostileRounds is how often a neighbor is looked at, alone and then beside each act. HOSTILE=full is for figures that mean
// something; otherwise what is asserted is the same, and the figures are not printed.
func hostileRounds() int {
	if os.Getenv("HOSTILE") == "full" {
		return 40
	}
	return 4
}

// hostilePause is between two acts: what is measured is what an act does to the neighbor, not how busy this machine is with
// acting.
const hostilePause = 20 * time.Millisecond

// hostile is what one tenant, or a client of one, does; every assertion is about another tenant.
type hostile struct {
	name string
	// prepare makes what the act needs. What it returns is done over and over while the neighbor is looked at; nil: nothing is.
	prepare func(ns string) func(ctx context.Context)
}

// hostileActs are the rows of the table.
var hostileActs = []hostile{
	{"stores values that cannot be read", func(ns string) func(context.Context) {
		for n := range 5 {
			p := partner(ns, fmt.Sprintf("unreadable-%d", n), "referral")
			create(p)
			damage := `{"status":{"stateTime":"2027-01-01t00:00:00z","conditions":[{"type":"Ready","status":"True","reason":"Ready","message":"","lastTransitionTime":"2027-01-01t00:00:00z"}]}}`
			Expect(api.Status().Patch(ctx, p, client.RawPatch(types.MergePatchType, []byte(damage)))).To(Succeed())
		}
		return nil
	}},
	{"changes templates that take long to render", func(ns string) func(context.Context) {
		data := map[string]string{}
		for _, kind := range []v1alpha1.MailKind{v1alpha1.MailInvite, v1alpha1.MailApproved, v1alpha1.MailRevoked} {
			data["templates."+string(kind)] = "slow"
		}
		slow := configMap(ns, "slow", map[string]string{"markdown": "{{.Link}}\n\n" + strings.Repeat("[a](", 7900)})
		create(slow)
		create(configMap(ns, "partner-brand", data))
		n := 0
		return func(ctx context.Context) {
			n++
			_ = api.Patch(ctx, slow, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{"n":"%d"}}}`, n)))
			pauseFor(ctx, 300*time.Millisecond)
		}
	}},
	{"invites with messages that take long to render", func(ns string) func(context.Context) {
		n := 0
		return func(ctx context.Context) {
			n++
			i := invite(ns, fmt.Sprintf("slow-%d", n), grant("referral", ""))
			i.Spec.Message = v1alpha1.InviteMessage{Subject: "Hello", Body: "{{.Link}}\n\n" + strings.Repeat("[a](", 1900)}
			_ = api.Create(ctx, i)
			pauseFor(ctx, 100*time.Millisecond)
		}
	}},
	{"asks for sign-in links without end", func(ns string) func(context.Context) {
		accepted(ns, "grace", grant("referral", ""))
		return func(ctx context.Context) {
			_, _ = somebody().Post(ctx, tenantURL(ns, "login"), map[string][]string{"email": {address(ns, "grace")}})
			_, _ = somebody().Post(ctx, tenantURL(ns, "login"), map[string][]string{"email": {fmt.Sprintf("x%d@%s.example", people.Load(), ns)}})
		}
	}},
	{"applies in strangers' names by a join link", func(ns string) func(context.Context) {
		joinURL := joinLink(ns, v1alpha1.GroupJoin{})
		return func(ctx context.Context) {
			_, _ = somebody().Post(ctx, joinURL, map[string][]string{"email": {fmt.Sprintf("x%d@%s.example", people.Load(), ns)}})
		}
	}},
	{"opens links that do not exist", func(ns string) func(context.Context) {
		return func(ctx context.Context) {
			for _, kind := range []string{"invite", "signin", "apply", "member", "approval"} {
				_, _ = somebody().Get(ctx, tenantURL(ns, kind+"/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"))
			}
		}
	}},
	{"types wrong addresses on the page of an invite", func(ns string) func(context.Context) {
		_, link := sentInvite(ns, "victim", grant("referral", ""))
		return func(ctx context.Context) {
			_, _ = somebody().Post(ctx, link+"/accept", map[string][]string{"email": {"wrong@example.com"}})
		}
	}},
	{"takes the names that the operator derives", func(ns string) func(context.Context) {
		p := program(ns, "referral", "", "")
		reread(p)
		for n := range 3 {
			_ = api.Create(ctx, configMap(ns, fmt.Sprintf("partner-tombstones-%s-%d", string(p.UID)[:8], n), map[string]string{"x": "y"}))
		}
		for n := range 20 {
			name := fmt.Sprintf("taken-%d", n)
			_ = api.Create(ctx, configMap(ns, name+"-link", nil))
			q := partner(ns, name, "referral")
			q.Spec.Invitation = v1alpha1.InvitationSend
			create(&v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name + "-invitation"}, Spec: v1alpha1.PartnerInviteSpec{
				Contact: v1alpha1.Contact{Email: v1alpha1.EmailAddress("other-" + address(ns, name))}, Programs: []v1alpha1.ProgramGrant{{Name: "missing"}}}})
			create(q)
		}
		return nil
	}},
	{"creates and deletes partners without end", func(ns string) func(context.Context) {
		n := 0
		return func(ctx context.Context) {
			n++
			p := partner(ns, fmt.Sprintf("churn-%d", n), "referral")
			if api.Create(ctx, p) == nil {
				_ = api.Delete(ctx, p)
			}
		}
	}},
	{"keeps connections open", func(string) func(context.Context) {
		held := &sync.WaitGroup{}
		ended, end := context.WithCancel(ctx)
		DeferCleanup(func() { end(); held.Wait() })
		for range 200 {
			held.Go(func() { holdConnection(ended) })
		}
		return nil
	}},
}

// pauseFor waits, or until the context ends.
func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// holdConnection opens a connection and asks for one page, then for nothing.
func holdConnection(ctx context.Context) {
	transport := &http.Transport{MaxIdleConns: 1}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, running.Portal+"/assets/none", nil)
	if err != nil {
		return
	}
	if answer, err := (&http.Client{Transport: transport}).Do(request); err == nil {
		_ = answer.Body.Close()
	}
	<-ctx.Done()
}

// glance is how long a neighbor waited.
type glance struct{ page, mail time.Duration }

// neighbor is a tenant that does nothing wrong, with a partner and one who was revoked.
type neighbor struct {
	ns                string
	partner, outsider *browser.Person
	invited           int
}

func newNeighbor() *neighbor {
	GinkgoHelper()
	n := &neighbor{ns: newTenant()}
	n.partner, _ = accepted(n.ns, "bob", grant("referral", "gold"))
	var revoked *v1alpha1.Partnership
	n.outsider, revoked = accepted(n.ns, "eve", grant("referral", "gold"))
	change(revoked, func(p *v1alpha1.Partnership) {
		p.Spec.Revocation = &v1alpha1.Revocation{Reason: "The contract has ended."}
	})
	Eventually(func() int { return get(n.outsider, tenantURL(n.ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther))
	return n
}

// look opens the dashboard of the partner, invites somebody, and waits for the mail.
func (n *neighbor) look() glance {
	GinkgoHelper()
	began := time.Now()
	Expect(get(n.partner, tenantURL(n.ns, "")).Wants(http.StatusOK, "Acme Referral")).To(Succeed(), "the partner sees the dashboard")
	page := time.Since(began)
	Expect(get(n.outsider, tenantURL(n.ns, "")).Code).To(Equal(http.StatusSeeOther), "nobody is let in")
	n.invited++
	name := fmt.Sprintf("p%03d", n.invited)
	began = time.Now()
	create(invite(n.ns, name, grant("referral", "gold")))
	Eventually(mailsTo(address(n.ns, name), v1alpha1.MailInvite), soon, 2*time.Millisecond).Should(Equal(1))
	return glance{page, time.Since(began)}
}

// expectIntact looks at what became of all that happened at the neighbor's.
func (n *neighbor) expectIntact() {
	GinkgoHelper()
	for i := range n.invited {
		Expect(mailsTo(address(n.ns, fmt.Sprintf("p%03d", i+1)), v1alpha1.MailInvite)()).To(Equal(1), "each invite is mailed once")
	}
	ada, adas := accepted(n.ns, fmt.Sprintf("ada%d", n.invited), grant("referral", "gold"))
	Expect(get(ada, tenantURL(n.ns, "")).Code).To(Equal(http.StatusOK))
	change(adas, func(p *v1alpha1.Partnership) {
		p.Spec.Revocation = &v1alpha1.Revocation{Reason: "The contract has ended."}
	})
	Eventually(func() int { return get(ada, tenantURL(n.ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther), "a revocation counts")
	Expect(signedIn(n.ns, "bob")).NotTo(BeNil(), "a partner can sign in")
}

func median(of []glance, what func(glance) time.Duration) time.Duration {
	all := make([]time.Duration, 0, len(of))
	for _, g := range of {
		all = append(all, what(g))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func (n *neighbor) looks() []glance {
	GinkgoHelper()
	var all []glance
	for range hostileRounds() {
		all = append(all, n.look())
	}
	return all
}

var _ = Describe("a hostile tenant", Label("hostile"), func() {
	It("harms nobody but itself", func() {
		if os.Getenv("HOSTILE") == "full" {
			_, _ = fmt.Fprintf(os.Stdout, "%-50s %10s %10s %6s %10s %10s %6s\n", "hostile act", "page alone", "beside", "ratio", "mail alone", "beside", "ratio")
		}
		for _, act := range hostileActs {
			By(act.name)
			n, other := newNeighbor(), newTenant()
			again := act.prepare(other)
			n.look() // the first is slower, alone as well as beside
			alone := n.looks()
			acting, stop := context.WithCancel(ctx)
			var acts sync.WaitGroup
			if again != nil {
				acts.Go(func() {
					defer GinkgoRecover()
					for acting.Err() == nil {
						again(acting)
						pauseFor(acting, hostilePause)
					}
				})
			}
			beside := n.looks()
			stop()
			acts.Wait()
			n.expectIntact()
			if os.Getenv("HOSTILE") == "full" {
				row := []any{act.name}
				for _, what := range []func(glance) time.Duration{func(g glance) time.Duration { return g.page }, func(g glance) time.Duration { return g.mail }} {
					a, b := median(alone, what), median(beside, what)
					row = append(row, a.Round(10*time.Microsecond), b.Round(10*time.Microsecond), fmt.Sprintf("%.2f", b.Seconds()/cmp.Or(a.Seconds(), 1)))
				}
				_, _ = fmt.Fprintf(os.Stdout, "%-50s %10s %10s %6s %10s %10s %6s\n", row...)
			}
		}
	})
})
