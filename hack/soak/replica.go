package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/partner-operator/partner-operator/hack/apiproxy"
	"github.com/partner-operator/partner-operator/hack/operator"
)

// replica is one of the two operators: a process after the other, at one address, over a proxy of its own.
type replica struct {
	name    string
	address string // where its portal listens
	metrics string
	proxy   *apiproxy.Proxy
	scene   *scene
	log     *logbook

	mutex   sync.Mutex
	process *operator.Operator // nil: none runs
	paused  bool
	meant   bool // the end of the process is our doing
	lives   []*life
}

// life is one process of a replica, and what its metrics told over time.
type life struct {
	Replica  string
	From, To time.Time
	Samples  []sample
}

// portal is the base of its portal.
func (r *replica) portal() string { return "http://" + r.address }

// up tells whether it serves.
func (r *replica) up() bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.process != nil && !r.paused
}

// start runs a process, and another one should it end without our doing.
func (r *replica) start(ctx context.Context) error {
	process, err := operator.Start(ctx, operator.Options{
		Binary: r.scene.binary(), Cluster: r.scene.plane, Kubeconfig: r.proxy.Kubeconfig, SMTPAddr: r.scene.inbox.SMTPAddr(),
		PortalAddress: r.address, Log: r.log, Args: []string{
			"--leader-elect", "--portal-url=" + r.scene.base, "--client-rate=0", "--address-rate=0", "--trusted-proxies=127.0.0.0/8",
			"--metrics-bind-address=" + r.metrics, "--metrics-secure=false", "--events-url=" + r.scene.listener.url,
		},
	})
	if err != nil {
		return fmt.Errorf("replica %s: %w", r.name, err)
	}
	r.mutex.Lock()
	r.process, r.meant, r.paused = process, false, false
	r.lives = append(r.lives, &life{Replica: r.name, From: time.Now()})
	r.mutex.Unlock()
	go r.watch(ctx, process)
	return nil
}

// watch waits for the end of a process. One that we did not end must have lost its lease by a fault; it is started again.
func (r *replica) watch(ctx context.Context, process *operator.Operator) {
	<-process.Ended()
	r.mutex.Lock()
	r.lives[len(r.lives)-1].To = time.Now()
	r.process = nil
	meant := r.meant
	r.mutex.Unlock()
	if meant || ctx.Err() != nil {
		return
	}
	now := time.Now()
	if !anyFault(r.scene.happened(), now.Add(-30*time.Second), now, func(f fault) bool { return f.Ends }) {
		r.scene.broken(finding{"ends", fmt.Sprintf("replica %s ended by itself (%v), and no fault explains it: %s", r.name, process.Err(), lastLines(process.Log(), 3))})
	}
	r.scene.say("replica %s ended by itself, as after losing its lease, and is started again", r.name)
	r.again(ctx)
}

// again starts a process, as often as it takes while the API server is away.
func (r *replica) again(ctx context.Context) {
	var err error
	for range 20 {
		if err = r.start(ctx); err == nil || ctx.Err() != nil {
			return
		}
		pause(ctx, time.Second)
	}
	r.scene.broken(finding{"ends", err.Error()})
}

// end ends the process, and tells how long that took.
func (r *replica) end(how func(*operator.Operator) error) error {
	r.mutex.Lock()
	process := r.process
	r.meant = true
	r.mutex.Unlock()
	if process == nil {
		return nil
	}
	err := how(process)
	<-process.Ended()
	for r.up() { // until its end was noticed
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

func (r *replica) stop() error { return r.end((*operator.Operator).Stop) }

func (r *replica) kill() error {
	return r.end(func(o *operator.Operator) error {
		o.Kill()
		return nil
	})
}

// hang pauses the process for a time. If it was the leader, it ends afterwards by itself.
func (r *replica) hang(ctx context.Context, d time.Duration) error {
	r.mutex.Lock()
	process := r.process
	r.paused = true
	r.mutex.Unlock()
	defer func() {
		r.mutex.Lock()
		r.paused = false
		r.mutex.Unlock()
	}()
	if process == nil {
		return nil
	}
	if err := process.Pause(); err != nil {
		return err
	}
	pause(ctx, d)
	return process.Continue()
}

// sample is what the metrics told at a time.
type sample struct {
	At                                               time.Time
	Goroutines, Heap, RSS, Descriptors, Queue, Lines float64
	// Leads: it is the leader.
	Leads bool
}

// observe notes what the metrics tell now. A replica that does not answer tells nothing.
func (r *replica) observe(ctx context.Context) {
	read, err := r.scrape(ctx)
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err == nil && r.process != nil && len(r.lives) > 0 {
		last := r.lives[len(r.lives)-1]
		last.Samples = append(last.Samples, read)
	}
}

func (r *replica) scrape(ctx context.Context) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.metrics+"/metrics", nil)
	if err != nil {
		return sample{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return sample{}, err
	}
	defer func() { _ = response.Body.Close() }()
	return readSample(response.Body, time.Now())
}

// readSample reads the text of the metrics.
func readSample(text io.Reader, at time.Time) (sample, error) {
	s := sample{At: at}
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if !ok || name == "#" {
			continue
		}
		s.Lines++
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			continue
		}
		switch name, _, _ := strings.Cut(name, "{"); name {
		case "go_goroutines":
			s.Goroutines = number
		case "go_memstats_heap_alloc_bytes":
			if s.Heap == 0 {
				s.Heap = number
			}
		case "go_gc_heap_live_bytes":
			s.Heap = number
		case "process_resident_memory_bytes":
			s.RSS = number
		case "process_open_fds":
			s.Descriptors = number
		case "leader_election_master_status":
			s.Leads = s.Leads || number == 1
		case "workqueue_depth":
			s.Queue += number
		}
	}
	return s, lines.Err()
}

// logbook reads what an operator logs.
type logbook struct {
	mutex   sync.Mutex
	rest    string
	entries []logged
}

// logged is a line of the log that somebody should look at.
type logged struct {
	At time.Time
	// Message and Error are what it says; Fatal: it is a panic or a data race.
	Message, Error string
	Fatal          bool
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	text := l.rest + string(p)
	for {
		line, rest, whole := strings.Cut(text, "\n")
		if !whole {
			l.rest = line
			return len(p), nil
		}
		if entry, worth := readLine(line, time.Now()); worth {
			l.entries = append(l.entries, entry)
		}
		text = rest
	}
}

// readLine reads a line, and tells whether it is worth looking at.
func readLine(line string, at time.Time) (logged, bool) {
	entry := logged{At: at}
	for _, bad := range []string{"panic:", "DATA RACE", "fatal error:", "Observed a panic"} {
		if strings.Contains(line, bad) {
			entry.Message, entry.Fatal = line, true
			return entry, true
		}
	}
	var said struct{ Level, Msg, Error, Err string }
	if err := json.Unmarshal([]byte(line), &said); err != nil || said.Level != "error" {
		return entry, false
	}
	entry.Message, entry.Error = said.Msg, said.Error+said.Err
	return entry, true
}

func (l *logbook) all() []logged {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return append([]logged(nil), l.entries...)
}

func lastLines(text string, count int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}

func (s *scene) binary() string {
	if filepath.IsAbs(s.operator) {
		return s.operator
	}
	return filepath.Join(s.root, s.operator)
}
