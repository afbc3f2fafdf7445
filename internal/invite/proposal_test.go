package invite

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
	"github.com/partner-operator/partner-operator/internal/team"
)

const bobOfAgency, eveOfAgency = "bob@agency.example", "eve@agency.example"

// propose carries out what is due for an invite of teammates, and gives the event of it.
func propose(i *v1alpha1.PartnerInvite, a *v1alpha1.PartnerTeam, now time.Time) (Decision, event.Event) {
	before := *i.Status.DeepCopy()
	d := NextForTeammates(Input{Invite: i, Team: a, Now: now})
	if d.Action == ActionPropose {
		outcomes := ProposeTo(a, i, now)
		ProposedNow(&i.Status, i, a, outcomes, now)
	} else {
		i.Status = d.Status
	}
	e, _ := Transition(before, i.Status, "team agency")
	return d, e
}

func TestEventsOfTeammatesSayWhatHappened(t *testing.T) {
	type answers func(a *v1alpha1.PartnerTeam)
	approve := func(a *v1alpha1.PartnerTeam) {
		_ = team.Approve(a, ownerOfAgency, bobOfAgency, start)
		_ = team.Approve(a, ownerOfAgency, eveOfAgency, start)
	}
	for name, test := range map[string]struct {
		people  []v1alpha1.EmailAddress
		answers answers
		after   time.Duration
		want    string
	}{
		"proposed": {[]v1alpha1.EmailAddress{bobOfAgency, eveOfAgency}, nil, 0, "Sent: 2 people were proposed to team agency"},
		"one":      {[]v1alpha1.EmailAddress{bobOfAgency}, nil, 0, "Sent: 1 person was proposed to team agency"},
		"one joined": {[]v1alpha1.EmailAddress{bobOfAgency, eveOfAgency}, func(a *v1alpha1.PartnerTeam) {
			approve(a)
			_ = team.Join(a, team.Member(a, bobOfAgency).Serial, start)
			_ = team.Decline(a, team.Member(a, eveOfAgency).Serial, start)
		}, 0, "Accepted: 1 of 2 joined team agency"},
		"nobody joined": {[]v1alpha1.EmailAddress{bobOfAgency, eveOfAgency}, func(a *v1alpha1.PartnerTeam) {
			_ = team.Reject(a, ownerOfAgency, bobOfAgency, start)
			_ = team.Reject(a, ownerOfAgency, eveOfAgency, start)
		}, 0, "Declined: None of 2 joined team agency"},
		"too late":        {[]v1alpha1.EmailAddress{bobOfAgency, eveOfAgency}, approve, team.MemberLinkLifetime, "Expired: None of 2 joined team agency in time"},
		"in the team":     {[]v1alpha1.EmailAddress{"bea@agency.example"}, nil, 0, "AlreadyPartner: All of the people are in team agency already; nobody was asked"},
		"cannot be asked": {[]v1alpha1.EmailAddress{"bob@a_b.example"}, nil, 0, "DuplicateInvite: nobody could be proposed; members tells why of each"},
	} {
		t.Run(name, func(t *testing.T) {
			a, i := agencyTeam(t), proposal(test.people...)
			_, e := propose(i, a, start)
			if test.answers != nil {
				test.answers(a)
				_, e = propose(i, a, start.Add(test.after))
			}
			if got := e.Reason + ": " + e.Note; got != test.want {
				t.Errorf("the event is %q, want %q", got, test.want)
			}
		})
	}
}

// A resend waits for the resendCooldown, is carried out once, and says for each person what came of it.
func TestTeammatesAreAskedAgain(t *testing.T) {
	a, i := agencyTeam(t), proposal(bobOfAgency, eveOfAgency)
	propose(i, a, start)
	if err := team.Reject(a, ownerOfAgency, eveOfAgency, start); err != nil {
		t.Fatal(err)
	}
	team.Member(a, bobOfAgency).AskedTime = team.Member(a, eveOfAgency).EndedTime
	i.Spec.ResendToken = "again"
	i.Generation++
	if d, _ := propose(i, a, start.Add(30*time.Second)); d.Action != ActionNone || d.RequeueAfter != 30*time.Second {
		t.Fatalf("within the cool-down it is to %s, and looks again in %s", d.Action, d.RequeueAfter)
	}
	link := team.Member(a, bobOfAgency).Serial
	if d, _ := propose(i, a, start.Add(time.Minute)); d.Action != ActionPropose {
		t.Fatalf("it is to %s", d.Action)
	}
	if m := team.Member(a, bobOfAgency); m.Serial == link || m.State != v1alpha1.MemberAwaitingApproval || i.Status.Serial != 2 {
		t.Errorf("the person is %+v, the serial of the invite %d", m, i.Status.Serial)
	}
	want := []string{"Sent", "True/Sent", bobOfAgency + " AwaitingApproval ", eveOfAgency + " Rejected TeamDeclined"}
	for range 2 {
		if diff := cmp.Diff(want, told(i)); diff != "" {
			t.Errorf("unexpected (-want +got):\n%s", diff)
		}
		if d, _ := propose(i, a, start.Add(time.Hour)); d.Action != ActionNone {
			t.Errorf("it is carried out again")
		}
	}
}

// The same manifest applied after a deletion is a new invite, while one that was restored is the one of before.
func TestAnInviteOfTheSameNameIsNew(t *testing.T) {
	a, old := agencyTeam(t), proposal(bobOfAgency)
	propose(old, a, start)
	restored := old.DeepCopy()
	restored.UID = "uid-of-the-restored"
	if propose(restored, a, start); told(restored)[2] != bobOfAgency+" AwaitingApproval " {
		t.Errorf("restored, it says %v", told(restored))
	}
	team.TakeBack(a, []string{string(old.UID)}, start)
	anew := proposal(bobOfAgency)
	anew.UID = "uid-of-the-new"
	if propose(anew, a, start); told(anew)[2] != bobOfAgency+" AwaitingApproval " {
		t.Errorf("applied anew, it says %v", told(anew))
	}
}
