package grant

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/team"
)

// Past is what decides by which doors a person can come into a program.
type Past struct {
	// Program is the name of the program, and Address that of the person.
	Program, Address string
	// Partnerships are those of the address in the namespace.
	Partnerships []v1alpha1.Partnership
	// Teams are those that know the address, in whatever state.
	Teams []Membership
	// Removed: the address had a partnership of its own in the program, and did not leave it by itself.
	Removed bool
	// WasMember: the person was in a team that had a partnership in the program, and did not leave it before that ended.
	WasMember bool
	// Now is the time.
	Now time.Time
}

// Membership is a team that knows a person, with its partnerships.
type Membership struct {
	Team         *v1alpha1.PartnerTeam
	Partnerships []v1alpha1.Partnership
}

// End is how a person stands in a program: what was ended, or what is still open.
type End string

// The ends, one for each row of Doors.
const (
	// EndNone: nothing was ended. They were never in it, or left a team before it was ended.
	EndNone End = "None"
	// EndActive: they are a partner, and EndClosed: with portalAccess Disabled.
	EndActive End = "Active"
	EndClosed End = "Closed"
	// EndInvited: a partnership waits for them to accept.
	EndInvited End = "Invited"
	// EndWaiting: their application waits for the company, or for a team that they were sent on to.
	EndWaiting End = "Waiting"
	// EndRevoked, EndExpired, EndRejected: what the company decided about their own partnership.
	EndRevoked  End = "Revoked"
	EndExpired  End = "Expired"
	EndRejected End = "Rejected"
	// EndRemoved: their own partnership was deleted.
	EndRemoved End = "Removed"
	// EndInTeam: they are in a team that is a partner.
	EndInTeam End = "InTeam"
	// EndTeamWaits: they are in a team that is invited, or whose application waits.
	EndTeamWaits End = "TeamWaits"
	// EndTeamEnded: a team was revoked or rejected, or expired, while they were in it.
	EndTeamEnded End = "TeamEnded"
	// EndTeamRemoved: the partnership of a team, or the team, was deleted while they were in it.
	EndTeamRemoved End = "TeamRemoved"
)

// JoinDoor is what a join link answers.
type JoinDoor string

// The answers of a join link.
const (
	JoinForm      JoinDoor = "the form"
	JoinPartner   JoinDoor = "409, you are a partner"
	JoinInTeam    JoinDoor = "409, your team is a partner"
	JoinInvited   JoinDoor = "409, you are invited"
	JoinWaiting   JoinDoor = "409, your application waits"
	JoinTeamWaits JoinDoor = "409, your team's application waits"
	JoinReapply   JoinDoor = "403; after `reapplyAfter` the form, then Pending"
	JoinRefused   JoinDoor = "403"
)

// InviteDoor is what becomes of an invite by mail from the company.
type InviteDoor string

// What becomes of an invite; the others are reasons of the condition Accepted. That of EndInvited goes out if it was made
// for that partnership.
const (
	InviteSent     InviteDoor = "Sent"
	InviteWarned   InviteDoor = "Warned"
	InvitePartner  InviteDoor = v1alpha1.ReasonAlreadyPartner
	InviteRevoked  InviteDoor = v1alpha1.ReasonPartnerRevoked
	InviteRejected InviteDoor = v1alpha1.ReasonPartnerRejected
	InvitePending  InviteDoor = v1alpha1.ReasonApplicationPending
)

// TeamDoor is whether a person can come in through a team.
type TeamDoor string

// The answers about a team.
const (
	TeamOpen    TeamDoor = "open"
	TeamShut    TeamDoor = "in the team; this program stays shut"
	TeamAnother TeamDoor = "another team: open"
)

// Row is what one end leads to.
type Row struct {
	// End is what was ended, and What that in words.
	End  End
	What string
	// Join, Invite and Team are the doors.
	Join   JoinDoor
	Invite InviteDoor
	Team   TeamDoor
	// UndoneBy says how the end is taken back.
	UndoneBy string
}

