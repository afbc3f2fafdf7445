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

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/internal/delivery"
)

// What kept a server from answering, and where.
func TestWordsWithoutAnAnswer(t *testing.T) {
	dial := func(cause error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: cause} }
	const connect, hello, signIn = delivery.StageConnect, delivery.StageHello, delivery.StageSignIn
	const sender, recipient, content = delivery.StageSender, delivery.StageRecipient, delivery.StageContent
	const unreachable, refused, temporary = delivery.Unreachable, delivery.Refused, delivery.Temporary
	for name, test := range map[string]struct {
		stage delivery.Stage
		err   error
		class delivery.Class
		slow  bool
		want  string
	}{
		"nobody listens":                  {connect, dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), unreachable, false, "the mail server cannot be reached: connect: connection refused"},
		"nobody listens, wrapped":         {connect, fmt.Errorf("dialing: %w", dial(syscall.ECONNREFUSED)), unreachable, false, "the mail server cannot be reached: connection refused"},
		"no such host":                    {connect, dial(&net.DNSError{Err: "no such host", Name: "mail.example.com", IsNotFound: true}), unreachable, false, "the mail server cannot be reached: no such host"},
		"the names are out of order":      {connect, dial(&net.DNSError{Err: "read udp 10.244.0.5:45678->10.96.0.10:53: connection refused", Name: "mail.example.com", Server: "10.96.0.10:53"}), unreachable, false, "the mail server cannot be reached: its name could not be looked up"},
		"it answers in another language":  {delivery.StageGreeting, fmt.Errorf("greeting: %w", textproto.ProtocolError(`short response: "-ERR token=abc"`)), unreachable, false, "the mail server does not answer as a mail server does; check its port and tls"},
		"it talks without end":            {delivery.StageGreeting, fmt.Errorf("greeting: %w", errTalkative), unreachable, false, "the mail server said more than a mail server says"},
		"the platform does not want it":   {connect, dial(errNotAllowed), delivery.NotAllowed, false, NotAllowed},
		"the time is over":                {hello, context.DeadlineExceeded, unreachable, true, "the mail server did not answer in time"},
		"the time of connecting is over":  {connect, dial(os.ErrDeadlineExceeded), unreachable, true, "the mail server did not answer in time"},
		"the time of reading is over":     {content, &net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, temporary, true, "the mail server did not answer in time"},
		"the operator stops":              {hello, context.Canceled, temporary, false, "the mail server was not waited for, since the operator stops"},
		"the operator stops in the mail":  {content, context.Canceled, temporary, false, "the mail server was not waited for, since the operator stops"},
		"the connection ends":             {hello, io.EOF, unreachable, false, "the mail server broke off the connection before it heard of the mail"},
		"the connection breaks":           {hello, &net.OpError{Op: "read", Err: syscall.ECONNRESET}, unreachable, false, "the mail server broke off the connection before it heard of the mail"},
		"it breaks with the sender":       {sender, io.EOF, temporary, false, "the mail server broke off the connection while hearing the sender"},
		"it breaks with the recipient":    {recipient, io.ErrUnexpectedEOF, temporary, false, "the mail server broke off the connection while hearing the recipient"},
		"it breaks with the mail":         {content, &net.OpError{Op: "write", Err: syscall.EPIPE}, temporary, false, "the mail server broke off the connection while taking the mail"},
		"it knows no way of signing in":   {signIn, errSecretSignIn, refused, false, "the mail server cannot be used: it offers no way to sign in that keeps the password secret on this connection; use tls=starttls or tls=implicit"},
		"nobody can sign in to it":        {signIn, errNoSignIn, refused, false, "the mail server cannot be used: it does not support SMTP AUTH, so nobody can sign in to it; leave out the user, or check its port"},
		"it does not know the password":   {signIn, signInFault(errors.New("invalid server signature")), refused, false, "the mail server cannot be used: the sign-in failed: invalid server signature"},
		"it breaks with the sign-in":      {signIn, signInFault(io.EOF), unreachable, false, "the mail server broke off the connection before it heard of the mail"},
		"a certificate that is not right": {delivery.StageTLS, errors.New("tls: failed to verify certificate"), unreachable, false, "the mail server cannot be used: tls: failed to verify certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			got := withoutAnswer(test.stage, test.err)
			want := delivery.Outcome{Class: test.class, BeforeMail: beforeMail(test.stage) && !errors.Is(test.err, context.Canceled), Stage: test.stage, Slow: test.slow, Message: test.want}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
}

// A server that answers and hangs up has answered.
func TestTheAnswerComesBeforeTheEndOfTheConnection(t *testing.T) {
	both := fmt.Errorf("EHLO/HELO exchange failed. EHLO response: %w, HELO response: %w", &textproto.Error{Code: 421, Msg: "4.7.0 Try again later"}, io.EOF)
	got := (&fault{delivery.StageHello, both}).outcome()
	if got.Class != delivery.Unreachable || got.Message != "the mail server cannot be used: 421 4.7.0 Try again later" {
		t.Errorf("got %+v", got)
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
