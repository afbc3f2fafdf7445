package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// eager lets a program's invites be sent again at once.
func eager(ns string) {
	GinkgoHelper()
	change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Invites.ResendCooldown = "0" })
}

func askResend(i *v1alpha1.PartnerInvite, text string) {
	GinkgoHelper()
	change(i, func(i *v1alpha1.PartnerInvite) {
		metav1.SetMetaDataAnnotation(&i.ObjectMeta, v1alpha1.ResendAnnotation, text)
	})
}

var _ = Describe("a resend", func() {
	It("by annotation or token sends a new link once, and kills the old one", func() {
		ns := newTenant()
		eager(ns)
		i, first := sentInvite(ns, "ada", grant("referral", ""))
		askResend(i, "now")
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(2))
		second := linkTo(address(ns, "ada"), v1alpha1.MailInvite)
		Expect(second).NotTo(Equal(first))
		Eventually(open(first), soon, often).Should(HaveField("Code", http.StatusNotFound))
		Expect(open(second)().Code).To(Equal(http.StatusOK))
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Expect(i.Status.Serial).To(BeEquivalentTo(2))

		change(i, func(i *v1alpha1.PartnerInvite) { i.Spec.ResendToken = "2026-11" })
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(3))
		change(i, func(i *v1alpha1.PartnerInvite) { delete(i.Annotations, v1alpha1.ResendAnnotation) })
		askResend(i, "now")
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), quiet, often).Should(Equal(3), "the same text was handled before")
		mails := mailsOf(address(ns, "ada"), v1alpha1.MailInvite)
		ids := map[string]bool{}
		for _, mail := range mails {
			ids[mail.MessageID] = true
		}
		Expect(ids).To(HaveLen(3))
	})

	It("waits for the cool-down and says until when", func() {
		ns := newTenant()
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		askResend(i, "too soon")
		Eventually(condition(i, v1alpha1.ConditionReconciling), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonCoolingDown), HaveField("Message", ContainSubstring("waits until"))))
		Expect(stateOf(i)()).To(Equal(v1alpha1.InviteSent))
		Expect(open(link)().Code).To(Equal(http.StatusOK), "until then the link works")
		eager(ns)
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(2), "a change of the program is followed")
	})

	It("revives a declined invite, and does nothing to an accepted one", func() {
		ns := newTenant()
		eager(ns)
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		Expect(post(somebody(), link+"/decline").Code).To(Equal(http.StatusSeeOther))
		askResend(i, "please")
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(2))
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Expect(post(somebody(), linkTo(address(ns, "ada"), v1alpha1.MailInvite)+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		askResend(i, "again")
		Eventually(func() *v1alpha1.HandledResend { return reread(i).Status.HandledResend }, soon, often).Should(HaveField("Annotation", "again"))
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), quiet, often).Should(Equal(2))
		Expect(stateOf(i)()).To(Equal(v1alpha1.InviteAccepted))
	})

	It("can be asked for by the person on the page of an expired invite", func() {
		ns := newTenant()
		eager(ns)
		i, link := sentInvite(ns, "ada", grant("referral", ""))
		Expect(post(somebody(), link+"/renew").Code).To(Equal(http.StatusNotFound), "it has not expired")
		past := metav1.NewTime(time.Now().Add(-time.Minute))
		i.Status.ExpiryTime = &past
		Expect(api.Status().Update(ctx, i)).To(Succeed())
		Eventually(open(link), soon, often).Should(HaveField("Code", http.StatusGone))
		Expect(open(link)().Wants(http.StatusGone, "has expired", "Send me a new one")).To(Succeed())
		for range 3 {
			Expect(post(somebody(), link+"/renew").Code).To(Or(Equal(http.StatusSeeOther), Equal(http.StatusNotFound)))
		}
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), soon, often).Should(Equal(2))
		Expect(open(linkTo(address(ns, "ada"), v1alpha1.MailInvite))().Code).To(Equal(http.StatusOK))
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), quiet, often).Should(Equal(2))
	})
})

