package e2e

import (
	"fmt"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/internal/partnership"
)

// onboarding sets what accepting an invite into referral leads to. The portal knows it when its page of the group does.
func onboarding(ns string, policy v1alpha1.OnboardingPolicy) {
	GinkgoHelper()
	p := program(ns, "referral", "", "")
	change(p, func(p *v1alpha1.Program) { p.Spec.Onboarding.Invited = policy })
	Eventually(func() int64 { return reread(p).Status.ObservedGeneration - p.Generation }, soon, often).Should(BeZero())
}

// waitsForApproval is a person who accepted an invite where the company approves.
func waitsForApproval(ns, name string) (*browser.Person, *v1alpha1.Partnership) {
	GinkgoHelper()
	onboarding(ns, v1alpha1.OnboardingApproval)
	i, link := sentInvite(ns, name, grant("referral", ""))
	person := somebody()
	Expect(post(person, link+"/accept", "email", address(ns, name)).Location).To(Equal(tenantURL(ns, "login?waiting")))
	p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: reread(i).Status.PartnershipRefs[0].Name}}
	Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipPending))
	return person, p
}

func decide(p *v1alpha1.Partnership, decision v1alpha1.ApprovalDecision, note, group string) {
	GinkgoHelper()
	change(p, func(p *v1alpha1.Partnership) {
		p.Spec.Approval = &v1alpha1.Approval{Decision: decision, Note: note}
		if group != "" {
			p.Spec.GroupRef = &v1alpha1.GroupReference{Name: group}
		}
	})
}

// restart ends the operator and starts it again.
func restart() {
	GinkgoHelper()
	Expect(running.Stop()).To(Succeed())
	startOperator()
}

// apply applies a manifest, as kubectl apply -f - does.
func apply(manifest string, args ...string) string {
	GinkgoHelper()
	command := plane.Kubectl(ctx, append([]string{"apply", "-f", "-"}, args...)...)
	command.Stdin = strings.NewReader(manifest)
	out, err := command.CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s\n%s", manifest, out)
	return string(out)
}

