package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/browser"
	teams "github.com/partner-operator/partner-operator/internal/team"
)

func teamNamed(ns, name string) *v1alpha1.PartnerTeam {
	return &v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name}}
}

// declaredTeam is the team "agency" that the company made, of owner@NAMESPACE.example, as a partner in referral.
func declaredTeam(ns string) *v1alpha1.PartnerTeam {
	GinkgoHelper()
	t := teamNamed(ns, "agency")
	t.Spec = v1alpha1.PartnerTeamSpec{DisplayName: "Agency GmbH", Owner: v1alpha1.TeamOwner{Email: v1alpha1.EmailAddress(address(ns, "owner")), FirstName: "Olga"}}
	create(t)
	create(&v1alpha1.Partnership{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency-referral"},
		Spec:       v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, TeamRef: &v1alpha1.TeamReference{Name: "agency"}},
	})
	Eventually(func() int32 { return reread(t).Status.ActiveMembers }, soon, often).Should(BeEquivalentTo(1))
	return t
}

func teamInvite(ns, name string) *v1alpha1.PartnerInvite {
	return &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: name},
		Spec:       v1alpha1.PartnerInviteSpec{TeamRef: &v1alpha1.TeamReference{Name: "agency"}},
	}
}

// teammates proposes people to the team "agency".
func teammates(ns, name string, people ...string) *v1alpha1.PartnerInvite {
	i := teamInvite(ns, name)
	for _, person := range people {
		i.Spec.Members = append(i.Spec.Members, v1alpha1.ProposedMember{Email: v1alpha1.EmailAddress(address(ns, person))})
	}
	return i
}

// memberState is where a person stands in a team, with the role.
func memberState(t *v1alpha1.PartnerTeam, person string) func() string {
	return func() string {
		m := teams.Member(reread(t), address(t.Namespace, person))
		if m == nil {
			return ""
		}
		return string(m.State) + "/" + string(m.Role)
	}
}

func teamURL(ns, change string) string { return tenantURL(ns, "teams/agency"+change) }

// join brings a person into the team in a role, invited by somebody who is signed in.
func join(by *browser.Person, ns, name string, role v1alpha1.TeamRole) *browser.Person {
	GinkgoHelper()
	before := mailsTo(address(ns, name), v1alpha1.MailTeammateInvite)()
	got := post(by, teamURL(ns, "/invite"), "email", address(ns, name), "role", string(role))
	Expect(got.Code).To(Equal(http.StatusSeeOther), got.Body)
	Eventually(mailsTo(address(ns, name), v1alpha1.MailTeammateInvite), soon, often).Should(Equal(before + 1))
	person := somebody()
	Expect(post(person, linkTo(address(ns, name), v1alpha1.MailTeammateInvite)+"/accept", "email", address(ns, name)).Location).To(Equal(tenantURL(ns, "")))
	return person
}

