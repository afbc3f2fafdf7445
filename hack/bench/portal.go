package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/browser"
	"github.com/partner-operator/partner-operator/hack/operator"
)

const (
	// visitors are how many people use the portal at once.
	visitors = 16
	// invitedPeople are how many there are.
	invitedPeople = 500
)

// portal is a running portal with people who were invited.
type portal struct {
	*place
	*operator.Operator
	ns     string
	people []*browser.Person
}

func measurePortal(ctx context.Context, s settings, r *report) error {
	p, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }()
	at, err := p.openPortal(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = at.Stop() }()
	for _, step := range []func(context.Context, *report) error{at.accept, at.signIn, at.dashboard} {
		if err := step(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// openPortal starts an operator, and makes a tenant in whose portal nobody is yet. Stop it.
func (p *place) openPortal(ctx context.Context) (*portal, error) {
	o, err := p.start(ctx)
	if err != nil {
		return nil, err
	}
	ns, err := p.tenant(ctx)
	if err != nil {
		return nil, errors.Join(err, o.Stop())
	}
	return &portal{place: p, Operator: o, ns: ns}, nil
}

// links are those in the newest mails of a kind, by the person's number.
func (p *portal) links(ctx context.Context, kind v1alpha1.MailKind) ([]string, error) {
	found := make([]string, len(p.people))
	numbers := map[string]int{}
	for n := range p.people {
		numbers[address(p.ns, n)] = n
	}
	for left := len(found); left > 0; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		left = len(found)
		for _, mail := range p.inbox.Messages() {
			if n, known := numbers[mail.To[0]]; known && mail.Kind == string(kind) {
				if found[n] = mail.Links[0]; found[n] != "" {
					left--
				}
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return found, nil
}

// posted lets everybody post a form, and tells the rate and how long each took.
func (p *portal) posted(ctx context.Context, to func(n int) string, fields func(n int) url.Values) (float64, []float64, error) {
	took := make([]time.Duration, len(p.people))
	began := time.Now()
	err := each(ctx, len(p.people), visitors, func(ctx context.Context, n int) error {
		began := time.Now()
		page, err := p.people[n].Post(ctx, to(n), fields(n))
		took[n] = time.Since(began)
		if err == nil && page.Code != http.StatusSeeOther {
			err = fmt.Errorf("%s answers %d", to(n), page.Code)
		}
		return err
	})
	return float64(len(p.people)) / time.Since(began).Seconds(), milliseconds(took), err
}

func (p *portal) email(n int) url.Values { return url.Values{"email": {address(p.ns, n)}} }

func (p *portal) accept(ctx context.Context, r *report) error {
	links, err := p.invited(ctx, invitedPeople)
	if err != nil {
		return err
	}
	finish := p.profileNow(ctx, "accept")
	ours, took, err := p.posted(ctx, func(n int) string { return links[n] + "/accept" }, p.email)
	if err := errors.Join(err, finish()); err != nil {
		return err
	}
	bare, err := p.acceptBarely(ctx)
	if err != nil {
		return err
	}
	r.compare("accepting an invite", []float64{ours}, "requests/s", "bare client, same requests", []float64{bare})
	r.add("  p99", quantile(took, 0.99), "ms")
	return nil
}

// acceptBarely does what accepting asks of the API server, for copies of the same invites: a look, the answer, the
// partnership, the record that it is there, its status, and two events.
func (p *portal) acceptBarely(ctx context.Context) (float64, error) {
	var invites v1alpha1.PartnerInviteList
	var partnerships v1alpha1.PartnershipList
	for {
		if err := p.api.List(ctx, &invites, client.InNamespace(p.ns)); err != nil {
			return 0, err
		}
		if err := p.api.List(ctx, &partnerships, client.InNamespace(p.ns)); err != nil {
			return 0, err
		}
		if len(partnerships.Items) == len(p.people) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := p.Stop(); err != nil {
		return 0, err
	}
	ns, err := p.tenant(ctx)
	if err != nil {
		return 0, err
	}
	copies := make([]*v1alpha1.PartnerInvite, len(p.people))
	if err := each(ctx, len(copies), appliers, func(ctx context.Context, n int) error {
		copies[n] = invite(ns, n)
		return p.api.Create(ctx, copies[n])
	}); err != nil {
		return 0, err
	}
	began := time.Now()
	err = each(ctx, len(copies), visitors, func(ctx context.Context, n int) error {
		i, made := copies[n], partner(ns, n)
		if err := p.api.Get(ctx, client.ObjectKeyFromObject(i), i); err != nil {
			return err
		}
		i.Status = *invites.Items[n].Status.DeepCopy()
		i.Status.PartnershipRefs = nil
		if err := p.api.Status().Update(ctx, i); err != nil {
			return err
		}
		if err := p.api.Create(ctx, made); err != nil {
			return err
		}
		i.Status.PartnershipRefs = []v1alpha1.PartnershipReference{{Name: made.Name}}
		if err := p.api.Status().Update(ctx, i); err != nil {
			return err
		}
		made.Status = *partnerships.Items[n].Status.DeepCopy()
		return errors.Join(p.tell(ctx, i), p.api.Status().Update(ctx, made), p.tell(ctx, i))
	})
	perSecond := float64(len(copies)) / time.Since(began).Seconds()
	if err != nil {
		return 0, err
	}
	p.Operator, err = p.start(ctx)
	return perSecond, err
}

func (p *portal) signIn(ctx context.Context, r *report) error {
	p.inbox.Reset()
	for n := range p.people {
		p.people[n] = browser.NewPerson()
	}
	ours, took, err := p.posted(ctx, func(int) string { return p.Portal + "/t/" + p.ns + "/login" }, p.email)
	if err != nil {
		return err
	}
	r.add("asking for a sign-in link", ours, "requests/s")
	r.add("  p99", quantile(took, 0.99), "ms")
	links, err := p.links(ctx, v1alpha1.MailSignIn)
	if err != nil {
		return err
	}
	if ours, took, err = p.posted(ctx, func(n int) string { return links[n] }, p.email); err != nil {
		return err
	}
	var partnerships v1alpha1.PartnershipList
	if err := p.api.List(ctx, &partnerships, client.InNamespace(p.ns)); err != nil {
		return err
	}
	began := time.Now()
	if err := each(ctx, len(partnerships.Items), visitors, func(ctx context.Context, n int) error {
		copied := partnerships.Items[n].DeepCopy()
		copied.Status.SignIn = v1alpha1.PartnershipSignIn{}
		err := p.api.Status().Update(ctx, copied)
		return client.IgnoreNotFound(err)
	}); err != nil {
		return fmt.Errorf("writing barely: %w", err)
	}
	bare := float64(len(partnerships.Items)) / time.Since(began).Seconds()
	r.compare("signing in", []float64{ours}, "requests/s", "bare client, one write", []float64{bare})
	r.add("  p99", quantile(took, 0.99), "ms")
	return nil
}

func (p *portal) dashboard(ctx context.Context, r *report) (err error) {
	const pages = 4000
	address := p.Portal + "/t/" + p.ns + "/"
	var cookies sync.Map
	var size int
	for n := range visitors {
		page, err := p.people[n].Get(ctx, address)
		if err != nil || page.Code != http.StatusOK {
			return fmt.Errorf("the dashboard answers %d, %w", page.Code, err)
		}
		cookies.Store(n, p.people[n].Cookies(address))
		size = len(page.Body)
	}
	base, stop, err := startBare(ctx)
	if err != nil {
		return err
	}
	defer stop()
	var ours, bare, took []float64
	finish := p.profileNow(ctx, "dashboard")
	defer func() { err = errors.Join(err, finish()) }()
	for range rounds {
		perSecond, each, err := rate(ctx, host(p.Portal), pages, func(n int) hit {
			cookie, _ := cookies.Load(n % visitors)
			return hit{"/t/" + p.ns + "/", "Cookie: " + cookie.(string) + "\r\n", http.StatusOK}
		})
		if err != nil {
			return err
		}
		other, _, err := rate(ctx, host(base), pages, func(int) hit {
			return hit{fmt.Sprintf("/page?size=%d", size), "", http.StatusOK}
		})
		if err != nil {
			return err
		}
		ours, bare, took = append(ours, perSecond), append(bare, other), append(took, milliseconds(each)...)
	}
	r.compare("the dashboard", ours, "requests/s", "bare handler, as many bytes", bare)
	r.add("  p99", quantile(took, 0.99), "ms")
	return nil
}

func host(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	return u.Host
}
