package e2e

import (
	"fmt"
	"net/http"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var _ = Describe("a partnership", func() {
	It("is revoked on the next request with one mail, and reinstated in silence", func() {
		ns := newTenant()
		person, p := accepted(ns, "ada", grant("referral", "gold"))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Reason: "Contract <ended>"} })
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailRevoked), soon, often).Should(Equal(1))
		mail := mailsOf(address(ns, "ada"), v1alpha1.MailRevoked)[0]
		Expect(mail.Text).To(ContainSubstring("Contract <ended>"))
		Expect(mail.HTML).To(ContainSubstring("Contract &lt;ended&gt;"))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))

		for n := range 5 { // the same file again, and a change of its wording
			change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation.Reason = fmt.Sprintf("Contract ended %d", n%2) })
		}
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Consistently(func() int { return get(person, tenantURL(ns, "")).Code }, quiet, often).Should(Equal(http.StatusSeeOther), "old sessions stay dead")
		Expect(get(signedIn(ns, "ada"), tenantURL(ns, "")).Wants(http.StatusOK, "Group gold")).To(Succeed())
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailRevoked)()).To(Equal(1))
		Eventually(eventReasons(p), soon, often).Should(ConsistOf("Activated", "Revoked", "Reinstated"))
	})

	It("sends no mail with notify: false, also not when that is turned round later, nor when it is created revoked", func() {
		ns := newTenant()
		silent, born := partner(ns, "silent", "referral"), partner(ns, "born", "referral")
		born.Spec.Revocation = &v1alpha1.Revocation{Reason: "from a backup"}
		create(silent)
		create(born)
		Eventually(partnershipState(silent), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		no, yes := false, true
		change(silent, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Notify: &no} })
		Eventually(partnershipState(silent), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		Eventually(partnershipState(born), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))
		change(silent, func(p *v1alpha1.Partnership) { p.Spec.Revocation.Notify = &yes })
		Eventually(func() int64 { return reread(silent).Status.ObservedGeneration - silent.Generation }, soon, often).Should(BeZero())
		Consistently(mailsTo(address(ns, "silent"), v1alpha1.MailRevoked), quiet, often).Should(BeZero())
		Expect(inbox.MessagesTo(address(ns, "born"))).To(BeEmpty())
	})

	It("shows exactly the programs granted, each by itself", func() {
		ns := newTenant()
		create(program(ns, "reseller", "Acme Reseller", ""))
		create(program(ns, "secret", "Acme Secret", ""))
		person, p := accepted(ns, "ada", grant("referral", ""), grant("reseller", ""))
		Expect(get(person, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral", "Group standard", "Acme Reseller")).To(Succeed())
		Expect(get(person, tenantURL(ns, "")).Body).NotTo(ContainSubstring("Secret"))
		Expect(p.Spec.ProgramRef.Name).To(Equal("referral"))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} })
		Eventually(func() string { return get(person, tenantURL(ns, "")).Body }, soon, often).ShouldNot(ContainSubstring("Acme Referral"))
		Expect(get(person, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Reseller")).To(Succeed())
	})

	It("is refused while its program does not exist, and restored with it", func() {
		ns := newTenant()
		create(program(ns, "other", "Acme Other", ""))
		person, p := accepted(ns, "ada", grant("referral", ""))
		Expect(api.Delete(ctx, program(ns, "referral", "", ""))).To(Succeed())
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		Eventually(partnershipCondition(p, v1alpha1.ConditionResolvedRefs), soon, often).Should(HaveField("Reason", v1alpha1.ReasonProgramNotFound))
		Expect(partnershipCondition(p, v1alpha1.ConditionActive)()).To(HaveField("Status", metav1.ConditionFalse))
		create(program(ns, "referral", "Acme Referral", "standard"))
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusOK))
		Eventually(partnershipCondition(p, v1alpha1.ConditionReady), soon, often).Should(HaveField("Status", metav1.ConditionTrue))
	})

	It("moves with its group, never into a group of another program, and falls back to the default group", func() {
		ns := newTenant()
		create(program(ns, "reseller", "Acme Reseller", ""))
		create(group(ns, "silver", "reseller"))
		person, p := accepted(ns, "ada", grant("referral", ""))
		groupIs := func(name string) {
			GinkgoHelper()
			Eventually(func() string { return reread(p).Status.Group }, soon, often).Should(Equal(name))
			Eventually(func() string { return get(person, tenantURL(ns, "")).Body }, soon, often).Should(ContainSubstring("Group " + name))
		}
		groupIs("standard")
		change(p, func(p *v1alpha1.Partnership) { p.Spec.GroupRef = &v1alpha1.GroupReference{Name: "gold"} })
		groupIs("gold")
		change(p, func(p *v1alpha1.Partnership) { p.Spec.GroupRef = &v1alpha1.GroupReference{Name: "silver"} })
		Eventually(partnershipCondition(p, v1alpha1.ConditionResolvedRefs), soon, often).Should(HaveField("Reason", v1alpha1.ReasonGroupNotInProgram))
		groupIs("gold")
		change(group(ns, "standard", ""), func(g *v1alpha1.PartnerGroup) {
			g.Spec.Links.Defaults = []v1alpha1.DefaultLink{{Suffix: "start", Destination: "https://acme.example/"}}
		})
		lastMove := reread(p).Status.LastMove
		change(p, func(p *v1alpha1.Partnership) { p.Spec.GroupRef = &v1alpha1.GroupReference{Name: "platinium"} })
		Eventually(partnershipCondition(p, v1alpha1.ConditionResolvedRefs), soon, often).Should(HaveField("Reason", v1alpha1.ReasonGroupNotFound))
		groupIs("gold")
		Expect(p.Status.LastMove).To(Equal(lastMove))
		var links v1alpha1.PartnerLinkList
		Expect(api.List(ctx, &links, client.InNamespace(ns))).To(Succeed())
		Expect(links.Items).To(BeEmpty())
		change(p, func(p *v1alpha1.Partnership) { p.Spec.GroupRef = &v1alpha1.GroupReference{Name: "gold"} })
		Eventually(partnershipCondition(p, v1alpha1.ConditionResolvedRefs), soon, often).Should(HaveField("Status", metav1.ConditionTrue))
		Expect(api.Delete(ctx, group(ns, "gold", "referral"))).To(Succeed())
		groupIs("standard")
		Expect(partnershipCondition(p, v1alpha1.ConditionResolvedRefs)()).To(HaveField("Reason", v1alpha1.ReasonGroupNotFound))
		create(group(ns, "gold", "referral"))
		groupIs("gold")
	})

	It("of a team waits for the team", func() {
		ns := newTenant()
		p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency-referral"}, Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, TeamRef: &v1alpha1.TeamReference{Name: "agency"},
		}}
		create(p)
		Eventually(partnershipCondition(p, v1alpha1.ConditionResolvedRefs), soon, often).Should(HaveField("Reason", v1alpha1.ReasonTeamNotFound))
		team := &v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency"}, Spec: v1alpha1.PartnerTeamSpec{
			DisplayName: "Agency", Owner: v1alpha1.TeamOwner{Email: v1alpha1.EmailAddress(address(ns, "owner"))},
		}}
		create(team)
		Eventually(partnershipCondition(p, v1alpha1.ConditionReady), soon, often).Should(HaveField("Status", metav1.ConditionTrue))
		Eventually(func() *v1alpha1.TeamOwner { return reread(team).Status.Owner }, soon, often).Should(Equal(&team.Spec.Owner))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{Reason: "Contract ended"} })
		Eventually(mailsTo(address(ns, "owner"), v1alpha1.MailRevoked), soon, often).Should(Equal(1))
	})

	It("outlives its invite, and lets its namespace go", func() {
		ns := newTenant()
		person, p := accepted(ns, "ada", grant("referral", ""))
		Expect(api.Delete(ctx, invite(ns, "ada"))).To(Succeed())
		Consistently(func() int { return get(person, tenantURL(ns, "")).Code }, quiet, often).Should(Equal(http.StatusOK))
		Expect(reread(p).DeletionTimestamp).To(BeNil())
		kubectl("delete", "namespace", ns, "--timeout=60s")
	})
})

