// Package mailcatcher is a small mail server that keeps what it receives instead of delivering it.
//
// The tests, the demo and the benchmarks send their mail to it over real SMTP connections, with TLS and passwords if
// they wish. What arrived is read with [Catcher.Messages] or on a web page. A script of [Rule] values makes the server
// behave badly: slow, greylisting, full, or gone in the middle of a conversation.
package mailcatcher

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	anyLoopbackPort    = "127.0.0.1:0"
	defaultMaxMessages = 100_000
)

// ErrClosed is the error of a method that needs a Catcher that is not closed.
var ErrClosed = errors.New("mailcatcher: closed")

// Options says how a Catcher listens and whom it lets in. The zero value is a plain server on free loopback ports.
type Options struct {
	// SMTPAddress is the host:port of the mail server. Default: 127.0.0.1 and a free port.
	SMTPAddress string

	// HTTPAddress is the host:port of the web page. Default: 127.0.0.1 and a free port. "-" means no web page.
	HTTPAddress string

	// Delay is how long the server thinks at the end of each mail before it answers. It can be changed later with
	// [Catcher.SetDelay].
	Delay time.Duration

	// STARTTLS offers STARTTLS with a self-signed certificate for 127.0.0.1, ::1 and localhost. A server with a
	// Username then offers AUTH only after STARTTLS.
	STARTTLS bool

	// ImplicitTLS speaks TLS from the first byte, with the same kind of certificate.
	ImplicitTLS bool

	// Username and Password, if a Username is set, are required before the first mail. AUTH PLAIN and AUTH LOGIN are
	// offered, and wrong ones are answered with 535. Without a Username, AUTH is not offered.
	Username, Password string

	// MaxMessages is how many mails are kept. When one more arrives, the oldest is dropped. Default: 100000.
	MaxMessages int
}

// Catcher is a running mail server. All its methods may be used from several goroutines.
type Catcher struct {
	options      Options
	certificate  *certificate
	inbox        *inbox
	script       script
	delay        atomic.Int64
	connections  atomic.Int64
	logins       atomic.Int64
	mailCommands atomic.Int64
	smtpAddress  string
	page         *page

	mu     sync.Mutex
	run    *run // nil while paused
	closed bool
}

// Start starts a mail server and, unless Options say otherwise, its web page. Both listen when it returns.
func Start(options Options) (*Catcher, error) {
	catcher := &Catcher{
		options: options,
		inbox:   newInbox(cmp.Or(max(options.MaxMessages, 0), defaultMaxMessages)),
	}
	catcher.SetDelay(options.Delay)
	if options.STARTTLS || options.ImplicitTLS {
		certificate, err := newCertificate()
		if err != nil {
			return nil, fmt.Errorf("make a certificate: %w", err)
		}
		catcher.certificate = certificate
	}
	if err := catcher.listen(); err != nil {
		return nil, err
	}
	return catcher, nil
}

func (c *Catcher) listen() error {
	smtpListener, err := net.Listen("tcp", cmp.Or(c.options.SMTPAddress, anyLoopbackPort))
	if err != nil {
		return fmt.Errorf("listen for mail: %w", err)
	}
	if c.options.HTTPAddress != "-" {
		httpListener, err := net.Listen("tcp", cmp.Or(c.options.HTTPAddress, anyLoopbackPort))
		if err != nil {
			return errors.Join(fmt.Errorf("listen for the web page: %w", err), smtpListener.Close())
		}
		c.page = servePage(httpListener, c.inbox)
	}
	c.smtpAddress = smtpListener.Addr().String()
	c.run = startRun(c, smtpListener)
	return nil
}

// SMTPAddr returns the host:port of the mail server. It stays the same when the server is paused and resumed.
func (c *Catcher) SMTPAddr() string { return c.smtpAddress }

// URL returns the address of the web page, such as http://127.0.0.1:8025, or "" if there is none.
func (c *Catcher) URL() string {
	if c.page == nil {
		return ""
	}
	return "http://" + c.page.address
}

// CACertificate returns the self-signed certificate as PEM, or nil if the server speaks no TLS. Who writes it to a file
// and names that file in SSL_CERT_FILE trusts the server.
func (c *Catcher) CACertificate() []byte {
	if c.certificate == nil {
		return nil
	}
	return c.certificate.pem
}

// Connections returns how many SMTP connections were accepted so far, also those that a rule turned away.
func (c *Catcher) Connections() int { return int(c.connections.Load()) }

// Logins returns how many sign-ins were tried so far, right or wrong.
func (c *Catcher) Logins() int { return int(c.logins.Load()) }

// MailCommands returns how many MAIL commands were heard so far, also those that were refused.
func (c *Catcher) MailCommands() int { return int(c.mailCommands.Load()) }

// SetDelay changes how long the server thinks at the end of each mail. Mails that wait already keep their delay.
func (c *Catcher) SetDelay(delay time.Duration) { c.delay.Store(int64(delay)) }

// Script replaces the rules of the server and their counts. No rules means to accept everything.
func (c *Catcher) Script(rules ...Rule) { c.script.replace(rules) }

// Applied tells how often each rule of the script has stepped in so far, in their order.
func (c *Catcher) Applied() []int { return c.script.applied() }

// Close stops the mail server and the web page and waits for their connections to end. The messages can still be read.
func (c *Catcher) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	err := c.stopRun()
	if c.page != nil {
		err = errors.Join(err, c.page.close())
	}
	return err
}

func (c *Catcher) smtpTLS() *tls.Config {
	if c.certificate == nil {
		return nil
	}
	return c.certificate.config
}
