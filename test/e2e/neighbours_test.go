package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

const (
	// pace is how often somebody is invited while it is measured how long that takes.
	pace = 500 * time.Millisecond
	// noise is by how much a mail may take longer without any reason, on a busy machine.
	noise = 50 * time.Millisecond
	// workers is --concurrency, as the operator of the specs has it.
	workers = 16
	// half is how many mails to servers that are not known to be well are on their way at once.
	half = (workers + 2) / 2
)

// inFullForm is an amount in the short form, or in the full one, which is for figures that mean something.
func inFullForm(short, inFull int) int {
	if full {
		return inFull
	}
	return short
}

// wellServed is a tenant that does nothing wrong, and whose mail is to arrive as if it were alone.
type wellServed struct {
	ns      string
	invited int
}

func newWellServed() *wellServed {
	GinkgoHelper()
	w := &wellServed{ns: newTenant()}
	known(w.ns)
	for _, name := range []string{"grace", "henry"} {
		create(partner(w.ns, name, "referral"))
	}
	for _, name := range []string{"grace", "henry"} {
		Eventually(partnershipState(partner(w.ns, name, "")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
	}
	declaredTeam(w.ns)
	w.invite(1) // the first is slower, alone as well as beside
	return w
}

func (w *wellServed) guest(n int) string { return fmt.Sprintf("guest-%03d", n) }

func (w *wellServed) mailReady() *metav1.Condition {
	GinkgoHelper()
	return condition(program(w.ns, "referral", "", ""), v1alpha1.ConditionMailReady)()
}

// invite applies so many invites, one after the other, and tells how long each took from there into the inbox.
func (w *wellServed) invite(count int) (took []time.Duration) {
	GinkgoHelper()
	began := map[string]time.Time{}
	first := w.invited
	for ; w.invited < first+count; w.invited++ {
		name := w.guest(w.invited)
		began[name] = time.Now()
		create(invite(w.ns, name, grant("referral", "")))
		if ready := w.mailReady(); ready != nil { // nothing is known before the first mail
			Expect(ready.Status).NotTo(Equal(metav1.ConditionFalse), ready.Message)
		}
		pauseFor(ctx, time.Until(began[name].Add(pace)))
	}
	for n := first; n < w.invited; n++ {
		to := address(w.ns, w.guest(n))
		Eventually(mailsTo(to, v1alpha1.MailInvite), soon, often).Should(Equal(1), "the mail of a neighbor does not arrive")
		took = append(took, mailsOf(to, v1alpha1.MailInvite)[0].Received.Sub(began[w.guest(n)]))
	}
	slices.Sort(took)
	return took
}

// signIn asks for a link to sign in, and tells how long it took into the inbox.
func (w *wellServed) signIn(name string) time.Duration {
	GinkgoHelper()
	to := address(w.ns, name)
	began := time.Now()
	Expect(post(somebody(), tenantURL(w.ns, "login"), "email", to).Code).To(Equal(http.StatusSeeOther))
	Eventually(mailsTo(to, v1alpha1.MailSignIn), soon, often).Should(Equal(1), "the mail to sign in of a neighbor does not arrive")
	return mailsOf(to, v1alpha1.MailSignIn)[0].Received.Sub(began)
}

// expectIntact looks at what all that cost: each invite two status writes, one event and one mail.
func (w *wellServed) expectIntact() {
	GinkgoHelper()
	for n := range w.invited {
		i := invite(w.ns, w.guest(n))
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Eventually(eventReasons(i), soon, often).Should(Equal([]string{"Sent"}))
		Expect(mailsTo(address(w.ns, w.guest(n)), v1alpha1.MailInvite)()).To(Equal(1))
	}
	Expect(statusWritesIn(w.ns)).To(Equal(2 * w.invited))
	Expect(w.mailReady()).To(HaveField("Status", metav1.ConditionTrue))
	Expect(eventReasons(reread(program(w.ns, "referral", "", "")))()).NotTo(ContainElement(HavePrefix("Transport")), "MailReady was False in between")
}

// statusWritesIn counts how often the status of an invite of a namespace was written.
func statusWritesIn(ns string) int {
	return proxy.Done(ns)[apiproxy.Request{Method: http.MethodPut, Resource: "partnerinvites/status"}]
}

// inviteMany invites many people of a tenant, as fast as that goes.
func inviteMany(ns string, count int) {
	GinkgoHelper()
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			defer GinkgoRecover()
			for n := worker; n < count; n += 8 {
				create(invite(ns, fmt.Sprintf("p%d", n), grant("referral", "")))
			}
		})
	}
	all.Wait()
	DeferCleanup(func() { // what waits for a refused server would be tried in specs to come
		Expect(api.DeleteAllOf(ctx, &v1alpha1.PartnerInvite{}, client.InNamespace(ns))).To(Succeed())
	})
}