var _ = Describe("a partnership that has to be approved", func() {
	It("waits without a session, and is welcomed once when it is approved into another group", func() {
		ns := newTenant()
		person, p := waitsForApproval(ns, "ada")
		Expect(get(person, tenantURL(ns, "login?waiting")).Wants(http.StatusOK, "Thank you", "we write to you")).To(Succeed())
		Expect(get(person, tenantURL(ns, "")).Location).To(Equal(tenantURL(ns, "login")), "there is no session")
		Expect(p.Spec.Onboarding).To(Equal(v1alpha1.OnboardingApproval), "it says itself that it has to be approved")
		Expect(partnershipCondition(p, v1alpha1.ConditionActive)()).To(HaveField("Reason", v1alpha1.ReasonPending))
		Expect(post(person, tenantURL(ns, "login"), "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))

		again := invite(ns, "again", grant("referral", ""))
		again.Spec.Contact.Email = v1alpha1.EmailAddress(address(ns, "ada"))
		create(again)
		Eventually(stateOf(again), soon, often).Should(Equal(v1alpha1.InviteRefused))
		Expect(condition(again, v1alpha1.ConditionStalled)()).To(And(
			HaveField("Reason", v1alpha1.ReasonApplicationPending), HaveField("Message", ContainSubstring("spec.approval"))))

		onboarding(ns, v1alpha1.OnboardingAutomatic)
		restart()
		Consistently(partnershipState(p), quiet, often).Should(Equal(v1alpha1.PartnershipPending), "a change of the policy moves nobody")

		decide(p, v1alpha1.ApprovalApproved, "", "gold")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailApproved), soon, often).Should(Equal(1))
		mail := mailsOf(address(ns, "ada"), v1alpha1.MailApproved)[0]
		Expect(mail.Text).To(And(ContainSubstring("Acme Referral (Group gold)"), ContainSubstring("\n"+tenantURL(ns, "login")+"\n")))
		Expect(get(signedIn(ns, "ada"), tenantURL(ns, "")).Wants(http.StatusOK, "Group gold")).To(Succeed())
		Expect(reread(p).Status.LastMove).To(And(HaveField("From", "standard"), HaveField("To", "gold")))
		Eventually(eventReasons(p), soon, often).Should(ConsistOf("Pending", "Approved", "Moved"))

		for range 3 { // the same file again, and the operator started again
			decide(p, v1alpha1.ApprovalApproved, "", "gold")
			change(p, func(p *v1alpha1.Partnership) { p.Spec.Approval.Note = "by " + p.ResourceVersion })
			restart()
		}
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Approval = nil })
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipPending))
		decide(p, v1alpha1.ApprovalApproved, "", "")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailApproved), quiet, often).Should(Equal(1))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(1))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailSignIn)()).To(Equal(1), "none while it was pending")
	})

	It("is rejected with a note, once, and can be approved into another group after that", func() {
		ns := newTenant()
		_, p := waitsForApproval(ns, "ada")
		decide(p, v1alpha1.ApprovalRejected, "We work in <Europe> only.", "")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipRejected))
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailRejected), soon, often).Should(Equal(1))
		mail := mailsOf(address(ns, "ada"), v1alpha1.MailRejected)[0]
		Expect(mail.Text).To(ContainSubstring("We work in <Europe> only."))
		Expect(mail.HTML).To(ContainSubstring("We work in &lt;Europe&gt; only."))
		Expect(mail.Links).To(BeEmpty())
		restart()
		decide(p, v1alpha1.ApprovalRejected, "In other words.", "")
		Expect(post(somebody(), tenantURL(ns, "login"), "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))

		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailSignIn), 7*quiet, often).Should(BeZero(), "nobody signs in who was rejected")
		again := invite(ns, "again", grant("referral", ""))
		again.Spec.Contact.Email = v1alpha1.EmailAddress(address(ns, "ada"))
		create(again)
		Eventually(condition(again, v1alpha1.ConditionStalled), soon, often).Should(HaveField("Reason", v1alpha1.ReasonPartnerRejected))

		decide(p, v1alpha1.ApprovalApproved, "", "gold")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailApproved), soon, often).Should(Equal(1))
		Expect(get(signedIn(ns, "ada"), tenantURL(ns, "")).Wants(http.StatusOK, "Group gold")).To(Succeed())
		restart()
		Consistently(func() []int {
			return []int{mailsTo(address(ns, "ada"), v1alpha1.MailRejected)(), mailsTo(address(ns, "ada"), v1alpha1.MailApproved)(), mailsTo(address(ns, "ada"), v1alpha1.MailSignIn)()}
		}, quiet, often).Should(Equal([]int{1, 1, 1}))
		Eventually(eventReasons(p), soon, often).Should(ConsistOf("Pending", "Rejected", "Approved", "Moved"))
	})

	It("is shown as waiting to a partner of another program, and counts in the same session once it is approved", func() {
		ns := newTenant()
		create(program(ns, "reseller", "Acme Reseller", ""))
		person, _ := accepted(ns, "ada", grant("reseller", ""))
		onboarding(ns, v1alpha1.OnboardingApproval)
		second := invite(ns, "second", grant("referral", ""))
		second.Spec.Contact.Email = v1alpha1.EmailAddress(address(ns, "ada"))
		create(second)
		Eventually(stateOf(second), soon, often).Should(Equal(v1alpha1.InviteSent))
		link := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		Expect(post(person, link+"/accept", "email", address(ns, "ada")).Location).To(Equal(tenantURL(ns, "")))
		Eventually(func() error {
			return get(person, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Reseller", "Waiting for approval", "Acme Referral")
		}, soon, often).Should(Succeed())
		p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: reread(second).Status.PartnershipRefs[0].Name}}
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipPending))
		decide(p, v1alpha1.ApprovalApproved, "", "")
		Eventually(func() string { return get(person, tenantURL(ns, "")).Body }, soon, often).Should(And(
			ContainSubstring("Acme Referral"), Not(ContainSubstring("Waiting for approval"))))
	})

	It("is welcomed by one mail that names all programs that it was approved for together", func() {
		ns, both := inTwoPrograms(v1alpha1.SourceInvite, v1alpha1.OnboardingApproval)
		for _, p := range both {
			decide(p, v1alpha1.ApprovalApproved, "", "")
		}
		toldTogether(ns, v1alpha1.MailApproved)
	})

	It("mails nothing about a decision that it is created with, as a backup would", func() {
		ns := newTenant()
		for name, decision := range map[string]v1alpha1.ApprovalDecision{"yes": v1alpha1.ApprovalApproved, "no": v1alpha1.ApprovalRejected} {
			p := partner(ns, name, "referral")
			p.Spec.Source, p.Spec.Onboarding = v1alpha1.SourceInvite, v1alpha1.OnboardingApproval
			p.Spec.Approval = &v1alpha1.Approval{Decision: decision}
			create(p)
		}
		waits := partner(ns, "waits", "referral")
		waits.Spec.Source, waits.Spec.Onboarding = v1alpha1.SourceInvite, v1alpha1.OnboardingApproval
		create(waits)
		Eventually(partnershipState(partner(ns, "yes", "")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Eventually(partnershipState(partner(ns, "no", "")), soon, often).Should(Equal(v1alpha1.PartnershipRejected))
		Eventually(partnershipState(waits), soon, often).Should(Equal(v1alpha1.PartnershipPending), "the loss of status makes nobody a partner")
		for _, name := range []string{"yes", "no", "waits"} {
			Consistently(func() int { return len(inbox.MessagesTo(address(ns, name))) }, quiet, often).Should(BeZero(), name)
		}
	})
})

