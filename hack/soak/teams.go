package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
)

// mate is somebody else of this person's team.
func (p *person) mate(suffix string) *person {
	m := *p
	m.name = p.name + suffix
	m.address = m.name + "@" + p.journal.Tenant + ".example"
	m.browser, m.session, m.random = newBrowser(p.random), time.Time{}, newRandom(p.random.Uint64())
	return &m
}

// founds is the story of the owner of a new team: one teammate is proposed with it, one is invited by the owner, and one is
// proposed by the company later.
func (p *person) founds(ctx context.Context) {
	name := "team-" + p.name
	first, second, third := p.mate("b"), p.mate("c"), p.mate("d")
	i := p.inviteOf(name, v1alpha1.PartnerInviteSpec{
		Contact:  v1alpha1.Contact{Email: v1alpha1.EmailAddress(p.address)},
		Team:     &v1alpha1.NewTeam{Name: name, DisplayName: "Agency", Members: []v1alpha1.ProposedMember{{Email: v1alpha1.EmailAddress(first.address)}}},
		Programs: []v1alpha1.ProgramGrant{{Name: "referral"}},
	})
	if !p.apply(ctx, i, invitation{Address: p.address, Team: name}) {
		return
	}
	link, _, ok := p.linkOf(ctx, i)
	if !ok || !p.may(ctx, "accept for a team") {
		return
	}
	ship := name + "-referral"
	p.journal.note(func(j *journal) {
		j.Partners[ship] = &partner{Team: name, Program: "referral"}
		j.Teams[name] = &team{Owner: p.address, Joined: map[string]bool{}, People: map[string]bool{first.address: true, second.address: true, third.address: true}}
	})
	page, _, ok := p.post(ctx, p.browser, link+"/accept", url.Values{"email": {p.address}, "approve": {first.address}})
	if !ok || page.Code != http.StatusSeeOther {
		p.journal.note(func(j *journal) { delete(j.Teams, name) }) // nobody was told that it is there
		return
	}
	p.session = time.Now()
	p.journal.note(func(j *journal) {
		j.Invites[name].Accepted[link]++
		j.Teams[name].Joined[p.address] = true
		j.Partners[ship].Granted = true
	})
	first.joinsTeam(ctx, name)
	p.look(ctx, p.anyPortal(p.random))
	if p.may(ctx, "invite a teammate") {
		_, _, _ = p.post(ctx, p.browser, p.base+"/t/"+p.journal.Tenant+"/teams/"+name+"/invite", url.Values{"email": {second.address}, "role": {"Member"}})
		second.joinsTeam(ctx, name)
	}
	p.approves(ctx, name, third)
	p.dismisses(ctx, name, ship, first)
}

// joinsTeam waits for the invitation into a team, and accepts it.
func (p *person) joinsTeam(ctx context.Context, name string) {
	waits, cancel := context.WithTimeout(ctx, 100*time.Second)
	defer cancel()
	mail, ok := p.mail(waits, v1alpha1.MailTeammateInvite)
	if !ok || !p.may(ctx, "join a team") {
		return
	}
	page, _, ok := p.post(ctx, p.browser, mail.Links[0]+"/accept", url.Values{"email": {p.address}})
	if ok && page.Code == http.StatusSeeOther {
		p.session = time.Now()
		p.journal.note(func(j *journal) { j.Teams[name].Joined[p.address] = true })
		p.look(ctx, p.anyPortal(p.random))
	}
}

// approves lets the company propose a teammate, and the owner approve by the mailed link.
func (p *person) approves(ctx context.Context, name string, third *person) {
	i := p.inviteOf(name+"-more", v1alpha1.PartnerInviteSpec{
		TeamRef: &v1alpha1.TeamReference{Name: name}, Members: []v1alpha1.ProposedMember{{Email: v1alpha1.EmailAddress(third.address)}},
	})
	if !p.apply(ctx, i, invitation{Address: p.address, Team: name, Mates: true}) {
		return
	}
	waits, cancel := context.WithTimeout(ctx, 100*time.Second)
	defer cancel()
	mail, ok := p.mail(waits, v1alpha1.MailTeammateApproval)
	if !ok || !p.may(ctx, "approve a teammate") {
		return
	}
	page, _, ok := p.post(ctx, browser.NewPerson(), mail.Links[0]+"/approve", nil)
	if ok && page.Code == http.StatusSeeOther {
		third.joinsTeam(ctx, name)
	}
}

// dismisses removes somebody from the team, who is refused from then on.
func (p *person) dismisses(ctx context.Context, name, ship string, who *person) {
	if who.session.IsZero() || !p.chance(60) || !p.may(ctx, "remove a teammate") {
		return
	}
	page, sure, ok := p.post(ctx, p.browser, p.base+"/t/"+p.journal.Tenant+"/teams/"+name+"/remove", url.Values{"email": {who.address}})
	if !ok || page.Code != http.StatusSeeOther || leadsToLogin(page) {
		if !sure {
			p.journal.note(func(j *journal) { delete(j.Teams[name].Joined, who.address) }) // nobody can know
		}
		return
	}
	e := ending{Partnership: ship, Address: who.address, At: time.Now(), Seen: true}
	p.journal.note(func(j *journal) {
		j.Teams[name].Joined[who.address] = false
		j.Ended = append(j.Ended, e)
	})
	who.refusedBy(ctx, ship, e)
}
