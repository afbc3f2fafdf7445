package e2e

import (
	"net/http"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

// toInvite is a declared partner who is to be invited.
func toInvite(ns, name string) *v1alpha1.Partnership {
	p := partner(ns, name, "referral")
	p.Spec.GroupRef = &v1alpha1.GroupReference{Name: "gold"}
	p.Spec.Source, p.Spec.Invitation = v1alpha1.SourceImport, v1alpha1.InvitationSend
	return p
}

// invitationOf is the invite that is made for a partnership.
func invitationOf(p *v1alpha1.Partnership) *v1alpha1.PartnerInvite {
	return invite(p.Namespace, partnership.InvitationName(p.Name))
}

func gone(object client.Object) func() bool {
	return func() bool { return apierrors.IsNotFound(api.Get(ctx, client.ObjectKeyFromObject(object), object)) }
}

var _ = Describe("a partnership with invitation Send", func() {
	It("is Invited, mailed once, and Active once the person accepts", func() {
		ns := newTenant()
		known(ns)
		p := toInvite(ns, "ada")
		create(p)
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipInvited))
		Expect(p.Status.InviteRef).To(HaveField("Name", invitationOf(p).Name))
		Expect(open(link)().Wants(http.StatusOK, "Acme Referral", "Group gold")).To(Succeed())
		Expect(post(somebody(), tenantURL(ns, "login"), "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		restart()
		for range 3 {
			change(p, func(p *v1alpha1.Partnership) { p.Spec.Stage = v1alpha1.LineOfText("Stage " + p.ResourceVersion) })
		}

		person := somebody()
		Expect(post(person, link+"/accept", "email", address(ns, "ada")).Location).To(Equal(tenantURL(ns, "")))
		Expect(get(person, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral", "Group gold")).To(Succeed())
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(p.Status.Acceptance).To(HaveField("InviteRef.Name", invitationOf(p).Name))
		i := reread(invitationOf(p))
		Expect(i.Status.PartnershipRefs).To(Equal([]v1alpha1.PartnershipReference{{Name: "ada"}}), "no second partnership was made")
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailSignIn)()).To(BeZero())
		Eventually(eventReasons(p), soon, often).Should(ConsistOf("Invited", "Activated"))

		Expect(api.Delete(ctx, p)).To(Succeed())
		Eventually(gone(i), soon, often).Should(BeTrue(), "it goes with the partnership")
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther), "once the cache knows that it is gone")
	})

	It("is Pending once the person accepts, if the program approves then", func() {
		ns := newTenant()
		p := toInvite(ns, "ada")
		create(p)
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		onboarding(ns, v1alpha1.OnboardingApproval)
		Expect(post(somebody(), link+"/accept", "email", address(ns, "ada")).Location).To(Equal(tenantURL(ns, "login?waiting")))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipPending))
		onboarding(ns, v1alpha1.OnboardingAutomatic)
		Consistently(partnershipState(p), quiet, often).Should(Equal(v1alpha1.PartnershipPending))
		decide(p, v1alpha1.ApprovalApproved, "", "")
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailApproved), soon, often).Should(Equal(1))
	})

	It("stays Invited through a revocation, which refuses the link without spending it", func() {
		ns := newTenant()
		p := toInvite(ns, "ada")
		create(p)
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		no := false
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Notify: &no} })
		Eventually(open(link), soon, often).Should(HaveField("Code", http.StatusForbidden))
		Expect(post(somebody(), link+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusForbidden))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipInvited))
		Eventually(open(link), soon, often).Should(HaveField("Code", http.StatusOK))
		Expect(post(somebody(), link+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(len(inbox.MessagesTo(address(ns, "ada")))).To(Equal(1))
	})

	It("is mailed when the portal is opened, and its link is refused while that is closed", func() {
		ns := newTenant()
		p := toInvite(ns, "ada")
		p.Spec.PortalAccess = v1alpha1.PortalAccessDisabled
		create(p)
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipInvited))
		by := invite(ns, "by-hand", grant("referral", ""))
		by.Spec.Contact = *p.Spec.Contact
		create(by)
		Eventually(stateOf(by), soon, often).Should(Equal(v1alpha1.InviteHeld), "no mail of any kind")
		Consistently(func() int { return len(inbox.MessagesTo(address(ns, "ada"))) }, quiet, often).Should(BeZero())
		Expect(api.Delete(ctx, by)).To(Succeed())
		Eventually(gone(by), soon, often).Should(BeTrue())

		portal := func(access v1alpha1.PortalAccess) {
			GinkgoHelper()
			change(p, func(p *v1alpha1.Partnership) { p.Spec.PortalAccess = access })
		}
		portal(v1alpha1.PortalAccessEnabled)
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		portal(v1alpha1.PortalAccessDisabled)
		Eventually(open(link), soon, often).Should(HaveField("Code", http.StatusForbidden))
		portal(v1alpha1.PortalAccessEnabled)
		Eventually(open(link), soon, often).Should(HaveField("Code", http.StatusOK))
		person := somebody()
		Expect(post(person, link+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		portal(v1alpha1.PortalAccessDisabled)
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		Eventually(func() v1alpha1.PortalAccess { return reread(p).Status.PortalAccess }, soon, often).Should(Equal(v1alpha1.PortalAccessDisabled))
		portal(v1alpha1.PortalAccessEnabled)
		Consistently(func() int { return get(person, tenantURL(ns, "")).Code }, quiet, often).Should(Equal(http.StatusSeeOther), "old sessions stay dead")
		Expect(len(inbox.MessagesTo(address(ns, "ada")))).To(Equal(1))
	})

	It("is invited again on the invite, which once deleted is not made again", func() {
		ns := newTenant()
		eager(ns)
		p := toInvite(ns, "ada")
		create(p)
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		i := invitationOf(p)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Expect(post(somebody(), link+"/decline").Code).To(Equal(http.StatusSeeOther))
		Eventually(partnershipCondition(p, v1alpha1.ConditionActive), soon, often).Should(HaveField("Message", ContainSubstring("declined")))
		askResend(i, "please")
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(2))
		Eventually(partnershipCondition(p, v1alpha1.ConditionActive), soon, often).ShouldNot(HaveField("Message", ContainSubstring("declined")))

		Expect(api.Delete(ctx, i)).To(Succeed())
		Eventually(partnershipCondition(p, v1alpha1.ConditionActive), soon, often).Should(HaveField("Message", ContainSubstring("withdrew")))
		restart()
		Consistently(gone(i), quiet, often).Should(BeTrue())
		Expect(partnershipState(p)()).To(Equal(v1alpha1.PartnershipInvited))

		by := invite(ns, "by-hand", grant("referral", ""))
		by.Spec.Contact = *p.Spec.Contact
		create(by)
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(3))
		Expect(post(somebody(), linkTo(address(ns, "ada"), v1alpha1.MailInvite)+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
	})

	It("says why the person cannot be invited", func() {
		ns := newTenant()
		create(invite(ns, "ada-invitation", grant("referral", ""))) // somebody else's
		p := toInvite(ns, "ada")
		create(p)
		Eventually(partnershipCondition(p, v1alpha1.ConditionStalled), soon, often).Should(HaveField("Reason", v1alpha1.ReasonInviteNameTaken))
		Expect(api.Delete(ctx, invite(ns, "ada-invitation"))).To(Succeed())
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(1))
		Eventually(partnershipCondition(p, v1alpha1.ConditionStalled), soon, often).Should(BeNil())
	})
})

