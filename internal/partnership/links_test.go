package partnership

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestLinkEffect(t *testing.T) {
	const keep, redirect, deactivate = v1alpha1.LinkKeep, v1alpha1.LinkRedirect, v1alpha1.LinkDeactivate
	runs, suspended := &v1alpha1.Program{}, &v1alpha1.Program{Spec: v1alpha1.ProgramSpec{Suspend: true}}
	spec := func(change func(*v1alpha1.PartnershipSpec)) v1alpha1.PartnershipSpec {
		var s v1alpha1.PartnershipSpec
		change(&s)
		return s
	}
	revokedWith := func(links v1alpha1.LinkEffect) v1alpha1.PartnershipSpec {
		return spec(func(s *v1alpha1.PartnershipSpec) {
			s.Revocation, s.OnRemoval = &v1alpha1.Revocation{Links: links}, v1alpha1.Removal{Links: deactivate}
		})
	}
	removal := func(links v1alpha1.LinkEffect) v1alpha1.PartnershipSpec {
		return spec(func(s *v1alpha1.PartnershipSpec) {
			s.OnRemoval = v1alpha1.Removal{Links: links}
		})
	}
	for name, test := range map[string]struct {
		spec    v1alpha1.PartnershipSpec
		leaving bool
		program *v1alpha1.Program
		want    v1alpha1.LinkEffect
	}{
		"active":                               {v1alpha1.PartnershipSpec{}, false, runs, keep},
		"active, the portal is closed":         {spec(func(s *v1alpha1.PartnershipSpec) { s.PortalAccess = v1alpha1.PortalAccessDisabled }), false, runs, keep},
		"active, the program is suspended":     {v1alpha1.PartnershipSpec{}, false, suspended, redirect},
		"active, the program is gone":          {v1alpha1.PartnershipSpec{}, false, nil, redirect},
		"active, its removal does not count":   {spec(func(s *v1alpha1.PartnershipSpec) { s.OnRemoval.Links = deactivate }), false, runs, keep},
		"revoked":                              {revokedWith(""), false, runs, redirect},
		"revoked, keep":                        {revokedWith(keep), false, runs, keep},
		"revoked, redirect":                    {revokedWith(redirect), false, runs, redirect},
		"revoked, deactivate":                  {revokedWith(deactivate), false, runs, deactivate},
		"revoked, keep, it is suspended":       {revokedWith(keep), false, suspended, redirect},
		"revoked, keep, it is gone":            {revokedWith(keep), false, nil, redirect},
		"revoked, deactivate, it is suspended": {revokedWith(deactivate), false, suspended, deactivate},
		"revoked, deactivate, it is gone":      {revokedWith(deactivate), false, nil, deactivate},
		"expired":                              {spec(func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = v1alpha1.NewTimestamp(start) }), false, runs, redirect},
		"rejected": {spec(func(s *v1alpha1.PartnershipSpec) {
			s.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
		}), false, runs, redirect},
		"pending":                   {spec(func(s *v1alpha1.PartnershipSpec) { s.Onboarding = v1alpha1.OnboardingApproval }), false, runs, redirect},
		"invited":                   {spec(func(s *v1alpha1.PartnershipSpec) { s.Invitation = v1alpha1.InvitationSend }), false, runs, redirect},
		"removed":                   {removal(""), true, runs, redirect},
		"removed, keep":             {removal(keep), true, runs, keep},
		"removed, redirect":         {removal(redirect), true, runs, redirect},
		"removed, deactivate":       {removal(deactivate), true, runs, deactivate},
		"removed, keep, it is gone": {removal(keep), true, nil, redirect},
		"removed while revoked":     {revokedWith(keep), true, runs, deactivate},
	} {
		t.Run(name, func(t *testing.T) {
			p := &v1alpha1.Partnership{Spec: test.spec}
			if test.leaving {
				p.DeletionTimestamp = &metav1.Time{Time: start}
			}
			if got := LinkEffect(p, nil, test.program, start); got != test.want {
				t.Errorf("LinkEffect = %s, want %s", got, test.want)
			}
		})
	}
	p, older := partnershipOf("m", "referral", "ada@example.com", "", 0), partnershipOf("z", "referral", "ada@example.com", "", -time.Hour)
	if got := LinkEffect(&p, []v1alpha1.Partnership{p, older}, runs, start); got != redirect {
		t.Errorf("in conflict: LinkEffect = %s", got)
	}
}

