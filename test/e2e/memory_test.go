package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/internal/keyring"
	"github.com/partner-operator/partner-operator/internal/link"
	"github.com/partner-operator/partner-operator/internal/token"
	"github.com/partner-operator/partner-operator/internal/tombstone"
)

// signingKeys is the Secret with the signing keys.
func signingKeys() *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: keyring.SecretName}}
}

// addKey adds a signing key.
func addKey() {
	GinkgoHelper()
	change(signingKeys(), func(s *corev1.Secret) {
		newest := slices.Max(slices.Collect(maps.Keys(s.Data)))
		made, err := time.Parse("20060102T150405Z", newest)
		Expect(err).NotTo(HaveOccurred())
		s.Data[token.KeyName(made.Add(time.Second))] = token.NewKey()
	})
}

// retireKeys removes all signing keys but the newest.
func retireKeys() {
	GinkgoHelper()
	change(signingKeys(), func(s *corev1.Secret) {
		newest := slices.Max(slices.Collect(maps.Keys(s.Data)))
		s.Data = map[string][]byte{newest: s.Data[newest]}
	})
}

// joined lets somebody become a partner by a join link.
func joined(ns, url, name string) {
	GinkgoHelper()
	Expect(post(somebody(), verified(url, address(ns, name))).Code).To(Equal(http.StatusSeeOther))
	Eventually(func() v1alpha1.PartnershipState { return inReferral(ns, name).Status.State }, soon, often).Should(Equal(v1alpha1.PartnershipActive))
}

// inReferral finds the partnership of an address in the program referral.
func inReferral(ns, name string) *v1alpha1.Partnership {
	GinkgoHelper()
	var list v1alpha1.PartnershipList
	Expect(api.List(ctx, &list, client.InNamespace(ns))).To(Succeed())
	for i := range list.Items {
		if p := &list.Items[i]; p.Spec.Contact != nil && string(p.Spec.Contact.Email) == address(ns, name) && p.Spec.ProgramRef.Name == "referral" {
			return p
		}
	}
	return &v1alpha1.Partnership{}
}

// expectRefused is that join links refuse somebody who was removed.
func expectRefused(ns, name string) {
	GinkgoHelper()
	gold := group(ns, "gold", "referral")
	Eventually(func() int { return open(reread(gold).Status.JoinURL)().Code }, soon, often).Should(Equal(http.StatusOK))
	apply := verified(gold.Status.JoinURL, address(ns, name))
	Eventually(func() error { return open(apply)().Wants(http.StatusForbidden, "cannot apply") }, soon, often).Should(Succeed(), name)
	Expect(post(somebody(), apply).Code).To(Equal(http.StatusForbidden), name)
	Expect(inReferral(ns, name).Name).To(BeEmpty(), name)
}

func remembering(of *v1alpha1.Program) func() string {
	return func() string {
		c := meta.FindStatusCondition(reread(of).Status.Conditions, v1alpha1.ConditionRemovalsRemembered)
		if c == nil {
			return ""
		}
		return string(c.Status) + "/" + c.Reason
	}
}

