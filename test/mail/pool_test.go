package mail_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// sendAll sends mails numbered from first up to below end, from so many goroutines.
func sendAll(t testing.TB, s *smtp.Channel, goroutines, first, end int) {
	t.Helper()
	numbers := make(chan int)
	var senders sync.WaitGroup
	for range goroutines {
		senders.Go(func() {
			for n := range numbers {
				if o := s.Dispatch(within(t, patience), numbered(n)); o.Class != delivery.Accepted {
					t.Errorf("mail %d: %+v", n, o)
				}
			}
		})
	}
	for n := first; n < end; n++ {
		numbers <- n
	}
	close(numbers)
	senders.Wait()
}

func wantConnections(t *testing.T, catcher *mailcatcher.Catcher, want int) {
	t.Helper()
	if got := catcher.Connections(); got != want {
		t.Errorf("made %d connections, want %d", got, want)
	}
}

func restart(t *testing.T, catcher *mailcatcher.Catcher) {
	t.Helper()
	if err := catcher.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := catcher.Resume(); err != nil {
		t.Fatal(err)
	}
}

func TestMailsOneAfterTheOtherShareAConnection(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	config := to(t, catcher.SMTPAddr())
	config.Connections = 4
	sendAll(t, connectTo(t, config), 1, 0, 50)
	wantEachOnce(t, catcher, 50)
	wantConnections(t, catcher, 1)
}

func TestAConnectionIsRetiredAfter100Mails(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	s := connectTo(t, to(t, catcher.SMTPAddr()))
	sendAll(t, s, 1, 0, 100)
	wantConnections(t, catcher, 1)
	sendAll(t, s, 1, 100, 201)
	wantConnections(t, catcher, 3)
	wantEachOnce(t, catcher, 201)
}

func TestManyAtOnceShareAsManyConnectionsAsAllowed(t *testing.T) {
	for name, test := range map[string]struct{ allowed, want int }{
		"four":               {4, 4},
		"one":                {1, 1},
		"one when not given": {0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			catcher := start(t, mailcatcher.Options{Delay: 10 * time.Millisecond})
			config := to(t, catcher.SMTPAddr())
			config.Connections = test.allowed
			sendAll(t, connectTo(t, config), 16, 0, 32)
			wantEachOnce(t, catcher, 32)
			wantConnections(t, catcher, test.want)
		})
	}
}

func TestManyGoroutinesSendEachMailOnce(t *testing.T) {
	for name, connections := range map[string]int{"over few connections": 4, "over a connection each": 16} {
		t.Run(name, func(t *testing.T) {
			catcher := start(t, mailcatcher.Options{})
			config := to(t, catcher.SMTPAddr())
			config.Connections = connections
			sendAll(t, connectTo(t, config), 16, 0, 500)
			wantEachOnce(t, catcher, 500)
		})
	}
}

func TestARestartOfTheServerIsNotNoticed(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	s := connectTo(t, to(t, catcher.SMTPAddr()))
	mustSend(t, s, numbered(0))
	restart(t, catcher)
	mustSend(t, s, numbered(1))
	mustSend(t, s, numbered(2))
	wantEachOnce(t, catcher, 3)
	wantConnections(t, catcher, 2)
}

func TestARestartOfTheServerUnderManyConnectionsIsNotNoticed(t *testing.T) {
	catcher := start(t, mailcatcher.Options{Delay: 10 * time.Millisecond})
	config := to(t, catcher.SMTPAddr())
	config.Connections = 4
	s := connectTo(t, config)
	sendAll(t, s, 4, 0, 8)
	restart(t, catcher)
	sendAll(t, s, 4, 8, 16)
	wantEachOnce(t, catcher, 16)
}

