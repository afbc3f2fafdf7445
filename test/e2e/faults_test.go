package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// killAtWrite kills the operator at the given write of an invite's status, which goes wrong in the given way.
func killAtWrite(i *v1alpha1.PartnerInvite, write int, fault apiproxy.Fault) {
	GinkgoHelper()
	seen := 0
	var mutex sync.Mutex
	proxy.Break(func(r *http.Request) apiproxy.Fault {
		if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, "/namespaces/"+i.Namespace+"/partnerinvites/"+i.Name+"/status") {
			return apiproxy.None
		}
		mutex.Lock()
		defer mutex.Unlock()
		if seen++; seen != write {
			return apiproxy.None
		}
		if fault == apiproxy.Refuse {
			running.Kill()
		} else {
			time.AfterFunc(100*time.Millisecond, running.Kill)
		}
		return fault
	})
	defer proxy.Break(nil)
	create(i)
	Eventually(running.Ended(), soon).Should(BeClosed())
	startOperator()
}

var _ = Describe("a fault", func() {
	It("at every step between claim, send and record costs nobody their mail, and repeats it only after it was sent", func() {
		ns := newTenant()
		unclaimed, claimed := invite(ns, "unclaimed", grant("referral", "")), invite(ns, "claimed", grant("referral", ""))
		sending, unrecorded := invite(ns, "sending", grant("referral", "")), invite(ns, "unrecorded", grant("referral", ""))
		recorded := invite(ns, "recorded", grant("referral", ""))

		killAtWrite(unclaimed, 1, apiproxy.Refuse)
		killAtWrite(claimed, 1, apiproxy.LoseAnswer)
		killAtWrite(unrecorded, 2, apiproxy.Refuse)
		killAtWrite(recorded, 2, apiproxy.LoseAnswer)
		inbox.SetDelay(3 * time.Second)
		create(sending)
		Eventually(condition(sending, v1alpha1.ConditionSent), soon, often).Should(HaveField("Reason", v1alpha1.ReasonSending))
		running.Kill()
		inbox.SetDelay(0)
		startOperator()

		mails := map[string]int{}
		for _, i := range []*v1alpha1.PartnerInvite{unclaimed, claimed, sending, unrecorded, recorded} {
			Eventually(stateOf(i), 2*time.Minute, often).Should(Equal(v1alpha1.InviteSent), i.Name)
			mails[i.Name] = len(inbox.MessagesTo(address(ns, i.Name)))
		}
		Expect(mails).To(Or(
			Equal(map[string]int{"unclaimed": 1, "claimed": 1, "sending": 1, "unrecorded": 2, "recorded": 1}),
			Equal(map[string]int{"unclaimed": 1, "claimed": 1, "sending": 2, "unrecorded": 2, "recorded": 1}), // the server had heard all of it
		))
		for _, name := range []string{"sending", "unrecorded"} {
			for _, mail := range inbox.MessagesTo(address(ns, name)) {
				Expect(mail.MessageID).To(Equal(inbox.MessagesTo(address(ns, name))[0].MessageID))
				Expect(mail.Links).To(Equal(inbox.MessagesTo(address(ns, name))[0].Links))
			}
		}
	})

	It("of the leader leaves the rest to the next one", func() {
		const invites, workers = 100, 16
		ns := newTenant()
		Expect(running.Stop()).To(Succeed())
		startOperator("--leader-elect")
		second, err := operator.Start(ctx, operator.Options{
			Binary: "../../bin/partner-operator", Cluster: plane, Kubeconfig: proxy.Kubeconfig, SMTPAddr: inbox.SMTPAddr(),
			Args: []string{"--leader-elect", "--portal-url=http://" + portalAddress},
		})
		Expect(err).NotTo(HaveOccurred())
		inbox.SetDelay(50 * time.Millisecond)
		defer inbox.SetDelay(0)
		before := inbox.Count()
		for n := range invites {
			create(invite(ns, fmt.Sprintf("p%d", n), grant("referral", "")))
		}
		Eventually(func() int { return inbox.Count() - before }, soon, time.Millisecond).Should(BeNumerically(">", invites/4))
		running.Kill()
		Eventually(func() int { return len(perRecipient(before)) }, 3*time.Minute, often).Should(Equal(invites), "the lease of the dead leader lasts 15 seconds, its claims a minute")
		repeated := inbox.Count() - before - invites
		Expect(repeated).To(BeNumerically("<=", workers))
		AddReportEntry("repeated", fmt.Sprintf("%d of %d mails came twice", repeated, invites))
		Expect(second.Stop()).To(Succeed())
		startOperator()
	})

	It("of many writers at once neither loses nor repeats a mail", func() {
		const invites = 40
		ns := newTenant()
		inbox.SetDelay(30 * time.Millisecond)
		defer inbox.SetDelay(0)
		before := inbox.Count()
		stop := make(chan struct{})
		var storm sync.WaitGroup
		for n := range invites {
			i := invite(ns, fmt.Sprintf("p%d", n), grant("referral", ""))
			create(i)
			storm.Go(func() {
				defer GinkgoRecover()
				for round := 0; ; round++ {
					select {
					case <-stop:
						return
					case <-time.After(time.Millisecond):
						change(i, func(i *v1alpha1.PartnerInvite) { metav1.SetMetaDataLabel(&i.ObjectMeta, "round", strconv.Itoa(round)) })
					}
				}
			})
		}
		Eventually(func() int { return len(perRecipient(before)) }, time.Minute, often).Should(Equal(invites))
		close(stop)
		storm.Wait()
		for n := range invites {
			Eventually(stateOf(invite(ns, fmt.Sprintf("p%d", n))), soon, often).Should(Equal(v1alpha1.InviteSent))
		}
		Expect(inbox.Count() - before).To(Equal(invites))
	})
})
