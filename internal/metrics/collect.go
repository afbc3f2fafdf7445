package metrics

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Objects counts, whenever metrics are asked for, what is in the cache: by namespace and state, and nothing else of them.
type Objects struct {
	// Cache is read without copies.
	Cache client.Reader
	// Now is the clock.
	Now func() time.Time
}

var (
	programs     = prometheus.NewDesc(prefix+"_programs", "Programs by whether their mail leaves.", []string{"namespace", "mail"}, nil)
	invites      = prometheus.NewDesc(prefix+"_invites", "Invites by state.", []string{"namespace", "state"}, nil)
	waiting      = prometheus.NewDesc(prefix+"_invites_waiting_seconds", "For how long the oldest invite has waited that was not sent.", []string{"namespace", "state"}, nil)
	partnerships = prometheus.NewDesc(prefix+"_partnerships", "Partnerships by state.", []string{"namespace", "state"}, nil)
	links        = prometheus.NewDesc(prefix+"_links", "Shared links by state.", []string{"namespace", "state"}, nil)
)

// patience is how long asking the cache may take. It answers at once, unless it is being filled.
const patience = 2 * time.Second

// Register adds the counts to the registry.
func (o Objects) Register() error { return metrics.Registry.Register(o) }

// Describe tells which metrics there are.
func (o Objects) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{programs, invites, waiting, partnerships, links} {
		descriptions <- d
	}
}

// stateNew is that of an object that was not looked at yet.
const stateNew = "New"

// place is where objects are counted.
type place struct{ namespace, state string }

// Collect counts. What cannot be read is left out: no number is better than a wrong one.
func (o Objects) Collect(found chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var programList v1alpha1.ProgramList
	if o.list(ctx, &programList) {
		emit(found, programs, programList.Items, func(p *v1alpha1.Program) place { return place{p.Namespace, mailOf(p)} })
	}
	var inviteList v1alpha1.PartnerInviteList
	if o.list(ctx, &inviteList) {
		o.age(found, inviteList.Items)
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

// mailOf tells whether the mail of a program leaves: the reason of MailReady, or Unknown before the first mail.
func mailOf(p *v1alpha1.Program) string {
	if c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionMailReady); c != nil {
		return c.Reason
	}
	return "Unknown"
}

// age tells for how long the oldest invites have stood in states that they are to leave by themselves.
func (o Objects) age(found chan<- prometheus.Metric, of []v1alpha1.PartnerInvite) {
	oldest := map[place]time.Time{}
	for i := range of {
		at, since := place{of[i].Namespace, string(of[i].Status.State)}, of[i].CreationTimestamp.Time
		switch of[i].Status.State {
		case "":
			at.state = stateNew
		case v1alpha1.InvitePending, v1alpha1.InviteHeld:
			if of[i].Status.StateTime != nil {
				since = of[i].Status.StateTime.Time
			}
		default:
			continue
		}
		if first, known := oldest[at]; !known || since.Before(first) {
			oldest[at] = since
		}
	}
	for at, since := range oldest {
		found <- prometheus.MustNewConstMetric(waiting, prometheus.GaugeValue, max(0, o.Now().Sub(since).Seconds()), at.namespace, at.state)
	}
}

// list reads the objects of a kind; false: they could not be read, which is counted and logged.
func (o Objects) list(ctx context.Context, into client.ObjectList) bool {
	err := o.Cache.List(ctx, into, client.UnsafeDisableDeepCopy)
	if err != nil {
		ReadErrors.WithLabelValues(ReadForMetric).Inc()
		log.FromContext(ctx).Error(err, "Objects could not be counted for metrics", "list", fmt.Sprintf("%T", into))
	}
	return err == nil
}

// emit counts objects by place.
func emit[T any](found chan<- prometheus.Metric, of *prometheus.Desc, objects []T, where func(*T) place) {
	counts := map[place]float64{}
	for i := range objects {
		at := where(&objects[i])
		if at.state == "" {
			at.state = stateNew
		}
		counts[at]++
	}
	for at, count := range counts {
		found <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, count, at.namespace, at.state)
	}
}
