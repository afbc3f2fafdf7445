// Package grant holds the one rule of who may sign in and to what, for partners and for people of a team alike. It is pure:
// what was found and the time go in.
package grant

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/signin"
	"github.com/partner-operator/partner-operator/internal/team"
)

// Why says why a grant is not open.
type Why string

// The reasons.
const (
	// Invited: the person has not agreed yet.
	Invited Why = "Invited"
	// Waits: the company is to approve.
	Waits Why = "Waits"
	// Paused: it is in force, but its program is suspended or gone, or the portal is closed to it.
	Paused Why = "Paused"
	// Ended: it is not in force any more, or nothing that the team has is.
	Ended Why = "Ended"
	// NotMember: the team knows the person, who is not in it.
	NotMember Why = "NotMember"
)

// Grant is what lets an address into the portal: a partnership of the person's own, or a membership in a team.
type Grant struct {
	// Address is that of the person.
	Address string
	// Access is what the portal knows of the person here. It is part of the object below.
	*v1alpha1.Access
	// Open: the person can sign in by it. Why says why not.
	Open bool
	Why  Why
	// Partnership is the person's own; nil: it is a membership in Team.
	Partnership *v1alpha1.Partnership
	Team        *v1alpha1.PartnerTeam
	// opens are the partnerships that it gives access to, and waits those that wait for the company. Bare: it is a team in no
	// program yet, which its owner can bring together.
	opens, waits []v1alpha1.Partnership
	bare         bool
}

// Found is what is there for an address in a namespace.
type Found struct {
	Address string
	// Own are the person's own partnerships.
	Own []v1alpha1.Partnership
	// Teams are those that know the address, and Of their partnerships, by the name of the team.
	Teams   []v1alpha1.PartnerTeam
	Of      map[string][]v1alpha1.Partnership
	Catalog program.Catalog
	Now     time.Time
}

// Grants are all grants of the address: its own partnerships, then its memberships, the oldest of each first.
func (f Found) Grants() []Grant {
	own := slices.Clone(f.Own)
	slices.SortFunc(own, func(a, b v1alpha1.Partnership) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
	})
	var grants []Grant
	for i := range own {
		grants = append(grants, f.OfPartnership(&own[i]))
	}
	for i := range f.Teams {
		if g, known := f.OfMember(&f.Teams[i]); known {
			grants = append(grants, g)
		}
	}
	return grants
}

// OfPartnership is the grant of a partnership of the person's own, on some copy of it.
func (f Found) OfPartnership(p *v1alpha1.Partnership) Grant {
	g := Grant{Address: f.Address, Access: &p.Status.Access, Partnership: p}
	f.take(&g, p, f.Own)
	g.Open = len(g.opens) > 0
	if g.Open {
		return g
	}
	switch partnership.State(p, f.Own, f.Now) {
	case v1alpha1.PartnershipActive:
		g.Why = Paused
	case v1alpha1.PartnershipPending:
		g.Why = Waits
	case v1alpha1.PartnershipInvited:
		g.Why = Invited
	default:
		g.Why = Ended
	}
	return g
}

// OfMember is the grant of a membership, on some copy of the team. It is false if the team does not know the person.
func (f Found) OfMember(t *v1alpha1.PartnerTeam) (Grant, bool) {
	m := team.Member(t, f.Address)
	if m == nil {
		return Grant{}, false
	}
	g := Grant{Address: string(m.Email), Access: &m.Access, Team: t}
	if !team.IsActive(t, f.Address) {
		g.Why = NotMember
		return g, true
	}
	of := f.Of[t.Name]
	for i := range of {
		if !Shut(f.Own, of[i].Spec.ProgramRef.Name) {
			f.take(&g, &of[i], of)
		}
	}
	g.bare = len(of) == 0
	g.Open = len(g.opens) > 0 || g.bare
	switch {
	case g.Open:
	case len(g.waits) > 0:
		g.Why = Waits
	default:
		g.Why = Ended
	}
	return g, true
}

// take notes what a partnership gives.
func (f Found) take(g *Grant, p *v1alpha1.Partnership, rivals []v1alpha1.Partnership) {
	switch in := f.Catalog.Programs[p.Spec.ProgramRef.Name]; {
	case partnership.HasAccess(p, rivals, in, f.Now):
		g.opens = append(g.opens, *p)
	case in != nil && partnership.State(p, rivals, f.Now) == v1alpha1.PartnershipPending:
		g.waits = append(g.waits, *p)
	}
}

