package smtp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"os"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	gomail "github.com/wneessen/go-mail"
)

// What a server answered comes from a server only, so refusals are tested with one; here is what happens without.
func TestFailureWithoutAnAnswer(t *testing.T) {
	dial := func(cause error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: cause} }
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"nobody listens":                  {dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "the mail server cannot be reached: connect: connection refused"},
		"nobody listens, wrapped":         {fmt.Errorf("dialing: %w", dial(syscall.ECONNREFUSED)), "the mail server cannot be reached: connection refused"},
		"no such host":                    {dial(&net.DNSError{Err: "no such host", Name: "mail.example.com", IsNotFound: true}), "the mail server cannot be reached: no such host"},
		"the names are out of order":      {dial(&net.DNSError{Err: "read udp 10.244.0.5:45678->10.96.0.10:53: connection refused", Name: "mail.example.com", Server: "10.96.0.10:53"}), "the mail server cannot be reached: its name could not be looked up"},
		"it answers in another language":  {fmt.Errorf("greeting: %w", textproto.ProtocolError(`short response: "-ERR token=abc"`)), "the mail server does not answer as a mail server does; check its port and tls"},
		"it talks without end":            {fmt.Errorf("greeting: %w", errTalkative), "the mail server said more than a mail server says"},
		"the platform does not want it":   {dial(errNotAllowed), NotAllowed},
		"the time is over":                {context.DeadlineExceeded, "the mail server did not answer in time"},
		"the time of connecting is over":  {dial(os.ErrDeadlineExceeded), "the mail server did not answer in time"},
		"the time of reading is over":     {&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, "the mail server did not answer in time"},
		"the operator stops":              {context.Canceled, "the mail server was not waited for, since the operator stops"},
		"the connection ends":             {io.EOF, "the mail server broke off the connection before it heard of the mail"},
		"the connection breaks":           {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, "the mail server broke off the connection before it heard of the mail"},
		"it breaks with the sender":       {&gomail.SendError{Reason: gomail.ErrSMTPMailFrom}, "the mail server broke off the connection while hearing the sender"},
		"it breaks with the recipient":    {&gomail.SendError{Reason: gomail.ErrSMTPRcptTo}, "the mail server broke off the connection while hearing the recipient"},
		"it breaks with the mail":         {&gomail.SendError{Reason: gomail.ErrWriteContent}, "the mail server broke off the connection while hearing the mail"},
		"it breaks at the end":            {&gomail.SendError{Reason: gomail.ErrSMTPDataClose}, "the mail server broke off the connection while taking the mail"},
		"it refuses to be signed in to":   {fmt.Errorf("SMTP AUTH failed: %w", &textproto.Error{Code: 535, Msg: "5.7.8 no"}), "the mail server cannot be used: 535 5.7.8 no"},
		"it knows no way of signing in":   {gomail.ErrNoSupportedAuthDiscovered, "the mail server offers no way to sign in that keeps the password secret on this connection; use tls=starttls or tls=implicit"},
		"a certificate that is not right": {errors.New("tls: failed to verify certificate"), "the mail server cannot be used: tls: failed to verify certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			got := failure(test.err)
			if got.Permanent {
				t.Error("it is permanent")
			}
			if got.Message != test.want {
				t.Errorf("the message is %q, want %q", got.Message, test.want)
			}
		})
	}
}

func TestFaultOfTransport(t *testing.T) {
	for code, want := range map[int]bool{
		530: true, 534: true, 535: true, 538: true,
		0: false, 421: false, 450: false, 454: false, 500: false, 550: false, 552: false, 554: false,
	} {
		if got := faultOfTransport(code); got != want {
			t.Errorf("faultOfTransport(%d) = %v", code, got)
		}
	}
}

func TestAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"an answer":               {&textproto.Error{Code: 550, Msg: "5.1.1 nobody"}, "550 5.1.1 nobody"},
		"of several lines":        {&textproto.Error{Code: 550, Msg: "5.1.1 nobody\n5.1.1 of that name"}, "550 5.1.1 nobody\n5.1.1 of that name"},
		"with quotes in it":       {&textproto.Error{Code: 550, Msg: `no "ada" here`}, `550 no "ada" here`},
		"inside of another error": {fmt.Errorf("sending SMTP RCPT TO command: %w, affected recipient(s): <ada@example.com>", &textproto.Error{Code: 550, Msg: "nobody"}), "550 nobody"},
		"anything else":           {errors.New("tls: bad record MAC"), "tls: bad record MAC"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := answer(test.err); got != test.want {
				t.Errorf("answer = %q, want %q", got, test.want)
			}
		})
	}
}

func TestClean(t *testing.T) {
	for name, test := range map[string]struct{ in, want string }{
		"plain":                          {"550 mailbox unavailable", "550 mailbox unavailable"},
		"several lines":                  {" 550 5.1.1\r\n  mailbox\tunavailable \n", "550 5.1.1 mailbox unavailable"},
		"control characters":             {"550\x00no\x1b[31m", "550 no [31m"},
		"an address":                     {"550 ada@example.com: no such user", "550 ***: no such user"},
		"an address in angle brackets":   {"550 <ada@example.com>... User unknown", "550 <***>... User unknown"},
		"an address in quotes":           {`550 "ada@example.com" is nobody`, `550 "***" is nobody`},
		"an address in round brackets":   {"550 no (ada@example.com)", "550 no (***)"},
		"two addresses":                  {"550 ada@example.com,bob@example.org", "550 ***,***"},
		"an address with a tag":          {"550 ada+partners@example.com", "550 ***"},
		"an address with odd characters": {"550 a!#$%&*/=?^_{|}~b@example.com", "550 ***"},
		"an international domain":        {"550 zoe@bücher.example", "550 ***"},
		"not Latin":                      {"550 почтовый ящик", "550 почтовый ящик"},
		"nothing":                        {"", ""},
		"endless":                        {strings.Repeat("é", 400), strings.Repeat("é", 300) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			got := clean(test.in)
			if got != test.want {
				t.Errorf("clean = %q, want %q", got, test.want)
			}
			if utf8.RuneCountInString(got) > 301 {
				t.Errorf("it has %d characters", utf8.RuneCountInString(got))
			}
		})
	}
}

func TestWithout(t *testing.T) {
	for in, want := range map[string]string{
		"550 User jane.roe unknown":                  "550 User *** unknown",
		"550 JANE.ROE: no relay for BigCorp.example": "550 ***: no relay for ***",
		"550 no mail for jane.roes":                  "550 no mail for jane.roes",
		"550 mailbox full":                           "550 mailbox full",
	} {
		if got := without(in, "jane.roe@bigcorp.example"); got != want {
			t.Errorf("without = %q, want %q", got, want)
		}
	}
	if got := without("550 nobody", ""); got != "550 nobody" {
		t.Errorf("without = %q", got)
	}
}

// An apostrophe is a character of an address as any other.
func TestCleanLeavesNothingOfALocalPart(t *testing.T) {
	for _, text := range []string{"550 annamaria.o'neil@example.com", "550 <annamaria.o'neil@example.com>", "550 'annamaria.o'neil@example.com'", "550 'annamaria@example.com'"} {
		if got := clean(text); strings.Contains(got, "annamaria") || strings.Contains(got, "neil") {
			t.Errorf("clean = %q", got)
		}
	}
}
