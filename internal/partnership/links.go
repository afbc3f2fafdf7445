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

// Sharer is somebody in a team, who gets default links of their own.
type Sharer struct {
	// Email is the address of the person.
	Email v1alpha1.EmailAddress
	// Names stand for the person in names of links, by each key, the newest first.
	Names []string
	// Joined: the person came since members get links of their own.
	Joined bool
}

// WantedLink is a default link to make.
type WantedLink struct {
	v1alpha1.DefaultLink

	// Sharer is whose it is; nil: the partner's as a whole.
	Sharer *Sharer
}

// LinkKey tells the default links of a partnership apart.
type LinkKey struct {
	// Member stands for the person whose it is; empty: the partner's as a whole.
	Member string
	// Suffix is that of the link.
	Suffix string
}

// Key is which link it is.
func (w WantedLink) Key() LinkKey {
	if w.Sharer == nil {
		return LinkKey{Suffix: w.Suffix}
	}
	return LinkKey{w.Sharer.Names[0], w.Suffix}
}

const (
	// linksAgain is when default links are tried again that could not be made.
	linksAgain = 5 * time.Minute
	// linksGoOn is when the next ones are made, if there are many.
	linksGoOn = time.Second
	// mostLinksAtOnce is how many default links are made in one look, so that a team of many people keeps nobody waiting.
	mostLinksAtOnce = 50
	// mostDefaultLinks is how many default links a partnership can get in its life, by however many moves, and
	// mostMemberLinks how many a person in a team.
	mostDefaultLinks = 100
	mostMemberLinks  = 20
	// mostSharers is for how many people it is known which links were made. Who left goes first.
	mostSharers = 400
)

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
	wanted := d.wantedLinks(in, group.Spec.Links.Defaults)
	if len(wanted) > mostLinksAtOnce {
		wanted = wanted[:mostLinksAtOnce]
		d.LookAt(in.Now.Add(linksGoOn), in.Now)
	}
	for _, each := range wanted {
		obstacle, met := in.Unmade[each.Key()]
		switch {
		case met && !missing:
			missing = true
			set.False(v1alpha1.ConditionDefaultLinks, obstacle.Reason, obstacle.Message)
			d.LookAt(in.Now.Add(linksAgain), in.Now)
		case !met:
			d.noteLink(in, each)
			d.Links = append(d.Links, each)
		}
	}
}

// wantedLinks are the default links that were not made before.
func (d *Decision) wantedLinks(in Input, defaults []v1alpha1.DefaultLink) (wanted []WantedLink) {
	room := mostDefaultLinks - len(d.Status.DefaultLinks)
	for _, each := range defaults {
		shared := slices.Contains(d.Status.DefaultLinks, each.Suffix)
		if in.Partnership.Spec.TeamRef == nil || each.Per == v1alpha1.DefaultLinkPerTeam {
			if !shared && room > 0 {
				wanted, room = append(wanted, WantedLink{DefaultLink: each}), room-1
			}
			continue
		}
		for i := range in.Sharers {
			sharer := &in.Sharers[i]
			made := d.memberLinks(sharer)
			had := made != nil && (slices.Contains(made.Suffixes, each.Suffix) || len(made.Suffixes) >= mostMemberLinks)
			if !had && (each.Per != "" || !shared || sharer.Joined) {
				wanted = append(wanted, WantedLink{each, sharer})
			}
		}
	}
	return wanted
}

// memberLinks finds what was made for a person, and lets the newest key tell it; nil: nothing was.
func (d *Decision) memberLinks(of *Sharer) *v1alpha1.MemberLinks {
	at := slices.IndexFunc(d.Status.MemberLinks, func(m v1alpha1.MemberLinks) bool { return slices.Contains(of.Names, m.Member) })
	if at < 0 {
		return nil
	}
	d.Status.MemberLinks[at].Member = of.Names[0]
	return &d.Status.MemberLinks[at]
}

// noteLink notes that a link was made.
func (d *Decision) noteLink(in Input, made WantedLink) {
	if made.Sharer == nil {
		d.Status.DefaultLinks = append(d.Status.DefaultLinks, made.Suffix)
		return
	}
	of := d.memberLinks(made.Sharer)
	if of == nil {
		if len(d.Status.MemberLinks) >= mostSharers {
			left := func(m v1alpha1.MemberLinks) bool {
				return !slices.ContainsFunc(in.Sharers, func(s Sharer) bool { return slices.Contains(s.Names, m.Member) })
			}
			if at := slices.IndexFunc(d.Status.MemberLinks, left); at >= 0 {
				d.Status.MemberLinks = slices.Delete(d.Status.MemberLinks, at, at+1)
			}
		}
		d.Status.MemberLinks = append(d.Status.MemberLinks, v1alpha1.MemberLinks{Member: made.Sharer.Names[0]})
		of = &d.Status.MemberLinks[len(d.Status.MemberLinks)-1]
	}
	of.Suffixes = append(of.Suffixes, made.Suffix)
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
