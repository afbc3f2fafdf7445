package e2e

import (
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

// saltOf is the salt of the program referral.
func saltOf(ns string) string {
	GinkgoHelper()
	p := &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "referral"}}
	Eventually(func() string { return reread(p).Status.NameSalt }, soon, often).Should(HaveLen(26))
	return p.Status.NameSalt
}

// namesOf are the names that a partnership in referral can have.
func namesOf(ns, email string) []string {
	GinkgoHelper()
	return partnership.Names(v1alpha1.PartnershipSpec{
		ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: v1alpha1.EmailAddress(email)},
	}, saltOf(ns))
}

var _ = Describe("names of what is made for people", Label("portal"), func() {
	It("tell nothing of the address, nor does what stands beside them in events, logs, labels and links", func() {
		ns := newTenant()
		const email = "jane.roe@bigcorp.example"
		change(group(ns, "gold", "referral"), func(g *v1alpha1.PartnerGroup) {
			g.Spec.Links.Defaults = []v1alpha1.DefaultLink{{Destination: "https://acme.example/start"}}
		})
		link := verified(joinLink(ns, v1alpha1.GroupJoin{Approval: v1alpha1.JoinApprovalAutomatic}), email)
		Expect(post(somebody(), link).Code).To(Equal(http.StatusSeeOther))
		var made []v1alpha1.Partnership
		Eventually(func(g Gomega) {
			var all v1alpha1.PartnershipList
			g.Expect(api.List(ctx, &all, client.InNamespace(ns))).To(Succeed())
			g.Expect(all.Items).To(HaveLen(1))
			g.Expect(all.Items[0].Status.State).To(Equal(v1alpha1.PartnershipActive))
			g.Expect(all.Items[0].Status.DefaultLinks).NotTo(BeEmpty())
			made = all.Items
		}, soon, often).Should(Succeed())
		Expect(made[0].Name).To(Equal(namesOf(ns, email)[0]))
		Expect(made[0].Status.DisplayName).To(Equal("j***@bigcorp.example"), "what kubectl get shows")
		change(&made[0], func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} })
		Eventually(eventReasons(&made[0]), soon, often).Should(ContainElement("Revoked"))

		for where, told := range map[string]string{
			"events": kubectl("get", "events.events.k8s.io", "-n", ns, "-o", "yaml"), "logs": running.Log(),
			"names, labels": kubectl("get", "partners", "-n", ns, "-o", "jsonpath={.items[*].metadata}"),
			"links":         kubectl("get", "plink", "-n", ns, "-o", "jsonpath={.items[*].status.url}"),
		} {
			for _, part := range []string{"jane", "Roe", "roe@", "-roe", "bigcorp"} {
				Expect(told).NotTo(ContainSubstring(part), where)
			}
		}
		Expect(kubectl("get", "pship", "-n", ns, "--field-selector=spec.contact.email="+email, "-o", "name")).To(ContainSubstring(made[0].Name))
	})

	It("that are another partner's do not keep a person out", func() {
		ns := newTenant()
		names := namesOf(ns, address(ns, "ada"))
		other := partner(ns, names[0], "referral")
		other.Spec.Contact.Email = "vera@example.com"
		create(other)
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		Expect(post(somebody(), link+"/accept", "email", address(ns, "ada")).Location).To(Equal(tenantURL(ns, "")))
		Expect(reread(i).Status.PartnershipRefs).To(Equal([]v1alpha1.PartnershipReference{{Name: names[1]}}))
		Expect(partnershipOf(ns, "ada", "referral")(NewWithT(GinkgoT())).Name).To(Equal(names[1]))
	})

	It("that are all another partner's stop an invite, which says so, until one is free", func() {
		ns := newTenant()
		names := namesOf(ns, address(ns, "ada"))
		for _, name := range names {
			other := partner(ns, name, "referral")
			other.Spec.Contact.Email = v1alpha1.EmailAddress("vera-" + name + "@example.com")
			create(other)
		}
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		person := somebody()
		Expect(post(person, link+"/accept", "email", address(ns, "ada")).Wants(http.StatusAccepted, "You accepted the invitation")).To(Succeed())
		Eventually(condition(i, v1alpha1.ConditionStalled), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonNameTaken), HaveField("Message", And(ContainSubstring(names[0]), ContainSubstring(names[2]), ContainSubstring("another name")))))
		Eventually(eventReasons(i), soon, often).Should(ConsistOf("Sent", "Accepted", v1alpha1.ReasonNameTaken))
		Expect(post(person, link+"/accept", "email", address(ns, "ada")).Wants(http.StatusAccepted, "You accepted the invitation")).To(Succeed())
		settle()
		proxy.Forget()
		Consistently(proxy.Writes, quiet, often).Should(BeZero())

		Expect(api.Delete(ctx, &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: names[2]}})).To(Succeed())
		change(i, func(i *v1alpha1.PartnerInvite) { i.Spec.DisplayName = "Ada" }) // or a minute passes
		Eventually(func() []v1alpha1.PartnershipReference { return reread(i).Status.PartnershipRefs }, soon, often).
			Should(Equal([]v1alpha1.PartnershipReference{{Name: names[2]}}))
		Expect(condition(i, v1alpha1.ConditionStalled)()).To(BeNil())
	})

	It("change with the salt, and nothing is made twice by that", func() {
		ns := newTenant()
		before := saltOf(ns)
		_, p := accepted(ns, "ada", grant("referral", ""))
		restored := &v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "referral"}}
		Expect(api.Get(ctx, client.ObjectKeyFromObject(restored), restored)).To(Succeed())
		restored.Status.NameSalt = ""
		Expect(api.Status().Update(ctx, restored)).To(Succeed())
		change(restored, func(p *v1alpha1.Program) { p.Spec.Description = "Restored." })
		Eventually(func() string { return saltOf(ns) }, soon, often).ShouldNot(Equal(before))
		i := invite(ns, "again", grant("referral", ""))
		i.Spec.Contact.Email = v1alpha1.EmailAddress(address(ns, "ada"))
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteAlreadyPartner))
		Expect(partnershipOf(ns, "ada", "referral")(NewWithT(GinkgoT())).Name).To(Equal(p.Name))
	})
})
