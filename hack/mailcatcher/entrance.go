package mailcatcher

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"
)

// acceptRetry is the pause after a connection that could not be accepted, for example for want of file descriptors.
const acceptRetry = 10 * time.Millisecond

// entrance is the listener of one run. It counts the connections, knows which are open, and carries out the rules of
// the Connect stage, which comes before the SMTP server sees a connection.
type entrance struct {
	catcher    *Catcher
	listener   net.Listener
	admitted   chan net.Conn
	closed     chan struct{}
	admissions sync.WaitGroup

	mu   sync.Mutex
	open map[*guest]struct{} // nil once closed
}

func openEntrance(catcher *Catcher, listener net.Listener) *entrance {
	e := &entrance{
		catcher:  catcher,
		listener: listener,
		admitted: make(chan net.Conn),
		closed:   make(chan struct{}),
		open:     map[*guest]struct{}{},
	}
	e.admissions.Go(e.acceptAll)
	return e
}

// Accept returns the next connection that no rule turned away.
func (e *entrance) Accept() (net.Conn, error) {
	select {
	case conn := <-e.admitted:
		return conn, nil
	case <-e.closed:
		return nil, net.ErrClosed
	}
}

// Addr returns the address of the socket.
func (e *entrance) Addr() net.Addr { return e.listener.Addr() }

// Close closes the socket and all connections. It does nothing the second time.
func (e *entrance) Close() error {
	e.mu.Lock()
	guests := e.open
	e.open = nil
	e.mu.Unlock()
	if guests == nil {
		return nil
	}
	close(e.closed)
	err := e.listener.Close()
	for guest := range guests {
		_ = guest.Conn.Close() // The client may have closed it already.
	}
	return err
}

func (e *entrance) acceptAll() {
	for {
		conn, err := e.listener.Accept()
		if err != nil {
			if !waitUnless(e.closed, acceptRetry) {
				return
			}
			continue
		}
		e.catcher.connections.Add(1)
		guest, ok := e.register(conn)
		if !ok {
			return
		}
		rule := e.catcher.script.match(Connect, "")
		if rule == (Rule{}) {
			e.admit(guest)
			continue
		}
		e.admissions.Go(func() { e.receive(guest, rule) })
	}
}

// receive carries out a rule of the Connect stage.
func (e *entrance) receive(conn net.Conn, rule Rule) {
	if !waitUnless(e.closed, rule.Hang) || rule.Drop {
		_ = conn.Close()
		return
	}
	if !rule.refuses() {
		e.admit(conn)
		return
	}
	sayFarewell(conn, rule)
	_ = conn.Close()
}

func (e *entrance) admit(conn net.Conn) {
	select {
	case e.admitted <- conn:
	case <-e.closed:
		_ = conn.Close()
	}
}

// register notes that a connection is open and, if the server does so, prepares it to speak TLS.
func (e *entrance) register(conn net.Conn) (net.Conn, bool) {
	g := &guest{Conn: conn, entrance: e}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		_ = conn.Close()
		return nil, false
	}
	e.open[g] = struct{}{}
	if e.catcher.options.ImplicitTLS {
		return tls.Server(g, e.catcher.smtpTLS()), true
	}
	return g, true
}

// sayFarewell writes the last answer of a connection. If the client has left already, there is nobody to tell.
func sayFarewell(conn net.Conn, rule Rule) {
	_ = conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	_, _ = io.WriteString(conn, rule.farewell())
}

// guest is a connection that is registered until it is closed.
type guest struct {
	net.Conn
	entrance *entrance
}

// Close closes the connection and crosses it off the register.
func (g *guest) Close() error {
	g.entrance.mu.Lock()
	delete(g.entrance.open, g)
	g.entrance.mu.Unlock()
	return g.Conn.Close()
}

// waitUnless waits and reports whether it was left in peace.
func waitUnless(stopped <-chan struct{}, duration time.Duration) bool {
	if duration <= 0 {
		return true
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stopped:
		return false
	}
}
