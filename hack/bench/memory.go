package main

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// kind is one whose objects are cached.
type kind struct {
	name string
	make func(ns string, n int) client.Object
}

var kinds = []kind{
	{"PartnerInvite", func(ns string, n int) client.Object { return invite(ns, n) }},
	{"Partnership", func(ns string, n int) client.Object { return partner(ns, n) }},
	{"PartnerLink", func(ns string, n int) client.Object {
		return &v1alpha1.PartnerLink{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("%s-link-%d", ns, n)},
			Spec:       v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: fmt.Sprintf("partner-%d", n)}},
		}
	}},
	{"PartnerTeam", func(ns string, n int) client.Object {
		return &v1alpha1.PartnerTeam{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("team-%d", n)},
			Spec:       v1alpha1.PartnerTeamSpec{DisplayName: "Agency", Owner: v1alpha1.TeamOwner{Email: v1alpha1.EmailAddress("owner-" + address(ns, n))}},
		}
	}},
	{"PartnerGroup", func(ns string, n int) client.Object {
		return &v1alpha1.PartnerGroup{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("group-%d", n)},
			Spec:       v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, DisplayName: "Gold"},
		}
	}},
	{"Program", func(ns string, n int) client.Object {
		return &v1alpha1.Program{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("program-%d", n)},
			Spec:       v1alpha1.ProgramSpec{DisplayName: "Acme Referral"},
		}
	}},
}

// measureMemory adds objects of one kind after the other, settled by the operator, and looks at what is live in its heap.
func measureMemory(ctx context.Context, s settings, r *report) error {
	const count = 2000
	p, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }()
	ns, err := p.tenant(ctx)
	if err != nil {
		return err
	}
	before, err := p.heap(ctx)
	if err != nil {
		return err
	}
	r.add("live heap with nothing", before/(1<<20), "MiB")
	for _, k := range kinds {
		if err := p.fill(ctx, ns, k, count); err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		after, err := p.heap(ctx)
		if err != nil {
			return err
		}
		r.add("each "+k.name, (after-before)/count/1024, "KiB")
		before = after
	}
	return nil
}

// fill makes objects and lets the operator settle them, without mail.
func (p *place) fill(ctx context.Context, ns string, k kind, count int) error {
	o, err := p.startCounted(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = o.Stop() }()
	if err := each(ctx, count, appliers, func(ctx context.Context, n int) error { return p.api.Create(ctx, k.make(ns, n)) }); err != nil {
		return err
	}
	return p.quiet(ctx)
}

// quiet waits until the operator has written nothing for some seconds.
func (p *place) quiet(ctx context.Context) error {
	for {
		before := p.proxy.Writes()
		if err := pause(ctx, 4*time.Second); err != nil {
			return err
		}
		if p.proxy.Writes() == before {
			return nil
		}
	}
}

// heap is what an operator that has just started keeps, in bytes: the least of what its heap held after a collection.
func (p *place) heap(ctx context.Context) (float64, error) {
	at, err := operator.FreeAddress()
	if err != nil {
		return 0, err
	}
	o, err := p.start(ctx, "--metrics-bind-address="+at, "--metrics-secure=false")
	if err != nil {
		return 0, err
	}
	defer func() { _ = o.Stop() }()
	least := 0.0
	for range 30 {
		if err := pause(ctx, 500*time.Millisecond); err != nil {
			return 0, err
		}
		now, err := metric(ctx, at, "go_gc_heap_live_bytes")
		if err != nil {
			now, err = metric(ctx, at, "go_memstats_heap_alloc_bytes")
		}
		if err != nil {
			return 0, err
		}
		if least == 0 || now < least {
			least = now
		}
	}
	return least, nil
}
