package invite

import (
	"fmt"
	"maps"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
)

// Openness tells whether an invite can be answered.
type Openness string

// The kinds of openness.
const (
	// Open: it can be answered.
	Open Openness = "Open"
	// Gone: this link is used, replaced or not issued.
	Gone Openness = "Gone"
	// TooLate: its time is over.
	TooLate Openness = "TooLate"
	// Dead: too many wrong addresses were typed on its page. A new link takes its place where one is asked for.
	Dead Openness = "Dead"
	// Refused: not now. The link is not spent.
	Refused Openness = "Refused"
)

// Answerable tells whether an invite can be answered with a link of this serial, and if it is Refused, why. Of the input it
// needs the invite, the catalog, the team, the partnerships of the person or of the team, and the time. An invite that was
// made for a partnership goes with it, also in the moment before it is removed.
func Answerable(in Input, serial int64) (Openness, *program.Unresolved) {
	status := in.Invite.Status
	switch {
	case !in.Invite.DeletionTimestamp.IsZero(), status.Serial == 0, status.Serial != serial, status.Acceptance != nil, neverLeft(status):
		return Gone, nil
	case partnership.MadeForPartnership(in.Invite) && !slices.ContainsFunc(in.Partnerships, func(p v1alpha1.Partnership) bool { return partnership.Invites(in.Invite, &p) }):
		return Gone, nil
	case Expired(status, in.Now):
		return TooLate, nil
	case !in.Invite.IsReadable():
		return Refused, &program.Unresolved{Reason: v1alpha1.ReasonUnreadable, Message: in.Invite.Problem()}
	case status.WrongAddresses.LinkDead():
		return Dead, nil
	}
	if why := inTheWay(in); why != nil {
		return Refused, why
	}
	return Open, nil
}

// Renewal tells whether the person can ask for a new link in place of the one of this serial: Open if they can. It is
// Refused where the new link could not be answered either.
func Renewal(in Input, serial int64) Openness {
	switch {
	case in.Invite.Status.Serial != serial, !renewable(in.Invite, in.Now):
		return Gone
	case !in.Invite.IsReadable(), inTheWay(in) != nil:
		return Refused
	}
	if _, missing := resolve(in); missing != nil && missing.stops {
		return Refused
	}
	return Open
}

// inTheWay returns why an issued invite cannot be accepted at the moment, or nil. All that it names can change without the
// invite, and then the same link works.
func inTheWay(in Input) *program.Unresolved {
	scope := Present(in.Invite.Status.Programs, in.Catalog)
	switch {
	case TeamTaken(in.Invite, in.Team):
		return &program.Unresolved{Reason: v1alpha1.ReasonTeamExists, Message: teamExists(in.Team)}
	case noTeam(in) != nil:
		return noTeam(in)
	case len(scope) == 0:
		_, missing := resolve(in)
		return missing.Unresolved
	}
	if name := suspendedIn(scope, in.Catalog); name != "" {
		return &program.Unresolved{Reason: v1alpha1.ReasonProgramSuspended, Message: fmt.Sprintf("Program %q is suspended; the invite can be accepted when that ends", name)}
	}
	for _, grant := range scope {
		if p := partnership.InProgram(in.Partnerships, grant.Name); p != nil && partnership.Shut(p, in.Now) {
			return shutBy(p, in.Now)
		}
	}
	return nil
}

// shutBy returns what closes a partnership to a person who would accept an invite into it.
func shutBy(p *v1alpha1.Partnership, now time.Time) *program.Unresolved {
	state := partnership.State(p, nil, now)
	reason, why := v1alpha1.ReasonPartnerRevoked, fmt.Sprintf("Partnership %q is %s", p.Name, state)
	if state == v1alpha1.PartnershipInvited {
		reason, why = v1alpha1.ReasonPortalAccessDisabled, fmt.Sprintf("portalAccess of Partnership %q is Disabled", p.Name)
	}
	if state == v1alpha1.PartnershipRejected {
		reason = v1alpha1.ReasonPartnerRejected
	}
	return &program.Unresolved{Reason: reason, Message: why + "; the invite can be accepted once that is lifted"}
}

// CountWrongAddress notes that an address was typed that may not answer. It must be written with the resourceVersion that
// was judged.
func CountWrongAddress(status *v1alpha1.PartnerInviteStatus, now time.Time) {
	status.WrongAddresses = status.WrongAddresses.Next()
	if status.WrongAddresses.LinkDead() {
		Summarize(status, now)
	}
}

// Answer records a person's answer, and what they entered into the form if it is yes. It must be written with the
// resourceVersion that was judged, so that of two answers at once only one counts.
func Answer(status *v1alpha1.PartnerInviteStatus, decision v1alpha1.InviteDecision, entered map[string]v1alpha1.Answer, now time.Time) {
	status.Acceptance = &v1alpha1.InviteAcceptance{Decision: decision, Time: metav1.NewTime(now)}
	if decision == v1alpha1.DecisionAccepted && len(entered) > 0 {
		status.Acceptance.Fields = maps.Clone(entered)
	}
	setter(status, now).Unknown(v1alpha1.ConditionAccepted, v1alpha1.ReasonPending, "the person answered") // whatever was refused before
	Summarize(status, now)
}

// Finished records that the partnerships of an accepted invite exist. From then on deleting one is final.
func Finished(status *v1alpha1.PartnerInviteStatus, names []string, now time.Time) {
	status.PartnershipRefs = make([]v1alpha1.PartnershipReference, 0, len(names))
	for _, name := range names {
		status.PartnershipRefs = append(status.PartnershipRefs, v1alpha1.PartnershipReference{Name: name})
	}
	Summarize(status, now)
}
