package link

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/event"
	"github.com/partner-operator/partner-operator/internal/grant"
	"github.com/partner-operator/partner-operator/internal/partnership"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/team"
)

// Ground is all that a link depends on.
type Ground struct {
	// Link is the link as observed.
	Link *v1alpha1.PartnerLink
	// Partnership is the one that has the name which the link names; nil: there is none.
	Partnership *v1alpha1.Partnership
	// Marks stand for its partner, by each key for marks, the newest first. They matter where the link knows another UID.
	Marks []string
	// Team is the partner, for a link of one of its members; nil: the partner is a person, the link is of no member, or the
	// team does not exist.
	Team *v1alpha1.PartnerTeam
	// IsInvited: there is no partnership, and an open invite makes it when the person accepts.
	IsInvited bool
	// Own are partnerships of that member as a person.
	Own []v1alpha1.Partnership
	// Rivals are the partnerships of the same partner in the namespace.
	Rivals []v1alpha1.Partnership
	// Catalog holds the program that ProgramName names, and the groups that matter: that in force, and for a link with a
	// destination of its own all of the program.
	Catalog program.Catalog
	// Portal is the host of the portal, to which no link leads.
	Portal string
	// Now is the time.
	Now time.Time
}

// Parameter is the parameter of a program's links.
func Parameter(p *v1alpha1.Program) string { return cmp.Or(p.Spec.Links.Parameter, "ref") }

// MostPerMember is how many links a partner, or a member of a team, can have before the portal makes no more.
func MostPerMember(p *v1alpha1.Program) int {
	if p.Spec.Links.MaxPerMember == nil {
		return 20
	}
	return int(*p.Spec.Links.MaxPerMember)
}

// IsFor reports whether a link can count for a partnership: it says no other program.
func IsFor(l *v1alpha1.PartnerLink, p *v1alpha1.Partnership) bool {
	return l.Spec.ProgramRef == nil || *l.Spec.ProgramRef == p.Spec.ProgramRef
}

// ProgramName is the program that the link follows; empty: it is not known.
func (g Ground) ProgramName() string {
	switch {
	case g.Link.Spec.ProgramRef != nil:
		return g.Link.Spec.ProgramRef.Name
	case g.owner() != nil:
		return g.Partnership.Spec.ProgramRef.Name
	default:
		return g.Link.Status.Program
	}
}

// mismatched reports whether the partnership is in another program than the link says.
func (g Ground) mismatched() bool { return g.owner() != nil && !IsFor(g.Link, g.Partnership) }

// groupName is the group that the link follows; empty: none.
func (g Ground) groupName() string {
	switch {
	case g.owner() == nil:
		return g.Link.Status.Group
	case g.mismatched():
		return ""
	}
	spec := g.Partnership.Spec
	if g.Catalog.Programs[spec.ProgramRef.Name] == nil {
		return g.Partnership.Status.Group
	}
	group, _ := g.Catalog.GroupInForce(spec.ProgramRef.Name, spec.GroupRef, g.Partnership.Status.Group)
	return group
}

func (g Ground) program() *v1alpha1.Program { return g.Catalog.Programs[g.ProgramName()] }

// owner is the partnership that the link belongs to; nil: there is none, or not any more.
func (g Ground) owner() *v1alpha1.Partnership {
	if g.Partnership == nil || !Belongs(g.Link, g.Partnership, g.Marks) {
		return nil
	}
	return g.Partnership
}

// removed tells whether the partnership was there once, and is gone.
func (g Ground) removed() bool { return g.owner() == nil && g.Link.Status.OnRemoval.Links != "" }

// replaced tells whether the partnership is gone, and another one has its name.
func (g Ground) replaced() bool { return g.removed() && g.Partnership != nil }

