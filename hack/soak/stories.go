package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
)

// programs are what each tenant has; the last one lets the company approve whom it invited.
var programs = []string{"referral", "reseller", "council"}

// chance is true so often in a hundred times.
func (p *person) chance(percent int) bool { return p.random.IntN(100) < percent }

// some chooses one or more programs.
func (p *person) some() []v1alpha1.ProgramGrant {
	var grants []v1alpha1.ProgramGrant
	for _, n := range p.random.Perm(len(programs))[:1+p.random.IntN(2)] {
		grant := v1alpha1.ProgramGrant{Name: programs[n]}
		if programs[n] == "referral" && p.chance(50) {
			grant.GroupRef = &v1alpha1.GroupReference{Name: "gold"}
		}
		grants = append(grants, grant)
	}
	return grants
}

func (p *person) inviteOf(name string, spec v1alpha1.PartnerInviteSpec) *v1alpha1.PartnerInvite {
	return &v1alpha1.PartnerInvite{ObjectMeta: metav1.ObjectMeta{Namespace: p.journal.Tenant, Name: name}, Spec: spec}
}

// apply creates an invite, and sometimes applies the same file again.
func (p *person) apply(ctx context.Context, i *v1alpha1.PartnerInvite, is invitation) bool {
	if !p.may(ctx, "invite") {
		return false
	}
	is.Accepted, is.Declined = map[string]int{}, map[string]int{}
	p.journal.note(func(j *journal) { j.Invites[i.Name] = &is })
	p.eventually(func(ctx context.Context) error { return p.api.Create(ctx, i.DeepCopy()) })
	if p.chance(20) && p.may(ctx, "apply again") {
		p.patch(i.DeepCopy(), `{"metadata":{"labels":{"again":"yes"}}}`)
	}
	return true
}

// patch merges into an object, and gives the time by which the API server had acknowledged it.
func (p *person) patch(object client.Object, change string) time.Time {
	object.SetNamespace(p.journal.Tenant)
	return p.eventually(func(ctx context.Context) error {
		return p.api.Patch(ctx, object, client.RawPatch("application/merge-patch+json", []byte(change)))
	})
}

// invited is the story of somebody who is invited by the company.
func (p *person) invited(ctx context.Context) {
	for round := 1; round <= 2; round++ {
		name := fmt.Sprintf("%s-%d", p.name, round)
		i := p.inviteOf(name, v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: v1alpha1.EmailAddress(p.address)}, Programs: p.some()})
		is := invitation{Address: p.address}
		if p.chance(10) {
			i.Spec.Delivery, is.Link = v1alpha1.DeliveryLink, true
		}
		if p.chance(10) {
			i.Spec.ExpiresAfter = "1m"
		}
		if !p.apply(ctx, i, is) {
			return
		}
		link, id, ok := p.linkOf(ctx, i)
		if !ok || !p.hesitate(ctx, i, &link, &id) {
			return
		}
		if !p.accept(ctx, i, link) {
			return
		}
		if !p.live(ctx) { // removed: the company may invite again
			return
		}
	}
}

// linkOf waits for the link of an invite, and gives the Message-ID of its mail.
func (p *person) linkOf(ctx context.Context, i *v1alpha1.PartnerInvite, before ...string) (link, id string, ok bool) {
	if i.Spec.Delivery == v1alpha1.DeliveryLink {
		for ctx.Err() == nil {
			secret := &corev1.Secret{}
			err := p.api.Get(ctx, client.ObjectKey{Namespace: i.Namespace, Name: i.Name + "-link"}, secret)
			if err == nil && len(secret.Data["url"]) > 0 {
				return string(secret.Data["url"]), "", true
			}
			pause(ctx, 300*time.Millisecond)
		}
		return "", "", false
	}
	ctx, cancel := context.WithTimeout(ctx, 100*time.Second) // an invite that is refused has none
	defer cancel()
	earlier := append([]string{}, before...)
	for _, mail := range p.inbox.MessagesTo(p.address) {
		if p.session.After(mail.Received) { // of an invite before this one
			earlier = append(earlier, mail.MessageID)
		}
	}
	mail, ok := p.mail(ctx, i.Mail(), earlier...)
	if !ok {
		return "", "", false
	}
	return mail.Links[0], mail.MessageID, true
}

