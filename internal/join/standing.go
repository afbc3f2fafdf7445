package join

import (
	"slices"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/grant"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/token"
)

// VerificationLifetime is how long the link of a verification mail works.
const VerificationLifetime = 24 * time.Hour

// Standing is how an applicant whose address is verified stands.
type Standing string

// The standings. Whoever asks without a verified address learns none of them.
const (
	// Welcome: they can apply.
	Welcome Standing = "Welcome"
	// WelcomeAgain: they were rejected, and can apply again.
	WelcomeAgain Standing = "WelcomeAgain"
	// Gone: the link is used, replaced or of a group that is closed.
	Gone Standing = "Gone"
	// TooLate: the link has expired.
	TooLate Standing = "TooLate"
	// Suspended: the program is. The link is not spent.
	Suspended Standing = "Suspended"
	// Ineligible: the address is of no domain that may apply.
	Ineligible Standing = "Ineligible"
	// Partner: they are a partner already.
	Partner Standing = "Partner"
	// TeamPartner: a team that they are in is a partner.
	TeamPartner Standing = "TeamPartner"
	// TeamWaiting: a team that they are in is invited, or its application waits.
	TeamWaiting Standing = "TeamWaiting"
	// Waiting: their application waits already.
	Waiting Standing = "Waiting"
	// Invited: they were invited, and can accept that.
	Invited Standing = "Invited"
	// Refused: their access was ended, alone or in a team, or they were removed or rejected. Only the company can bring them
	// back.
	Refused Standing = "Refused"
	// TooSoon: they were rejected, and can apply again later.
	TooSoon Standing = "TooSoon"
)

// Case is all that the standing of an applicant depends on.
type Case struct {
	// Group is what they apply to; nil: there is none.
	Group *v1alpha1.PartnerGroup
	// Catalog is what exists in its namespace.
	Catalog program.Catalog
	// Verification is the link that they came by.
	Verification token.Verification
	// Partnerships are those of the address in the namespace.
	Partnerships []v1alpha1.Partnership
	// Invites are those of the address in the namespace.
	Invites []v1alpha1.PartnerInvite
	// Teams are those that know the address.
	Teams []grant.Membership
	// Remembered and RememberedInTeam: the address had a partnership in the program at some time, or was in a team that had.
	Remembered, RememberedInTeam bool
	// Now is the time.
	Now time.Time
}

// Stand tells how an applicant stands, and for TooSoon until when.
func Stand(c Case) (Standing, time.Time) {
	g := c.Group
	if g == nil || string(g.UID) != c.Verification.Group || !Works(g, c.Verification.JoinLink) || c.Catalog.Programs[g.Spec.ProgramRef.Name] == nil {
		return Gone, time.Time{}
	}
	p := partnership.InProgram(c.Partnerships, g.Spec.ProgramRef.Name)
	switch {
	case p != nil && usedBy(p, c.Verification):
		return Gone, time.Time{}
	case !c.Now.Before(c.Verification.Time.Add(VerificationLifetime)):
		return TooLate, time.Time{}
	case c.Catalog.Programs[g.Spec.ProgramRef.Name].Spec.Suspend:
		return Suspended, time.Time{}
	}
	stands := grant.Stand(c.past())
	if p == nil && slices.ContainsFunc(c.Invites, func(i v1alpha1.PartnerInvite) bool { return invite.Offered(&i, g.Spec.ProgramRef.Name, c.Now) }) {
		return Invited, time.Time{}
	}
	switch stands.Join {
	case grant.JoinForm:
		if !Eligible(g, c.Verification.Address) {
			return Ineligible, time.Time{}
		}
		return Welcome, time.Time{}
	case grant.JoinReapply:
		return reapplying(c, p)
	default:
		return standings[stands.Join], time.Time{}
	}
}

// standings are those that follow from the table of doors alone.
var standings = map[grant.JoinDoor]Standing{
	grant.JoinPartner: Partner, grant.JoinInTeam: TeamPartner, grant.JoinInvited: Invited, grant.JoinWaiting: Waiting,
	grant.JoinTeamWaits: TeamWaiting, grant.JoinRefused: Refused,
}

// past is what decides by which doors the applicant can come.
func (c Case) past() grant.Past {
	return grant.Past{
		Program: c.Group.Spec.ProgramRef.Name, Address: c.Verification.Address, Partnerships: c.Partnerships, Teams: c.Teams,
		Removed: c.Remembered, WasMember: c.RememberedInTeam, Now: c.Now,
	}
}

// Team is the team that an applicant stands so by; nil: it is not by one, or that is gone.
func Team(c Case) *v1alpha1.PartnerTeam { return grant.Stand(c.past()).Through }

// usedBy tells whether the person has applied since the link was asked for. One application spends all links of before.
func usedBy(p *v1alpha1.Partnership, v token.Verification) bool {
	first, applied := p.Spec.Application.SubmittedTime.Time()
	again := p.Status.Reapplication
	return applied && !first.Before(v.Time) || again != nil && !again.Time.Time.Before(v.Time)
}

// reapplying is the standing of a person who was rejected.
func reapplying(c Case, p *v1alpha1.Partnership) (Standing, time.Time) {
	wait, ever := reapplyWait(c.Group)
	rejected := p.Status.HandledApproval
	switch {
	case !ever || rejected == nil || rejected.Decision != v1alpha1.ApprovalRejected || rejected.Time == nil:
		return Refused, time.Time{}
	case c.Now.Before(rejected.Time.Add(wait)):
		return TooSoon, rejected.Time.Add(wait)
	case !Eligible(c.Group, c.Verification.Address):
		return Ineligible, time.Time{}
	default:
		return WelcomeAgain, time.Time{}
	}
}
