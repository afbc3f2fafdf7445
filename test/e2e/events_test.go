package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"

	cloudevents "github.com/cloudevents/sdk-go/v2/event"
	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/internal/webhook"
)

// pathSecret is what the receiver knows the operator by. It must stand in no log.
const pathSecret = "s3cr3t-0f-the-receiver"

// receiver is another system that hears of what happens.
type receiver struct {
	*httptest.Server

	mutex sync.Mutex
	// code is what it answers, after delay.
	code  int
	delay time.Duration
	// tried are the IDs that came, taken are the events that it took.
	tried map[string]int
	taken []cloudevents.Event
	wrong []string
}

func newReceiver() *receiver {
	r := &receiver{code: http.StatusNoContent, tried: map[string]int{}}
	r.Server = httptest.NewServer(r)
	DeferCleanup(func() {
		r.answer(http.StatusNoContent, 0)
		r.Close()
		Expect(r.wrong).To(BeEmpty())
	})
	return r
}

func (r *receiver) url() string { return r.URL + "/hooks/" + pathSecret }

func (r *receiver) answer(code int, delay time.Duration) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.code, r.delay = code, delay
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	e, err := cehttp.NewEventFromHTTPRequest(request)
	if err == nil {
		err = e.Validate()
	} else {
		e = &cloudevents.Event{}
	}
	r.mutex.Lock()
	if err != nil || request.Header.Get("Content-Type") != cloudevents.ApplicationCloudEventsJSON || request.URL.Path != "/hooks/"+pathSecret {
		r.wrong = append(r.wrong, fmt.Sprintf("%s %s %v: %s", request.Header.Get("Content-Type"), request.URL.Path, err, e))
	}
	r.tried[e.ID()]++
	code, delay := r.code, r.delay
	if code < 300 && delay == 0 {
		r.taken = append(r.taken, *e)
	}
	r.mutex.Unlock()
	select {
	case <-time.After(delay):
	case <-request.Context().Done(): // nobody waits any more
	}
	w.WriteHeader(code)
}

// of are the events of a tenant that were taken, each with its type, without the prefix, and its subject.
func (r *receiver) of(ns string) func() []string {
	return func() []string {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		found := []string{}
		for _, e := range r.taken {
			if e.Source() == running.Portal+"/t/"+ns {
				found = append(found, strings.TrimPrefix(e.Type(), "io.partner-operator.")+" "+e.Subject())
			}
		}
		slices.Sort(found)
		return found
	}
}

// ids are those of all that were tried, and of all that were taken, each once.
func (r *receiver) ids() (tried, taken []string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for id := range r.tried {
		tried = append(tried, id)
	}
	for _, e := range r.taken {
		taken = append(taken, e.ID())
	}
	slices.Sort(tried)
	slices.Sort(taken)
	return tried, slices.Compact(taken)
}

// telling stops the shared operator until the spec ends, and gives a receiver for the ones that the spec starts.
func telling() *receiver {
	GinkgoHelper()
	Expect(running.Stop()).To(Succeed())
	r := newReceiver()
	DeferCleanup(func() { startOperator() })
	DeferCleanup(func() { Expect(running.Stop()).To(Succeed()) })
	Expect(client.IgnoreNotFound(api.Delete(ctx, mark()))).To(Succeed()) // as if this were the first time ever
	return r
}

func mark() *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: "partner-operator-events"}}
}

// followed waits until an operator that starts for the first time ever has noted since when it tells what happens. It may
// be ready before that, and what happens until then is told to nobody.
func followed() {
	GinkgoHelper()
	Eventually(func() error { return api.Get(ctx, client.ObjectKeyFromObject(mark()), mark()) }, soon, often).Should(Succeed())
}

// delivered waits until it is written down that all that was taken was delivered.
func delivered(to *receiver) {
	GinkgoHelper()
	to.mutex.Lock()
	latest := slices.MaxFunc(to.taken, func(a, b cloudevents.Event) int { return a.Time().Compare(b.Time()) }).Time()
	to.mutex.Unlock()
	Eventually(func() (time.Time, error) {
		return time.Parse(time.RFC3339, reread(mark()).Data["deliveredUntil"])
	}, soon, often).Should(BeTemporally(">", latest))
}

