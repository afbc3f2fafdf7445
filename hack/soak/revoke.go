package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// revoke ends access while the person looks at both replicas, and mostly gives it back later.
func (p *person) revoke(ctx context.Context, name string) {
	revoked := false
	p.journal.note(func(j *journal) {
		is := j.Partners[name]
		if revoked = is.Revoked; !revoked {
			is.Revocations++
			is.Revoked = true
		}
	})
	if !revoked {
		e := ending{Partnership: name, At: p.patch(p.partnershipOf(name), `{"spec":{"revocation":{"reason":"The contract has ended."}}}`)}
		p.journal.note(func(j *journal) { j.Ended = append(j.Ended, e) })
		if !p.session.IsZero() {
			p.refusedBy(ctx, name, e)
		}
		pause(ctx, time.Duration(p.random.IntN(3000))*time.Millisecond)
	}
	if p.chance(60) && p.may(ctx, "reinstate") {
		p.reinstate(ctx, name)
	}
}

// reinstate gives access back, mostly not before the operator has said that it ended.
func (p *person) reinstate(ctx context.Context, name string) {
	object := p.partnershipOf(name)
	seen := false
	for waits := p.chance(75); waits && !seen && ctx.Err() == nil; pause(ctx, 200*time.Millisecond) {
		_ = p.api.Get(ctx, client.ObjectKeyFromObject(object), object)
		seen = object.Status.State == v1alpha1.PartnershipRevoked
	}
	p.journal.note(func(j *journal) {
		j.Partners[name].Revoked = false
		for n := range j.Ended {
			if e := &j.Ended[n]; e.Partnership == name && e.Until.IsZero() {
				e.Until, e.Seen = time.Now(), seen
			}
		}
	})
	p.patch(object, `{"spec":{"revocation":null}}`)
}

// refusedBy opens the dashboard at each replica until it refuses, and notes how long that took. What is seen after the time
// that is allowed is a finding of the check.
func (p *person) refusedBy(ctx context.Context, name string, e ending) {
	var both sync.WaitGroup
	for _, r := range p.replicas {
		if !r.up() {
			continue
		}
		both.Go(func() {
			for ctx.Err() == nil && time.Since(e.At) < 2*refusedWithin {
				asked := time.Now()
				l, ok := p.look(ctx, r)
				if ok && !slices.Contains(l.Shown, name) {
					p.mutex.Lock()
					p.refusals = append(p.refusals, refusal{r.name, e, asked.Sub(e.At)})
					p.mutex.Unlock()
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		})
	}
	both.Wait()
}
