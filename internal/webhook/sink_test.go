package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	registry "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/partner-operator/partner-operator/internal/cloudevent"
	"github.com/partner-operator/partner-operator/internal/metrics"
)

// soon is how long something may take that happens at once, on a busy machine.
const soon = 10 * time.Second

// hook is a receiver, with what it got.
type hook struct {
	*httptest.Server

	mutex    sync.Mutex
	got      []cloudevent.Event
	requests int
	// answer is what it says; nil: 204.
	answer func(w http.ResponseWriter, e cloudevent.Event)
}

func newHook(t *testing.T) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var e cloudevent.Event
	body, _ := io.ReadAll(r.Body)
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/cloudevents+json" || json.Unmarshal(body, &e) != nil {
		w.WriteHeader(http.StatusTeapot)
		return
	}
	h.mutex.Lock()
	h.requests++
	answer := h.answer
	h.mutex.Unlock()
	if answer == nil {
		answer = func(w http.ResponseWriter, _ cloudevent.Event) { w.WriteHeader(http.StatusNoContent) }
	}
	noted := httptest.NewRecorder()
	answer(noted, e)
	if noted.Code < 300 {
		h.mutex.Lock()
		h.got = append(h.got, e)
		h.mutex.Unlock()
	}
	for name, values := range noted.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(noted.Code)
}

func (h *hook) answers(with func(w http.ResponseWriter, e cloudevent.Event)) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.answer = with
}

func (h *hook) always(code int) {
	h.answers(func(w http.ResponseWriter, _ cloudevent.Event) { w.WriteHeader(code) })
}

func (h *hook) ids() []string {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	ids := []string{}
	for _, e := range h.got {
		ids = append(ids, e.ID)
	}
	return ids
}

func (h *hook) tries() int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.requests
}

// logLines is what was logged, line by line.
type logLines struct {
	mutex sync.Mutex
	lines []string
}

func (l *logLines) all() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return strings.Join(l.lines, "\n")
}

// newSink is a sink with short pauses.
func newSink(t *testing.T, address string) (*Sink, *logLines) {
	t.Helper()
	receiver, err := ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	logged := &logLines{}
	s := New(receiver, funcr.New(func(prefix, args string) {
		logged.mutex.Lock()
		defer logged.mutex.Unlock()
		logged.lines = append(logged.lines, prefix+args)
	}, funcr.Options{}), time.Now)
	s.pause, s.last, s.try = 2*time.Millisecond, 20*time.Millisecond, soon
	return s, logged
}

// run runs a sink until the test ends, or until stop is called.
func run(t *testing.T, s *Sink) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); s.Run(ctx) }()
	stop = func() { cancel(); <-ended }
	t.Cleanup(stop)
	return stop
}

// event is the nth of an object.
func event(object string, n int) cloudevent.Event {
	return cloudevent.Event{
		SpecVersion: "1.0", ID: fmt.Sprintf("%s-%d", object, n), Source: "https://partners.example.com/t/acme", Type: "io.partner-operator.partnership.active",
		Subject: "partnerships/" + object, Time: time.Now(), DataContentType: "application/json", Data: cloudevent.Data{UID: object},
	}
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(soon); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %s", what, soon)
		}
	}
}

// counted is how often events came to a result.
func counted(t *testing.T, result string) int {
	return served(t, "partner_operator_events_total", result)
}

// waits is how many events wait.
func waits(t *testing.T) int { return served(t, "partner_operator_events_waiting", "") }

// served is the value of a metric, of the one with this value of its label if it has one.
func served(t *testing.T, name, label string) int {
	t.Helper()
	families, err := registry.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() == name && (len(m.GetLabel()) == 0 || m.GetLabel()[0].GetValue() == label) {
				return int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
			}
		}
	}
	t.Fatalf("%s %s is not served", name, label)
	return 0
}

func TestEachEventIsDeliveredOnceAndInTheOrderOfItsObject(t *testing.T) {
	h := newHook(t)
	s, _ := newSink(t, h.URL)
	before := counted(t, metrics.EventDelivered)
	run(t, s)
	for n := range 50 {
		for object := range 20 {
			s.Offer(event(strconv.Itoa(object), n))
		}
	}
	eventually(t, "all are delivered", func() bool { return len(h.ids()) == 1000 })
	next := map[string]int{}
	for _, id := range h.ids() {
		object, n, _ := strings.Cut(id, "-")
		if n != strconv.Itoa(next[object]) {
			t.Fatalf("%s came in place of %d", id, next[object])
		}
		next[object]++
	}
	eventually(t, "it is counted", func() bool { return counted(t, metrics.EventDelivered)-before == 1000 })
	if waits(t) != 0 {
		t.Errorf("%d wait", waits(t))
	}
	if _, found := s.Oldest(); found {
		t.Error("one is there still")
	}
}

