package portal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// door is a server whose connections are limited, on loopback, where every address of 127.0.0.0/8 is another client.
type door struct {
	t        *testing.T
	listener *limitedListener
	// entered gets a value from each request to /wait, which is answered when released is closed.
	entered  chan struct{}
	released chan struct{}
}

func newDoor(t *testing.T, most int, proxies ...string) *door {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{}
	for _, network := range proxies {
		s.TrustedProxies = append(s.TrustedProxies, netip.MustParsePrefix(network))
	}
	d := &door{t: t, listener: limitListener(inner, most, s.clientAt), entered: make(chan struct{}, 64), released: make(chan struct{})}
	server := &http.Server{ReadHeaderTimeout: time.Minute, ConnState: d.listener.note, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			d.entered <- struct{}{}
			<-d.released
		}
		w.WriteHeader(http.StatusNoContent)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(d.listener) })
	t.Cleanup(func() {
		close(d.released)
		_ = server.Close()
		serving.Wait()
		d.listener.mutex.Lock()
		defer d.listener.mutex.Unlock()
		if d.listener.open != 0 || len(d.listener.clients) != 0 {
			t.Errorf("after the end %d connections of %d clients are open", d.listener.open, len(d.listener.clients))
		}
	})
	return d
}

// visit is a connection from an address.
type visit struct {
	t *testing.T
	net.Conn
	answers *bufio.Reader
}

func (d *door) from(address string) *visit {
	d.t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(d.t.Context(), "tcp", d.listener.Addr().String())
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		d.t.Fatal(err)
	}
	return &visit{t: d.t, Conn: conn, answers: bufio.NewReader(conn)}
}

// served asks, and tells whether that was answered; the connection stays open.
func (v *visit) served() bool {
	v.t.Helper()
	if _, err := fmt.Fprint(v, "GET / HTTP/1.1\r\nHost: partners.example.com\r\n\r\n"); err != nil {
		return false
	}
	answer, err := http.ReadResponse(v.answers, nil)
	if err != nil {
		return false
	}
	return answer.Body.Close() == nil && answer.StatusCode == http.StatusNoContent
}

// works asks for something that takes until the end.
func (v *visit) works(d *door) *visit {
	v.t.Helper()
	if _, err := fmt.Fprint(v, "GET /wait HTTP/1.1\r\nHost: partners.example.com\r\n\r\n"); err != nil {
		v.t.Fatal(err)
	}
	<-d.entered
	return v
}

// closed tells that the server closed the connection.
func (v *visit) closed() bool {
	_, err := v.answers.ReadByte()
	var timeout net.Error
	return err != nil && (!errors.As(err, &timeout) || !timeout.Timeout())
}

// waits until so many connections wait for a request.
func (d *door) waits(idle int) {
	d.t.Helper()
	d.until(fmt.Sprintf("%d connections wait for a request", idle), func() bool {
		found := 0
		for _, of := range d.listener.clients {
			found += len(of.idle)
		}
		return found == idle
	})
}

