package partnership

import (
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// TermsDue tells whether a partner has yet to accept the terms of the program, as they are worded now.
func TermsDue(p *v1alpha1.Partnership, program *v1alpha1.Program) bool {
	terms := program.Spec.Terms
	return terms != nil && (p.Status.Terms == nil || p.Status.Terms.Version != string(terms.Version))
}

// AcceptTerms records that a person accepted the terms of a version. It is false, and changes nothing, if that is known.
func AcceptTerms(status *v1alpha1.PartnershipStatus, version, email string, now time.Time) bool {
	if status.Terms != nil && status.Terms.Version == version {
		return false
	}
	status.Terms = &v1alpha1.TermsAcceptance{Version: version, AcceptedBy: v1alpha1.EmailAddress(email), Time: *nowSeconds(now)}
	return true
}