var _ = Describe("two partnerships of one partner", func() {
	It("give what the older one gives, and the younger takes over with its own facts", func() {
		ns := newTenant()
		older := partner(ns, "zoe", "referral")
		create(older)
		Eventually(partnershipState(older), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		// The API server keeps seconds; of the same second the first by name would count.
		Eventually(time.Now, soon, often).Should(BeTemporally(">", older.CreationTimestamp.Add(time.Second)))
		younger := partner(ns, "abe", "referral")
		younger.Spec.Contact.Email = v1alpha1.EmailAddress("ZOE@" + ns + ".example")
		younger.Spec.GroupRef = &v1alpha1.GroupReference{Name: "gold"}
		create(younger)
		Eventually(partnershipState(younger), soon, often).Should(Equal(v1alpha1.PartnershipConflict))
		Expect(partnershipCondition(younger, v1alpha1.ConditionStalled)()).To(And(
			HaveField("Reason", v1alpha1.ReasonConflict), HaveField("Message", ContainSubstring(`"zoe"`))))
		person := signedIn(ns, "zoe")
		Expect(get(person, tenantURL(ns, "")).Body).To(And(ContainSubstring("Group standard"), Not(ContainSubstring("Group gold"))))

		change(older, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} })
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther), "a second partnership is no way round a revocation")
		change(older, func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
		Eventually(partnershipState(older), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(api.Delete(ctx, older)).To(Succeed())
		Eventually(partnershipState(younger), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(partnershipCondition(younger, v1alpha1.ConditionStalled)()).To(BeNil())
		Expect(get(signedIn(ns, "zoe"), tenantURL(ns, "")).Wants(http.StatusOK, "Group gold")).To(Succeed())
		Eventually(eventReasons(younger), soon, often).Should(ConsistOf("Conflict", "ConflictResolved"))
	})
})

