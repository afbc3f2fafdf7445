package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// measureRedirects follows shared links. The number of links makes no difference to one look-up; 100 000 of them are in
// BenchmarkRedirect of internal/portal, which needs no API server to hold them.
func measureRedirects(ctx context.Context, s settings, r *report) error {
	p, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }()
	o, err := p.start(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = o.Stop() }()
	base, stop, err := startBare(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for _, links := range []int{10, 2000} {
		ns, err := p.shared(ctx, links)
		if err != nil {
			return err
		}
		var ours, bare, took []float64
		for range 2 * rounds {
			const hits = 20_000
			perSecond, each, err := rate(ctx, host(o.Portal), hits, func(n int) hit {
				return hit{fmt.Sprintf("/r/%s/%s-link-%d", ns, ns, n*7919%links), "", http.StatusFound}
			})
			if err != nil {
				return err
			}
			other, _, err := rate(ctx, host(base), hits, func(int) hit { return hit{"/redirect", "", http.StatusFound} })
			if err != nil {
				return err
			}
			ours, bare, took = append(ours, perSecond), append(bare, other), append(took, milliseconds(each)...)
		}
		r.compare(fmt.Sprintf("following one of %d links", links), ours, "requests/s", "bare redirect", bare)
		r.add("  p99", quantile(took, 0.99), "ms")
	}
	return nil
}

// shared makes a partner with so many links, all active.
func (p *place) shared(ctx context.Context, links int) (string, error) {
	ns, err := p.tenant(ctx)
	if err != nil {
		return "", err
	}
	if err := p.api.Create(ctx, partner(ns, 0)); err != nil {
		return "", err
	}
	if err := each(ctx, links, appliers, func(ctx context.Context, n int) error {
		return p.api.Create(ctx, &v1alpha1.PartnerLink{
			ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: fmt.Sprintf("%s-link-%d", ns, n)},
			Spec:       v1alpha1.PartnerLinkSpec{PartnershipRef: v1alpha1.PartnershipReference{Name: "partner-0"}},
		})
	}); err != nil {
		return "", err
	}
	for ctx.Err() == nil {
		var list v1alpha1.PartnerLinkList
		if err := p.api.List(ctx, &list, client.InNamespace(ns)); err != nil {
			return "", err
		}
		active := 0
		for _, link := range list.Items {
			if link.Status.State == v1alpha1.LinkActive {
				active++
			}
		}
		if active == links {
			return ns, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return "", ctx.Err()
}
