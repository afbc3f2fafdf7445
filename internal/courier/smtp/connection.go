package smtp

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"

	"github.com/partner-operator/partner-operator/internal/delivery"
)

const (
	// dialTimeout bounds opening a connection, from connecting to signing in.
	dialTimeout = 10 * time.Second
	// maxIdle is how long a connection is kept without a mail. Servers close idle ones after some minutes.
	maxIdle = 15 * time.Second
	// maxUses is how many mails go over one connection. Servers limit it, most to a hundred or more.
	maxUses = 100
)

// connection is one open connection to the mail server. It belongs to one sending goroutine at a time.
type connection struct {
	client *gomail.Client
	smtp   *gosmtp.Client
	raw    net.Conn
	peer   *peer // below TLS
	uses   int
	idle   time.Time
}

// dial opens, protects and signs in to a connection. It ends with the context, or after dialTimeout.
func dial(ctx context.Context, config Config) (*connection, error) {
	password, err := config.password()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c := &connection{}
	tlsConfig := &tls.Config{ServerName: config.Host, MinVersion: tls.VersionTLS12}
	cut := func() bool { return true }
	defer func() { cut() }()
	// The address that the library puts together is wrong for IPv6.
	connect := func(_ context.Context, network, _ string) (_ net.Conn, err error) {
		if err = c.open(ctx, network, config, tlsConfig); err == nil { // from here on the library does not heed the context
			cut = context.AfterFunc(ctx, func() { _ = c.raw.Close() })
		}
		return c.raw, err
	}
	options := []gomail.Option{
		gomail.WithPort(config.Port), gomail.WithTimeout(delivery.SendTimeout), gomail.WithTLSConfig(tlsConfig),
		gomail.WithDialContextFunc(connect), gomail.WithoutNoop(), gomail.WithoutSMTPUTF8(),
	}
	switch config.TLS {
	case StartTLS:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case Implicit: // with this policy the library sees that the connection is encrypted, and so sends a password
		options = append(options, gomail.WithTLSPolicy(gomail.TLSOpportunistic))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if config.Username != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(config.Username), gomail.WithPassword(password))
	}
	if c.client, err = gomail.NewClient(config.Host, options...); err != nil {
		return nil, err
	}
	if c.smtp, err = c.client.DialToSMTPClientWithContext(ctx); err != nil {
		if c.raw != nil {
			_ = c.raw.Close()
		}
		err = cmp.Or(ctx.Err(), err)
		if config.Guard != nil && !c.peer.greeted() {
			err = unheard(err)
		}
		return nil, err
	}
	return c, nil
}

// open connects to the mail server, and agrees on TLS if that comes first.
func (c *connection) open(ctx context.Context, network string, config Config, tlsConfig *tls.Config) error {
	raw, err := config.Guard.dialer(config.Host).DialContext(ctx, network, config.Address())
	if err != nil {
		return err
	}
	c.peer = &peer{Conn: raw}
	c.raw = c.peer
	if config.TLS != Implicit {
		return nil
	}
	protected := tls.Client(c.peer, tlsConfig)
	c.raw = protected
	return protected.HandshakeContext(ctx)
}

// usable tells whether a connection that was put aside is worth trying.
func (c *connection) usable(now time.Time) bool {
	return c.uses < maxUses && now.Sub(c.idle) < maxIdle
}

// send hands over one mail. It is cut off when the context ends.
func (c *connection) send(ctx context.Context, message *gomail.Msg) error {
	cut := context.AfterFunc(ctx, func() { _ = c.raw.Close() })
	defer cut()
	c.uses++
	return c.client.SendWithSMTPClient(c.smtp, message)
}

// close says goodbye, briefly.
func (c *connection) close() {
	_ = c.raw.SetDeadline(time.Now().Add(time.Second))
	_ = c.client.CloseWithSMTPClient(c.smtp)
	_ = c.raw.Close()
}

// Greet opens, protects and signs in to a connection as for a mail, and says goodbye. An error tells what is in the way.
func Greet(ctx context.Context, config Config) error {
	c, err := dial(ctx, config)
	if err != nil {
		return failure(err)
	}
	c.close()
	return nil
}