var _ = Describe("a new team", Label("portal"), func() {
	It("comes into being when its owner accepts, with the people whom the owner approves", func() {
		ns := newTenant()
		i := invite(ns, "owner", grant("referral", "gold"))
		i.Spec.Team = &v1alpha1.NewTeam{Name: "agency", DisplayName: "Agency GmbH", Members: []v1alpha1.ProposedMember{
			{Email: v1alpha1.EmailAddress(address(ns, "bob")), FirstName: "Bob"},
			{Email: v1alpha1.EmailAddress(address(ns, "eve")), Role: "Finance"},
			{Email: v1alpha1.EmailAddress(strings.ToUpper(address(ns, "bob")))},
		}}
		create(i)
		link := linkTo(address(ns, "owner"), v1alpha1.MailTeamInvite)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		page := open(link)()
		Expect(page.Wants(http.StatusOK, "Agency GmbH", "Group gold", address(ns, "bob"), address(ns, "eve"), "Finance")).To(Succeed())
		Expect(strings.Count(page.Body, `name="approve"`)).To(Equal(2), "one who is named twice counts once")
		Expect(gone(teamNamed(ns, "agency"))()).To(BeTrue(), "before the owner accepts there is no team")
		Expect(post(somebody(), link+"/accept", "email", address(ns, "bob"), "approve", address(ns, "bob")).Code).To(Equal(http.StatusUnprocessableEntity))

		olga := somebody()
		Expect(post(olga, link+"/accept", "email", address(ns, "owner"), "approve", address(ns, "Bob")).Location).To(Equal(tenantURL(ns, "")))
		Expect(get(olga, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral", "Group gold", "With Agency GmbH", "Owner")).To(Succeed())
		agency := reread(teamNamed(ns, "agency"))
		Expect(agency.Spec.DisplayName).To(BeEquivalentTo("Agency GmbH"))
		Expect(memberState(agency, "owner")()).To(Equal("Active/Owner"))
		Expect(memberState(agency, "eve")()).To(BeEmpty())
		p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency-referral"}}
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Expect(p.Spec.Source).To(Equal(v1alpha1.SourceInvite))

		bob := somebody()
		join := linkTo(address(ns, "bob"), v1alpha1.MailTeammateInvite)
		Expect(post(bob, join+"/accept", "email", address(ns, "eve")).Code).To(Equal(http.StatusUnprocessableEntity))
		Expect(post(bob, join+"/accept", "email", strings.ToUpper(address(ns, "bob"))).Location).To(Equal(tenantURL(ns, "")))
		Expect(get(bob, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral", "Agency GmbH")).To(Succeed())
		Expect(post(somebody(), join+"/accept", "email", address(ns, "bob")).Code).To(Equal(http.StatusNotFound), "the link works once")
		Eventually(func() map[string]string { return outcomes(i) }, soon, often).Should(Equal(map[string]string{
			address(ns, "bob"): "Active ", address(ns, "eve"): "Rejected Struck",
		}))
		Expect(reread(i).Status.TeamRef.Name).To(Equal("agency"))
		Consistently(func() int { return len(inbox.MessagesTo(address(ns, "eve"))) }, quiet, often).Should(BeZero())
		Expect(mailsTo(address(ns, "bob"), v1alpha1.MailTeammateInvite)()).To(Equal(1))
		Expect(mailsTo(address(ns, "owner"), v1alpha1.MailTeamInvite)()).To(Equal(1))
		Expect(kubectl("get", "pteam", "-n", ns)).To(And(ContainSubstring("MEMBERS"), ContainSubstring("WAITING"), MatchRegexp(`agency +Agency GmbH +owner@\S+ +2 +0 +Ready`)))
		person := signedIn(ns, "bob")
		Expect(get(person, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral")).To(Succeed())
		Eventually(func() *metav1.Time { return teams.Member(reread(agency), address(ns, "bob")).LastActiveTime }, soon, often).ShouldNot(BeNil())
	})

	It("is refused where a team of the name exists, without a mail", func() {
		ns := newTenant()
		declaredTeam(ns)
		i := invite(ns, "second", grant("referral", ""))
		i.Spec.Team = &v1alpha1.NewTeam{Name: "agency"}
		create(i)
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteRefused))
		Expect(condition(i, v1alpha1.ConditionStalled)()).To(HaveField("Reason", v1alpha1.ReasonTeamExists))
		Expect(inbox.MessagesTo(address(ns, "second"))).To(BeEmpty())
	})

	for step, resource := range map[string]string{"the team": "partnerteams", "its people": "partnerteams/agency/status", "its partnership": "partnerships"} {
		It("is finished after a process dies before "+step+" is written", func() {
			ns := newTenant()
			i := invite(ns, "owner", grant("referral", ""))
			i.Spec.Team = &v1alpha1.NewTeam{Name: "agency", Members: []v1alpha1.ProposedMember{{Email: v1alpha1.EmailAddress(address(ns, "bob"))}}}
			create(i)
			link := linkTo(address(ns, "owner"), v1alpha1.MailTeamInvite)
			Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
			proxy.Break(func(r *http.Request) apiproxy.Fault {
				if (r.Method == http.MethodPost || r.Method == http.MethodPut) && strings.HasSuffix(r.URL.Path, "/namespaces/"+ns+"/"+resource) {
					running.Kill()
					return apiproxy.Refuse
				}
				return apiproxy.None
			})
			_, _ = somebody().Post(ctx, link+"/accept", url.Values{"email": {address(ns, "owner")}, "approve": {address(ns, "bob")}})
			Eventually(running.Ended(), soon).Should(BeClosed())
			proxy.Break(nil)
			startOperator()
			agency := teamNamed(ns, "agency")
			p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency-referral"}}
			Eventually(func() error { return api.Get(ctx, client.ObjectKeyFromObject(p), p) }, soon, often).Should(Succeed())
			Eventually(memberState(agency, "bob"), soon, often).Should(Equal("Invited/Member"))
			Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
			Expect(get(signedIn(ns, "owner"), tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral")).To(Succeed())
			// A claim that the dead process left is taken up after a minute; if the mail had left, the same one comes again.
			Eventually(func() bool { return teams.Member(reread(agency), address(ns, "bob")).SentTime.IsZero() }, 2*time.Minute, often).Should(BeFalse())
			mails := mailsOf(address(ns, "bob"), v1alpha1.MailTeammateInvite)
			Expect(len(mails)).To(Or(Equal(1), Equal(2)))
			for _, mail := range mails {
				Expect(mail.MessageID).To(Equal(mails[0].MessageID))
				Expect(mail.Links).To(Equal(mails[0].Links))
			}
			Expect(post(somebody(), mails[0].Links[0]+"/accept", "email", address(ns, "bob")).Code).To(Equal(http.StatusSeeOther))
		})
	}
})

// outcomes are what became of the people of an invite.
func outcomes(i *v1alpha1.PartnerInvite) map[string]string {
	told := map[string]string{}
	for _, m := range reread(i).Status.Members {
		told[string(m.Email)] = string(m.State) + " " + m.Reason
	}
	return told
}

var _ = Describe("teammates", Label("portal"), func() {
	It("whom the company proposes are asked only after the owner or an admin approves", func() {
		ns := newTenant()
		i := teammates(ns, "more", "bob", "eve", "owner")
		create(i)
		Eventually(condition(i, v1alpha1.ConditionResolvedRefs), soon, often).Should(HaveField("Reason", v1alpha1.ReasonTeamNotFound))
		agency := declaredTeam(ns)
		Eventually(memberState(agency, "bob"), soon, often).Should(Equal("AwaitingApproval/Member"))
		Eventually(mailsTo(address(ns, "owner"), v1alpha1.MailTeammateApproval), soon, often).Should(Equal(2))
		Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
		Expect(outcomes(i)).To(HaveKeyWithValue(address(ns, "owner"), " AlreadyMember"))
		Expect(inbox.MessagesTo(address(ns, "bob"))).To(BeEmpty())
		Eventually(func() []eventsv1.Event { return eventsOf(agency) }, soon, often).Should(ContainElement(And(
			HaveField("Reason", "MemberAwaitingApproval"), HaveField("Note", Equal("*** is proposed, and waits for approval; *** is proposed, and waits for approval")))), "one event tells of both")
		links := map[string]string{}
		for _, mail := range mailsOf(address(ns, "owner"), v1alpha1.MailTeammateApproval) {
			for _, person := range []string{"bob", "eve"} {
				if strings.Contains(mail.Text, address(ns, person)) {
					links[person] = mail.Links[0]
				}
			}
		}
		Expect(links).To(HaveLen(2))
		before := reread(agency).ResourceVersion
		Expect(open(links["bob"])().Wants(http.StatusOK, address(ns, "bob"), "Agency GmbH")).To(Succeed())
		Expect(reread(agency).ResourceVersion).To(Equal(before), "GET changes nothing")

		Expect(post(somebody(), links["bob"]+"/approve").Code).To(Equal(http.StatusSeeOther))
		Expect(post(somebody(), links["eve"]+"/reject").Code).To(Equal(http.StatusSeeOther))
		for _, link := range []string{links["bob"] + "/reject", links["eve"] + "/approve"} {
			Expect(post(somebody(), link).Wants(http.StatusConflict, "There is nothing left to decide")).To(Succeed())
		}
		bob := somebody()
		Expect(post(bob, linkTo(address(ns, "bob"), v1alpha1.MailTeammateInvite)+"/accept", "email", address(ns, "bob")).Location).To(Equal(tenantURL(ns, "")))
		Expect(get(bob, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral")).To(Succeed())
		Eventually(func() map[string]string { return outcomes(i) }, soon, often).Should(Equal(map[string]string{
			address(ns, "bob"): "Active ", address(ns, "eve"): "Rejected ", address(ns, "owner"): " AlreadyMember",
		}))
		Expect(stateOf(i)()).To(Equal(v1alpha1.InviteAccepted))
		Expect(inbox.MessagesTo(address(ns, "eve"))).To(BeEmpty())
		restart()
		Consistently(mailsTo(address(ns, "owner"), v1alpha1.MailTeammateApproval), quiet, often).Should(Equal(2))
	})

	It("whom the company takes back are out at once, and a resend asks the team anew", func() {
		ns := newTenant()
		agency := declaredTeam(ns)
		asked := mailsTo(address(ns, "owner"), v1alpha1.MailTeammateApproval)
		i := teammates(ns, "more", "bob")
		create(i)
		Eventually(asked, soon, often).Should(Equal(1))
		first := linkTo(address(ns, "owner"), v1alpha1.MailTeammateApproval)
		longAgo := func() {
			GinkgoHelper()
			Eventually(func() error {
				teams.Member(reread(agency), address(ns, "bob")).AskedTime = &metav1.Time{Time: time.Now().Add(-time.Hour)}
				return api.Status().Update(ctx, agency)
			}, soon, often).Should(Succeed())
		}
		longAgo()
		change(i, func(i *v1alpha1.PartnerInvite) { i.Spec.ResendToken = "again" })
		Eventually(asked, soon, often).Should(Equal(2), "a resend asks the leaders")
		Expect(open(first)().Code).To(Equal(http.StatusNotFound), "the link of before is dead")
		second := mailsOf(address(ns, "owner"), v1alpha1.MailTeammateApproval)[1].Links[0]
		Expect(open(second)().Code).To(Equal(http.StatusOK))
		change(i, func(i *v1alpha1.PartnerInvite) { i.Spec.ResendToken = "soon" })
		Eventually(condition(i, v1alpha1.ConditionReconciling), soon, often).Should(HaveField("Reason", v1alpha1.ReasonCoolingDown))
		Consistently(asked, quiet, often).Should(Equal(2), "within the resendCooldown it waits")

		owner := signedIn(ns, "owner")
		Expect(get(owner, teamURL(ns, "")).Body).To(ContainSubstring(address(ns, "bob")))
		Expect(api.Delete(ctx, i)).To(Succeed())
		Eventually(open(second), soon, often).Should(HaveField("Code", http.StatusConflict))
		Expect(open(second)().Wants(http.StatusConflict, "was taken back")).To(Succeed())
		Expect(post(somebody(), second+"/approve").Code).To(Equal(http.StatusConflict))
		Eventually(memberState(agency, "bob"), soon, often).Should(Equal("Removed/Member"))
		Expect(reread(agency).Status.WaitingApprovals).To(BeZero())
		Consistently(asked, quiet, often).Should(Equal(2))

		create(teammates(ns, "more", "bob"))
		Eventually(asked, soon, often).Should(Equal(3), "the same manifest is a new invite")
		Expect(post(somebody(), mailsOf(address(ns, "owner"), v1alpha1.MailTeammateApproval)[2].Links[0]+"/approve").Code).To(Equal(http.StatusSeeOther))
		join := linkTo(address(ns, "bob"), v1alpha1.MailTeammateInvite)
		Expect(api.Delete(ctx, teammates(ns, "more", "bob"))).To(Succeed())
		Eventually(open(join), soon, often).Should(HaveField("Code", http.StatusNotFound))
		Expect(post(somebody(), join+"/accept", "email", address(ns, "bob")).Code).To(Equal(http.StatusNotFound))
		Expect(inbox.MessagesTo(address(ns, "bob"))).To(HaveLen(1))
	})

	It("who ask to sign in before they joined get the same invitation again, and no sign-in link", func() {
		ns := newTenant()
		agency := declaredTeam(ns)
		Expect(post(signedIn(ns, "owner"), teamURL(ns, "/invite"), "email", address(ns, "bob")).Code).To(Equal(http.StatusSeeOther))
		link := linkTo(address(ns, "bob"), v1alpha1.MailTeammateInvite)
		Eventually(func() *metav1.Time { return teams.Member(reread(agency), address(ns, "bob")).SentTime }, soon, often).ShouldNot(BeNil())
		ask := func() {
			GinkgoHelper()
			Expect(post(somebody(), tenantURL(ns, "login"), "email", address(ns, "bob")).Location).To(Equal(tenantURL(ns, "login?asked")))
		}
		sent := mailsTo(address(ns, "bob"), v1alpha1.MailTeammateInvite)
		for range 3 {
			ask()
		}
		Consistently(sent, quiet, often).Should(Equal(1), "it was mailed a moment ago")
		longAgo := func(ago time.Duration) {
			GinkgoHelper()
			Eventually(func() error {
				teams.Member(reread(agency), address(ns, "bob")).SentTime = &metav1.Time{Time: time.Now().Add(-ago)}
				return api.Status().Update(ctx, agency)
			}, soon, often).Should(Succeed())
		}
		longAgo(time.Minute)
		ask()
		Eventually(sent, soon, often).Should(Equal(2), "the first repeat comes soon")
		Eventually(func() int { return len(reread(agency).Status.Mails) }, soon, often).Should(BeZero())
		longAgo(4 * time.Minute)
		ask()
		Consistently(sent, quiet, often).Should(Equal(2), "the others come every five minutes")
		longAgo(5 * time.Minute)
		ask()
		Eventually(sent, soon, often).Should(Equal(3))
		ids := map[string]bool{}
		for _, mail := range mailsOf(address(ns, "bob"), v1alpha1.MailTeammateInvite) {
			ids[mail.MessageID] = true
			Expect(mail.Links).To(Equal([]string{link}))
		}
		Expect(ids).To(HaveLen(3), "a mailbox that has the first may hide another of the same Message-ID")
		Expect(mailsTo(address(ns, "bob"), v1alpha1.MailSignIn)()).To(BeZero())
	})

	It("of several invites at once are all put before the team", func() {
		ns := newTenant()
		agency := declaredTeam(ns)
		var group sync.WaitGroup
		for n := range 10 {
			group.Go(func() {
				defer GinkgoRecover()
				create(teammates(ns, fmt.Sprintf("more-%d", n), fmt.Sprintf("a%d", n), fmt.Sprintf("b%d", n), "shared"))
			})
		}
		group.Wait()
		Eventually(func() int32 { return reread(agency).Status.WaitingApprovals }, soon, often).Should(BeEquivalentTo(21))
		Eventually(mailsTo(address(ns, "owner"), v1alpha1.MailTeammateApproval), soon, often).Should(Equal(21))
		shared := 0
		for n := range 10 {
			i := teammates(ns, fmt.Sprintf("more-%d", n))
			Eventually(stateOf(i), soon, often).Should(Equal(v1alpha1.InviteSent))
			if outcomes(i)[address(ns, "shared")] == "AwaitingApproval " {
				shared++
			}
		}
		Expect(shared).To(Equal(1), "who is in several invites is proposed by one")
		Consistently(mailsTo(address(ns, "owner"), v1alpha1.MailTeammateApproval), quiet, often).Should(Equal(21))
	})

	It("are invited twenty times an hour at most, whoever of the team asks, from wherever, and whatever became of those", func() {
		ns := newTenant()
		agency := declaredTeam(ns)
		owner := signedIn(ns, "owner")
		admin := join(owner, ns, "admin", v1alpha1.RoleAdmin)
		for n := range teams.MaxInvitesPerHour - 1 {
			by, email := []*browser.Person{owner, admin}[n%2], address(ns, fmt.Sprintf("stranger%d", n))
			Expect(post(by, teamURL(ns, "/invite"), "email", email).Code).To(Equal(http.StatusSeeOther))
			Expect(post(by, teamURL(ns, "/remove"), "email", email).Code).To(Equal(http.StatusSeeOther))
		}
		restart()
		elsewhere, err := owner.Steal(tenantURL(ns, ""))
		Expect(err).NotTo(HaveOccurred())
		Eventually(func() int { return get(owner, teamURL(ns, "")).Code }, soon, often).Should(Equal(http.StatusOK))
		Eventually(func() int { return len(reread(agency).Status.Mails) }, soon, often).Should(BeZero())
		before := reread(agency).ResourceVersion
		for _, by := range []*browser.Person{owner, admin, elsewhere} {
			Expect(post(by, teamURL(ns, "/invite"), "email", address(ns, "last")).Wants(http.StatusUnprocessableEntity, "Your team has invited 20 people within an hour", "Agency GmbH")).To(Succeed())
		}
		Expect(reread(agency).ResourceVersion).To(Equal(before), "nothing is written")
		Expect(mailsTo(address(ns, "last"), v1alpha1.MailTeammateInvite)()).To(BeZero())
		Expect(post(owner, teamURL(ns, "/remove"), "email", address(ns, "admin")).Code).To(Equal(http.StatusSeeOther), "the rest goes on")
	})

	It("who accept at once, twenty of them at two replicas, all become members", func() {
		ns := newTenant()
		agency := declaredTeam(ns)
		owner := signedIn(ns, "owner")
		const crowd = teams.MaxInvitesPerHour
		names := make([]string, crowd)
		for n := range crowd {
			names[n] = fmt.Sprintf("p%d", n)
			Expect(post(owner, teamURL(ns, "/invite"), "email", address(ns, names[n])).Code).To(Equal(http.StatusSeeOther))
		}
		links := map[string]string{}
		for _, name := range names {
			links[name] = linkTo(address(ns, name), v1alpha1.MailTeammateInvite)
		}
		Eventually(func() int { return len(reread(agency).Status.Mails) }, soon, often).Should(BeZero())
		second := startReplica()
		write := apiproxy.Request{Method: http.MethodPut, Resource: "partnerteams/status"}
		proxy.Forget()
		before, began := proxy.Done(ns)[write], time.Now()
		var group sync.WaitGroup
		for n, name := range names {
			group.Go(func() {
				defer GinkgoRecover()
				link := links[name]
				if n%2 == 1 {
					link = strings.Replace(link, running.Portal, second.Portal, 1)
				}
				got := post(somebody(), link+"/accept", "email", address(ns, name))
				Expect(got.Code).To(Equal(http.StatusSeeOther), got.Body)
			})
		}
		group.Wait()
		tried, done := proxy.Seen()[write], proxy.Done(ns)[write]-before
		AddReportEntry(fmt.Sprintf("%d acceptances in %s: %d writes of the team, %d conflicts", crowd, time.Since(began).Round(time.Millisecond), done, tried-done))
		Expect(done).To(BeNumerically("~", crowd, 3), "an acceptance is one write; the controller may note what it saw")
		Expect(tried).To(BeNumerically("<", 4*crowd), "within a process they take turns")
		for _, name := range names {
			Expect(memberState(agency, name)()).To(Equal("Active/Member"), name)
		}
		Expect(reread(agency).Status.ActiveMembers).To(BeEquivalentTo(crowd + 1))
		for _, name := range names {
			Expect(mailsTo(address(ns, name), v1alpha1.MailTeammateInvite)()).To(Equal(1), name)
		}
	})
})

var _ = Describe("the people of a team", Label("portal"), func() {
	It("can do what the table of rights says, and nothing else, whatever path they take", func() {
		ns := newTenant()
		agency := declaredTeam(ns)
		people := map[v1alpha1.TeamRole]*browser.Person{teams.Roles[0]: signedIn(ns, "owner")}
		for _, role := range teams.Roles[1:] {
			people[role] = join(people[v1alpha1.RoleOwner], ns, strings.ToLower(string(role)), role)
		}
		// Each row asks for something that changes nothing even if it is allowed, so that the rows do not disturb each other.
		rows := map[string]struct {
			action teams.Action
			path   string
			fields []string
			done   int
		}{
			"invite":   {teams.InvitePeople, "/invite", []string{"email", "nonsense"}, http.StatusUnprocessableEntity},
			"approve":  {teams.InvitePeople, "/approve", []string{"email", address(ns, "nobody")}, http.StatusUnprocessableEntity},
			"reject":   {teams.InvitePeople, "/reject", []string{"email", address(ns, "nobody")}, http.StatusUnprocessableEntity},
			"remove":   {teams.RemovePeople, "/remove", []string{"email", address(ns, "nobody")}, http.StatusUnprocessableEntity},
			"role":     {teams.ChangeRoles, "/role", []string{"email", address(ns, "nobody"), "role", "Member"}, http.StatusUnprocessableEntity},
			"handover": {teams.HandOver, "/handover", []string{"email", address(ns, "nobody")}, http.StatusUnprocessableEntity},
		}
		for role, person := range people {
			page := get(person, teamURL(ns, ""))
			Expect(page.Wants(http.StatusOK, "Agency GmbH", address(ns, "owner"))).To(Succeed(), string(role))
			for name, row := range rows {
				want := http.StatusForbidden
				if teams.May(role, row.action) {
					want = row.done
				}
				Expect(post(person, teamURL(ns, row.path), row.fields...).Code).To(Equal(want), "%s by %s", name, role)
			}
			Expect(strings.Contains(page.Body, "Send the invitation")).To(Equal(teams.May(role, teams.InvitePeople)), string(role))
			Expect(strings.Contains(page.Body, teamPathOf(ns)+"/handover")).To(Equal(teams.May(role, teams.HandOver)), string(role))
			Expect(strings.Contains(page.Body, teamPathOf(ns)+"/leave")).To(Equal(teams.May(role, teams.Leave)), string(role))
		}
		Expect(post(people[v1alpha1.RoleOwner], teamURL(ns, "/leave")).Wants(http.StatusForbidden, "Hand it over first", `href="/t/`+ns+`/"`)).To(Succeed())
		Expect(post(people[v1alpha1.RoleAdmin], teamURL(ns, "/remove"), "email", address(ns, "owner")).Code).To(Equal(http.StatusForbidden))
		Expect(post(people[v1alpha1.RoleAdmin], teamURL(ns, "/role"), "email", address(ns, "admin"), "role", "Member").Code).To(Equal(http.StatusForbidden))
		Expect(get(people[v1alpha1.RoleMember], teamURL(ns, "")+"?q=finance").Body).To(And(ContainSubstring(address(ns, "finance")), Not(ContainSubstring(address(ns, "admin")))))

		// Programs are accepted by those who may join them.
		create(program(ns, "reseller", "Acme Reseller", ""))
		further := teamInvite(ns, "further")
		further.Spec.Programs = []v1alpha1.ProgramGrant{grant("reseller", "")}
		create(further)
		link := linkTo(address(ns, "owner"), v1alpha1.MailTeamInvite)
		Eventually(stateOf(further), soon, often).Should(Equal(v1alpha1.InviteSent))
		for _, role := range teams.Roles {
			want := http.StatusForbidden
			if teams.May(role, teams.JoinPrograms) {
				want = http.StatusOK
			}
			Expect(get(people[role], link).Code).To(Equal(want), string(role))
			if want == http.StatusForbidden {
				got := post(somebody(), link+"/accept", "email", address(ns, strings.ToLower(string(role))))
				Expect(got.Wants(http.StatusForbidden, "Olga (o***@"+ns+".example)", "a***@"+ns+".example")).To(Succeed(), "who can accept is told")
				Expect(got.Body).NotTo(Or(ContainSubstring(address(ns, "owner")), ContainSubstring(address(ns, "admin"))), "whoever has the link may not be in the team")
				Expect(get(people[role], link).Wants(http.StatusForbidden, "Olga ("+address(ns, "owner")+")")).To(Succeed(), "who is signed in sees the team anyway")
			}
		}
		Expect(post(somebody(), link+"/accept", "email", address(ns, "stranger")).Code).To(Equal(http.StatusUnprocessableEntity))
		Expect(stateOf(further)()).To(Equal(v1alpha1.InviteSent))
		thief := somebody()
		Expect(post(thief, link+"/accept", "email", address(ns, "admin")).Location).To(Equal(tenantURL(ns, "login?accepted")))
		Expect(get(thief, tenantURL(ns, "")).Location).To(Equal(tenantURL(ns, "login")), "the link of the owner signs no admin in")
		Eventually(func() error {
			return get(people[v1alpha1.RoleMember], tenantURL(ns, "")).Wants(http.StatusOK, "Acme Reseller")
		}, soon, often).Should(Succeed())
		Expect(memberState(agency, "owner")()).To(Equal("Active/Owner"))
	})

	It("hand over, remove and are refused at once", func() {
		ns := newTenant()
		agency := declaredTeam(ns)
		owner := signedIn(ns, "owner")
		admin, member := join(owner, ns, "admin", v1alpha1.RoleAdmin), join(owner, ns, "member", v1alpha1.RoleMember)
		Expect(post(admin, teamURL(ns, "/handover"), "email", address(ns, "admin")).Code).To(Equal(http.StatusForbidden))
		Expect(post(owner, teamURL(ns, "/handover"), "email", address(ns, "admin")).Code).To(Equal(http.StatusSeeOther))
		Expect(reread(agency).Status.Owner.Email).To(BeEquivalentTo(address(ns, "admin")))
		Expect(memberState(agency, "owner")()).To(Equal("Active/Admin"))
		Expect(post(owner, teamURL(ns, "/handover"), "email", address(ns, "owner")).Code).To(Equal(http.StatusForbidden))

		stolen, err := member.Steal(tenantURL(ns, ""))
		Expect(err).NotTo(HaveOccurred())
		Expect(post(admin, teamURL(ns, "/remove"), "email", address(ns, "member")).Code).To(Equal(http.StatusSeeOther))
		for _, person := range []*browser.Person{member, stolen} {
			Expect(get(person, tenantURL(ns, "")).Location).To(Equal(tenantURL(ns, "login")))
			Expect(get(person, teamURL(ns, "")).Location).To(Equal(tenantURL(ns, "login")))
			Expect(post(person, teamURL(ns, "/invite"), "email", address(ns, "friend")).Location).To(Equal(tenantURL(ns, "login")))
		}
		before := mailsTo(address(ns, "member"), v1alpha1.MailSignIn)()
		Expect(post(somebody(), tenantURL(ns, "login"), "email", address(ns, "member")).Code).To(Equal(http.StatusSeeOther))
		Consistently(mailsTo(address(ns, "member"), v1alpha1.MailSignIn), quiet, often).Should(Equal(before))
		again := join(admin, ns, "member", v1alpha1.RoleFinance)
		Expect(get(again, tenantURL(ns, "")).Code).To(Equal(http.StatusOK))
		Expect(get(stolen, tenantURL(ns, "")).Location).To(Equal(tenantURL(ns, "login")), "a session from before stays dead")

		Expect(post(again, teamURL(ns, "/leave")).Location).To(Equal(tenantURL(ns, "")))
		Expect(get(again, tenantURL(ns, "")).Location).To(Equal(tenantURL(ns, "login")))
		Expect(post(owner, tenantURL(ns, "signout")).Code).To(Equal(http.StatusSeeOther))
		Eventually(func() string { return get(admin, tenantURL(ns, "")).Location }, soon, often).Should(BeEmpty(), "the sign-out of one is not that of another")

		p := &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency-referral"}}
		change(p, func(p *v1alpha1.Partnership) {
			p.Spec.Revocation = &v1alpha1.Revocation{Reason: "The contract has ended."}
		})
		Eventually(func() string { return get(admin, tenantURL(ns, "")).Location }, soon, often).Should(Equal(tenantURL(ns, "login")))
		for _, name := range []string{"owner", "admin"} {
			Eventually(mailsTo(address(ns, name), v1alpha1.MailRevoked), soon, often).Should(Equal(1), name)
		}
		Expect(mailsTo(address(ns, "member"), v1alpha1.MailRevoked)()).To(BeZero())
	})

	It("are out of reach for others, for links of another kind, and for kubectl", func() {
		ns, foreign := newTenant(), newTenant()
		agency := declaredTeam(ns)
		declaredTeam(foreign)
		other := teamNamed(ns, "other")
		other.Spec = v1alpha1.PartnerTeamSpec{DisplayName: "Other", Owner: v1alpha1.TeamOwner{Email: v1alpha1.EmailAddress(address(ns, "rival"))}}
		create(other)
		Eventually(memberState(other, "rival"), soon, often).Should(Equal("Active/Owner"))
		rival, owner := signedIn(ns, "rival"), signedIn(ns, "owner")
		Expect(get(rival, tenantURL(ns, "teams/other")).Code).To(Equal(http.StatusOK), "a team in no program is open to its owner")
		Expect(get(rival, tenantURL(ns, "")).Body).NotTo(ContainSubstring("Acme Referral"))
		Expect(get(rival, teamURL(ns, "")).Code).To(Equal(http.StatusNotFound))
		Expect(get(rival, teamURL(ns, "")).Body).To(Equal(get(rival, tenantURL(ns, "teams/none")).Body))
		for change := range map[string]bool{"invite": true, "approve": true, "reject": true, "remove": true, "handover": true, "role": true, "leave": true} {
			Expect(post(rival, teamURL(ns, "/"+change), "email", address(ns, "owner")).Code).To(Equal(http.StatusNotFound), change)
			Expect(post(somebody(), teamURL(ns, "/"+change), "email", address(ns, "owner")).Location).To(Equal(tenantURL(ns, "login")), change)
		}
		thief, err := owner.Steal(tenantURL(ns, ""))
		Expect(err).NotTo(HaveOccurred())
		Expect(get(thief, tenantURL(foreign, "teams/agency")).Location).To(Equal(tenantURL(foreign, "login")))

		create(teammates(ns, "more", "bob"))
		Expect(post(owner, teamURL(ns, "/invite"), "email", address(ns, "eve")).Code).To(Equal(http.StatusSeeOther))
		approval, joining := linkTo(address(ns, "owner"), v1alpha1.MailTeammateApproval), linkTo(address(ns, "eve"), v1alpha1.MailTeammateInvite)
		for _, kind := range []string{"invite", "signin", "member", "approval"} {
			for _, link := range []string{approval, joining} {
				token := link[strings.LastIndex(link, "/")+1:]
				if strings.Contains(link, "/"+kind+"/") {
					continue
				}
				Expect(open(tenantURL(ns, kind+"/"+token))().Code).To(Equal(http.StatusNotFound), "%s as %s", link, kind)
			}
		}
		for _, link := range []string{approval, joining} {
			Expect(open(strings.Replace(link, "/t/"+ns+"/", "/t/"+foreign+"/", 1))().Code).To(Equal(http.StatusNotFound))
		}
		got, err := somebody().Do(ctx, http.MethodPost, approval+"/approve", nil, http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}})
		Expect(err).NotTo(HaveOccurred())
		Expect(got.Code).To(Equal(http.StatusForbidden))
		Expect(memberState(agency, "bob")()).To(Equal("AwaitingApproval/Member"))

		// Handing over kills the approval link of who is an admin no more.
		heir := join(owner, ns, "heir", v1alpha1.RoleMember)
		Expect(post(owner, teamURL(ns, "/handover"), "email", address(ns, "heir")).Code).To(Equal(http.StatusSeeOther))
		Expect(open(approval)().Code).To(Equal(http.StatusOK), "an admin decides, too")
		Expect(post(heir, teamURL(ns, "/role"), "email", address(ns, "owner"), "role", "Finance").Code).To(Equal(http.StatusSeeOther))
		Expect(open(approval)().Code).To(Equal(http.StatusNotFound))

		out, err := plane.Kubectl(ctx, "patch", "pteam", "agency", "-n", ns, "--type=merge", "-p", `{"spec":{"owner":{"email":"company@example.com"}}}`).CombinedOutput()
		Expect(err).To(HaveOccurred())
		Expect(string(out)).To(ContainSubstring("only the owner can hand the team over"))
	})

	It("who do something to each other at once leave a team with one owner", func() {
		ns := newTenant()
		agency := declaredTeam(ns)
		owner := signedIn(ns, "owner")
		a, b := join(owner, ns, "a", v1alpha1.RoleAdmin), join(owner, ns, "b", v1alpha1.RoleAdmin)
		race := func(first, second func() int) (codes []int) {
			var group sync.WaitGroup
			results := make([]int, 2)
			for n, each := range []func() int{first, second} {
				group.Go(func() {
					defer GinkgoRecover()
					results[n] = each()
				})
			}
			group.Wait()
			return results
		}
		codes := race(
			func() int { return post(a, teamURL(ns, "/role"), "email", address(ns, "b"), "role", "Member").Code },
			func() int { return post(b, teamURL(ns, "/role"), "email", address(ns, "a"), "role", "Member").Code },
		)
		Expect(codes).To(ConsistOf(http.StatusSeeOther, http.StatusForbidden), "two admins demote each other")
		remover, target := a, "b"
		if memberState(agency, "a")() == "Active/Member" {
			remover, target = b, "a"
		}
		codes = race(
			func() int { return post(owner, teamURL(ns, "/handover"), "email", address(ns, target)).Code },
			func() int { return post(remover, teamURL(ns, "/remove"), "email", address(ns, target)).Code },
		)
		Expect(codes).To(Or(Equal([]int{http.StatusSeeOther, http.StatusForbidden}), Equal([]int{http.StatusConflict, http.StatusSeeOther})), "handed over during removal")
		owners := 0
		for _, m := range reread(agency).Status.Members {
			if m.Role == v1alpha1.RoleOwner && m.State == v1alpha1.MemberActive {
				owners++
				Expect(m.Email).To(Equal(agency.Status.Owner.Email))
			}
		}
		Expect(owners).To(Equal(1))
	})
})

func teamPathOf(ns string) string { return "/t/" + ns + "/teams/agency" }

var _ = Describe("a partnership of a team with invitation Send", func() {
	It("is Invited, mailed to the owner, and Active once the owner accepts", func() {
		ns := newTenant()
		t := teamNamed(ns, "agency")
		t.Spec = v1alpha1.PartnerTeamSpec{DisplayName: "Agency GmbH", Owner: v1alpha1.TeamOwner{Email: v1alpha1.EmailAddress(address(ns, "owner"))}}
		p := &v1alpha1.Partnership{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "agency-by-git"},
			Spec: v1alpha1.PartnershipSpec{
				ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, TeamRef: &v1alpha1.TeamReference{Name: "agency"}, Invitation: v1alpha1.InvitationSend,
			},
		}
		create(p)
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipInvited))
		create(t)
		link := linkTo(address(ns, "owner"), v1alpha1.MailTeamInvite)
		person := somebody()
		Expect(post(person, link+"/accept", "email", address(ns, "owner")).Location).To(Equal(tenantURL(ns, "")))
		Expect(get(person, tenantURL(ns, "")).Wants(http.StatusOK, "Acme Referral", "With Agency GmbH")).To(Succeed())
		Eventually(partnershipState(p), soon, often).Should(Equal(v1alpha1.PartnershipActive))
		Consistently(mailsTo(address(ns, "owner"), v1alpha1.MailTeamInvite), quiet, often).Should(Equal(1))
	})
})
