package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// Watches tells, whenever metrics are asked for, for how long each kind has not been heard of.
type Watches struct {
	// Tracker knows the watches.
	Tracker interface {
		BrokenFor() map[string]time.Duration
	}
}

var watchBroken = prometheus.NewDesc(prefix+"_watch_broken_seconds", "For how long this replica has not heard of changes of a kind; 0 while it does.", []string{"kind"}, nil)

// Register adds the metric to the registry.
func (w Watches) Register() error { return metrics.Registry.Register(w) }

// Describe sends the description of the metric.
func (w Watches) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- watchBroken }

// Collect sends a value for each kind.
func (w Watches) Collect(found chan<- prometheus.Metric) {
	for kind, broken := range w.Tracker.BrokenFor() {
		found <- prometheus.MustNewConstMetric(watchBroken, prometheus.GaugeValue, broken.Seconds(), kind)
	}
}
