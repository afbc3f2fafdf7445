// Package address judges, compares and masks mail addresses. It is pure.
package address

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// The longest address and the longest local part that mail allows, in bytes.
const (
	maxAddress   = 254
	maxLocalPart = 64
)

// dots are what separates the labels of a domain: some keyboards have others than that of ASCII.
const dots = ".\u3002\uff0e\uff61"

// Deliverable gives the form of an address that a mail server takes: the local part as written, the domain in ASCII.
// It refuses what the API's pattern lets through but mail cannot reach, with an error that holds no address.
func Deliverable(written string) (string, error) {
	local, domain, found := cut(written)
	switch {
	case !found:
		return "", errors.New("is not of the form name@domain")
	case len(local) > maxLocalPart:
		return "", fmt.Errorf("has more than %d characters before the @", maxLocalPart)
	case !isASCII(local):
		return "", errors.New("has characters before the @ that are not ASCII")
	case strings.Contains(local, "=?"):
		return "", errors.New("has =? before the @, which mail programs decode")
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	switch {
	case err != nil:
		return "", errors.New("has a domain that is not a valid host name")
	case !strings.Contains(ascii, "."):
		return "", errors.New("has no full domain after the @")
	case isNumeric(lastLabel(domain)) || isNumeric(lastLabel(ascii)):
		return "", errors.New("has an IP address after the @, or a domain that ends in a number")
	}
	deliverable := local + "@" + ascii
	if len(deliverable) > maxAddress {
		return "", fmt.Errorf("is longer than %d characters", maxAddress)
	}
	parsed, err := mail.ParseAddress(deliverable)
	if err != nil || parsed.Name != "" || parsed.Address != deliverable {
		return "", errors.New("is not one plain address such as ada@example.com")
	}
	return deliverable, nil
}

// Normalize gives the form in which addresses are compared: lower case, the domain in ASCII. It keeps tags and dots,
// which are different mailboxes on some servers.
func Normalize(written string) string {
	local, domain, found := cut(strings.TrimSpace(written))
	if !found {
		return strings.ToLower(strings.TrimSpace(written))
	}
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = ascii
	}
	return strings.ToLower(local + "@" + domain)
}

// Equal tells whether two addresses are the same mailbox, whatever their case.
func Equal(a, b string) bool { return Normalize(a) == Normalize(b) }

// Mask returns what stands for an address in events, logs and messages that leave the cluster: *** for any, and nothing
// for none. They name the object that the address is of, and a part of it beside a name has given away the whole.
func Mask(written string) string {
	if written == "" {
		return ""
	}
	return "***"
}

// Hint shortens an address so that somebody who knows it recognizes it: a***@example.com. It is for pages that only the
// holder of a link sees, and for the status of an object whose spec holds the address.
func Hint(written string) string {
	local, domain, found := cut(written)
	if !found || local == "" {
		return "***"
	}
	return local[:1] + "***@" + domain
}

func cut(written string) (local, domain string, found bool) {
	at := strings.LastIndexByte(written, '@')
	if at < 1 || at == len(written)-1 {
		return written, "", false
	}
	return written[:at], written[at+1:], true
}

// lastLabel is what stands behind the last dot of a domain, whichever dot that is.
func lastLabel(domain string) string {
	at := strings.LastIndexAny(domain, dots)
	if at < 0 {
		return domain
	}
	_, size := utf8.DecodeRuneInString(domain[at:])
	return domain[at+size:]
}

// isNumeric reports whether a label is nothing but digits, in whatever script, as no domain of the internet ends.
func isNumeric(label string) bool {
	return !strings.ContainsFunc(label, func(r rune) bool { return !unicode.In(r, unicode.Nd, unicode.No, unicode.Mn) })
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] > 0x7e || s[i] <= 0x20 {
			return false
		}
	}
	return true
}
