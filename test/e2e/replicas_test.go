package e2e

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// anotherOperator runs an operator beside the shared one, until the spec ends.
func anotherOperator(smtpAddr string, args ...string) *operator.Operator {
	GinkgoHelper()
	another, err := operator.Start(ctx, operator.Options{
		Binary: binary, Cluster: plane, Kubeconfig: proxy.Kubeconfig, SMTPAddr: smtpAddr, Log: logFile(),
		Args: append([]string{"--portal-url=" + running.Portal, "--client-rate=0", "--address-rate=0", "--trusted-proxies=127.0.0.0/8"}, args...),
	})
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(func() { _ = another.Stop() })
	return another
}

var _ = Describe("of two replicas", func() {
	BeforeEach(func() {
		Expect(running.Stop()).To(Succeed())
		DeferCleanup(func() { startOperator() }) // the last of what is cleaned up
		lead()
		DeferCleanup(func() { _ = running.Stop() })
	})

	It("the second leads within seconds when the first is stopped in the middle of many invites, and everybody gets one mail", func() {
		const people = 150
		ns := newTenant()
		second := anotherOperator(inbox.SMTPAddr(), "--leader-elect")
		first := leader()
		inbox.SetDelay(400 * time.Millisecond)
		DeferCleanup(inbox.SetDelay, time.Duration(0))

		served := atPortal(second, ns)
		for n := range people {
			create(invite(ns, fmt.Sprintf("p%03d", n), grant("referral", "gold")))
		}
		Eventually(invitesTo(ns), soon, time.Millisecond).Should(BeNumerically(">", people/10))
		left := people - invitesTo(ns)()
		Expect(left).To(BeNumerically(">", people/10), "the leader changes in the middle")
		stopped := stopInBackground(running)
		Eventually(stopped, soon).Should(Receive(Succeed()))
		gone, mailed := time.Now(), invitesTo(ns)()
		Expect(running.Log()).NotTo(ContainSubstring("Reconciler error"), "that it is told to stop is no error")
		Eventually(invitesTo(ns), soon, time.Millisecond).Should(BeNumerically(">", mailed))
		gap := time.Since(gone)
		AddReportEntry("gap", fmt.Sprintf("%d of %d mails were left when the leader was told to stop; the next one sent its first %s after the end of it", left, people, gap.Round(time.Millisecond)))
		Expect(leader()).NotTo(Equal(first))
		Expect(gap).To(BeNumerically("<", 10*time.Second), "a leader that stops gives its lease back")

		Eventually(invitesTo(ns), time.Minute, often).Should(Equal(people))
		Consistently(invitesTo(ns), quiet, often).Should(Equal(people))
		for n := range people {
			Expect(mailsTo(address(ns, fmt.Sprintf("p%03d", n)), v1alpha1.MailInvite)()).To(Equal(1))
		}
		requests, failed := served()
		Expect(requests).To(BeNumerically(">", 20))
		Expect(failed).To(BeEmpty(), "the portal of the other replica answers all along")
	})

	It("one that is told to stop answers what it was asked before, and takes nothing more", func() {
		ns := newTenant()
		another := anotherOperator(inbox.SMTPAddr(), "--leader-elect")
		i, link := sentInvite(ns, "ada", grant("referral", "gold"))
		DeferCleanup(proxy.Break, (func(*http.Request) apiproxy.Fault)(nil))
		proxy.Break(func(r *http.Request) apiproxy.Fault {
			if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "/partnerinvites/ada/status") {
				return apiproxy.Stall
			}
			return apiproxy.None
		})
		answers := make(chan browser.Page, 1)
		go func() {
			defer GinkgoRecover()
			answers <- post(somebody(), strings.Replace(link, running.Portal, another.Portal, 1)+"/accept", "email", address(ns, "ada"))
		}()
		Eventually(proxy.Held, soon, often).Should(Equal(1), "the acceptance is being written")
		stopped := stopInBackground(another)
		Eventually(func() error {
			conn, err := net.Dial("tcp", strings.TrimPrefix(another.Portal, "http://"))
			if err == nil {
				_ = conn.Close()
			}
			return err
		}, soon, often).Should(HaveOccurred(), "it takes no more requests")
		proxy.Break(nil)
		var answer browser.Page
		Eventually(answers, soon).Should(Receive(&answer))
		Expect(answer.Code).To(Equal(http.StatusSeeOther))
		Eventually(stopped, soon).Should(Receive(Succeed()))
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteAccepted))
	})

	It("one that is told to stop writes the events that it has", func() {
		ns := newTenant()
		DeferCleanup(proxy.Break, (func(*http.Request) apiproxy.Fault)(nil))
		proxy.Break(func(r *http.Request) apiproxy.Fault {
			if r.Method == http.MethodPost && strings.Contains(r.URL.Path, "/namespaces/"+ns+"/events") {
				return apiproxy.Stall
			}
			return apiproxy.None
		})
		i := invite(ns, "ada", grant("referral", "gold"))
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Eventually(proxy.Held, soon, often).Should(BeNumerically(">", 0), "the event is being written")
		stopped := stopInBackground(running)
		Consistently(running.Ended(), quiet).ShouldNot(BeClosed(), "it waits for the API server")
		proxy.Break(nil)
		Eventually(stopped, soon).Should(Receive(Succeed()))
		Expect(eventReasons(i)()).To(Equal([]string{"Sent"}))
	})
})

