package smtp

import (
	"context"
	"errors"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/internal/delivery"
	operatormail "github.com/partner-operator/partner-operator/internal/mail"
)

// The API lets addresses through that mail cannot reach. No try can change that, and no server needs to be asked.
func TestAnAddressThatMailCannotReachIsPermanent(t *testing.T) {
	sender := NewSender(Config{Host: "mail.invalid", Port: 25, TLS: None}, NewLimiter(0))
	for _, to := range []string{"ada@a_b.example", "zoë@example.com", "root@localhost", ""} {
		t.Run(to, func(t *testing.T) {
			var failure *delivery.Failure
			err := sender.Send(context.Background(), operatormail.Message{Kind: "revoked", ID: "revoked.uid.1@acme.example", To: to, From: &mail.Address{Address: "partners@acme.example"}})
			if !errors.As(err, &failure) || !failure.Permanent {
				t.Fatalf("error = %#v", err)
			}
			if to != "" && strings.Contains(failure.Message, to) || strings.Contains(failure.Message, "server") {
				t.Errorf("the message is %q", failure.Message)
			}
		})
	}
}

func TestReadyHeedsTheContext(t *testing.T) {
	slow := NewSender(Config{}, NewLimiter(0.001))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := slow.Ready(ctx); err != nil {
		t.Errorf("the first mail has to wait: %v", err)
	}
	if err := slow.Ready(ctx); err == nil {
		t.Error("the second mail need not wait")
	}
	quick := NewSender(Config{}, NewLimiter(0))
	for range 1000 {
		if err := quick.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