// A server that goes down, or has waited long enough, says 421 before it closes, and the sender reads it as the answer
// to the next mail.
func TestAFarewellOnAKeptConnectionIsNotNoticed(t *testing.T) {
	for name, farewell := range map[string]func(*testing.T, *mailcatcher.Catcher, *wire){
		"said while idle": func(_ *testing.T, _ *mailcatcher.Catcher, wire *wire) {
			wire.say("421 4.4.2 timeout exceeded")
		},
		"said to the next mail": func(_ *testing.T, catcher *mailcatcher.Catcher, _ *wire) {
			catcher.Script(mailcatcher.Rule{Stage: mailcatcher.MailFrom, Times: 1, Code: 421, Text: "too many mails"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			catcher := start(t, mailcatcher.Options{})
			wire := tap(t, catcher.SMTPAddr(), nil)
			s := connectTo(t, to(t, wire.address()))
			mustSend(t, s, numbered(0))
			farewell(t, catcher, wire)
			mustSend(t, s, numbered(1))
			wantEachOnce(t, catcher, 2)
			wantConnections(t, catcher, 2)
		})
	}
}

func TestAServerThatIsDownIsTemporary(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	s := connectTo(t, to(t, catcher.SMTPAddr()))
	mustSend(t, s, numbered(0))
	if err := catcher.Pause(); err != nil {
		t.Fatal(err)
	}
	failure := wantFailure(t, s, numbered(1))
	if failure.Class != delivery.Unreachable || !failure.BeforeMail || !strings.Contains(failure.Message, "connection refused") {
		t.Errorf("got %+v", failure)
	}
	if err := catcher.Resume(); err != nil {
		t.Fatal(err)
	}
	mustSend(t, s, numbered(1))
	wantEachOnce(t, catcher, 2)
}

// A mail whose outcome is unknown is not sent again in the same try, not even over a kept connection.
func TestAMailWithAnUnknownOutcomeIsNotRepeated(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	s := connectTo(t, to(t, catcher.SMTPAddr()))
	mustSend(t, s, numbered(0))
	catcher.Script(mailcatcher.Rule{Stage: mailcatcher.Data, Times: 1, AcceptThenDrop: true})
	if failure := wantFailure(t, s, numbered(1)); failure.Class != delivery.Temporary {
		t.Errorf("got %+v", failure)
	}
	wantEachOnce(t, catcher, 2)
	wantConnections(t, catcher, 1)
}

// A connection is kept if the server holds nothing of the mail: after one that it took, and after a refused recipient,
// once it has heard RSET. Every other answer leaves it in a state that servers disagree about.
func TestWhichAnswersCostTheConnection(t *testing.T) {
	for name, test := range map[string]struct {
		rule mailcatcher.Rule
		// answers are those of the server to some commands, in place of what the rule says.
		answers map[string]string
		class   delivery.Class
		kept    bool
	}{
		"a mail that is taken":              {class: delivery.Accepted, kept: true},
		"the recipient with 550":            {rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550, Enhanced: "5.1.1"}, class: delivery.Recipient, kept: true},
		"the recipient with 451":            {rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 451}, class: delivery.Temporary, kept: true},
		"the recipient with 554":            {rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 554, Enhanced: "5.7.1"}, class: delivery.Ambiguous, kept: true},
		"the recipient, RSET with 451":      {rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550}, answers: map[string]string{"RSET": "451 4.3.0 no"}, class: delivery.Recipient},
		"the recipient, RSET with 421":      {rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 550}, answers: map[string]string{"RSET": "421 4.3.2 bye"}, class: delivery.Recipient},
		"the recipient with 421":            {rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Code: 421}, class: delivery.Temporary},
		"the recipient, and it hangs up":    {rule: mailcatcher.Rule{Stage: mailcatcher.Rcpt, Drop: true}, class: delivery.Temporary},
		"the sender with 451":               {rule: mailcatcher.Rule{Stage: mailcatcher.MailFrom, Code: 451}, class: delivery.Temporary},
		"the sender with 550":               {rule: mailcatcher.Rule{Stage: mailcatcher.MailFrom, Code: 550}, class: delivery.Refused},
		"DATA with 451":                     {answers: map[string]string{"DATA": "451 4.3.0 no space left"}, class: delivery.Temporary},
		"DATA with 554":                     {answers: map[string]string{"DATA": "554 5.7.1 no"}, class: delivery.Ambiguous},
		"the mail with 452":                 {rule: mailcatcher.Rule{Stage: mailcatcher.Data, Code: 452}, class: delivery.Temporary},
		"the mail with 554":                 {rule: mailcatcher.Rule{Stage: mailcatcher.Data, Code: 554}, class: delivery.Ambiguous},
		"the mail with 421":                 {rule: mailcatcher.Rule{Stage: mailcatcher.Data, Code: 421}, class: delivery.Temporary},
		"the mail, and the server hangs up": {rule: mailcatcher.Rule{Stage: mailcatcher.Data, Drop: true}, class: delivery.Temporary},
	} {
		t.Run(name, func(t *testing.T) {
			catcher := start(t, mailcatcher.Options{})
			if test.rule != (mailcatcher.Rule{}) {
				test.rule.Times = 1
				catcher.Script(test.rule)
			}
			var mutex sync.Mutex
			wire := tap(t, catcher.SMTPAddr(), func(command string) (string, bool) {
				mutex.Lock()
				defer mutex.Unlock()
				answer := test.answers[command]
				delete(test.answers, command)
				return answer, false
			})
			s := connectTo(t, to(t, wire.address()))
			if o := s.Dispatch(within(t, patience), numbered(0)); o.Class != test.class {
				t.Errorf("got %+v, want %s", o, test.class)
			}
			mustSend(t, s, numbered(1))
			want := 2
			if test.kept {
				want = 1
			}
			wantConnections(t, catcher, want)
			for _, message := range catcher.Messages() {
				if len(message.To) != 1 {
					t.Errorf("a mail went to %q", message.To)
				}
			}
		})
	}
}

