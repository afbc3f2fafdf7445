// Package apiproxy stands between the operator and the API server, for the suites and the benchmarks: it counts what
// goes through, and makes things go wrong.
package apiproxy

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
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

	mutex sync.Mutex
	seen  map[Request]int
	lag   time.Duration
	fault func(*http.Request) Fault
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
	p := &Proxy{seen: map[Request]int{}}
	reverse := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		FlushInterval: -1,
		ModifyResponse: func(r *http.Response) error {
			if r.Request.URL.Query().Get("watch") == "true" {
				r.Body = &laggard{ReadCloser: r.Body, proxy: p}
			}
			return nil
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

// Lag makes every watch tell its news that much later: the caches are stale.
func (p *Proxy) Lag(lag time.Duration) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.lag = lag
}

// Break asks for each request what goes wrong with it; nil: nothing.
func (p *Proxy) Break(fault func(*http.Request) Fault) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.fault = fault
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
var path = regexp.MustCompile(`^/(?:api|apis/[^/]+)/[^/]+/(?:namespaces/[^/]+/)?([^/]+)(/[^/]+)?(/[^/]+)?$`)

// kindOf tells what kind of request one is.
func kindOf(r *http.Request) Request {
	parts := path.FindStringSubmatch(r.URL.Path)
	if parts == nil {
		return Request{r.Method, r.URL.Path}
	}
	kind := Request{r.Method, parts[1] + parts[3]}
	if strings.HasPrefix(r.URL.Path, "/api/") {
		kind.Resource = "core/" + kind.Resource
	}
	if r.Method == http.MethodGet && parts[2] == "" {
		kind.Method = "LIST"
		if r.URL.Query().Get("watch") == "true" {
			kind.Method = "WATCH"
		}
	}
	return kind
}

func (p *Proxy) count(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mutex.Lock()
		p.seen[kindOf(r)]++
		fault := p.fault
		p.mutex.Unlock()
		kind := None
		if fault != nil {
			kind = fault(r)
		}
		switch kind {
		case Refuse:
			panic(http.ErrAbortHandler)
		case LoseAnswer:
			next.ServeHTTP(nowhere{http.Header{}}, r)
			panic(http.ErrAbortHandler)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// nowhere takes an answer that is lost.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header          { return n.header }
func (nowhere) Write(body []byte) (int, error) { return len(body), nil }
func (nowhere) WriteHeader(int)                {}

// laggard tells the news of a watch late.
type laggard struct {
	io.ReadCloser
	proxy *Proxy
}

func (l *laggard) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	l.proxy.mutex.Lock()
	lag := l.proxy.lag
	l.proxy.mutex.Unlock()
	time.Sleep(lag)
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