// effect is what the partner's links do, as far as the partnership and the program are concerned.
func (g Ground) effect() v1alpha1.LinkEffect {
	effect := g.removalEffect()
	if g.owner() != nil {
		effect = partnership.LinkEffect(g.Partnership, g.Rivals, g.program(), g.Now)
	} else if !g.removed() {
		return v1alpha1.LinkDeactivate
	}
	if g.program() == nil || g.program().Spec.Suspend || g.owner() != nil && (g.mismatched() || !g.memberBelongs()) {
		return partnership.Stricter(effect, v1alpha1.LinkRedirect)
	}
	return effect
}

// removalEffect is what the link does once the partnership is deleted, and does by now if it is. Where another one has its
// name, it counts for nobody: who looks up whose link it is finds that one.
func (g Ground) removalEffect() v1alpha1.LinkEffect {
	switch {
	case g.replaced():
		return partnership.Stricter(g.Link.Status.OnRemoval.Links, v1alpha1.LinkRedirect)
	case g.owner() == nil || g.mismatched():
		return g.Link.Status.OnRemoval.Links
	case !g.memberBelongs():
		return partnership.Stricter(partnership.RemovalEffect(g.Partnership, g.Rivals, g.Now), v1alpha1.LinkRedirect)
	default:
		return partnership.RemovalEffect(g.Partnership, g.Rivals, g.Now)
	}
}

// memberBelongs tells whether the member of the link is one of the partner: without a team it is the contact alone.
func (g Ground) memberBelongs() bool {
	member, contact := g.Link.Spec.Member, g.Partnership.Spec.Contact
	switch {
	case member == nil:
		return true
	case contact != nil:
		return address.Equal(string(member.Email), string(contact.Email))
	default:
		return g.Team != nil && team.IsActive(g.Team, string(member.Email)) && !g.shut()
	}
}

// shut reports whether the program is shut to the member of the link, though they are in the team.
func (g Ground) shut() bool { return grant.Shut(g.Own, g.Partnership.Spec.ProgramRef.Name) }

// destination is where the link leads, or why it leads nowhere.
func (g Ground) destination() (Destination, *program.Unresolved) {
	in := g.program()
	if in == nil { // it leads where it led before
		return parsed("the destination of before", g.Link.Status.Destination)
	}
	group := g.Catalog.Groups[g.groupName()]
	switch own := string(g.Link.Spec.Destination); {
	case own != "":
		d, problem := parsed("destination", own)
		if problem == nil {
			problem = g.allows(d)
		}
		return d, problem
	case group != nil && group.Spec.Links.Destination != "":
		return parsed(fmt.Sprintf("links.destination of PartnerGroup %q", group.Name), string(group.Spec.Links.Destination))
	default:
		return parsed(fmt.Sprintf("links.destination of Program %q", in.Name), string(in.Spec.Links.Destination))
	}
}

func parsed(what, text string) (Destination, *program.Unresolved) {
	if text == "" {
		return Destination{}, &program.Unresolved{Reason: v1alpha1.ReasonDestinationMissing, Message: what + " is not set, so the link leads nowhere; set it, or the link's own destination"}
	}
	d, err := ParseDestination(text)
	if err != nil {
		return d, &program.Unresolved{Reason: v1alpha1.ReasonDestinationRefused, Message: what + " " + err.Error()}
	}
	return d, nil
}

// allows tells why a destination of the link's own is not allowed; nil: it is.
func (g Ground) allows(d Destination) *program.Unresolved {
	if err := Allows(g.program(), g.Catalog, g.Portal, d); err != nil {
		return &program.Unresolved{Reason: v1alpha1.ReasonDestinationRefused, Message: "destination " + err.Error()}
	}
	return nil
}

// Allows tells why a link of a program cannot have a destination of its own; nil: it can. The error is a sentence without
// a subject, for partners and for the company. Portal is the host that no link leads to.
func Allows(in *v1alpha1.Program, catalog program.Catalog, portal string, d Destination) error {
	if d.host == portal {
		return fmt.Errorf("must not lead to %s, which is this portal", portal)
	}
	hosts := Hosts(in, catalog)
	switch {
	case len(hosts) == 0:
		return errors.New("cannot be chosen here: no host is allowed")
	case !d.On(hosts):
		return fmt.Errorf("must be on %s, or below, on the usual port", strings.Join(hosts, ", "))
	default:
		return nil
	}
}

