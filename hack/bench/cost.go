package main

import (
	"context"
	"net/http"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
)

// settling is how long what follows from a change may take, such as the counts of a program.
const settling = 5 * time.Second

// measureCost counts the requests that go to the API server for one invite and for accepting it, with the mails that leave.
func measureCost(ctx context.Context, s settings, r *report) error {
	const count = 500
	p, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }()
	p.kubeconfig = p.proxy.Kubeconfig
	if _, _, _, err := p.send(ctx, batch{10, workers, 0}); err != nil { // what is asked once, at the start, is no cost of an invite
		return err
	}
	at, err := p.openPortal(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = at.Stop() }()
	p.inbox.Reset()
	p.inbox.SetDelay(50 * time.Millisecond)
	p.proxy.Forget()
	links, err := at.invited(ctx, count)
	if err != nil {
		return err
	}
	if err := p.count(ctx, r, "an invite", count); err != nil {
		return err
	}
	p.inbox.Reset()
	p.proxy.Forget()
	if _, _, err := at.posted(ctx, func(n int) string { return links[n] + "/accept" }, at.email); err != nil {
		return err
	}
	return p.count(ctx, r, "accepting", count)
}

// count adds up what was asked of the API server for each of count things, once what follows from them has been done.
func (p *place) count(ctx context.Context, r *report, what string, count float64) error {
	if err := pause(ctx, settling); err != nil {
		return err
	}
	kinds := map[string]float64{}
	for request, times := range p.proxy.Seen() {
		switch {
		case request.Resource == "leases" || request.Method == "WATCH":
		case request.Method == http.MethodGet || request.Method == "LIST":
			kinds["reads"] += float64(times)
		case request.Resource == "events":
			kinds["events"] += float64(times)
		case request.Resource == "partnerinvites/status":
			kinds["writes of the invite's status"] += float64(times)
		case request.Resource == "partnerships", request.Resource == "partnerships/status":
			kinds["writes of the partnership"] += float64(times)
		default:
			kinds["other writes"] += float64(times)
		}
	}
	r.add(what+": mails", float64(p.inbox.Count())/count, "")
	for _, kind := range []string{"writes of the invite's status", "writes of the partnership", "other writes", "events", "reads"} {
		r.add("  "+kind, kinds[kind]/count, "")
	}
	return nil
}

// invited invites so many people, and gives their links.
func (p *portal) invited(ctx context.Context, count int) ([]string, error) {
	p.people = make([]*browser.Person, count)
	if err := each(ctx, count, appliers, func(ctx context.Context, n int) error {
		p.people[n] = browser.NewPerson()
		return p.api.Create(ctx, invite(p.ns, n))
	}); err != nil {
		return nil, err
	}
	links, err := p.links(ctx, v1alpha1.MailInvite)
	if err == nil {
		_, err = p.allSent(ctx, p.ns, count)
	}
	return links, err
}
