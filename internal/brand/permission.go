package brand

import (
	"fmt"
	"net/mail"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/idna"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/address"
)

// Permission is what the platform lets a brand claim.
type Permission struct {
	// SenderDomains are those of its mail over the operator's mail server, PortalHosts the hosts of its links. Of what is
	// nil nothing is said.
	SenderDomains, PortalHosts []string
	// Required: what is not said is not permitted. Otherwise it is.
	Required bool
}

// ParsePermission reads the annotations of a Namespace.
func ParsePermission(annotations map[string]string, required bool) Permission {
	list := func(key string) (names []string) {
		text, found := annotations[key]
		if !found {
			return nil
		}
		names = []string{}
		for name := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
			names = append(names, asciiHost(name))
		}
		return names
	}
	return Permission{SenderDomains: list(v1alpha1.SenderDomainsAnnotation), PortalHosts: list(v1alpha1.PortalHostsAnnotation), Required: required}
}

// asciiHost is a host as hosts are compared, with its port if it has one: in ASCII and lower case.
func asciiHost(text string) string {
	text = strings.ToLower(text)
	u, err := url.Parse("https://" + text)
	if err != nil {
		return text
	}
	if ascii, err := idna.Lookup.ToASCII(u.Hostname()); err == nil {
		return strings.Replace(text, u.Hostname(), ascii, 1)
	}
	return text
}

// Claims reports whether a brand says of itself what only the platform can know to be right: a sender of its own over the
// operator's mail server, or a host of its own.
func (b Brand) Claims(defaults Brand) bool { return b.claimsSender(defaults) || b.Host != "" }

// claimsSender: over a mail server of its own it is up to that whose name a brand writes in.
func (b Brand) claimsSender(defaults Brand) bool {
	return b.SMTPSecret == "" && !address.Equal(b.From.Address, defaults.From.Address)
}

// Permit takes out of a brand what it claims without permission. An error tells the first such claim, and what to ask for.
func (b Brand) Permit(p Permission, defaults Brand) (Brand, error) {
	var first error
	if domain := b.MessageDomain(); b.claimsSender(defaults) && !p.permits(p.SenderDomains, asciiHost(domain)) {
		b.From = &mail.Address{Name: b.DisplayName, Address: defaults.From.Address}
		first = fmt.Errorf("mailFrom is of the domain %s, which this namespace may not send from over the operator's mail server; "+
			"ask the platform's administrators to list it in the annotation %s of the Namespace, or use a mail server of your own (smtpSecret)", domain, v1alpha1.SenderDomainsAnnotation)
	}
	if host := asciiHost(b.Host); host != "" && !p.permits(p.PortalHosts, host, hostAlone(host)) {
		if first == nil {
			first = fmt.Errorf("host is %s, which this namespace may not use; "+
				"ask the platform's administrators to list it in the annotation %s of the Namespace, or leave it out", b.Host, v1alpha1.PortalHostsAnnotation)
		}
		b.Host = ""
	}
	return b, first
}

// permits reports whether one of the names is among the permitted ones.
func (p Permission) permits(permitted []string, names ...string) bool {
	if permitted == nil {
		return !p.Required
	}
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(permitted, name) })
}

// hostAlone is a host without its port.
func hostAlone(host string) string {
	u, err := url.Parse("https://" + host)
	if err != nil || u.Port() == "" {
		return host
	}
	return strings.TrimSuffix(host, ":"+u.Port())
}