// Each default link is asked for once in the life of a partnership, whatever moves and comes back.
func TestDefaultLinks(t *testing.T) {
	l := newLife()
	defaults := func(group string, suffixes ...string) {
		links := &l.catalog.Groups[group].Spec.Links
		links.Defaults = nil
		for _, suffix := range suffixes {
			links.Defaults = append(links.Defaults, v1alpha1.DefaultLink{Suffix: suffix})
		}
	}
	check := func(when string, want ...string) {
		t.Helper()
		d := Decide(l.input())
		var got []string
		for _, made := range d.Links {
			got = append(got, made.Suffix)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q are made, want %q", when, got, want)
		}
		l.partnership.Status = d.Status
		if again := Decide(l.input()); len(again.Links) > 0 {
			t.Errorf("%s: %v are made again", when, again.Links)
		}
	}
	defaults("standard", "", "summer")
	defaults("gold", "summer", "gold")
	l.partnership.Spec.Onboarding = v1alpha1.OnboardingApproval
	check("before it is active")
	l.partnership.Spec.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved}
	check("once it is active", "", "summer")
	l.partnership.Spec.GroupRef = &v1alpha1.GroupReference{Name: "gold"}
	check("after a move", "gold")
	l.partnership.Spec.GroupRef = nil
	check("after moving back")
	defaults("standard", "", "summer", "winter")
	check("after a default was added", "winter")
	l.partnership.Spec.Revocation = &v1alpha1.Revocation{}
	defaults("standard", "autumn")
	check("while it is revoked")
	l.partnership.Spec.Revocation = nil
	check("once it is reinstated", "autumn")
	l.partnership.Status.DefaultLinks = make([]string, mostDefaultLinks)
	defaults("standard", "one-too-many")
	check("when there were very many")
}

// A default link that cannot be made is said to be missing, keeps nothing else from happening, and is asked for again.
func TestDefaultLinksThatCannotBeMade(t *testing.T) {
	l := newLife()
	l.catalog.Groups["standard"].Spec.Links.Defaults = []v1alpha1.DefaultLink{{Suffix: "taken"}, {Suffix: "free"}, {Suffix: "refused"}}
	in := l.input()
	in.Unmade = map[LinkKey]LinkObstacle{
		{Suffix: "taken"}: {v1alpha1.ReasonNameTaken, `PartnerLink "ada-taken" is somebody else's`}, {Suffix: "refused"}: {v1alpha1.ReasonWriteFailed, "the quota is used up"},
	}
	d := Decide(in)
	missing := meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionDefaultLinks)
	if missing == nil || missing.Status != metav1.ConditionFalse || missing.Reason != v1alpha1.ReasonNameTaken || !strings.Contains(missing.Message, "ada-taken") {
		t.Errorf("the condition is %+v", missing)
	}
	if !slices.Equal(d.Status.DefaultLinks, []string{"free"}) || d.RequeueAfter != linksAgain || d.Status.State != v1alpha1.PartnershipActive {
		t.Errorf("%q are made, it is %s, and looked at again in %s", d.Status.DefaultLinks, d.Status.State, d.RequeueAfter)
	}
	l.partnership.Status = d.Status
	d = Decide(l.input())
	if len(d.Links) != 2 || meta.FindStatusCondition(d.Status.Conditions, v1alpha1.ConditionDefaultLinks) != nil {
		t.Errorf("once nothing is in the way %v are made, with %+v", d.Links, d.Status.Conditions)
	}
}

