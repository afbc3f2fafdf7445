// Package mail makes the mails of the operator. Rendering is pure; package courier sends them.
package mail

import (
	"net/mail"
	"strings"
	"unicode"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Message is one mail to one person.
type Message struct {
	// Kind tells what it is about; it stands in the header X-Partner-Operator-Mail.
	Kind v1alpha1.MailKind
	// ID is the Message-ID without its angle brackets, the same on each try.
	ID string
	// From is the sender, and ReplyTo where answers go; nil: to the sender.
	From, ReplyTo *mail.Address
	// To is the address it goes to, in the form that a mail server takes.
	To string
	// Subject, Text and HTML are what it says. The link stands in Text too.
	Subject, Text, HTML string
}

// headerText is a text fit for a header: one line, no control characters, not endless, and nothing that a mail program
// would take for an encoded word and decode to another text.
func headerText(text string) string {
	const longest = 200
	text = strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
	text = strings.ReplaceAll(text, "=?", "= ?")
	if runes := []rune(text); len(runes) > longest {
		return string(runes[:longest-1]) + "…"
	}
	return text
}

// headerName is an address whose name is fit for a header.
func headerName(of *mail.Address) *mail.Address {
	if of == nil {
		return nil
	}
	return &mail.Address{Name: headerText(of.Name), Address: of.Address}
}
