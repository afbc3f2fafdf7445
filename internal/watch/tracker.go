// Package watch knows which watches of the cache are open, and so until when this process has heard of all changes.
package watch

import (
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

const (
	// lag is how much later than it happened a change may become known while its watch is open: by more than the clocks of
	// replicas differ and the news takes.
	lag = 5 * time.Second
	// steady is how long a watch is open before it counts as one that works: one whose answer cannot be read ends at once.
	steady = time.Second
	// Broken is for how long a watch may be away, as it is when the API server restarts, before what the cache says is no
	// longer relied upon for access.
	Broken = 30 * time.Second
)

// Kinds are the kinds that are watched, by the names of their resources.
var Kinds = map[string]string{
	"programs": "Program", "partnergroups": "PartnerGroup", "partnerteams": "PartnerTeam", "partnerinvites": "PartnerInvite",
	"partnerships": "Partnership", "partnerlinks": "PartnerLink",
}

// Tracker follows the watches of a process. A watch that has ended begins anew after up to a minute, in which others go on.
type Tracker struct {
	now     func() time.Time
	started time.Time

	mutex sync.Mutex
	open  map[string]int // how many there are, by path
	gaps  map[string]gap // the latest, by path
}

// gap is a time in which a watch was not open.
type gap struct{ from, to time.Time } // to is zero while it lasts

// over reports whether the news of the gap has come: the longer it was, the more there is to read.
func (g gap) over(now time.Time) bool {
	return !g.to.IsZero() && now.Sub(g.to) >= lag+g.to.Sub(g.from)
}

// Follow returns a tracker of the watches of our kinds that are opened with the config from now on.
func Follow(config *rest.Config, now func() time.Time) *Tracker {
	t := &Tracker{now: now, started: now(), open: map[string]int{}, gaps: map[string]gap{}}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return following{next, t} })
	return t
}

// HeardUntil returns a time until which all changes have been heard of.
func (t *Tracker) HeardUntil() time.Time {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := t.now()
	until := now
	for _, g := range t.gaps {
		if !g.over(now) && g.from.Before(until) {
			until = g.from
		}
	}
	return until.Add(-lag)
}

// BrokenFor returns for how long each kind has not been heard of; 0 while its watches are open.
func (t *Tracker) BrokenFor() map[string]time.Duration {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := t.now()
	broken := map[string]time.Duration{}
	for resource, kind := range Kinds {
		broken[kind] = t.resourceBrokenFor(resource, now)
	}
	return broken
}

// IsBroken reports whether a kind has not been heard of for so long that the cache may be wrong about it.
func (t *Tracker) IsBroken() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	now := t.now()
	for resource := range Kinds {
		if t.resourceBrokenFor(resource, now) >= Broken {
			return true
		}
	}
	return false
}

// resourceBrokenFor is the longest of a resource's watches, of which there is one for each namespace that is watched. The
// caller holds the mutex.
func (t *Tracker) resourceBrokenFor(resource string, now time.Time) (longest time.Duration) {
	known := false
	for watched, count := range t.open {
		if path.Base(watched) != resource {
			continue
		}
		known = true
		g, wasBroken := t.gaps[watched]
		if wasBroken && (count == 0 || now.Sub(g.to) < steady) {
			longest = max(longest, now.Sub(g.from))
		}
	}
	if !known {
		return now.Sub(t.started)
	}
	return longest
}

func (t *Tracker) begin(path string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.open[path]++
	if g, ok := t.gaps[path]; ok && g.to.IsZero() {
		t.gaps[path] = gap{g.from, t.now()}
	}
}

func (t *Tracker) end(path string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.open[path]--
	if t.open[path] > 0 {
		return
	}
	next := gap{from: t.now()}
	if g, ok := t.gaps[path]; ok && !g.over(next.from) {
		next.from = g.from
	}
	t.gaps[path] = next
}

// following is a transport that notes watches of our kinds.
type following struct {
	http.RoundTripper
	tracker *Tracker
}

// RoundTrip makes a request.
func (f following) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := f.RoundTripper.RoundTrip(r)
	path := r.URL.Path
	if err != nil || response.StatusCode != http.StatusOK || r.URL.Query().Get("watch") != "true" || !strings.Contains(path, "/apis/"+v1alpha1.GroupVersion.Group+"/") {
		return response, err
	}
	f.tracker.begin(path)
	response.Body = &watch{ReadCloser: response.Body, end: sync.OnceFunc(func() { f.tracker.end(path) })}
	return response, nil
}

// watch is what is read of a watch.
type watch struct {
	io.ReadCloser
	end func()
}

// Read reads what comes, and notes the end of it.
func (w *watch) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil {
		w.end()
	}
	return n, err
}

// Close ends the watch.
func (w *watch) Close() error {
	w.end()
	return w.ReadCloser.Close()
}
