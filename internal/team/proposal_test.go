package team

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// What becomes of somebody whom the company proposed, in each state and by whatever happens next, with all the mails of it.
func TestWhatBecomesOfAProposal(t *testing.T) {
	const bob = "bob@agency.example"
	first, second := v1alpha1.ProposalReference{Name: "more", UID: "1"}, v1alpha1.ProposalReference{Name: "more", UID: "2"}
	person := func(ref v1alpha1.ProposalReference) Person { return Person{Email: bob, Role: member, Invite: &ref} }
	const asked, invited = "teammate-approval admin@agency.example, teammate-approval owner@agency.example", "teammate-invite " + bob
	const week = 7 * 24 * time.Hour
	approve := func(a *v1alpha1.PartnerTeam) error { return Approve(a, ownerMail, bob, start) }
	states := map[string]struct {
		reach []change
		later time.Duration
	}{
		"waits":   {nil, time.Hour},
		"invited": {[]change{func(a *v1alpha1.PartnerTeam, _ string) error { return approve(a) }}, time.Hour},
		"expired": {[]change{func(a *v1alpha1.PartnerTeam, _ string) error { return approve(a) }}, week},
		"active": {[]change{func(a *v1alpha1.PartnerTeam, _ string) error { return approve(a) }, func(a *v1alpha1.PartnerTeam, _ string) error {
			return Join(a, Member(a, bob).Serial, start)
		}}, time.Hour},
		"declined": {[]change{func(a *v1alpha1.PartnerTeam, _ string) error { return approve(a) }, func(a *v1alpha1.PartnerTeam, _ string) error {
			return Decline(a, Member(a, bob).Serial, start)
		}}, time.Hour},
		"rejected": {[]change{func(a *v1alpha1.PartnerTeam, _ string) error { return Reject(a, ownerMail, bob, start) }}, time.Hour},
		"removed": {[]change{func(a *v1alpha1.PartnerTeam, _ string) error { return approve(a) }, func(a *v1alpha1.PartnerTeam, _ string) error {
			return Remove(a, ownerMail, bob, start)
		}}, time.Hour},
	}
	happens := map[string]func(*v1alpha1.PartnerTeam, time.Time) string{
		"deleted": func(a *v1alpha1.PartnerTeam, now time.Time) string {
			TakeBack(a, []string{first.UID}, now)
			return ""
		},
		"resent": func(a *v1alpha1.PartnerTeam, now time.Time) string {
			return string(ProposeAgain(a, person(first), 2, now))
		},
		"proposed anew": func(a *v1alpha1.PartnerTeam, now time.Time) string { return string(Propose(a, person(second), now)) },
		"invited by the owner": func(a *v1alpha1.PartnerTeam, now time.Time) string {
			if err := Invite(a, ownerMail, Person{Email: bob, Role: member}, now); err != nil {
				return "refused"
			}
			return ""
		},
	}
	// state, outcome, mails; of a link that went before, none works.
	want := map[string]string{
		"waits/deleted": "Removed", "waits/resent": "AwaitingApproval: " + asked, "waits/proposed anew": "AwaitingApproval AlreadyInvited", "waits/invited by the owner": "Invited: " + invited,
		"invited/deleted": "Removed", "invited/resent": "Invited: " + invited, "invited/proposed anew": "Invited AlreadyInvited", "invited/invited by the owner": "Invited: " + invited,
		"expired/deleted": "Removed", "expired/resent": "Invited: " + invited, "expired/proposed anew": "AwaitingApproval: " + asked, "expired/invited by the owner": "Invited: " + invited,
		"active/deleted": "Active", "active/resent": "Active AlreadyMember", "active/proposed anew": "Active AlreadyMember", "active/invited by the owner": "Active refused",
		"declined/deleted": "Declined", "declined/resent": "Invited: " + invited, "declined/proposed anew": "AwaitingApproval: " + asked, "declined/invited by the owner": "Invited: " + invited,
		"rejected/deleted": "Rejected", "rejected/resent": "Rejected TeamDeclined", "rejected/proposed anew": "AwaitingApproval: " + asked, "rejected/invited by the owner": "Invited: " + invited,
		"removed/deleted": "Removed", "removed/resent": "Removed NotInTeam", "removed/proposed anew": "AwaitingApproval: " + asked, "removed/invited by the owner": "Invited: " + invited,
	}
	for state, reached := range states {
		for event, happen := range happens {
			name := state + "/" + event
			t.Run(name, func(t *testing.T) {
				a := agency(t)
				settle(t, a, start, taken)
				Propose(a, person(first), start)
				for _, step := range reached.reach {
					must(t, step(a, ""))
				}
				settle(t, a, start, taken)
				now, link := start.Add(reached.later), Member(a, bob).Serial
				outcome := happen(a, now)
				sent := settle(t, a, now, taken)
				got := strings.TrimSpace(fmt.Sprintf("%s %s", Member(a, bob).State, outcome))
				if len(sent) > 0 {
					got += ": " + strings.Join(sent, ", ")
				}
				if diff := cmp.Diff(want[name], got); diff != "" {
					t.Errorf("unexpected (-want +got):\n%s", diff)
				}
				changed := len(sent) > 0 || strings.HasPrefix(want[name], "Removed")
				if changed && (AwaitingBySerial(a, link) != nil || InvitedBySerial(a, link) != nil) {
					t.Error("the link of before works")
				}
				if event == "resent" { // a process that died carries it out once more
					ProposeAgain(a, person(first), 2, now)
					if again := settle(t, a, now, taken); len(again) > 0 {
						t.Errorf("carried out twice, it mails %v", again)
					}
				}
			})
		}
	}
}

