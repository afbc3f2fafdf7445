package invite

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/team"
)

const ownerOfAgency = "owner@agency.example"

// agencyTeam is a team of an owner and a member, bea.
func agencyTeam(t *testing.T) *v1alpha1.PartnerTeam {
	t.Helper()
	a := &v1alpha1.PartnerTeam{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "agency", UID: "uid-of-the-team"},
		Spec:       v1alpha1.PartnerTeamSpec{DisplayName: "Agency GmbH", Owner: v1alpha1.TeamOwner{Email: ownerOfAgency}},
	}
	team.Founded(a, start)
	if err := team.Invite(a, ownerOfAgency, team.Person{Email: "bea@agency.example", Role: v1alpha1.RoleMember}, start); err != nil {
		t.Fatal(err)
	}
	if err := team.Join(a, team.Member(a, "bea@agency.example").Serial, start); err != nil {
		t.Fatal(err)
	}
	return a
}

func proposal(people ...v1alpha1.EmailAddress) *v1alpha1.PartnerInvite {
	i := &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "more", UID: "uid-of-the-invite", Generation: 1}}
	i.Spec.TeamRef = &v1alpha1.TeamReference{Name: "agency"}
	for _, email := range people {
		i.Spec.Members = append(i.Spec.Members, v1alpha1.ProposedMember{Email: email})
	}
	return i
}

// told is what an invite of teammates says: its state, Ready, and each person.
func told(i *v1alpha1.PartnerInvite) []string {
	lines := []string{string(i.Status.State)}
	for _, c := range i.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			lines = append(lines, string(c.Status)+"/"+c.Reason)
		}
	}
	for _, m := range i.Status.Members {
		lines = append(lines, fmt.Sprintf("%s %s %s", m.Email, m.State, m.Reason))
	}
	return lines
}

func TestTeammates(t *testing.T) {
	type answer func(*v1alpha1.PartnerTeam) error
	approve := func(email string) answer {
		return func(a *v1alpha1.PartnerTeam) error { return team.Approve(a, ownerOfAgency, email, start) }
	}
	reject := func(email string) answer {
		return func(a *v1alpha1.PartnerTeam) error { return team.Reject(a, ownerOfAgency, email, start) }
	}
	join := func(email string) answer {
		return func(a *v1alpha1.PartnerTeam) error { return team.Join(a, team.Member(a, email).Serial, start) }
	}
	const bob, eve = "bob@agency.example", "eve@agency.example"
	for name, test := range map[string]struct {
		people  []v1alpha1.EmailAddress
		answers []answer
		after   time.Duration
		want    []string
	}{
		"nobody answered": {[]v1alpha1.EmailAddress{bob, eve}, nil, 0,
			[]string{"Sent", "True/Sent", bob + " AwaitingApproval ", eve + " AwaitingApproval "}},
		"one is named twice": {[]v1alpha1.EmailAddress{bob, "BOB@agency.example"}, nil, 0,
			[]string{"Sent", "True/Sent", bob + " AwaitingApproval "}},
		"approved": {[]v1alpha1.EmailAddress{bob}, []answer{approve(bob)}, 0,
			[]string{"Sent", "True/Sent", bob + " Invited "}},
		"one joined, one is open": {[]v1alpha1.EmailAddress{bob, eve}, []answer{approve(bob), join(bob)}, 0,
			[]string{"Sent", "True/Sent", bob + " Active ", eve + " AwaitingApproval "}},
		"one joined, one was rejected": {[]v1alpha1.EmailAddress{bob, eve}, []answer{approve(bob), join(bob), reject(eve)}, 0,
			[]string{"Accepted", "True/Accepted", bob + " Active ", eve + " Rejected "}},
		"all were rejected": {[]v1alpha1.EmailAddress{bob, eve}, []answer{reject(bob), reject(eve)}, 0,
			[]string{"Declined", "True/Declined", bob + " Rejected ", eve + " Rejected "}},
		"too late": {[]v1alpha1.EmailAddress{bob}, []answer{approve(bob)}, team.MemberLinkLifetime,
			[]string{"Expired", "True/Expired", bob + " Invited Expired"}},
		"in the team already": {[]v1alpha1.EmailAddress{"Bea@agency.example", ownerOfAgency}, nil, 0,
			[]string{"AlreadyPartner", "True/AlreadyPartner", "Bea@agency.example  AlreadyMember", ownerOfAgency + "  AlreadyMember"}},
		"nobody whom mail can reach": {[]v1alpha1.EmailAddress{"bob@a_b.example"}, nil, 0,
			[]string{"Refused", "False/DuplicateInvite", "bob@a_b.example  AddressInvalid"}},
	} {
		t.Run(name, func(t *testing.T) {
			a, i := agencyTeam(t), proposal(test.people...)
			if d := NextForTeammates(Input{Invite: i, Now: start}); d.Action != ActionNone || d.Status.State != v1alpha1.InvitePending {
				t.Errorf("without a team it is %s, to %s", d.Status.State, d.Action)
			}
			if d := NextForTeammates(Input{Invite: i, Team: a, Now: start}); d.Action != ActionPropose {
				t.Fatalf("it is to %s", d.Action)
			}
			outcomes := ProposeTo(a, i, start)
			if diff := cmp.Diff(outcomes, ProposeTo(a.DeepCopy(), i, start)); diff != "" && test.after == 0 {
				t.Errorf("proposed once more, it comes out differently (-before +after):\n%s", diff)
			}
			ProposedNow(&i.Status, i, a, outcomes, start)
			for _, answer := range test.answers {
				if err := answer(a); err != nil {
					t.Fatal(err)
				}
			}
			now := start.Add(test.after)
			d := NextForTeammates(Input{Invite: i, Team: a, Now: now})
			i.Status = d.Status
			if diff := cmp.Diff(test.want, told(i)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			if again := NextForTeammates(Input{Invite: i, Team: a, Now: now.Add(time.Second)}); again.Action != ActionNone || !cmp.Equal(again.Status, i.Status) {
				t.Errorf("it does not come to rest:\n%s", cmp.Diff(i.Status, again.Status))
			}
			if d := NextForTeammates(Input{Invite: i, Now: now}); !cmp.Equal(d.Status.Members, i.Status.Members) {
				t.Error("what became of people is forgotten with the team")
			}
		})
	}
}

func TestChoosing(t *testing.T) {
	i := &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Name: "agency"}}
	i.Spec.Contact.Email = ownerOfAgency
	i.Spec.Team = &v1alpha1.NewTeam{Name: "agency", Members: []v1alpha1.ProposedMember{{Email: "bob@agency.example"}, {Email: "eve@agency.example"}, {Email: "Bob@Agency.example"}}}
	for name, test := range map[string]struct {
		approved []string
		want     []string
	}{
		"nobody":             {nil, nil},
		"one, in capitals":   {[]string{"BOB@agency.example"}, []string{"bob@agency.example"}},
		"all":                {[]string{"bob@agency.example", "eve@agency.example"}, []string{"bob@agency.example", "eve@agency.example"}},
		"who is not offered": {[]string{"mallory@agency.example", ownerOfAgency}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			Choose(i, test.approved)
			var got []string
			for _, p := range Approved(i) {
				got = append(got, string(p.Email))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			if len(i.Status.Members) != 2 {
				t.Errorf("status tells of %v", i.Status.Members)
			}
		})
	}
}

