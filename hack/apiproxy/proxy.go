// Package apiproxy stands between the operator and the API server, for the suites and the benchmarks: it counts what
// goes through, notes which rights that takes, and makes things go wrong.
package apiproxy

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Proxy passes requests on with the rights of one account.
type Proxy struct {
	// Kubeconfig is the path of a file that leads to the proxy.
	Kubeconfig string

	server *http.Server

	mutex  sync.Mutex
	seen   map[Request]int
	done   map[string]map[Request]int // by namespace
	rights map[Right]bool             // those that were asked for: whether RBAC ever granted them
	lag    time.Duration
	late   []string // the resources of which watches lag; empty: all
	fault  func(*http.Request) Fault
	lifted chan struct{} // closed when the fault is
	held   int
	open   map[*laggard]bool // the watches
}

// Request is a kind of request, such as {"PUT", "partnerinvites/status"}, {"POST", "events"} or {"GET", "core/secrets"}.
// Reading a whole collection is the method LIST or WATCH.
type Request struct{ Method, Resource string }

// Fault is what goes wrong with one request.
type Fault string

// The faults.
const (
	// None: nothing does.
	None Fault = ""
	// Refuse: the connection breaks before the API server has heard of it.
	Refuse Fault = "Refuse"
	// LoseAnswer: the API server carries it out, and the answer is lost.
	LoseAnswer Fault = "LoseAnswer"
	// Stall: the API server does not hear of it until Break is called again, nor ever if the client is gone by then.
	Stall Fault = "Stall"
	// Withhold: the API server carries it out, and the answer does not come until Break is called again.
	Withhold Fault = "Withhold"
	// Fail: the answer is 500, and the API server does not hear of it.
	Fail Fault = "Fail"
	// Conflict: the answer is that somebody else changed the object, and the API server does not hear of it.
	Conflict Fault = "Conflict"
)

// Start makes a proxy on loopback that acts with the access of a config.
func Start(access *rest.Config) (*Proxy, error) {
	transport, err := rest.TransportFor(access)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(access.Host)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{seen: map[Request]int{}, done: map[string]map[Request]int{}, open: map[*laggard]bool{}, lifted: make(chan struct{})}
	reverse := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
		ModifyResponse: func(r *http.Response) error {
			if r.Request.URL.Query().Get("watch") == "true" {
				kind, _ := kindOf(r.Request)
				r.Body = p.watched(r.Body, kind.Resource)
			}
			p.answered(r)
			return p.noteRight(r)
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	p.server = &http.Server{Handler: p.count(reverse), ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(listener) }()
	p.Kubeconfig, err = writeKubeconfig("http://" + listener.Addr().String())
	return p, err
}

// Close ends the proxy and everything that goes through it.
func (p *Proxy) Close() error {
	_ = os.Remove(p.Kubeconfig)
	return p.server.Close()
}

// Lag makes watches of some resources tell their news that much later, or of all if none is named: the caches are stale.
func (p *Proxy) Lag(lag time.Duration, resources ...string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.lag, p.late = lag, resources
}

// lagOf is by how much a watch of a resource lags.
func (p *Proxy) lagOf(resource string) time.Duration {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if len(p.late) > 0 && !slices.Contains(p.late, resource) {
		return 0
	}
	return p.lag
}

// Cut ends all watches, as it happens when the API server or what lies between restarts.
func (p *Proxy) Cut() {
	p.mutex.Lock()
	open := slices.Collect(maps.Keys(p.open))
	p.mutex.Unlock()
	for _, l := range open {
		_ = l.Close()
	}
}

// Break asks for each request what goes wrong with it; nil: nothing. What was held for the fault before goes on.
func (p *Proxy) Break(fault func(*http.Request) Fault) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.fault = fault
	close(p.lifted)
	p.lifted = make(chan struct{})
}

// Held counts the requests that wait for their fault to be lifted.
func (p *Proxy) Held() int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.held
}

// Done counts the requests about a namespace that the API server carried out, also where the answer was lost.
func (p *Proxy) Done(namespace string) map[Request]int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return maps.Clone(p.done[namespace])
}

// Seen counts the requests since the last Forget.
func (p *Proxy) Seen() map[Request]int {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return maps.Clone(p.seen)
}

// Writes counts the requests since the last Forget that change an object of our kinds, its status or an event.
func (p *Proxy) Writes() int {
	writes := 0
	for request, times := range p.Seen() {
		ours := strings.HasPrefix(request.Resource, "partner") || strings.HasPrefix(request.Resource, "program") || request.Resource == "events"
		reads := request.Method == http.MethodGet || request.Method == "LIST" || request.Method == "WATCH"
		if ours && !reads {
			writes += times
		}
	}
	return writes
}

