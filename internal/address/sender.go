package address

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// ParseSender parses a sender, such as «Acme Partners <partners@acme.example>» or a plain address. Its errors hold no
// address.
func ParseSender(text string) (*mail.Address, error) {
	from, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(text, unicode.IsControl) {
		return nil, errors.New("is not a sender such as «Acme Partners <partners@acme.example>»")
	}
	local, domain, _ := strings.Cut(from.Address, "@")
	if domain, err = idna.Lookup.ToASCII(domain); err != nil {
		return nil, errors.New("has a domain that is not a valid host name")
	}
	from.Address = local + "@" + domain
	return from, nil
}