// silent is a mail server that takes connections and says nothing. It counts them.
type silent struct {
	listener        net.Listener
	mutex           sync.Mutex
	open, most, all int
}

func newSilent() *silent {
	GinkgoHelper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	Expect(err).NotTo(HaveOccurred())
	s := &silent{listener: listener}
	ended, end := context.WithCancel(ctx)
	DeferCleanup(func() { end(); _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			s.opened(1)
			context.AfterFunc(ended, func() { _ = connection.Close() })
			go func() {
				_, _ = connection.Read(make([]byte, 1)) // until the other side is gone
				_ = connection.Close()
				s.opened(-1)
			}()
		}
	}()
	return s
}

func (s *silent) opened(more int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.open += more
	s.most = max(s.most, s.open)
	s.all += max(more, 0)
}

// counted are the most connections at a time, and all of them.
func (s *silent) counted() (most, all int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.most, s.all
}

// behind is a tenant whose mail goes over the mail server at an address.
func behind(smtpAddr string) string {
	GinkgoHelper()
	ns := newTenant()
	known(ns)
	useServer(ns, smtpAddr, false)
	return ns
}

// tries are how often something may have happened that happens at once and then once in a while.
func tries(began time.Time, every time.Duration) int { return 1 + int(time.Since(began)/every) }

// beside is what goes on in another tenant.
type beside struct {
	// args are the operator's.
	args []string
	// begin lets it go on, and gives what is looked at in the end.
	begin func() (check func())
	// more is by how much mail may take longer than alone, for a reason.
	more time.Duration
	// member is who signs in meanwhile; empty: a partner.
	member string
}

var _ = Describe("a neighbor", Label("neighbors"), func() {
	DescribeTable("gets its mail as if it were alone, while", func(b beside) {
		if len(b.args) > 0 {
			Expect(running.Stop()).To(Succeed())
			DeferCleanup(restart)
			startOperator(b.args...)
		}
		w := newWellServed()
		alone, signedInAlone := w.invite(inFullForm(5, 20)), w.signIn("grace")
		check := b.begin()
		meanwhile := w.invite(inFullForm(10, 120))
		who := "henry"
		if b.member != "" {
			who = b.member
		}
		signedIn := w.signIn(who)
		middle := func(took []time.Duration) time.Duration { return took[len(took)/2] }
		slowest := func(took []time.Duration) time.Duration { return took[len(took)-1] }
		AddReportEntry("figures", fmt.Sprintf("median %s, slowest %s, to sign in %s; alone %s, %s and %s",
			middle(meanwhile), slowest(meanwhile), signedIn, middle(alone), slowest(alone), signedInAlone))
		Expect(middle(meanwhile)).To(BeNumerically("<=", 2*middle(alone)+noise+b.more), "half of all mails are slower")
		Expect(slowest(meanwhile)).To(BeNumerically("<=", 3*slowest(alone)+time.Second+b.more))
		Expect(signedIn).To(BeNumerically("<=", 3*signedInAlone+time.Second+b.more))
		if check != nil {
			check()
		}
		w.expectIntact()
	},
		Entry("the operator's mail server refuses the sender of another", beside{begin: refusedSender}),
		Entry("the mail server of another never greets", beside{begin: neverGreets}),
		inFull(
			Entry("the mail server of another does not answer the final dot", beside{begin: func() func() { return hangsAt(mailcatcher.Data, 45*time.Second) }}),
			Entry("the mail server of another does not answer EHLO", beside{begin: func() func() { return hangsAt(mailcatcher.Ehlo, 15*time.Second) }}),
		),
		Entry("the mail servers of many others never greet", beside{begin: manyNeverGreet}),
		Entry("the mail servers of many others do not answer the final dot", beside{begin: manyHang}),
		Entry("a team of another waits for a mail server that never greets", beside{begin: aTeamWaits, member: "owner"}),
		Entry("another invites many, and mail has a rate", beside{begin: manyAtARate, args: []string{"--mail-rate=10"}, more: 500 * time.Millisecond}),
		Entry("another invites many", beside{begin: manyOverAHealthyServer, more: 1500 * time.Millisecond}),
	)
})