var _ = Describe("a partnership that ends by itself", func() {
	It("is over on the second, in silence, and comes back in silence when it is extended", func() {
		ns := newTenant()
		person, p := accepted(ns, "ada", grant("referral", ""))
		before := len(inbox.MessagesTo(address(ns, "ada")))
		end := time.Now().Add(3 * time.Second).Truncate(time.Second)
		change(p, func(p *v1alpha1.Partnership) { p.Spec.ValidUntil = v1alpha1.NewTimestamp(end) })
		Expect(get(person, tenantURL(ns, "")).Code).To(Equal(http.StatusOK))
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		Expect(time.Now()).To(BeTemporally(">=", end))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipExpired))
		Expect(time.Since(end)).To(BeNumerically("<", 10*time.Second))
		Expect(partnershipCondition(p, v1alpha1.ConditionActive)()).To(HaveField("Reason", v1alpha1.ReasonExpired))

		later := v1alpha1.NewTimestamp(time.Now().Add(time.Hour))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.ValidUntil = later })
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Consistently(func() int { return get(person, tenantURL(ns, "")).Code }, quiet, often).Should(Equal(http.StatusSeeOther), "old sessions stay dead")
		Expect(len(inbox.MessagesTo(address(ns, "ada")))).To(Equal(before))
		Expect(get(signedIn(ns, "ada"), tenantURL(ns, "")).Code).To(Equal(http.StatusOK))
		Eventually(eventReasons(p), soon, often).Should(ConsistOf("Activated", "Expired", "Extended"))
	})
})

var _ = Describe("a partnership without access, of whatever kind", func() {
	It("gets the same answer at the door as a partner, and no mail", func() {
		ns := newTenant()
		past := v1alpha1.NewTimestamp(time.Now().Add(-time.Hour))
		kinds := map[string]func(*v1alpha1.PartnershipSpec){
			"active":  func(*v1alpha1.PartnershipSpec) {},
			"pending": func(s *v1alpha1.PartnershipSpec) { s.Onboarding = v1alpha1.OnboardingApproval },
			"applied": func(s *v1alpha1.PartnershipSpec) { s.Source = v1alpha1.SourceJoinLink },
			"rejected": func(s *v1alpha1.PartnershipSpec) {
				s.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
			},
			"expired":  func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = past },
			"disabled": func(s *v1alpha1.PartnershipSpec) { s.PortalAccess = v1alpha1.PortalAccessDisabled },
		}
		states := map[string]v1alpha1.PartnershipState{
			"active": v1alpha1.PartnershipActive, "pending": v1alpha1.PartnershipPending, "applied": v1alpha1.PartnershipPending,
			"rejected": v1alpha1.PartnershipRejected, "expired": v1alpha1.PartnershipExpired, "disabled": v1alpha1.PartnershipActive,
		}
		for name, kind := range kinds {
			p := partner(ns, name, "referral")
			kind(&p.Spec)
			create(p)
		}
		for name, state := range states {
			Eventually(partnershipState(partner(ns, name, "")), soon, often).Should(Equal(state), name)
		}
		answers := map[string]string{}
		for name := range kinds {
			got := post(somebody(), tenantURL(ns, "login"), "email", address(ns, name))
			answers[got.Location+got.Body] = name
		}
		Expect(answers).To(HaveLen(1))
		Eventually(mailsTo(address(ns, "active"), v1alpha1.MailSignIn), soon, often).Should(Equal(1))
		for name := range kinds {
			if name != "active" {
				Consistently(func() int { return len(inbox.MessagesTo(address(ns, name))) }, quiet, often).Should(BeZero(), name)
			}
		}
		disabled := partner(ns, "disabled", "")
		Expect(partnershipCondition(disabled, v1alpha1.ConditionActive)()).To(And(HaveField("Status", metav1.ConditionTrue), HaveField("Reason", v1alpha1.ReasonPortalAccessDisabled)))
		change(disabled, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} })
		Eventually(mailsTo(address(ns, "disabled"), v1alpha1.MailRevoked), soon, often).Should(Equal(1), "the one mail that is sent nevertheless")
	})
})