func TestWhoAnswersAndIsMailed(t *testing.T) {
	a := agencyTeam(t)
	if err := team.Invite(a, ownerOfAgency, team.Person{Email: "adm@agency.example", Role: v1alpha1.RoleAdmin}, start); err != nil {
		t.Fatal(err)
	}
	invited := a.DeepCopy()
	if err := team.Join(a, team.Member(a, "adm@agency.example").Serial, start); err != nil {
		t.Fatal(err)
	}
	further := proposal()
	further.Spec.Programs = []v1alpha1.ProgramGrant{{Name: "referral"}}
	person := &v1alpha1.PartnerInvite{}
	person.Spec.Contact.Email = "ada@example.com"
	for name, test := range map[string]struct {
		invite *v1alpha1.PartnerInvite
		team   *v1alpha1.PartnerTeam
		email  string
		may    bool
		to     v1alpha1.EmailAddress
	}{
		"the person":                       {person, nil, "ADA@example.com", true, "ada@example.com"},
		"somebody else":                    {person, nil, ownerOfAgency, false, "ada@example.com"},
		"the owner":                        {further, a, ownerOfAgency, true, ownerOfAgency},
		"an admin":                         {further, a, "adm@agency.example", true, ownerOfAgency},
		"who is to be an admin":            {further, invited, "adm@agency.example", false, ownerOfAgency},
		"a member":                         {further, a, "bea@agency.example", false, ownerOfAgency},
		"nobody of the team":               {further, a, "ada@example.com", false, ownerOfAgency},
		"of a team that does not exist":    {further, nil, ownerOfAgency, false, ""},
		"nothing, which no page lets pass": {further, a, "", false, ownerOfAgency},
	} {
		t.Run(name, func(t *testing.T) {
			if got := MayAccept(test.invite, test.team, test.email); got != test.may {
				t.Errorf("MayAccept = %v", got)
			}
			if got := Recipient(test.invite, test.team).Email; got != test.to {
				t.Errorf("the mail goes to %q", got)
			}
		})
	}
	if kind := further.Mail(); kind != v1alpha1.MailTeamInvite || person.Mail() != v1alpha1.MailInvite {
		t.Errorf("the mails are %s and %s", kind, person.Mail())
	}
}