// hesitate is what may happen before somebody accepts. It is false if they do not.
func (p *person) hesitate(ctx context.Context, i *v1alpha1.PartnerInvite, link, id *string) bool {
	said := func(change func(is *invitation)) {
		p.journal.note(func(j *journal) { change(j.Invites[i.Name]) })
	}
	if p.chance(8) {
		if p.may(ctx, "delete invite") {
			p.eventually(func(ctx context.Context) error { return p.api.Delete(ctx, i.DeepCopy()) })
			said(func(is *invitation) { is.Deleted = true })
		}
		return false
	}
	if *id != "" && p.chance(15) && p.may(ctx, "resend") {
		said(func(is *invitation) { is.Resends++ })
		p.patch(i.DeepCopy(), `{"spec":{"resendToken":"again"}}`)
		var ok bool
		if *link, *id, ok = p.linkOf(ctx, i, *id); !ok {
			return false
		}
	}
	if p.chance(10) && p.may(ctx, "ask for the mail again") {
		_, _, _ = p.post(ctx, p.browser, p.base+"/t/"+p.journal.Tenant+"/login", url.Values{"email": {p.address}})
	}
	if p.chance(20) && p.may(ctx, "wrong address") {
		page, _, ok := p.post(ctx, p.browser, *link+"/accept", url.Values{"email": {"eve@elsewhere.example"}})
		if ok && page.Code == http.StatusSeeOther {
			p.journal.note(func(j *journal) {
				j.Wrong = append(j.Wrong, finding{ruleGranted, "invite " + i.Name + " of " + p.address + " was accepted by another address"})
			})
		}
	}
	if p.chance(12) && p.may(ctx, "decline") {
		page, _, ok := p.post(ctx, p.browser, *link+"/decline", url.Values{"email": {p.address}})
		if ok && page.Code == http.StatusSeeOther {
			said(func(is *invitation) { is.Declined[*link]++ })
		}
		return false
	}
	return !p.chance(8) // some never answer
}

// accept accepts, sometimes from two browsers at once. It is false if that did not succeed.
func (p *person) accept(ctx context.Context, i *v1alpha1.PartnerInvite, link string) bool {
	browsers := []*browser.Person{p.browser}
	if p.chance(20) {
		browsers = append(browsers, newBrowser(p.random))
	}
	if p.session.IsZero() { // with a session, another browser of the same person would be led to the dashboard
		p.browser = newBrowser(p.random)
		browsers[0] = p.browser
	}
	if !p.may(ctx, "accept") {
		return false
	}
	p.asks(programsOf(i)...)
	var all sync.WaitGroup
	pages := make([]browser.Page, len(browsers))
	for n, b := range browsers {
		another := *p
		another.random = newRandom(p.random.Uint64())
		all.Go(func() {
			pages[n], _, _ = another.post(ctx, b, link+"/accept", url.Values{"email": {p.address}})
		})
	}
	all.Wait()
	for n, page := range pages {
		if page.Code != http.StatusSeeOther {
			continue
		}
		p.journal.note(func(j *journal) { j.Invites[i.Name].Accepted[link]++ })
		p.granted(programsOf(i)...)
		p.browser, p.session = browsers[n], time.Now()
	}
	return !p.session.IsZero()
}

// asks notes what somebody is about to ask for, since the answer may be lost.
func (p *person) asks(programs ...string) {
	p.journal.note(func(j *journal) {
		for _, program := range programs {
			j.ask(j.nameOf(p.address, program), partner{Address: p.address, Program: program})
		}
	})
}

// granted notes what somebody was told that they have now.
func (p *person) granted(programs ...string) {
	p.journal.note(func(j *journal) {
		for _, program := range programs {
			j.Partners[j.nameOf(p.address, program)].Granted = true
		}
	})
}

func programsOf(i *v1alpha1.PartnerInvite) (names []string) {
	for _, grant := range i.Spec.Programs {
		names = append(names, grant.Name)
	}
	return names
}

// joins is the story of somebody who applies by a join link.
func (p *person) joins(ctx context.Context) {
	group := &v1alpha1.PartnerGroup{}
	key := client.ObjectKey{Namespace: p.journal.Tenant, Name: []string{"gold", "silver"}[p.random.IntN(2)]}
	for group.Status.JoinURL == "" {
		if ctx.Err() != nil {
			return
		}
		p.eventually(func(ctx context.Context) error { return p.api.Get(ctx, key, group) })
		pause(ctx, 300*time.Millisecond)
	}
	if !p.may(ctx, "join") {
		return
	}
	page, _, ok := p.post(ctx, p.browser, group.Status.JoinURL, url.Values{"email": {p.address}})
	if !ok || page.Code != http.StatusSeeOther {
		return
	}
	mail, ok := p.mail(ctx, v1alpha1.MailVerifyAddress)
	if !ok || !p.may(ctx, "apply") {
		return
	}
	p.asks("referral")
	page, _, ok = p.post(ctx, p.browser, mail.Links[0], nil)
	if !ok || page.Code != http.StatusSeeOther {
		return
	}
	p.granted("referral")
	if key.Name == "silver" {
		p.session = time.Now()
	}
	p.live(ctx)
}