// Shut reports whether a program stays shut to a person in each team, since the company revoked a partnership of their own
// in it. It holds for pages and for share links.
func Shut(own []v1alpha1.Partnership, programName string) bool {
	return slices.ContainsFunc(own, func(p v1alpha1.Partnership) bool {
		return p.Spec.Revocation != nil && p.Spec.ProgramRef.Name == programName
	})
}

// UID is that of the object that gives it: a grant is told from another of the same person by that.
func (g Grant) UID() types.UID {
	if g.Team != nil {
		return g.Team.UID
	}
	return g.Partnership.UID
}

// InForce reports whether a grant gives the person something, be it paused.
func (g Grant) InForce() bool {
	if g.Team != nil {
		return g.Why != NotMember
	}
	return g.Open || g.Why == Paused
}

// Counts reports whether a session that was signed in at a time counts for the grant.
func (g Grant) Counts(signedIn time.Time) bool {
	if g.Partnership != nil {
		return partnership.SessionCounts(g.Partnership, signedIn)
	}
	return signin.Counts(g.Access, signedIn)
}

// View is what a session sees of a grant.
type View struct {
	// Open: it sees something, or a team that is in no program yet.
	Open bool
	// Partnerships are those it opens, and Waiting those that wait for the company.
	Partnerships, Waiting []v1alpha1.Partnership
	// Again are those that were given since: the person has to sign in again.
	Again []v1alpha1.Partnership
}

// View is what a session that was signed in at a time sees of the grant.
func (g Grant) View(signedIn time.Time) (v View) {
	counts := g.Counts(signedIn)
	for i := range g.opens {
		switch p := &g.opens[i]; {
		case counts && partnership.SessionCounts(p, signedIn):
			v.Partnerships = append(v.Partnerships, *p)
		case p.Status.State != "": // what the rules have not seen yet is about to count
			v.Again = append(v.Again, *p)
		}
	}
	for i := range g.waits {
		if counts && partnership.SessionCounts(&g.waits[i], signedIn) {
			v.Waiting = append(v.Waiting, g.waits[i])
		}
	}
	v.Open = len(v.Partnerships) > 0 || counts && g.bare
	return v
}

// Why a sign-in link does not work.
var (
	ErrGone     = errors.New("the sign-in link is used or withdrawn")
	ErrExpired  = errors.New("the sign-in link has expired")
	ErrDead     = errors.New("too many wrong addresses were typed on the page of the sign-in link")
	ErrNoAccess = errors.New("what the sign-in link was made for gives no access")
)

// Link tells why the sign-in link of a number does not work; nil: it does. One that does not because access has ended is
// not spent.
func (g Grant) Link(serial int64, now time.Time) error {
	switch state := signin.StateOf(g.SignIn, serial, now); {
	case state == signin.Gone:
		return ErrGone
	case !g.Open:
		return ErrNoAccess
	case state == signin.Expired:
		return ErrExpired
	case state == signin.Dead:
		return ErrDead
	default:
		return nil
	}
}

// Request issues one more sign-in link and asks for its mail, if one is due; else it changes nothing, and is false.
func (g Grant) Request(lifetime time.Duration, now time.Time) bool {
	if !g.Open || !signin.Request(g.Access, lifetime, now) {
		return false
	}
	if g.Team != nil {
		team.Enqueue(g.Team, v1alpha1.MailSignIn, g.Address, g.SignIn.Serial)
	} else {
		partnership.Enqueue(&g.Partnership.Status, v1alpha1.MailSignIn, g.SignIn.Serial, true)
	}
	return true
}

// Use spends the open sign-in links, and begins a session.
func (g Grant) Use(now time.Time) { signin.Use(g.Access, now) }

// Begin notes that a session begins, or that the person did something. It is false if that is known.
func (g Grant) Begin(now time.Time) bool { return signin.Seen(g.Access, now) }

// End ends the session that was signed in at a time, and EndAll all up to now. End is false if it does not count anyway.
func (g Grant) End(signedIn time.Time) bool { return signin.End(g.Access, signedIn) }

// EndAll ends every session.
func (g Grant) EndAll(now time.Time) { signin.EndAll(g.Access, now) }

// OnlyWaits reports whether nothing lets the person in yet, because the company is still to approve.
func OnlyWaits(grants []Grant) bool {
	waits := false
	for _, g := range grants {
		if g.Open || g.Partnership != nil && g.Why == Paused {
			return false
		}
		waits = waits || len(g.waits) > 0
	}
	return waits
}
