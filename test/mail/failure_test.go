package mail_test

import (
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

var address = regexp.MustCompile(`[^\s<>"'(),;:]+@[^\s<>"'(),;:]+`)

// wantNoAddress checks that a text for status names nobody and is one short line.
func wantNoAddress(t *testing.T, text string) {
	t.Helper()
	for _, found := range address.FindAllString(text, -1) {
		t.Errorf("it tells of the address %s: %q", found, text)
	}
	if strings.ContainsFunc(text, unicode.IsControl) || len([]rune(text)) > 400 {
		t.Errorf("it is not one short line: %q", text)
	}
}

// opening starts a server and tells how to send to it.
type opening func(t *testing.T) (*mailcatcher.Catcher, smtp.Config)

func TestFailures(t *testing.T) {
	// refusal is what a server says, naming the people as servers do.
	const refusal = "<mara@partner.example>: not on behalf of partners@acme.example"
	// open is a server without TLS, closed one with STARTTLS and a password that this process trusts.
	open := func(t *testing.T) (*mailcatcher.Catcher, smtp.Config) {
		catcher := start(t, mailcatcher.Options{})
		return catcher, to(t, catcher.SMTPAddr())
	}
	closed := func(t *testing.T) (*mailcatcher.Catcher, smtp.Config) {
		catcher := emptied(t, startTLS)
		return catcher, signedIn(t, catcher)
	}
	over := func(server opening, change func(*smtp.Config)) opening {
		return func(t *testing.T) (*mailcatcher.Catcher, smtp.Config) {
			catcher, config := server(t)
			change(&config)
			return catcher, config
		}
	}
	stranger := func(options mailcatcher.Options, mode smtp.TLSMode) opening {
		return func(t *testing.T) (*mailcatcher.Catcher, smtp.Config) {
			catcher := start(t, options)
			config := to(t, catcher.SMTPAddr())
			config.TLS = mode
			return catcher, config
		}
	}
	for name, test := range map[string]struct {
		server opening
		rule   mailcatcher.Rule
		stage  delivery.Stage
		class  delivery.Class
		says   string
		kept   int
	}{
		"the greeting says 421": {
			stage: delivery.StageGreeting, class: delivery.Unreachable,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Connect, Code: 421, Text: "come back later " + refusal},
			says: "421 4.0.0 come back later",
		},
		"the greeting says 554": {
			stage: delivery.StageGreeting, class: delivery.Refused,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Connect, Code: 554, Text: "no service here " + refusal},
			says: "554 5.0.0 no service here",
		},
		"the connection drops before the greeting": {
			stage: delivery.StageGreeting, class: delivery.Unreachable,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Connect, Drop: true},
			says: "broke off the connection",
		},
		"EHLO says 421 and hangs up": {
			stage: delivery.StageHello, class: delivery.Unreachable,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Ehlo, Code: 421, Enhanced: "4.7.0", Text: "Try again later, closing connection. (EHLO) " + refusal},
			says: "cannot be used: 421 4.7.0 Try again later, closing connection. (EHLO) <***>",
		},
		"EHLO says 421 of two lines and hangs up": {
			stage: delivery.StageHello, class: delivery.Unreachable,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Ehlo, Code: 421, Enhanced: "4.7.0", Text: "Try again later,\nclosing connection."},
			says: "cannot be used: 421 4.7.0 Try again later, closing connection.",
		},
		"EHLO is refused": {
			stage: delivery.StageHello, class: delivery.Refused,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Ehlo, Code: 550, Enhanced: "5.7.1", Text: "EHLO from unknown host refused"},
			says: "cannot be used: 550 5.7.1 EHLO from unknown host refused",
		},
		"a wrong password": {
			stage: delivery.StageSignIn, class: delivery.Refused,
			server: over(closed, func(c *smtp.Config) { c.PasswordFile = "" }),
			says:   "535 ",
		},
		"the sign-in is refused with 535": {
			stage: delivery.StageSignIn, class: delivery.Refused,
			server: closed, rule: mailcatcher.Rule{Stage: mailcatcher.Auth, Code: 535, Text: "bad credentials of " + refusal},
			says: "535 5.0.0 bad credentials",
		},
		"the sign-in is refused with 454": {
			stage: delivery.StageSignIn, class: delivery.Unreachable,
			server: closed, rule: mailcatcher.Rule{Stage: mailcatcher.Auth, Code: 454, Text: "the directory is down"},
			says: "454 4.0.0 the directory is down",
		},
		"the connection drops at the sign-in": {
			stage: delivery.StageSignIn, class: delivery.Unreachable,
			server: closed, rule: mailcatcher.Rule{Stage: mailcatcher.Auth, Drop: true},
			says: "broke off the connection",
		},
		"no user name for a server that wants one": {
			stage: delivery.StageSender, class: delivery.Refused,
			server: over(closed, func(c *smtp.Config) { c.Username = "" }),
			says:   "530 5.7.0 Authentication required",
		},
		"a user name for a server that takes none": {
			stage: delivery.StageSignIn, class: delivery.Refused,
			server: over(open, func(c *smtp.Config) { c.Username = username }),
			says:   "does not support SMTP AUTH",
		},
		"the password file is missing": {
			stage: delivery.StageSignIn, class: delivery.Unreachable,
			server: over(closed, func(c *smtp.Config) { c.PasswordFile += ".gone" }),
			says:   "reading the SMTP password file",
		},
		"no STARTTLS where it is asked for": {
			stage: delivery.StageTLS, class: delivery.Unreachable,
			server: over(open, func(c *smtp.Config) { c.TLS = smtp.StartTLS }),
			says:   "does not support STARTTLS",
		},
		"no TLS where it is asked for": {
			stage: delivery.StageTLS, class: delivery.Unreachable,
			server: over(open, func(c *smtp.Config) { c.TLS = smtp.Implicit }),
			says:   "does not look like a TLS handshake",
		},
		"the certificate after STARTTLS is not trusted": {
			stage: delivery.StageTLS, class: delivery.Unreachable,
			server: stranger(mailcatcher.Options{STARTTLS: true}, smtp.StartTLS),
			says:   "certificate signed by unknown authority",
		},
		"the certificate is not trusted": {
			stage: delivery.StageTLS, class: delivery.Unreachable,
			server: stranger(mailcatcher.Options{ImplicitTLS: true}, smtp.Implicit),
			says:   "certificate signed by unknown authority",
		},
		"the sender is refused with 550": {
			stage: delivery.StageSender, class: delivery.Refused,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.MailFrom, Code: 550, Text: refusal},
			says: "answered while hearing the sender: 550 5.0.0 <***>: not on behalf of ***",
		},
		"the sender is refused with 451": {
			stage: delivery.StageSender, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.MailFrom, Code: 451, Text: refusal},
			says: "answered while hearing the sender: 451 4.0.0",
		},
		"the connection drops at the sender": {
			stage: delivery.StageSender, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.MailFrom, Drop: true},
			says: "broke off the connection while hearing the sender",
		},
		"the recipient is refused with 550": {
			stage: delivery.StageRecipient, class: delivery.Recipient,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550, Enhanced: "5.1.1", Text: refusal},
			says: "answered while hearing the recipient: 550 5.1.1 <***>: not on behalf of ***",
		},
		"the recipient is refused in three lines": {
			stage: delivery.StageRecipient, class: delivery.Recipient,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550, Enhanced: "5.1.1", Text: "The email account\n" + refusal + "\ndoes not exist."},
			says: "550 5.1.1 The email account <***>: not on behalf of *** does not exist.",
		},
		"the recipient is refused without an enhanced code": {
			stage: delivery.StageRecipient, class: delivery.Recipient,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550, Enhanced: "-", Text: refusal},
			says: "answered while hearing the recipient: 550 <***>: not on behalf of ***",
		},
		"the recipient is refused, and the enhanced code is an address": {
			stage: delivery.StageRecipient, class: delivery.Ambiguous,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 554, Enhanced: "-", Text: "Client host [4.31.198.44] blocked"},
			says: "554 Client host [4.31.198.44] blocked",
		},
		"relaying is denied": {
			stage: delivery.StageRecipient, class: delivery.Ambiguous,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 554, Enhanced: "5.7.1", Text: "Relay access denied"},
			says: "554 5.7.1 Relay access denied",
		},
		"an enhanced code that was not announced": {
			stage: delivery.StageRecipient, class: delivery.Refused,
			server: func(t *testing.T) (*mailcatcher.Catcher, smtp.Config) {
				catcher := start(t, mailcatcher.Options{})
				return catcher, to(t, tap(t, catcher.SMTPAddr(), func(command string) (string, bool) {
					switch {
					case strings.HasPrefix(command, "EHLO "):
						return "250-mail.example\r\n250 8BITMIME", false
					case strings.HasPrefix(command, "RCPT "):
						return "550 5.1.8 no such sender", false
					}
					return map[string]string{"MAIL FROM:<partners@acme.example> BODY=8BITMIME": "250 ok"}[command], false
				}).address())
			},
			says: "550 5.1.8 no such sender",
		},
		"the recipient is quoted in parts": {
			stage: delivery.StageRecipient, class: delivery.Recipient,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550, Enhanced: "5.1.1", Text: "Mara is unknown at partner.example"},
			says: "550 5.1.1 *** is unknown at ***",
		},
		"the recipient is refused with 451": {
			stage: delivery.StageRecipient, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 451, Enhanced: "4.7.1", Text: "greylisted " + refusal},
			says: "answered while hearing the recipient: 451 4.7.1 greylisted",
		},
		"the server closes with 421 at the recipient": {
			stage: delivery.StageRecipient, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 421, Text: refusal},
			says: "answered while hearing the recipient: 421 4.0.0",
		},
		"a sign-in is asked for with 530 at the recipient": {
			stage: delivery.StageRecipient, class: delivery.Refused,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 530, Text: "sign in first"},
			says: "answered while hearing the recipient: 530 5.0.0 sign in first",
		},
		"the connection drops at the recipient": {
			stage: delivery.StageRecipient, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Drop: true},
			says: "broke off the connection while hearing the recipient",
		},
		"the mail is refused with 554": {
			stage: delivery.StageContent, class: delivery.Ambiguous,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Data, Code: 554, Text: "it looks like spam to " + refusal},
			says: "answered while taking the mail: 554 5.0.0 it looks like spam",
		},
		"the mail is refused with 452": {
			stage: delivery.StageContent, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Data, Code: 452, Text: "the disk is full"},
			says: "answered while taking the mail: 452 4.0.0 the disk is full",
		},
		"a sign-in is asked for with 530 at the mail": {
			stage: delivery.StageContent, class: delivery.Refused,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Data, Code: 530, Text: "sign in first"},
			says: "answered while taking the mail: 530 5.0.0 sign in first",
		},
		"the connection drops in the middle of the mail": {
			stage: delivery.StageContent, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Body, Drop: true},
			says: "broke off the connection while taking the mail",
		},
		"STARTTLS is refused": {
			stage: delivery.StageTLS, class: delivery.Unreachable,
			server: func(t *testing.T) (*mailcatcher.Catcher, smtp.Config) {
				catcher := start(t, mailcatcher.Options{STARTTLS: true})
				config := to(t, tap(t, catcher.SMTPAddr(), func(command string) (string, bool) {
					return map[string]string{"STARTTLS": "454 4.7.0 TLS not available"}[command], false
				}).address())
				config.TLS = smtp.StartTLS
				return catcher, config
			},
			says: "454 4.7.0 TLS not available",
		},
		"the connection drops after the final dot": {
			stage: delivery.StageContent, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Data, Drop: true},
			says: "broke off the connection while taking the mail",
		},
		"the mail is taken and the connection drops before the answer": {
			stage: delivery.StageContent, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Data, AcceptThenDrop: true},
			says: "broke off the connection while taking the mail", kept: 1,
		},
		"the answer is very long": {
			stage: delivery.StageRecipient, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 451, Text: strings.Repeat("wait for "+refusal+" ", 15)},
			says: "451 4.0.0 wait for",
		},
		"the answer has several lines": {
			stage: delivery.StageRecipient, class: delivery.Recipient,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550, Text: "no such person\nask " + refusal},
			says: "550 5.0.0 no such person 5.0.0 ask <***>",
		},
		"the answer holds control characters": {
			stage: delivery.StageRecipient, class: delivery.Temporary,
			server: open, rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 451, Text: "a \x1b[31mred\x1b[0m\x00 bell\a"},
			says: "451 4.0.0 a",
		},
	} {
		t.Run(name, func(t *testing.T) {
			catcher, config := test.server(t)
			if test.rule != (mailcatcher.Rule{}) {
				catcher.Script(test.rule)
			}
			failure := wantFailure(t, connectTo(t, config), invite(t, content()))
			if failure.Class != test.class || failure.Stage != test.stage {
				t.Errorf("got %+v, want %s at %s", failure, test.class, test.stage)
			}
			if !strings.HasPrefix(failure.Message, "the mail server ") || !strings.Contains(failure.Message, test.says) {
				t.Errorf("got %q, want one with %q", failure.Message, test.says)
			}
			if strings.Contains(failure.Message, "EOF") || strings.Contains(failure.Message, "127.0.0.1") {
				t.Errorf("%q tells what only a programmer understands", failure.Message)
			}
			wantNoAddress(t, failure.Message)
			if catcher.Count() != test.kept {
				t.Errorf("the server kept %d mails, want %d", catcher.Count(), test.kept)
			}
		})
	}
}