// Who was proposed by a version before this one, without a UID, or by accepting for a new team, is not taken back.
func TestOnlyWhatNamesItsInviteIsTakenBack(t *testing.T) {
	a := agency(t)
	before := a.DeepCopy()
	if refs := Proposals(a); len(refs) > 0 {
		t.Errorf("the invites to look for are %v", refs)
	}
	TakeBack(a, []string{""}, later)
	if diff := cmp.Diff(before, a); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}

// The link of a leader still tells what became of the person once it is decided, until they are asked anew.
func TestALinkOfADecisionTellsOfIt(t *testing.T) {
	for name, decide := range map[string]change{
		"approved": changes["approve awaiting"], "rejected": changes["reject awaiting"],
		"taken back": func(a *v1alpha1.PartnerTeam, _ string) error {
			Member(a, awaitingMail).InviteRef.UID = "1"
			TakeBack(a, []string{"1"}, later)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := agency(t)
			link := Member(a, awaitingMail).Serial
			if DecidedBySerial(a, link) != nil {
				t.Error("it is decided before anybody has")
			}
			must(t, decide(a, ownerMail))
			if m := DecidedBySerial(a, link); m == nil || m.Email != awaitingMail {
				t.Errorf("the link is about %v", m)
			}
			Propose(a, Person{Email: awaitingMail, Role: member, Invite: &v1alpha1.ProposalReference{Name: "other"}}, later)
			if m := DecidedBySerial(a, link); m != nil && name != "approved" {
				t.Errorf("asked anew, the old link is about %s", m.State)
			}
		})
	}
}

func TestALinkToJoinLivesAsLongAsTheInviteSays(t *testing.T) {
	a := agency(t)
	Propose(a, Person{Email: "new@agency.example", Role: member, ExpiresAfter: "48h"}, start)
	must(t, Approve(a, ownerMail, "new@agency.example", start))
	if end := Member(a, "new@agency.example").ExpiryTime; !end.Time.Equal(start.Add(48 * time.Hour)) {
		t.Errorf("the link expires %s", end)
	}
}
