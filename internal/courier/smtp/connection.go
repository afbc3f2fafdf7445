package smtp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"

	gomail "github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"

	"github.com/partner-operator/partner-operator/internal/delivery"
)

const (
	// dialTimeout bounds opening a connection, from connecting to signing in.
	dialTimeout = 10 * time.Second
	// goodbyeTimeout bounds saying goodbye, to the server or to a mail.
	goodbyeTimeout = time.Second
	// maxIdle is how long a connection is kept without a mail. Servers close idle ones after some minutes.
	maxIdle = 15 * time.Second
	// maxUses is how many mails go over one connection. Servers limit it, most to a hundred or more.
	maxUses = 100
)

var errNoSTARTTLS = errors.New("it does not support STARTTLS; check its port and tls")

// connection is one open connection to the mail server. It belongs to one sending goroutine at a time.
type connection struct {
	smtp *gosmtp.Client
	peer *peer // below TLS
	uses int
	idle time.Time
	// isClean: the mail server holds nothing of a mail that it was told of, so the next one begins anew.
	isClean bool
}

// dial opens, protects and signs in to a connection, under a name. It ends with the context, or after dialTimeout.
func dial(ctx context.Context, config Config, name string) (*connection, *fault) {
	password, err := config.password()
	if err != nil {
		return nil, &fault{delivery.StageSignIn, err}
	}
	roots, err := config.roots()
	if err != nil {
		return nil, &fault{delivery.StageTLS, err}
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	raw, err := config.Guard.dialer(config.Host).DialContext(ctx, "tcp", config.Address())
	if err != nil {
		return nil, config.openFault(ctx, nil, &fault{delivery.StageConnect, err})
	}
	c := &connection{peer: &peer{Conn: raw}, isClean: true}
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	if f := c.converse(ctx, config, roots, name, password); f != nil {
		_ = raw.Close()
		return nil, config.openFault(ctx, c.peer, f)
	}
	return c, nil
}

// openFault is what is told of a fault of opening a connection.
func (c Config) openFault(ctx context.Context, p *peer, f *fault) *fault {
	if f.answer() == nil && ctx.Err() != nil { // it was not waited for any longer
		f.err = ctx.Err()
	}
	if c.Guard != nil && !p.greeted() {
		f.err = unheard(f.err)
	}
	return f
}

// converse begins the conversation, up to signing in.
func (c *connection) converse(ctx context.Context, config Config, roots *x509.CertPool, name, password string) *fault {
	tlsConfig := &tls.Config{ServerName: config.Host, MinVersion: tls.VersionTLS12, RootCAs: roots}
	var conn net.Conn = c.peer
	if config.TLS == Implicit {
		protected := tls.Client(c.peer, tlsConfig)
		if err := protected.HandshakeContext(ctx); err != nil {
			return &fault{delivery.StageTLS, err}
		}
		conn = protected
	}
	client, err := gosmtp.NewClient(conn, config.Host)
	if err != nil {
		return &fault{delivery.StageGreeting, err}
	}
	c.smtp, c.peer.hasGreeted = client, true
	client.SkipSMTPUTF8(true)
	if err := client.Hello(name); err != nil {
		return &fault{delivery.StageHello, err}
	}
	if config.TLS == StartTLS {
		if f := startTLS(client, tlsConfig); f != nil {
			return f
		}
	}
	if config.Username != "" {
		if err := signIn(client, config, password); err != nil {
			return &fault{delivery.StageSignIn, err}
		}
	}
	return nil
}

// startTLS turns a connection to TLS, and greets once more.
func startTLS(client *gosmtp.Client, config *tls.Config) *fault {
	if offered, _ := client.Extension("STARTTLS"); !offered {
		return &fault{delivery.StageTLS, errNoSTARTTLS}
	}
	if err := client.StartTLS(config); err != nil {
		if state, ok := client.TLSConnectionState(); ok && state.HandshakeComplete {
			return &fault{delivery.StageHello, err}
		}
		return &fault{delivery.StageTLS, err}
	}
	return nil
}

// isUsable tells whether a connection that was put aside is worth trying.
func (c *connection) isUsable(now time.Time) bool {
	return c.uses < maxUses && now.Sub(c.idle) < maxIdle
}

// send hands over one mail. It is cut off when the context ends.
func (c *connection) send(ctx context.Context, m *gomail.Msg) *fault {
	defer context.AfterFunc(ctx, func() { _ = c.peer.Close() })()
	c.uses++
	c.isClean = false
	f := c.say(m)
	if f != nil && f.answer() == nil && ctx.Err() != nil { // the server was not waited for any longer
		f.err = ctx.Err()
	}
	return f
}

// say goes through the commands of one mail.
func (c *connection) say(m *gomail.Msg) *fault {
	from, err := m.GetSender(false)
	if err != nil {
		return &fault{delivery.StageSender, err}
	}
	recipients, err := m.GetRecipients()
	if err != nil {
		return &fault{delivery.StageRecipient, err}
	}
	if err := c.smtp.Mail(from); err != nil {
		return &fault{delivery.StageSender, err}
	}
	for _, to := range recipients {
		if err := c.smtp.Rcpt(to); err != nil {
			f := &fault{delivery.StageRecipient, err}
			if answer := f.answer(); answer != nil && answer.Code != closing {
				c.isClean = c.reset()
			}
			return f
		}
	}
	content, err := c.smtp.Data()
	if err != nil {
		return &fault{delivery.StageContent, err}
	}
	if _, err := m.WriteTo(content); err != nil {
		return &fault{delivery.StageContent, err}
	}
	if err := content.Close(); err != nil {
		return &fault{delivery.StageContent, err}
	}
	c.isClean = true
	return nil
}

// reset makes the mail server forget a mail, and reports whether it confirmed that. It is not waited for as long as for a
// mail, since the answer that matters is there.
func (c *connection) reset() bool {
	_ = c.peer.SetDeadline(time.Now().Add(goodbyeTimeout))
	err := c.smtp.Reset()
	_ = c.peer.SetDeadline(time.Time{})
	return err == nil
}

// closing is the answer after which a server closes the connection.
const closing = 421

// diedWhileIdle tells that a kept connection turned out to be closed before anything of the mail was heard.
func diedWhileIdle(f *fault) bool {
	answer := f.answer()
	return f.stage == delivery.StageSender && !isTimeout(f.err) && (answer == nil || answer.Code == closing)
}

// close says goodbye, briefly.
func (c *connection) close() {
	_ = c.peer.SetDeadline(time.Now().Add(goodbyeTimeout))
	_ = c.smtp.Quit()
	_ = c.peer.Close()
}