// The words of a mail server that a tenant names are told once it has greeted as one; before that neither its greeting
// nor its certificate is.
func TestWordsOfATenantsServer(t *testing.T) {
	hosts, err := smtp.ParseHosts("127.0.0.0/8")
	if err != nil {
		t.Fatal(err)
	}
	plain := start(t, mailcatcher.Options{})
	for name, test := range map[string]struct {
		catcher *mailcatcher.Catcher
		config  smtp.Config
		rule    mailcatcher.Rule
		says    string
		class   delivery.Class
	}{
		"a greeting that refuses": {
			plain, to(t, plain.SMTPAddr()), mailcatcher.Rule{Stage: mailcatcher.Connect, Code: 554, Text: "token=abc123"},
			"the mail server does not greet with 220", delivery.Refused,
		},
		"a greeting that refuses for now": {
			plain, to(t, plain.SMTPAddr()), mailcatcher.Rule{Stage: mailcatcher.Connect, Code: 421, Text: "token=abc123"},
			"the mail server does not greet with 220", delivery.Unreachable,
		},
		"a greeting that refuses, over implicit TLS": {
			implicitTLS, signedIn(t, implicitTLS), mailcatcher.Rule{Stage: mailcatcher.Connect, Code: 554, Text: "token=abc123"},
			"the mail server does not greet with 220", delivery.Refused,
		},
		"a refused sign-in after STARTTLS": {
			startTLS, signedIn(t, startTLS), mailcatcher.Rule{Stage: mailcatcher.Auth, Code: 535, Text: "token=abc123"},
			"535 5.0.0 token=abc123", delivery.Refused,
		},
		"a refused sign-in over implicit TLS": {
			implicitTLS, signedIn(t, implicitTLS), mailcatcher.Rule{Stage: mailcatcher.Auth, Code: 535, Text: "token=abc123"},
			"535 5.0.0 token=abc123", delivery.Refused,
		},
		"a refused sender": {
			plain, to(t, plain.SMTPAddr()), mailcatcher.Rule{Stage: mailcatcher.MailFrom, Code: 550, Text: "token=abc123"},
			"550 5.0.0 token=abc123", delivery.Refused,
		},
	} {
		t.Run(name, func(t *testing.T) {
			emptied(t, test.catcher).Script(test.rule)
			test.config.Guard = &smtp.Guard{Hosts: hosts}
			failure := wantFailure(t, connectTo(t, test.config), invite(t, content()))
			if !strings.Contains(failure.Message, test.says) || failure.Class != test.class {
				t.Errorf("got %+v, want one with %q", failure, test.says)
			}
		})
	}
	t.Run("a certificate that is not trusted", func(t *testing.T) {
		stranger := start(t, mailcatcher.Options{ImplicitTLS: true})
		config := to(t, stranger.SMTPAddr())
		config.TLS, config.Guard = smtp.Implicit, &smtp.Guard{Hosts: hosts}
		failure := wantFailure(t, connectTo(t, config), invite(t, content()))
		if failure.Message != "the mail server has a certificate that is not trusted, or not for its name" {
			t.Errorf("got %+v", failure)
		}
	})
}

