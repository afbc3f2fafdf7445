package e2e

import (
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var _ = Describe("an open invite", func() {
	partnershipOf := func(ns, name string, change func(*v1alpha1.PartnershipSpec)) *v1alpha1.Partnership {
		p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name + "-referral"}, Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"},
			Contact:    &v1alpha1.Contact{Email: v1alpha1.EmailAddress(address(ns, name))},
		}}
		change(&p.Spec)
		return p
	}
	says := func(i *v1alpha1.PartnerInvite, reason string) {
		GinkgoHelper()
		Eventually(condition(i, v1alpha1.ConditionAccepted), soon, often).Should(And(
			HaveField("Status", metav1.ConditionUnknown), HaveField("Reason", reason)))
	}

	It("says in its conditions what its page says, in whatever order things happen", func() {
		ns := newTenant()
		create(program(ns, "reseller", "Acme Reseller", ""))
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		answers := func(page int, reason string) {
			GinkgoHelper()
			says(i, reason)
			Expect(open(link)().Code).To(Equal(page), reason)
			if page != http.StatusOK {
				Expect(post(somebody(), link+"/accept", "email", address(ns, "ada")).Code).To(Equal(page), reason)
			}
			Expect(stateOf(i)()).To(Equal(v1alpha1.InviteSent))
		}
		answers(http.StatusOK, v1alpha1.ReasonPending)
		referral := program(ns, "referral", "Acme Referral", "standard")
		suspend := func(is bool) { change(referral, func(p *v1alpha1.Program) { p.Spec.Suspend = is }) }
		suspend(true)
		answers(http.StatusForbidden, v1alpha1.ReasonProgramSuspended)
		suspend(false)
		answers(http.StatusOK, v1alpha1.ReasonPending)
		revoked := partnershipOf(ns, "ada", func(s *v1alpha1.PartnershipSpec) { s.Revocation = &v1alpha1.Revocation{Reason: "Fraud"} })
		create(revoked)
		answers(http.StatusForbidden, v1alpha1.ReasonPartnerRevoked)
		Expect(api.Delete(ctx, revoked)).To(Succeed())
		answers(http.StatusOK, v1alpha1.ReasonPending)
		Expect(api.Delete(ctx, referral)).To(Succeed())
		answers(http.StatusForbidden, v1alpha1.ReasonProgramNotFound)
		Expect(condition(i, v1alpha1.ConditionResolvedRefs)()).To(HaveField("Reason", v1alpha1.ReasonProgramNotFound))
		create(program(ns, "referral", "Acme Referral", "standard"))
		answers(http.StatusOK, v1alpha1.ReasonPending)
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
	})

	It("mails nobody into a program that was deleted, and goes on when it is back", func() {
		ns := newTenant()
		eager(ns)
		i, _ := sentInvite(ns, "ada", grant("referral", ""))
		Expect(api.Delete(ctx, program(ns, "referral", "", ""))).To(Succeed())
		says(i, v1alpha1.ReasonProgramNotFound)
		askResend(i, "now")
		Eventually(condition(i, v1alpha1.ConditionReconciling), soon, often).Should(HaveField("Reason", v1alpha1.ReasonProgramNotFound))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
		again := program(ns, "referral", "Acme Referral", "standard")
		again.Spec.Invites.ResendCooldown = "0"
		create(again)
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(2))
		Expect(open(linkTo(address(ns, "ada"), v1alpha1.MailInvite))().Code).To(Equal(http.StatusOK))
	})

	It("offers no renewal that would not come", func() {
		ns := newTenant()
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = true })
		says(i, v1alpha1.ReasonProgramSuspended)
		reread(i)
		i.Status.ExpiryTime = &metav1.Time{Time: i.Status.IssuedTime.Time}
		Expect(api.Status().Update(ctx, i)).To(Succeed())
		Eventually(open(link), soon, often).Should(And(HaveField("Code", http.StatusGone), HaveField("Body", Not(ContainSubstring("/renew")))))
		Expect(post(somebody(), link+"/renew").Code).To(Equal(http.StatusForbidden))
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = false })
		Eventually(open(link), soon, often).Should(And(HaveField("Code", http.StatusGone), HaveField("Body", ContainSubstring("/renew"))))
	})

	It("for a new team says so when another invite has made it", func() {
		ns := newTenant()
		invited := func(name string) (*v1alpha1.PartnerInvite, string) {
			i := invite(ns, name, grant("referral", ""))
			i.Spec.Team = &v1alpha1.NewTeam{Name: "duo"}
			create(i)
			Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
			return i, linkTo(address(ns, name), v1alpha1.MailTeamInvite)
		}
		_, first := invited("ada")
		i, second := invited("bob")
		Expect(post(somebody(), first+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		says(i, v1alpha1.ReasonTeamExists)
		Expect(open(second)().Code).To(Equal(http.StatusForbidden))
	})

	It("that is held is settled by a partnership that comes after it", func() {
		ns := newTenant()
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = true })
		held, refused := invite(ns, "quinn", grant("referral", "")), invite(ns, "rob", grant("referral", ""))
		create(held)
		create(refused)
		Eventually(stateOf(held), soon, often).Should(Equal(v1alpha1.InviteHeld))
		Eventually(stateOf(refused), soon, often).Should(Equal(v1alpha1.InviteHeld))
		create(partnershipOf(ns, "quinn", func(*v1alpha1.PartnershipSpec) {}))
		create(partnershipOf(ns, "rob", func(s *v1alpha1.PartnershipSpec) { s.Revocation = &v1alpha1.Revocation{Reason: "Fraud"} }))
		Eventually(stateOf(held), soon, often).Should(Equal(v1alpha1.InviteAlreadyPartner))
		Eventually(stateOf(refused), soon, often).Should(Equal(v1alpha1.InviteRefused))
	})
})
