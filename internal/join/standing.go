package join

import (
	"slices"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
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
	// Waiting: their application waits already.
	Waiting Standing = "Waiting"
	// Invited: they were invited, and can accept that.
	Invited Standing = "Invited"
	// Refused: their access was ended, or they were removed or rejected. Only the company can bring them back.
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
	// Remembered: the address had a partnership in the program at some time.
	Remembered bool
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
	case p != nil:
		return known(c, p)
	case slices.ContainsFunc(c.Invites, func(i v1alpha1.PartnerInvite) bool { return invite.Offered(&i, g.Spec.ProgramRef.Name, c.Now) }):
		return Invited, time.Time{}
	case c.Remembered:
		return Refused, time.Time{}
	case !Eligible(g, c.Verification.Address):
		return Ineligible, time.Time{}
	default:
		return Welcome, time.Time{}
	}
}

// usedBy tells whether the person has applied since the link was asked for. One application spends all links of before.
func usedBy(p *v1alpha1.Partnership, v token.Verification) bool {
	first, applied := p.Spec.Application.SubmittedTime.Time()
	again := p.Status.Reapplication
	return applied && !first.Before(v.Time) || again != nil && !again.Time.Time.Before(v.Time)
}

// known is the standing of a person who has a partnership in the program.
func known(c Case, p *v1alpha1.Partnership) (Standing, time.Time) {
	switch partnership.State(p, nil, c.Now) {
	case v1alpha1.PartnershipActive:
		if p.Spec.PortalAccess == v1alpha1.PortalAccessDisabled {
			return Refused, time.Time{}
		}
		return Partner, time.Time{}
	case v1alpha1.PartnershipPending:
		return Waiting, time.Time{}
	case v1alpha1.PartnershipInvited:
		return Invited, time.Time{}
	case v1alpha1.PartnershipRejected:
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
	default:
		return Refused, time.Time{}
	}
}
