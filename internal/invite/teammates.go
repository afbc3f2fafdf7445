package invite

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/team"
)

// An invite of teammates has no link and no mail of its own: it proposes people to a team, once and with each resend, and tells
// what becomes of each. The team asks its owner and admins, and invites whom they approve.

// Outcomes are what became of the people whom an invite proposed to a team, by address as the invite writes it.
type Outcomes map[v1alpha1.EmailAddress]team.Outcome

// ProposeTo puts the people of an invite before a team, for the first time or as its resend. It can be done again: who was
// proposed by this invite before is left alone.
func ProposeTo(t *v1alpha1.PartnerTeam, i *v1alpha1.PartnerInvite, now time.Time) Outcomes {
	outcomes := Outcomes{}
	for _, p := range Proposed(i) {
		person := team.PersonOf(p, &v1alpha1.ProposalReference{Name: i.Name, UID: string(i.UID)})
		person.ExpiresAfter = i.Spec.ExpiresAfter
		if i.Status.Serial > 0 {
			outcomes[p.Email] = team.ProposeAgain(t, person, i.Status.Serial+1, now)
		} else {
			outcomes[p.Email] = team.Propose(t, person, now)
		}
	}
	return outcomes
}

// resendOfTeammates returns what a resend waits for, or nil: the mails about the same people are too recent.
func resendOfTeammates(in Input) *delivery.Hold {
	var last time.Time
	for _, p := range Proposed(in.Invite) {
		m := team.Member(in.Team, string(p.Email))
		if m == nil || !team.ProposedBy(m, in.Invite) {
			continue
		}
		for _, at := range []*metav1.Time{m.AskedTime, m.InvitedTime, m.SentTime} {
			if at != nil && at.After(last) {
				last = at.Time
			}
		}
	}
	var scope []v1alpha1.ProgramGrant
	for i := range in.Partnerships {
		scope = append(scope, v1alpha1.ProgramGrant{Name: in.Partnerships[i].Spec.ProgramRef.Name})
	}
	wait := cooldown(scope, in.Catalog)
	if len(scope) == 0 {
		wait = v1alpha1.DefaultCooldown
	}
	return tooRecent(last.Add(wait), in.Now)
}

// NextForTeammates tells what the status of an invite of teammates should say, and, with ActionPropose, that its people
// are to be put before the team first; ProposedNow notes that then.
func NextForTeammates(in Input) Decision {
	d := Decision{Status: *in.Invite.Status.DeepCopy(), Action: ActionNone}
	nameWho(&d.Status, in.Invite)
	d.Status.ObservedGeneration = in.Invite.Generation
	set := setter(&d.Status, in.Now)
	switch teamless := noTeam(in); {
	case d.Status.Serial > 0 && in.Team != nil && resendAsked(in.Invite):
		hold := resendOfTeammates(in)
		if hold == nil {
			d.Action = ActionPropose
			return d
		}
		Mirror(&d.Status, in.Invite, in.Team, in.Now)
		d.awaitAnswers(in)
		d.LookAt(hold.Until, in.Now)
		summarizeTeammates(&d.Status, hold, in.Now)
	case d.Status.Serial > 0:
		Mirror(&d.Status, in.Invite, in.Team, in.Now)
		d.awaitAnswers(in)
		summarizeTeammates(&d.Status, nil, in.Now)
	case teamless != nil:
		d.Status.Enter(v1alpha1.InvitePending, in.Now)
		set.False(v1alpha1.ConditionResolvedRefs, teamless.Reason, teamless.Message)
		set.Unknown(v1alpha1.ConditionSent, v1alpha1.ReasonPending, "nobody is proposed before the team exists")
		set.Unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, "nobody has been proposed yet")
		notResolved(set, nil, *teamless)
	default:
		d.Action = ActionPropose
	}
	return d
}

// awaitAnswers asks to look again when an invitation of somebody ends.
func (d *Decision) awaitAnswers(in Input) {
	if in.Team == nil {
		return
	}
	for _, told := range d.Status.Members {
		m := team.Member(in.Team, string(told.Email))
		if m != nil && m.State == v1alpha1.MemberInvited && team.ProposedBy(m, in.Invite) && m.ExpiryTime != nil && in.Now.Before(m.ExpiryTime.Time) {
			d.LookAt(m.ExpiryTime.Time, in.Now)
		}
	}
}