var _ = Describe("who was a partner", Label("portal"), func() {
	var ns, url string
	BeforeEach(func() {
		ns = newTenant()
		url = joinLink(ns, v1alpha1.GroupJoin{Approval: v1alpha1.JoinApprovalAutomatic})
		joined(ns, url, "ada")
		joined(ns, url, "bob")
		Eventually(marks(ns), soon, often).Should(Equal(2))
		Expect(api.Delete(ctx, inReferral(ns, "bob"))).To(Succeed())
	})

	DescribeTable("is remembered when the signing keys are replaced at once", func(up bool) {
		if !up {
			Expect(running.Stop()).To(Succeed())
		}
		addKey()
		retireKeys()
		if !up {
			startOperator()
		}
		gold := group(ns, "gold", "referral")
		Eventually(func() string { return reread(gold).Status.JoinURL }, soon, often).ShouldNot(Equal(url), "nothing else happens")
		Expect(open(url)().Code).To(Equal(http.StatusNotFound))
		Expect(api.Delete(ctx, inReferral(ns, "ada"))).To(Succeed())
		expectRefused(ns, "ada")
		expectRefused(ns, "bob")
		Expect(marks(ns)()).To(Equal(2), "nobody had to be noted anew")
	},
		Entry("while the operator runs", true),
		Entry("while it does not", false),
	)

	It("is taken over from an earlier version, which marked with the signing keys, in the tenant's namespace", func() {
		Expect(running.Stop()).To(Succeed())
		keys, err := token.NewKeyring(reread(signingKeys()).Data)
		Expect(err).NotTo(HaveOccurred())
		of := reread(program(ns, "referral", "", ""))
		old := &corev1.ConfigMap{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "partner-tombstones-" + string(of.UID[:8]) + "-0", Labels: map[string]string{tombstone.Label: string(of.UID)}},
			Data:       map[string]string{},
		}
		for _, name := range []string{"ada", "bob"} {
			old.Data[keys.Marks(string(of.UID), address(ns, name))[0]] = ""
		}
		create(old)
		Expect(api.DeleteAllOf(ctx, &corev1.ConfigMap{}, client.InNamespace(operatorNamespace), client.HasLabels{tombstone.Label})).To(Succeed())
		marksKeys := signingKeys()
		marksKeys.Name = keyring.MarksSecretName
		Expect(api.Delete(ctx, marksKeys)).To(Succeed())

		startOperator()
		Eventually(marks(ns), soon, often).Should(Equal(1), "ada is noted anew")
		addKey()
		retireKeys()
		Expect(api.Delete(ctx, inReferral(ns, "ada"))).To(Succeed())
		expectRefused(ns, "bob")
		expectRefused(ns, "ada")
		Expect(reread(old).Data).To(HaveLen(2), "it is read, and nothing is added")
		Expect(api.Delete(ctx, old)).To(Succeed())
		expectRefused(ns, "ada")
	})

	It("is noted anew, as far as they are there, when somebody erases it", func() {
		before := tombstones(ns)()[0]
		Expect(api.Delete(ctx, &before)).To(Succeed())
		Eventually(marks(ns), soon, often).Should(Equal(1))
		Eventually(func() int { return len(tombstones(ns)()) }, soon, often).Should(Equal(1))
		page := tombstones(ns)()[0]
		noted := maps.Clone(page.Data)
		change(&page, func(page *corev1.ConfigMap) { page.Data = map[string]string{"something": "else"} })
		Eventually(func() map[string]string { return reread(&page).Data }, soon, often).Should(SatisfyAll(HaveKey("something"), HaveKey(slices.Collect(maps.Keys(noted))[0])))
		Expect(post(somebody(), verified(url, address(ns, "bob"))).Code).To(Equal(http.StatusSeeOther), "who was removed is erased")
		Expect(api.Delete(ctx, inReferral(ns, "ada"))).To(Succeed())
		expectRefused(ns, "ada")
	})

	It("is noted also where the first look at an application mails the staff, and a default link cannot be made", func() {
		staffed(ns)
		change(group(ns, "gold", "referral"), func(g *v1alpha1.PartnerGroup) { g.Spec.Links.Defaults = []v1alpha1.DefaultLink{{Suffix: "start"}} })
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Links.Destination = startPage })
		proxy.Break(func(r *http.Request) apiproxy.Fault {
			if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/namespaces/"+ns+"/partnerlinks") {
				return apiproxy.Fail
			}
			return apiproxy.None
		})
		DeferCleanup(func() { proxy.Break(nil) })
		before := marks(ns)()
		joined(ns, url, "carl")
		Eventually(mailsTo(address(ns, "staff"), v1alpha1.MailApplicationReceived), soon, often).Should(Equal(1))
		Eventually(marks(ns), soon, often).Should(Equal(before + 1))
		Expect(api.Delete(ctx, inReferral(ns, "carl"))).To(Succeed())
		expectRefused(ns, "carl")
	})

	It("is said to be forgotten as long as others have all the names, by the program alone whose they are", func() {
		other := newTenant()
		create(program(ns, "reseller", "Acme Reseller", ""))
		of := reread(program(ns, "reseller", "", ""))
		var theirs []*corev1.ConfigMap
		for number := range 10 {
			each := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: fmt.Sprintf("partner-tombstones-%s-%s-%d", ns, of.UID, number)}}
			create(each)
			theirs = append(theirs, each)
		}
		before := marks(ns)()
		create(partner(ns, "grace", "reseller"))
		Eventually(remembering(of), soon, often).Should(Equal("False/" + v1alpha1.ReasonNameTaken))
		create(partner(other, "grace", "referral"))
		Eventually(marks(other), soon, often).Should(Equal(1))
		Expect(remembering(program(ns, "referral", "", ""))()).To(BeEmpty())
		Expect(marks(ns)()).To(Equal(before))

		for _, each := range theirs {
			Expect(api.Delete(ctx, each)).To(Succeed())
		}
		Eventually(marks(ns), soon, often).Should(Equal(before + 1))
		Eventually(remembering(of), soon, often).Should(BeEmpty())
	})

	It("is forgotten with the program", func() {
		Expect(api.Delete(ctx, program(ns, "referral", "", ""))).To(Succeed())
		Eventually(tombstones(ns), soon, often).Should(BeEmpty())
	})
})

