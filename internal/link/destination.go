package link

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// Destination is an address that links can lead to, taken apart. What String makes of it is ASCII and fit for a header,
// whatever it was parsed from.
type Destination struct {
	// host is in ASCII, and port empty if it is the usual one.
	host, port string
	// path begins with a slash; query and fragment come without their marks.
	path, query, fragment string
}

// maxDestination is how many bytes an address can have.
const maxDestination = 2048

// ParseDestination parses a complete https address. What browsers read in another way than people do, it refuses: users
// in front of the host, backslashes, blanks, and characters that nobody sees. Its errors are sentences for people,
// without a subject.
func ParseDestination(text string) (Destination, error) {
	switch {
	case len(text) > maxDestination:
		return Destination{}, errors.New("is too long; 2048 characters are the most")
	case !strings.HasPrefix(text, "https://"):
		return Destination{}, errors.New("must begin with https:// and a host, such as https://acme.example/summer")
	case strings.ContainsFunc(text, unseen):
		return Destination{}, errors.New("must not hold blanks, backslashes or invisible characters")
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Opaque != "" || u.Hostname() == "" {
		return Destination{}, errors.New("must be a complete address, such as https://acme.example/summer")
	}
	if u.User != nil {
		return Destination{}, errors.New("must not hold a user: leave out what stands before the @")
	}
	host, err := hostName(u.Hostname())
	if err != nil {
		return Destination{}, err
	}
	port := u.Port()
	if number, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || number == 0) {
		return Destination{}, errors.New("has a port that is none")
	} else if number == 443 {
		port = ""
	}
	d := Destination{host: host, port: port, path: u.EscapedPath(), query: escapeNonASCII(u.RawQuery), fragment: u.EscapedFragment()}
	if d.path == "" {
		d.path = "/"
	}
	return d, nil
}

// unseen tells whether a character has no business in an address: people do not see it, or browsers read it as another.
func unseen(r rune) bool {
	return r == '\\' || r == unicode.ReplacementChar || unicode.IsSpace(r) || unicode.In(r, unicode.C, unicode.Z)
}

// hostName is the name of a host in ASCII.
func hostName(text string) (string, error) {
	ascii, err := idna.Lookup.ToASCII(text)
	if err != nil || strings.ContainsAny(ascii, ":[]%") || slices.Contains(strings.Split(ascii, "."), "") {
		return "", errors.New("has a host that is not a valid name")
	}
	return ascii, nil
}

// escapeNonASCII writes what is not ASCII in the way of addresses.
func escapeNonASCII(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>' {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)|0x100, 16)[1:]))
		}
	}
	return b.String()
}

// Host is the host in ASCII, without a port.
func (d Destination) Host() string { return d.host }

// On tells whether the destination is on one of these hosts, or below one, and on the usual port. Hosts may be
// international; one that is no name allows nothing.
func (d Destination) On(hosts []string) bool {
	return d.port == "" && slices.ContainsFunc(hosts, func(written string) bool {
		host, err := hostName(written)
		return err == nil && (d.host == host || strings.HasSuffix(d.host, "."+host))
	})
}

// With is the destination with a parameter, which replaces what of that name is there.
func (d Destination) With(parameter, value string) Destination {
	d = d.Without(parameter)
	if d.query != "" {
		d.query += "&"
	}
	d.query += url.QueryEscape(parameter) + "=" + url.QueryEscape(value)
	return d
}

// Without is the destination without a parameter, however its name is written. What else stands in the query stays as it
// is.
func (d Destination) Without(parameter string) Destination {
	if d.query == "" {
		return d
	}
	pairs := slices.DeleteFunc(strings.Split(d.query, "&"), func(pair string) bool {
		for part := range strings.SplitSeq(pair, ";") { // which some servers take for another &
			name, _, _ := strings.Cut(part, "=")
			if read, err := url.QueryUnescape(name); err == nil && strings.EqualFold(read, parameter) {
				return true
			}
		}
		return false
	})
	d.query = strings.Join(pairs, "&")
	return d
}

// String is the address.
func (d Destination) String() string {
	size := len("https://") + len(d.host) + len(d.port) + len(d.path) + len(d.query) + len(d.fragment) + 3
	text := append(make([]byte, 0, size), "https://"+d.host...)
	if d.port != "" {
		text = append(text, ":"+d.port...)
	}
	text = append(text, d.path...)
	if d.query != "" {
		text = append(text, "?"+d.query...)
	}
	if d.fragment != "" {
		text = append(text, "#"+d.fragment...)
	}
	return string(text)
}
