package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

// person is somebody with a mailbox and a browser.
type person struct {
	*scene
	journal *journal
	random  *rand.Rand
	address string
	name    string
	browser *browser.Person
	session time.Time // when the browser's session began; zero: it has none
}

func isOf(address, tenant string) bool { return strings.HasSuffix(address, "@"+tenant+".example") }

// newBrowser is a browser at an address of its own, since failed tokens are counted by that.
func newBrowser(random *rand.Rand) *browser.Person {
	b := browser.NewPerson()
	b.Address = fmt.Sprintf("10.%d.%d.%d", random.IntN(256), random.IntN(256), 1+random.IntN(254))
	return b
}

// mail waits for a mail of a kind whose Message-ID is none of those before.
func (p *person) mail(ctx context.Context, kind v1alpha1.MailKind, before ...string) (mailcatcher.Message, bool) {
	for ctx.Err() == nil {
		for _, mail := range p.inbox.MessagesTo(p.address) {
			if mail.Kind == string(kind) && !slices.Contains(before, mail.MessageID) && len(mail.Links) > 0 {
				return mail, true
			}
		}
		pause(ctx, 300*time.Millisecond)
	}
	return mailcatcher.Message{}, false
}

// newest is the last mail of a kind that there is.
func (p *person) newest(kind v1alpha1.MailKind) (last mailcatcher.Message, found bool) {
	for _, mail := range p.inbox.MessagesTo(p.address) {
		if mail.Kind == string(kind) && len(mail.Links) > 0 {
			last, found = mail, true
		}
	}
	return last, found
}

// at is a link at another replica.
func (p *person) at(r *replica, link string) string {
	return strings.Replace(link, p.base, r.portal(), 1)
}

func (p *person) tenantURL(r *replica, path string) string {
	return r.portal() + "/t/" + p.journal.Tenant + "/" + path
}

// post sends a form to any replica, again while none answers. It is not sure whether the request was carried out if one
// before was not answered, or was answered with an error.
func (p *person) post(ctx context.Context, b *browser.Person, link string, form url.Values) (page browser.Page, sure, ok bool) {
	sure = true
	for range 40 {
		if ctx.Err() != nil {
			return page, false, false
		}
		p.counts(link, form)
		page, err := b.Post(context.WithoutCancel(ctx), p.at(p.anyPortal(p.random), link), form)
		if err == nil && page.Code < http.StatusInternalServerError {
			return page, sure, true
		}
		if err == nil && page.Code != http.StatusServiceUnavailable {
			p.journal.note(func(j *journal) {
				j.Wrong = append(j.Wrong, finding{"error", fmt.Sprintf("%s answers %d", withoutToken(link), page.Code)})
			})
		}
		sure = false
		pause(ctx, 300*time.Millisecond)
	}
	return page, false, false
}

// counts notes each request that may lead to a mail.
func (p *person) counts(link string, form url.Values) {
	p.journal.note(func(j *journal) {
		switch {
		case strings.HasSuffix(link, "/login"):
			j.SignIns[form.Get("email")]++
		case strings.Contains(link, "/join/"):
			j.Joins[form.Get("email")]++
		}
	})
}

// withoutToken is a link that may be printed.
func withoutToken(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return "a link"
	}
	parts := strings.Split(u.Path, "/")
	for n, part := range parts {
		if len(part) > 50 {
			parts[n] = "…"
		}
	}
	return strings.Join(parts, "/")
}

// look opens the dashboard at a replica and notes what it shows.
func (p *person) look(ctx context.Context, r *replica) (look, bool) {
	l := look{Address: p.address, Replica: r.name, Asked: time.Now(), Session: p.session}
	page, err := p.browser.Get(context.WithoutCancel(ctx), p.tenantURL(r, ""))
	if err != nil || page.Code >= http.StatusInternalServerError {
		return l, false
	}
	l.Answered, l.Code = time.Now(), page.Code
	if page.Code == http.StatusOK {
		l.Shown = shownOn(page.Body)
	}
	p.journal.note(func(j *journal) { j.Looks = append(j.Looks, l) })
	return l, true
}

// trespass opens the dashboard of another tenant.
func (p *person) trespass(ctx context.Context, other string) {
	r := p.anyPortal(p.random)
	page, err := p.browser.Get(context.WithoutCancel(ctx), r.portal()+"/t/"+other+"/")
	if err == nil && page.Code == http.StatusOK {
		p.journal.note(func(j *journal) {
			j.Wrong = append(j.Wrong, finding{ruleForeign, p.address + " saw a dashboard of " + other})
		})
	}
}

// signIn asks for a link and signs in with it. With a session from before there is none afterwards, if it fails.
func (p *person) signIn(ctx context.Context) bool {
	before := []string{}
	for _, mail := range p.inbox.MessagesTo(p.address) {
		before = append(before, mail.MessageID)
	}
	_, _, _ = p.post(ctx, p.browser, p.base+"/t/"+p.journal.Tenant+"/login", url.Values{"email": {p.address}})
	waits, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	mail, ok := p.mail(waits, v1alpha1.MailSignIn, before...)
	if !ok { // as long as a link is open there may be no new one
		if mail, ok = p.newest(v1alpha1.MailSignIn); !ok {
			return false
		}
	}
	page, _, ok := p.post(ctx, p.browser, mail.Links[0], url.Values{"email": {p.address}})
	if !ok || page.Code != http.StatusSeeOther {
		return false
	}
	p.session = time.Now()
	return true
}
