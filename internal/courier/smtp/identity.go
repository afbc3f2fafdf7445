package smtp

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"strings"
)

// unnamed is said in EHLO where no name is known. The name of the machine is none that a mail server could look up.
const unnamed = "[127.0.0.1]"

var heloName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

// CheckHelo judges a name for EHLO: a host, or an address in brackets as RFC 5321 has it.
func CheckHelo(name string) error {
	literal, isLiteral := strings.CutPrefix(name, "[")
	if isLiteral {
		literal, isLiteral = strings.CutSuffix(literal, "]")
		ip, err := netip.ParseAddr(strings.TrimPrefix(literal, "IPv6:"))
		if isLiteral && err == nil && ip.Zone() == "" && ip.Is6() == strings.HasPrefix(literal, "IPv6:") {
			return nil
		}
	} else if len(name) <= 253 && heloName.MatchString(name) && !isAddress(name) {
		return nil
	}
	return errors.New("is no name for EHLO; write the name of a host, such as mail.example.com, or an address in brackets, such as [192.0.2.1]")
}

func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil
}

// DefaultHelo is the name for EHLO that the host of the portal gives; empty: it is no name that a mail server could look up.
func DefaultHelo(portalHost string) string {
	if !strings.Contains(portalHost, ".") || CheckHelo(portalHost) != nil {
		return ""
	}
	return portalHost
}

// helo is what is said in EHLO to hand over a mail of a sender of this domain.
func (c Config) helo(domain string) string {
	switch {
	case c.Helo != "":
		return c.Helo
	case DefaultHelo(domain) != "":
		return domain
	default:
		return unnamed
	}
}

// CheckCA judges certificates in PEM: there has to be one, and all have to be readable.
func CheckCA(certificates []byte) error {
	_, err := parseCA(certificates)
	return err
}

func parseCA(certificates []byte) (found []*x509.Certificate, err error) {
	for block, rest := pem.Decode(certificates); block != nil; block, rest = pem.Decode(rest) {
		certificates = rest
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("holds a %s; only certificates belong there", strings.ToLower(block.Type))
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("holds a certificate that cannot be read")
		}
		found = append(found, certificate)
	}
	if len(found) == 0 || len(bytes.TrimSpace(certificates)) > 0 && bytes.Contains(certificates, []byte("-----BEGIN")) {
		return nil, errors.New("holds no certificate in PEM, or one that is cut off")
	}
	return found, nil
}

// roots are the authorities that may vouch for the mail server: those of the system, and those that the configuration
// adds; nil: those of the system alone.
func (c Config) roots() (*x509.CertPool, error) {
	text := c.CA
	if c.CAFile != "" {
		content, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("reading the SMTP CA file: %w", err)
		}
		text = content
	}
	if len(text) == 0 && c.CAFile == "" {
		return nil, nil
	}
	certificates, err := parseCA(text)
	if err != nil {
		return nil, fmt.Errorf("the CA file or ca.crt of the mail server %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil { // there are none
		pool = x509.NewCertPool()
	}
	for _, each := range certificates {
		pool.AddCert(each)
	}
	return pool, nil
}