var _ = Describe("a link that is kept in a Secret", Label("portal"), func() {
	It("follows the signing keys at once, and the one of before works as long as its key", func() {
		ns := newTenant()
		letLinks(ns, "partner-operator")
		i := invite(ns, "dora", grant("referral", ""))
		i.Spec.Delivery = v1alpha1.DeliveryLink
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "dora-link"}}
		kept := func() string { return string(reread(secret).Data["url"]) }
		first := kept()
		addKey()
		Eventually(kept, soon, often).ShouldNot(Equal(first))
		Expect(open(first)().Code).To(Equal(http.StatusOK))
		Expect(open(kept())().Code).To(Equal(http.StatusOK))
		retireKeys()
		Eventually(func() int { return open(first)().Code }, soon, often).Should(Equal(http.StatusNotFound))
		Expect(post(somebody(), kept()+"/accept", "email", address(ns, "dora")).Code).To(Equal(http.StatusSeeOther))
		Expect(reread(i).Status.Serial).To(BeEquivalentTo(1))
	})
})

var _ = Describe("a default link whose names are somebody else's", func() {
	It("is said to be missing by the partnership, and made once they are free", func() {
		ns := newTenant()
		change(group(ns, "standard", "referral"), func(g *v1alpha1.PartnerGroup) { g.Spec.Links.Defaults = []v1alpha1.DefaultLink{{Suffix: "start"}} })
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Links.Destination = startPage })
		create(partner(ns, "other", "reseller"))
		p := partner(ns, "ada", "referral")
		var taken []*v1alpha1.PartnerLink
		first, second := link.DefaultName(p.Name, "start")
		for _, name := range []string{first, second} {
			l := partnerLink(ns, name, "other")
			create(l)
			taken = append(taken, l)
		}
		create(p)
		missing := func() string {
			c := meta.FindStatusCondition(reread(p).Status.Conditions, v1alpha1.ConditionDefaultLinks)
			if c == nil {
				return ""
			}
			return string(c.Status) + "/" + c.Reason + ": " + c.Message
		}
		Eventually(missing, soon, often).Should(And(HavePrefix("False/"+v1alpha1.ReasonNameTaken), ContainSubstring(taken[0].Name)))
		Expect(p.Status.State).To(Equal(v1alpha1.PartnershipActive))
		Expect(api.Delete(ctx, taken[0])).To(Succeed())
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Stage = "Gold" })
		Eventually(func() v1alpha1.LinkState {
			made := partnerLink(ns, first, p.Name)
			if api.Get(ctx, client.ObjectKeyFromObject(made), made) != nil {
				return "there is none"
			}
			return made.Status.State
		}, soon, often).Should(Equal(v1alpha1.LinkActive))
		Eventually(missing, soon, often).Should(BeEmpty())
	})
})
