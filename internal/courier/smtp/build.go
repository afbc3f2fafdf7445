package smtp

import (
	netmail "net/mail"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/partner-operator/partner-operator/internal/address"
	"github.com/partner-operator/partner-operator/internal/mail"
)

// build makes the message as it goes over the wire. The recipient is judged once more here, at the last
// door; an error is about that.
func build(message mail.Message) (*gomail.Msg, error) {
	to, err := address.Deliverable(message.To)
	if err != nil {
		return nil, err
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(message.From)
	m.EnvelopeFromMailAddress(message.From)
	if message.ReplyTo != nil {
		m.ReplyToMailAddress(message.ReplyTo)
	}
	m.ToMailAddress(&netmail.Address{Address: to})
	m.Subject(message.Subject)
	m.SetDateWithValue(time.Now())
	m.SetMessageIDWithValue(message.ID)
	m.SetGenHeader("X-Partner-Operator-Mail", string(message.Kind))
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", "All")
	m.SetBodyString(gomail.TypeTextPlain, message.Text)
	m.AddAlternativeString(gomail.TypeTextHTML, message.HTML)
	return m, nil
}
