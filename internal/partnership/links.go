package partnership

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// LinkEffect tells what the shared links of a partnership do now. Program is the one that the partnership names; nil: it
// does not exist. Rivals are partnerships of the namespace. A link counts for a partner only while the partnership is
// Active, or Revoked with links Keep, and the program runs.
func LinkEffect(p *v1alpha1.Partnership, rivals []v1alpha1.Partnership, program *v1alpha1.Program, now time.Time) v1alpha1.LinkEffect {
	effect := ownEffect(p, rivals, now)
	if !p.DeletionTimestamp.IsZero() {
		effect = RemovalEffect(p, rivals, now)
	}
	if effect == v1alpha1.LinkKeep && (program == nil || program.Spec.Suspend) {
		return v1alpha1.LinkRedirect
	}
	return effect
}

// RemovalEffect tells what the shared links of a partnership do once it is deleted: what onRemoval says, or what they do
// now if that is stricter, so that nobody gains by being deleted. That the program is suspended, or gone, passes.
func RemovalEffect(p *v1alpha1.Partnership, rivals []v1alpha1.Partnership, now time.Time) v1alpha1.LinkEffect {
	return Stricter(ownEffect(p, rivals, now), orRedirect(p.Spec.OnRemoval.Links))
}

// ownEffect is what the links do as far as the partnership alone is concerned.
func ownEffect(p *v1alpha1.Partnership, rivals []v1alpha1.Partnership, now time.Time) v1alpha1.LinkEffect {
	switch State(p, rivals, now) {
	case v1alpha1.PartnershipRevoked:
		return orRedirect(p.Spec.Revocation.Links)
	case v1alpha1.PartnershipActive:
		return v1alpha1.LinkKeep
	default: // nobody earns in any other state
		return v1alpha1.LinkRedirect
	}
}

// Stricter is the stricter of two effects: Deactivate before Redirect before Keep.
func Stricter(a, b v1alpha1.LinkEffect) v1alpha1.LinkEffect {
	for _, effect := range []v1alpha1.LinkEffect{v1alpha1.LinkDeactivate, v1alpha1.LinkRedirect} {
		if a == effect || b == effect {
			return effect
		}
	}
	return v1alpha1.LinkKeep
}

func orRedirect(effect v1alpha1.LinkEffect) v1alpha1.LinkEffect {
	return cmp.Or(effect, v1alpha1.LinkRedirect)
}

// LinkObstacle tells why a default link could not be made.
type LinkObstacle struct {
	// Reason is a reason of v1alpha1.ConditionDefaultLinks.
	Reason string
	// Message says what is in the way, and what to do.
	Message string
}

// linksAgain is when default links are tried again that could not be made.
const linksAgain = 5 * time.Minute

// mostDefaultLinks is how many default links a partnership can get in its life, by however many moves.
const mostDefaultLinks = 100

// makeLinks asks for the default links of the group in force that were not made before. Each is made once, so that one
// that was deleted stays so. One that could not be made is asked for again later.
func (d *Decision) makeLinks(in Input) {
	p := in.Partnership
	set := v1alpha1.ConditionSetter{Conditions: &d.Status.Conditions, Generation: p.Generation, Now: in.Now}
	missing := false
	defer func() {
		if !missing {
			set.Remove(v1alpha1.ConditionDefaultLinks)
		}
	}()
	group := in.Catalog.Groups[d.Status.Group]
	if d.Status.State != v1alpha1.PartnershipActive || group == nil || in.Catalog.Programs[p.Spec.ProgramRef.Name] == nil || group.Spec.ProgramRef != p.Spec.ProgramRef {
		return
	}
	for _, wanted := range group.Spec.Links.Defaults {
		if len(d.Status.DefaultLinks) >= mostDefaultLinks || slices.Contains(d.Status.DefaultLinks, wanted.Suffix) {
			continue
		}
		obstacle, met := in.Unmade[wanted.Suffix]
		switch {
		case met && !missing:
			missing = true
			set.False(v1alpha1.ConditionDefaultLinks, obstacle.Reason, obstacle.Message)
			d.LookAt(in.Now.Add(linksAgain), in.Now)
		case !met:
			d.Status.DefaultLinks = append(d.Status.DefaultLinks, wanted.Suffix)
			d.Links = append(d.Links, wanted)
		}
	}
}

// followLinks says whether the links know what onRemoval says, for whoever waits with the deletion until they do. What was
// settled before there was this condition is not written for its sake.
func (d *Decision) followLinks(in Input) {
	p := in.Partnership
	set := v1alpha1.ConditionSetter{Conditions: &d.Status.Conditions, Generation: p.Generation, Now: in.Now}
	settled := p.Status.ObservedGeneration == p.Generation && meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionLinksFollow) == nil
	switch {
	case p.Spec.OnRemoval.Links == "":
		set.Remove(v1alpha1.ConditionLinksFollow)
	case settled:
	case in.LinksBehind:
		set.False(v1alpha1.ConditionLinksFollow, v1alpha1.ReasonLinksBehind, "a link does not know yet what it does once this is deleted; wait with the deletion")
	default:
		set.True(v1alpha1.ConditionLinksFollow, v1alpha1.ReasonLinksFollow, "every link knows what it does once this is deleted")
	}
}