// The condition is there while onRemoval says something, speaks of the spec as it is, and is not written for its own sake.
func TestLinksFollow(t *testing.T) {
	l := newLife()
	check := func(when string, behind bool, want string) {
		t.Helper()
		in := l.input()
		in.LinksBehind = behind
		l.partnership.Status = Decide(in).Status
		c, got := meta.FindStatusCondition(l.partnership.Status.Conditions, v1alpha1.ConditionLinksFollow), ""
		if c != nil {
			got = string(c.Status) + " " + c.Reason
			if c.ObservedGeneration != l.partnership.Generation {
				t.Errorf("%s: it speaks of generation %d, not %d", when, c.ObservedGeneration, l.partnership.Generation)
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	says := func(links v1alpha1.LinkEffect) {
		l.partnership.Spec.OnRemoval.Links = links
		l.partnership.Generation++
	}
	l.partnership.Generation = 1
	check("without a word", false, "")
	says(v1alpha1.LinkDeactivate)
	check("before the links know", true, "False LinksBehind")
	check("once they know", false, "True LinksFollow")
	says(v1alpha1.LinkRedirect)
	check("before they know of a change", true, "False LinksBehind")
	says("")
	check("without a word again", true, "")
	l.partnership.Spec.OnRemoval.Links = v1alpha1.LinkKeep // as the version before left it
	check("settled before", false, "")
}

// In a team each person gets the default links once, whatever comes and goes; one of the team is made once, too.
func TestDefaultLinksOfMembers(t *testing.T) {
	l := newLife()
	l.partnership.Spec.Contact, l.partnership.Spec.TeamRef = nil, &v1alpha1.TeamReference{Name: "agency"}
	olga := Sharer{Email: "olga@agency.example", Names: []string{"olga-new", "olga-old"}, Joined: true}
	bob := Sharer{Email: "bob@agency.example", Names: []string{"bob-new", "bob-old"}}
	check := func(when string, sharers []Sharer, want ...string) {
		t.Helper()
		in := l.input()
		in.Team, in.Sharers = &v1alpha1.PartnerTeam{}, sharers
		d := Decide(in)
		var got []string
		for _, made := range d.Links {
			got = append(got, made.Key().Member+"/"+made.Suffix)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q are made, want %q", when, got, want)
		}
		l.partnership.Status = d.Status
		in.Partnership = l.partnership
		if again := Decide(in); len(again.Links) > 0 || !equality.Semantic.DeepEqual(again.Status, d.Status) {
			t.Errorf("%s: %v are made again, or it does not settle", when, again.Links)
		}
	}
	links := &l.catalog.Groups["standard"].Spec.Links
	links.Defaults = []v1alpha1.DefaultLink{{Suffix: "start"}, {Suffix: "all", Per: v1alpha1.DefaultLinkPerTeam}}
	check("the owner alone", []Sharer{olga}, "olga-new/start", "/all")
	check("bob joins", []Sharer{olga, bob}, "bob-new/start")
	check("bob leaves", []Sharer{olga})
	check("bob is back", []Sharer{olga, bob})
	links.Defaults[1].Per = v1alpha1.DefaultLinkPerMember
	check("that of the team becomes one of each", []Sharer{olga, bob}, "olga-new/all", "bob-new/all")
	newer := Sharer{Email: bob.Email, Names: append([]string{"bob-newest"}, bob.Names...)}
	check("after a new key", []Sharer{olga, newer})
	if got := l.partnership.Status.MemberLinks[1].Member; got != "bob-newest" {
		t.Errorf("the newest key does not tell it: %s", got)
	}

	l.partnership.Status.MemberLinks, l.partnership.Status.DefaultLinks = nil, []string{"start"} // as the version before left it
	links.Defaults = []v1alpha1.DefaultLink{{Suffix: "start"}}
	check("who shares one from before", []Sharer{bob})
	check("who joins since", []Sharer{bob, olga}, "olga-new/start")
	links.Defaults = append(links.Defaults, v1alpha1.DefaultLink{Suffix: "more"})
	check("one that is added since", []Sharer{bob, olga}, "bob-new/more", "olga-new/more")
	links.Defaults[0].Per = v1alpha1.DefaultLinkPerMember
	check("where the group says so", []Sharer{bob, olga}, "bob-new/start")
}

// Many links are made a few at a time, also if some cannot be.
func TestManyDefaultLinks(t *testing.T) {
	l := newLife()
	l.partnership.Spec.Contact, l.partnership.Spec.TeamRef = nil, &v1alpha1.TeamReference{Name: "agency"}
	l.catalog.Groups["standard"].Spec.Links.Defaults = []v1alpha1.DefaultLink{{Suffix: "a"}, {Suffix: "b"}}
	in := l.input()
	in.Team = &v1alpha1.PartnerTeam{}
	for i := range 200 {
		in.Sharers = append(in.Sharers, Sharer{Names: []string{fmt.Sprint("p", i)}})
	}
	first := Decide(in)
	in.Unmade = map[LinkKey]LinkObstacle{first.Links[7].Key(): {v1alpha1.ReasonWriteFailed, "no"}}
	d := Decide(in)
	if len(first.Links) != mostLinksAtOnce || len(d.Links) != mostLinksAtOnce-1 || d.RequeueAfter != linksGoOn {
		t.Errorf("%d, then %d are made, and it goes on in %s", len(first.Links), len(d.Links), d.RequeueAfter)
	}
	for _, made := range d.Links {
		if !slices.ContainsFunc(first.Links, func(w WantedLink) bool { return w.Key() == made.Key() }) {
			t.Errorf("%v is noted, and was not made", made.Key())
		}
	}
	total := 0
	for range 12 {
		total += len(d.Links)
		l.partnership.Status = d.Status
		in.Partnership, in.Unmade = l.partnership, nil
		d = Decide(in)
	}
	if total != 400 {
		t.Errorf("%d are made in all", total)
	}
}