var _ = Describe("an invite that is not to be sent", func() {
	It("tells a partner, a revoked one and a duplicate apart", func() {
		ns := newTenant()
		create(program(ns, "reseller", "Acme Reseller", ""))
		create(partner(ns, "partner", "referral"))
		revoked := partner(ns, "revoked", "referral")
		revoked.Spec.Revocation = &v1alpha1.Revocation{}
		create(revoked)
		Eventually(partnershipState(partner(ns, "partner", "referral")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Eventually(partnershipState(revoked), soon, often).Should(Equal(v1alpha1.PartnershipRevoked))

		already, no := invite(ns, "partner", grant("referral", "")), invite(ns, "revoked", grant("referral", ""))
		both := invite(ns, "both", grant("referral", ""), grant("reseller", ""))
		both.Spec.Contact.Email = v1alpha1.EmailAddress(address(ns, "partner"))
		create(already)
		create(no)
		Eventually(stateOf(already), soon, often).Should(Equal(v1alpha1.InviteAlreadyPartner))
		Eventually(stateOf(no), soon, often).Should(Equal(v1alpha1.InviteRefused))
		Expect(condition(no, v1alpha1.ConditionAccepted)()).To(HaveField("Reason", v1alpha1.ReasonPartnerRevoked))
		Expect(condition(no, v1alpha1.ConditionStalled)()).NotTo(BeNil())
		Expect(inbox.MessagesTo(address(ns, "partner"))).To(BeEmpty())
		Expect(inbox.MessagesTo(address(ns, "revoked"))).To(BeEmpty())

		create(both)
		Eventually(stateOf(both), soon, often).Should(Equal(v1alpha1.InviteSent), "what they are no partner in is still offered")
		Expect(both.Status.Programs).To(Equal([]v1alpha1.ProgramGrant{grant("reseller", "")}))
		change(revoked, func(p *v1alpha1.Partnership) { p.Spec.Revocation = nil })
		Consistently(func() int { return len(inbox.MessagesTo(address(ns, "revoked"))) }, quiet, often).Should(BeZero(), "what was refused is not sent later by itself")
	})

	It("is one of two for the same address, in whatever case, applied at the same moment", func() {
		ns := newTenant()
		const pairs = 20
		for n := range pairs {
			for _, spelling := range []string{fmt.Sprintf("p%d@%s.example", n, ns), fmt.Sprintf("P%d@%s.EXAMPLE", n, ns)} {
				i := invite(ns, fmt.Sprintf("z%d", n), grant("referral", ""))
				if spelling[0] == 'P' {
					i.Name = fmt.Sprintf("a%d", n) // the younger one comes first by name
				}
				i.Spec.Contact.Email = v1alpha1.EmailAddress(spelling)
				create(i)
			}
		}
		states := func() map[v1alpha1.InviteState]int {
			var list v1alpha1.PartnerInviteList
			Expect(api.List(ctx, &list, client.InNamespace(ns))).To(Succeed())
			found := map[v1alpha1.InviteState]int{}
			for _, i := range list.Items {
				found[i.Status.State]++
			}
			return found
		}
		Eventually(states, soon, often).Should(Equal(map[v1alpha1.InviteState]int{v1alpha1.InviteSent: pairs, v1alpha1.InviteRefused: pairs}))
		for n := range pairs {
			Expect(mailsTo(fmt.Sprintf("p%d@%s.example", n, ns), v1alpha1.MailInvite)()).To(Equal(1))
		}
	})

	It("sends nothing once notAfter has passed", func() {
		ns := newTenant()
		i := invite(ns, "ada", grant("referral", ""))
		i.Spec.NotAfter = v1alpha1.NewTimestamp(time.Now().Add(-time.Hour))
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteExpired))
		askResend(i, "now")
		Consistently(func() int { return len(inbox.MessagesTo(address(ns, "ada"))) }, quiet, often).Should(BeZero())
	})
})

