package controller

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

func TestTransportLetsOneTryWhileItIsRefused(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	way := &transport{now: func() time.Time { return now }, tell: func(context.Context) {}}
	expect := func(when string, tries bool, waits bool, reason string) {
		t.Helper()
		message, until := way.refused()
		if (message != "") != waits || waits && !until.After(now) {
			t.Errorf("%s: mails wait for %q until %s", when, message, until)
		}
		if got := way.known().Reason; got != reason {
			t.Errorf("%s: the health is %q, want %q", when, got, reason)
		}
		if got := way.try(); got != tries {
			t.Errorf("%s: a mail may try: %v", when, got)
		}
	}
	refused := &delivery.Failure{Cause: delivery.CauseRefused, Message: "the mail server answered 535"}

	expect("at first", true, false, "")
	way.learn(t.Context(), &delivery.Failure{Cause: delivery.CauseUnreachable, Message: "no answer"})
	expect("unreachable, each mail has its own times", true, false, v1alpha1.ReasonTransportUnreachable)
	way.learn(t.Context(), refused)
	way.learn(t.Context(), refused) // another one that was under way
	way.learn(t.Context(), refused)
	expect("refused", false, true, v1alpha1.ReasonTransportRejected)
	now = now.Add(72 * time.Second)
	expect("after a minute one may try", true, false, v1alpha1.ReasonTransportRejected)
	expect("and the others wait for it", false, true, v1alpha1.ReasonTransportRejected)
	way.learn(t.Context(), refused)
	now = now.Add(72 * time.Second)
	expect("refused twice, it takes longer", false, true, v1alpha1.ReasonTransportRejected)
	now = now.Add(72 * time.Second)
	expect("until it is due", true, false, v1alpha1.ReasonTransportRejected)
	way.learn(t.Context(), &delivery.Failure{Permanent: true, Message: "550 no such user"})
	expect("a refused recipient shows that the way is good", true, false, v1alpha1.ReasonReady)
	way.learn(t.Context(), nil)
	expect("taken", true, false, v1alpha1.ReasonReady)
}

// greets answers greetings with one failure after the other, and then well.
type greets struct {
	sender
	failures []*delivery.Failure
}

func (g *greets) Greet(context.Context) error {
	if len(g.failures) == 0 {
		return nil
	}
	next := g.failures[0]
	g.failures = g.failures[1:]
	return next
}

// A mail server that the platform does not allow holds the mail up as a fault of the brand, and no mail is tried on it.
func TestTransportThatIsNotAllowed(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	told := 0
	notAllowed := func() *delivery.Failure {
		return &delivery.Failure{Cause: delivery.CauseNotAllowed, Message: "not allowed"}
	}
	server := &greets{failures: []*delivery.Failure{notAllowed()}}
	way := &transport{sender: server, notAllowed: "Secret smtp: not allowed", now: func() time.Time { return now }, tell: func(context.Context) { told++ }}
	expect := func(when, forbidden string, tells int) {
		t.Helper()
		if got := way.forbidden(); got != forbidden || told != tells {
			t.Errorf("%s: it says %q, and told %d times", when, got, told)
		}
	}
	expect("at first", "", 0)
	var failure *delivery.Failure
	if !errors.As(way.explained(notAllowed()), &failure) {
		t.Fatal("it is no failure any more")
	}
	way.learn(t.Context(), failure)
	expect("not allowed", "Secret smtp: not allowed", 1)
	way.probe(t.Context())
	expect("too early to ask again", "Secret smtp: not allowed", 1)
	if len(server.failures) != 1 {
		t.Error("it was asked too early")
	}
	now = now.Add(72 * time.Second)
	way.probe(t.Context())
	expect("still not allowed", "Secret smtp: not allowed", 1)
	now = now.Add(144 * time.Second)
	way.probe(t.Context())
	expect("somewhere else", "", 2)
	if !way.try() || way.known().Reason != "" {
		t.Errorf("mail is kept back: %+v", way.known())
	}
}
