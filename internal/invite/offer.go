package invite

import (
	"fmt"
	"slices"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	grants "github.com/partner-operator/partner-operator/internal/grant"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
)

// offer is what is left of a scope to offer to the person: the programs that they are not an active partner in. If
// nothing is, or something forbids it, it tells why.
func offer(in Input, scope []v1alpha1.ProgramGrant) ([]v1alpha1.ProgramGrant, *obstacle) {
	if refusal := refusalOf(in, scope); refusal != nil {
		return nil, refusal
	}
	left := slices.DeleteFunc(slices.Clone(scope), func(grant v1alpha1.ProgramGrant) bool { return isPartner(in, grant.Name) })
	if older := duplicate(in, left); older != nil {
		return nil, &obstacle{v1alpha1.ReasonDuplicateInvite, fmt.Sprintf("the open PartnerInvite %q of the same address offers all of this; ask for a resend of that one, or delete it and ask for a resend of this", older.Name)}
	}
	return left, nil
}

// refusalOf tells why a person is not to be invited into a scope; nil: they can be.
func refusalOf(in Input, scope []v1alpha1.ProgramGrant) *obstacle {
	if TeamTaken(in.Invite, in.Team) {
		return &obstacle{v1alpha1.ReasonTeamExists, teamExists(in.Team)}
	}
	partnerInAll := true
	for _, grant := range scope {
		if refusal := refusedBy(in, partnership.InProgram(in.Partnerships, grant.Name)); refusal != nil {
			return refusal
		}
		partnerInAll = partnerInAll && isPartner(in, grant.Name)
	}
	if partnerInAll {
		return &obstacle{v1alpha1.ReasonAlreadyPartner, "the person is an active partner in every program of the invite"}
	}
	return nil
}

// refusedBy tells why a partnership of the person forbids to invite them into its program; nil: it does not. An invite
// that was made for it waits instead: it goes out once the partnership is Invited again.
func refusedBy(in Input, p *v1alpha1.Partnership) *obstacle {
	if p == nil {
		return nil
	}
	const then = ", then ask for a resend if it is still needed"
	end, name := grants.EndOf(p, in.Now), p.Spec.ProgramRef.Name
	refuse := func(format string, args ...any) *obstacle {
		return &obstacle{string(grants.DoorsOf(end).Invite), fmt.Sprintf(format, args...)}
	}
	switch {
	case end == grants.EndWaiting:
		return refuse("Partnership %q in Program %q waits for the company's approval; decide in its spec.approval", p.Name, name)
	case partnership.Invites(in.Invite, p):
		return nil
	case end == grants.EndRevoked:
		return refuse("access to Program %q is revoked by Partnership %q; remove its spec.revocation to reinstate the partner%s", name, p.Name, then)
	case end == grants.EndExpired:
		return refuse("access to Program %q ended with the validUntil of Partnership %q; extend that to reinstate the partner%s", name, p.Name, then)
	case end == grants.EndRejected:
		return refuse("Partnership %q in Program %q is rejected; set its spec.approval.decision to Approved to let the partner in", p.Name, name)
	default:
		return nil
	}
}

// Warning says of an invite that was sent that the person is in a team that is a partner already, or was in one that was
// ended; empty: they are not.
func Warning(in Input, status v1alpha1.PartnerInviteStatus) string {
	if status.State != v1alpha1.InviteSent {
		return ""
	}
	for _, each := range status.Programs {
		stands := grants.Stand(grants.Past{
			Program: each.Name, Address: string(in.Invite.Spec.Contact.Email), Partnerships: in.Partnerships, Teams: in.Teams, Now: in.Now,
		})
		if stands.Invite != grants.InviteWarned {
			continue
		}
		how := "is in"
		if stands.End == grants.EndTeamEnded {
			how = "was in, and which was ended"
		}
		return fmt.Sprintf("in Program %[1]q there is PartnerTeam %[2]q, which the person %[3]s; this invites them on their own, and kubectl partner team invite %[2]s invites the team",
			each.Name, stands.Through.Name, how)
	}
	return ""
}

// isPartner tells whether the person is an active partner in a program. Whether the program lets anybody in right now
// does not matter.
func isPartner(in Input, programName string) bool {
	p := partnership.InProgram(in.Partnerships, programName)
	return p != nil && in.Invite.Spec.Team == nil && // a team that does not exist is a partner in nothing
		partnership.Stands(p, nil, in.Now)
}

// duplicate finds another open invite of the person that offers all of a scope and counts before this one: one that was
// issued, else the older one.
func duplicate(in Input, scope []v1alpha1.ProgramGrant) *v1alpha1.PartnerInvite {
	for i := range in.Rivals {
		rival := &in.Rivals[i]
		if rival.UID != in.Invite.UID && rival.DeletionTimestamp.IsZero() && isOpen(rival.Status, in.Now) && goesFirst(rival, in.Invite) && covers(rival, scope) && !hopeless(in, rival) {
			return rival
		}
	}
	return nil
}

