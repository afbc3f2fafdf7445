package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

// joinLink opens the group gold of referral, with what else is said about joining it, and gives its link.
func joinLink(ns string, join v1alpha1.GroupJoin) string {
	GinkgoHelper()
	gold := group(ns, "gold", "referral")
	if join.Mode == "" {
		join.Mode = v1alpha1.JoinOpen
	}
	change(gold, func(g *v1alpha1.PartnerGroup) { g.Spec.Join = join })
	Eventually(func() string { return reread(gold).Status.JoinURL }, soon, often).ShouldNot(BeEmpty())
	Eventually(func() int { return open(gold.Status.JoinURL)().Code }, soon, often).Should(Equal(http.StatusOK))
	return gold.Status.JoinURL
}

// verified is the link of the mail that somebody gets who types an address on the page of a join link.
func verified(joinURL, email string) string {
	GinkgoHelper()
	before := mailsTo(email, v1alpha1.MailVerifyAddress)()
	got := post(somebody(), joinURL, "email", email)
	Expect(got.Code).To(Equal(http.StatusSeeOther))
	Expect(open(got.Location)().Wants(http.StatusOK, "Look into your inbox")).To(Succeed())
	Eventually(mailsTo(email, v1alpha1.MailVerifyAddress), soon, often).Should(Equal(before + 1))
	return linkTo(email, v1alpha1.MailVerifyAddress)
}

// applicationOf is the partnership that an application makes.
func applicationOf(ns, name string) *v1alpha1.Partnership {
	GinkgoHelper()
	return &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: keyOf(ns, name, "referral").Name}}
}

func partnerships(ns string) func() int {
	return func() int {
		var list v1alpha1.PartnershipList
		Expect(api.List(ctx, &list, client.InNamespace(ns))).To(Succeed())
		return len(list.Items)
	}
}

var website = v1alpha1.FormField{Name: "website", Label: "Where do people find you?", Type: v1alpha1.FieldURL, Required: true}

// staffed gives a tenant staff to tell.
func staffed(ns string) {
	GinkgoHelper()
	create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "partner-brand"}, Data: map[string]string{
		"displayName": "Acme", "notifyStaff": address(ns, "staff") + ", " + address(ns, "desk"),
	}})
}

