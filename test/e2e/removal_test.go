package e2e

import (
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
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
