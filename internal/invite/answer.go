package invite

import (
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

// Answerable tells whether an invite can be answered with a link of this serial. Partnerships are those of the person,
// or of the team, in the namespace. While a program is suspended nothing can be accepted, nor where access was ended. A program that is
// gone is no offer, so an invite whose programs are all gone is refused. An invite that was made for a partnership goes
// with it, also in the moment before it is removed.
func Answerable(invite *v1alpha1.PartnerInvite, serial int64, catalog program.Catalog, partnerships []v1alpha1.Partnership, now time.Time) Openness {
	status := invite.Status
	switch {
	case !invite.DeletionTimestamp.IsZero(), status.Serial == 0, status.Serial != serial, status.Acceptance != nil, neverLeft(status):
		return Gone
	case partnership.MadeForPartnership(invite) && !slices.ContainsFunc(partnerships, func(p v1alpha1.Partnership) bool { return partnership.Invites(invite, &p) }):
		return Gone
	case Expired(status, now):
		return TooLate
	case !invite.IsReadable():
		return Refused
	case status.WrongAddresses.LinkDead():
		return Dead
	}
	offered := false
	for _, grant := range status.Programs {
		offered = offered || catalog.Programs[grant.Name] != nil
		if p := partnership.InProgram(partnerships, grant.Name); p != nil && partnership.Shut(p, now) {
			return Refused
		}
	}
	if !offered || Suspended(invite, catalog) {
		return Refused
	}
	return Open
}

// Suspended tells whether a program that an invite offers is suspended.
func Suspended(invite *v1alpha1.PartnerInvite, catalog program.Catalog) bool {
	return slices.ContainsFunc(invite.Status.Programs, func(grant v1alpha1.ProgramGrant) bool {
		p := catalog.Programs[grant.Name]
		return p != nil && p.Spec.Suspend
	})
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