var _ = Describe("what is kept and told", func() {
	It("holds no token of an open invite or sign-in link, in objects, events and logs, and no address in the latter two", func() {
		ns := newTenant()
		_, link := sentInvite(ns, "hush", grant("referral", ""))
		create(partner(ns, "grace", "referral"))
		Eventually(partnershipState(partner(ns, "grace", "referral")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		post(signedIn(ns, "grace"), tenantURL(ns, "login"), "email", address(ns, "grace"))
		Eventually(mailsTo(address(ns, "grace"), v1alpha1.MailSignIn), soon, often).Should(Equal(2))
		signIn := linkTo(address(ns, "grace"), v1alpha1.MailSignIn)
		Expect(open(link)().Code).To(Equal(http.StatusOK))
		Expect(open(signIn)().Code).To(Equal(http.StatusOK))

		objects := kubectl("get", "partners", "-A", "-o", "yaml")
		events := kubectl("get", "events.events.k8s.io", "-A", "-o", "yaml") + kubectl("get", "events", "-A")
		secrets := kubectl("get", "secrets,configmaps", "-n", ns, "-o", "yaml")
		logs := running.Log()
		Expect(objects).To(ContainSubstring("hush@"), "the right place was looked at")
		Expect(events).To(ContainSubstring("Mailed invite 1 to ***"))
		for _, text := range []string{link, signIn} {
			token := text[strings.LastIndex(text, "/")+1:]
			for _, part := range []string{token, token[40:], token[:40]} {
				for where, kept := range map[string]string{"objects": objects, "events": events, "logs": logs, "secrets": secrets} {
					Expect(strings.Contains(kept, part)).To(BeFalse(), "the %s tell a token", where)
				}
			}
		}
		for where, told := range map[string]string{"events": events, "logs": logs} {
			Expect(told).NotTo(ContainSubstring("hush@"), where)
			Expect(told).NotTo(ContainSubstring("grace@"), where)
			Expect(told).NotTo(ContainSubstring("@"+ns), where)
		}
	})
})

func partnershipCondition(p *v1alpha1.Partnership, conditionType string) func() *metav1.Condition {
	return func() *metav1.Condition {
		return meta.FindStatusCondition(reread(p).Status.Conditions, conditionType)
	}
}
