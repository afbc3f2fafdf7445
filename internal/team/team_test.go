package team

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/signin"
)

var (
	start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	later = start.Add(time.Hour)
)

const (
	ownerMail, adminMail, memberMail, financeMail = "owner@agency.example", "admin@agency.example", "member@agency.example", "finance@agency.example"
	invitedMail, awaitingMail, removedMail        = "invited@agency.example", "awaiting@agency.example", "removed@agency.example"
)

// agency is a team with somebody of each role, and of most states.
func agency(t testing.TB) *v1alpha1.PartnerTeam {
	t.Helper()
	a := &v1alpha1.PartnerTeam{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "agency", UID: "uid", Generation: 1},
		Spec:       v1alpha1.PartnerTeamSpec{DisplayName: "Agency", Owner: v1alpha1.TeamOwner{Email: ownerMail}},
	}
	Founded(a, start)
	for email, role := range map[v1alpha1.EmailAddress]v1alpha1.TeamRole{adminMail: admin, memberMail: member, financeMail: finance, removedMail: member} {
		must(t, Invite(a, ownerMail, Person{Email: email, Role: role}, start))
		must(t, Join(a, Member(a, string(email)).Serial, start))
	}
	must(t, Remove(a, ownerMail, removedMail, start))
	must(t, Invite(a, adminMail, Person{Email: invitedMail, Role: member}, start))
	if outcome := Propose(a, Person{Email: awaitingMail, Role: member, Invite: &v1alpha1.ProposalReference{Name: "more"}}, start); outcome != Added {
		t.Fatalf("proposing gives %q", outcome)
	}
	return a
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// invariants tells what a team must never be.
func invariants(a *v1alpha1.PartnerTeam) error {
	var owners []string
	seen := map[string]bool{}
	for _, m := range a.Status.Members {
		if m.Role == owner && m.State == v1alpha1.MemberActive {
			owners = append(owners, string(m.Email))
		}
		if seen[strings.ToLower(string(m.Email))] {
			return fmt.Errorf("%s is there twice", m.Email)
		}
		seen[strings.ToLower(string(m.Email))] = true
	}
	if len(owners) != 1 || a.Status.Owner == nil || !strings.EqualFold(owners[0], string(a.Status.Owner.Email)) {
		return fmt.Errorf("the owners are %v, status.owner is %v", owners, a.Status.Owner)
	}
	return nil
}

