package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Objects counts, whenever metrics are asked for, what is in the cache: by namespace and state, and nothing else of them.
type Objects struct {
	// Cache is read without copies.
	Cache client.Reader
}

var (
	invites      = prometheus.NewDesc(prefix+"_invites", "Invites by state.", []string{"namespace", "state"}, nil)
	partnerships = prometheus.NewDesc(prefix+"_partnerships", "Partnerships by state.", []string{"namespace", "state"}, nil)
	links        = prometheus.NewDesc(prefix+"_links", "Shared links by state.", []string{"namespace", "state"}, nil)
)

// patience is how long asking the cache may take. It answers at once, unless it is being filled.
const patience = 2 * time.Second

// Register adds the counts to the registry.
func (o Objects) Register() error { return metrics.Registry.Register(o) }

// Describe tells which metrics there are.
func (o Objects) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{invites, partnerships, links} {
		descriptions <- d
	}
}

// place is where objects are counted.
type place struct{ namespace, state string }

// Collect counts. What cannot be read is left out: no number is better than a wrong one.
func (o Objects) Collect(found chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var inviteList v1alpha1.PartnerInviteList
	if o.list(ctx, &inviteList) {
		emit(found, invites, inviteList.Items, func(i *v1alpha1.PartnerInvite) place { return place{i.Namespace, string(i.Status.State)} })
	}
	var partnershipList v1alpha1.PartnershipList
	if o.list(ctx, &partnershipList) {
		emit(found, partnerships, partnershipList.Items, func(p *v1alpha1.Partnership) place { return place{p.Namespace, string(p.Status.State)} })
	}
	var linkList v1alpha1.PartnerLinkList
	if o.list(ctx, &linkList) {
		emit(found, links, linkList.Items, func(l *v1alpha1.PartnerLink) place { return place{l.Namespace, string(l.Status.State)} })
	}
}

func (o Objects) list(ctx context.Context, into client.ObjectList) bool {
	return o.Cache.List(ctx, into, client.UnsafeDisableDeepCopy) == nil
}

// emit counts objects by place. One that was not looked at yet stands in the state New.
func emit[T any](found chan<- prometheus.Metric, of *prometheus.Desc, objects []T, where func(*T) place) {
	counts := map[place]float64{}
	for i := range objects {
		at := where(&objects[i])
		if at.state == "" {
			at.state = "New"
		}
		counts[at]++
	}
	for at, count := range counts {
		found <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, count, at.namespace, at.state)
	}
}
