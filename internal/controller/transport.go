package controller

import (
	"context"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/program"
)

// transport is what is known of the way to the mail server. While it refuses the operator itself, its sign-in or its
// sender, mails wait and are not burnt on it: one at a time tries again, and when one gets through the others follow.
type transport struct {
	cache client.Reader
	now   func() time.Time

	mutex    sync.Mutex
	health   program.MailHealth
	refusals int32
	until    time.Time // while refused: when the next one may try
	probing  bool      // while refused: one is trying
	heard    []chan event.GenericEvent
}

// refused tells why mails wait for the mail server, and until when; empty: they need not.
func (t *transport) refused() (message string, until time.Time) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.refusals == 0 || !t.now().Before(t.until) {
		return "", time.Time{}
	}
	return t.health.Message + "; the mail goes out once the mail server takes it", t.until
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
	case failure != nil && failure.Cause == delivery.Refused:
		if t.refusals == 0 || t.probing { // many that were under way at once are one refusal
			t.refusals++
			t.until, t.probing = t.now().Add(delivery.Backoff(t.refusals, "transport")), false
		}
		t.health = program.MailHealth{Reason: v1alpha1.ReasonTransportRejected, Message: failure.Message}
	case failure != nil && failure.Cause == delivery.Unreachable:
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
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.health
}

// tell makes whoever follows the transport look at every program.
func (t *transport) tell(ctx context.Context) {
	var programs v1alpha1.ProgramList
	if err := t.cache.List(ctx, &programs); err != nil {
		log.FromContext(ctx).Error(err, "What is known of the mail server could not be told")
		return
	}
	for _, listener := range t.heard {
		go func() {
			for i := range programs.Items {
				listener <- event.GenericEvent{Object: programs.Items[i].DeepCopy()}
			}
		}()
	}
}

// follow is a source of the programs that a change of the transport matters to. Call it before the manager starts.
func (t *transport) follow(handler handler.EventHandler) source.Source {
	listener := make(chan event.GenericEvent, 64)
	t.heard = append(t.heard, listener)
	return source.Channel(listener, handler)
}
