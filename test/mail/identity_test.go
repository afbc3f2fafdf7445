package mail_test

import (
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// The name in EHLO is never that of the machine, which nobody can look up, so strict servers refuse it.
func TestTheNameInEHLO(t *testing.T) {
	secret := func(keys map[string]string) func(t *testing.T, address string) smtp.Config {
		return func(t *testing.T, address string) smtp.Config {
			t.Helper()
			data := map[string][]byte{"url": []byte("smtp://" + address + "?tls=none")}
			for key, value := range keys {
				data[key] = []byte(value)
			}
			config, err := smtp.ParseSecret(data)
			if err != nil {
				t.Fatal(err)
			}
			return config
		}
	}
	flag := func(helo string) func(t *testing.T, address string) smtp.Config {
		return func(t *testing.T, address string) smtp.Config {
			config := to(t, address)
			config.Helo = helo
			return config
		}
	}
	for name, test := range map[string]struct {
		config func(t *testing.T, address string) smtp.Config
		sender string
		want   string
	}{
		"by the flag":                       {flag("operator.example.com"), sender, "operator.example.com"},
		"by the host of the portal":         {flag(smtp.DefaultHelo("partners.example.com")), sender, "partners.example.com"},
		"the portal has no such host":       {flag(smtp.DefaultHelo("localhost")), sender, "acme.example"},
		"by the Secret":                     {secret(map[string]string{"helo": "mail.acme.example"}), sender, "mail.acme.example"},
		"a literal by the Secret":           {secret(map[string]string{"helo": "[192.0.2.1]"}), sender, "[192.0.2.1]"},
		"nothing in the Secret":             {secret(nil), sender, "acme.example"},
		"the domain of the sender has none": {flag(""), "partners@localhost", "[127.0.0.1]"},
	} {
		t.Run(name, func(t *testing.T) {
			wire := tap(t, start(t, mailcatcher.Options{}).SMTPAddr(), nil)
			s := connectTo(t, test.config(t, wire.address()))
			message := numbered(0)
			message.From = &netmail.Address{Address: test.sender}
			mustSend(t, s, message)
			if said := wire.said()[0]; said != "EHLO "+test.want {
				t.Errorf("said %q, want %q", said, test.want)
			}
		})
	}
}

// Signing in without a mail goes under the name of the mail before, since a server may judge by it.
func TestTheNameOfAProbe(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	wire := tap(t, catcher.SMTPAddr(), nil)
	s := connectTo(t, to(t, wire.address()))
	for n, want := range []string{"EHLO [127.0.0.1]", "EHLO acme.example"} {
		before := len(wire.said())
		if o := s.Probe(within(t, patience)); o.Class != delivery.Accepted {
			t.Fatalf("got %+v", o)
		}
		said := wire.said()[before:]
		if said[len(said)-1] != want {
			t.Errorf("said %q, want %q", said, want)
		}
		mustSend(t, s, numbered(n))
	}
}

// authorities are ways to name the certificates that may vouch for a server.
var authorities = map[string]func(*testing.T, *smtp.Config, []byte){
	"by a file": func(t *testing.T, config *smtp.Config, ca []byte) {
		t.Helper()
		config.CAFile = filepath.Join(t.TempDir(), "ca.crt")
		if err := os.WriteFile(config.CAFile, ca, 0o600); err != nil {
			t.Fatal(err)
		}
	},
	"by a Secret": func(t *testing.T, config *smtp.Config, ca []byte) {
		t.Helper()
		parsed, err := smtp.ParseSecret(map[string][]byte{"url": []byte("smtp://" + config.Address() + "?tls=" + string(config.TLS)), "ca.crt": ca})
		if err != nil {
			t.Fatal(err)
		}
		*config = parsed
	},
}

func TestAnAuthorityOfOurOwn(t *testing.T) {
	for mode, options := range map[smtp.TLSMode]mailcatcher.Options{smtp.StartTLS: {STARTTLS: true}, smtp.Implicit: {ImplicitTLS: true}} {
		for way, name := range authorities {
			t.Run(string(mode)+" "+way, func(t *testing.T) {
				private := start(t, options)
				config := to(t, private.SMTPAddr())
				config.TLS = mode
				o := wantFailure(t, connectTo(t, config), numbered(0))
				if o.Class != delivery.Unreachable || !strings.Contains(o.Message, "certificate signed by unknown authority") {
					t.Errorf("without it: %+v", o)
				}
				name(t, &config, private.CACertificate())
				mustSend(t, connectTo(t, config), numbered(0))
				wantEachOnce(t, private, 1)

				// Those of the system go on counting, and the name in the certificate does, too.
				system := map[smtp.TLSMode]*mailcatcher.Catcher{smtp.StartTLS: startTLS, smtp.Implicit: implicitTLS}[mode]
				known := signedIn(t, emptied(t, system))
				known.CA, known.CAFile = config.CA, config.CAFile
				mustSend(t, connectTo(t, known), numbered(0))
				config.Host = "127.0.0.2"
				if o := wantFailure(t, connectTo(t, config), numbered(1)); o.Class != delivery.Unreachable {
					t.Errorf("of another name: %+v", o)
				}
			})
		}
	}
}

func TestAnAuthorityOfOurOwnOverIPv6(t *testing.T) {
	private := start(t, mailcatcher.Options{STARTTLS: true})
	config, err := smtp.ParseURL("smtp://" + overIPv6(t, private.SMTPAddr()))
	if err != nil {
		t.Fatal(err)
	}
	config.CA = private.CACertificate()
	mustSend(t, connectTo(t, config), numbered(0))
	wantEachOnce(t, private, 1)
}

// A file is read for each connection, as that of the password is, so an authority can be replaced in place.
func TestAReplacedAuthorityCountsForTheNextConnection(t *testing.T) {
	private := start(t, mailcatcher.Options{STARTTLS: true})
	config := to(t, private.SMTPAddr())
	config.TLS, config.CAFile = smtp.StartTLS, filepath.Join(t.TempDir(), "ca.crt")
	s := connectTo(t, config)
	if o := wantFailure(t, s, numbered(0)); o.Class != delivery.Unreachable || !strings.Contains(o.Message, "reading the SMTP CA file") {
		t.Errorf("of a file that is gone: %+v", o)
	}
	if err := os.WriteFile(config.CAFile, startTLS.CACertificate(), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := wantFailure(t, s, numbered(0)); !strings.Contains(o.Message, "certificate signed by unknown authority") {
		t.Errorf("of another authority: %+v", o)
	}
	if err := os.WriteFile(config.CAFile, private.CACertificate(), 0o600); err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, numbered(0))
	wantEachOnce(t, private, 1)
}

// A server on the IPv6 loopback is reached by its address in the url.
func TestAServerOnTheIPv6Loopback(t *testing.T) {
	if err := onIPv6(t).Close(); err != nil {
		t.Fatal(err)
	}
	catcher := start(t, mailcatcher.Options{SMTPAddress: "[::1]:0"})
	config, err := smtp.ParseURL("smtp://" + catcher.SMTPAddr() + "?tls=none")
	if err != nil {
		t.Fatal(err)
	}
	mustSend(t, connectTo(t, config), numbered(0))
	wantEachOnce(t, catcher, 1)
}
