// Package audit logs what people did in the portal and what came of it, one line each, so that it can be told afterwards
// who got in, who was refused, and why. No line holds a path, a link, a mail address, or anything that a request holds but
// the address of its client.
package audit

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"

	"github.com/partner-operator/partner-operator/internal/metrics"
)

// Reasons that do not come from a rule. Those of package accept, join and team are told as they are.
const (
	// BadToken: the link was never made, or not for this.
	BadToken = "BadToken"
	// DeadLink: the link was made once, and was used, replaced or withdrawn, or its object does not exist any more.
	DeadLink = "DeadLink"
	// Expired: the link is too old.
	Expired = "Expired"
	// WrongAddress: the typed address is not the one that the link was made for.
	WrongAddress = "WrongAddress"
	// TooManyWrongAddresses: ten wrong addresses were typed on the pages of the link, so it no longer works.
	TooManyWrongAddresses = "TooManyWrongAddresses"
	// TooManyBadTokens: the client has tried too many links that were never made.
	TooManyBadTokens = "TooManyBadTokens"
	// TooManyRequests: the client has asked for too many mails.
	TooManyRequests = "TooManyRequests"
	// CrossOrigin: the form was posted from another site.
	CrossOrigin = "CrossOrigin"
	// UnreadableForm: the form could not be read.
	UnreadableForm = "UnreadableForm"
	// NoSession: nobody is signed in.
	NoSession = "NoSession"
	// NoAccess: access has ended.
	NoAccess = "NoAccess"
	// NotAllowed: the role of the person, or the company, does not allow it.
	NotAllowed = "NotAllowed"
	// Suspended: the program is.
	Suspended = "Suspended"
	// UnknownTenant: no program runs in the namespace.
	UnknownTenant = "UnknownTenant"
)

// The outcomes of a request.
const (
	// Done: it did what it was asked to.
	Done = "done"
	// Refused: the person, or the browser, may not.
	Refused = "refused"
)

// Outcome is what came of a request, by the code of its answer.
func Outcome(code int) string {
	switch code {
	case http.StatusOK, http.StatusSeeOther:
		return Done
	case http.StatusBadRequest:
		return metrics.Outcome(http.StatusUnprocessableEntity)
	default:
		return metrics.Outcome(code)
	}
}

// Entry is what is logged of a request.
type Entry struct {
	// Action is what the request asks for, Outcome what came of it, and Reason why; empty: there is nothing to say.
	Action, Outcome, Reason string
	// Namespace is the tenant; empty: there is none of the name.
	Namespace string
	// Kind and Name are the object that the link or the page is about; empty: that is not known.
	Kind, Name string
	// Route is the pattern of the path.
	Route string
	// Client is the address of the client, as the limits see it; empty: it is not to be logged.
	Client string
}

// MaxPerMinute is how many lines of a class are logged in a minute: of one outcome and reason in a namespace and, of what
// was done, of one action.
const MaxPerMinute = 60

// class is what counts together.
type class struct{ namespace, outcome, reason, action string }

// Trail logs entries, and counts them all. Of a class that has too many in a minute the others are summed up in one line, so
// that a flood fills no disk and hides nothing else.
type Trail struct {
	log logr.Logger
	now func() time.Time

	mutex sync.Mutex
	began time.Time
	seen  map[class]int
	end   *time.Timer // of the minute, if something is to be summed up then
}

// New begins a trail.
func New(log logr.Logger, now func() time.Time) *Trail {
	return &Trail{log: log.WithName("audit"), now: now, seen: map[class]int{}}
}

// Note counts a request and logs it, or sums it up.
func (t *Trail) Note(e Entry) {
	metrics.PortalOutcomes.WithLabelValues(e.Route, e.Outcome, e.Reason).Inc()
	if t.counts(class{e.Namespace, e.Outcome, e.Reason, actionOf(e)}) {
		t.log.Info("Portal request", values(
			"action", e.Action, "outcome", e.Outcome, "reason", e.Reason, "namespace", e.Namespace, "kind", e.Kind, "name", e.Name,
			"route", e.Route, "client", e.Client,
		)...)
	}
}

// actionOf tells apart what was done: anybody can have sign-in links asked for, and that must not hide who signed in.
func actionOf(e Entry) string {
	if e.Outcome == Done {
		return e.Action
	}
	return ""
}

// counts counts one of a class, and tells whether it is to be logged.
func (t *Trail) counts(c class) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := t.now()
	if now.Sub(t.began) >= time.Minute {
		t.turn(now)
	}
	t.seen[c]++
	if t.seen[c] > MaxPerMinute && t.end == nil {
		t.end = time.AfterFunc(t.began.Add(time.Minute).Sub(now), t.Flush)
	}
	return t.seen[c] <= MaxPerMinute
}

// Flush sums up what was not logged.
func (t *Trail) Flush() {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.turn(t.now())
}

// turn begins another minute.
func (t *Trail) turn(now time.Time) {
	for c, count := range t.seen {
		if count > MaxPerMinute {
			t.log.Info("Portal requests were left out", values(
				"count", count-MaxPerMinute, "action", c.action, "outcome", c.outcome, "reason", c.reason, "namespace", c.namespace,
			)...)
		}
	}
	if t.end != nil {
		t.end.Stop()
	}
	t.began, t.seen, t.end = now, map[class]int{}, nil
}

// values leaves out the pairs that say nothing.
func values(pairs ...any) (said []any) {
	for pair := range slices.Chunk(pairs, 2) {
		if pair[1] != "" {
			said = append(said, pair...)
		}
	}
	return said
}
