package partnership

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/signin"
)

// HasAccess tells whether a partnership lets its partner into the portal. Program is the one that the partnership names;
// nil: it does not exist. Rivals are partnerships of the namespace, as for State.
func HasAccess(p *v1alpha1.Partnership, rivals []v1alpha1.Partnership, program *v1alpha1.Program, now time.Time) bool {
	return program != nil && !program.Spec.Suspend && p.Spec.PortalAccess != v1alpha1.PortalAccessDisabled && Stands(p, rivals, now)
}

// Stands tells whether a partnership is in force as far as it and its rivals are concerned, whatever holds for its
// program and the portal.
func Stands(p *v1alpha1.Partnership, rivals []v1alpha1.Partnership, now time.Time) bool {
	return p.DeletionTimestamp.IsZero() && State(p, rivals, now) == v1alpha1.PartnershipActive
}

// SessionCounts tells whether a session that was signed in at a time still counts for a partnership. Before the rules have
// seen a partnership, one from before it does not: it may be of an earlier partnership, which was removed.
func SessionCounts(p *v1alpha1.Partnership, signedIn time.Time) bool {
	if isNew(p) && signedIn.Before(p.CreationTimestamp.Time) {
		return false
	}
	return signin.Counts(&p.Status.Access, signedIn)
}
