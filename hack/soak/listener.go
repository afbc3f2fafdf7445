package main

import (
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/partner-operator/partner-operator/internal/cloudevent"
)

// listener is another system that is told of what happens, and notes what it takes.
type listener struct {
	server *http.Server
	url    string

	mutex sync.Mutex
	ails  ailment
	told  []telling
	wrong []finding
}

// ailment is what is wrong with the listener.
type ailment int

const (
	healthy ailment = iota
	// refuses: it answers 503.
	refuses
	// forgetful: it takes events, and hangs up.
	forgetful
	// silent: it takes nothing and does not answer.
	silent
)

// telling is an event that was taken.
type telling struct {
	At time.Time
	cloudevent.Event
	Body string
}

func listen() (*listener, error) {
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &listener{url: "http://" + at.Addr().String() + "/events"}
	l.server = &http.Server{Handler: l, ReadHeaderTimeout: time.Minute}
	go func() { _ = l.server.Serve(at) }()
	return l, nil
}

// ServeHTTP takes an event.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender is gone
	}
	var e cloudevent.Event
	l.mutex.Lock()
	ails := l.ails
	if err := json.Unmarshal(body, &e); err != nil {
		l.wrong = append(l.wrong, finding{"soak", "an event is no JSON: " + err.Error()})
	}
	if ails == healthy || ails == forgetful {
		l.told = append(l.told, telling{time.Now(), e, string(body)})
	}
	l.mutex.Unlock()
	switch ails {
	case refuses:
		w.WriteHeader(http.StatusServiceUnavailable)
	case forgetful:
		panic(http.ErrAbortHandler)
	case silent:
		<-r.Context().Done()
	default:
		w.WriteHeader(http.StatusNoContent)
	}
}

// of are the events of a tenant that were taken.
func (l *listener) of(tenant string) (told []telling) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	for _, each := range l.told {
		if each.Data.Namespace == tenant {
			told = append(told, each)
		}
	}
	return told
}

// again counts the events that had been taken before.
func (l *listener) again() int {
	once := map[string]bool{}
	for _, each := range l.told {
		once[each.ID] = true
	}
	return len(l.told) - len(once)
}

// ailing lets the listener be unwell for a while.
func ailing(with ailment) func(context.Context, *scene, *rand.Rand) error {
	return func(ctx context.Context, s *scene, _ *rand.Rand) error {
		become := func(a ailment) {
			s.listener.mutex.Lock()
			defer s.listener.mutex.Unlock()
			s.listener.ails = a
		}
		become(with)
		pause(ctx, window)
		become(healthy)
		return nil
	}
}