// TestRights tells the table once more, in other words, so that a slip in one of the two is found.
func TestRights(t *testing.T) {
	want := map[Action]string{
		SeeTeam: "Owner Admin Member Finance", Leave: "Admin Member Finance", InvitePeople: "Owner Admin", RemovePeople: "Owner Admin",
		ChangeRoles: "Owner Admin", ConfigureTeam: "Owner Admin", JoinPrograms: "Owner Admin", AcceptTerms: "Owner Admin",
		OwnLinks: "Owner Admin Member", SeeCommissions: "Owner Finance", Withdraw: "Owner Finance", HandOver: "Owner",
	}
	got := map[Action]string{}
	for _, right := range Rights {
		for _, role := range Roles {
			if May(role, right.Action) {
				got[right.Action] = strings.TrimSpace(got[right.Action] + " " + string(role))
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if May("Intern", SeeTeam) || May(owner, "Fly") {
		t.Error("what does not exist may do something")
	}
}

// TestDocsShowTheRights keeps the table of docs/teams.md as the rules are.
func TestDocsShowTheRights(t *testing.T) {
	docs, err := os.ReadFile("../../docs/teams.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, right := range Rights {
		cells := []string{"| " + right.Means + " |"}
		for _, role := range Roles {
			cell := " |"
			if May(role, right.Action) {
				cell = " yes |"
			}
			cells = append(cells, cell)
		}
		row := strings.Join(cells, "")
		if !strings.Contains(string(docs), row+"\n") {
			t.Errorf("docs/teams.md has no row %q", row)
		}
	}
	for _, state := range []v1alpha1.TeamMemberState{v1alpha1.MemberAwaitingApproval, v1alpha1.MemberRejected, v1alpha1.MemberInvited, v1alpha1.MemberActive, v1alpha1.MemberDeclined, v1alpha1.MemberRemoved} {
		if !strings.Contains(string(docs), "| `"+string(state)+"` |") {
			t.Errorf("docs/teams.md has no row for the state %s", state)
		}
	}
	for _, reason := range []string{
		v1alpha1.MemberReasonApproved, v1alpha1.MemberReasonStruck, v1alpha1.MemberReasonExpired, v1alpha1.MemberReasonAlreadyMember,
		v1alpha1.MemberReasonAlreadyInvited, v1alpha1.MemberReasonAddressInvalid, v1alpha1.MemberReasonTeamFull, v1alpha1.MemberReasonMailFailed,
		v1alpha1.MemberReasonTeamDeclined, v1alpha1.MemberReasonNotInTeam,
	} {
		if !strings.Contains(string(docs), "| `"+reason+"` |") {
			t.Errorf("docs/teams.md has no row for the reason %s", reason)
		}
	}
}

// change is a change that somebody asks for.
type change func(a *v1alpha1.PartnerTeam, by string) error

var changes = map[string]change{
	"invite new": func(a *v1alpha1.PartnerTeam, by string) error {
		return Invite(a, by, Person{Email: "new@agency.example", Role: member}, later)
	},
	"invite invited": func(a *v1alpha1.PartnerTeam, by string) error {
		return Invite(a, by, Person{Email: invitedMail, Role: admin}, later)
	},
	"invite removed": func(a *v1alpha1.PartnerTeam, by string) error {
		return Invite(a, by, Person{Email: removedMail, Role: member}, later)
	},
	"invite member": func(a *v1alpha1.PartnerTeam, by string) error {
		return Invite(a, by, Person{Email: "Member@Agency.example", Role: member}, later)
	},
	"invite an owner": func(a *v1alpha1.PartnerTeam, by string) error {
		return Invite(a, by, Person{Email: "new@agency.example", Role: owner}, later)
	},
	"invite nonsense": func(a *v1alpha1.PartnerTeam, by string) error {
		return Invite(a, by, Person{Email: "nonsense", Role: member}, later)
	},
	"approve awaiting": func(a *v1alpha1.PartnerTeam, by string) error { return Approve(a, by, awaitingMail, later) },
	"approve member":   func(a *v1alpha1.PartnerTeam, by string) error { return Approve(a, by, memberMail, later) },
	"reject awaiting":  func(a *v1alpha1.PartnerTeam, by string) error { return Reject(a, by, awaitingMail, later) },
	"reject nobody":    func(a *v1alpha1.PartnerTeam, by string) error { return Reject(a, by, "nobody@agency.example", later) },
	"remove member":    func(a *v1alpha1.PartnerTeam, by string) error { return Remove(a, by, memberMail, later) },
	"remove invited":   func(a *v1alpha1.PartnerTeam, by string) error { return Remove(a, by, invitedMail, later) },
	"remove removed":   func(a *v1alpha1.PartnerTeam, by string) error { return Remove(a, by, removedMail, later) },
	"remove owner":     func(a *v1alpha1.PartnerTeam, by string) error { return Remove(a, by, ownerMail, later) },
	"role of finance":  func(a *v1alpha1.PartnerTeam, by string) error { return ChangeRole(a, by, financeMail, admin, later) },
	"role of admin":    func(a *v1alpha1.PartnerTeam, by string) error { return ChangeRole(a, by, adminMail, member, later) },
	"role of owner":    func(a *v1alpha1.PartnerTeam, by string) error { return ChangeRole(a, by, ownerMail, member, later) },
	"role to owner":    func(a *v1alpha1.PartnerTeam, by string) error { return ChangeRole(a, by, memberMail, owner, later) },
	"hand to member":   func(a *v1alpha1.PartnerTeam, by string) error { return HandOverTo(a, by, memberMail, later) },
	"hand to invited":  func(a *v1alpha1.PartnerTeam, by string) error { return HandOverTo(a, by, invitedMail, later) },
	"hand to owner":    func(a *v1alpha1.PartnerTeam, by string) error { return HandOverTo(a, by, ownerMail, later) },
	"leave":            func(a *v1alpha1.PartnerTeam, by string) error { return LeaveTeam(a, by, later) },
}

// TestEveryChangeByEverybody asks for every change as every role, and as people who are not in the team. What is refused
// changes nothing, and nothing ever leaves a team without its one owner.
func TestEveryChangeByEverybody(t *testing.T) {
	const ok, no, wrong, late = Kind("ok"), NotAllowed, Wrong, TooLate
	outside := []string{invitedMail, awaitingMail, removedMail, "stranger@agency.example", ""}
	for name, want := range map[string][4]Kind{ // owner, admin, member, finance
		"invite new":       {ok, ok, no, no},
		"invite invited":   {ok, ok, no, no},
		"invite removed":   {ok, ok, no, no},
		"invite member":    {late, late, no, no},
		"invite an owner":  {wrong, wrong, no, no},
		"invite nonsense":  {wrong, wrong, no, no},
		"approve awaiting": {ok, ok, no, no},
		"approve member":   {late, late, no, no},
		"reject awaiting":  {ok, ok, no, no},
		"reject nobody":    {wrong, wrong, no, no},
		"remove member":    {ok, ok, no, no},
		"remove invited":   {ok, ok, no, no},
		"remove removed":   {late, late, no, no},
		"remove owner":     {no, no, no, no},
		"role of finance":  {ok, ok, no, no},
		"role of admin":    {ok, no, no, no},
		"role of owner":    {no, no, no, no},
		"role to owner":    {wrong, wrong, no, no},
		"hand to member":   {ok, no, no, no},
		"hand to invited":  {late, no, no, no},
		"hand to owner":    {wrong, no, no, no},
		"leave":            {no, ok, ok, ok},
	} {
		people := map[string]Kind{ownerMail: want[0], adminMail: want[1], memberMail: want[2], financeMail: want[3]}
		for _, email := range outside {
			people[email] = no
		}
		for by, want := range people {
			t.Run(name+" by "+by, func(t *testing.T) {
				a := agency(t)
				before := a.DeepCopy()
				err := changes[name](a, by)
				var refusal *Refusal
				got := ok
				if errors.As(err, &refusal) {
					got = refusal.Kind
				}
				if got != want {
					t.Errorf("it is %s, want %s", got, want)
				}
				if diff := cmp.Diff(before, a); got != ok && diff != "" {
					t.Errorf("what was refused changed (-before +after):\n%s", diff)
				}
				if refusal != nil && strings.Contains(refusal.Text, "@agency") {
					t.Errorf("the refusal tells an address: %s", refusal.Text)
				}
				if err := invariants(a); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if len(changes) != 22 {
		t.Errorf("there are %d changes; each needs a row", len(changes))
	}
}

func TestStatesAfterChanges(t *testing.T) {
	for name, test := range map[string]struct {
		by, email string
		role      v1alpha1.TeamRole
		state     v1alpha1.TeamMemberState
		mails     int // to join
	}{
		"invite new":       {ownerMail, "new@agency.example", member, v1alpha1.MemberInvited, 1},
		"invite invited":   {ownerMail, invitedMail, admin, v1alpha1.MemberInvited, 1},
		"invite removed":   {ownerMail, removedMail, member, v1alpha1.MemberInvited, 1},
		"approve awaiting": {adminMail, awaitingMail, member, v1alpha1.MemberInvited, 1},
		"reject awaiting":  {adminMail, awaitingMail, member, v1alpha1.MemberRejected, 0},
		"remove member":    {adminMail, memberMail, member, v1alpha1.MemberRemoved, 0},
		"remove invited":   {adminMail, invitedMail, member, v1alpha1.MemberRemoved, 0},
		"role of finance":  {adminMail, financeMail, admin, v1alpha1.MemberActive, 0},
		"hand to member":   {ownerMail, memberMail, owner, v1alpha1.MemberActive, 0},
		"leave":            {financeMail, financeMail, finance, v1alpha1.MemberRemoved, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a := agency(t)
			must(t, changes[name](a, test.by))
			m := Member(a, test.email)
			if m.Role != test.role || m.State != test.state {
				t.Errorf("the person is %s and %s", m.Role, m.State)
			}
			mails := Decide(Input{Team: a, Now: later}).Status.Mails
			got := 0
			for _, mail := range mails {
				if mail.Kind == v1alpha1.MailTeammateInvite && mail.To == test.email && mail.Serial == m.Serial {
					got++
				}
			}
			if got != test.mails {
				t.Errorf("%d mails to join, want %d: %+v", got, test.mails, mails)
			}
			if test.state == v1alpha1.MemberRemoved && signin.Counts(&m.Access, later) {
				t.Error("the session of who is not in the team counts")
			}
		})
	}
	a := agency(t)
	must(t, HandOverTo(a, ownerMail, memberMail, later))
	if m := Member(a, ownerMail); m.Role != admin || a.Status.Owner.Email != memberMail || a.Spec.Owner.Email != ownerMail {
		t.Errorf("the owner before is %s, the owner now %s", m.Role, a.Status.Owner.Email)
	}
}

// Of two who do something to each other at once, the second is judged by what the first did.
func TestRacesKeepTheOwner(t *testing.T) {
	secondAdmin := func(t *testing.T) *v1alpha1.PartnerTeam {
		a := agency(t)
		must(t, ChangeRole(a, ownerMail, memberMail, admin, start))
		return a
	}
	for name, test := range map[string]struct{ first, second change }{
		"two admins demote each other": {
			func(a *v1alpha1.PartnerTeam, _ string) error {
				return ChangeRole(a, adminMail, memberMail, member, later)
			},
			func(a *v1alpha1.PartnerTeam, _ string) error {
				return ChangeRole(a, memberMail, adminMail, member, later)
			}},
		"two admins remove each other": {
			func(a *v1alpha1.PartnerTeam, _ string) error { return Remove(a, adminMail, memberMail, later) },
			func(a *v1alpha1.PartnerTeam, _ string) error { return Remove(a, memberMail, adminMail, later) }},
		"handed over to who is removed": {
			func(a *v1alpha1.PartnerTeam, _ string) error { return Remove(a, adminMail, memberMail, later) },
			func(a *v1alpha1.PartnerTeam, _ string) error { return HandOverTo(a, ownerMail, memberMail, later) }},
		"removed while handed over to": {
			func(a *v1alpha1.PartnerTeam, _ string) error { return HandOverTo(a, ownerMail, memberMail, later) },
			func(a *v1alpha1.PartnerTeam, _ string) error { return Remove(a, adminMail, memberMail, later) }},
		"handed over twice": {
			func(a *v1alpha1.PartnerTeam, _ string) error { return HandOverTo(a, ownerMail, memberMail, later) },
			func(a *v1alpha1.PartnerTeam, _ string) error { return HandOverTo(a, ownerMail, adminMail, later) }},
		"handed over to who leaves": {
			func(a *v1alpha1.PartnerTeam, _ string) error { return HandOverTo(a, ownerMail, memberMail, later) },
			func(a *v1alpha1.PartnerTeam, _ string) error { return LeaveTeam(a, memberMail, later) }},
		"approved and rejected": {
			func(a *v1alpha1.PartnerTeam, _ string) error { return Approve(a, adminMail, awaitingMail, later) },
			func(a *v1alpha1.PartnerTeam, _ string) error { return Reject(a, ownerMail, awaitingMail, later) }},
	} {
		t.Run(name, func(t *testing.T) {
			a := secondAdmin(t)
			must(t, test.first(a, ""))
			if err := test.second(a, ""); err == nil {
				t.Error("both succeed")
			}
			if err := invariants(a); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLinksToJoin(t *testing.T) {
	a := agency(t)
	serial := Member(a, invitedMail).Serial
	must(t, Invite(a, ownerMail, Person{Email: invitedMail, Role: member}, later))
	for name, test := range map[string]struct {
		serial int64
		at     time.Time
		want   Kind
	}{
		"one that was replaced":       {serial, later, Gone},
		"of somebody who waits":       {Member(a, awaitingMail).Serial, later, Gone},
		"of somebody who is in":       {Member(a, memberMail).Serial, later, Gone},
		"of nobody":                   {999, later, Gone},
		"zero":                        {0, later, Gone},
		"the newest, a second late":   {Member(a, invitedMail).Serial, later.Add(MemberLinkLifetime), HasExpired},
		"the newest, the last second": {Member(a, invitedMail).Serial, later.Add(MemberLinkLifetime - time.Second), ""},
	} {
		for verb, answer := range map[string]func(*v1alpha1.PartnerTeam, int64, time.Time) error{"join": Join, "decline": Decline} {
			t.Run(name+", "+verb, func(t *testing.T) {
				b := a.DeepCopy()
				var refusal *Refusal
				var got Kind
				if errors.As(answer(b, test.serial, test.at), &refusal) {
					got = refusal.Kind
				}
				if got != test.want {
					t.Errorf("it is %q, want %q", got, test.want)
				}
				if err := answer(b, test.serial, test.at); err == nil {
					t.Error("the link works twice")
				}
			})
		}
	}
}

func TestSessionsOfBeforeAreDead(t *testing.T) {
	a := agency(t)
	must(t, Remove(a, ownerMail, memberMail, start.Add(time.Minute)))
	must(t, Invite(a, ownerMail, Person{Email: memberMail, Role: member}, start.Add(2*time.Minute)))
	must(t, Join(a, Member(a, memberMail).Serial, later))
	m := Member(a, memberMail)
	if signin.Counts(&m.Access, start.Add(30*time.Second)) || signin.Counts(&m.Access, later) || !signin.Counts(&m.Access, later.Add(time.Second)) {
		t.Errorf("sessions count from %v", m.SessionsNotBefore)
	}
}

func TestProposals(t *testing.T) {
	for name, test := range map[string]struct {
		person Person
		want   Outcome
		state  v1alpha1.TeamMemberState
	}{
		"somebody new":                      {Person{Email: "new@agency.example", Role: member, Invite: &v1alpha1.ProposalReference{Name: "x"}}, Added, v1alpha1.MemberAwaitingApproval},
		"the owner":                         {Person{Email: "Owner@Agency.example", Role: member, Invite: &v1alpha1.ProposalReference{Name: "x"}}, AlreadyMember, v1alpha1.MemberActive},
		"a member":                          {Person{Email: memberMail, Role: member, Invite: &v1alpha1.ProposalReference{Name: "x"}}, AlreadyMember, v1alpha1.MemberActive},
		"who is invited":                    {Person{Email: invitedMail, Role: member, Invite: &v1alpha1.ProposalReference{Name: "x"}}, AlreadyInvited, v1alpha1.MemberInvited},
		"who is proposed by another":        {Person{Email: awaitingMail, Role: member, Invite: &v1alpha1.ProposalReference{Name: "x"}}, AlreadyInvited, v1alpha1.MemberAwaitingApproval},
		"who is proposed by the same":       {Person{Email: awaitingMail, Role: member, Invite: &v1alpha1.ProposalReference{Name: "more"}}, Added, v1alpha1.MemberAwaitingApproval},
		"an applicant who is sent on":       {Person{Email: "new@agency.example", Role: member, Partnership: "new-1234"}, Added, v1alpha1.MemberAwaitingApproval},
		"who was removed":                   {Person{Email: removedMail, Role: member, Invite: &v1alpha1.ProposalReference{Name: "x"}}, Added, v1alpha1.MemberAwaitingApproval},
		"an address that no mail can reach": {Person{Email: "new@a_b.example", Role: member, Invite: &v1alpha1.ProposalReference{Name: "x"}}, AddressInvalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := agency(t)
			if got := Propose(a, test.person, start); got != test.want {
				t.Errorf("Propose = %q, want %q", got, test.want)
			}
			var state v1alpha1.TeamMemberState
			if m := Member(a, string(test.person.Email)); m != nil {
				state = m.State
			}
			if state != test.state {
				t.Errorf("the person is %q, want %q", state, test.state)
			}
			again := a.DeepCopy()
			Propose(again, test.person, start)
			if diff := cmp.Diff(a, again); diff != "" {
				t.Errorf("once more changes (-before +after):\n%s", diff)
			}
			if err := invariants(a); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestATeamHasAnEnd(t *testing.T) {
	a := &v1alpha1.PartnerTeam{Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: ownerMail}}}
	Founded(a, start)
	for i := range MaxMembers + 10 {
		Propose(a, Person{Email: v1alpha1.EmailAddress(fmt.Sprintf("p%d@agency.example", i)), Role: member, Invite: &v1alpha1.ProposalReference{Name: "x"}}, start)
	}
	if len(a.Status.Members) != MaxMembers {
		t.Fatalf("there are %d members", len(a.Status.Members))
	}
	if got := Propose(a, Person{Email: "last@agency.example", Role: member, Invite: &v1alpha1.ProposalReference{Name: "x"}}, start); got != Full {
		t.Errorf("one more is %q", got)
	}
	if err := Invite(a, ownerMail, Person{Email: "last@agency.example", Role: member}, later); err == nil {
		t.Error("one more can be invited")
	}
	must(t, Reject(a, ownerMail, "p7@agency.example", start))
	must(t, Reject(a, ownerMail, "p3@agency.example", later))
	if got := Propose(a, Person{Email: "last@agency.example", Role: member, Invite: &v1alpha1.ProposalReference{Name: "x"}}, start); got != Added || Member(a, "p7@agency.example") != nil || Member(a, "p3@agency.example") == nil {
		t.Errorf("one more is %q, and it is not the oldest who is forgotten", got)
	}
	if err := invariants(a); err != nil {
		t.Error(err)
	}
	for range 20 {
		a.Status = Decide(Input{Team: a, Now: later}).Status
	}
	if len(a.Status.Mails) > maxMails {
		t.Errorf("%d mails wait", len(a.Status.Mails))
	}
}

func TestEveryCaseCountsOnce(t *testing.T) {
	got := Distinct([]v1alpha1.ProposedMember{{Email: "Ada@Agency.example", Role: "Admin"}, {Email: "bob@agency.example"}, {Email: "ada@agency.EXAMPLE"}})
	if len(got) != 2 || got[0].Role != "Admin" || got[1].Email != "bob@agency.example" {
		t.Errorf("there are %v", got)
	}
}

var taken = delivery.Outcome{Class: delivery.Accepted}

// settle sends mails as the controller does, and gives them by kind and recipient.
func settle(t *testing.T, a *v1alpha1.PartnerTeam, now time.Time, outcome delivery.Outcome) (sent []string) {
	t.Helper()
	for range 50 {
		d := Decide(Input{Team: a, Open: true, Now: now})
		a.Status = d.Status
		if d.Send == nil {
			again := Decide(Input{Team: a, Open: true, Now: now})
			if diff := cmp.Diff(a.Status, again.Status); diff != "" {
				t.Errorf("it does not come to rest (-before +after):\n%s", diff)
			}
			slices.Sort(sent)
			return sent
		}
		sent = append(sent, string(d.Send.Kind)+" "+d.Send.To)
		if !Record(a, *d.Send, outcome, now) {
			t.Fatal("what came of a claim was not recorded")
		}
	}
	t.Fatal("the mails have no end")
	return nil
}

func TestMails(t *testing.T) {
	a := agency(t)
	want := []string{"teammate-approval " + adminMail, "teammate-approval " + ownerMail, "teammate-invite " + invitedMail}
	if diff := cmp.Diff(want, settle(t, a, later, taken)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if more := settle(t, a, later.Add(time.Hour), taken); len(more) > 0 || Member(a, invitedMail).SentTime == nil {
		t.Errorf("there are more mails: %v", more)
	}
	must(t, Approve(a, adminMail, awaitingMail, later))
	requests(a, memberMail)
	requests(a, removedMail)
	want = []string{"sign-in " + memberMail, "teammate-invite " + awaitingMail}
	if diff := cmp.Diff(want, settle(t, a, later, taken)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	sent := Member(a, invitedMail).SentTime.Time
	if RepeatInvite(a, Member(a, invitedMail), sent.Add(time.Minute-time.Second)) {
		t.Error("an open invitation is mailed again soon after it was mailed")
	}
	later = sent.Add(time.Minute)
	if !RepeatInvite(a, Member(a, invitedMail), later) || RepeatInvite(a, Member(a, invitedMail), later) {
		t.Error("an open invitation cannot be mailed again, or is while it waits")
	}
	serial := Member(a, invitedMail).Serial
	if got := settle(t, a, later, taken); len(got) != 1 || Member(a, invitedMail).Serial != serial {
		t.Errorf("mailed again are %v, and the link is %d", got, Member(a, invitedMail).Serial)
	}
}

func TestFailedMails(t *testing.T) {
	a := agency(t)
	permanent := delivery.Outcome{Class: delivery.Recipient, Message: "nobody of that name"}
	if got := settle(t, a, later, permanent); len(got) != 3 {
		t.Errorf("tried are %v", got)
	}
	if len(a.Status.Mails) != 3 || !MailFailed(a, Member(a, invitedMail)) {
		t.Errorf("the list holds %+v", a.Status.Mails)
	}
	must(t, Invite(a, ownerMail, Person{Email: invitedMail, Role: member}, later))
	if MailFailed(a, Member(a, invitedMail)) {
		t.Error("a new mail has failed before it was tried")
	}
	if got := settle(t, a, later, delivery.Outcome{Class: delivery.Temporary, Message: "busy"}); len(got) != 1 {
		t.Errorf("tried are %v", got)
	}
	d := Decide(Input{Team: a, Open: true, Now: later})
	if d.RequeueAfter < time.Minute || d.RequeueAfter > 2*time.Minute {
		t.Errorf("it looks again after %s", d.RequeueAfter)
	}
	must(t, Decline(a, Member(a, invitedMail).Serial, later))
	if got := settle(t, a, later.Add(time.Hour), taken); len(got) > 0 || len(a.Status.Mails) != 2 {
		t.Errorf("to who declined goes %v, the list holds %v", got, a.Status.Mails)
	}
}

func TestStatus(t *testing.T) {
	ready := map[string]string{"Ready": "True/Ready"}
	stalled := map[string]string{"Ready": "False/OwnerInvalid", "Stalled": "True/OwnerInvalid"}
	handedOver := &v1alpha1.TeamOwner{Email: "second@agency.example", FirstName: "Bea"}
	for name, test := range map[string]struct {
		first v1alpha1.EmailAddress
		now   *v1alpha1.TeamOwner
		owner v1alpha1.EmailAddress
		want  map[string]string
	}{
		"a new team":                            {"first@agency.example", nil, "first@agency.example", ready},
		"handed over":                           {"first@agency.example", handedOver, "second@agency.example", ready},
		"an owner whom mail cannot reach":       {"first@a_b.example", nil, "first@a_b.example", stalled},
		"handed over by one it cannot reach":    {"first@a_b.example", handedOver, "second@agency.example", ready},
		"an owner with an international domain": {"zoe@bücher.example", nil, "zoe@bücher.example", ready},
	} {
		t.Run(name, func(t *testing.T) {
			a := &v1alpha1.PartnerTeam{
				ObjectMeta: metav1.ObjectMeta{Generation: 3},
				Spec:       v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: test.first}},
				Status:     v1alpha1.PartnerTeamStatus{ObservedGeneration: -1, Owner: test.now},
			}
			if m := Member(a, string(test.owner)); m == nil || m.Role != owner || !IsActive(a, string(test.owner)) {
				t.Errorf("before status tells, the owner is %+v", m)
			}
			status := Decide(Input{Team: a, Now: start}).Status
			if status.Owner.Email != test.owner || status.ActiveMembers != 1 || status.ObservedGeneration != 3 {
				t.Errorf("status is %+v", status)
			}
			got := map[string]string{}
			for _, c := range status.Conditions {
				got[c.Type] = string(c.Status) + "/" + c.Reason
				if strings.Contains(c.Message, string(test.owner)) {
					t.Errorf("%s tells the address: %q", c.Type, c.Message)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected conditions (-want +got):\n%s", diff)
			}
			a.Status = status
			if diff := cmp.Diff(status, Decide(Input{Team: a, Now: later}).Status); diff != "" {
				t.Errorf("an hour later it says something else (-before +after):\n%s", diff)
			}
			if err := invariants(a); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStalledGoesWithItsCause(t *testing.T) {
	a := &v1alpha1.PartnerTeam{Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "first@a_b.example"}}}
	a.Status = Decide(Input{Team: a, Now: start}).Status
	must(t, Invite(a, "first@a_b.example", Person{Email: memberMail, Role: member}, start))
	must(t, Join(a, Member(a, memberMail).Serial, start))
	must(t, HandOverTo(a, "first@a_b.example", memberMail, later))
	a.Status = Decide(Input{Team: a, Now: later}).Status
	if meta.FindStatusCondition(a.Status.Conditions, v1alpha1.ConditionStalled) != nil {
		t.Error("Stalled stays")
	}
}

func TestOpen(t *testing.T) {
	catalog := program.NewCatalog([]v1alpha1.Program{{ObjectMeta: metav1.ObjectMeta{Name: "referral"}}, {ObjectMeta: metav1.ObjectMeta{Name: "off"}, Spec: v1alpha1.ProgramSpec{Suspend: true}}}, nil)
	of := func(program string, change func(*v1alpha1.PartnershipSpec)) v1alpha1.Partnership {
		p := v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Name: program}, Spec: v1alpha1.PartnershipSpec{
			ProgramRef: v1alpha1.ProgramReference{Name: program}, TeamRef: &v1alpha1.TeamReference{Name: "agency"},
		}}
		if change != nil {
			change(&p.Spec)
		}
		return p
	}
	revoked := func(s *v1alpha1.PartnershipSpec) { s.Revocation = &v1alpha1.Revocation{} }
	pending := func(s *v1alpha1.PartnershipSpec) { s.Onboarding = v1alpha1.OnboardingApproval }
	for name, test := range map[string]struct {
		of   []v1alpha1.Partnership
		want bool
	}{
		"in no program yet":            {nil, true},
		"a partner":                    {[]v1alpha1.Partnership{of("referral", nil)}, true},
		"revoked":                      {[]v1alpha1.Partnership{of("referral", revoked)}, false},
		"waits for the company":        {[]v1alpha1.Partnership{of("referral", pending)}, false},
		"revoked in one of two":        {[]v1alpha1.Partnership{of("gone", revoked), of("referral", nil)}, true},
		"in a suspended program":       {[]v1alpha1.Partnership{of("off", nil)}, false},
		"in a program that is deleted": {[]v1alpha1.Partnership{of("gone", nil)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Open(test.of, catalog, start); got != test.want {
				t.Errorf("Open = %v", got)
			}
		})
	}
}

// requests asks for a sign-in link as the portal does.
func requests(a *v1alpha1.PartnerTeam, email string) {
	if m := Member(a, email); signin.Request(&m.Access, time.Hour, later) {
		Enqueue(a, v1alpha1.MailSignIn, email, m.SignIn.Serial)
	}
}

// The annotation of a team names whom it is about, whatever the case; without an address it is about everybody.
func TestSignOut(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"one":            {"2026-01-01T12:00:00Z " + strings.ToUpper(memberMail), []string{memberMail}},
		"two":            {adminMail + " " + memberMail, []string{adminMail, memberMail}},
		"nobody of them": {"2026-01-01T12:00:00Z stranger@example.com", nil},
		"everybody":      {"2026-01-01T12:00:00Z", []string{ownerMail, adminMail, memberMail}},
		"no request":     {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := agency(t)
			a.Annotations = map[string]string{v1alpha1.SignOutAnnotation: test.text}
			requests(a, memberMail)
			for range 2 {
				a.Status = Decide(Input{Team: a, Open: true, Now: later}).Status
			}
			var ended []string
			for _, email := range []string{ownerMail, adminMail, memberMail} {
				if !signin.Counts(&Member(a, email).Access, later) {
					ended = append(ended, email)
				}
			}
			if diff := cmp.Diff(test.want, ended); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			link := signin.StateOf(Member(a, memberMail).SignIn, 1, later)
			if open := !slices.Contains(test.want, memberMail); (link == signin.Open) != open || slices.ContainsFunc(a.Status.Mails, func(m v1alpha1.MailDelivery) bool { return m.Kind == v1alpha1.MailSignIn }) != open {
				t.Errorf("the link is %s, and the mails are %+v", link, a.Status.Mails)
			}
			a.Status = Decide(Input{Team: a, Open: true, Now: later.Add(time.Hour)}).Status
			if !signin.Counts(&Member(a, memberMail).Access, later.Add(time.Minute)) {
				t.Error("the same text ends a session of after")
			}
		})
	}
}

func TestEventsMaskAddresses(t *testing.T) {
	a := agency(t)
	before := a.DeepCopy()
	must(t, Approve(a, adminMail, awaitingMail, later))
	must(t, Remove(a, adminMail, financeMail, later))
	must(t, HandOverTo(a, ownerMail, memberMail, later))
	got := map[string]int{}
	for _, e := range Transitions(before, a) {
		got[e.Reason]++
		if strings.Contains(e.Note, awaitingMail) || strings.Contains(e.Note, financeMail) || strings.Contains(e.Note, memberMail) {
			t.Errorf("the event tells an address: %s", e.Note)
		}
	}
	if diff := cmp.Diff(map[string]int{"MemberInvited": 1, "MemberRemoved": 1, "HandedOver": 1}, got); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	if len(Transitions(a, a)) > 0 {
		t.Error("nothing happened, and is told")
	}
}

// Ten wrong addresses kill a link to join, whoever types them, also for the right person, until they are invited again.
func TestWrongAddressesKillALinkToJoin(t *testing.T) {
	a := agency(t)
	serial := Member(a, invitedMail).Serial
	for range v1alpha1.MaxWrongAddresses - 1 {
		must(t, CountWrongAddress(a, serial, start))
	}
	must(t, Join(a.DeepCopy(), serial, start))
	before := a.DeepCopy()
	must(t, CountWrongAddress(a, serial, start))
	events := Transitions(before, a)
	if len(events) != 1 || events[0].Type != "Warning" || events[0].Reason != v1alpha1.ReasonTooManyWrongAddresses || strings.Contains(events[0].Note, invitedMail) {
		t.Errorf("the events are %+v", events)
	}
	dead := a.DeepCopy()
	for name, change := range map[string]func() error{
		"join":              func() error { return Join(a, serial, start) },
		"decline":           func() error { return Decline(a, serial, start) },
		"one more of these": func() error { return CountWrongAddress(a, serial, start) },
	} {
		var refusal *Refusal
		if err := change(); !errors.As(err, &refusal) || refusal.Kind != Dead {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := Member(a, invitedMail)
	m.SentTime = seconds(start)
	if RepeatInvite(a, m, start) {
		t.Error("a dead link is mailed once more")
	}
	m.SentTime = nil
	if diff := cmp.Diff(dead.Status, a.Status); diff != "" {
		t.Errorf("a dead link changes the team (-before +after):\n%s", diff)
	}
	must(t, Invite(a, adminMail, Person{Email: invitedMail, Role: member}, later))
	m = Member(a, invitedMail)
	if m.WrongAddresses != 0 || m.Serial == serial {
		t.Errorf("after another invitation it is %+v", m)
	}
	must(t, Join(a, m.Serial, later))
}
