// Package mail_test holds real SMTP conversations between the sender of mail and the mail catcher.
package mail_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/mail"
)

const (
	sender    = "partners@acme.example"
	recipient = "mara@partner.example"

	username, password = "operator", "right"

	// patience ends a test that would otherwise hang. No test waits that long when it passes.
	patience = 20 * time.Second
)

// startTLS and implicitTLS are the two catchers whose certificates this process trusts. The system's roots are read
// once, so they start before the first test and are the same for all tests. They ask for a password.
var startTLS, implicitTLS *mailcatcher.Catcher

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	folder, err := os.MkdirTemp("", "roots")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()

	locked := mailcatcher.Options{HTTPAddress: "-", Username: username, Password: password}
	var certificates []byte
	for _, server := range []struct {
		catcher               **mailcatcher.Catcher
		startTLS, implicitTLS bool
	}{
		{catcher: &startTLS, startTLS: true},
		{catcher: &implicitTLS, implicitTLS: true},
	} {
		locked.STARTTLS, locked.ImplicitTLS = server.startTLS, server.implicitTLS
		catcher, startErr := mailcatcher.Start(locked)
		if startErr != nil {
			return 0, startErr
		}
		defer func() { err = errors.Join(err, catcher.Close()) }()
		*server.catcher = catcher
		certificates = append(certificates, catcher.CACertificate()...)
	}
	roots := filepath.Join(folder, "roots.pem")
	if err := os.WriteFile(roots, certificates, 0o600); err != nil {
		return 0, err
	}
	if err := os.Setenv("SSL_CERT_FILE", roots); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// start starts a catcher that ends with the test. It has no web page.
func start(t testing.TB, options mailcatcher.Options) *mailcatcher.Catcher {
	t.Helper()
	options.HTTPAddress = "-"
	catcher, err := mailcatcher.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := catcher.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return catcher
}

// emptied gives a shared catcher as if it were new, but for its count of connections.
func emptied(t testing.TB, catcher *mailcatcher.Catcher) *mailcatcher.Catcher {
	t.Helper()
	catcher.Script()
	catcher.Reset()
	t.Cleanup(func() { catcher.Script() })
	return catcher
}

// to is the configuration of a sender to a plain server.
func to(t testing.TB, address string) smtp.Config {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return smtp.Config{Host: host, Port: number, TLS: smtp.None}
}

// signedIn is the configuration of a sender to one of the shared catchers, with its password in a file.
func signedIn(t testing.TB, catcher *mailcatcher.Catcher) smtp.Config {
	t.Helper()
	config := to(t, catcher.SMTPAddr())
	config.TLS = smtp.StartTLS
	if catcher == implicitTLS {
		config.TLS = smtp.Implicit
	}
	config.Username = username
	config.PasswordFile = filepath.Join(t.TempDir(), "password")
	writePassword(t, config, password)
	return config
}

func writePassword(t testing.TB, config smtp.Config, password string) {
	t.Helper()
	if err := os.WriteFile(config.PasswordFile, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// connectTo makes a sender whose kept connections are closed with the test.
func connectTo(t testing.TB, config smtp.Config) *smtp.Channel {
	t.Helper()
	s := smtp.NewChannel(config)
	t.Cleanup(func() { hangUp(t, s) })
	return s
}

// hangUp closes the kept connections of a sender, as the end of the process does.
func hangUp(t testing.TB, s *smtp.Channel) {
	t.Helper()
	s.Close()
}

func within(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	return ctx
}

func mustSend(t testing.TB, c *smtp.Channel, message mail.Message) {
	t.Helper()
	if o := c.Dispatch(within(t, patience), message); o.Class != delivery.Accepted {
		t.Fatalf("got %+v", o)
	}
}

// wantFailure sends a mail that cannot be delivered.
func wantFailure(t testing.TB, c *smtp.Channel, message mail.Message) delivery.Outcome {
	t.Helper()
	o := c.Dispatch(within(t, patience), message)
	if o.Class == delivery.Accepted {
		t.Fatal("the mail was taken")
	}
	return o
}

// wantMail gives the only mail that a catcher has.
func wantMail(t testing.TB, catcher *mailcatcher.Catcher) mailcatcher.Message {
	t.Helper()
	messages := catcher.Messages()
	if len(messages) != 1 {
		t.Fatalf("got %d mails, want 1", len(messages))
	}
	return messages[0]
}

// wantEachOnce checks that so many mails of numbered arrived, each of them once.
func wantEachOnce(t testing.TB, catcher *mailcatcher.Catcher, count int) {
	t.Helper()
	var got, want []string
	for _, message := range catcher.Messages() {
		got = append(got, message.MessageID)
	}
	for n := range count {
		want = append(want, "<"+numbered(n).ID+">")
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %d mails, want %d, each once: %q", len(got), count, got)
	}
}

// from is the sender, called by a name.
func from(name string) *netmail.Address { return &netmail.Address{Name: name, Address: sender} }

// content is what an invite says.
func content() mail.Content {
	return mail.Content{
		FirstName:  "Mara",
		Programs:   []mail.ProgramLine{{Name: "Resellers", Description: "Sell what we make.", Group: "Gold"}},
		Link:       "https://partners.acme.example/invite#abcdef",
		ExpiryTime: time.Date(2030, time.March, 4, 5, 6, 0, 0, time.UTC),
	}
}

// invite is the mail of an invite by Acme.
func invite(t testing.TB, content mail.Content) mail.Message {
	t.Helper()
	return inviteFrom(t, "Acme", content)
}

// inviteFrom is the mail of an invite by a company of this name.
func inviteFrom(t testing.TB, company string, content mail.Content) mail.Message {
	t.Helper()
	message, err := mail.Render(v1alpha1.MailInvite, brand.Default(from(company)), content, nil)
	if err != nil {
		t.Fatal(err)
	}
	message.ID, message.To = "invite.4f1c.1@acme.example", recipient
	return message
}

// numbered is one of many short mails, with an ID of its own.
func numbered(n int) mail.Message {
	return mail.Message{
		Kind: v1alpha1.MailInvite, ID: fmt.Sprintf("invite.%04d.1@acme.example", n), To: recipient, From: from("Acme"),
		Subject: "Acme invites you", Text: "Hello", HTML: "<p>Hello</p>",
	}
}
