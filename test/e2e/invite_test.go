package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

var _ = Describe("an invite", func() {
	It("waits for a program and a group that are missing, names them, and goes on by itself", func() {
		ns := newTenant()
		i := invite(ns, "ada", grant("reseller", "silver"))
		create(i)
		Eventually(condition(i, v1alpha1.ConditionResolvedRefs), soon, often).Should(And(
			HaveField("Status", metav1.ConditionFalse),
			HaveField("Reason", v1alpha1.ReasonProgramNotFound),
			HaveField("Message", ContainSubstring(`"reseller"`)),
		))
		Expect(condition(i, v1alpha1.ConditionReady)()).To(HaveField("Reason", v1alpha1.ReasonProgramNotFound))
		Expect(condition(i, v1alpha1.ConditionReconciling)()).NotTo(BeNil(), "kstatus: in progress")

		create(program(ns, "reseller", "Acme Reseller", ""))
		Eventually(condition(i, v1alpha1.ConditionResolvedRefs), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonGroupNotFound), HaveField("Message", ContainSubstring(`"silver"`))))
		Expect(inbox.MessagesTo(address(ns, "ada"))).To(BeEmpty())

		create(group(ns, "silver", "reseller"))
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
		Expect(condition(i, v1alpha1.ConditionReconciling)()).To(BeNil())
		Eventually(eventReasons(i), soon, often).Should(ConsistOf("ProgramNotFound", "GroupNotFound", "Sent"))
	})

	It("refuses a group of another program", func() {
		ns := newTenant()
		create(program(ns, "reseller", "Acme Reseller", ""))
		i := invite(ns, "ada", grant("reseller", "gold"))
		create(i)
		Eventually(condition(i, v1alpha1.ConditionResolvedRefs), soon, often).Should(HaveField("Reason", v1alpha1.ReasonGroupNotInProgram))
		Expect(inbox.MessagesTo(address(ns, "ada"))).To(BeEmpty())
	})

	It("offers the programs that exist when it is issued, if it names none", func() {
		ns := newTenant()
		create(program(ns, "reseller", "Acme Reseller", ""))
		i := invite(ns, "ada")
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		create(program(ns, "later", "Acme Later", ""))
		Consistently(func() []v1alpha1.ProgramGrant { return reread(i).Status.Programs }, quiet).Should(Equal([]v1alpha1.ProgramGrant{grant("referral", ""), grant("reseller", "")}))
	})

	It("offers also a program that was applied a moment before it and that the cache has not seen", func() {
		ns := newTenant()
		proxy.Lag(time.Second, "programs")
		DeferCleanup(func() { proxy.Lag(0) })
		create(program(ns, "reseller", "Acme Reseller", ""))
		i := invite(ns, "ada")
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Expect(i.Status.Programs).To(HaveExactElements(HaveField("Name", "referral"), HaveField("Name", "reseller")))
	})

	It("costs two status writes, one event and one mail each, for 500 at once with 16 workers and a slow mail server", func() {
		const invites = 500
		ns := newTenant()
		inbox.SetDelay(50 * time.Millisecond)
		defer inbox.SetDelay(0)
		settle()
		proxy.Forget()
		before := inbox.Count()
		began := time.Now()
		var all sync.WaitGroup
		for worker := range 16 {
			all.Go(func() {
				defer GinkgoRecover()
				for n := worker; n < invites; n += 16 {
					create(invite(ns, fmt.Sprintf("p%d", n), grant("referral", "")))
				}
			})
		}
		all.Wait()
		applied := time.Since(began)
		Eventually(func() int { return inbox.Count() - before }, 2*time.Minute, often).Should(Equal(invites))
		sent := time.Since(began)
		Eventually(func() int { return proxy.Seen()[apiproxy.Request{Method: http.MethodPost, Resource: "events"}] }, soon, often).Should(Equal(invites))
		Consistently(func() int { return inbox.Count() - before }, quiet).Should(Equal(invites))

		Expect(perRecipient(before)).To(HaveLen(invites))
		seen := proxy.Seen()
		Expect(proxy.Done(ns)[apiproxy.Request{Method: http.MethodPut, Resource: "partnerinvites/status"}]).To(Equal(2*invites), "%v", seen)
		Expect(seen[apiproxy.Request{Method: http.MethodGet, Resource: "partnerinvites"}]).To(BeZero(), "live reads")
		AddReportEntry("rate", fmt.Sprintf("%d invites: applied in %s, all sent %s after the first apply, %.0f/s",
			invites, applied.Round(time.Millisecond), sent.Round(time.Millisecond), invites/sent.Seconds()))
	})

	It("says that the mail server is down, and sends one mail once it is back", func() {
		ns := newTenant()
		Expect(inbox.Pause()).To(Succeed())
		i := invite(ns, "ada", grant("referral", ""))
		create(i)
		Eventually(condition(i, v1alpha1.ConditionSent), soon, often).Should(And(
			HaveField("Status", metav1.ConditionFalse),
			HaveField("Reason", v1alpha1.ReasonTemporaryFailure),
			HaveField("Message", ContainSubstring("cannot be reached")),
		))
		Expect(condition(i, v1alpha1.ConditionReconciling)()).To(HaveField("Reason", v1alpha1.ReasonTemporaryFailure))
		Eventually(condition(program(ns, "referral", "", ""), v1alpha1.ConditionMailReady), soon, often).Should(HaveField("Reason", v1alpha1.ReasonTransportUnreachable))
		waits := invite(ns, "grace", grant("referral", ""))
		create(waits)
		Eventually(condition(waits, v1alpha1.ConditionSent), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonTemporaryFailure), HaveField("Message", ContainSubstring("cannot be reached"))))
		Expect(reread(waits).Status.Attempts).To(BeZero(), "it is not tried while the server is known to be down")
		Expect(inbox.Resume()).To(Succeed())
		for _, i := range []*v1alpha1.PartnerInvite{i, waits} {
			Eventually(stateOf(i), 50*time.Second, often).Should(Equal(v1alpha1.InviteSent), "the server is asked again after 15 seconds, then after 30")
			Expect(mailsTo(address(ns, i.Name), v1alpha1.MailInvite)()).To(Equal(1))
		}
		Expect(reread(i).Status.Attempts).To(BeNumerically("<=", 2))
		Expect(reread(waits).Status.Attempts).To(BeEquivalentTo(1))
		Eventually(eventReasons(i), soon, often).Should(ConsistOf("TemporaryFailure", "Sent"))
	})

	It("waits with all others of its namespace while the mail server refuses the sender, and is not burnt on it", func() {
		const invites = 12
		ns := newTenant()
		p := program(ns, "referral", "", "")
		inbox.Script(mailcatcher.Rule{Stage: mailcatcher.MailFrom, Code: 550, Enhanced: "5.7.1", Text: "sender not allowed"})
		defer inbox.Script()
		for n := range invites {
			create(invite(ns, fmt.Sprintf("p%d", n), grant("referral", "")))
		}
		for n := range invites {
			Eventually(stateOf(invite(ns, fmt.Sprintf("p%d", n))), soon, often).Should(Equal(v1alpha1.InviteHeld))
		}
		mailReady := func() *metav1.Condition {
			return meta.FindStatusCondition(reread(p).Status.Conditions, v1alpha1.ConditionMailReady)
		}
		Eventually(mailReady, soon, often).Should(And(HaveField("Reason", v1alpha1.ReasonTransportRejected), HaveField("Message", ContainSubstring("sender not allowed"))))
		inbox.Script()
		other := invite(newTenant(), "ada", grant("referral", ""))
		create(other)
		Eventually(stateOf(other), soon, often).Should(Equal(v1alpha1.InviteSent), "another namespace sends to find out for itself")
		for n := range invites {
			i := invite(ns, fmt.Sprintf("p%d", n))
			Eventually(stateOf(i), 2*time.Minute, often).Should(Equal(v1alpha1.InviteSent))
			Expect(i.Status.Attempts).To(BeEquivalentTo(1), "those that were refused do not count")
			Expect(mailsTo(address(ns, fmt.Sprintf("p%d", n)), v1alpha1.MailInvite)()).To(Equal(1))
		}
		Eventually(mailReady, soon, often).Should(HaveField("Status", metav1.ConditionTrue))
		Eventually(eventReasons(p), soon, often).Should(ContainElements("TransportRejected", "MailReady"))
	})

	It("is written in the company's own words, if there are any", func() {
		ns := newTenant()
		i := invite(ns, "ada", grant("referral", ""))
		i.Spec.Message = v1alpha1.InviteMessage{Subject: "Join us, Ada", Body: "We would **love** to have you. <b>Now</b>"}
		create(i)
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		mail := mailsOf(address(ns, "ada"), v1alpha1.MailInvite)[0]
		Expect(mail.Subject).To(Equal("Join us, Ada"))
		Expect(mail.Text).To(And(ContainSubstring("We would **love** to have you."), ContainSubstring("Acme Referral"), ContainSubstring(link)))
		Expect(mail.HTML).To(And(ContainSubstring("<strong>love</strong>"), Not(ContainSubstring("<b>Now</b>")), ContainSubstring(link)))
	})

	It("fails for good when the recipient is refused, and tries anew when the spec is changed", func() {
		ns := newTenant()
		inbox.Script(mailcatcher.Rule{Stage: mailcatcher.Rcpt, Recipient: address(ns, "ada"), Code: 550, Enhanced: "5.1.1", Text: "no such user " + address(ns, "ada")})
		defer inbox.Script()
		i := invite(ns, "ada", grant("referral", ""))
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteFailed))
		Expect(condition(i, v1alpha1.ConditionStalled)()).To(And(
			HaveField("Reason", v1alpha1.ReasonAddressRejected),
			HaveField("Message", And(ContainSubstring("550"), Not(ContainSubstring(address(ns, "ada")))))))
		inbox.Script()
		change(i, func(i *v1alpha1.PartnerInvite) { i.Spec.DisplayName = "Ada" })
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
	})

	It("expires, without a mail and without being deleted", func() {
		ns := newTenant()
		i := invite(ns, "ada", grant("referral", ""))
		create(i)
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		past := metav1.NewTime(time.Now().Add(-time.Minute))
		i.Status.ExpiryTime = &past
		Expect(api.Status().Update(ctx, i)).To(Succeed())
		Eventually(open(link), soon, often).Should(HaveField("Code", http.StatusGone))
		change(i, func(i *v1alpha1.PartnerInvite) { i.Spec.DisplayName = "Ada" }) // wakes it, as its timer would have
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteExpired))
		Expect(condition(i, v1alpha1.ConditionReady)()).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonExpired)))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
	})

	It("sends and writes nothing when the operator starts again", func() {
		ns := newTenant()
		i := invite(ns, "ada", grant("referral", ""))
		create(i)
		create(partner(ns, "grace", "referral"))
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Eventually(partnershipState(partner(ns, "grace", "referral")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		settle()
		Expect(running.Stop()).To(Succeed())
		written := writesIn(ns)
		startOperator()
		// Of other namespaces something may be due by now that had to wait.
		Consistently(func() map[apiproxy.Request]int { return writesIn(ns) }, counted, often).Should(Equal(written))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
		Expect(inbox.MessagesTo(address(ns, "grace"))).To(BeEmpty())
	})
})