var _ = Describe("an invite that is held back", func() {
	It("by a suspended program goes out when that ends, and its page refuses meanwhile without spending the link", func() {
		ns := newTenant()
		person, p := accepted(ns, "partner", grant("referral", ""))
		_, link := sentInvite(ns, "sent", grant("referral", ""))
		suspend := func(on bool) {
			GinkgoHelper()
			change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = on })
		}
		suspend(true)
		Eventually(open(link), soon, often).Should(HaveField("Code", http.StatusForbidden))
		Expect(post(somebody(), link+"/accept", "email", address(ns, "sent")).Code).To(Equal(http.StatusForbidden))
		Expect(get(person, tenantURL(ns, "")).Code).To(Equal(http.StatusSeeOther))
		Eventually(partnershipCondition(p, v1alpha1.ConditionActive), soon, often).Should(HaveField("Reason", v1alpha1.ReasonProgramSuspended))
		i := invite(ns, "ada", grant("referral", ""))
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteHeld))
		Expect(condition(i, v1alpha1.ConditionSent)()).To(And(HaveField("Reason", v1alpha1.ReasonHeld), HaveField("Message", ContainSubstring("suspended"))))
		Expect(i.Status.ExpiryTime).To(BeNil(), "the clock does not run yet")

		suspend(false)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Eventually(func() int { return get(person, tenantURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusOK))
		Expect(open(link)().Code).To(Equal(http.StatusOK))
		Eventually(eventReasons(i), soon, often).Should(ConsistOf("Held", "Sent"))
	})

	It("by maxPerHour is held, not dropped", func() {
		ns := newTenant()
		most := int32(5)
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Mail.MaxPerHour = &most })
		var invites []*v1alpha1.PartnerInvite
		for n := range 12 {
			invites = append(invites, invite(ns, fmt.Sprintf("p%02d", n), grant("referral", "")))
			create(invites[n])
		}
		count := func() map[v1alpha1.InviteState]int {
			found := map[v1alpha1.InviteState]int{}
			for _, i := range invites {
				found[stateOf(i)()]++
			}
			return found
		}
		Eventually(count, soon, often).Should(Equal(map[v1alpha1.InviteState]int{v1alpha1.InviteSent: 5, v1alpha1.InviteHeld: 7}))
		held := invites[slices.IndexFunc(invites, func(i *v1alpha1.PartnerInvite) bool { return i.Status.State == v1alpha1.InviteHeld })]
		Expect(condition(held, v1alpha1.ConditionSent)()).To(HaveField("Message", ContainSubstring("maxPerHour")))
		more := int32(8)
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Mail.MaxPerHour = &more })
		Eventually(count, soon, often).Should(Equal(map[v1alpha1.InviteState]int{v1alpha1.InviteSent: 8, v1alpha1.InviteHeld: 4}))
	})

	It("by the mail mode stays silent in a rebuilt namespace, and so do those who are partners already after the release", func() {
		ns := newTenant()
		settle()
		Expect(running.Stop()).To(Succeed())
		startOperator("--mail-mode=hold")
		before := inbox.Count()
		create(partner(ns, "partner", "referral")) // exported from the old cluster
		create(invite(ns, "partner", grant("referral", "")))
		fresh := invite(ns, "fresh", grant("referral", ""))
		create(fresh)
		Eventually(stateOf(fresh), soon, often).Should(Equal(v1alpha1.InviteHeld))
		Eventually(stateOf(invite(ns, "partner")), soon, often).Should(Or(Equal(v1alpha1.InviteHeld), Equal(v1alpha1.InviteAlreadyPartner)))
		Expect(inbox.Count()).To(Equal(before))
		Expect(running.Stop()).To(Succeed())
		startOperator()
		Eventually(stateOf(fresh), soon, often).Should(Equal(v1alpha1.InviteSent))
		Eventually(stateOf(invite(ns, "partner")), soon, often).Should(Equal(v1alpha1.InviteAlreadyPartner))
		Expect(inbox.Count()).To(Equal(before + 1))
	})
})

