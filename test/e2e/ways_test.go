package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	teams "github.com/partner-operator/partner-operator/internal/team"
)

// way is how mail of a kind becomes due, for each person of a mailing and with an object for each. That an invite's mail is
// asked for once more is a way of its own.
type way struct {
	name string
	kind v1alpha1.MailKind
	// resource is what is written, and asked is how often for each mail before that is claimed.
	resource string
	asked    int
	// portal: it is asked for on a page, which asks once and not until it succeeds.
	portal bool
	// most is to how many people: some take long to get there, go through the same as others, or wait for each other within a
	// namespace; 0: any number.
	most int
	// blank is an object of the kind that is written, and list all those of a namespace.
	blank func() client.Object
	list  func() client.ObjectList
	// prepare makes what has to be there before, and due makes the mail due.
	prepare func(m *mailing, name string)
	due     func(m *mailing, name string) error
	// said is what status says of the mail, in the words claimed and recorded.
	said func(client.Object) string
}

// ways are all of them. Those that go through the API alone come first.
var ways = []*way{
	{
		name: "invite", kind: v1alpha1.MailInvite, resource: "partnerinvites/status", blank: anInvite, list: inviteList,
		due: func(m *mailing, name string) error {
			return client.IgnoreAlreadyExists(api.Create(ctx, invite(m.ns, name, grant("referral", ""))))
		},
		said: func(o client.Object) string {
			return reasonIn(o.(*v1alpha1.PartnerInvite).Status.Conditions, v1alpha1.ConditionSent)
		},
	},
	{
		name: "revoked", kind: v1alpha1.MailRevoked, resource: "partnerships/status", blank: aPartnership, list: partnershipList,
		prepare: activePartner, said: saidOfPartner(v1alpha1.MailRevoked),
		due: patchPartner(`{"spec": {"revocation": {"reason": "The contract has ended."}}}`),
	},
	{
		name: "approved", kind: v1alpha1.MailApproved, resource: "partnerships/status", most: 8, blank: aPartnership, list: partnershipList,
		prepare: pendingPartner, said: saidOfPartner(v1alpha1.MailApproved),
		due: patchPartner(`{"spec": {"approval": {"decision": "Approved"}}}`),
	},
	{
		name: "rejected", kind: v1alpha1.MailRejected, resource: "partnerships/status", most: 8, blank: aPartnership, list: partnershipList,
		prepare: pendingPartner, said: saidOfPartner(v1alpha1.MailRejected),
		due: patchPartner(`{"spec": {"approval": {"decision": "Rejected"}}}`),
	},
	{
		name: "teammate-approval", kind: v1alpha1.MailTeammateApproval, resource: "partnerteams/status", asked: 1, most: 8, blank: aTeam, list: teamList,
		prepare: func(m *mailing, name string) { teamLedBy(m.ns, name, name) },
		due:     func(m *mailing, name string) error { return proposeTeammate(m.ns, name, "mate-"+name) },
		said: func(o client.Object) string {
			t := o.(*v1alpha1.PartnerTeam)
			asked := slices.ContainsFunc(t.Status.Members, func(m v1alpha1.TeamMember) bool { return m.AskedTime != nil })
			return saidOfTeam(t, v1alpha1.MailTeammateApproval, asked)
		},
	},
	{
		name: "teammate-invite", kind: v1alpha1.MailTeammateInvite, resource: "partnerteams/status", asked: 1, portal: true, most: 8, blank: aTeam, list: teamList,
		prepare: func(m *mailing, name string) {
			owner := "owner-" + name
			teamLedBy(m.ns, name, owner)
			Expect(proposeTeammate(m.ns, name, name)).To(Succeed())
			m.links[name] = linkTo(address(m.ns, owner), v1alpha1.MailTeammateApproval)
		},
		due: func(m *mailing, name string) error { return ask(m.links[name] + "/approve") },
		said: func(o client.Object) string {
			t := o.(*v1alpha1.PartnerTeam)
			mate := teams.Member(t, address(t.Namespace, t.Name))
			return saidOfTeam(t, v1alpha1.MailTeammateInvite, mate != nil && mate.SentTime != nil)
		},
	},
	{
		name: "sign-in", kind: v1alpha1.MailSignIn, resource: "partnerships/status", asked: 1, portal: true, most: 8, blank: aPartnership, list: partnershipList,
		prepare: activePartner, said: saidOfPartner(v1alpha1.MailSignIn), due: askToSignIn,
	},
	{
		name: "repeat", kind: v1alpha1.MailInvite, resource: "partnerinvites/status", asked: 1, portal: true, most: 8, blank: anInvite, list: inviteList,
		prepare: func(m *mailing, name string) {
			eager(m.ns)
			i, _ := sentInvite(m.ns, name, grant("referral", ""))
			Eventually(func() error {
				before := metav1.NewTime(time.Now().Add(-10 * time.Minute))
				reread(i).Status.SentTime, i.Status.FirstAttemptTime, i.Status.LastAttemptTime = &before, &before, &before
				return api.Status().Update(ctx, i)
			}, soon, often).Should(Succeed())
		},
		due: askToSignIn,
		said: func(o client.Object) string {
			if repeat := o.(*v1alpha1.PartnerInvite).Status.Repeat; repeat != nil {
				return string(repeat.State)
			}
			return ""
		},
	},
	{
		name: "verify-address", kind: v1alpha1.MailVerifyAddress, resource: "partnergroups/status", asked: 1, portal: true, most: 1, blank: aGroup, list: groupList,
		prepare: func(m *mailing, name string) {
			g := group(m.ns, name, "referral")
			g.Spec.Join.Mode = v1alpha1.JoinOpen
			create(g)
			Eventually(func() bool { return reread(g).Status.JoinURL != "" && g.Status.Partnerships != nil }, soon, often).Should(BeTrue())
			Eventually(func() int { return open(g.Status.JoinURL)().Code }, soon, often).Should(Equal(http.StatusOK))
			m.links[name] = g.Status.JoinURL
		},
		due: func(m *mailing, name string) error { return ask(m.links[name], "email", address(m.ns, name)) },
		said: func(o client.Object) string {
			status := o.(*v1alpha1.PartnerGroup).Status
			switch {
			case len(status.Verifications) > 0:
				return string(status.Verifications[0].State)
			case status.VerificationSerial > 0: // it is not on the list any more
				return recorded
			default:
				return ""
			}
		},
	},
	{
		name: "application-received", kind: v1alpha1.MailApplicationReceived, resource: "partnerships/status", portal: true, most: 1,
		blank: aPartnership, list: partnershipList,
		prepare: func(m *mailing, name string) {
			brandWith(m.ns, map[string]string{"notifyStaff": address(m.ns, name)})
			m.links[name] = verified(joinLink(m.ns, v1alpha1.GroupJoin{}), address(m.ns, "applicant"))
		},
		due:  func(m *mailing, name string) error { return ask(m.links[name]) },
		said: saidOfPartner(v1alpha1.MailApplicationReceived),
	},
}

