package invite

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
)

// maxScope is how many programs the status of an invite can hold.
const maxScope = 500

// Scope is what an invite offers if it is issued now: the programs that it names, or every Program that exists. If one
// does not exist, or a group does not fit, it tells which.
func Scope(invite *v1alpha1.PartnerInvite, catalog program.Catalog) ([]v1alpha1.ProgramGrant, *program.Unresolved) {
	if len(invite.Spec.Programs) > 0 {
		for _, grant := range invite.Spec.Programs {
			if unresolved := catalog.Grant(grant); unresolved != nil {
				return nil, unresolved
			}
		}
		return slices.Clone(invite.Spec.Programs), nil
	}
	scope := make([]v1alpha1.ProgramGrant, 0, len(catalog.Programs))
	for name, p := range catalog.Programs {
		if p.DeletionTimestamp.IsZero() {
			scope = append(scope, v1alpha1.ProgramGrant{Name: name})
		}
	}
	switch {
	case len(scope) == 0:
		return nil, &program.Unresolved{Reason: v1alpha1.ReasonProgramNotFound, Message: "no Program exists in this namespace; create one and the invite is sent"}
	case len(scope) > maxScope:
		return nil, &program.Unresolved{Reason: v1alpha1.ReasonTooManyPrograms, Message: fmt.Sprintf("%d Programs exist, an invite can offer %d; create an invite that names its programs", len(scope), maxScope)}
	}
	slices.SortFunc(scope, func(a, b v1alpha1.ProgramGrant) int { return strings.Compare(a.Name, b.Name) })
	return scope, nil
}

// Present returns the programs of a scope that exist. The others are no offer while they are gone.
func Present(scope []v1alpha1.ProgramGrant, catalog program.Catalog) []v1alpha1.ProgramGrant {
	return slices.DeleteFunc(slices.Clone(scope), func(grant v1alpha1.ProgramGrant) bool { return catalog.Programs[grant.Name] == nil })
}

// missing is what the scope of an issued invite names that does not exist.
type missing struct {
	*program.Unresolved

	// stops: no mail can go out. If not, the rest of the scope is offered.
	stops bool
}

// resolve resolves the scope of an issued invite again. It returns what can be offered, and what is missing, or nil.
func resolve(in Input) ([]v1alpha1.ProgramGrant, *missing) {
	programs := in.Invite.Status.Programs
	present := Present(programs, in.Catalog)
	for _, grant := range present {
		if unresolved := in.Catalog.Grant(grant); unresolved != nil {
			return present, &missing{unresolved, true}
		}
	}
	for _, grant := range programs {
		if unresolved := in.Catalog.Grant(v1alpha1.ProgramGrant{Name: grant.Name}); unresolved != nil {
			return present, &missing{unresolved, len(present) == 0}
		}
	}
	return present, nil
}

// suspendedIn returns the name of a program of a scope that is suspended, or "".
func suspendedIn(scope []v1alpha1.ProgramGrant, catalog program.Catalog) string {
	for _, grant := range scope {
		if p := catalog.Programs[grant.Name]; p != nil && p.Spec.Suspend {
			return grant.Name
		}
	}
	return ""
}

// Lifetime is how long an invite can be answered: what it says itself, else the shortest of what its groups and
// programs say.
func Lifetime(invite *v1alpha1.PartnerInvite, scope []v1alpha1.ProgramGrant, catalog program.Catalog) time.Duration {
	if own, set := invite.Spec.ExpiresAfter.Duration(); set {
		return own
	}
	var shortest time.Duration
	for _, grant := range scope {
		if lifetime := grantLifetime(grant, catalog); shortest == 0 || lifetime < shortest {
			shortest = lifetime
		}
	}
	return shortest
}

// grantLifetime is what the grant's group says, else its program.
func grantLifetime(grant v1alpha1.ProgramGrant, catalog program.Catalog) time.Duration {
	if group, _ := catalog.GroupInForce(grant.Name, grant.GroupRef, ""); group != "" {
		if lifetime, set := catalog.Groups[group].Spec.Invites.ExpiresAfter.Duration(); set {
			return lifetime
		}
	}
	if p := catalog.Programs[grant.Name]; p != nil {
		if lifetime, set := p.Spec.Invites.ExpiresAfter.Duration(); set {
			return lifetime
		}
	}
	return v1alpha1.DefaultInviteLifetime
}
