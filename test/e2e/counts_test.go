package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
)

// crowded is how many partnerships the counts are tried with: 300, or what the environment variable PARTNERSHIPS says.
func crowded() int {
	if n, err := strconv.Atoi(os.Getenv("PARTNERSHIPS")); err == nil {
		return n
	}
	return 300
}

// each does something so many times, several at once.
func each(count int, do func(n int)) {
	GinkgoHelper()
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			defer GinkgoRecover()
			for n := worker; n < count; n += 16 {
				do(n)
			}
		})
	}
	all.Wait()
}

var _ = Describe("the counts of a program and its groups", func() {
	It("are right a few seconds after a change, and are written once in that time however many partnerships change", func() {
		partnerships := crowded()
		ns := newTenant()
		referral, gold := program(ns, "referral", "", ""), group(ns, "gold", "")
		create(invite(ns, "ada", grant("referral", "")))
		create(invite(ns, "grace", grant("elsewhere", "")))
		settle()
		Expect(reread(referral).Status.Groups).To(BeEquivalentTo(2))
		Expect(*referral.Status.Invites).To(Equal(v1alpha1.InviteCounts{Sent: 1}))

		proxy.Forget()
		began := time.Now()
		each(partnerships, func(n int) {
			p := partner(ns, fmt.Sprintf("p%d", n), "referral")
			if n%3 == 0 {
				p.Spec.GroupRef = &v1alpha1.GroupReference{Name: "gold"}
			}
			create(p)
		})
		Eventually(func() int32 { return reread(referral).Status.Partnerships.Active }, 2*time.Minute, often).Should(BeEquivalentTo(partnerships))
		each(partnerships/2, func(n int) {
			change(partner(ns, fmt.Sprintf("p%d", n), "referral"), func(p *v1alpha1.Partnership) {
				no := false
				p.Spec.Revocation = &v1alpha1.Revocation{Notify: &no}
			})
		})
		revoked := int32(partnerships / 2)
		Eventually(func() v1alpha1.PartnershipCounts { return *reread(referral).Status.Partnerships }, 2*time.Minute, often).
			Should(Equal(v1alpha1.PartnershipCounts{Active: int32(partnerships) - revoked, Revoked: revoked}))
		Eventually(func() int32 {
			counts := reread(gold).Status.Partnerships
			return counts.Active + counts.Revoked
		}, soon, often).Should(BeEquivalentTo((partnerships + 2) / 3))
		settle()
		took := time.Since(began)
		writes := proxy.Seen()[apiproxy.Request{Method: http.MethodPut, Resource: "programs/status"}]
		Expect(writes).To(BeNumerically("<=", 2+int(took/(3*time.Second))), "in %s", took)
		AddReportEntry("counts", fmt.Sprintf("%d partnerships created and half of them revoked in %s: %d writes of the program's status", partnerships, took.Round(time.Second), writes))

		Expect(api.Delete(ctx, partner(ns, "p0", "referral"))).To(Succeed())
		Eventually(func() int32 { return reread(referral).Status.Partnerships.Revoked }, soon, often).Should(Equal(revoked - 1))
	})
})