// The answer to the recipient is there, whether or not that to RSET comes.
func TestAServerThatHangsAtRSETHoldsUpNothing(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	catcher.Script(mailcatcher.Rule{Stage: mailcatcher.Rcpt, Times: 1, Code: 550, Enhanced: "5.1.1"})
	ended := make(chan struct{})
	wire := tap(t, catcher.SMTPAddr(), func(command string) (string, bool) {
		if command == "RSET" {
			<-ended
		}
		return "", false
	})
	t.Cleanup(func() { close(ended) })
	s := connectTo(t, to(t, wire.address()))
	began := time.Now()
	if o := wantFailure(t, s, numbered(0)); o.Class != delivery.Recipient || o.Slow {
		t.Errorf("got %+v", o)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	mustSend(t, s, numbered(1))
	wantConnections(t, catcher, 2)
}

// The most connections at once are never exceeded, by a mail or by signing in without one, since servers count them.
func TestConnectionsAreBounded(t *testing.T) {
	catcher := start(t, mailcatcher.Options{Delay: time.Millisecond})
	wire := tap(t, catcher.SMTPAddr(), nil)
	config := to(t, wire.address())
	config.Connections = 2
	s := connectTo(t, config)
	var probes sync.WaitGroup
	for range 4 {
		probes.Go(func() {
			for range 5 {
				if o := s.Probe(within(t, patience)); o.Class != delivery.Accepted {
					t.Errorf("the probe: %+v", o)
				}
			}
		})
	}
	sendAll(t, s, 8, 0, 40)
	probes.Wait()
	wantEachOnce(t, catcher, 40)
	if most := wire.most(); most > 2 {
		t.Errorf("there were %d connections at once, want at most 2", most)
	}
}

// Who signed in without a mail need not sign in again for one.
func TestTheConnectionOfAProbeIsUsed(t *testing.T) {
	catcher := emptied(t, startTLS)
	before := catcher.Logins()
	s := connectTo(t, signedIn(t, catcher))
	if o := s.Probe(within(t, patience)); o.Class != delivery.Accepted || !o.BeforeMail {
		t.Fatalf("got %+v", o)
	}
	mustSend(t, s, numbered(0))
	if made := catcher.Logins() - before; made != 1 {
		t.Errorf("signed in %d times", made)
	}
	wantEachOnce(t, catcher, 1)
}