// Whatever a receiver does wrong, what it did not take comes again, and all of it once it is well.
func TestAReceiverThatIsNotWell(t *testing.T) {
	elsewhere := newHook(t)
	hang := func(w http.ResponseWriter, _ cloudevent.Event) {
		time.Sleep(400 * time.Millisecond)
		w.WriteHeader(http.StatusTeapot)
	}
	code := func(code int) func(http.ResponseWriter, cloudevent.Event) {
		return func(w http.ResponseWriter, _ cloudevent.Event) { w.WriteHeader(code) }
	}
	for name, ill := range map[string]func(http.ResponseWriter, cloudevent.Event){
		"500": code(500), "503": code(503), "429": code(429), "401": code(401), "404": code(404), "it does not answer": hang,
		"it sends elsewhere": func(w http.ResponseWriter, _ cloudevent.Event) {
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(http.StatusPermanentRedirect)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHook(t)
			h.answers(ill)
			s, logged := newSink(t, h.URL+"/hooks/s3cr3t?key=s3cr3t")
			s.try = 200 * time.Millisecond
			failed, lost := counted(t, metrics.EventFailed), lostSoFar(t)
			run(t, s)
			for object := range 30 {
				s.Offer(event(strconv.Itoa(object), 0))
			}
			eventually(t, "it is tried again", func() bool { return counted(t, metrics.EventFailed)-failed > 10 })
			if waits(t) != 30 || len(h.ids()) != 0 {
				t.Errorf("%d wait, %d were taken", waits(t), len(h.ids()))
			}
			h.answers(nil)
			eventually(t, "all are delivered", func() bool { return len(h.ids()) >= 30 && waits(t) == 0 })
			if ids := h.ids(); len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 30 {
				t.Errorf("got %v", ids)
			}
			if lostSoFar(t) != lost || elsewhere.tries() > 0 {
				t.Errorf("%d are lost, %d went elsewhere", lostSoFar(t)-lost, elsewhere.tries())
			}
			if text := logged.all(); !strings.Contains(text, "does not take them") || strings.Contains(text, "s3cr3t") {
				t.Errorf("logged:\n%s", text)
			}
		})
	}
}

func lostSoFar(t *testing.T) int {
	t.Helper()
	return counted(t, metrics.EventRefused) + counted(t, metrics.EventDropped) + counted(t, metrics.EventExpired)
}

// While nobody is there, one event tries and not all of them.
func TestAReceiverThatIsAway(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	s, logged := newSink(t, "http://"+address+"/s3cr3t")
	s.pause, s.last = 50*time.Millisecond, 50*time.Millisecond
	failed := counted(t, metrics.EventFailed)
	run(t, s)
	for object := range 1000 {
		s.Offer(event(strconv.Itoa(object), 0))
	}
	began := time.Now()
	eventually(t, "it is tried again", func() bool { return counted(t, metrics.EventFailed)-failed > 20 })
	if took := time.Since(began); took < 200*time.Millisecond { // the first tries go at once, as many as there are workers
		t.Errorf("20 tries in %s", took)
	}
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	h := &hook{}
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: h}}
	server.Start()
	t.Cleanup(server.Close)
	eventually(t, "all are delivered", func() bool { return len(h.ids()) == 1000 })
	if strings.Contains(logged.all(), "s3cr3t") {
		t.Errorf("the log tells the secret: %s", logged.all())
	}
}