// ProposedNow notes that the people of an invite were put before the team, and what came of it.
func ProposedNow(status *v1alpha1.PartnerInviteStatus, i *v1alpha1.PartnerInvite, of *v1alpha1.PartnerTeam, outcomes Outcomes, now time.Time) {
	nameWho(status, i)
	status.ObservedGeneration = i.Generation
	status.HandledResend = asked(i)
	status.Serial, status.TeamRef = status.Serial+1, &v1alpha1.TeamReference{Name: of.Name}
	status.IssuedTime, status.SentTime = &metav1.Time{Time: now}, &metav1.Time{Time: now}
	before := status.Members
	status.Members = nil
	for _, p := range Proposed(i) {
		m := v1alpha1.InviteMember{Email: p.Email, Reason: string(outcomes[p.Email])}
		switch was := memberOf(before, string(p.Email)); {
		case m.Reason == "":
			m.State = v1alpha1.MemberAwaitingApproval
		case was != nil && was.State != "": // the resend did nothing for them
			m.State = was.State
		}
		status.Members = append(status.Members, m)
	}
	Mirror(status, i, of, now)
	summarizeTeammates(status, nil, now)
}

// summarizeTeammates sets the state and the conditions that follow from what became of the people.
func summarizeTeammates(status *v1alpha1.PartnerInviteStatus, resend *delivery.Hold, now time.Time) {
	tally := tallyOf(status.Members)
	set := setter(status, now)
	set.True(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolvedRefs, "everything that the spec names exists")
	set.True(v1alpha1.ConditionSent, v1alpha1.ReasonSent, "the people were put before the team, which asks its owner and admins")
	message := fmt.Sprintf("of %d people %d wait for approval, %d for their answer, %d joined", len(status.Members), tally.awaiting, tally.invited, tally.joined)
	switch {
	case tally.awaiting+tally.invited > 0:
		status.Enter(v1alpha1.InviteSent, now)
		set.Unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, message)
		done(set, resend, v1alpha1.ReasonSent, message)
	case tally.joined > 0:
		status.Enter(v1alpha1.InviteAccepted, now)
		set.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, message)
		done(set, resend, v1alpha1.ReasonAccepted, message)
	case tally.members == len(status.Members):
		status.Enter(v1alpha1.InviteAlreadyPartner, now)
		set.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonAlreadyPartner, "all of the people are in the team already")
		done(set, resend, v1alpha1.ReasonAlreadyPartner, "all of the people are in the team already")
	case tally.refused == len(status.Members):
		status.Enter(v1alpha1.InviteRefused, now)
		why := "nobody could be proposed; members tells why of each"
		set.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonDuplicateInvite, why)
		stalled(set, resend, v1alpha1.ReasonDuplicateInvite, why)
	case tally.expired > 0:
		status.Enter(v1alpha1.InviteExpired, now)
		set.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonExpired, message)
		done(set, resend, v1alpha1.ReasonExpired, message)
	default:
		status.Enter(v1alpha1.InviteDeclined, now)
		set.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonDeclined, message)
		done(set, resend, v1alpha1.ReasonDeclined, message)
	}
}

// tally counts what became of people: refused are those who did not come into the team by the invite, of whom members were
// in it already.
type tally struct{ awaiting, invited, joined, members, expired, refused int }

func tallyOf(members []v1alpha1.InviteMember) (t tally) {
	for _, m := range members {
		if m.State == "" {
			t.refused++
		}
		switch {
		case m.State == v1alpha1.MemberAwaitingApproval:
			t.awaiting++
		case m.Reason == v1alpha1.MemberReasonExpired:
			t.expired++
		case m.State == v1alpha1.MemberInvited:
			t.invited++
		case m.State == v1alpha1.MemberActive:
			t.joined++
		case m.Reason == v1alpha1.MemberReasonAlreadyMember:
			t.members++
		}
	}
	return t
}