// Doors is the one table of who can come into a program by which door. docs/partnerships.md shows it.
var Doors = []Row{
	{EndNone, "nothing: never a partner; or an invite declined, expired or cancelled; or out of a team before it was ended", JoinForm, InviteSent, TeamOpen, ""},
	{EndActive, "nothing: the person is a partner", JoinPartner, InvitePartner, TeamOpen, ""},
	{EndClosed, "nothing, but `portalAccess` is Disabled", JoinRefused, InvitePartner, TeamOpen, "`portalAccess: Enabled`"},
	{EndInvited, "nothing: a partnership is Invited", JoinInvited, InviteSent, TeamOpen, ""},
	{EndWaiting, "nothing: an application waits", JoinWaiting, InvitePending, TeamOpen, ""},
	{EndRevoked, "the person was revoked", JoinRefused, InviteRevoked, TeamShut, "reinstating"},
	{EndExpired, "the person's `validUntil` has passed", JoinRefused, InviteRevoked, TeamOpen, "extending"},
	{EndRejected, "the person was rejected", JoinReapply, InviteRejected, TeamOpen, "approving"},
	{EndRemoved, "the person's Partnership, or application, was deleted", JoinRefused, InviteSent, TeamOpen, "declaring it again"},
	{EndInTeam, "nothing: the person is in a team that is a partner", JoinInTeam, InviteWarned, TeamOpen, ""},
	{EndTeamWaits, "nothing: the person is in a team that is invited or waits", JoinTeamWaits, InviteWarned, TeamOpen, ""},
	{EndTeamEnded, "a team was revoked or rejected, or expired, while the person was in it", JoinRefused, InviteWarned, TeamAnother, "reinstating the team's Partnership"},
	{EndTeamRemoved, "a team's Partnership, or the PartnerTeam, was deleted while the person was in it", JoinRefused, InviteSent, TeamAnother, "declaring it again"},
}

// DoorsOf is the row of an end.
func DoorsOf(end End) Row {
	for _, row := range Doors {
		if row.End == end {
			return row
		}
	}
	return Row{End: end, Join: JoinRefused, Invite: InviteRevoked, Team: TeamShut}
}

// Standing is how a person stands in a program.
type Standing struct {
	Row

	// Partnership is the one by which they stand so, their own or that of a team; nil: none.
	Partnership *v1alpha1.Partnership
	// Through is the team by which they stand so; nil: none that is there.
	Through *v1alpha1.PartnerTeam
}

// Stand tells how a person stands in a program. What is about the person goes before what is about a team, as far as it is
// there; and being a partner through a team before what was ended.
func Stand(past Past) Standing {
	if own := partnership.InProgram(past.Partnerships, past.Program); own != nil {
		end := EndOf(own, past.Now)
		if to := joining(own, past); end == EndWaiting && to != nil {
			return Standing{DoorsOf(EndInTeam), own, to}
		}
		return Standing{Row: DoorsOf(end), Partnership: own}
	}
	through := throughTeams(past)
	switch {
	case through.End == EndInTeam:
		return through
	case past.Removed:
		return Standing{Row: DoorsOf(EndRemoved)}
	default:
		return through
	}
}

// EndOf is how the partner stands whose partnership counts in its program.
func EndOf(p *v1alpha1.Partnership, now time.Time) End {
	switch partnership.State(p, nil, now) {
	case v1alpha1.PartnershipActive:
		if p.Spec.PortalAccess == v1alpha1.PortalAccessDisabled {
			return EndClosed
		}
		return EndActive
	case v1alpha1.PartnershipPending:
		return EndWaiting
	case v1alpha1.PartnershipInvited:
		return EndInvited
	case v1alpha1.PartnershipExpired:
		return EndExpired
	case v1alpha1.PartnershipRejected:
		return EndRejected
	case v1alpha1.PartnershipRevoked, v1alpha1.PartnershipConflict:
		return EndRevoked
	}
	return EndRevoked
}

// joining is the team that the person was sent on to and is in by now, as a partner of the program; nil: there is none.
func joining(own *v1alpha1.Partnership, past Past) *v1alpha1.PartnerTeam {
	if own.Spec.Approval == nil || own.Spec.Approval.JoinTeamRef == nil {
		return nil
	}
	if through := throughTeams(past); through.End == EndInTeam && through.Through.Name == own.Spec.Approval.JoinTeamRef.Name {
		return through.Through
	}
	return nil
}

