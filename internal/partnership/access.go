package partnership

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// SignInLifetime is how long a sign-in link works.
const SignInLifetime = 15 * time.Minute

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
	return p.Status.SessionsNotBefore == nil || signedIn.After(p.Status.SessionsNotBefore.Time)
}

// EndSessions makes every session of a partnership worthless that was signed in up to now.
func EndSessions(status *v1alpha1.PartnershipStatus, now time.Time) {
	status.SessionsNotBefore = nowMicro(now)
}

// SignInLink tells whether a sign-in link of this serial is open.
func SignInLink(p *v1alpha1.Partnership, serial int64, now time.Time) LinkState {
	signIn := p.Status.SignIn
	switch {
	case signIn.RequestedTime == nil || signIn.Serial != serial:
		return LinkGone
	case !now.Before(signIn.RequestedTime.Add(SignInLifetime)):
		return LinkExpired
	default:
		return LinkOpen
	}
}

// LinkState tells whether a link works.
type LinkState string

// The states of a link.
const (
	// LinkOpen: it works.
	LinkOpen LinkState = "Open"
	// LinkGone: it was used, replaced or never issued.
	LinkGone LinkState = "Gone"
	// LinkExpired: its time is over.
	LinkExpired LinkState = "Expired"
)

// RequestSignIn issues a new sign-in link, which makes the older one worthless, and asks for its mail.
func RequestSignIn(status *v1alpha1.PartnershipStatus, now time.Time) {
	status.SignIn.Serial++
	status.SignIn.RequestedTime = nowSeconds(now)
	Enqueue(status, v1alpha1.MailSignIn, status.SignIn.Serial, true)
}

// UseSignIn spends the open sign-in link.
func UseSignIn(status *v1alpha1.PartnershipStatus, now time.Time) {
	status.SignIn.Serial++
	status.SignIn.RequestedTime = nil
	status.SignIn.LastTime = nowSeconds(now)
}
