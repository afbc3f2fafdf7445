package controller

import (
	"context"
	"errors"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/metrics"
	"github.com/partner-operator/partner-operator/internal/program"
)

// sender is a mail.Sender that holds connections.
type sender interface {
	mail.Sender
	// Greet signs in to the mail server without a mail.
	Greet(ctx context.Context) error
	Close()
}

// transport is a mail server and what is known of it. While it refuses the operator itself, its sign-in or its sender,
// mails wait and are not burnt on it: one at a time tries again, and when one gets through the others follow.
type transport struct {
	sender sender
	now    func() time.Time
	// notAllowed is what is said while the platform does not allow the mail server.
	notAllowed string
	// tell makes whoever follows the transport look again.
	tell func(ctx context.Context)

	mutex    sync.Mutex
	health   program.MailHealth
	refusals int32
	until    time.Time // while refused: when the next one may try
	probing  bool      // while refused: one is trying
}

// refused tells why mails wait for the mail server, and until when; empty: they need not.
func (t *transport) refused() (message string, until time.Time) {
	if t == nil {
		return "", time.Time{}
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.refusals == 0 || !t.now().Before(t.until) {
		return "", time.Time{}
	}
	return t.health.Message + "; the mail goes out once the mail server takes it", t.until
}

// mail is a send that hands a mail to the mail server, and learns about that from what comes of it.
func (t *transport) mail(message mail.Message) func(context.Context) error {
	return func(ctx context.Context) error {
		began := t.now()
		err := t.explained(t.sender.Send(ctx, message))
		var failure *delivery.Failure
		result := metrics.MailSent
		if err != nil {
			result = metrics.MailTemporary
		}
		if errors.As(err, &failure) && failure.Permanent {
			result = metrics.MailPermanent
		}
		took := t.now().Sub(began)
		metrics.Mail(string(message.Kind), result, took)
		logger := log.FromContext(ctx).WithValues("mail", message.Kind, "seconds", took.Round(time.Millisecond).Seconds())
		if err == nil {
			logger.Info("Mail sent")
		} else {
			logger.Info("Mail not sent", "permanent", result == metrics.MailPermanent, "cause", err.Error())
		}
		if err == nil || errors.As(err, &failure) {
			t.learn(ctx, failure)
		}
		return err
	}
}

// explained says of a mail server that the platform does not allow whose it is.
func (t *transport) explained(err error) error {
	var failure *delivery.Failure
	if errors.As(err, &failure) && failure.Cause == delivery.CauseNotAllowed {
		failure.Message = t.notAllowed
	}
	return err
}

// forbidden says why no mail may be tried, since the platform does not allow the mail server; empty: nothing is known of
// that.
func (t *transport) forbidden() string {
	if known := t.known(); known.Reason == v1alpha1.ReasonBrandInvalid {
		return known.Message
	}
	return ""
}

// probe finds out, when it is time to, whether a mail server that the platform did not allow is somewhere else now.
func (t *transport) probe(ctx context.Context) {
	if !t.try() {
		return
	}
	err := t.explained(t.sender.Greet(ctx))
	if failure := (*delivery.Failure)(nil); errors.As(err, &failure) {
		t.learn(ctx, failure)
		return
	}
	t.mutex.Lock()
	t.refusals, t.probing, t.health = 0, false, program.MailHealth{}
	t.mutex.Unlock()
	t.tell(ctx)
}

// try tells whether a mail may be tried now. While the mail server refuses, one may, and the others wait for it.
func (t *transport) try() bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.refusals == 0 {
		return true
	}
	now := t.now()
	if now.Before(t.until) {
		return false
	}
	t.until, t.probing = now.Add(delivery.SendTimeout), true
	return true
}

// learn draws the conclusion of a try; a nil failure is a mail that was taken.
func (t *transport) learn(ctx context.Context, failure *delivery.Failure) {
	t.mutex.Lock()
	before := t.health.Reason
	switch {
	case failure != nil && (failure.Cause == delivery.CauseRefused || failure.Cause == delivery.CauseNotAllowed):
		if t.refusals == 0 || t.probing { // many that were under way at once are one refusal
			t.refusals++
			t.until, t.probing = t.now().Add(delivery.Backoff(t.refusals, "transport")), false
		}
		t.health = program.MailHealth{Reason: v1alpha1.ReasonTransportRejected, Message: failure.Message}
		if failure.Cause == delivery.CauseNotAllowed {
			t.health.Reason = v1alpha1.ReasonBrandInvalid
		}
	case failure != nil && failure.Cause == delivery.CauseUnreachable:
		t.health = program.MailHealth{Reason: v1alpha1.ReasonTransportUnreachable, Message: failure.Message}
	default:
		t.refusals, t.probing = 0, false
		t.health = program.MailHealth{Reason: v1alpha1.ReasonReady, Message: "the mail server takes mail"}
	}
	changed := before != t.health.Reason
	t.mutex.Unlock()
	if changed {
		t.tell(ctx)
	}
}

// known is the health as last learned.
func (t *transport) known() program.MailHealth {
	if t == nil {
		return program.MailHealth{}
	}
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.health
}
