// Package agent is what the end-to-end test runs inside a cluster, because nothing but the operator's image can run
// there: a mail server that keeps what it gets, a relay into the cluster's network, and probes that ask a page again and
// again while pods come and go. [Client] talks to it.
package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/partner-operator/partner-operator/hack/mailcatcher"
)

const (
	// Path is where the agent is in the operator's image.
	Path = "/e2e/agent"
	// SMTPPort is the port of its mail server.
	SMTPPort = 2525
	// ControlPort is the port that a Client talks to. It is open within the pod alone, where only who may forward ports
	// comes: who can reach it reaches all that the pod does.
	ControlPort = 8090

	dialTimeout    = 5 * time.Second
	maxControlBody = 64 << 10
)

// Agent is a running agent.
type Agent struct {
	inbox   *mailcatcher.Catcher
	server  *http.Server
	address string
	serving sync.WaitGroup

	mu      sync.Mutex
	probing []*prober
}

// Start starts an agent on two addresses of the form host:port. Both listen when it returns.
func Start(smtpAddress, controlAddress string) (*Agent, error) {
	inbox, err := mailcatcher.Start(mailcatcher.Options{SMTPAddress: smtpAddress, HTTPAddress: "-"})
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", controlAddress)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the test: %w", err), inbox.Close())
	}
	a := &Agent{inbox: inbox, address: listener.Addr().String()}
	a.server = &http.Server{Handler: a.routes(), ReadHeaderTimeout: dialTimeout}
	a.serving.Go(func() {
		_ = a.server.Serve(listener) // It ends only because the server is closed.
	})
	return a, nil
}

// SMTPAddr is the host:port of the mail server.
func (a *Agent) SMTPAddr() string { return a.inbox.SMTPAddr() }

// ControlAddr is the host:port that a Client talks to.
func (a *Agent) ControlAddr() string { return a.address }

// Close ends everything but what is being relayed, which ends with its two sides.
func (a *Agent) Close() error {
	a.stopProbes()
	err := errors.Join(a.server.Close(), a.inbox.Close())
	a.serving.Wait()
	return err
}

func (a *Agent) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /mails", a.listMails)
	mux.HandleFunc("POST /probes", a.startProbe)
	mux.HandleFunc("GET /probes", func(w http.ResponseWriter, _ *http.Request) { answer(w, a.results()) })
	mux.HandleFunc("DELETE /probes", func(w http.ResponseWriter, _ *http.Request) { answer(w, a.stopProbes()) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			relay(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (a *Agent) listMails(w http.ResponseWriter, r *http.Request) {
	if to := r.URL.Query().Get("to"); to != "" {
		answer(w, append([]mailcatcher.Message{}, a.inbox.MessagesTo(to)...))
		return
	}
	answer(w, a.inbox.Messages())
}

func (a *Agent) startProbe(w http.ResponseWriter, r *http.Request) {
	var probe Probe
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxControlBody)).Decode(&probe); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p, err := startProber(probe)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.probing = append(a.probing, p)
	w.WriteHeader(http.StatusNoContent)
}

func (a *Agent) results() []Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]Result, len(a.probing))
	for i, p := range a.probing {
		all[i] = p.read()
	}
	return all
}

// stopProbes ends all probes, waits for the answers that are under way, and tells the results.
func (a *Agent) stopProbes() []Result {
	a.mu.Lock()
	probing := a.probing
	a.probing = nil
	a.mu.Unlock()
	all := make([]Result, len(probing))
	for i, p := range probing {
		all[i] = p.end()
	}
	return all
}

func answer(w http.ResponseWriter, content any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(content) // If the client has left, there is nobody to tell.
}

// relay connects the client to the address that it names, as HTTP proxies do for CONNECT.
func relay(w http.ResponseWriter, r *http.Request) {
	there, err := net.DialTimeout("tcp", r.Host, dialTimeout)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = there.Close() }()
	here, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = here.Close() }()
	if _, err := io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	ended := make(chan struct{}, 2)
	pass := func(to net.Conn, from io.Reader) {
		_, _ = io.Copy(to, from)
		_ = to.(*net.TCPConn).CloseWrite()
		ended <- struct{}{}
	}
	go pass(there, buffered)
	go pass(here, there)
	<-ended
	<-ended
}
