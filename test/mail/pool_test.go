package mail_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/hack/mailcatcher"
	"github.com/partner-operator/partner-operator/internal/courier/smtp"
)

// sendAll sends mails numbered from first up to below end, from so many goroutines.
func sendAll(t testing.TB, s *smtp.Sender, goroutines, first, end int) {
	t.Helper()
	numbers := make(chan int)
	var senders sync.WaitGroup
	for range goroutines {
		senders.Go(func() {
			for n := range numbers {
				if err := s.Send(within(t, patience), numbered(n)); err != nil {
					t.Errorf("mail %d: %v", n, err)
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
	if failure.Permanent || !strings.Contains(failure.Message, "connection refused") {
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
	if failure := wantFailure(t, s, numbered(1)); failure.Permanent {
		t.Errorf("got %+v", failure)
	}
	wantEachOnce(t, catcher, 2)
	wantConnections(t, catcher, 1)
}

func TestARefusalDoesNotCostTheConnection(t *testing.T) {
	for name, rule := range map[string]mailcatcher.Rule{
		"of the sender with 451":    {Stage: mailcatcher.MailFrom, Code: 451},
		"of the recipient with 550": {Stage: mailcatcher.Rcpt, Code: 550},
		"of the recipient with 451": {Stage: mailcatcher.Rcpt, Code: 451},
		"of the mail with 554":      {Stage: mailcatcher.Data, Code: 554},
	} {
		t.Run(name, func(t *testing.T) {
			catcher := start(t, mailcatcher.Options{})
			rule.Times = 1
			catcher.Script(rule)
			s := connectTo(t, to(t, catcher.SMTPAddr()))
			_ = wantFailure(t, s, numbered(0))
			mustSend(t, s, numbered(0))
			mustSend(t, s, numbered(1))
			wantEachOnce(t, catcher, 2)
			wantConnections(t, catcher, 1)
		})
	}
}

// After a refused DATA the server still has the sender and the recipient of the mail, and refuses to hear others before
// RSET.
func TestAfterARefusedDataTheNextMailBeginsAnew(t *testing.T) {
	catcher := start(t, mailcatcher.Options{})
	refused := false
	wire := tap(t, catcher.SMTPAddr(), func(command string) (string, bool) {
		if command != "DATA" || refused {
			return "", false
		}
		refused = true
		return "451 4.3.0 no space left", false
	})
	s := connectTo(t, to(t, wire.address()))
	failure := wantFailure(t, s, numbered(0))
	if failure.Permanent || !strings.Contains(failure.Message, "answered while hearing the mail: 451 4.3.0 no space left") {
		t.Errorf("got %+v", failure)
	}
	mustSend(t, s, numbered(0))
	if catcher.Connections() > 1 {
		return
	}
	commands := wire.said()
	data := slices.Index(commands, "DATA")
	if next := commands[data+1]; next != "RSET" {
		t.Errorf("after the refused DATA came %q, over the same connection", next)
	}
	if to := wantMail(t, catcher).To; len(to) != 1 {
		t.Errorf("the second mail goes to %q", to)
	}
}

func TestTheRateIsKept(t *testing.T) {
	const rate, turns = 40, 60
	s := smtp.NewSender(to(t, "127.0.0.1:25"), smtp.NewLimiter(rate))
	ctx := within(t, patience)
	began := time.Now()
	for range turns {
		if err := s.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	// At most a second's worth may come at once, and the other 20 need half a second.
	if took := time.Since(began); took < 400*time.Millisecond || took > 5*time.Second {
		t.Errorf("%d turns at %d/s took %s", turns, rate, took)
	}
}

func TestARateBelowOneIsKept(t *testing.T) {
	s := smtp.NewSender(to(t, "127.0.0.1:25"), smtp.NewLimiter(0.5))
	if err := s.Ready(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(within(t, 100*time.Millisecond)); err == nil {
		t.Error("two mails at once at one in two seconds")
	}
}

func TestWithoutARateNothingWaits(t *testing.T) {
	s := smtp.NewSender(to(t, "127.0.0.1:25"), smtp.NewLimiter(0))
	ctx := within(t, patience)
	began := time.Now()
	for range 10_000 {
		if err := s.Ready(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("10000 turns took %s", took)
	}
}