// Hosts are where links of a program can lead: those that it allows, else those of its own destination and of its
// groups', so that a partner who moves keeps the links.
func Hosts(in *v1alpha1.Program, catalog program.Catalog) []string {
	var hosts []string
	for _, host := range in.Spec.Links.AllowedHosts {
		hosts = append(hosts, string(host))
	}
	if len(hosts) > 0 {
		return hosts
	}
	known := map[string]bool{}
	add := func(text v1alpha1.WebAddress) {
		if d, err := ParseDestination(string(text)); err == nil && !known[d.host] {
			known[d.host] = true
			hosts = append(hosts, d.host)
		}
	}
	add(in.Spec.Links.Destination)
	for _, name := range catalog.GroupsOf(in.Name) {
		links := catalog.Groups[name].Spec.Links
		add(links.Destination)
		for _, each := range links.Defaults {
			add(each.Destination)
		}
	}
	return hosts
}

// Answer is what whoever follows the link gets: where it leads to, with the parameter if it counts for the partner.
// Deactivated: it is not found.
func (g Ground) Answer() (v1alpha1.LinkState, string) {
	effect := g.effect()
	if effect == v1alpha1.LinkDeactivate {
		return v1alpha1.LinkDeactivated, ""
	}
	d, problem := g.destination()
	in := g.program()
	switch {
	case problem != nil:
		return v1alpha1.LinkDeactivated, ""
	case effect == v1alpha1.LinkKeep:
		return v1alpha1.LinkActive, d.With(Parameter(in), g.Link.Name).String()
	case in != nil:
		// A partner may have put the parameter there.
		return v1alpha1.LinkUnattributed, d.Without(Parameter(in)).String()
	default:
		return v1alpha1.LinkUnattributed, d.String()
	}
}

// Decide is what the status of a link should say. Address is what the partner shares.
func Decide(g Ground, address string) v1alpha1.PartnerLinkStatus {
	status := *g.Link.Status.DeepCopy()
	status.ObservedGeneration = g.Link.Generation
	status.URL = address
	status.Program, status.Group = g.ProgramName(), g.groupName()
	state, _ := g.Answer()
	status.Enter(state, g.Now)
	status.OnRemoval.Links = g.removalEffect()
	d, problem := g.destination()
	if in := g.program(); in != nil {
		status.Destination = ""
		if problem == nil {
			status.Destination = d.Without(Parameter(in)).String()
		}
	}
	g.summarize(&status, problem)
	g.identify(&status)
	return status
}

// obstacle is why a link does not do what it is for.
type obstacle struct {
	program.Unresolved
	// reference: something that the spec names is missing or does not fit.
	reference bool
	// waits: it goes away by itself once something is created.
	waits bool
}

