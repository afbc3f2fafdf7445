package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/operator"
)

var _ = Describe("a revocation", func() {
	It("counts on all replicas at once, however many partners there are", func() {
		const people = 25
		ns := newTenant()
		each(crowded(), func(n int) { create(partner(ns, fmt.Sprintf("crowd%d", n), "referral")) })
		second, err := operator.Start(ctx, operator.Options{
			Binary: binary, Cluster: plane, Kubeconfig: proxy.Kubeconfig, SMTPAddr: inbox.SMTPAddr(),
			Args: []string{"--leader-elect", "--portal-url=" + running.Portal, "--client-rate=0", "--address-rate=0"},
		})
		Expect(err).NotTo(HaveOccurred())
		defer func() { Expect(second.Stop()).To(Succeed()) }()
		replicas := []string{running.Portal, second.Portal}

		refusedAfter := map[string][]time.Duration{}
		for n := range people {
			p := partner(ns, fmt.Sprintf("p%d", n), "referral")
			create(p)
			Eventually(partnershipState(p), 2*time.Minute, often).Should(Equal(v1alpha1.PartnershipActive))
			person := signedIn(ns, p.Name)
			for _, replica := range replicas {
				Eventually(func() bool { return letIn(person, replica, ns) }, soon, often).Should(BeTrue(), replica)
			}
			change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Reason: "The contract ended."} })
			changed := time.Now()
			for _, replica := range replicas {
				Eventually(func() bool { return letIn(person, replica, ns) }, soon, time.Millisecond).Should(BeFalse(), replica)
				refusedAfter[replica] = append(refusedAfter[replica], time.Since(changed))
			}
		}
		for at, replica := range replicas {
			times := refusedAfter[replica]
			slices.Sort(times)
			AddReportEntry("latency", fmt.Sprintf("replica %d, %d partnerships: refused %s (median) and %s (longest of %d) after the patch returned",
				at+1, crowded()+people, times[len(times)/2].Round(100*time.Microsecond), times[len(times)-1].Round(100*time.Microsecond), len(times)))
		}
	})
})

// letIn tells whether a replica shows a person the dashboard with the program.
func letIn(person *browser.Person, replica, ns string) bool {
	GinkgoHelper()
	page := get(person, replica+"/t/"+ns+"/")
	return page.Code == http.StatusOK && strings.Contains(page.Body, "Acme Referral")
}