func TestAServerThatRefusesTheConnection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]smtp.TLSMode{"plain": smtp.None, "STARTTLS": smtp.StartTLS, "implicit TLS": smtp.Implicit} {
		t.Run(name, func(t *testing.T) {
			config := to(t, listener.Addr().String())
			config.TLS = mode
			failure := wantFailure(t, connectTo(t, config), invite(t, content()))
			if failure.Class != delivery.Unreachable || failure.Message != "the mail server cannot be reached: connect: connection refused" {
				t.Errorf("got %+v", failure)
			}
		})
	}
}

// The library signs in over an unprotected connection only with a mechanism that keeps the password secret.
func TestAPasswordIsNotSentUnprotected(t *testing.T) {
	catcher := start(t, mailcatcher.Options{Username: username, Password: password})
	wire := tap(t, catcher.SMTPAddr(), nil)
	config := signedIn(t, catcher)
	config.Port, config.TLS = to(t, wire.address()).Port, smtp.None
	failure := wantFailure(t, connectTo(t, config), invite(t, content()))
	if failure.Class != delivery.Refused || !strings.Contains(failure.Message, "tls=") {
		t.Errorf("got %+v, want one that names tls= as the remedy", failure)
	}
	for _, line := range wire.said() {
		if strings.HasPrefix(line, "AUTH") {
			t.Error("the password went over the wire")
		}
	}
}