// hopeless tells whether an invite that is not issued never will be, though the rules may not have looked at it yet.
func hopeless(in Input, i *v1alpha1.PartnerInvite) bool {
	if i.Status.Serial > 0 {
		return false
	}
	if !i.IsReadable() || i.Spec.NotAfter.HasPassed(in.Now) {
		return true
	}
	in.Invite = i
	scope, unresolved := Scope(i, in.Catalog)
	return unresolved == nil && refusalOf(in, scope) != nil
}

func isOpen(status v1alpha1.PartnerInviteStatus, now time.Time) bool {
	switch State(status, now) {
	case v1alpha1.InvitePending, v1alpha1.InviteHeld, v1alpha1.InviteSent:
		return true
	default:
		return false
	}
}

// goesFirst puts two invites of one person in the order in which they count, the same for all who ask.
func goesFirst(a, b *v1alpha1.PartnerInvite) bool {
	if issued := a.Status.Serial > 0; issued != (b.Status.Serial > 0) {
		return issued
	}
	if order := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); order != 0 {
		return order < 0
	}
	return a.Name < b.Name
}

// covers tells whether an invite offers every program of a scope. One that names none, and is not issued yet, offers
// all there are.
func covers(i *v1alpha1.PartnerInvite, scope []v1alpha1.ProgramGrant) bool {
	offered := i.Offers()
	if i.Status.Serial == 0 && len(offered) == 0 {
		return true
	}
	for _, grant := range scope {
		if !slices.ContainsFunc(offered, func(o v1alpha1.ProgramGrant) bool { return o.Name == grant.Name }) {
			return false
		}
	}
	return true
}

// template returns what is wrong with the mail, or nil if nothing is or if no mail is sent.
func template(in Input) *program.Unresolved {
	if in.Invite.Spec.Delivery == v1alpha1.DeliveryLink {
		return nil
	}
	return in.Template
}

// templateNotFound returns the problem that the template of the mail does not exist, or nil.
func templateNotFound(in Input) *program.Unresolved {
	if wrong := template(in); wrong != nil && wrong.Reason == v1alpha1.ReasonTemplateNotFound {
		return wrong
	}
	return nil
}

// held returns what holds an invite into a scope back, or nil. What the company has to fix comes before what ends by itself.
func (d *Decision) held(in Input, scope []v1alpha1.ProgramGrant) *delivery.Hold {
	d.scope = scope
	if teamless := noTeam(in); teamless != nil {
		return &delivery.Hold{Reason: teamless.Reason, Message: teamless.Message}
	}
	if wrong := template(in); wrong != nil {
		return &delivery.Hold{Reason: wrong.Reason, Message: wrong.Message}
	}
	if in.Hold != nil {
		return in.Hold
	}
	if name := suspendedIn(scope, in.Catalog); name != "" {
		return &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: fmt.Sprintf("Program %q is suspended; the invite goes out when that ends", name)}
	}
	if waits := heldByPartnership(in, scope); waits != nil {
		return waits
	}
	if in.Invite.Spec.Delivery == v1alpha1.DeliveryLink {
		return in.LinkHold
	}
	if hold := in.Holds[in.Invite.Mail()]; hold != nil {
		return hold
	}
	return overQuota(in.Quota)
}

// overQuota returns the hold of a program's mail.maxPerHour with a message that says when the invite goes out, or nil.
func overQuota(quota *delivery.Hold) *delivery.Hold {
	if quota == nil || quota.Until.IsZero() {
		return quota
	}
	hold := *quota
	hold.Message = fmt.Sprintf("%s; the invite goes out at %s or later", quota.Message, quota.Until.UTC().Format(time.RFC3339))
	return &hold
}

// heldByPartnership returns the hold of a partnership of the person, or nil if none holds the invite back.
func heldByPartnership(in Input, scope []v1alpha1.ProgramGrant) *delivery.Hold {
	for _, grant := range scope {
		p := partnership.InProgram(in.Partnerships, grant.Name)
		if p == nil || !partnership.Shut(p, in.Now) {
			continue
		}
		because := fmt.Sprintf("portalAccess of Partnership %q is Disabled; the invite goes out once it is Enabled", p.Name)
		if state := partnership.State(p, nil, in.Now); state != v1alpha1.PartnershipInvited {
			because = fmt.Sprintf("Partnership %q is %s; the invite goes out once that is lifted", p.Name, state)
		}
		return &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: because}
	}
	return nil
}
