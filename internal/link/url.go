// Package link holds the rules about addresses that people open. It is pure.
package link

import (
	"errors"
	"net/url"
	"strings"
)

// Base is the public address of the portal, from the configuration and never from a request.
type Base struct {
	prefix string
	secure bool
	host   string
}

// ParseBase parses the public address of the portal: http or https, a host, and no path, query or fragment.
func ParseBase(text string) (Base, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" {
		return Base{}, errors.New("must be an address such as https://partners.example.com")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return Base{}, errors.New("must be a host without a path, such as https://partners.example.com")
	}
	return Base{prefix: u.Scheme + "://" + u.Host, secure: u.Scheme == "https", host: u.Hostname()}, nil
}

// Origin is the portal's origin, without a slash at the end.
func (b Base) Origin() string { return b.prefix }

// Secure tells whether the portal is reached by https.
func (b Base) Secure() bool { return b.secure }

// Host is the portal's host name without a port.
func (b Base) Host() string { return b.host }

// Invite is the address of an invite's page.
func (b Base) Invite(namespace, token string) string {
	return b.prefix + "/t/" + namespace + "/invite/" + token
}

// SignIn is the address of the page that signs a partner in.
func (b Base) SignIn(namespace, token string) string {
	return b.prefix + "/t/" + namespace + "/signin/" + token
}