func TestAMailIsDeliveredThoughTheGoodbyeFails(t *testing.T) {
	for name, meddle := range map[string]func(command string) (string, bool){
		"the connection drops": func(command string) (string, bool) { return "", command == "RSET" || command == "QUIT" },
		"the answer is 421": func(command string) (string, bool) {
			if command == "RSET" || command == "QUIT" {
				return "421 4.3.2 going down", false
			}
			return "", false
		},
	} {
		t.Run(name, func(t *testing.T) {
			catcher := start(t, mailcatcher.Options{})
			s := connectTo(t, to(t, tap(t, catcher.SMTPAddr(), meddle).address()))
			mustSend(t, s, numbered(0))
			mustSend(t, s, numbered(1))
			wantEachOnce(t, catcher, 2)
		})
	}
}

func TestAServerThatHangs(t *testing.T) {
	const limit, tolerance = 200 * time.Millisecond, 2 * time.Second
	for name, test := range map[string]struct {
		stage    mailcatcher.Stage
		before   bool
		kept     bool
		implicit bool
	}{
		"before the greeting":                   {stage: mailcatcher.Connect, before: true},
		"before implicit TLS":                   {stage: mailcatcher.Connect, before: true, implicit: true},
		"at EHLO":                               {stage: mailcatcher.Ehlo, before: true},
		"at the sign-in":                        {stage: mailcatcher.Auth, before: true},
		"at the sign-in over implicit TLS":      {stage: mailcatcher.Auth, before: true, implicit: true},
		"at the sender":                         {stage: mailcatcher.MailFrom},
		"at the sender, over a kept connection": {stage: mailcatcher.MailFrom, kept: true},
		"at the recipient":                      {stage: mailcatcher.Rcpt},
		"in the middle of the mail":             {stage: mailcatcher.Body},
		"at the mail":                           {stage: mailcatcher.Data},
		"at the mail, over a kept connection":   {stage: mailcatcher.Data, kept: true},
	} {
		t.Run(name, func(t *testing.T) {
			catcher := startTLS
			if test.implicit {
				catcher = implicitTLS
			}
			emptied(t, catcher)
			s := connectTo(t, signedIn(t, catcher))
			if test.kept {
				mustSend(t, s, numbered(0))
				catcher.Reset()
			}
			catcher.Script(mailcatcher.Rule{Stage: test.stage, Times: 1, Hang: patience, Drop: true})
			began := time.Now()
			failure := s.Dispatch(within(t, limit), numbered(0))
			if took := time.Since(began); took < limit || took > limit+tolerance {
				t.Errorf("it took %s, want little more than %s", took, limit)
			}
			want := delivery.Temporary
			if test.before {
				want = delivery.Unreachable
			}
			if failure.Class != want || failure.BeforeMail != test.before || !failure.Slow || !strings.Contains(failure.Message, "did not answer") {
				t.Errorf("got %+v, want a slow %s that says that the server did not answer", failure, want)
			}
			// The sender is free for the next mail.
			mustSend(t, s, numbered(0))
			wantEachOnce(t, catcher, 1)
		})
	}
}

// RFC 5321 lets a server think for ten minutes after the final dot. One that is given up early delivers the mail all
// the same, and again at the next try.
func TestASlowServerIsWaitedForAsLongAsATryMayTake(t *testing.T) {
	t.Parallel()
	const slow = 12 * time.Second
	if slow >= delivery.SendTimeout {
		t.Fatalf("a try may take %s only", delivery.SendTimeout)
	}
	catcher := start(t, mailcatcher.Options{Delay: slow})
	mustSend(t, connectTo(t, to(t, catcher.SMTPAddr())), numbered(0))
	wantEachOnce(t, catcher, 1)
}