// An event that the receiver cannot take does not keep it from the others, nor those of other objects from it.
func TestAnEventThatIsNeverTaken(t *testing.T) {
	h := newHook(t)
	h.answers(func(w http.ResponseWriter, e cloudevent.Event) {
		if e.Data.UID == "poison" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	s, _ := newSink(t, h.URL)
	expired := counted(t, metrics.EventExpired)
	run(t, s)
	s.Offer(event("poison", 0))
	for object := range 100 {
		s.Offer(event(strconv.Itoa(object), 0))
	}
	eventually(t, "the others are delivered", func() bool { return len(h.ids()) == 100 })
	eventually(t, "it waits alone", func() bool { return waits(t) == 1 })
	old := event("poison", 1) // comes after the first of its object, so that goes first
	old.Time = time.Now().Add(-GiveUpAfter - time.Minute)
	s.Offer(old)
	s.mutex.Lock()
	s.lines["poison"][0].at = old.Time
	s.mutex.Unlock()
	eventually(t, "it is given up after a day", func() bool { return counted(t, metrics.EventExpired)-expired == 2 && waits(t) == 0 })
}

// What the receiver never wants is not tried again, and lost.
func TestAnEventThatIsRefused(t *testing.T) {
	for _, code := range []int{400, 413, 422} {
		h := newHook(t)
		h.always(code)
		s, logged := newSink(t, h.URL)
		lost := counted(t, metrics.EventRefused)
		stop := run(t, s)
		for object := range 10 {
			s.Offer(event(strconv.Itoa(object), 0))
		}
		eventually(t, "they are lost", func() bool { return counted(t, metrics.EventRefused)-lost == 10 })
		if h.tries() != 10 || waits(t) != 0 {
			t.Errorf("%d: %d tries, %d wait", code, h.tries(), waits(t))
		}
		stop()
		if text := logged.all(); strings.Count(text, "were lost") != 2 || !strings.Contains(text, strconv.Itoa(code)) { // at once, and at the end
			t.Errorf("logged:\n%s", text)
		}
	}
}

// However many there are: nobody waits, what does not fit is lost, and the log says so once.
func TestAFullQueue(t *testing.T) {
	h := newHook(t)
	h.always(http.StatusServiceUnavailable)
	s, logged := newSink(t, h.URL)
	one, err := event("0", 0).Encode()
	if err != nil {
		t.Fatal(err)
	}
	s.capacity = 100 * len(one)
	dropped, delivered := counted(t, metrics.EventDropped), counted(t, metrics.EventDelivered)
	stop := run(t, s)
	began := time.Now()
	for n := range 10_000 {
		s.Offer(event(strconv.Itoa(n%10), n%10))
	}
	if took := time.Since(began); took > soon {
		t.Errorf("offering took %s", took)
	}
	lost := counted(t, metrics.EventDropped) - dropped
	if lost < 9_890 || lost > 9_900 || waits(t) != 10_000-lost {
		t.Errorf("%d of 10000 are lost, %d wait", lost, waits(t))
	}
	h.answers(nil)
	eventually(t, "the others are delivered", func() bool { return counted(t, metrics.EventDelivered)-delivered == 10_000-lost })
	stop()
	if told := strings.Count(logged.all(), "were lost"); told < 1 || told > 2 { // the rest at the end
		t.Errorf("logged:\n%s", logged.all())
	}
}

func TestRetryAfterIsHeeded(t *testing.T) {
	h := newHook(t)
	h.answers(func(w http.ResponseWriter, _ cloudevent.Event) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	s, _ := newSink(t, h.URL)
	s.last = 2 * time.Second
	run(t, s)
	s.Offer(event("one", 0))
	eventually(t, "it is tried", func() bool { return h.tries() == 1 })
	h.answers(nil)
	began := time.Now()
	eventually(t, "it is delivered", func() bool { return len(h.ids()) == 1 })
	if took := time.Since(began); took < 700*time.Millisecond {
		t.Errorf("tried again after %s", took)
	}
}

// The end waits for a receiver that takes events, and not for one that does not.
func TestTheEnd(t *testing.T) {
	h := newHook(t)
	h.answers(func(http.ResponseWriter, cloudevent.Event) { time.Sleep(5 * time.Millisecond) })
	s, _ := newSink(t, h.URL)
	stop := run(t, s)
	for object := range 400 {
		s.Offer(event(strconv.Itoa(object), 0))
	}
	stop()
	if len(h.ids()) != 400 {
		t.Errorf("%d of 400 were delivered at the end", len(h.ids()))
	}

	h.always(http.StatusServiceUnavailable)
	s, logged := newSink(t, h.URL)
	before := waits(t)
	stop = run(t, s)
	first := event("early", 0)
	first.Time = first.Time.Add(-time.Minute)
	s.Offer(first)
	s.Offer(event("late", 0))
	eventually(t, "it is tried", func() bool { return h.tries() > 400 })
	began := time.Now()
	stop()
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
	if oldest, found := s.Oldest(); !found || !oldest.Equal(first.Time) || waits(t)-before != 2 {
		t.Errorf("the oldest that is left is of %s (%t), %d wait", oldest, found, waits(t)-before)
	}
	if !strings.Contains(logged.all(), "left for the next process") {
		t.Errorf("logged:\n%s", logged.all())
	}
	metrics.EventsWaiting.Sub(2)
}

func TestParseURL(t *testing.T) {
	for _, good := range []string{"https://crm.example.com", "http://127.0.0.1:8080/hooks/s3cr3t?key=s3cr3t", "https://[::1]:8443/"} {
		r, err := ParseURL(good)
		if err != nil {
			t.Errorf("%s: %v", good, err)
			continue
		}
		if text := fmt.Sprintf("%s %v %+v %#v", r, r, r, r); strings.Contains(text, "s3cr3t") {
			t.Errorf("it prints as %s", text)
		}
		if r.Plain() != strings.HasPrefix(good, "http://") {
			t.Errorf("%s: plain is %t", good, r.Plain())
		}
	}
	for bad, says := range map[string]string{
		"": "https://", "crm.example.com/s3cr3t": "https://", "ftp://crm.example.com/s3cr3t": "https://", "https:///s3cr3t": "https://",
		"https://crm.example.com/s3cr3t\n": "https://", "https://crm.example.com:s3cr3t/": "https://", "https://crm.example.com/%s3cr3t": "https://",
		"https://bob:s3cr3t@crm.example.com/": "password", "https://s3cr3t@crm.example.com/": "user", "https://crm.example.com/#s3cr3t": "fragment",
	} {
		_, err := ParseURL(bad)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