// letLinks lets an account of the operator write the Secrets of links in a namespace.
func letLinks(ns, account string) {
	GinkgoHelper()
	user := operatorNamespace + ":" + account
	kubectl("-n", ns, "create", "rolebinding", "partner-operator-links", "--clusterrole=partner-operator-links", "--serviceaccount="+user)
	Eventually(func() error {
		return plane.Kubectl(ctx, "-n", ns, "auth", "can-i", "create", "secrets", "--as=system:serviceaccount:"+user).Run()
	}, soon, often).Should(Succeed(), "the binding counts")
}

var _ = Describe("an invite with delivery Link", func() {
	It("waits for its namespace to let it, says what to type, and goes on once that is done", func() {
		ns := newTenant()
		eager(ns)
		i := invite(ns, "ada", grant("referral", ""))
		i.Spec.Delivery = v1alpha1.DeliveryLink
		create(i)
		Eventually(condition(i, v1alpha1.ConditionSent), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonHeld), HaveField("Message", ContainSubstring("the operator may not write the Secret for the link"))))
		Expect(stateOf(i)()).To(Equal(v1alpha1.InviteHeld))
		Expect(reread(i).Status.Serial).To(BeZero(), "no link is issued that would expire while it waits")

		other := invite(ns, "grace", grant("referral", ""))
		create(other)
		Eventually(stateOf(other), soon, often).Should(Equal(v1alpha1.InviteSent), "nothing else waits")
		writes := reread(i).ResourceVersion

		_, command, found := strings.Cut(condition(i, v1alpha1.ConditionSent)().Message, "this goes on by itself: kubectl ")
		Expect(found).To(BeTrue(), "the message says what to type")
		kubectl(strings.Fields(command)...)
		Expect(reread(i).ResourceVersion).To(Equal(writes), "waiting writes nothing")
		Eventually(stateOf(i), time.Minute, often).Should(Equal(v1alpha1.InviteSent))
		secret := reread(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "ada-link"}})
		Expect(open(string(secret.Data["url"]))().Code).To(Equal(http.StatusOK))
	})

	It("mails nothing, puts the link into a Secret, and renews it with a resend", func() {
		ns := newTenant()
		letLinks(ns, "partner-operator")
		eager(ns)
		i := invite(ns, "ada", grant("referral", ""))
		i.Spec.Delivery = v1alpha1.DeliveryLink
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Expect(condition(i, v1alpha1.ConditionSent)()).To(HaveField("Reason", v1alpha1.ReasonLinkReady))
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "ada-link"}}
		first := string(reread(secret).Data["url"])
		Expect(open(first)().Code).To(Equal(http.StatusOK))
		askResend(i, "now")
		Eventually(func() string { return string(reread(secret).Data["url"]) }, soon, often).ShouldNot(Equal(first))
		Eventually(open(first), soon, often).Should(HaveField("Code", http.StatusNotFound))
		Expect(post(somebody(), string(secret.Data["url"])+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		Expect(inbox.MessagesTo(address(ns, "ada"))).To(BeEmpty())
		Expect(api.Delete(ctx, i)).To(Succeed())
		Eventually(func() error { return api.Get(ctx, client.ObjectKeyFromObject(secret), secret) }, soon, often).ShouldNot(Succeed(), "the Secret goes with the invite")
	})

	It("leaves a Secret alone that is somebody else's", func() {
		ns := newTenant()
		letLinks(ns, "partner-operator")
		create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "ada-link"}, StringData: map[string]string{"url": "mine"}})
		i := invite(ns, "ada", grant("referral", ""))
		i.Spec.Delivery = v1alpha1.DeliveryLink
		create(i)
		Eventually(condition(i, v1alpha1.ConditionSent), soon, often).Should(And(
			HaveField("Reason", v1alpha1.ReasonTemporaryFailure), HaveField("Message", ContainSubstring(`"ada-link" exists`))))
		Expect(string(reread(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "ada-link"}}).Data["url"])).To(Equal("mine"))
	})
})
