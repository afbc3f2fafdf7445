package smtp

import (
	"context"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/time/rate"

	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"
)

// Sender sends mail over a few connections that it keeps.
type Sender struct {
	config  Config
	limiter *rate.Limiter
	slots   chan struct{}

	mutex  sync.Mutex
	idle   []*connection
	closed bool
}

var _ mail.Sender = (*Sender)(nil)

// NewLimiter limits senders together to so many mails a second; 0: any number.
func NewLimiter(perSecond float64) *rate.Limiter {
	if perSecond == 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/10)))
}

// NewSender makes a sender. It connects when the first mail is sent.
func NewSender(config Config, limiter *rate.Limiter) *Sender {
	return &Sender{config: config, limiter: limiter, slots: make(chan struct{}, max(1, config.Connections))}
}

// Ready waits for the configured rate.
func (s *Sender) Ready(ctx context.Context) error { return s.limiter.Wait(ctx) }

// Greet opens a connection as for a mail, and says goodbye.
func (s *Sender) Greet(ctx context.Context) error { return Greet(ctx, s.config) }

// Send hands over one mail within delivery.SendTimeout. A connection that died while it was idle is replaced by a new
// one; that cannot repeat a mail, since nothing of it was said yet.
func (s *Sender) Send(ctx context.Context, message mail.Message) error {
	built, err := build(message)
	if err != nil {
		return &delivery.Failure{Permanent: true, Message: "the address of the recipient " + err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, delivery.SendTimeout)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return failure(ctx.Err())
	}
	if err := s.deliver(ctx, built); err != nil {
		if ctx.Err() != nil && responseCode(err) == 0 { // the server was not waited for any longer
			err = ctx.Err()
		}
		f := failure(err)
		f.Message = without(f.Message, message.To)
		return f
	}
	return nil
}

// deliver sends over a kept connection, or else over a new one.
func (s *Sender) deliver(ctx context.Context, message *gomail.Msg) error {
	if kept := s.take(); kept != nil {
		if err := s.over(ctx, kept, message); err == nil || !diedWhileIdle(err) {
			return err
		}
	}
	fresh, err := dial(ctx, s.config)
	if err != nil {
		return err
	}
	return s.over(ctx, fresh, message)
}

// over sends a mail over a connection, and keeps the connection if it is still good.
func (s *Sender) over(ctx context.Context, c *connection, message *gomail.Msg) error {
	err := c.send(ctx, message)
	switch {
	case err == nil:
		s.keep(c)
		return nil
	case message.IsDelivered(): // only the goodbye failed
		_ = c.raw.Close()
		return nil
	case reusable(err):
		s.keep(c)
	default:
		_ = c.raw.Close()
	}
	return err
}

func (s *Sender) take() *connection {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	now := time.Now()
	for len(s.idle) > 0 {
		last := s.idle[len(s.idle)-1]
		s.idle = s.idle[:len(s.idle)-1]
		if last.usable(now) {
			return last
		}
		go last.close()
	}
	return nil
}

func (s *Sender) keep(c *connection) {
	c.idle = time.Now()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		go c.close()
		return
	}
	s.idle = append(s.idle, c)
}

// Close closes the kept connections, and keeps none from now on.
func (s *Sender) Close() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, c := range s.idle {
		c.close()
	}
	s.idle, s.closed = nil, true
}
