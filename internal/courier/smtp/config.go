// Package smtp hands mails to a mail server. It keeps connections open between mails, bounds every step in time, and
// tells a refusal of the recipient from a fault of the transport.
package smtp

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// TLSMode is how a connection is protected.
type TLSMode string

// The modes.
const (
	// StartTLS: the connection turns to TLS before anything is said, or nothing is sent.
	StartTLS TLSMode = "starttls"
	// Implicit: TLS from the first byte.
	Implicit TLSMode = "implicit"
	// None: no TLS, for a mail server beside the operator.
	None TLSMode = "none"
)

// Config is where mail goes and who sends it.
type Config struct {
	// Host and Port are the mail server's.
	Host string
	Port int
	// TLS is how the connection is protected.
	TLS TLSMode
	// Username is for signing in to the mail server; empty: without.
	Username string
	// PasswordFile holds the password. It is read anew for each connection, so it can be rotated. Without one it is
	// Password.
	PasswordFile, Password string
	// Helo is the name that is said in EHLO; empty: the domain of the sender.
	Helo string
	// CAFile holds certificates in PEM that may vouch for the mail server, beside those of the system. It is read anew for
	// each connection. Without one they are CA; empty: those of the system alone.
	CAFile string
	CA     []byte
	// Connections is the most connections at once; below 1: one.
	Connections int
	// Guard tells where the mail server may be; nil: anywhere.
	Guard *Guard
}

// ParseURL parses smtp://[user@]host:port?tls=starttls|implicit|none. Without a port it is 587, or 465 for implicit and
// 25 for none.
func ParseURL(text string) (Config, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Config{}, errors.New("is not a URL; write smtp://[user@]host:port?tls=starttls|implicit|none")
	}
	if u.Scheme != "smtp" {
		const form = "; write smtp://[user@]host:port?tls=starttls|implicit|none"
		return Config{}, quoting{fmt.Sprintf("has the scheme %q", u.Scheme) + form, "has another scheme than smtp" + form}
	}
	if _, set := u.User.Password(); set {
		return Config{}, errors.New("holds a password; put it into a file and name that with --smtp-password-file")
	}
	if u.Hostname() == "" || strings.Trim(u.Path, "/") != "" {
		return Config{}, errors.New("must name a host and no path: smtp://[user@]host:port?tls=starttls|implicit|none")
	}
	config := Config{Host: u.Hostname(), Username: u.User.Username(), TLS: StartTLS}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || u.Fragment != "" {
		return Config{}, errors.New("has options that cannot be read; only tls=starttls|implicit|none is known")
	}
	for key, values := range query {
		if key != "tls" || len(values) != 1 {
			const known = "; only tls=starttls|implicit|none is known"
			return Config{}, quoting{fmt.Sprintf("has the option %q", key) + known, "has an option that is not known" + known}
		}
		config.TLS = TLSMode(values[0])
	}
	if config.Port, err = portOf(u.Port(), config.TLS); err != nil {
		return Config{}, err
	}
	return config, nil
}

// quoting is an error that quotes what is wrong. Of a Secret that may be a part of a password which was put into the URL,
// so that only the bare words are told.
type quoting struct{ text, bare string }

func (q quoting) Error() string { return q.text }

// bare is what an error says without what it quotes.
func bare(err error) string {
	var quotes quoting
	if errors.As(err, &quotes) {
		return quotes.bare
	}
	return err.Error()
}

// MaxConnections is the most connections at once that a Secret may ask for.
const MaxConnections = 16

// ParseSecret reads the Secret of a mail server: url as in ParseURL, username and password, both or neither, and if they
// are there helo, ca.crt and connections. Its errors name the key, and hold no value of it. Connections is 0 if it does not
// say how many.
func ParseSecret(data map[string][]byte) (Config, error) {
	text := func(key string) string { return strings.TrimSpace(string(data[key])) }
	config, err := ParseURL(text("url"))
	if err != nil {
		return Config{}, fmt.Errorf("has the key url, which %s", bare(err))
	}
	switch username := text("username"); {
	case username != "" && config.Username != "" && username != config.Username:
		return Config{}, errors.New("names two users, in url and in username; keep one")
	case username != "":
		config.Username = username
	}
	config.Password = strings.TrimRight(string(data["password"]), "\r\n")
	if (config.Username == "") != (config.Password == "") {
		return Config{}, errors.New("must have username and password, or neither")
	}
	if config.Helo = text("helo"); config.Helo != "" {
		if err := CheckHelo(config.Helo); err != nil {
			return Config{}, fmt.Errorf("has the key helo, which %w", err)
		}
	}
	if ca := data["ca.crt"]; len(ca) > 0 {
		if err := CheckCA(ca); err != nil {
			return Config{}, fmt.Errorf("has the key ca.crt, which %w", err)
		}
		config.CA = ca
	}
	if number := text("connections"); number != "" {
		if config.Connections, err = strconv.Atoi(number); err != nil || config.Connections < 1 || config.Connections > MaxConnections {
			return Config{}, fmt.Errorf("has the key connections, which is no number from 1 to %d", MaxConnections)
		}
	}
	return config, nil
}

// portOf reads a port; empty: the usual one of a mode.
func portOf(text string, mode TLSMode) (int, error) {
	usual, known := map[TLSMode]int{StartTLS: 587, Implicit: 465, None: 25}[mode]
	if !known {
		const known = "; it can be starttls, implicit or none"
		return 0, quoting{"has tls=" + string(mode) + known, "has another way of tls" + known}
	}
	if text == "" {
		return usual, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("has the port %q; it can be 1 to 65535", text)
	}
	return port, nil
}

// Address is host:port.
func (c Config) Address() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// password reads the password file.
func (c Config) password() (string, error) {
	if c.PasswordFile == "" {
		return c.Password, nil
	}
	content, err := os.ReadFile(c.PasswordFile)
	if err != nil {
		return "", fmt.Errorf("reading the SMTP password file: %w", err)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}
