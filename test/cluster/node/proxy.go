//go:build linux

package node

import (
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
)

const (
	// proxyLag is how far the proxy is behind what the API server knows, as kube-proxy is by default at most.
	proxyLag       = time.Second
	backendTimeout = 5 * time.Second
)

// proxy leads connections to the address of a Service to its pods that are ready, in turn.
type proxy struct {
	node    *Node
	changed chan struct{}
	doors   map[string]*door // by host:port
}

// door is a port of a Service.
type door struct {
	listener net.Listener
	backends atomic.Pointer[[]string]
	next     atomic.Uint64
}

func newProxy(n *Node) *proxy {
	return &proxy{node: n, changed: make(chan struct{}, 1), doors: map[string]*door{}}
}

func (p *proxy) handler() toolscache.ResourceEventHandler {
	note := func() {
		select {
		case p.changed <- struct{}{}:
		default: // It is noted already.
		}
	}
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { note() }, UpdateFunc: func(_, _ any) { note() }, DeleteFunc: func(any) { note() },
	}
}

func (p *proxy) run() {
	for {
		select {
		case <-p.node.ctx.Done():
			return
		case <-p.changed:
		}
		select {
		case <-p.node.ctx.Done():
			return
		case <-time.After(proxyLag):
		}
		if err := p.follow(); err != nil {
			p.node.log.Printf("follow the Services: %v", err)
		}
	}
}

// follow opens and closes doors as there are Services, and tells each where it leads to.
func (p *proxy) follow() error {
	var services corev1.ServiceList
	var slices discoveryv1.EndpointSliceList
	if err := p.node.cache.List(p.node.ctx, &services); err != nil {
		return err
	}
	if err := p.node.cache.List(p.node.ctx, &slices); err != nil {
		return err
	}
	wanted := map[string]bool{}
	for _, service := range services.Items {
		if service.Spec.ClusterIP == "" || service.Spec.ClusterIP == corev1.ClusterIPNone || service.DeletionTimestamp != nil {
			continue
		}
		if err := p.node.Network.own(service.Spec.ClusterIP); err != nil {
			return err
		}
		for _, port := range service.Spec.Ports {
			if port.Protocol != corev1.ProtocolTCP {
				continue
			}
			address := net.JoinHostPort(service.Spec.ClusterIP, strconv.Itoa(int(port.Port)))
			wanted[address] = true
			if err := p.lead(address, backends(&service, port.Name, slices.Items)); err != nil {
				return err
			}
		}
	}
	for address, door := range p.doors {
		if !wanted[address] {
			_ = door.listener.Close()
			delete(p.doors, address)
		}
	}
	return nil
}

// backends are the addresses behind a port: of the pods that are ready, or else of those that still serve while they end.
func backends(service *corev1.Service, port string, slices []discoveryv1.EndpointSlice) []string {
	var ready, serving []string
	for _, slice := range slices {
		if slice.Namespace != service.Namespace || slice.Labels[discoveryv1.LabelServiceName] != service.Name {
			continue
		}
		for _, to := range slice.Ports {
			if ptr.Deref(to.Name, "") != port || to.Port == nil {
				continue
			}
			for _, endpoint := range slice.Endpoints {
				address := net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(int(*to.Port)))
				switch {
				case ptr.Deref(endpoint.Conditions.Ready, true):
					ready = append(ready, address)
				case ptr.Deref(endpoint.Conditions.Serving, false) && ptr.Deref(endpoint.Conditions.Terminating, false):
					serving = append(serving, address)
				}
			}
		}
	}
	if len(ready) > 0 {
		return ready
	}
	return serving
}

func (p *proxy) lead(address string, to []string) error {
	opened := p.doors[address]
	if opened == nil {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			return err
		}
		opened = &door{listener: listener}
		p.doors[address] = opened
		go opened.serve()
	}
	opened.backends.Store(&to)
	return nil
}

// close closes all doors. The proxy must have ended.
func (p *proxy) close() {
	for _, door := range p.doors {
		_ = door.listener.Close()
	}
}

func (d *door) serve() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return // It is closed.
		}
		go d.pass(conn.(*net.TCPConn))
	}
}

// pass joins a connection with one to a pod. If that refuses, nobody else is asked, as with kube-proxy.
func (d *door) pass(here *net.TCPConn) {
	defer func() { _ = here.Close() }()
	all := *d.backends.Load()
	if len(all) == 0 {
		_ = here.SetLinger(0) // so that the client is refused, and not answered with nothing
		return
	}
	conn, err := net.DialTimeout("tcp", all[d.next.Add(1)%uint64(len(all))], backendTimeout)
	if err != nil {
		_ = here.SetLinger(0)
		return
	}
	there := conn.(*net.TCPConn)
	defer func() { _ = there.Close() }()
	join(here, there)
}

// halfCloser is a connection of which one direction can be ended.
type halfCloser interface {
	io.ReadWriter
	CloseWrite() error
}

// join copies between two connections until both directions have ended.
func join(a, b halfCloser) {
	var both sync.WaitGroup
	for _, way := range [][2]halfCloser{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].CloseWrite()
		})
	}
	both.Wait()
}
