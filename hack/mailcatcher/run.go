package mailcatcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	maxMessageBytes = 1 << 20
	maxLineBytes    = 2000
	maxRecipients   = 100
	idleTimeout     = 10 * time.Minute
	writeTimeout    = time.Minute
)

// Pause makes the mail server go down: it refuses connections, and those that are open are closed. It returns when all
// of them have ended: no mail arrives until [Catcher.Resume]. The web page stays.
func (c *Catcher) Pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	return c.stopRun()
}

// Resume makes the mail server listen again on the same port.
func (c *Catcher) Resume() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return ErrClosed
	}
	if c.run != nil {
		return nil
	}
	listener, err := net.Listen("tcp", c.smtpAddress)
	if err != nil {
		return fmt.Errorf("listen for mail again: %w", err)
	}
	c.run = startRun(c, listener)
	return nil
}

func (c *Catcher) stopRun() error {
	if c.run == nil {
		return nil
	}
	err := c.run.stop()
	c.run = nil
	return err
}

// run is the mail server from one start to the next stop. A server that was stopped cannot start again, so each
// Resume makes a new one.
type run struct {
	entrance *entrance
	server   *smtp.Server
	serving  sync.WaitGroup
}

func startRun(catcher *Catcher, listener net.Listener) *run {
	r := &run{entrance: openEntrance(catcher, listener)}
	r.server = newServer(catcher, r.entrance.closed)
	r.serving.Go(func() {
		_ = r.server.Serve(r.entrance) // It ends only because the entrance is closed.
	})
	return r
}

// stop closes the connections itself, at the socket. The Close of the SMTP server would look into connections that
// may be busy with STARTTLS.
func (r *run) stop() error {
	closeErr := r.entrance.Close()
	r.entrance.admissions.Wait()
	r.serving.Wait()
	if err := r.server.Shutdown(context.Background()); err != nil && !errors.Is(err, net.ErrClosed) {
		return errors.Join(closeErr, err)
	}
	return closeErr
}

func newServer(catcher *Catcher, stopped <-chan struct{}) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) {
		s := &session{catcher: catcher, conn: conn, stopped: stopped}
		if err := s.follow(catcher.script.match(Ehlo, "")); err != nil {
			return nil, err
		}
		return s, nil
	}))
	server.Domain = "localhost"
	server.MaxMessageBytes = maxMessageBytes
	server.MaxLineLength = maxLineBytes
	server.MaxRecipients = maxRecipients
	server.ReadTimeout = idleTimeout
	server.WriteTimeout = writeTimeout
	server.EnableSMTPUTF8 = true
	server.AllowInsecureAuth = !catcher.options.STARTTLS
	server.ErrorLog = log.New(io.Discard, "", 0) // Clients that vanish are what the tests want.
	if catcher.options.STARTTLS {
		server.TLSConfig = catcher.smtpTLS()
	}
	return server
}