// until waits for something that holds of the listener.
func (d *door) until(what string, holds func() bool) {
	d.t.Helper()
	for range 2000 {
		d.listener.mutex.Lock()
		yes := holds()
		d.listener.mutex.Unlock()
		if yes {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	d.t.Fatalf("it never came to it that %s", what)
}

// Whoever takes all the places that they get leaves one for others.
func TestOneClientLeavesAPlaceToOthers(t *testing.T) {
	d := newDoor(t, 4)
	for range 3 {
		d.from("127.0.0.2").works(d)
	}
	for range 3 {
		if d.from("127.0.0.2").served() {
			t.Fatal("one client has all places")
		}
	}
	if !d.from("127.0.0.3").served() {
		t.Error("another client is shut out")
	}
}

// The portal itself is behind such a listener.
func TestThePortalLimitsItsConnections(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := opened(t, "")
	options := o.Options
	options.MaxConnections = 4
	server := New(options).serverOn(inner)
	ctx, cancel := context.WithCancel(t.Context())
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Start(ctx) })
	defer serving.Wait()
	defer cancel()
	d := &door{t: t, listener: server.Listener.(*limitedListener)}
	for range 10 {
		d.from("127.0.0.2")
	}
	v := d.from("127.0.0.3")
	if _, err := fmt.Fprint(v, "GET /r/acme/unknown HTTP/1.1\r\nHost: partners.example.com\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(v.answers, nil)
	if err != nil {
		t.Fatal("another client is shut out:", err)
	}
	if answer.Body.Close() != nil || answer.StatusCode != http.StatusNotFound {
		t.Errorf("another client is answered %d", answer.StatusCode)
	}
}

// Connections that say nothing take places, but not those of others.
func TestSilentConnectionsShutNobodyOut(t *testing.T) {
	d := newDoor(t, 4)
	for range 20 {
		d.from("127.0.0.2")
	}
	if !d.from("127.0.0.3").served() {
		t.Error("another client is shut out")
	}
}

func TestNoMoreConnectionsThanPlaces(t *testing.T) {
	d := newDoor(t, 4)
	for i := range 4 {
		d.from(fmt.Sprintf("127.0.0.%d", 2+i)).works(d)
	}
	for range 3 {
		if late := d.from("127.0.0.9"); late.served() || !late.closed() {
			t.Fatal("there is a place too many, or it is waited for")
		}
	}
}

// Who left gave their place back.
func TestPlacesComeBack(t *testing.T) {
	d := newDoor(t, 2)
	for range 20 {
		v := d.from("127.0.0.2")
		if !v.served() {
			t.Fatal("the place of who left is not given to the next")
		}
		_ = v.Close()
		d.until("the place is free", func() bool { return d.listener.open == 0 })
	}
}

// A connection that is only kept gives way: where all places are taken one of whoever has the most, and where the share is
// used up one's own.
func TestIdleConnectionsGiveWay(t *testing.T) {
	d := newDoor(t, 4)
	var greedy []*visit
	for range 3 {
		v := d.from("127.0.0.2")
		if !v.served() {
			t.Fatal("a connection within the share is refused")
		}
		greedy = append(greedy, v)
		d.waits(len(greedy))
	}
	other := d.from("127.0.0.3")
	if !other.served() {
		t.Fatal("the last place is refused")
	}
	d.waits(4)
	if !d.from("127.0.0.4").served() {
		t.Error("nothing gave way to the next client")
	}
	if !greedy[0].closed() {
		t.Error("the oldest of the greediest client is still open")
	}
	if !other.served() {
		t.Error("another client's connection gave way")
	}
	d.waits(4)
	if fresh := d.from("127.0.0.2"); !fresh.served() {
		t.Error("a client with idle connections cannot make another one")
	}
}

// A trusted proxy speaks for many clients, and has no share.
func TestProxiesHaveNoShare(t *testing.T) {
	d := newDoor(t, 8, "127.0.0.2/32")
	for range 8 {
		d.from("127.0.0.2").works(d)
	}
	if d.from("127.0.0.3").served() {
		t.Error("there is a place too many")
	}
}

// What a proxy keeps for later is not closed for a stranger.
func TestProxiesKeepTheirConnections(t *testing.T) {
	d := newDoor(t, 2, "127.0.0.2/32")
	kept := d.from("127.0.0.2")
	if !kept.served() {
		t.Fatal("the proxy is refused")
	}
	d.from("127.0.0.3").works(d)
	d.waits(1)
	if d.from("127.0.0.4").served() {
		t.Error("there is a place too many")
	}
	if !kept.served() {
		t.Error("the proxy's connection was closed for a stranger")
	}
}

func TestAnyNumberOfConnections(t *testing.T) {
	d := newDoor(t, 0)
	for range 100 {
		if !d.from("127.0.0.2").served() {
			t.Fatal("a connection is refused")
		}
	}
}

func TestShareOfAClient(t *testing.T) {
	for most, want := range map[int]int{1: 1, 2: 1, 4: 3, 64: 63, 65: 64, 256: 64, 400: 100, 4096: 1024} {
		if got := limitListener(nil, most, nil).share; got != want {
			t.Errorf("of %d places one client gets %d, want %d", most, got, want)
		}
	}
}

// However many connect, what is remembered of them is no more than there are places.
func TestListenerRemembersNoMoreThanItsPlaces(t *testing.T) {
	s := &Server{}
	l := limitListener(nil, 100, s.clientAt)
	var open []net.Conn
	for i := range 1000 {
		here, there := net.Pipe()
		defer there.Close() //nolint:errcheck // it is no matter
		if conn := l.admit(&addressed{here, fmt.Sprintf("[2001:db8:%x::1]:80", i)}); conn != nil {
			open = append(open, conn)
		}
	}
	if len(open) != 100 || len(l.clients) != 100 {
		t.Errorf("%d connections of %d clients are open", len(open), len(l.clients))
	}
	for _, conn := range open {
		_ = conn.Close()
		_ = conn.Close()
	}
	if l.open != 0 || len(l.clients) != 0 {
		t.Errorf("%d connections of %d clients are left", l.open, len(l.clients))
	}
}

// A household with IPv6 is one client.
func TestListenerCountsIPv6ByNetwork(t *testing.T) {
	s := &Server{}
	l := limitListener(nil, 4, s.clientAt)
	for i := range 4 {
		here, there := net.Pipe()
		defer there.Close() //nolint:errcheck // it is no matter
		if got := l.admit(&addressed{here, fmt.Sprintf("[2001:db8:0:1:%x::1]:80", i)}) != nil; got != (i < 3) {
			t.Errorf("connection %d is let in: %v", i+1, got)
		}
	}
}

// addressed is a connection from an address.
type addressed struct {
	net.Conn
	from string
}

func (a *addressed) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(a.from))
}