var _ = Describe("a join link", Label("portal"), func() {
	It("verifies the address, asks for the form, and the application waits for the company", func() {
		ns := newTenant()
		staffed(ns)
		link := joinLink(ns, v1alpha1.GroupJoin{Mode: v1alpha1.JoinForm, Fields: []v1alpha1.FormField{website}})
		Expect(open(link)().Wants(http.StatusOK, "Acme Referral", "Group gold", `name="email"`)).To(Succeed())
		apply := verified(link, address(ns, "ada"))
		Expect(partnerships(ns)()).To(BeZero(), "nothing is stored before the application")
		Expect(open(apply)().Wants(http.StatusOK, "Acme Referral", "Where do people find you?", address(ns, "ada"))).To(Succeed())

		ada := somebody()
		Expect(post(ada, apply, "website", "nonsense").Wants(http.StatusUnprocessableEntity, `href="#field-website"`)).To(Succeed())
		Expect(partnerships(ns)()).To(BeZero())
		got := post(ada, apply, "website", "https://ada.example", "is-admin", "yes")
		Expect(got.Code).To(Equal(http.StatusSeeOther))
		Expect(get(ada, got.Location).Wants(http.StatusOK, "Thank you", "application")).To(Succeed())

		p := applicationOf(ns, "ada")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipPending))
		Expect(p.Spec.Source).To(Equal(v1alpha1.SourceJoinLink))
		Expect(p.Spec.Onboarding).To(Equal(v1alpha1.OnboardingApproval))
		Expect(p.Spec.GroupRef.Name).To(Equal("gold"))
		Expect(p.Spec.Application.Fields).To(Equal(map[string]v1alpha1.Answer{"website": "https://ada.example"}))
		for _, name := range []string{"staff", "desk"} {
			Eventually(mailsTo(address(ns, name), v1alpha1.MailApplicationReceived), soon, often).Should(Equal(1))
			Expect(mailsOf(address(ns, name), v1alpha1.MailApplicationReceived)[0].Text).To(And(ContainSubstring(address(ns, "ada")), ContainSubstring(p.Name), ContainSubstring("Group gold")))
		}

		By("not letting the applicant past the reviewer by any link that they hold")
		Expect(get(ada, tenantURL(ns, "")).Code).To(Equal(http.StatusSeeOther))
		Expect(post(ada, apply, "website", "https://again.example").Code).To(Equal(http.StatusNotFound), "it is used")
		Expect(post(somebody(), tenantURL(ns, "login"), "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailSignIn), quiet, often).Should(BeZero())
		Expect(open(verified(link, address(ns, "ada")))().Wants(http.StatusConflict, "arrived already")).To(Succeed())
		Expect(partnershipState(p)()).To(Equal(v1alpha1.PartnershipPending))

		By("welcoming them once the company approves")
		change(p, func(p *v1alpha1.Partnership) {
			p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved}
		})
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailApproved), soon, often).Should(Equal(1))
		Expect(get(signedIn(ns, "ada"), tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral", "Group gold")).To(Succeed())
		Expect(mailsTo(address(ns, "staff"), v1alpha1.MailApplicationReceived)()).To(Equal(1))
	})

	It("makes a partner at once where the policy says so, and signs them in", func() {
		ns := newTenant()
		link := joinLink(ns, v1alpha1.GroupJoin{Approval: v1alpha1.JoinApprovalAutomatic})
		ada := somebody()
		got := post(ada, verified(link, address(ns, "ada")))
		Expect(got.Location).To(Equal(tenantURL(ns, "")))
		Expect(get(ada, got.Location).Wants(http.StatusOK, "Acme Referral")).To(Succeed())
		Eventually(partnershipState(applicationOf(ns, "ada")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(open(verified(link, address(ns, "ada")))().Wants(http.StatusConflict, "partner already")).To(Succeed())
	})

	It("is not used up by a mail scanner, and answers every address the same", func() {
		ns := newTenant()
		link := joinLink(ns, v1alpha1.GroupJoin{Approval: v1alpha1.JoinApprovalAutomatic})
		apply := verified(link, address(ns, "ada"))
		gold := reread(group(ns, "gold", "referral"))
		for _, address := range []string{link, apply} {
			for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodGet} {
				got, err := somebody().Do(ctx, method, address, nil, http.Header{"Sec-Purpose": {"prefetch"}})
				Expect(err).NotTo(HaveOccurred())
				Expect(got.Code).To(Equal(http.StatusOK))
			}
		}
		Expect(partnerships(ns)()).To(BeZero())
		Expect(reread(gold).ResourceVersion).To(Equal(gold.ResourceVersion))
		Expect(post(somebody(), apply).Code).To(Equal(http.StatusSeeOther))
		p := applicationOf(ns, "ada")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))

		known, unknown := post(somebody(), link, "email", address(ns, "ada")), post(somebody(), link, "email", address(ns, "nobody"))
		Expect(known.Code).To(Equal(unknown.Code))
		Expect(known.Location).To(Equal(unknown.Location))
		Expect(known.Body).To(Equal(unknown.Body))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Revocation = &v1alpha1.Revocation{} })
		Expect(post(somebody(), link, "email", address(ns, "ada")).Location).To(Equal(unknown.Location))
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailVerifyAddress), soon, often).Should(Equal(3))
		Expect(open(linkTo(address(ns, "ada"), v1alpha1.MailVerifyAddress))().Wants(http.StatusForbidden, "cannot apply")).To(Succeed())
	})

	It("sends as many mails in an hour as the group allows, whoever asks and whatever restarts, while invites go on", func() {
		ns, most := newTenant(), int32(3)
		link := joinLink(ns, v1alpha1.GroupJoin{MaxPerHour: &most})
		gold := group(ns, "gold", "referral")
		limited := func() string {
			if c := meta.FindStatusCondition(reread(gold).Status.Conditions, v1alpha1.ConditionJoinLimited); c != nil {
				return c.Reason
			}
			return ""
		}
		codes := make([]int, 8)
		var all sync.WaitGroup
		for n := range codes {
			all.Go(func() {
				defer GinkgoRecover()
				codes[n] = post(somebody(), link, "email", address(ns, fmt.Sprintf("stranger%d", n))).Code
			})
		}
		all.Wait()
		slices.Sort(codes)
		Expect(codes).To(Equal([]int{303, 303, 303, 429, 429, 429, 429, 429}))
		Eventually(limited, soon, often).Should(Equal(v1alpha1.ReasonMaxPerHour))
		restart()
		for _, typed := range []string{address(ns, "ada"), "nonsense", ""} {
			Eventually(func() error {
				return post(somebody(), link, "email", typed).Wants(http.StatusTooManyRequests, "Too many people")
			}, soon, often).Should(Succeed(), "whatever was typed")
		}
		Expect(open(link)().Code).To(Equal(http.StatusOK))
		_, invited := sentInvite(ns, "ivy", grant("referral", "gold"))
		Expect(open(invited)().Code).To(Equal(http.StatusOK))
		sent := func() (sent int) {
			for n := range codes {
				sent += mailsTo(address(ns, fmt.Sprintf("stranger%d", n)), v1alpha1.MailVerifyAddress)()
			}
			return sent
		}
		Eventually(sent, soon, often).Should(Equal(3))
		Expect(reread(gold).Status.VerificationSerial).To(Equal(int64(3)))

		By("letting people ask again as soon as the company allows more")
		change(gold, func(g *v1alpha1.PartnerGroup) { g.Spec.Join.MaxPerHour = nil })
		Eventually(limited, soon, often).Should(BeEmpty())
		Eventually(func() int { return post(somebody(), link, "email", address(ns, "ada")).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailVerifyAddress), soon, often).Should(Equal(1))
	})

	It("sends an address three mails a day from all groups together, and answers as always", func() {
		ns := newTenant()
		links := []string{joinLink(ns, v1alpha1.GroupJoin{})}
		standard := group(ns, "standard", "referral")
		change(standard, func(g *v1alpha1.PartnerGroup) { g.Spec.Join.Mode = v1alpha1.JoinOpen })
		Eventually(func() string { return reread(standard).Status.JoinURL }, soon, often).ShouldNot(BeEmpty())
		Eventually(func() int { return open(standard.Status.JoinURL)().Code }, soon, often).Should(Equal(http.StatusOK))
		links = append(links, standard.Status.JoinURL)
		var all sync.WaitGroup
		for n := range 10 {
			all.Go(func() {
				defer GinkgoRecover()
				Expect(post(somebody(), links[n%2], "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
			})
		}
		all.Wait()
		waiting := func() int {
			return len(reread(group(ns, "gold", "referral")).Status.Verifications) + len(reread(standard).Status.Verifications)
		}
		Eventually(waiting, soon, often).Should(BeZero())
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailVerifyAddress)()).To(Equal(3))
		restart()
		Eventually(func() int { return post(somebody(), links[0], "email", strings.ToUpper(address(ns, "ada"))).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		Eventually(waiting, soon, often).Should(BeZero())
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailVerifyAddress)()).To(Equal(3))
		Expect(open(linkTo(address(ns, "ada"), v1alpha1.MailVerifyAddress))().Code).To(Equal(http.StatusOK))
		verified(links[1], address(ns, "bob"))
		for _, g := range []*v1alpha1.PartnerGroup{reread(standard), reread(group(ns, "gold", "referral"))} {
			text, err := yaml.Marshal(g)
			Expect(err).NotTo(HaveOccurred())
			Expect(strings.ToLower(string(text))).NotTo(Or(ContainSubstring("ada@"), ContainSubstring("bob@")))
		}
	})

	It("counts its mails against the program, where they wait", func() {
		ns, most := newTenant(), int32(1)
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Mail.MaxPerHour = &most })
		link := joinLink(ns, v1alpha1.GroupJoin{})
		verified(link, address(ns, "ada"))
		gold := group(ns, "gold", "referral")
		Expect(post(somebody(), link, "email", address(ns, "bob")).Code).To(Equal(http.StatusSeeOther))
		i := invite(ns, "ivy", grant("referral", "gold"))
		create(i)
		Eventually(func() v1alpha1.InviteState { return reread(i).Status.State }, soon, often).Should(Equal(v1alpha1.InviteHeld))
		restart()
		Consistently(mailsTo(address(ns, "bob"), v1alpha1.MailVerifyAddress), quiet, often).Should(BeZero())
		Expect(reread(gold).Status.Verifications).To(HaveLen(1))
		most = 3
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Mail.MaxPerHour = &most })
		Eventually(mailsTo(address(ns, "ivy"), v1alpha1.MailInvite), soon, often).Should(Equal(1))
		Eventually(mailsTo(address(ns, "bob"), v1alpha1.MailVerifyAddress), 2*soon, often).Should(Equal(1), "it is asked every 15 seconds")
	})

	It("keeps no address anywhere before the application, and says it in no status", func() {
		ns := newTenant()
		link := joinLink(ns, v1alpha1.GroupJoin{})
		inbox.Script(mailcatcher.Rule{Stage: mailcatcher.Rcpt, Recipient: address(ns, "ada"), Code: 451})
		DeferCleanup(func() { inbox.Script() })
		Expect(post(somebody(), link, "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		gold := group(ns, "gold", "referral")
		Eventually(func() int { return len(reread(gold).Status.Verifications) }, soon, often).Should(Equal(1))
		text, err := yaml.Marshal(gold)
		Expect(err).NotTo(HaveOccurred())
		Expect(string(text)).NotTo(ContainSubstring("ada@"))
	})

	It("dies by rotation at once, with the links that it led to, and going back does not revive it", func() {
		ns := newTenant()
		link := joinLink(ns, v1alpha1.GroupJoin{})
		apply := verified(link, address(ns, "ada"))
		gold := group(ns, "gold", "referral")
		change(gold, func(g *v1alpha1.PartnerGroup) { g.Spec.Join.Rotation = "leaked" })
		Eventually(func() int { return open(link)().Code }, soon, often).Should(Equal(http.StatusNotFound))
		Eventually(func() int { return open(apply)().Code }, soon, often).Should(Equal(http.StatusNotFound))
		Expect(post(somebody(), apply).Code).To(Equal(http.StatusNotFound))
		Eventually(func() string { return reread(gold).Status.JoinURL }, soon, often).ShouldNot(Equal(link))
		Eventually(func() int { return open(gold.Status.JoinURL)().Code }, soon, often).Should(Equal(http.StatusOK))
		change(gold, func(g *v1alpha1.PartnerGroup) { g.Spec.Join.Rotation = "" })
		Eventually(func() int64 { return reread(gold).Status.JoinLink.Serial }, soon, often).Should(Equal(int64(3)))
		Expect(open(link)().Code).To(Equal(http.StatusNotFound))
		change(gold, func(g *v1alpha1.PartnerGroup) { g.Spec.Join.Mode = v1alpha1.JoinClosed })
		Eventually(func() string { return reread(gold).Status.JoinURL }, soon, often).Should(BeEmpty())
		Expect(partnerships(ns)()).To(BeZero())
	})

	It("refuses other domains, and those who were removed; an invite brings them back", func() {
		ns := newTenant()
		link := joinLink(ns, v1alpha1.GroupJoin{Approval: v1alpha1.JoinApprovalAutomatic, EligibleDomains: []v1alpha1.Domain{v1alpha1.Domain(ns + ".example")}})
		Expect(post(somebody(), link, "email", "eve@example.org").Wants(http.StatusUnprocessableEntity, "domain")).To(Succeed())
		Expect(post(somebody(), link, "email", "eve").Code).To(Equal(http.StatusUnprocessableEntity))
		Expect(post(somebody(), verified(link, address(ns, "ada"))).Code).To(Equal(http.StatusSeeOther))
		p := applicationOf(ns, "ada")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Eventually(tombstones(ns), soon, often).Should(HaveLen(1))
		Expect(api.Delete(ctx, p)).To(Succeed())
		apply := verified(link, address(ns, "ada"))
		Eventually(func() error { return open(apply)().Wants(http.StatusForbidden, "cannot apply") }, soon, often).Should(Succeed())
		Expect(post(somebody(), apply).Code).To(Equal(http.StatusForbidden))
		Expect(partnerships(ns)()).To(BeZero())

		_, invited := sentInvite(ns, "ada", grant("referral", "gold"))
		Eventually(func() error { return open(apply)().Wants(http.StatusConflict, "invited already") }, soon, often).Should(Succeed())
		Expect(post(somebody(), invited+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
	})

	It("lets a rejected person apply again after the time that the group sets, and the company decides again", func() {
		ns := newTenant()
		staffed(ns)
		link := joinLink(ns, v1alpha1.GroupJoin{})
		Expect(post(somebody(), verified(link, address(ns, "ada"))).Code).To(Equal(http.StatusSeeOther))
		p := applicationOf(ns, "ada")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipPending))
		reject := func(note string) {
			change(p, func(p *v1alpha1.Partnership) {
				p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected, Note: note}
			})
			Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipRejected))
		}
		reject("Not now.")
		apply := verified(link, address(ns, "ada"))
		Expect(post(somebody(), apply).Wants(http.StatusForbidden, "cannot apply with this address")).To(Succeed())
		gold := group(ns, "gold", "referral")
		change(gold, func(g *v1alpha1.PartnerGroup) { g.Spec.Join.ReapplyAfter = "720h" })
		Eventually(func() error { return post(somebody(), apply).Wants(http.StatusForbidden, "cannot apply again yet") }, soon, often).Should(Succeed())
		change(gold, func(g *v1alpha1.PartnerGroup) {
			g.Spec.Join.ReapplyAfter, g.Spec.Join.Approval = "1s", v1alpha1.JoinApprovalAutomatic
		})
		Eventually(func() int { return post(somebody(), apply).Code }, soon, often).Should(Equal(http.StatusSeeOther))
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipPending), "a reviewer's decision is turned round by a reviewer only")
		Eventually(mailsTo(address(ns, "staff"), v1alpha1.MailApplicationReceived), soon, often).Should(Equal(2))
		reject("Not this year.")
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailRejected), soon, often).Should(Equal(2))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Approval.Decision = v1alpha1.ApprovalApproved })
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
	})

	It("makes an applicant of a team's domain wait, and sends them on to the team where the company says so", func() {
		ns := newTenant()
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) {
			p.Spec.Onboarding = v1alpha1.ProgramOnboarding{Applicants: v1alpha1.OnboardingAutomatic, DomainMatching: v1alpha1.DomainMatchingEnabled}
		})
		create(&v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency"}, Spec: v1alpha1.PartnerTeamSpec{
			DisplayName: "Agency", Owner: v1alpha1.TeamOwner{Email: v1alpha1.EmailAddress(address(ns, "owner"))},
		}})
		link := joinLink(ns, v1alpha1.GroupJoin{})
		Expect(post(somebody(), verified(link, address(ns, "ada"))).Code).To(Equal(http.StatusSeeOther))
		p := applicationOf(ns, "ada")
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipPending))
		Expect(reasonAndMessage(p)).To(And(HavePrefix(v1alpha1.ReasonDomainMatched), ContainSubstring(`"agency"`)))
		change(p, func(p *v1alpha1.Partnership) {
			p.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved, JoinTeamRef: &v1alpha1.TeamReference{Name: "agency"}}
		})
		Eventually(func() string { return reasonAndMessage(reread(p)) }, soon, often).Should(HavePrefix(v1alpha1.ReasonJoiningTeam))
		Expect(p.Status.State).To(Equal(v1alpha1.PartnershipPending))
		Eventually(memberState(teamNamed(ns, "agency"), "ada"), soon, often).Should(Equal("AwaitingApproval/Member"))
		decision := linkTo(address(ns, "owner"), v1alpha1.MailTeammateApproval)
		Expect(post(somebody(), decision+"/reject").Code).To(Equal(http.StatusSeeOther))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Stage = "Sent on" })
		restart()
		Consistently(memberState(teamNamed(ns, "agency"), "ada"), quiet, often).Should(Equal("Rejected/Member"), "the team is asked once")
		Expect(mailsTo(address(ns, "owner"), v1alpha1.MailTeammateApproval)()).To(Equal(1))
		change(p, func(p *v1alpha1.Partnership) { p.Spec.Approval.JoinTeamRef = nil })
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailApproved), soon, often).Should(Equal(1))
	})

	It("mails each request once, whatever dies in between, and lets one of several applications through", func() {
		ns := newTenant()
		link := joinLink(ns, v1alpha1.GroupJoin{})
		const people = 8
		var all sync.WaitGroup
		for n := range people {
			all.Go(func() {
				defer GinkgoRecover()
				Expect(post(somebody(), link, "email", address(ns, fmt.Sprintf("p%d", n))).Code).To(Equal(http.StatusSeeOther))
			})
		}
		all.Wait()
		gold := group(ns, "gold", "referral")
		Eventually(func() int { return len(reread(gold).Status.Verifications) }, soon, often).Should(BeZero())
		for n := range people {
			Expect(mailsTo(address(ns, fmt.Sprintf("p%d", n)), v1alpha1.MailVerifyAddress)()).To(Equal(1))
		}
		apply := linkTo(address(ns, "p0"), v1alpha1.MailVerifyAddress)
		codes := make([]int, 6)
		for n := range codes {
			all.Go(func() {
				defer GinkgoRecover()
				codes[n] = post(somebody(), apply).Code
			})
		}
		all.Wait()
		won := 0
		for _, code := range codes {
			if code == http.StatusSeeOther {
				won++
			} else {
				Expect(code).To(BeElementOf(http.StatusConflict, http.StatusNotFound))
			}
		}
		Expect(won).To(Equal(1))
		Expect(partnerships(ns)()).To(Equal(1))
	})

	It("gives an attacker nothing", func() {
		ns, other := newTenant(), newTenant()
		link := joinLink(ns, v1alpha1.GroupJoin{Approval: v1alpha1.JoinApprovalAutomatic})
		otherLink := joinLink(other, v1alpha1.GroupJoin{Approval: v1alpha1.JoinApprovalAutomatic})
		apply := verified(link, address(ns, "ada"))
		token := func(of string) string { return of[strings.LastIndex(of, "/")+1:] }
		_, invited := sentInvite(ns, "ivy", grant("referral", ""))
		for name, address := range map[string]string{
			"a join link of another tenant":    tenantURL(ns, "join/gold/"+token(otherLink)),
			"a join link with another group":   tenantURL(ns, "join/standard/"+token(link)),
			"a join link with a missing group": tenantURL(ns, "join/silver/"+token(link)),
			"an apply link of another tenant":  tenantURL(other, "apply/"+token(apply)),
			"a join token as an apply link":    tenantURL(ns, "apply/"+token(link)),
			"an apply token as a join link":    tenantURL(ns, "join/gold/"+token(apply)),
			"an apply token as a sign-in link": tenantURL(ns, "signin/"+token(apply)),
			"an apply token as an invite":      tenantURL(ns, "invite/"+token(apply)),
			"an invite token as an apply link": tenantURL(ns, "apply/"+token(invited)),
			"an invite token as a join link":   tenantURL(ns, "join/gold/"+token(invited)),
			"a tampered apply link":            tamper(apply),
			"a tampered join link":             tamper(link),
		} {
			eve := somebody()
			Expect(get(eve, address).Code).To(Equal(http.StatusNotFound), name)
			posted := http.StatusNotFound
			if strings.Contains(address, "/invite/") {
				posted = http.StatusMethodNotAllowed // there is nothing to post to, whatever the token
			}
			Expect(post(eve, address, "email", "eve@example.org").Code).To(Equal(posted), name)
		}
		elsewhere, err := somebody().Do(ctx, http.MethodPost, apply, url.Values{}, http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(elsewhere.Code).To(Equal(http.StatusForbidden))
		Expect(partnerships(ns)()).To(BeZero())

		Expect(open(apply)().Code).To(Equal(http.StatusOK))
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = true })
		Eventually(func() int { return open(apply)().Code }, soon, often).Should(Equal(http.StatusForbidden))
		Expect(post(somebody(), apply).Code).To(Equal(http.StatusForbidden))
		Expect(open(link)().Code).To(Equal(http.StatusForbidden))
		change(program(ns, "referral", "", ""), func(p *v1alpha1.Program) { p.Spec.Suspend = false })
		Eventually(func() int { return post(somebody(), apply).Code }, soon, often).Should(Equal(http.StatusSeeOther), "it was not spent")
	})
})

