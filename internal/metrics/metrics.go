// Package metrics holds what the operator counts and measures, in the registry that controller-runtime serves. Labels are
// bounded: routes, codes, kinds, states, and namespaces that exist. None holds an address, a name of a partner or link, or
// anything secret.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

const prefix = "partner_operator"

// Limits of RefusedConnections.
const (
	// LimitClient: the client held its share already.
	LimitClient = "client"
	// LimitAll: all places were taken.
	LimitAll = "all"
)

// Results of LinkHits.
const (
	// HitAttributed: the link led on, and counted for the partner.
	HitAttributed = "attributed"
	// HitUnattributed: the link led on, and counted for nobody.
	HitUnattributed = "unattributed"
	// HitNotFound: the link was not found; without a namespace, if it does not exist.
	HitNotFound = "not_found"
)

// Results of Mails.
const (
	// MailSent: the mail server took it.
	MailSent = "sent"
	// MailTemporary: it did not, and it is tried again.
	MailTemporary = "temporary_failure"
	// MailPermanent: it refused the mail for good.
	MailPermanent = "permanent_failure"
)

// Results of Events.
const (
	// EventDelivered: the receiver took it.
	EventDelivered = "delivered"
	// EventFailed: it did not, and it is tried again.
	EventFailed = "failed"
	// EventRefused: the receiver does not want it, so it is lost.
	EventRefused = "refused"
	// EventDropped: too many waited, so it is lost.
	EventDropped = "dropped"
	// EventExpired: the receiver did not take it for a day, so it is lost.
	EventExpired = "expired"
)

// What ReadErrors are counted for.
const (
	// ReadForEvent: what a change matters to could not be looked up. It is looked up again.
	ReadForEvent = "event"
	// ReadForLimit: what a program has sent could not be counted, so it sends nothing.
	ReadForLimit = "limit"
	// ReadForMetric: objects could not be counted, so their metric is missing.
	ReadForMetric = "metric"
)

var (
	// LinkHits counts how often shared links were followed.
	LinkHits = counter("link_hits_total", "Requests for shared links.", "namespace", "result")
	// Mails counts tries to hand a mail to a mail server.
	Mails = counter("mails_total", "Tries to hand a mail to a mail server.", "kind", "result")
	// Redemptions counts how often somebody used a link that was mailed, by posting the form that it leads to.
	Redemptions = counter("redemptions_total", "Uses of mailed links.", "purpose", "result")

	// Events counts what became of events for other systems: tries that failed, and the end of each.
	Events = fromZero(counter("events_total", "Events for other systems, by what became of them.", "result"),
		EventDelivered, EventFailed, EventRefused, EventDropped, EventExpired)
	// EventsWaiting is how many events have yet to be delivered.
	EventsWaiting = gauge("events_waiting", "Events that wait to be delivered.")
	// MarksWaiting is how many partners could not be noted for the time after their removal, by namespace.
	MarksWaiting = gauges("marks_waiting", "Partners who could not yet be noted for the time after their removal.", "namespace")

	// RefusedConnections counts connections to the portal that were closed at once.
	RefusedConnections = fromZero(counter("portal_connections_refused_total", "Connections to the portal that were too many.", "limit"),
		LimitClient, LimitAll)
	// PortalOutcomes counts what came of what people did in the portal, for the routes that package audit logs.
	PortalOutcomes = counter("portal_outcomes_total", "Forms posted to the portal, and links that did not work.", "route", "outcome", "reason")

	// ReadErrors counts reads that failed and that no reconcile reports.
	ReadErrors = fromZero(counter("read_errors_total", "Reads that failed, by what they were for.", "for"),
		ReadForEvent, ReadForLimit, ReadForMetric)

	portalRequests = counter("portal_requests_total", "Requests to the portal.", "route", "code")
	portalSeconds  = histogram("portal_request_seconds", "How long requests to the portal took.",
		[]float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}, "route")
	mailSeconds = histogram("mail_send_seconds", "How long handing over a mail took.",
		[]float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60})
)

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	made := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: prefix, Name: name, Help: help}, labels)
	metrics.Registry.MustRegister(made)
	return made
}

// fromZero makes a counter exist for these values before there is anything to count: one that begins with its first count
// hides that from whoever asks for the increase.
func fromZero(of *prometheus.CounterVec, values ...string) *prometheus.CounterVec {
	for _, value := range values {
		of.WithLabelValues(value)
	}
	return of
}

func gauge(name, help string) prometheus.Gauge {
	made := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: prefix, Name: name, Help: help})
	metrics.Registry.MustRegister(made)
	return made
}

func gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	made := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: prefix, Name: name, Help: help}, labels)
	metrics.Registry.MustRegister(made)
	return made
}

func histogram(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	made := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: prefix, Name: name, Help: help, Buckets: buckets}, labels)
	metrics.Registry.MustRegister(made)
	return made
}

// Mail notes a try to hand over a mail.
func Mail(kind, result string, took time.Duration) {
	Mails.WithLabelValues(kind, result).Inc()
	mailSeconds.WithLabelValues().Observe(took.Seconds())
}

// redeemed tells what came of using a link, by the code of the answer.
var redeemed = map[int]string{
	http.StatusSeeOther:            "used",
	http.StatusForbidden:           "refused",
	http.StatusNotFound:            "unknown",
	http.StatusConflict:            "conflict",
	http.StatusGone:                "expired",
	http.StatusUnprocessableEntity: "wrong_input",
	http.StatusTooManyRequests:     "limited",
}

// Outcome tells what came of a request of somebody who wants something done, by the code of the answer.
func Outcome(code int) string {
	if result, known := redeemed[code]; known {
		return result
	}
	return "error"
}

// Route holds the metrics of one route of the portal. Get it once with ForRoute.
type Route struct {
	route, purpose string
	seconds        prometheus.Observer
	ordinary       prometheus.Counter
	ordinaryCode   int
}

// ForRoute is what notes the requests to a route, which is a pattern and no path. Ordinary is the code of most of its
// answers. Purpose is what the links are for that are used by posting to it; empty: none are.
func ForRoute(route, purpose string, ordinary int) *Route {
	return &Route{
		route: route, purpose: purpose, ordinaryCode: ordinary,
		seconds: portalSeconds.WithLabelValues(route), ordinary: portalRequests.WithLabelValues(route, strconv.Itoa(ordinary)),
	}
}

// Note notes a request.
func (r *Route) Note(code int, took time.Duration) {
	if code == r.ordinaryCode {
		r.ordinary.Inc()
	} else {
		portalRequests.WithLabelValues(r.route, strconv.Itoa(code)).Inc()
	}
	r.seconds.Observe(took.Seconds())
	if r.purpose != "" {
		Redemptions.WithLabelValues(r.purpose, Outcome(code)).Inc()
	}
}
