package e2e

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var _ = Describe("asking for sign-in links", Label("portal"), func() {
	It("leads to one mail however many ask at once, at two replicas, and its link works", func() {
		ns := newTenant()
		create(partner(ns, "grace", "referral"))
		Eventually(partnershipState(partner(ns, "grace", "referral")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		second := startReplica()
		asked := make(chan int)
		for i := range 20 {
			go func() {
				defer GinkgoRecover()
				where := []string{running.Portal, second.Portal}[i%2]
				asked <- post(somebody(), where+"/t/"+ns+"/login", "email", address(ns, "grace")).Code
			}()
		}
		for range 20 {
			Eventually(asked, soon).Should(Receive(Equal(http.StatusSeeOther)))
		}
		Eventually(mailsTo(address(ns, "grace"), v1alpha1.MailSignIn), soon, often).Should(Equal(1))
		Consistently(mailsTo(address(ns, "grace"), v1alpha1.MailSignIn), quiet, often).Should(Equal(1))
		link := linkTo(address(ns, "grace"), v1alpha1.MailSignIn)
		Expect(post(somebody(), link, "email", address(ns, "grace")).Code).To(Equal(http.StatusSeeOther))
		Eventually(func() int { return open(link)().Code }, soon, often).Should(Equal(http.StatusNotFound), "it is used")
	})

	It("ends no link that the version before mailed", func() {
		ns := newTenant()
		p := partner(ns, "grace", "referral")
		create(p)
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		post(somebody(), tenantURL(ns, "login"), "email", address(ns, "grace"))
		Eventually(mailsTo(address(ns, "grace"), v1alpha1.MailSignIn), soon, often).Should(Equal(1))
		link := linkTo(address(ns, "grace"), v1alpha1.MailSignIn)
		Eventually(func() error { // as that version wrote it, five minutes ago
			p = reread(p)
			p.Status.SignIn.Open, p.Status.SignIn.RequestedTime = nil, &metav1.Time{Time: time.Now().Add(-5 * time.Minute)}
			return api.Status().Update(ctx, p)
		}, soon, often).Should(Succeed())
		post(somebody(), tenantURL(ns, "login"), "email", address(ns, "grace"))
		Eventually(mailsTo(address(ns, "grace"), v1alpha1.MailSignIn), soon, often).Should(Equal(2))
		newer := linkTo(address(ns, "grace"), v1alpha1.MailSignIn)
		Expect(newer).NotTo(Equal(link))
		Expect(open(newer)().Code).To(Equal(http.StatusOK))
		Expect(post(somebody(), link, "email", address(ns, "grace")).Code).To(Equal(http.StatusSeeOther))
		Eventually(func() int { return open(newer)().Code }, soon, often).Should(Equal(http.StatusNotFound), "using one ends the others")
	})
})

var _ = Describe("signing somebody out", Label("portal"), func() {
	It("ends every session and open link of a partner, on all replicas, and takes nothing else away", func() {
		ns := newTenant()
		p := partner(ns, "grace", "referral")
		create(p)
		create(partner(ns, "ada", "referral"))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Eventually(partnershipState(partner(ns, "ada", "referral")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		second := startReplica()
		grace, ada := signedIn(ns, "grace"), signedIn(ns, "ada")
		post(somebody(), tenantURL(ns, "login"), "email", address(ns, "grace"))
		Eventually(mailsTo(address(ns, "grace"), v1alpha1.MailSignIn), soon, often).Should(Equal(2))
		link := linkTo(address(ns, "grace"), v1alpha1.MailSignIn)

		change(p, func(p *v1alpha1.Partnership) {
			metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.SignOutAnnotation, "now")
		})
		for _, where := range []string{running.Portal, second.Portal} {
			Eventually(func() int { return get(grace, where+"/t/"+ns+"/").Code }, soon, often).Should(Equal(http.StatusSeeOther))
		}
		Eventually(func() int { return open(link)().Code }, soon, often).Should(Equal(http.StatusNotFound))
		Expect(get(ada, tenantURL(ns, "")).Code).To(Equal(http.StatusOK), "nobody else is signed out")
		Expect(partnershipState(p)()).To(Equal(v1alpha1.PartnershipActive))

		again := signedIn(ns, "grace")
		change(p, func(p *v1alpha1.Partnership) { delete(p.Annotations, v1alpha1.SignOutAnnotation) })
		change(p, func(p *v1alpha1.Partnership) {
			metav1.SetMetaDataAnnotation(&p.ObjectMeta, v1alpha1.SignOutAnnotation, "now")
		})
		Consistently(func() int { return get(again, tenantURL(ns, "")).Code }, quiet, often).Should(Equal(http.StatusOK), "the same text once more does nothing")
	})

	It("ends the sessions of those people of a team who are named", func() {
		ns := newTenant()
		team := declaredTeam(ns)
		owner := signedIn(ns, "owner")
		member := join(owner, ns, "member", v1alpha1.RoleMember)
		change(team, func(t *v1alpha1.PartnerTeam) {
			metav1.SetMetaDataAnnotation(&t.ObjectMeta, v1alpha1.SignOutAnnotation, "now "+address(ns, "member"))
		})
		Eventually(func() int { return get(member, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		Expect(get(owner, tenantURL(ns, "")).Code).To(Equal(http.StatusOK))
	})

	It("happens to the session of a browser that signs in again, and to each copy of its cookie", func() {
		ns := newTenant()
		create(partner(ns, "grace", "referral"))
		Eventually(partnershipState(partner(ns, "grace", "referral")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		person, elsewhere := signedIn(ns, "grace"), signedIn(ns, "grace")
		thief, err := person.Steal(tenantURL(ns, ""))
		Expect(err).NotTo(HaveOccurred())
		Expect(get(thief, tenantURL(ns, "")).Code).To(Equal(http.StatusOK))
		Expect(post(person, tenantURL(ns, "login"), "email", address(ns, "grace")).Code).To(Equal(http.StatusSeeOther))
		Eventually(mailsTo(address(ns, "grace"), v1alpha1.MailSignIn), soon, often).Should(Equal(3))
		Expect(post(person, linkTo(address(ns, "grace"), v1alpha1.MailSignIn)).Code).To(Equal(http.StatusSeeOther))
		Eventually(func() int { return get(thief, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		Expect(get(person, tenantURL(ns, "")).Wants(http.StatusOK, "Last sign-in")).To(Succeed())
		Expect(get(elsewhere, tenantURL(ns, "")).Code).To(Equal(http.StatusOK))
	})
})