// obstacle finds what stands in the way; nil: nothing. That a partnership was removed does not: then the link does what
// onRemoval says. Nor does that the member is not in the team: joining and leaving is for people to do.
func (g Ground) obstacle(problem *program.Unresolved) *obstacle {
	ref := g.Link.Spec.PartnershipRef.Name
	switch {
	case g.owner() == nil && !g.removed() && g.IsInvited:
		return &obstacle{program.Unresolved{Reason: v1alpha1.ReasonAwaitingAcceptance, Message: fmt.Sprintf("Partnership %q does not exist yet; it is created when the person who is invited for its team accepts", ref)}, true, false}
	case g.owner() == nil && !g.removed():
		return &obstacle{program.Unresolved{Reason: v1alpha1.ReasonPartnershipNotFound, Message: fmt.Sprintf("Partnership %q does not exist in this namespace; create it and this goes on by itself", ref)}, true, true}
	case g.removed():
		return nil
	case g.mismatched():
		return &obstacle{program.Unresolved{Reason: v1alpha1.ReasonProgramMismatch, Message: fmt.Sprintf("Partnership %q is in Program %q and not in %q, so the link counts for nobody; create a PartnerLink whose programRef is the partnership's", ref, g.Partnership.Spec.ProgramRef.Name, g.ProgramName())}, true, false}
	case g.program() == nil:
		return &obstacle{program.Unresolved{Reason: v1alpha1.ReasonProgramNotFound, Message: fmt.Sprintf("Program %q does not exist in this namespace; until it is created again the link leads where it led before, and counts for nobody", g.ProgramName())}, true, true}
	case !g.memberBelongs() && g.Partnership.Spec.TeamRef != nil && g.Team == nil:
		return &obstacle{program.Unresolved{Reason: v1alpha1.ReasonTeamNotFound, Message: fmt.Sprintf("PartnerTeam %q of Partnership %q does not exist in this namespace, so the link counts for nobody; create it and this goes on by itself", g.Partnership.Spec.TeamRef.Name, ref)}, true, true}
	case !g.memberBelongs() && g.Partnership.Spec.TeamRef == nil:
		return &obstacle{program.Unresolved{Reason: v1alpha1.ReasonMemberNotFound, Message: fmt.Sprintf("the member is not the contact of Partnership %q, so the link counts for nobody; create a PartnerLink without a member", ref)}, true, false}
	case problem != nil:
		return &obstacle{Unresolved: *problem}
	default:
		return nil
	}
}

// does says what a link does in a state.
var does = map[v1alpha1.LinkState]string{
	v1alpha1.LinkActive:       "the link leads to its destination and counts for the partner",
	v1alpha1.LinkUnattributed: "the link leads to its destination and counts for nobody",
	v1alpha1.LinkDeactivated:  "the link is not found",
}

// summarize sets the conditions.
func (g Ground) summarize(status *v1alpha1.PartnerLinkStatus, problem *program.Unresolved) {
	set := v1alpha1.ConditionSetter{Conditions: &status.Conditions, Generation: g.Link.Generation, Now: g.Now}
	found := g.obstacle(problem)
	switch {
	case found != nil && found.reference:
		set.False(v1alpha1.ConditionResolvedRefs, found.Reason, found.Message)
	case g.replaced():
		set.False(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonPartnershipNotFound, fmt.Sprintf("Partnership %q was deleted, and the one that has its name now is not given its links; create new ones for it", g.Link.Spec.PartnershipRef.Name))
	case g.removed():
		set.False(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonPartnershipNotFound, fmt.Sprintf("Partnership %q was deleted; what applies to its links since is %s", g.Link.Spec.PartnershipRef.Name, status.OnRemoval.Links))
	case !g.removed() && !g.memberBelongs() && !g.shut():
		set.False(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonMemberNotFound, fmt.Sprintf("the member is not in the team of Partnership %q, so the link counts for nobody; once they join, it counts", g.Link.Spec.PartnershipRef.Name))
	default:
		set.True(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonResolvedRefs, "everything that the spec names exists")
	}
	if found == nil {
		set.True(v1alpha1.ConditionReady, string(status.State), does[status.State])
		set.Remove(v1alpha1.ConditionReconciling)
		set.Remove(v1alpha1.ConditionStalled)
		return
	}
	if found.AwaitsAcceptance() {
		found.Block(set)
		return
	}
	set.False(v1alpha1.ConditionReady, found.Reason, found.Message)
	if found.waits {
		set.True(v1alpha1.ConditionReconciling, found.Reason, found.Message)
		set.Remove(v1alpha1.ConditionStalled)
	} else {
		set.True(v1alpha1.ConditionStalled, found.Reason, found.Message)
		set.Remove(v1alpha1.ConditionReconciling)
	}
}

// Transition is the event of a change of state, if it is one.
func Transition(before, after v1alpha1.PartnerLinkStatus) (event.Event, bool) {
	if before.State == "" || before.State == after.State {
		return event.Event{}, false
	}
	return event.Normal(string(after.State), "Link", strings.ToUpper(does[after.State][:1])+does[after.State][1:]), true
}
