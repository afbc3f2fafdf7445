// Package partnership holds the rules of a Partnership: who has access, which group is in force, what a revocation
// does. It is pure: what was observed and the time go in, what status should say and what to send come out.
package partnership

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/signin"
)

// Input is all that a decision about a partnership depends on.
type Input struct {
	// Partnership is the partnership as observed.
	Partnership *v1alpha1.Partnership
	// Rivals are the partnerships of the same partner in the namespace, this one or others.
	Rivals []v1alpha1.Partnership
	// Catalog is what exists in its namespace.
	Catalog program.Catalog
	// Team is the team that it names; nil: it names none, or the team does not exist.
	Team *v1alpha1.PartnerTeam
	// TeamInvited and JoinTeamInvited: an open invite makes the team, or the one to join, when the person accepts.
	TeamInvited, JoinTeamInvited bool
	// Leaders are the people of that team who are told about it: the owner and the admins.
	Leaders []v1alpha1.TeamOwner
	// Invite is the invite that was made for it; nil: there is none.
	Invite *v1alpha1.PartnerInvite
	// AcceptedTime is when the person accepted the invite that made it; nil: none did, or it is not known any more.
	AcceptedTime *metav1.Time
	// InviteTaken says that an invite of somebody else has the name that its own needs; empty: none has.
	InviteTaken string
	// InviteLeftOver: an invite of an earlier partnership of this name has that name, and is being removed.
	InviteLeftOver bool
	// Unmade tells which default links could not be made when Decision.Links asked for them.
	Unmade map[LinkKey]LinkObstacle
	// Sharers are the people of the team, who get default links of their own.
	Sharers []Sharer
	// LinksBehind: a link does not know yet what it does once the partnership is deleted.
	LinksBehind bool
	// Returning: the address had a partnership in the program before this one, which was removed.
	Returning bool
	// JoinTeam is the team that spec.approval.joinTeamRef names; nil: it names none, or the team does not exist.
	JoinTeam *v1alpha1.PartnerTeam
	// HasStaff: there is somebody in the company to tell of applications.
	HasStaff bool
	// Others are the other partnerships of the same contact in the namespace, in whatever program.
	Others []v1alpha1.Partnership
	// Holds are what holds mail of a kind back. A program that is suspended, or is not there, is found here.
	Holds delivery.Holds
	// TakenBack are the mails whose refusal turned out not to be theirs: they are tried anew.
	TakenBack []delivery.Key
	// Now is the time.
	Now time.Time
}

// Decision is what should be.
type Decision struct {
	delivery.LookAgain

	// Status is what status should say.
	Status v1alpha1.PartnershipStatus
	// Invite: the person is to be invited. Create NewInvitation, and decide again with it.
	Invite bool
	// Links are the default links to make, before Status is written, which says that they were.
	Links []WantedLink
	// Send names the mail to send. It is claimed in Status: write that, and only if it succeeds send the mail and record
	// the outcome. Nil: none.
	Send *delivery.Key
}

// Decide tells what should be done about a partnership.
func Decide(in Input) Decision {
	p := in.Partnership
	d := Decision{Status: *p.Status.DeepCopy()}
	if d.Status.ObservedGeneration != p.Generation { // what is settled is not written for its sake
		team := ""
		if p.Spec.TeamRef != nil {
			team = p.Spec.TeamRef.Name
		}
		d.Status.DisplayName = DisplayName(p.Spec.DisplayName, p.Spec.Contact, team)
	}
	d.Status.ObservedGeneration = p.Generation
	d.Status.Enter(next(in), in.Now)

	inForce, unresolved := group(in)
	d.move(in, inForce)
	d.carryOutRevocation(in)
	d.carryOutApproval(in)
	d.tellStaff(in)
	d.tryAnew(in)
	d.endSessions(in)
	d.signOut(in)
	d.noteAccess(in, unresolved)
	d.noteSeen(in)
	d.makeLinks(in)
	d.followLinks(in)
	d.awaitEnd(in)
	d.invite(in, unresolved == nil)
	d.deliver(in)
	d.summarize(in, unresolved)
	return d
}

// isNew tells whether the rules see a partnership for the first time.
func isNew(p *v1alpha1.Partnership) bool { return p.Status.State == "" }

// createdAsIs tells whether a partnership was created with the spec that it has, and the rules have not seen it before.
// What stands in such a spec did not happen just now: it may come from a backup.
func createdAsIs(p *v1alpha1.Partnership) bool { return isNew(p) && p.Generation <= 1 }

// move puts the partner into the group in force, and notes a change of it.
func (d *Decision) move(in Input, inForce string) {
	if before := d.Status.Group; before != inForce && !isNew(in.Partnership) {
		d.Status.LastMove = &v1alpha1.GroupMove{From: before, To: inForce, Time: *nowSeconds(in.Now)}
	}
	d.Status.Group = inForce
}

// noteAccess notes when the partner first has access.
func (d *Decision) noteAccess(in Input, unresolved *program.Unresolved) {
	if d.Status.State != v1alpha1.PartnershipActive || d.Status.ActivatedTime != nil {
		return
	}
	if reason, _ := active(in, unresolved); inForce(reason) {
		d.Status.ActivatedTime = nowSeconds(in.Now)
	}
}

// noteSeen notes when the person accepted or applied, if that made the partnership.
func (d *Decision) noteSeen(in Input) {
	if !isNew(in.Partnership) || d.Status.LastActiveTime != nil {
		return
	}
	if at, ok := in.Partnership.Spec.Application.SubmittedTime.Time(); ok {
		d.Status.LastActiveTime = nowSeconds(at)
	} else if in.AcceptedTime != nil {
		d.Status.LastActiveTime = in.AcceptedTime.DeepCopy()
	}
}