// weights puts what teams lead to in order: the heaviest counts.
var weights = map[End]int{EndNone: 0, EndTeamRemoved: 1, EndTeamWaits: 2, EndTeamEnded: 3, EndInTeam: 4}

// throughTeams tells how a person stands by the teams that know them. That a team was removed follows from no team that is
// there and has, or had, a partnership that tells of them.
func throughTeams(past Past) Standing {
	found, explained := Standing{Row: DoorsOf(EndNone)}, false
	for _, m := range past.Teams {
		p := partnership.InProgram(m.Partnerships, past.Program)
		member := team.Member(m.Team, past.Address)
		if p == nil || member == nil || !m.Team.DeletionTimestamp.IsZero() {
			continue
		}
		end := memberEnd(p, member, past)
		if explained = explained || tells(p, member, past.Now); weights[end] > weights[found.End] {
			found = Standing{DoorsOf(end), p, m.Team}
		}
	}
	if past.WasMember && !explained && weights[found.End] < weights[EndTeamRemoved] {
		return Standing{Row: DoorsOf(EndTeamRemoved)}
	}
	return found
}

// memberEnd is how a person stands whom a team with a partnership knows.
func memberEnd(p *v1alpha1.Partnership, m *v1alpha1.TeamMember, past Past) End {
	end, ended := endTime(p, past.Now)
	active := m.State == v1alpha1.MemberActive
	switch {
	case ended && (wasIn(m, end) || past.WasMember && !tells(p, m, past.Now)):
		return EndTeamEnded
	case ended || !active:
		return EndNone
	case EndOf(p, past.Now) == EndActive || EndOf(p, past.Now) == EndClosed:
		return EndInTeam
	default:
		return EndTeamWaits
	}
}

// endTime is when the company ended the partnership of a team; false: it has not.
func endTime(p *v1alpha1.Partnership, now time.Time) (time.Time, bool) {
	switch EndOf(p, now) {
	case EndRevoked:
		if at := p.Status.RevokedTime; at != nil {
			return at.Time, true
		}
		return now, true
	case EndExpired:
		if at, ok := p.Spec.ValidUntil.Time(); ok && !now.Before(at) {
			return at, true
		}
		return now, true
	case EndRejected:
		if handled := p.Status.HandledApproval; handled != nil && handled.Time != nil {
			return handled.Time.Time, true
		}
		return now, true
	default:
		return time.Time{}, false
	}
}

// wasIn tells whether a person was in a team at a time, as far as status tells: when they were in it last.
func wasIn(m *v1alpha1.TeamMember, at time.Time) bool {
	if m.JoinedTime != nil && m.JoinedTime.After(at) {
		return false
	}
	switch m.State {
	case v1alpha1.MemberActive:
		return true
	case v1alpha1.MemberRemoved:
		return m.EndedTime == nil || !m.EndedTime.Time.Before(at)
	default:
		return false
	}
}

// tells tells whether a team says itself why a person is not a partner through it any more, or that they are: they are in
// it and it was not ended, or they left before it was. Of somebody who came back, or is asked again, it does not say when
// they were in it before.
func tells(p *v1alpha1.Partnership, m *v1alpha1.TeamMember, now time.Time) bool {
	end, ended := endTime(p, now)
	if !ended {
		return true
	}
	return m.State == v1alpha1.MemberRemoved && m.EndedTime != nil && m.EndedTime.Time.Before(end)
}

// InTeam tells whether a person is, or was when it ended, in a team with this partnership.
func InTeam(p *v1alpha1.Partnership, m *v1alpha1.TeamMember, now time.Time) bool {
	end, ended := endTime(p, now)
	return ended && wasIn(m, end) || !ended && m.State == v1alpha1.MemberActive
}

// Left tells whether somebody who was in teams of a program left all of them before that was ended.
func Left(past Past) bool {
	past.WasMember = true
	return throughTeams(past).End == EndNone
}