func refusedSender() func() {
	GinkgoHelper()
	const sender = "ceo@forbidden.example"
	ns := newTenant()
	known(ns)
	brandWith(ns, map[string]string{"mailFrom": "CEO <" + sender + ">"})
	inbox.Script(mailcatcher.Rule{Stage: mailcatcher.MailFrom, Sender: sender, Code: 550, Enhanced: "5.7.1", Text: "sender not allowed"})
	DeferCleanup(func() { inbox.Script() })
	began, people := time.Now(), inFullForm(20, 60)
	inviteMany(ns, people)
	return func() {
		tried := inbox.Applied()[0]
		Expect(tried).To(And(BeNumerically(">", 0), BeNumerically("<=", workers+tries(began, time.Minute)-1)), "it is refused, and one at a time finds out whether it still is")
		Expect(invitesTo(ns)()).To(BeZero())
		Expect(statusWritesIn(ns)).To(BeNumerically("<=", people+2*tried), "what waits is written once")
		Expect(condition(program(ns, "referral", "", ""), v1alpha1.ConditionMailReady)()).To(And(
			HaveField("Reason", v1alpha1.ReasonTransportRejected), HaveField("Message", ContainSubstring("sender not allowed"))))
	}
}

func neverGreets() func() {
	GinkgoHelper()
	server := newSilent()
	ns := behind(server.listener.Addr().String())
	began, people := time.Now(), inFullForm(30, 200)
	inviteMany(ns, people)
	return func() {
		most, all := server.counted()
		Expect(most).To(Equal(1), "connections at a time")
		Expect(all).To(BeNumerically("<=", tries(began, 15*time.Second)), "connections")
		Expect(statusWritesIn(ns)).To(BeNumerically("<=", people+2*all), "what waits is written once")
	}
}

// hangsAt lets a mail server say nothing at a stage, which is found out so often at most.
func hangsAt(stage mailcatcher.Stage, every time.Duration) func() {
	GinkgoHelper()
	server := serverOf(mailAnswer{rule: mailcatcher.Rule{Stage: stage, Hang: endless, Drop: true}})
	ns := behind(server.SMTPAddr())
	began, people := time.Now(), inFullForm(30, 200)
	inviteMany(ns, people)
	return func() {
		Expect(server.Applied()[0]).To(And(BeNumerically(">", 0), BeNumerically("<=", tries(began, every))), "mails at a time")
		Expect(statusWritesIn(ns)).To(BeNumerically("<=", people+2*server.Connections()), "what waits is written once")
	}
}

func manyNeverGreet() func() {
	GinkgoHelper()
	server, tenants := newSilent(), inFullForm(12, 40)
	for range tenants {
		inviteMany(behind(server.listener.Addr().String()), inFullForm(2, 5))
	}
	expectPrompt := newcomer()
	return func() {
		most, _ := server.counted()
		Expect(most).To(And(BeNumerically(">", 1), BeNumerically("<=", tenants)), "connections at a time: one for each")
		expectPrompt()
	}
}