var _ = Describe("a program that is deleted", func() {
	It("leaves every partnership as it stands, and brings them back when it is created again", func() {
		ns := newTenant()
		_, pending := waitsForApproval(ns, "pending")
		active := partner(ns, "active", "referral")
		invited := toInvite(ns, "invited")
		create(active)
		create(invited)
		link := linkTo(address(ns, "invited"), v1alpha1.MailInvite)
		person := signedIn(ns, "active")
		Eventually(partnershipState(invited), soon, often).Should(Equal(v1alpha1.PartnershipInvited))
		Expect(api.Delete(ctx, program(ns, "referral", "", ""))).To(Succeed())
		Expect(api.Delete(ctx, group(ns, "gold", "referral"))).To(Succeed())
		for p, state := range map[*v1alpha1.Partnership]v1alpha1.PartnershipState{
			pending: v1alpha1.PartnershipPending, active: v1alpha1.PartnershipActive, invited: v1alpha1.PartnershipInvited,
		} {
			Eventually(partnershipCondition(p, v1alpha1.ConditionResolvedRefs), soon, often).Should(HaveField("Reason", v1alpha1.ReasonProgramNotFound), p.Name)
			Expect(p.Status.State).To(Equal(state))
		}
		Expect(get(person, tenantURL(ns, "")).Code).NotTo(Equal(http.StatusOK))
		decide(pending, v1alpha1.ApprovalApproved, "", "")
		Eventually(partnershipState(pending), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Consistently(mailsTo(address(ns, "pending"), v1alpha1.MailApproved), quiet, often).Should(BeZero(), "there is nothing to sign in to")

		create(program(ns, "referral", "Acme Referral", "standard"))
		create(group(ns, "gold", "referral"))
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusOK))
		Eventually(mailsTo(address(ns, "pending"), v1alpha1.MailApproved), soon, often).Should(Equal(1))
		Eventually(func() string { return reread(invited).Status.Group }, soon, often).Should(Equal("gold"))
		Expect(post(somebody(), link+"/accept", "email", address(ns, "invited")).Code).To(Equal(http.StatusSeeOther))
		Eventually(partnershipState(invited), soon, often).Should(Equal(v1alpha1.PartnershipActive))
	})

	It("goes with its namespace, and all that is in it", func() {
		ns := newTenant()
		_, _ = waitsForApproval(ns, "pending")
		_, _ = sentInvite(ns, "sent", grant("referral", ""))
		create(toInvite(ns, "invited"))
		create(partner(ns, "active", "referral"))
		Eventually(mailsTo(address(ns, "invited"), v1alpha1.MailInvite), soon, often).Should(Equal(1))
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: ns}}
		Expect(api.Delete(ctx, namespace)).To(Succeed())
		Eventually(gone(namespace), time.Minute, often).Should(BeTrue())
	})
})
