package e2e

import (
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// tombstones are the ConfigMaps of a tenant that remember who was a partner.
func tombstones(ns string) func() []corev1.ConfigMap {
	return func() []corev1.ConfigMap {
		var list corev1.ConfigMapList
		Expect(api.List(ctx, &list, client.InNamespace(operatorNamespace), client.MatchingLabels{tombstone.NamespaceLabel: ns})).To(Succeed())
		return list.Items
	}
}

var _ = Describe("removing a partner", func() {
	It("ends access at once, leaves a tombstone without an address, and an invite by mail starts afresh", func() {
		ns := newTenant()
		person, first := accepted(ns, "ada", grant("referral", ""))
		Expect(get(person, tenantURL(ns, "")).Code).To(Equal(http.StatusOK))
		Expect(first.Finalizers).To(BeEmpty(), "nothing that could hang without the operator")
		Eventually(tombstones(ns), soon, often).Should(HaveLen(1))
		change(first, func(p *v1alpha1.Partnership) { p.Spec.Stage = "Gold for years" })
		Expect(api.Delete(ctx, first)).To(Succeed())
		Expect(api.Delete(ctx, invite(ns, "ada"))).To(Succeed())
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther))

		stone := tombstones(ns)()[0]
		text, err := yaml.Marshal(stone)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).NotTo(ContainSubstring(ns + ".example"))
		Expect(stone.Annotations).To(HaveKeyWithValue(tombstone.ProgramAnnotation, "referral"))

		i := invite(ns, "ada", grant("referral", ""))
		i.Name = "ada-again"
		create(i)
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(2))
		fresh := somebody()
		Expect(post(fresh, linkTo(address(ns, "ada"), v1alpha1.MailInvite)+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		second := &v1alpha1.Partnership{}
		second.Namespace, second.Name = ns, reread(i).Status.PartnershipRefs[0].Name
		Eventually(partnershipState(second), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(second.Spec.Stage).To(BeEmpty())
		Expect(get(person, tenantURL(ns, "")).Code).To(Equal(http.StatusSeeOther), "a session of before the removal does not open it")
	})
})

var _ = Describe("ending a team", Label("portal"), func() {
	var ns, url string
	var agency *v1alpha1.PartnerTeam
	var partnership *v1alpha1.Partnership
	var leave *browser.Person // who leaves after the end
	// answer is what the link of a verification mail answers somebody.
	links := map[string]string{}
	answer := func(name string, code int, text string) {
		GinkgoHelper()
		if links[name] == "" {
			links[name] = verified(url, address(ns, name))
		}
		Eventually(func() error { return open(links[name])().Wants(code, text) }, soon, often).Should(Succeed(), name)
		if code != http.StatusOK {
			Expect(post(somebody(), links[name]).Code).To(Equal(code), name)
		}
	}
	BeforeEach(func() {
		clear(links)
		ns = newTenant()
		url = joinLink(ns, v1alpha1.GroupJoin{Approval: v1alpha1.JoinApprovalAutomatic})
		agency = declaredTeam(ns)
		partnership = &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency-referral"}}
		Eventually(partnershipState(partnership), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		owner := signedIn(ns, "owner")
		join(owner, ns, "admin", v1alpha1.RoleAdmin)
		later := join(owner, ns, "later", v1alpha1.RoleFinance)
		before := join(owner, ns, "before", v1alpha1.RoleMember)
		Eventually(marks(ns), soon, often).Should(Equal(5), "the team, and its four people")
		Expect(post(before, teamURL(ns, "/leave")).Code).To(Equal(http.StatusSeeOther))
		Eventually(func() int { return noted(ns, "released") }, soon, often).Should(Equal(1))
		answer("admin", http.StatusConflict, "Agency GmbH is a partner here, and you are in it")
		answer("before", http.StatusOK, "Your application")
		leave = later
	})

	It("keeps its people out who were in it, and lets them in again with it", func() {
		change(partnership, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Reason: "Fraud"} })
		Eventually(partnershipState(partnership), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		for _, name := range []string{"owner", "admin", "later"} {
			answer(name, http.StatusForbidden, "cannot apply")
		}
		answer("before", http.StatusOK, "Your application")
		asked, _ := sentInvite(ns, "admin", grant("referral", "gold"))
		Eventually(func() string {
			return meta.FindStatusCondition(reread(asked).Status.Conditions, v1alpha1.ConditionReady).Message
		}, soon, often).
			Should(ContainSubstring(`PartnerTeam "agency", which the person was in, and which was ended`))
		restart()
		answer("owner", http.StatusForbidden, "cannot apply")
		Expect(partnerships(ns)()).To(Equal(1))
		change(partnership, func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
		answer("owner", http.StatusConflict, "Agency GmbH is a partner here")
	})

	It("keeps them out also when its Partnership, and then the team, is deleted", func() {
		Expect(api.Delete(ctx, partnership)).To(Succeed())
		for _, name := range []string{"owner", "admin", "later"} {
			answer(name, http.StatusForbidden, "cannot apply")
		}
		Expect(post(leave, teamURL(ns, "/leave")).Code).To(Equal(http.StatusSeeOther))
		answer("later", http.StatusForbidden, "cannot apply")
		Expect(api.Delete(ctx, agency)).To(Succeed())
		answer("before", http.StatusOK, "Your application")
		addKey()
		retireKeys()
		gold := group(ns, "gold", "referral")
		Eventually(func() string { return reread(gold).Status.JoinURL }, soon, often).ShouldNot(Equal(url))
		url = gold.Status.JoinURL
		Eventually(func() int { return open(url)().Code }, soon, often).Should(Equal(http.StatusOK))
		clear(links)
		for _, name := range []string{"owner", "admin", "later"} {
			answer(name, http.StatusForbidden, "cannot apply")
		}
		Expect(post(somebody(), verified(url, address(ns, "before"))).Code).To(Equal(http.StatusSeeOther))

		_, invited := sentInvite(ns, "admin", grant("referral", "gold"))
		Expect(post(somebody(), invited+"/accept", "email", address(ns, "admin")).Code).To(Equal(http.StatusSeeOther))
		Eventually(func() v1alpha1.PartnershipState { return inReferral(ns, "admin").Status.State }, soon, often).Should(Equal(v1alpha1.PartnershipActive))
	})
})

// noted counts what the tombstones of a tenant note so.
func noted(ns, value string) int {
	count := 0
	for _, page := range tombstones(ns)() {
		for _, is := range page.Data {
			if is == value {
				count++
			}
		}
	}
	return count
}