var _ = Describe("events for other systems", func() {
	It("tell of each thing that happens once, whichever replica it happens at, and of nothing anew when the operator starts again", func() {
		other := telling()
		lead("--events-url=" + other.url())
		followed()
		second := anotherOperator(inbox.SMTPAddr(), "--leader-elect", "--events-url="+other.url())
		ns := linkingTenant()

		i, link := sentInvite(ns, "ada", grant("referral", "gold"))
		link = strings.Replace(link, running.Portal, second.Portal, 1)
		Expect(post(somebody(), link+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: reread(i).Status.PartnershipRefs[0].Name}}
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		create(partnerLink(ns, "ada-summer", p.Name))
		Eventually(linkState(partnerLink(ns, "ada-summer", "")), soon, often).Should(Equal(v1alpha1.LinkActive))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.GroupRef = &v1alpha1.GroupReference{Name: "standard"} })
		Eventually(func() string { return reread(p).Status.Group }, soon, often).Should(Equal("standard"))
		change(p, func(p *v1alpha1.Partnership) {
			p.Spec.Revocation = &v1alpha1.Revocation{Reason: "the contract has ended"}
		})
		Eventually(linkState(partnerLink(ns, "ada-summer", "")), soon, often).Should(Equal(v1alpha1.LinkUnattributed))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
		Eventually(linkState(partnerLink(ns, "ada-summer", "")), soon, often).Should(Equal(v1alpha1.LinkActive))

		create(invite(ns, "bob", grant("referral", "gold")))
		Expect(post(somebody(), linkTo(address(ns, "bob"), v1alpha1.MailInvite)+"/decline", "email", address(ns, "bob")).Code).To(Equal(http.StatusSeeOther))

		t := declaredTeam(ns)
		owner := signedIn(ns, "owner")
		join(owner, ns, "carl", v1alpha1.RoleMember)
		Expect(post(owner, teamURL(ns, "/role"), "email", address(ns, "carl"), "role", "Admin").Code).To(Equal(http.StatusSeeOther))
		Expect(post(owner, teamURL(ns, "/handover"), "email", address(ns, "carl")).Code).To(Equal(http.StatusSeeOther))

		Expect(api.Delete(ctx, p)).To(Succeed())
		Eventually(linkState(partnerLink(ns, "ada-summer", "")), soon, often).Should(Equal(v1alpha1.LinkUnattributed))
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = true })
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = false })
		Expect(api.Delete(ctx, t)).To(Succeed())
		want := []string{
			"partnerinvite.accepted partnerinvites/ada", "partnerinvite.declined partnerinvites/bob",
			"partnerinvite.sent partnerinvites/ada", "partnerinvite.sent partnerinvites/bob",
			"partnerlink.active partnerlinks/ada-summer", "partnerlink.active partnerlinks/ada-summer",
			"partnerlink.unattributed partnerlinks/ada-summer", "partnerlink.unattributed partnerlinks/ada-summer",
			"partnership.active partnerships/" + p.Name, "partnership.active partnerships/" + p.Name, "partnership.active partnerships/agency-referral",
			"partnership.moved partnerships/" + p.Name, "partnership.removed partnerships/" + p.Name, "partnership.revoked partnerships/" + p.Name,
			"partnerteam.created partnerteams/agency", "partnerteam.handedover partnerteams/agency",
			"partnerteam.memberactive partnerteams/agency", "partnerteam.memberactive partnerteams/agency",
			"partnerteam.memberinvited partnerteams/agency", "partnerteam.removed partnerteams/agency", "partnerteam.rolechanged partnerteams/agency",
			"program.created programs/referral", "program.resumed programs/referral", "program.suspended programs/referral",
		}
		slices.Sort(want)
		Eventually(other.of(ns), soon, often).Should(Equal(want))
		delivered(other)
		Consistently(other.of(ns), quiet, often).Should(Equal(want))
		for _, e := range other.taken {
			Expect(string(e.Data())).NotTo(Or(ContainSubstring("ada@"), ContainSubstring("carl@"), ContainSubstring("owner@")))
		}

		Expect(second.Stop()).To(Succeed())
		Expect(running.Stop()).To(Succeed())
		lead("--events-url=" + other.url())
		create(partner(ns, "later", "referral"))
		want = append(want, "partnership.active partnerships/later")
		slices.Sort(want)
		Eventually(other.of(ns), soon, often).Should(Equal(want))
		Consistently(other.of(ns), quiet, often).Should(Equal(want))
		Expect(running.Log()).NotTo(ContainSubstring(pathSecret))
	})

	DescribeTable("wait for a receiver that is not well, while everything else goes on, and come once it is",
		func(ail func(*receiver)) {
			other := telling()
			ail(other)
			startOperator("--events-url=" + other.url())
			followed()
			ns := newTenant()
			for n := range 20 {
				create(invite(ns, fmt.Sprintf("p%02d", n), grant("referral", "gold")))
			}
			Eventually(invitesTo(ns), soon, often).Should(Equal(20), "the invites do not wait")
			accepted(ns, "ada") // nor does the portal
			Eventually(func() string { return running.Log() }, soon, often).Should(ContainSubstring("the receiver does not take them"))
			other.answer(http.StatusNoContent, 0)
			Eventually(func() int { return len(slices.Compact(other.of(ns)())) }, 2*time.Minute, often).Should(Equal(1 + 21 + 1 + 1))
			tried, taken := other.ids()
			Expect(taken).To(Equal(tried), "what was tried is what came in the end")
			Expect(running.Log()).NotTo(ContainSubstring(pathSecret))
		},
		Entry("since it answers 500", func(r *receiver) { r.answer(http.StatusInternalServerError, 0) }),
		Entry("since it does not answer", func(r *receiver) { r.answer(http.StatusNoContent, 20*time.Second) }),
	)

	It("come from the next process, with the same IDs, when the operator is killed before they were taken", func() {
		other := telling()
		startOperator("--events-url=" + other.url())
		followed()
		ns := newTenant()
		create(partner(ns, "settled", "referral"))
		Eventually(other.of(ns), soon, often).Should(HaveLen(2))
		delivered(other)

		other.answer(http.StatusServiceUnavailable, 0)
		create(partner(ns, "ada", "referral"))
		Eventually(func() []string { tried, _ := other.ids(); return tried }, soon, often).Should(ContainElement(ContainSubstring(".active.")))
		Eventually(func() int { tried, taken := other.ids(); return len(tried) - len(taken) }, soon, often).Should(Equal(1))
		running.Kill()
		startOperator("--events-url=" + other.url())
		other.answer(http.StatusNoContent, 0)
		Eventually(other.of(ns), time.Minute, often).Should(ConsistOf(
			"partnership.active partnerships/ada", "partnership.active partnerships/settled", "program.created programs/referral"))
		tried, taken := other.ids()
		Expect(taken).To(Equal(tried))

		By("starting with a mark of long ago")
		Expect(running.Stop()).To(Succeed())
		change(mark(), func(m *corev1.ConfigMap) {
			m.Data["deliveredUntil"] = time.Now().Add(-2 * webhook.GiveUpAfter).UTC().Format(time.RFC3339)
		})
		startOperator("--events-url=" + other.url())
		Eventually(func() []string { return slices.Compact(other.of(ns)()) }, soon, often).Should(HaveLen(3))
		again, _ := other.ids()
		Expect(again).To(ContainElements(tried), "the same things have the same IDs")
	})

	It("come from the next process, when this one is killed before it heard of them", func() {
		other := telling()
		startOperator("--events-url=" + other.url())
		followed()
		ns := newTenant()
		i, link := sentInvite(ns, "ada", grant("referral", "gold"))

		DeferCleanup(proxy.Break, (func(*http.Request) apiproxy.Fault)(nil))
		proxy.Break(func(r *http.Request) apiproxy.Fault {
			if strings.HasSuffix(r.URL.Path, "/partnerinvites") && r.URL.Query().Get("watch") == "true" {
				return apiproxy.Refuse
			}
			return apiproxy.None
		})
		proxy.Cut()
		Expect(post(somebody(), link+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		answered := reread(i).Status.StateTime.Time
		for n := 0; time.Since(answered) < 12*time.Second; n++ { // longer than news take, and something else happens
			create(partner(ns, fmt.Sprintf("p%02d", n), "referral"))
			Eventually(other.of(ns), soon, often).Should(ContainElement(HaveSuffix(fmt.Sprintf("/p%02d", n))))
		}
		running.Kill()
		proxy.Break(nil)
		Expect(other.of(ns)()).NotTo(ContainElement("partnerinvite.accepted partnerinvites/ada"), "it did not hear of it")
		startOperator("--events-url=" + other.url())
		Eventually(other.of(ns), soon, often).Should(ContainElement("partnerinvite.accepted partnerinvites/ada"))
	})
})