// tamper changes one letter in the middle of a link's token.
func tamper(link string) string {
	at := len(link) - 20
	letter := "A"
	if link[at] == 'A' {
		letter = "B"
	}
	return link[:at] + letter + link[at+1:]
}

// reasonAndMessage is what the condition Active says.
func reasonAndMessage(p *v1alpha1.Partnership) string {
	for _, c := range p.Status.Conditions {
		if c.Type == v1alpha1.ConditionActive {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}

var _ = Describe("asking to sign in with only an open invite", Label("portal"), func() {
	It("sends the same mail with the same link again, never a sign-in mail, and not too often", func() {
		ns := newTenant()
		i, link := sentInvite(ns, "ada", grant("referral", "gold"))
		ask := func() browser.Page {
			return post(somebody(), tenantURL(ns, "login"), "email", strings.ToUpper(address(ns, "ada")))
		}
		unknown := post(somebody(), tenantURL(ns, "login"), "email", address(ns, "nobody"))
		got := ask()
		Expect([]any{got.Code, got.Location, got.Body}).To(Equal([]any{unknown.Code, unknown.Location, unknown.Body}))
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), quiet, often).Should(Equal(1), "the first was sent a moment ago")

		reread(i)
		i.Status.SentTime.Time = i.Status.SentTime.Add(-2 * time.Minute)
		Expect(api.Status().Update(ctx, i)).To(Succeed())
		Eventually(func() int { ask(); return mailsTo(address(ns, "ada"), v1alpha1.MailInvite)() }, soon, "200ms").Should(Equal(2))
		Expect(linkTo(address(ns, "ada"), v1alpha1.MailInvite)).To(Equal(link))
		Eventually(func() v1alpha1.DeliveryState { return reread(i).Status.Repeat.State }, soon, often).Should(Equal(v1alpha1.DeliverySent))
		Expect(i.Status.Serial).To(Equal(int64(1)))
		ask()
		Consistently(mailsTo(address(ns, "ada"), v1alpha1.MailInvite), quiet, often).Should(Equal(2), "throttled")
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailSignIn)()).To(BeZero())

		person := somebody()
		Expect(post(person, link+"/accept", "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		Expect(post(somebody(), tenantURL(ns, "login"), "email", address(ns, "ada")).Code).To(Equal(http.StatusSeeOther))
		Eventually(mailsTo(address(ns, "ada"), v1alpha1.MailSignIn), soon, often).Should(Equal(1))
		Expect(mailsTo(address(ns, "ada"), v1alpha1.MailInvite)()).To(Equal(2))
	})
})
