// Package link holds the rules about addresses that people open. It is pure.
package link

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/idna"
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
	host, err := hostOf(u)
	if err != nil {
		return Base{}, err
	}
	return Base{prefix: u.Scheme + "://" + host, secure: u.Scheme == "https", host: strings.ToLower(u.Hostname())}, nil
}

// hostOf is the host and port as a browser writes them in an Origin: in ASCII and lower case, without the port that the
// scheme implies.
func hostOf(u *url.URL) (string, error) {
	host := strings.ToLower(u.Hostname())
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		host = "[" + ip.String() + "]"
	} else if ascii, err := idna.Lookup.ToASCII(host); err == nil {
		host = ascii
	} else {
		return "", errors.New("has a host that is not a valid name; it must be an address such as https://partners.example.com")
	}
	if port := u.Port(); port != "" && port != map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		host += ":" + port
	}
	return host, nil
}

// WithHost is the same portal under another host, and port if it has one.
func (b Base) WithHost(host string) (Base, error) {
	scheme, _, _ := strings.Cut(b.prefix, "://")
	return ParseBase(scheme + "://" + host)
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

// Join is the address of a group's join link.
func (b Base) Join(namespace, group, token string) string {
	return b.prefix + "/t/" + namespace + "/join/" + group + "/" + token
}

// Apply is the address of the page on which an applicant goes on once the address is verified.
func (b Base) Apply(namespace, token string) string {
	return b.prefix + "/t/" + namespace + "/apply/" + token
}

// Login is the address of the page where a partner asks for a sign-in link.
func (b Base) Login(namespace string) string {
	return b.prefix + "/t/" + namespace + "/login"
}

// Share is the address of a link that a partner shares.
func (b Base) Share(namespace, name string) string {
	return b.prefix + SharePath(namespace, name)
}

// SharePath is the path of that address.
func SharePath(namespace, name string) string { return "/r/" + namespace + "/" + name }

// Member is the address of the page of an invitation into a team.
func (b Base) Member(namespace, token string) string {
	return b.prefix + "/t/" + namespace + "/member/" + token
}

// Approval is the address of the page where the owner or an admin of a team decides about a teammate.
func (b Base) Approval(namespace, token string) string {
	return b.prefix + "/t/" + namespace + "/approval/" + token
}