// inTwoPrograms is a person with a partnership in each of two programs.
func inTwoPrograms(source v1alpha1.PartnershipSource, onboarding v1alpha1.OnboardingPolicy) (ns string, both []*v1alpha1.Partnership) {
	GinkgoHelper()
	ns = newTenant()
	create(program(ns, "reseller", "Acme Reseller", ""))
	known(ns)
	for name, programName := range map[string]string{"cora-a": "referral", "cora-b": "reseller"} {
		p := partner(ns, name, programName)
		p.Spec.Contact.Email, p.Spec.Source, p.Spec.Onboarding = v1alpha1.EmailAddress(address(ns, "cora")), source, onboarding
		create(p)
		Eventually(partnershipState(p), soon, often).Should(Not(BeEmpty()))
		both = append(both, p)
	}
	return ns, both
}

// toldTogether is the one mail that tells the person in two programs of both, as the first partnership by name says.
func toldTogether(ns string, kind v1alpha1.MailKind) mailcatcher.Message {
	GinkgoHelper()
	state := func(name string) func() *v1alpha1.MailDelivery {
		return func() *v1alpha1.MailDelivery {
			return partnership.Mail(&reread(partner(ns, name, "")).Status, kind, "")
		}
	}
	Eventually(state("cora-a"), soon, often).Should(HaveValue(And(HaveField("State", v1alpha1.DeliverySent), HaveField("About", Equal([]string{"cora-b"})))))
	Eventually(state("cora-b"), soon, often).Should(HaveValue(And(
		HaveField("State", v1alpha1.DeliverySkipped), HaveField("Message", ContainSubstring(`"cora-a"`)))))
	Consistently(mailsTo(address(ns, "cora"), kind), quiet, often).Should(Equal(1))
	mail := mailsOf(address(ns, "cora"), kind)[0]
	Expect(mail.Text).To(And(ContainSubstring("Acme Referral"), ContainSubstring("Acme Reseller")))
	return mail
}

var _ = Describe("a revocation", func() {
	It("that is applied ten times, with restarts in between, is mailed once", func() {
		ns := newTenant()
		_, p := accepted(ns, "ada", grant("referral", ""))
		manifest := fmt.Sprintf(`
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: %s, namespace: %s}
spec:
  programRef: {name: referral}
  contact: {email: %s}
  source: Invite
  revocation: {reason: The contract has ended.}
`, p.Name, ns, address(ns, "ada"))
		for n := range 10 {
			apply(manifest)
			if n%4 == 1 {
				restart()
			}
		}
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailRevoked), soon, often).Should(Equal(1))
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailRevoked), quiet, often).Should(Equal(1))
		Expect(reread(p).Status.HandledRevocation.Serial).To(BeEquivalentTo(1))
	})

	It("is not lifted by the server-side apply of a manager who does not own it, and is by its own", func() {
		ns := newTenant()
		base := fmt.Sprintf(`
apiVersion: partner-operator.io/v1alpha1
kind: Partnership
metadata: {name: ada, namespace: %s}
spec:
  programRef: {name: referral}
  contact: {email: %s}
`, ns, address(ns, "ada"))
		p := partner(ns, "ada", "referral")
		apply(base, "--server-side", "--field-manager=company")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		apply(base+"  revocation: {reason: The contract has ended.}\n", "--server-side", "--field-manager=company")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		for range 3 {
			apply(base+"  displayName: Ada L\n", "--server-side", "--field-manager=crm-import")
		}
		Eventually(func() int64 { return reread(p).Status.ObservedGeneration - p.Generation }, soon, often).Should(BeZero())
		Expect(p.Spec.DisplayName).To(BeEquivalentTo("Ada L"))
		Expect(p.Status.State).To(Equal(v1alpha1.PartnershipRevoked))
		apply(base, "--server-side", "--field-manager=company")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(p.Spec.DisplayName).To(BeEquivalentTo("Ada L"))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailRevoked)()).To(Equal(1))
	})

	It("of a person in two programs is one mail that names both, each with its reason", func() {
		ns, both := inTwoPrograms("", "")
		for _, p := range both {
			change(p, func(p *v1alpha1.Partnership) {
				p.Spec.Revocation = &v1alpha1.Revocation{Reason: "Why " + p.Name + " ends."}
			})
		}
		told := toldTogether(ns, v1alpha1.MailRevoked)
		Expect(told.Text).To(And(ContainSubstring("Why cora-a ends."), ContainSubstring("Why cora-b ends.")))
	})

	It("counts on the next request at every replica", func() {
		ns := newTenant()
		person, p := accepted(ns, "ada", grant("referral", ""))
		second := startReplica()
		elsewhere := strings.Replace(tenantURL(ns, ""), running.Portal, second.Portal, 1)
		Expect(get(person, elsewhere).Wants(http.StatusOK, "Acme Referral")).To(Succeed(), "the session counts there, too")
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} })
		for _, url := range []string{tenantURL(ns, ""), elsewhere} {
			Eventually(func() int { return get(person, url).Code }, soon, often).Should(Equal(http.StatusSeeOther), url)
		}
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		for _, url := range []string{tenantURL(ns, ""), elsewhere} {
			Consistently(func() int { return get(person, url).Code }, quiet, often).Should(Equal(http.StatusSeeOther), url)
		}
	})
})
