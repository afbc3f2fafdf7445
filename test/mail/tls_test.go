package mail_test

import (
	"os"
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/internal/mail/smtp"
)

func TestMailOverTLSWithAPassword(t *testing.T) {
	for name, catcher := range map[string]*mailcatcher.Catcher{"STARTTLS": startTLS, "implicit TLS": implicitTLS} {
		for way, host := range map[string]string{"by address": "127.0.0.1", "by name": "localhost"} {
			t.Run(name+" "+way, func(t *testing.T) {
				emptied(t, catcher)
				config := signedIn(t, catcher)
				config.Host = host
				before := catcher.Connections()
				s := connectTo(t, config)
				for n := range 3 {
					mustSend(t, s, numbered(n))
				}
				wantEachOnce(t, catcher, 3)
				if made := catcher.Connections() - before; made != 1 {
					t.Errorf("made %d connections", made)
				}
			})
		}
	}
}

func TestMailOverTLSWithoutAPassword(t *testing.T) {
	for name, catcher := range map[string]*mailcatcher.Catcher{"STARTTLS": startTLS, "implicit TLS": implicitTLS} {
		t.Run(name, func(t *testing.T) {
			emptied(t, catcher)
			config := signedIn(t, catcher)
			config.Username, config.PasswordFile = "", ""
			failure := wantFailure(t, connectTo(t, config), numbered(0))
			if failure.Permanent || !strings.Contains(failure.Message, "530 5.7.0") {
				t.Errorf("got %+v, want the server's own demand", failure)
			}
		})
	}
}

// The certificate is for localhost and 127.0.0.1 alone.
func TestACertificateForAnotherHostIsRefused(t *testing.T) {
	for name, catcher := range map[string]*mailcatcher.Catcher{"STARTTLS": startTLS, "implicit TLS": implicitTLS} {
		t.Run(name, func(t *testing.T) {
			emptied(t, catcher)
			config := signedIn(t, catcher)
			config.Host = "127.0.0.2"
			failure := wantFailure(t, connectTo(t, config), numbered(0))
			// A system that has no other loopback address cannot get as far as the certificate.
			if failure.Permanent || !strings.Contains(failure.Message, "certificate") && !strings.Contains(failure.Message, "cannot be reached") {
				t.Errorf("got %+v", failure)
			}
			if catcher.Count() != 0 {
				t.Error("the mail was sent all the same")
			}
		})
	}
}

func TestNothingIsSaidBeforeSTARTTLS(t *testing.T) {
	wire := tap(t, start(t, mailcatcher.Options{}).SMTPAddr(), nil)
	config := to(t, wire.address())
	config.TLS = smtp.StartTLS
	_ = wantFailure(t, connectTo(t, config), numbered(0))
	for _, line := range wire.said() {
		if !strings.HasPrefix(line, "EHLO ") && line != "QUIT" {
			t.Errorf("said %q", line)
		}
	}
}

func TestARotatedPasswordIsUsedForTheNextConnection(t *testing.T) {
	catcher := emptied(t, startTLS)
	config := signedIn(t, catcher)
	s := connectTo(t, config)

	writePassword(t, config, "not yet right")
	if failure := wantFailure(t, s, numbered(0)); failure.Permanent || !strings.Contains(failure.Message, "535") {
		t.Errorf("got %+v", failure)
	}
	writePassword(t, config, password)
	mustSend(t, s, numbered(0))

	writePassword(t, config, "no longer right")
	mustSend(t, s, numbered(1)) // The connection is signed in already.
	restart(t, catcher)
	if failure := wantFailure(t, s, numbered(2)); failure.Permanent || !strings.Contains(failure.Message, "535") {
		t.Errorf("got %+v", failure)
	}
	writePassword(t, config, password)
	mustSend(t, s, numbered(2))
	wantEachOnce(t, catcher, 3)
}

func TestThePasswordFileIsReadAsItIs(t *testing.T) {
	for name, test := range map[string]struct {
		content string
		right   bool
	}{
		"without a line end":    {password, true},
		"with a line end":       {password + "\n", true},
		"with a CR LF":          {password + "\r\n", true},
		"with a blank behind":   {password + " ", false},
		"with nothing in it":    {"", false},
		"with a line before it": {"\n" + password, false},
	} {
		t.Run(name, func(t *testing.T) {
			catcher := emptied(t, startTLS)
			config := signedIn(t, catcher)
			if err := os.WriteFile(config.PasswordFile, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			err := connectTo(t, config).Send(within(t, patience), numbered(0))
			if right := err == nil; right != test.right {
				t.Errorf("got the error %v", err)
			}
		})
	}
}