var _ = Describe("an operator that starts", Label("faults"), func() {
	itInFull("while the mail server is away gets ready, keeps invites waiting, and mails each once when it is back", func() {
		Expect(running.Stop()).To(Succeed())
		DeferCleanup(func() { startOperator() })
		nowhere, err := mailcatcher.Start(mailcatcher.Options{})
		Expect(err).NotTo(HaveOccurred())
		DeferCleanup(nowhere.Close)
		Expect(nowhere.Pause()).To(Succeed())

		another := anotherOperator(nowhere.SMTPAddr())
		ns := newTenant()
		i := invite(ns, "ada", grant("referral", "gold"))
		create(i)
		Eventually(condition(i, v1alpha1.ConditionReconciling), soon, often).Should(HaveField("Status", BeEquivalentTo("True")))
		Expect(reread(i).Status.State).NotTo(Equal(v1alpha1.InviteFailed))
		got, err := somebody().Get(ctx, another.Portal+"/t/"+ns+"/login")
		Expect(err).NotTo(HaveOccurred())
		Expect(got.Code).To(Equal(http.StatusOK), "the portal does not need the mail server")

		Expect(nowhere.Resume()).To(Succeed())
		sent := func() int { return len(nowhere.MessagesTo(address(ns, "ada"))) }
		Eventually(sent, 2*time.Minute, often).Should(Equal(1))
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Consistently(sent, quiet, often).Should(Equal(1))
	})
})

// invitesTo counts the invites that were mailed to a tenant's people.
func invitesTo(ns string) func() int {
	return func() int {
		count := 0
		for _, mail := range inbox.Messages() {
			if mail.Kind == string(v1alpha1.MailInvite) && strings.HasSuffix(mail.To[0], "@"+ns+".example") {
				count++
			}
		}
		return count
	}
}

// atPortal opens a page of a replica over and over until what it gives is called, which tells how often and what failed.
func atPortal(replica *operator.Operator, ns string) func() (requests int, failed []string) {
	var done atomic.Bool
	ended := make(chan struct{})
	requests, failed := 0, []string(nil)
	go func() {
		defer close(ended)
		for ; !done.Load(); time.Sleep(often) {
			requests++
			if got, err := somebody().Get(ctx, replica.Portal+"/t/"+ns+"/login"); err != nil || got.Code != http.StatusOK {
				failed = append(failed, fmt.Sprintf("%d %v", got.Code, err))
			}
		}
	}()
	return func() (int, []string) {
		done.Store(true)
		<-ended
		return requests, failed
	}
}
