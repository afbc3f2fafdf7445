// Package mail makes the mails of the operator. Rendering is pure; package smtp below it sends them.
package mail

import (
	"context"
	"fmt"
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Message is one mail to one person.
type Message struct {
	// Kind tells what it is about; it stands in the header X-Partner-Operator-Mail.
	Kind v1alpha1.MailKind
	// ID is the Message-ID without its angle brackets, the same on each try.
	ID string
	// FromName is shown as the sender beside the configured address. Empty: the configured name.
	FromName string
	// To is the address it goes to, in the form that a mail server takes.
	To string
	// Subject, Text and HTML are what it says. The link stands in Text too.
	Subject, Text, HTML string
}

// Sender hands mails to a mail server. An error of Send is a *delivery.Failure.
type Sender interface {
	// Ready waits until the sender may send one more mail, as the configured rate allows. Call it before a claim, so
	// that no claim grows old while it waits.
	Ready(ctx context.Context) error
	// Send hands over one mail and returns once the server took it or refused it.
	Send(ctx context.Context, message Message) error
	// MessageDomain is what stands behind the @ of a Message-ID.
	MessageDomain() string
}

// ParseFrom parses the sender, such as «Acme Partners <partners@acme.example>» or a plain address.
func ParseFrom(text string) (*mail.Address, error) {
	from, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(text, unicode.IsControl) {
		return nil, fmt.Errorf("%q is not a sender such as «Acme Partners <partners@acme.example>»", text)
	}
	local, domain, _ := strings.Cut(from.Address, "@")
	if domain, err = idna.Lookup.ToASCII(domain); err != nil {
		return nil, fmt.Errorf("%q has a domain that is not a valid host name", text)
	}
	from.Address = local + "@" + domain
	return from, nil
}

// headerText is a text fit for a header: one line, no control characters, not endless.
func headerText(text string) string {
	const longest = 200
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}