func anInvite() client.Object     { return &v1alpha1.PartnerInvite{} }
func aPartnership() client.Object { return &v1alpha1.Partnership{} }
func aTeam() client.Object        { return &v1alpha1.PartnerTeam{} }
func aGroup() client.Object       { return &v1alpha1.PartnerGroup{} }

func inviteList() client.ObjectList      { return &v1alpha1.PartnerInviteList{} }
func partnershipList() client.ObjectList { return &v1alpha1.PartnershipList{} }
func teamList() client.ObjectList        { return &v1alpha1.PartnerTeamList{} }
func groupList() client.ObjectList       { return &v1alpha1.PartnerGroupList{} }

// rotated are two ways in turn, or in the full form all of them; only those through the API, if a page may be away.
func rotated(apiAlone bool) []*way {
	choice := ways
	if apiAlone {
		choice = ways[:firstOfPortal()]
	}
	if full {
		return choice
	}
	turn += 2
	return []*way{choice[(turn-2)%len(choice)], choice[(turn-1)%len(choice)]}
}

// turn counts the ways that were taken.
var turn int

func firstOfPortal() int {
	for n, w := range ways {
		if w.portal {
			return n
		}
	}
	return len(ways)
}

func activePartner(m *mailing, name string) {
	GinkgoHelper()
	create(partner(m.ns, name, "referral"))
	Eventually(partnershipState(partner(m.ns, name, "")), soon, often).Should(Equal(v1alpha1.PartnershipActive))
}

func pendingPartner(m *mailing, name string) {
	GinkgoHelper()
	create(pending(m.ns, name))
	Eventually(partnershipState(partner(m.ns, name, "")), soon, often).Should(Equal(v1alpha1.PartnershipPending))
}

func patchPartner(patch string) func(*mailing, string) error {
	return func(m *mailing, name string) error {
		return api.Patch(ctx, partner(m.ns, name, ""), client.RawPatch(types.MergePatchType, []byte(patch)))
	}
}

func saidOfPartner(kind v1alpha1.MailKind) func(client.Object) string {
	return func(o client.Object) string {
		for _, mail := range o.(*v1alpha1.Partnership).Status.Mails {
			if mail.Kind == kind {
				return string(mail.State)
			}
		}
		return ""
	}
}

// saidOfTeam is what a team says of its mail of a kind, which is not on the list any more once it left.
func saidOfTeam(t *v1alpha1.PartnerTeam, kind v1alpha1.MailKind, left bool) string {
	for _, mail := range t.Status.Mails {
		if mail.Kind == kind {
			return string(mail.State)
		}
	}
	if left {
		return recorded
	}
	return ""
}

// teamLedBy is a team that the company made.
func teamLedBy(ns, name, owner string) {
	GinkgoHelper()
	t := teamNamed(ns, name)
	t.Spec = v1alpha1.PartnerTeamSpec{DisplayName: "Agency", Owner: v1alpha1.TeamOwner{Email: v1alpha1.EmailAddress(address(ns, owner))}}
	create(t)
	Eventually(func() int32 { return reread(t).Status.ActiveMembers }, soon, often).Should(BeEquivalentTo(1))
}

// proposeTeammate proposes somebody to a team, who is asked once its owner approves.
func proposeTeammate(ns, team, name string) error {
	i := teammates(ns, "more-"+team, name)
	i.Spec.TeamRef.Name = team
	return client.IgnoreAlreadyExists(api.Create(ctx, i))
}

// askToSignIn types an address on the page for signing in. Who has an open invite and is no partner gets that once more.
func askToSignIn(m *mailing, name string) error {
	return ask(tenantURL(m.ns, "login"), "email", address(m.ns, name))
}

// ask posts a form of the portal.
func ask(page string, fields ...string) error {
	form := url.Values{}
	for n := 0; n < len(fields); n += 2 {
		form.Set(fields[n], fields[n+1])
	}
	got, err := somebody().Post(ctx, page, form)
	if err == nil && got.Code != http.StatusSeeOther {
		return fmt.Errorf("the portal answers %d: %s", got.Code, strings.TrimSpace(got.Body))
	}
	return err
}
