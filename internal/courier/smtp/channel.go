package smtp

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"
)

// errBusy is for a mail whose turn did not come in time, since all the connections were in use.
var errBusy = errors.New("is busy with other mail")

// Channel hands mails to one mail server, over a few connections that it keeps.
type Channel struct {
	config Config
	slots  chan struct{}

	mutex  sync.Mutex
	idle   []*connection
	domain string // of the sender of the last mail
	closed bool
}

// NewChannel makes a channel. It connects when the first mail is sent.
func NewChannel(config Config) *Channel {
	return &Channel{config: config, slots: make(chan struct{}, max(1, config.Connections))}
}

// ID names the mail server and who signs in to it. A user that is an address is masked.
func (c *Channel) ID() string {
	return fmt.Sprintf("smtp:%s:%s", c.config.Address(), clean(c.config.Username))
}

// Probe connects and signs in, without a mail. The connection is kept for the next one.
func (c *Channel) Probe(ctx context.Context) delivery.Outcome {
	free, f := c.await(ctx)
	if f != nil {
		return f.outcome()
	}
	defer free()
	if kept := c.take(); kept != nil { // so that there are never more connections than allowed
		kept.close()
	}
	fresh, f := dial(ctx, c.config, c.name())
	if f != nil {
		return f.outcome()
	}
	c.keep(fresh)
	return delivery.Outcome{Class: delivery.Accepted, BeforeMail: true, Stage: delivery.StageSignIn}
}

// Dispatch hands over one mail within delivery.SendTimeout. A connection that died while it was idle is replaced by a new
// one; that cannot repeat a mail, since nothing of it was said yet.
func (c *Channel) Dispatch(ctx context.Context, message mail.Message) delivery.Outcome {
	built, err := build(message)
	if err != nil { // no server was asked
		return delivery.Outcome{Class: delivery.Recipient, Stage: delivery.StageRecipient, Message: "the address of the recipient " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, delivery.SendTimeout)
	defer cancel()
	free, f := c.await(ctx)
	if f == nil {
		defer free()
		c.remember(message)
		f = c.deliver(ctx, built)
	}
	if f == nil {
		return delivery.Outcome{Class: delivery.Accepted, Stage: delivery.StageContent}
	}
	o := f.outcome()
	o.Message = without(o.Message, message.To)
	return o
}

// await waits until one of the connections is free.
func (c *Channel) await(ctx context.Context) (free func(), f *fault) {
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots }, nil
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return nil, &fault{delivery.StageSender, ctx.Err()}
	}
	return nil, &fault{delivery.StageSender, errBusy}
}

// deliver sends over a kept connection, or else over a new one.
func (c *Channel) deliver(ctx context.Context, message *gomail.Msg) *fault {
	if kept := c.take(); kept != nil {
		if f := c.over(ctx, kept, message); f == nil || !diedWhileIdle(f) {
			return f
		}
	}
	fresh, f := dial(ctx, c.config, c.name())
	if f != nil {
		return f
	}
	return c.over(ctx, fresh, message)
}

// over sends a mail over a connection, and keeps the connection if the server holds nothing of the mail.
func (c *Channel) over(ctx context.Context, connection *connection, message *gomail.Msg) *fault {
	f := connection.send(ctx, message)
	if connection.isClean {
		c.keep(connection)
	} else {
		_ = connection.peer.Close()
	}
	return f
}

// take takes a kept connection, nil: there is none. Those that are too old are closed first, so that there are never more
// connections than allowed.
func (c *Channel) take() *connection {
	c.mutex.Lock()
	var found *connection
	now := time.Now()
	if last := len(c.idle) - 1; last >= 0 && c.idle[last].isUsable(now) {
		found, c.idle = c.idle[last], c.idle[:last]
	}
	var old []*connection
	if found == nil {
		old, c.idle = c.idle, nil
	}
	c.mutex.Unlock()
	closeAll(old)
	return found
}

func (c *Channel) keep(connection *connection) {
	connection.idle = time.Now()
	c.mutex.Lock()
	closed := c.closed
	if !closed {
		c.idle = append(c.idle, connection)
	}
	c.mutex.Unlock()
	if closed {
		connection.close()
	}
}

// remember notes the domain of a sender, under which a connection may be opened.
func (c *Channel) remember(message mail.Message) {
	_, domain, _ := strings.Cut(message.From.Address, "@")
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.domain = domain
}

// name is what is said in EHLO.
func (c *Channel) name() string {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.config.helo(c.domain)
}

// Close closes the kept connections, and keeps none from now on.
func (c *Channel) Close() {
	c.mutex.Lock()
	idle := c.idle
	c.idle, c.closed = nil, true
	c.mutex.Unlock()
	closeAll(idle)
}

// closeAll says goodbye on all connections at once.
func closeAll(connections []*connection) {
	var closing sync.WaitGroup
	for _, each := range connections {
		closing.Go(each.close)
	}
	closing.Wait()
}
