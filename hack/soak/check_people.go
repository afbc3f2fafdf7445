package main

import (
	"net/http"
	"slices"
	"strings"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// looked: whose access ended saw nothing of it from then on, and in the end everybody sees what the objects say.
func (c *checker) looked() {
	for _, l := range c.said.Looks {
		for _, name := range l.Shown {
			if !c.said.sees(name, l.Address) {
				c.breaks(ruleForeign, "%s saw the partnership %s", l.Address, name)
			}
			c.refused(l, name)
		}
		if l.Final {
			c.compare(l)
		}
	}
}

// refused: somebody who was shown a Partnership had access to it.
func (c *checker) refused(l look, name string) {
	for _, e := range c.said.Ended {
		if e.Partnership != name || e.Address != "" && !address.Equal(e.Address, l.Address) {
			continue
		}
		late := l.Asked.After(e.deadline(c.is.Faults))
		during := e.Until.IsZero() || l.Answered.Before(e.Until)
		stale := e.Seen && l.Session.Before(e.At)
		if late && (during || stale) {
			why := "access ended"
			if !during {
				why = "access ended and came back, with a session from before,"
			}
			c.breaks(ruleGranted, "%s was shown the partnership %s by replica %s %s after %s", l.Address, name, l.Replica, l.Asked.Sub(e.At).Round(10e6), why)
		}
	}
}

// compare: a dashboard shows no more than the objects grant, and all of it to who has just signed in.
func (c *checker) compare(l look) {
	if l.Code != http.StatusOK && l.Code != http.StatusSeeOther {
		c.breaks(ruleDashboard, "%s was answered %d", l.Address, l.Code)
		return
	}
	var granted []string
	for _, p := range c.is.Partnerships {
		if p.Status.State == v1alpha1.PartnershipActive && c.isTheirs(&p, l.Address) {
			granted = append(granted, p.Name)
		}
	}
	slices.Sort(granted)
	for _, name := range l.Shown {
		if !slices.Contains(granted, name) {
			c.breaks(ruleDashboard, "%s is shown the partnership %s, which gives no access", l.Address, name)
		}
	}
	if l.Fresh && len(l.Shown) < len(granted) {
		c.breaks(ruleDashboard, "%s is shown %v by replica %s, and has %v", l.Address, l.Shown, l.Replica, granted)
	}
}

// isTheirs tells whether a Partnership is somebody's by the objects alone.
func (c *checker) isTheirs(p *v1alpha1.Partnership, who string) bool {
	if p.Spec.Contact != nil {
		return address.Equal(string(p.Spec.Contact.Email), who)
	}
	for _, t := range c.is.Teams {
		if p.Spec.TeamRef != nil && t.Name == p.Spec.TeamRef.Name {
			return slices.ContainsFunc(t.Status.Members, func(m v1alpha1.TeamMember) bool {
				return m.State == v1alpha1.MemberActive && address.Equal(string(m.Email), who)
			})
		}
	}
	return false
}

// teams: who was answered that they are in a team is in it, once, and who was removed is not.
func (c *checker) teams() {
	for _, name := range sorted(c.said.Teams) {
		at := slices.IndexFunc(c.is.Teams, func(t v1alpha1.PartnerTeam) bool { return t.Name == name })
		if at < 0 {
			c.breaks(ruleLost, "the team %s was founded and is not there", name)
			continue
		}
		members := c.is.Teams[at].Status.Members
		joined := c.said.Teams[name].Joined
		for _, who := range sorted(joined) {
			active := 0
			for _, m := range members {
				if m.State == v1alpha1.MemberActive && address.Equal(string(m.Email), who) {
					active++
				}
			}
			switch {
			case joined[who] && active == 0:
				c.breaks(ruleLost, "%s joined the team %s and is not in it", who, name)
			case active > 1:
				c.breaks(ruleTwice, "%s is in the team %s %d times", who, name, active)
			case !joined[who] && active > 0:
				c.breaks(ruleGranted, "%s was removed from the team %s and is in it", who, name)
			}
		}
	}
}

// shared: a link that was made is there and does what its partnership says; one that was deleted is not.
func (c *checker) shared() {
	for _, name := range sorted(c.said.Links) {
		asked := c.said.Links[name]
		at := slices.IndexFunc(c.is.Links, func(l v1alpha1.PartnerLink) bool { return l.Name == name })
		switch {
		case at < 0 && !asked.Tried:
			c.breaks(ruleLost, "the link %s was made and is not there", name)
		case at < 0:
		case asked.Deleted:
			c.breaks(ruleIgnored, "the link %s was deleted and is there", name)
		default:
			p := c.partnership(asked.Partnership)
			active := p != nil && p.Status.State == v1alpha1.PartnershipActive
			if state := c.is.Links[at].Status.State; active != (state == v1alpha1.LinkActive) {
				c.breaks(ruleDashboard, "the link %s is %s, and its partnership is active: %t", name, state, active)
			}
		}
	}
	for _, f := range c.said.Followed {
		c.followed(f)
	}
}

// followed: a link that was deleted is dead, and the others lead on and count for the partner while they should.
func (c *checker) followed(f followed) {
	at := slices.IndexFunc(c.is.Links, func(l v1alpha1.PartnerLink) bool { return l.Name == f.Link })
	if at < 0 {
		if f.Code != http.StatusNotFound && c.said.Links[f.Link].Deleted {
			c.breaks(ruleDead, "the shared link %s, which was deleted", f.Link)
		}
		return
	}
	state, counts := c.is.Links[at].Status.State, strings.Contains(f.Location, "ref="+f.Link)
	if (f.Code == http.StatusFound) == (state == v1alpha1.LinkDeactivated) || counts != (state == v1alpha1.LinkActive) {
		c.breaks(ruleDashboard, "the shared link %s is %s, and leads to %d %s", f.Link, state, f.Code, f.Location)
	}
}

// shownOn are the names of the Partnerships on a dashboard.
func shownOn(page string) (names []string) {
	for _, part := range strings.Split(page, `id="program-`)[1:] {
		name, _, _ := strings.Cut(part, `"`)
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
