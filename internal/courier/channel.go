// Package courier sends the mails of all kinds in one way: it waits for a turn, claims a mail in the status of the object
// that it is about, hands it over, and records in status what came of it.
//
// A gate stands before each mail server. It knows which servers and senders are refused and lets one mail at a time find
// out whether that has ended; it shares what the operator can do at once among the namespaces, so that nobody waits for a
// server of somebody else; and it heeds the rate.
package courier

import (
	"context"

	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"
)

// Channel is a way to hand mails to a mail server.
type Channel interface {
	// ID names the server and who signs in to it, for metrics and logs. It holds no password.
	ID() string
	// Probe connects and signs in, without a mail.
	Probe(ctx context.Context) delivery.Outcome
	// Dispatch hands over one mail and returns once the server took it or refused it.
	Dispatch(ctx context.Context, message mail.Message) delivery.Outcome
	// Close ends the connections that it keeps, and keeps none from now on.
	Close()
}