// perRecipient are the mails that came after the first so many, by recipient.
func perRecipient(after int) map[string][]mailcatcher.Message {
	found := map[string][]mailcatcher.Message{}
	for _, mail := range inbox.Messages()[after:] {
		found[mail.To[0]] = append(found[mail.To[0]], mail)
	}
	return found
}

// writesIn counts what was written of a namespace, so far.
func writesIn(ns string) map[apiproxy.Request]int {
	written := proxy.Done(ns)
	maps.DeleteFunc(written, func(r apiproxy.Request, _ int) bool {
		return slices.Contains([]string{http.MethodGet, "LIST", "WATCH"}, r.Method)
	})
	return written
}

// settle waits until the operator has nothing left to do for the specs before.
func settle() {
	GinkgoHelper()
	Eventually(func() bool {
		before := proxy.Writes()
		time.Sleep(counted) // the subject is that nothing happens for a while
		return proxy.Writes() == before
	}, soon).Should(BeTrue(), "the operator is still at work")
}

// condition is a condition of an object as the API server has it; nil: it is not there.
func condition(object client.Object, conditionType string) func() *metav1.Condition {
	return func() *metav1.Condition {
		GinkgoHelper()
		switch o := reread(object).(type) {
		case *v1alpha1.PartnerInvite:
			return meta.FindStatusCondition(o.Status.Conditions, conditionType)
		case *v1alpha1.Program:
			return meta.FindStatusCondition(o.Status.Conditions, conditionType)
		case *v1alpha1.PartnerGroup:
			return meta.FindStatusCondition(o.Status.Conditions, conditionType)
		default:
			panic(fmt.Sprintf("%T has no conditions", object))
		}
	}
}

// eventReasons are the reasons of the events about an object.
func eventReasons(object client.Object) func() []string {
	return func() (reasons []string) {
		for _, event := range eventsOf(object) {
			reasons = append(reasons, event.Reason)
		}
		return reasons
	}
}

// eventsOf are the events about an object. An event that repeats would be counted in a series.
func eventsOf(object client.Object) (found []eventsv1.Event) {
	GinkgoHelper()
	var list eventsv1.EventList
	Expect(api.List(ctx, &list, client.InNamespace(object.GetNamespace()))).To(Succeed())
	for _, event := range list.Items {
		if event.Regarding.UID == object.GetUID() {
			Expect(event.Series).To(BeNil(), "%s was told more than once", event.Reason)
			found = append(found, event)
		}
	}
	return found
}