// endSessions ends them where access has ended by the partnership itself. Who never had access has none; and who waits
// for it keeps those that other partnerships gave.
func (d *Decision) endSessions(in Input) {
	before, after := in.Partnership.Status.State, d.Status.State
	if isNew(in.Partnership) && in.Returning { // a session of then must not open what is granted anew
		signin.EndAll(&d.Status.Access, in.Now)
	}
	ended := after == v1alpha1.PartnershipRevoked || after == v1alpha1.PartnershipExpired || after == v1alpha1.PartnershipRejected
	if after != before && (ended || before == v1alpha1.PartnershipActive) {
		signin.EndAll(&d.Status.Access, in.Now)
	}
	disabled := in.Partnership.Spec.PortalAccess == v1alpha1.PortalAccessDisabled
	switch {
	case disabled && d.Status.PortalAccess != v1alpha1.PortalAccessDisabled:
		d.Status.PortalAccess = v1alpha1.PortalAccessDisabled
		signin.EndAll(&d.Status.Access, in.Now)
	case !disabled:
		d.Status.PortalAccess = ""
	}
}

// signOut ends every session and every sign-in link, where the company asks for it and that was not carried out.
func (d *Decision) signOut(in Input) {
	wanted := signin.SignOutWanted(in.Partnership, d.Status.HandledSignOut, in.Now)
	if wanted == nil {
		return
	}
	d.Status.HandledSignOut = wanted
	signin.EndAll(&d.Status.Access, in.Now)
	signin.Withdraw(&d.Status.Access)
}

// awaitEnd asks to look again when the partnership ends by itself.
func (d *Decision) awaitEnd(in Input) {
	if end, ok := in.Partnership.Spec.ValidUntil.Time(); ok && in.Now.Before(end) {
		d.LookAt(end, in.Now)
	}
}

// group is the group in force and what cannot be resolved.
func group(in Input) (string, *program.Unresolved) {
	spec := in.Partnership.Spec
	if unresolved := in.Catalog.Grant(v1alpha1.ProgramGrant{Name: spec.ProgramRef.Name}); unresolved != nil {
		unresolved.Message = fmt.Sprintf("Program %q does not exist in this namespace; access is refused until it is created again", spec.ProgramRef.Name)
		return in.Partnership.Status.Group, unresolved
	}
	inForce, unresolved := in.Catalog.GroupInForce(spec.ProgramRef.Name, spec.GroupRef, in.Partnership.Status.Group)
	switch name := joiningTeam(in.Partnership); {
	case name != "" && in.JoinTeam == nil:
		unresolved = program.TeamMissing(name, in.JoinTeamInvited, "create it, or leave approval.joinTeamRef out")
	case spec.TeamRef != nil && in.Team == nil:
		unresolved = program.TeamMissing(spec.TeamRef.Name, in.TeamInvited, "create it and its people have access")
	case unresolved != nil:
		unresolved.Message += "; the group in force is " + orNone(inForce)
	}
	return inForce, unresolved
}

// suspended tells whether the program is.
func suspended(in Input) bool { return programSuspended(in.Catalog, in.Partnership) }

func programSuspended(catalog program.Catalog, p *v1alpha1.Partnership) bool {
	of := catalog.Programs[p.Spec.ProgramRef.Name]
	return of != nil && of.Spec.Suspend
}

func orNone(group string) string {
	if group == "" {
		return "none"
	}
	return fmt.Sprintf("%q", group)
}

// carryOutRevocation notes a revocation that is new, or that one was lifted.
func (d *Decision) carryOutRevocation(in Input) {
	revocation := in.Partnership.Spec.Revocation
	switch {
	case revocation == nil && d.Status.RevokedTime != nil:
		d.Status.RevokedTime = nil
	case revocation != nil && d.Status.RevokedTime == nil:
		serial := int64(1)
		if d.Status.HandledRevocation != nil {
			serial = d.Status.HandledRevocation.Serial + 1
		}
		d.Status.RevokedTime = nowSeconds(in.Now)
		d.Status.HandledRevocation = &v1alpha1.HandledRevocation{Serial: serial}
		notify := revocation.Notify == nil || *revocation.Notify
		d.tell(in, v1alpha1.MailRevoked, serial, notify && !createdAsIs(in.Partnership))
	}
}

// carryOutApproval notes a decision that is new. One that is taken back stays noted, so that the same one again is not
// told a second time.
func (d *Decision) carryOutApproval(in Input) {
	p, handled := in.Partnership, d.Status.HandledApproval
	decided := decision(p)
	again := p.Status.Reapplication
	anew := again != nil && handled != nil && again.ApprovalSerial == handled.Serial // the same word once more is news
	if decided == "" || handled != nil && handled.Decision == decided && !anew {
		return
	}
	serial, wasRejected := int64(1), false
	if handled != nil {
		serial, wasRejected = handled.Serial+1, handled.Decision == v1alpha1.ApprovalRejected
	}
	d.Status.HandledApproval = &v1alpha1.HandledApproval{Serial: serial, Decision: decided, Time: nowSeconds(in.Now)}
	kind, news := v1alpha1.MailApproved, needsApproval(p) || wasRejected
	if decided == v1alpha1.ApprovalRejected {
		neverAgreed := p.Spec.Invitation == v1alpha1.InvitationSend && !agreed(p)
		kind, news = v1alpha1.MailRejected, !neverAgreed
	}
	d.tell(in, kind, serial, news && !createdAsIs(p)) // whether it still makes sense is asked when it can leave
}
