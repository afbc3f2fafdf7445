package e2e

import (
	"fmt"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
)

// everything is all that a page tells: its code, headers and body, without what differs from one time to the next.
func everything(page browser.Page) string {
	header := page.Header.Clone()
	for _, name := range []string{"Date", "Set-Cookie", "Content-Length"} {
		header.Del(name)
	}
	return fmt.Sprint(page.Code, header, page.Location, page.Body)
}

var _ = Describe("what a partner sees", Label("portal"), func() {
	It("is nothing of the other programs of the namespace, on no page and in no header", func() {
		ns := newTenant()
		create(program(ns, "secret-plan", "Project Nightingale", ""))
		create(group(ns, "inner-circle", "secret-plan"))
		insider := partner(ns, "grace", "secret-plan")
		create(insider)
		person, _ := accepted(ns, "ada", grant("referral", "gold"))
		_, link := sentInvite(ns, "joan", grant("referral", ""))
		for _, path := range []string{"", "login", "signin/x", "invite/x", "no-such-page", "programs/secret-plan", "groups/inner-circle", "partnerships/" + insider.Name} {
			for _, who := range []*browser.Person{person, somebody()} {
				page := everything(get(who, tenantURL(ns, path)))
				for _, hidden := range []string{"secret-plan", "Nightingale", "inner-circle", "grace"} {
					Expect(strings.ReplaceAll(page, "/"+path, "")).NotTo(ContainSubstring(hidden), path)
				}
			}
		}
		Expect(everything(open(link)())).NotTo(ContainSubstring("Nightingale"))
		Expect(get(person, tenantURL(ns, "programs/secret-plan")).Code).To(Equal(get(person, tenantURL(ns, "programs/no-such-program")).Code))
	})

	It("is gone on the next request when a program is suspended, and back after that", func() {
		ns := newTenant()
		create(program(ns, "reseller", "Acme Reseller", ""))
		person, _ := accepted(ns, "ada", grant("referral", ""), grant("reseller", ""))
		dashboard := func() string { return get(person, tenantURL(ns, "")).Body }
		Eventually(dashboard, soon, often).Should(And(ContainSubstring("Acme Referral"), ContainSubstring("Acme Reseller")))
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = true })
		Eventually(dashboard, soon, often).Should(And(Not(ContainSubstring("Acme Referral")), ContainSubstring("Acme Reseller")))
		change(program(ns, "reseller", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = true })
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = false })
		Eventually(dashboard, soon, often).Should(And(ContainSubstring("Acme Referral"), Not(ContainSubstring("Acme Reseller"))), "the same session goes on")
	})

	It("is decided by the cookie of its own tenant alone", func() {
		ns, other := newTenant(), newTenant()
		person, _ := accepted(ns, "ada", grant("referral", ""))
		namesake := partner(other, "ada", "referral")
		namesake.Spec.Contact.Email = v1alpha1.EmailAddress(address(ns, "ada"))
		create(namesake)
		Eventually(partnershipState(namesake), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(get(person, tenantURL(other, "")).Location).To(Equal(tenantURL(other, "login")), "the same person signs in to each")
		Expect(get(person, tenantURL(ns, "")).Code).To(Equal(http.StatusOK))
	})
})

var _ = Describe("a namespace", func() {
	It("goes with all partners in it also when the operator is not there", func() {
		ns := newTenant()
		_, p := accepted(ns, "ada", grant("referral", ""))
		Eventually(tombstones(ns), soon, often).Should(HaveLen(1))
		Expect(running.Stop()).To(Succeed())
		defer startOperator()
		kubectl("delete", "namespace", ns, "--wait=true", "--timeout=60s")
		Expect(api.Get(ctx, client.ObjectKeyFromObject(p), p)).NotTo(Succeed())
	})
})
