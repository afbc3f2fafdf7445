package mailcatcher

import (
	"crypto/tls"
	"crypto/x509"
	"net/smtp"
	"testing"
)

// trust returns a client configuration that trusts the catcher and nobody else.
func trust(t *testing.T, catcher *Catcher, serverName string) *tls.Config {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(catcher.CACertificate()) {
		t.Fatal("the certificate is not PEM")
	}
	return &tls.Config{RootCAs: roots, ServerName: serverName, MinVersion: tls.VersionTLS12}
}

func TestSTARTTLS(t *testing.T) {
	catcher := start(t, Options{STARTTLS: true, Username: username, Password: password})
	for _, name := range []string{"127.0.0.1", "localhost"} {
		t.Run(name, func(t *testing.T) {
			client := connect(t, catcher)
			if offered, _ := client.Extension("AUTH"); offered {
				t.Error("offers AUTH before STARTTLS")
			}
			if err := client.StartTLS(trust(t, catcher, name)); err != nil {
				t.Fatal(err)
			}
			if err := client.Auth(smtp.PlainAuth("", username, password, "127.0.0.1")); err != nil {
				t.Fatal(err)
			}
			mustSend(t, client, simpleMail("hello"), recipient)
		})
	}
}

func TestSTARTTLSIsAnOffer(t *testing.T) {
	mustSend(t, connect(t, start(t, Options{STARTTLS: true})), simpleMail("hello"), recipient)
}

func TestAStrangerDoesNotTrustTheCertificate(t *testing.T) {
	client := connect(t, start(t, Options{STARTTLS: true}))
	if err := client.StartTLS(&tls.Config{RootCAs: x509.NewCertPool(), ServerName: "localhost"}); err == nil {
		t.Error("no error")
	}
}

func TestImplicitTLS(t *testing.T) {
	catcher := start(t, Options{ImplicitTLS: true, STARTTLS: true})
	conn, err := tls.Dial("tcp", catcher.SMTPAddr(), trust(t, catcher, "localhost"))
	if err != nil {
		t.Fatal(err)
	}
	client := converse(t, conn)
	if offered, _ := client.Extension("STARTTLS"); offered {
		t.Error("offers STARTTLS inside TLS")
	}
	mustSend(t, client, simpleMail("hello"), recipient)
}

func TestRulesUnderTLS(t *testing.T) {
	catcher := start(t, Options{ImplicitTLS: true})
	catcher.Script(
		Rule{Stage: Connect, Times: 1, Code: 421, Text: "busy"},
		Rule{Stage: Data, Times: 1, AcceptThenDrop: true},
	)
	dial := func() *tls.Conn {
		conn, err := tls.Dial("tcp", catcher.SMTPAddr(), trust(t, catcher, "127.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	_, err := smtp.NewClient(dial(), "127.0.0.1")
	_ = wantCode(t, err, 421)
	wantHangUp(t, send(converse(t, dial()), simpleMail("hello"), recipient))
	if catcher.Count() != 1 {
		t.Errorf("got %d mails, want 1", catcher.Count())
	}
}

func TestWithoutTLSThereIsNoCertificate(t *testing.T) {
	if pem := start(t, Options{}).CACertificate(); pem != nil {
		t.Errorf("got %s", pem)
	}
}