// live is what goes on with a partner. It is true if one of the partnerships was removed.
func (p *person) live(ctx context.Context) (removed bool) {
	for range 4 + p.random.IntN(8) {
		pause(ctx, time.Duration(p.random.IntN(2000))*time.Millisecond)
		name := p.anyPartnership()
		if name == "" || ctx.Err() != nil {
			return false
		}
		switch roll := p.random.IntN(100); {
		case roll < 30:
			if p.may(ctx, "dashboard") {
				p.look(ctx, p.anyPortal(p.random))
			}
		case roll < 36:
			if others := p.others(); len(others) > 0 && p.may(ctx, "another tenant") {
				p.trespass(ctx, others[p.random.IntN(len(others))])
			}
		case roll < 50:
			if p.may(ctx, "sign in") {
				p.signIn(ctx)
			}
		case roll < 62:
			if p.may(ctx, "revoke") {
				p.revoke(ctx, name)
			}
		case roll < 68:
			if p.may(ctx, "move") {
				p.move(name)
			}
		case roll < 84:
			p.share(ctx, name)
		case roll < 92:
			if p.may(ctx, "approve or reject") {
				p.decide(ctx, name)
			}
		case p.may(ctx, "delete partnership"):
			p.remove(name)
			return true
		}
	}
	return false
}

// anyPartnership is one that the person was told they have.
func (p *person) anyPartnership() (name string) {
	p.journal.note(func(j *journal) {
		var all []string
		for _, n := range sorted(j.Partners) {
			if is := j.Partners[n]; is.Granted && !is.Deleted && is.Address == p.address {
				all = append(all, n)
			}
		}
		if len(all) > 0 {
			name = all[p.random.IntN(len(all))]
		}
	})
	return name
}

func (p *person) partnershipOf(name string) *v1alpha1.Partnership {
	return &v1alpha1.Partnership{ObjectMeta: metav1.ObjectMeta{Namespace: p.journal.Tenant, Name: name}}
}

// move changes the group.
func (p *person) move(name string) {
	to := []string{"gold", "silver"}[p.random.IntN(2)]
	moves := false
	p.journal.note(func(j *journal) {
		if is := j.Partners[name]; is.Program == "referral" {
			is.Group, moves = to, true
		}
	})
	if moves {
		p.patch(p.partnershipOf(name), `{"spec":{"groupRef":{"name":"`+to+`"}}}`)
	}
}

// decide approves or rejects who waits for it.
func (p *person) decide(ctx context.Context, name string) {
	is := p.partnershipOf(name)
	p.eventually(func(ctx context.Context) error { return p.api.Get(ctx, client.ObjectKeyFromObject(is), is) })
	if is.Status.State != v1alpha1.PartnershipPending && is.Status.State != v1alpha1.PartnershipRejected || is.Spec.Revocation != nil {
		return
	}
	decision := v1alpha1.ApprovalApproved
	if is.Status.State == v1alpha1.PartnershipPending && p.chance(30) {
		decision = v1alpha1.ApprovalRejected
	}
	p.journal.note(func(j *journal) {
		j.Partners[name].Decision = string(decision)
		if decision == v1alpha1.ApprovalApproved {
			j.Partners[name].Approved++
		} else {
			j.Partners[name].Rejected++
		}
	})
	p.patch(is, `{"spec":{"approval":{"decision":"`+string(decision)+`"}}}`)
	if decision == v1alpha1.ApprovalApproved {
		p.signIn(ctx)
	}
}

// remove deletes a partnership.
func (p *person) remove(name string) {
	object := p.partnershipOf(name)
	p.journal.note(func(j *journal) { j.Partners[name].Deleted = true })
	at := p.eventually(func(ctx context.Context) error { return p.api.Delete(ctx, object) })
	p.journal.note(func(j *journal) { j.Ended = append(j.Ended, ending{Partnership: name, At: at, Seen: true}) })
}

// share makes, follows or deletes a link.
func (p *person) share(ctx context.Context, name string) {
	var mine []string
	p.journal.note(func(j *journal) {
		for _, link := range sorted(j.Links) {
			if is := j.Links[link]; is.Partnership == name && !is.Deleted {
				mine = append(mine, link)
			}
		}
	})
	base := p.base + "/t/" + p.journal.Tenant + "/links"
	switch {
	case len(mine) == 0 || p.chance(20):
		link := fmt.Sprintf("%s-%d", p.name, p.random.IntN(1_000_000))
		if !p.may(ctx, "make a link") {
			return
		}
		page, sure, ok := p.post(ctx, p.browser, base, url.Values{"partnership": {name}, "name": {link}, "destination": {""}})
		if ok && sure && page.Code == http.StatusSeeOther && !leadsToLogin(page) {
			p.journal.note(func(j *journal) { j.Links[link] = &shared{Partnership: name} })
		}
	case p.chance(70):
		if p.may(ctx, "follow a link") {
			r := p.anyPortal(p.random)
			_, _ = p.browser.Get(context.WithoutCancel(ctx), r.portal()+"/r/"+p.journal.Tenant+"/"+mine[0])
		}
	case p.may(ctx, "delete a link"):
		p.journal.note(func(j *journal) { j.Links[mine[0]].Tried = true })
		page, _, ok := p.post(ctx, p.browser, base+"/"+mine[0]+"/delete", nil)
		if ok && page.Code == http.StatusSeeOther && !leadsToLogin(page) {
			p.journal.note(func(j *journal) { j.Links[mine[0]].Deleted = true })
		}
	}
}

func leadsToLogin(page browser.Page) bool {
	u, err := url.Parse(page.Location)
	return err != nil || strings.HasSuffix(u.Path, "/login")
}