// manyHang lets many mail servers take mail and then say nothing. How many of their mails are on their way is bounded.
func manyHang() func() {
	GinkgoHelper()
	server := serverOf(mailAnswer{rule: mailcatcher.Rule{Stage: mailcatcher.Data, Hang: endless, Drop: true}})
	began := time.Now()
	for range inFullForm(12, 40) {
		inviteMany(behind(server.SMTPAddr()), inFullForm(2, 5))
	}
	expectPrompt := newcomer()
	return func() {
		Expect(server.Applied()[0]).To(And(BeNumerically(">", 1), BeNumerically("<=", half*tries(began, 45*time.Second))), "mails at a time")
		expectPrompt()
	}
}

// newcomer is a tenant whose first mail has to arrive at once.
func newcomer() (expectPrompt func()) {
	GinkgoHelper()
	ns := newTenant()
	known(ns)
	began := time.Now()
	create(invite(ns, "ada", grant("referral", "")))
	return func() {
		GinkgoHelper()
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
		Expect(mailsOf(address(ns, "ada"), v1alpha1.MailInvite)[0].Received.Sub(began)).To(BeNumerically("<", 2*time.Second), "the first mail of a tenant waits for nobody else's")
	}
}

func aTeamWaits() func() {
	GinkgoHelper()
	server := newSilent()
	ns := behind(server.listener.Addr().String())
	agency, people := declaredTeam(ns), inFullForm(10, 50)
	var names []string
	for n := range people {
		names = append(names, fmt.Sprintf("p%d", n))
	}
	for n, some := range slices.Collect(slices.Chunk(names, 10)) {
		create(teammates(ns, fmt.Sprintf("more-%d", n), some...))
	}
	DeferCleanup(func() { Expect(api.Delete(ctx, agency)).To(Succeed()) })
	Eventually(func() int32 { return reread(agency).Status.WaitingApprovals }, soon, often).Should(BeEquivalentTo(people))
	began := time.Now()
	return func() {
		most, all := server.counted()
		Expect(most).To(Equal(1), "connections at a time")
		Expect(all).To(BeNumerically("<=", tries(began.Add(-5*time.Second), 15*time.Second)))
	}
}

// manyAtARate has ten mails a second sent, also to the staff.
func manyAtARate() func() {
	GinkgoHelper()
	ns := newTenant()
	staffed(ns)
	known(ns)
	link := joinLink(ns, v1alpha1.GroupJoin{})
	var applications []string
	for n := range 3 {
		applications = append(applications, verified(link, address(ns, fmt.Sprintf("applicant-%d", n))))
	}
	before := inbox.Count()
	var posted sync.WaitGroup
	posted.Go(func() {
		defer GinkgoRecover()
		inviteMany(ns, inFullForm(60, 1000))
	})
	for _, application := range applications {
		Expect(post(somebody(), application).Code).To(Equal(http.StatusSeeOther))
	}
	return func() {
		posted.Wait()
		for n := range applications {
			to := address(ns, []string{"staff", "desk"}[n%2])
			Eventually(mailsTo(to, v1alpha1.MailApplicationReceived), soon, often).Should(Equal(len(applications)))
		}
		expectRate(inbox.Messages()[before:], 10)
	}
}

// expectRate looks whether mails came no faster than so many a second, over any two seconds. What lies between the rate and
// the inbox may shift some.
func expectRate(mails []mailcatcher.Message, perSecond int) {
	GinkgoHelper()
	const span, shifted = 2, 5
	var came []time.Time
	for _, mail := range mails {
		for range mail.To {
			came = append(came, mail.Received)
		}
	}
	slices.SortFunc(came, time.Time.Compare)
	for n := span*perSecond + shifted; n < len(came); n++ {
		Expect(came[n].Sub(came[n-span*perSecond-shifted])).To(BeNumerically(">=", span*time.Second), "over %d mails in %d seconds", span*perSecond, span)
	}
}

func manyOverAHealthyServer() func() {
	GinkgoHelper()
	ns, people := newTenant(), inFullForm(150, 1000)
	known(ns)
	var posted sync.WaitGroup
	posted.Go(func() {
		defer GinkgoRecover()
		inviteMany(ns, people)
	})
	return func() {
		posted.Wait()
		Eventually(invitesTo(ns), 2*time.Minute, often).Should(Equal(people))
		Eventually(func() int { return statusWritesIn(ns) }, soon, often).Should(Equal(2 * people))
	}
}
