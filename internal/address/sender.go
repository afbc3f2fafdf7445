package address

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"golang.org/x/net/idna"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// ParseSender parses a sender, such as «Acme Partners <partners@acme.example>» or a plain address. Its errors hold no
// address.
func ParseSender(text string) (*mail.Address, error) {
	from, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(text+from.Name, v1alpha1.IsControl) {
		return nil, errors.New("is not a sender such as «Acme Partners <partners@acme.example>»")
	}
	local, domain, _ := cut(from.Address)
	if len(local) > maxLocalPart || !isASCII(local) || strings.Contains(local, "@") {
		return nil, fmt.Errorf("has something other than up to %d plain ASCII characters before the @", maxLocalPart)
	}
	if domain, err = idna.Lookup.ToASCII(domain); err != nil {
		return nil, errors.New("has a domain that is not a valid host name")
	}
	if from.Address = local + "@" + domain; len(from.Address) > maxAddress {
		return nil, fmt.Errorf("has an address of more than %d characters", maxAddress)
	}
	return from, nil
}
