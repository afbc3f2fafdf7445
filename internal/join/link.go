// Package join holds the rules of join links: which link works, who may apply with it, what applying leads to, and when
// the mail leaves that verifies an address. It is pure.
package join

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// IsOpen tells whether a group lets people apply.
func IsOpen(g *v1alpha1.PartnerGroup) bool {
	return g.DeletionTimestamp.IsZero() && (g.Spec.Join.Mode == v1alpha1.JoinOpen || g.Spec.Join.Mode == v1alpha1.JoinForm)
}

// Works tells whether the join link of a number works. A rotation counts from the moment it is wished, whether or not a
// controller is there to make the new link.
func Works(g *v1alpha1.PartnerGroup, serial int64) bool {
	now := g.Status.JoinLink
	return IsOpen(g) && serial > 0 && serial == now.Serial && now.Rotation == g.Spec.Join.Rotation
}

// Follow counts the join links: the first when the group is opened for the first time, and another with each rotation.
func Follow(status *v1alpha1.PartnerGroupStatus, g *v1alpha1.PartnerGroup) {
	if status.JoinLink.Serial == 0 && !IsOpen(g) {
		return
	}
	if status.JoinLink.Serial == 0 || status.JoinLink.Rotation != g.Spec.Join.Rotation {
		status.JoinLink.Serial++
		status.JoinLink.Rotation = g.Spec.Join.Rotation
	}
}

// Fields are what an applicant is asked.
func Fields(g *v1alpha1.PartnerGroup) []v1alpha1.FormField {
	if g.Spec.Join.Mode != v1alpha1.JoinForm {
		return nil
	}
	return g.Spec.Join.Fields
}

// Eligible tells whether the domain of an address may apply to a group.
func Eligible(g *v1alpha1.PartnerGroup, email string) bool {
	domains := g.Spec.Join.EligibleDomains
	return len(domains) == 0 || slices.ContainsFunc(domains, func(d v1alpha1.Domain) bool { return normalDomain(string(d)) == domainOf(email) })
}

// domainOf is the domain of an address in the form in which domains are compared.
func domainOf(email string) string {
	normal := address.Normalize(email)
	return normal[strings.LastIndexByte(normal, '@')+1:]
}

func normalDomain(domain string) string {
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = ascii
	}
	return strings.ToLower(domain)
}

// reapplyWait is how long a rejected person waits; false: they cannot apply again.
func reapplyWait(g *v1alpha1.PartnerGroup) (time.Duration, bool) {
	wait, err := time.ParseDuration(string(g.Spec.Join.ReapplyAfter))
	return wait, err == nil && wait > 0
}
