package controller

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// lag is how much later than it happened a change may become known while its watch is open: by more than the clocks of
// replicas differ and the news takes.
const lag = 5 * time.Second

// Watches knows until when this process has heard of all changes. A watch that has ended begins anew after up to a minute,
// in which others go on.
type Watches struct {
	now func() time.Time

	mutex sync.Mutex
	open  map[string]int // how many there are, by path
	gaps  map[string]gap // the latest, by path
}

// gap is a time in which a watch was not open.
type gap struct{ from, to time.Time } // to is zero while it lasts

// over tells whether the news of the gap has come: the longer it was, the more there is to read.
func (g gap) over(now time.Time) bool {
	return !g.to.IsZero() && now.Sub(g.to) >= lag+g.to.Sub(g.from)
}

// FollowWatches notes the watches of what uses the config from now on.
func FollowWatches(config *rest.Config, now func() time.Time) *Watches {
	w := &Watches{now: now, open: map[string]int{}, gaps: map[string]gap{}}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return following{next, w} })
	return w
}

// heardUntil is a time until which all changes have been heard of.
func (w *Watches) heardUntil() time.Time {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	now := w.now()
	until := now
	for _, g := range w.gaps {
		if !g.over(now) && g.from.Before(until) {
			until = g.from
		}
	}
	return until.Add(-lag)
}

func (w *Watches) begin(path string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.open[path]++
	if g, ok := w.gaps[path]; ok && g.to.IsZero() {
		w.gaps[path] = gap{g.from, w.now()}
	}
}

func (w *Watches) end(path string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.open[path]--
	if w.open[path] > 0 {
		return
	}
	next := gap{from: w.now()}
	if g, ok := w.gaps[path]; ok && !g.over(next.from) {
		next.from = g.from
	}
	w.gaps[path] = next
}

// following is a transport that notes watches of our kinds.
type following struct {
	http.RoundTripper
	watches *Watches
}

// RoundTrip makes a request.
func (f following) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := f.RoundTripper.RoundTrip(r)
	path := r.URL.Path
	if err != nil || response.StatusCode != http.StatusOK || r.URL.Query().Get("watch") != "true" || !strings.Contains(path, "/apis/"+v1alpha1.GroupVersion.Group+"/") {
		return response, err
	}
	f.watches.begin(path)
	response.Body = &watch{ReadCloser: response.Body, end: sync.OnceFunc(func() { f.watches.end(path) })}
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
