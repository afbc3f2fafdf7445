package portal

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/partner-operator/partner-operator/internal/metrics"
)

// limitedListener accepts no more than a number of connections at a time, and of each client no more than its share. What
// is too many is closed at once, so nobody waits in a line that a stranger made. When places run out, a connection that
// is kept alive without a request gives way: one of the client's own where its share is used up, else one of the client
// that holds the most.
type limitedListener struct {
	net.Listener
	most, share int
	// clientOf names the client of an address; shared: the address is that of many clients, and has no share.
	clientOf func(netip.Addr) (name string, shared bool)

	mutex   sync.Mutex
	open    int
	clients map[string]*connections
}

// connections are those of one client.
type connections struct {
	shared bool
	open   int
	// idle are those that wait for a request.
	idle map[*limitedConn]time.Time
}

// leastShare is what each client may hold at least, as far as there are places: people behind one address share it.
const leastShare = 64

// limitListener limits a listener to so many connections at a time; 0: any number. A client may hold a quarter of them, or
// leastShare if that is more, but never all: others find a place.
func limitListener(l net.Listener, most int, clientOf func(netip.Addr) (string, bool)) *limitedListener {
	return &limitedListener{
		Listener: l, most: most, share: max(1, min(max(most/4, leastShare), most-1)),
		clientOf: clientOf, clients: map[string]*connections{},
	}
}

// Accept returns the next connection that there is a place for.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil || l.most == 0 {
			return conn, err
		}
		if admitted := l.admit(conn); admitted != nil {
			return admitted, nil
		}
		_ = conn.Close() // whoever asked is gone or not wanted
	}
}

// admit gives a connection a place; nil: there is none.
func (l *limitedListener) admit(conn net.Conn) net.Conn {
	name, shared := l.client(conn)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	of := l.clients[name]
	switch {
	case of != nil && !of.shared && of.open >= l.share:
		if !l.closeIdle(of) {
			metrics.RefusedConnections.WithLabelValues(metrics.LimitClient).Inc()
			return nil
		}
	case l.open >= l.most:
		if greediest := l.greediest(shared); greediest == nil || !l.closeIdle(greediest) {
			metrics.RefusedConnections.WithLabelValues(metrics.LimitAll).Inc()
			return nil
		}
	}
	if of = l.clients[name]; of == nil {
		of = &connections{shared: shared, idle: map[*limitedConn]time.Time{}}
		l.clients[name] = of
	}
	l.open++
	of.open++
	return &limitedConn{Conn: conn, listener: l, client: name}
}

// client names the client of a connection.
func (l *limitedListener) client(conn net.Conn) (name string, shared bool) {
	address, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return conn.RemoteAddr().String(), false
	}
	return l.clientOf(address.Addr())
}

// greediest is the client with the most connections of those with an idle one; nil: there is none. An address of many
// clients gives way only to another such.
func (l *limitedListener) greediest(forShared bool) (greediest *connections) {
	for _, of := range l.clients {
		if len(of.idle) == 0 || of.shared && !forShared {
			continue
		}
		if greediest == nil || greediest.shared && !of.shared || greediest.shared == of.shared && of.open > greediest.open {
			greediest = of
		}
	}
	return greediest
}

// closeIdle closes the connection of a client that has been idle for the longest; false: there is none.
func (l *limitedListener) closeIdle(of *connections) bool {
	var oldest *limitedConn
	for conn, since := range of.idle {
		if oldest == nil || since.Before(of.idle[oldest]) {
			oldest = conn
		}
	}
	if oldest == nil {
		return false
	}
	l.release(oldest)
	_ = oldest.Conn.Close() // its place is free, whatever comes of that
	return true
}

// note follows whether a connection waits for a request; it is the ConnState of a server.
func (l *limitedListener) note(conn net.Conn, state http.ConnState) {
	limited, ok := conn.(*limitedConn)
	if !ok {
		return
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	of := l.clients[limited.client]
	switch {
	case limited.released || of == nil:
	case state == http.StateIdle:
		of.idle[limited] = time.Now()
	default:
		delete(of.idle, limited)
	}
}

// release gives back the place of a connection, once. The lock is held.
func (l *limitedListener) release(conn *limitedConn) {
	if conn.released {
		return
	}
	conn.released = true
	of := l.clients[conn.client]
	delete(of.idle, conn)
	l.open--
	if of.open--; of.open == 0 {
		delete(l.clients, conn.client)
	}
}

// limitedConn is a connection that has a place.
type limitedConn struct {
	net.Conn
	listener *limitedListener
	client   string
	released bool
}

// Close closes the connection and gives back its place.
func (c *limitedConn) Close() error {
	c.listener.mutex.Lock()
	c.listener.release(c)
	c.listener.mutex.Unlock()
	return c.Conn.Close()
}