// Forget begins to count anew.
func (p *Proxy) Forget() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	clear(p.seen)
}

// path takes apart /apis/GROUP/VERSION/namespaces/NS/RESOURCE/NAME/SUBRESOURCE.
var path = regexp.MustCompile(`^/(?:api|apis/[^/]+)/[^/]+/(?:namespaces/([^/]+)/)?([^/]+)(/[^/]+)?(/[^/]+)?$`)

// kindOf tells what kind of request one is, and which namespace it is about.
func kindOf(r *http.Request) (kind Request, namespace string) {
	parts := path.FindStringSubmatch(r.URL.Path)
	if parts == nil {
		return Request{r.Method, r.URL.Path}, ""
	}
	kind = Request{r.Method, parts[2] + parts[4]}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		kind.Resource = "core/" + kind.Resource
	}
	if r.Method == http.MethodGet && parts[3] == "" {
		kind.Method = "LIST"
		if r.URL.Query().Get("watch") == "true" {
			kind.Method = "WATCH"
		}
	}
	return kind, parts[1]
}

func (p *Proxy) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, _ := kindOf(r)
		p.mutex.Lock()
		p.seen[request]++
		fault, lifted := p.fault, p.lifted
		p.mutex.Unlock()
		kind := None
		if fault != nil {
			kind = fault(r)
		}
		p.serve(kind, lifted, next, w, r)
	})
}

// serve makes a fault happen to a request.
func (p *Proxy) serve(fault Fault, lifted <-chan struct{}, next http.Handler, w http.ResponseWriter, r *http.Request) {
	switch fault {
	case Refuse:
		panic(http.ErrAbortHandler)
	case LoseAnswer:
		next.ServeHTTP(&answer{header: http.Header{}}, r)
		panic(http.ErrAbortHandler)
	case Stall:
		body, err := io.ReadAll(r.Body) // the server notices that a client is gone only behind its body
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.hold(r, lifted)
		next.ServeHTTP(w, r)
	case Withhold:
		kept := &answer{header: http.Header{}}
		next.ServeHTTP(kept, r)
		p.hold(r, lifted)
		kept.give(w)
	case Fail:
		fail(w, http.StatusInternalServerError, "InternalError")
	case Conflict:
		fail(w, http.StatusConflict, "Conflict")
	default:
		next.ServeHTTP(w, r)
	}
}

// fail answers as an API server does that does not carry out a request.
func fail(w http.ResponseWriter, code int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"made to fail","reason":%q,"code":%d}`, reason, code)
}

// hold waits until a fault is lifted, or else ends the request with its client.
func (p *Proxy) hold(r *http.Request, lifted <-chan struct{}) {
	p.holds(1)
	defer p.holds(-1)
	select {
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-lifted:
	}
}

func (p *Proxy) holds(more int) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.held += more
}

// answered notes what the API server did.
func (p *Proxy) answered(r *http.Response) {
	request, namespace := kindOf(r.Request)
	if r.StatusCode >= http.StatusMultipleChoices || namespace == "" {
		return
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.done[namespace] == nil {
		p.done[namespace] = map[Request]int{}
	}
	p.done[namespace][request]++
}

// answer keeps what the API server says.
type answer struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header            { return a.header }
func (a *answer) Write(body []byte) (int, error) { return a.body.Write(body) }
func (a *answer) WriteHeader(code int)           { a.code = code }

// give passes on what was kept.
func (a *answer) give(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.code)
	_, _ = w.Write(a.body.Bytes()) // who is gone needs no answer
}

// laggard tells the news of a watch late.
type laggard struct {
	io.ReadCloser
	proxy    *Proxy
	resource string
}

func (p *Proxy) watched(body io.ReadCloser, resource string) io.ReadCloser {
	l := &laggard{ReadCloser: body, proxy: p, resource: resource}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.open[l] = true
	return l
}

// Close ends the watch.
func (l *laggard) Close() error {
	l.proxy.mutex.Lock()
	delete(l.proxy.open, l)
	l.proxy.mutex.Unlock()
	return l.ReadCloser.Close()
}

func (l *laggard) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	time.Sleep(l.proxy.lagOf(l.resource))
	return n, err
}

func writeKubeconfig(server string) (string, error) {
	file, err := os.CreateTemp("", "proxy-*.kubeconfig")
	if err != nil {
		return "", err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["proxy"] = &clientcmdapi.Cluster{Server: server}
	config.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy"}
	config.CurrentContext = "proxy"
	if err := file.Close(); err != nil {
		return "", err
	}
	return file.Name(), clientcmd.WriteToFile(*config, file.Name())
}
