package delivery

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// The answers of mail servers that the tests have.
var (
	accepted      = Outcome{Class: Accepted}
	senderRefused = Outcome{Class: Refused, Stage: StageSender, Code: 550, Enhanced: "5.7.1", Message: "answered: 550 5.7.1 sender not allowed"}
	relayDenied   = Outcome{Class: Ambiguous, Stage: StageRecipient, Code: 554, Enhanced: "5.7.1", Message: "answered: 554 5.7.1 Relay access denied"}
	spam          = Outcome{Class: Ambiguous, Stage: StageContent, Code: 554, Enhanced: "5.7.1", Message: "answered: 554 5.7.1 rejected as spam"}
	noSuchUser    = Outcome{Class: Recipient, Stage: StageRecipient, Code: 550, Enhanced: "5.1.1", Message: "answered: 550 5.1.1 no such user"}
	notLocal      = Outcome{Class: Recipient, Stage: StageRecipient, Code: 550, Message: "answered: 550 not local"}
	greylisted    = Outcome{Class: Temporary, Stage: StageRecipient, Code: 451, Message: "answered: 451 greylisted"}
	tooBig        = Outcome{Class: Content, Stage: StageContent, Code: 552, Enhanced: "5.3.4", Message: "answered: 552 5.3.4 too big"}
	hangs         = Outcome{Class: Temporary, Stage: StageContent, Slow: true, Message: "did not answer in time"}
	unreachable   = Outcome{Class: Unreachable, BeforeMail: true, Stage: StageConnect, Message: "cannot be reached: connection refused"}
	badPassword   = Outcome{Class: Refused, BeforeMail: true, Stage: StageSignIn, Code: 535, Message: "answered: 535 bad password"}
	forbidden     = Outcome{Class: NotAllowed, BeforeMail: true, Message: "the platform does not allow this mail server"}
)

// to is a mail to an address; mails to the same address are told apart by what follows a slash: a@x.example/2.
func to(name string) Try {
	recipient, _, _ := strings.Cut(name, "/")
	_, domain, _ := strings.Cut(recipient, "@")
	return Try{Object: name, Key: Key{Kind: v1alpha1.MailInvite, Serial: 1}, Recipient: recipient, Domain: domain}
}

// sender drives a circuit of a sender.
type sender struct {
	t *testing.T
	SenderCircuit
	now       time.Time
	tries     map[string]time.Time // when the latest try of a mail began
	takenBack []string
}

func newSender(t *testing.T) *sender {
	return &sender{t: t, now: start, tries: map[string]time.Time{}}
}

func (s *sender) mail(name string) Try {
	try := to(name)
	try.LastTry = s.tries[name].Truncate(time.Second) // as status has it
	if s.tries[name].IsZero() {
		try.LastTry = time.Time{}
	}
	return try
}

func (s *sender) after(d time.Duration) { s.now = s.now.Add(d) }

// ask expects an answer.
func (s *sender) ask(name string, want Answer) time.Time {
	s.t.Helper()
	s.after(time.Millisecond)
	got, again := s.Ask(s.mail(name), s.now)
	if got != want {
		s.t.Fatalf("%s: %s until %v, want %s", name, got, again.Sub(s.now), want)
	}
	if got == Granted {
		s.tries[name] = s.now
	}
	return again
}

// learn expects that an outcome of mails that were granted is ruled to be of a class.
func (s *sender) learn(o Outcome, want Class, names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.after(time.Millisecond)
		ruled, takenBack := s.Learn(s.mail(name), o, s.now)
		if ruled.Class != want {
			s.t.Fatalf("%s: ruled %s, want %s", name, ruled.Class, want)
		}
		for _, t := range takenBack {
			s.takenBack = append(s.takenBack, t.Object)
		}
	}
}

// try asks and learns, one mail after another.
func (s *sender) try(o Outcome, want Class, names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.ask(name, Granted)
		s.learn(o, want, name)
	}
}

// is expects a state, and that what people are told fits it.
func (s *sender) is(want circuitState) {
	s.t.Helper()
	if s.state != want {
		s.t.Fatalf("state %d, want %d", s.state, want)
	}
	held, limit := want == circuitOpen || want == circuitHalfOpen, 1
	if want == circuitClosed {
		limit = 0
	}
	reason, _ := s.Cause()
	if (s.Hold() != nil) != held || s.Limit() != limit || (reason == v1alpha1.ReasonTransportRejected) != held {
		s.t.Fatalf("in state %d: hold %+v, limit %d, reason %q", want, s.Hold(), s.Limit(), reason)
	}
}

// opens expects that it is open until between some time and a fifth more from now.
func (s *sender) opens(wait time.Duration) {
	s.t.Helper()
	s.is(circuitOpen)
	if until := s.Hold().Until.Sub(s.now); until < wait-5*time.Second || until > wait+wait/5 {
		s.t.Fatalf("open for %v, want %v", until, wait)
	}
}

// untilProbe lets the time pass until the next one may find out.
func (s *sender) untilProbe() { s.now = s.until }

func TestSenderRefused(t *testing.T) {
	s := newSender(t)
	for _, name := range []string{"a@x.example", "b@x.example", "c@y.example"} {
		s.ask(name, Granted)
	}
	s.is(circuitClosed)
	s.learn(senderRefused, Refused, "a@x.example")
	s.opens(time.Minute)
	hold := s.Hold()
	if want := (Hold{v1alpha1.ReasonHeld, senderRefused.Message + waitsFor, s.until}); *hold != want {
		t.Errorf("hold %+v, want %+v", hold, want)
	}
	s.learn(senderRefused, Refused, "b@x.example", "c@y.example") // they were under way
	if *s.Hold() != *hold {
		t.Error("what was under way extends it")
	}
	if again := s.ask("a@x.example", Closed); again != hold.Until {
		t.Errorf("ask again at %v, want %v", again, hold.Until)
	}
	for _, wait := range []time.Duration{2, 4, 8, 16, 32, 60, 60} {
		s.untilProbe()
		s.after(othersFirst)
		s.ask("a@x.example", Granted)
		s.is(circuitHalfOpen)
		s.ask("b@x.example", Busy)
		s.learn(senderRefused, Refused, "a@x.example")
		s.opens(wait * time.Minute)
	}
	s.untilProbe()
	s.after(othersFirst)
	s.try(accepted, Accepted, "b@x.example")
	s.is(circuitClosed)
	s.try(senderRefused, Refused, "c@y.example")
	s.opens(time.Minute) // it begins anew
}

// What is accepted although it was under way when the circuit opened closes it: the sender is not refused.
func TestSenderAcceptedLate(t *testing.T) {
	s := newSender(t)
	s.ask("a@x.example", Granted)
	s.ask("b@x.example", Granted)
	s.learn(senderRefused, Refused, "a@x.example")
	s.learn(accepted, Accepted, "b@x.example")
	s.is(circuitClosed)
	s.ask("a@x.example", Granted)
}

func TestSenderRuledWordsAreThoseOfTheHold(t *testing.T) {
	s := newSender(t)
	s.ask("a@x.example", Granted)
	ruled, _ := s.Learn(s.mail("a@x.example"), senderRefused, s.now)
	if ruled.Message != s.Hold().Message {
		t.Errorf("recorded %q, and held with %q: two writes", ruled.Message, s.Hold().Message)
	}
	before := s.Hold().Message
	s.untilProbe()
	s.after(othersFirst)
	other := senderRefused
	other.Message = "answered: 550 5.7.1 sender not allowed (id 4711)"
	s.try(other, Refused, "a@x.example")
	if s.Hold().Message != before {
		t.Errorf("the same answer in other words is a write for all that wait: %q", s.Hold().Message)
	}
	s.untilProbe()
	s.after(othersFirst)
	s.try(relayDenied, Refused, "a@x.example")
	if !strings.HasPrefix(s.Hold().Message, relayDenied.Message) {
		t.Errorf("another answer is not told: %q", s.Hold().Message)
	}
}

// Each time another one finds out, of the recipient domain that was refused least.
func TestSenderProbesWhoTellsMost(t *testing.T) {
	s := newSender(t)
	all := []string{"a@x.example", "b@x.example", "c@y.example", "d@x.example"}
	s.try(senderRefused, Refused, "a@x.example")
	var probes []string
	for range 6 {
		for _, name := range all {
			s.ask(name, Closed)
		}
		s.untilProbe()
		for _, name := range all {
			if answer, _ := s.Ask(s.mail(name), s.now); answer == Granted {
				s.tries[name] = s.now
				probes = append(probes, name)
				s.learn(senderRefused, Refused, name)
			}
		}
	}
	want := []string{"c@y.example", "b@x.example", "c@y.example", "d@x.example", "c@y.example", "a@x.example"}
	if !slices.Equal(probes, want) {
		t.Errorf("found out: %v, want %v", probes, want)
	}
}

// The one that found out last does not do so again, even if it would tell most otherwise.
func TestSenderProbesAnotherOne(t *testing.T) {
	s := newSender(t)
	under := []string{"a@x.example", "b@x.example", "c@x.example"}
	for _, name := range under {
		s.ask(name, Granted)
	}
	s.learn(senderRefused, Refused, under...)
	s.untilProbe()
	s.try(senderRefused, Refused, "d@y.example")
	for _, name := range []string{"a@x.example", "d@y.example"} {
		s.ask(name, Closed)
	}
	s.untilProbe()
	s.ask("d@y.example", Closed)
	s.ask("a@x.example", Granted)
}

func TestSenderProbesWhoComes(t *testing.T) {
	s := newSender(t)
	s.try(senderRefused, Refused, "a@x.example")
	s.ask("gone@y.example", Closed)
	s.untilProbe()
	if again := s.ask("a@x.example", Closed); !again.Equal(s.until.Add(othersFirst)) || !s.Hold().Until.Equal(again) {
		t.Errorf("ask again at %v, told %v", again, s.Hold().Until)
	}
	s.after(othersFirst)
	s.try(senderRefused, Refused, "a@x.example")
	s.untilProbe()
	s.ask("a@x.example", Granted) // who did not come is not waited for twice
}

func TestSenderProbeIsWithdrawn(t *testing.T) {
	s := newSender(t)
	s.try(senderRefused, Refused, "a@x.example")
	s.untilProbe()
	s.ask("b@x.example", Granted)
	s.Withdraw(s.mail("b@x.example"))
	s.is(circuitOpen)
	s.ask("c@x.example", Granted)
	s.learn(unreachable, Unreachable, "c@x.example") // nothing was said of the sender
	s.is(circuitOpen)
	s.ask("d@x.example", Granted)
	s.is(circuitHalfOpen)
}

// A probe that fails by its own fault is followed by another one at once, three at most.
func TestSenderProbeFailsByItself(t *testing.T) {
	s := newSender(t)
	s.try(senderRefused, Refused, "a@x.example")
	s.untilProbe()
	s.try(noSuchUser, Recipient, "b@x.example")
	s.try(greylisted, Temporary, "c@x.example")
	s.try(tooBig, Content, "d@x.example")
	s.opens(2 * time.Minute)
	s.ask("e@x.example", Closed)
	s.untilProbe()
	s.try(greylisted, Temporary, "e@x.example")
	s.try(senderRefused, Refused, "f@x.example")
	s.opens(4 * time.Minute)
	s.untilProbe()
	s.try(greylisted, Temporary, "g@x.example", "h@x.example")
	s.try(accepted, Accepted, "i@x.example")
	s.is(circuitClosed)
}

func TestSenderSuspect(t *testing.T) {
	for name, test := range map[string]func(*sender){
		"an accepted one closes it": func(s *sender) {
			s.try(relayDenied, Refused, "a@x.example")
			s.is(circuitSuspect)
			s.ask("a@x.example", Closed)
			s.ask("b@x.example", Granted)
			s.ask("a@x.example", Busy)
			s.ask("c@x.example", Busy)
			s.learn(accepted, Accepted, "b@x.example")
			s.is(circuitClosed)
		},
		"another recipient opens it": func(s *sender) {
			s.try(relayDenied, Refused, "a@x.example", "b@x.example")
			s.opens(time.Minute)
			s.ask("c@x.example", Closed)
		},
		"one under way opens it": func(s *sender) {
			s.ask("a@x.example", Granted)
			s.ask("b@x.example", Granted)
			s.learn(relayDenied, Refused, "a@x.example")
			s.is(circuitSuspect)
			s.ask("c@x.example", Busy)
			s.learn(relayDenied, Refused, "b@x.example")
			s.opens(time.Minute)
		},
		"a refused sender opens it": func(s *sender) {
			s.try(relayDenied, Refused, "a@x.example")
			s.try(senderRefused, Refused, "b@x.example")
			s.opens(time.Minute)
			if !strings.HasPrefix(s.Hold().Message, senderRefused.Message) {
				s.t.Error(s.Hold().Message)
			}
		},
		"what fails by itself tells nothing": func(s *sender) {
			s.try(relayDenied, Refused, "a@x.example")
			s.try(greylisted, Temporary, "b@x.example")
			s.try(noSuchUser, Recipient, "c@x.example")
			s.try(unreachable, Unreachable, "d@x.example")
			s.is(circuitSuspect)
			s.try(accepted, Accepted, "e@x.example")
			s.is(circuitClosed)
		},
		"no other mail waits": func(s *sender) {
			s.try(relayDenied, Refused, "a@x.example")
			again := s.ask("a@x.example", Closed)
			s.is(circuitSuspect)
			s.now = again
			s.ask("a@x.example", Closed)
			s.opens(time.Minute)
		},
		"a mail for another recipient need not wait for a lone one": func(s *sender) {
			s.lone("a@x.example")
			s.ask("a@x.example/2", Closed)
			s.ask("b@x.example", Granted)
			s.is(circuitHalfOpen)
			s.ask("c@x.example", Busy)
			s.learn(relayDenied, Refused, "b@x.example") // now it is two
			s.opens(2 * time.Minute)
			s.ask("c@x.example", Closed)
		},
		"a lone one that is refused again stays alone": func(s *sender) {
			s.lone("a@x.example")
			s.untilProbe()
			s.try(relayDenied, Refused, "a@x.example")
			s.opens(2 * time.Minute)
			s.try(accepted, Accepted, "b@x.example")
			s.is(circuitClosed)
		},
		"two mails for one recipient": func(s *sender) {
			s.try(relayDenied, Refused, "a@x.example")
			again := s.ask("a@x.example/2", Closed) // others first
			s.ask("a@x.example", Closed)
			s.now = again
			s.ask("a@x.example", Closed) // leaves the turn to the other
			s.is(circuitSuspect)
			s.try(relayDenied, Refused, "a@x.example/2")
			s.is(circuitSuspect)
			s.ask("a@x.example", Closed)
			s.after(othersFirst)
			s.ask("a@x.example/2", Closed)
			s.opens(time.Minute)
		},
		"two mails for one recipient, the second is accepted": func(s *sender) {
			s.try(relayDenied, Refused, "a@x.example")
			s.after(othersFirst)
			s.try(accepted, Accepted, "a@x.example/2")
			s.is(circuitClosed)
		},
		"who was refused when it was suspect before has its turn": func(s *sender) {
			s.try(relayDenied, Refused, "a@x.example")
			s.try(accepted, Accepted, "b@x.example")
			s.try(relayDenied, Refused, "a@x.example/2")
			s.ask("a@x.example", Closed)
			if again := s.ask("a@x.example/2", Closed); !again.Equal(s.since.Add(2 * othersFirst)) {
				s.t.Errorf("the other has no turn: ask again at %v", again.Sub(s.since))
			}
		},
		"newcomers that fail by themselves leave a lone one alone": func(s *sender) {
			s.lone("a@x.example")
			s.try(greylisted, Temporary, "b@x.example", "c@x.example", "d@x.example")
			s.opens(2 * time.Minute)
			s.ask("a@x.example", Closed)
			s.try(accepted, Accepted, "d@x.example/2")
		},
		"who waited and does not come is not waited for": func(s *sender) {
			s.ask("a@x.example", Granted)
			s.ask("b@x.example", Granted)
			s.learn(relayDenied, Refused, "a@x.example")
			s.ask("gone@x.example", Busy)
			s.learn(greylisted, Temporary, "b@x.example")
			s.now = s.ask("a@x.example", Closed)
			s.ask("a@x.example", Closed)
			s.opens(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) { test(newSender(t)) })
	}
}

// lone opens the circuit for the only mail that there is.
func (s *sender) lone(name string) {
	s.t.Helper()
	s.try(relayDenied, Refused, name)
	s.now = s.ask(name, Closed)
	s.ask(name, Closed)
	s.opens(time.Minute)
}

// One spam among twenty: nineteen are taken, and it is given up at its third refusal.
func TestSenderOneSpamAmongTwenty(t *testing.T) {
	for _, together := range []int{1, 4, 16, 20} {
		for position := range 20 {
			t.Run(fmt.Sprintf("number %d, %d at once", position, together), func(t *testing.T) {
				s := newSender(t)
				answers, taken := spamAmong(s, 20, position, together)
				if position == 19 && together == 1 { // nothing was accepted since: it waits until something is
					s.is(circuitOpen)
					s.try(accepted, Accepted, "later@y.example")
					s.is(circuitClosed)
					for _, want := range []Class{Temporary, Content} {
						s.try(spam, want, "p19@x19.example")
					}
					return
				}
				if want := []Class{Refused, Temporary, Content}; !slices.Equal(answers, want) {
					t.Errorf("ruled %v, want %v", answers, want)
				}
				if taken != 19 {
					t.Errorf("%d were taken", taken)
				}
				if passed := s.now.Sub(start); passed > 70*time.Second {
					t.Errorf("took %v", passed)
				}
			})
		}
	}
}

// spamAmong sends mails, of which one is refused as spam, and gives what was ruled about that and how many were accepted.
func spamAmong(s *sender, number, position, together int) (answers []Class, taken int) {
	name := func(n int) string { return fmt.Sprintf("p%d@x%d.example", n, n) }
	due := map[int]time.Time{}
	for n := range number {
		due[n] = s.now
	}
	for round := 0; len(due) > 0 && round < 6000; round++ {
		var granted []int
		for n := range number {
			at, waits := due[n]
			if !waits || s.now.Before(at) || len(granted) == together {
				continue
			}
			answer, again := s.Ask(s.mail(name(n)), s.now)
			switch answer {
			case Granted:
				granted = append(granted, n)
				s.tries[name(n)] = s.now
			case Closed:
				due[n] = again
			default: // Busy: in the next round
			}
		}
		for _, n := range granted {
			s.after(10 * time.Millisecond)
			outcome := accepted
			if n == position {
				outcome = spam
			}
			ruled, _ := s.Learn(s.mail(name(n)), outcome, s.now)
			switch {
			case n != position:
				taken++
				delete(due, n)
			case ruled.Class == Content:
				delete(due, n)
			case ruled.Class == Temporary:
				due[n] = s.now.Add(time.Minute)
			}
			if n == position {
				answers = append(answers, ruled.Class)
			}
		}
		s.after(100 * time.Millisecond)
	}
	return answers, taken
}

// A relay that refuses everybody, is mended and breaks again blames nobody.
func TestSenderBreaksAgain(t *testing.T) {
	s := newSender(t)
	s.try(relayDenied, Refused, "a@x.example", "b@y.example")
	for range 5 { // refused while all are: that counts once
		s.untilProbe()
		s.after(othersFirst)
		s.try(relayDenied, Refused, "a@x.example")
	}
	s.untilProbe()
	s.after(othersFirst)
	s.try(accepted, Accepted, "c@z.example")
	s.ask("a@x.example", Granted)
	s.ask("b@y.example", Granted)
	s.learn(relayDenied, Temporary, "a@x.example", "b@y.example")
	s.try(relayDenied, Refused, "d@x.example", "e@y.example")
	s.opens(time.Minute)
	s.untilProbe()
	s.try(relayDenied, Refused, "a@x.example") // not its third
}

// What was accepted before the sender was refused proves nothing afterwards.
func TestSenderAcceptedBefore(t *testing.T) {
	s := newSender(t)
	for _, name := range []string{"a@x.example", "b@y.example", "c@z.example"} {
		s.ask(name, Granted)
	}
	s.learn(accepted, Accepted, "c@z.example")
	s.learn(relayDenied, Refused, "a@x.example", "b@y.example")
	s.opens(time.Minute)
	s.untilProbe()
	s.try(relayDenied, Refused, "a@x.example")
}

// A mail that was put off before it was first refused is not at fault.
func TestSenderPutOffIsNotRefused(t *testing.T) {
	s := newSender(t)
	s.try(greylisted, Temporary, "a@x.example", "b@y.example")
	s.try(accepted, Accepted, "c@z.example")
	s.after(time.Minute)
	s.try(relayDenied, Refused, "a@x.example", "b@y.example")
	s.is(circuitOpen)
}

func TestSenderRunOfRecipients(t *testing.T) {
	five := []string{"a@x.example", "b@x.example", "c@x.example", "d@x.example", "e@x.example"}
	for name, test := range map[string]func(*sender){
		"three without an enhanced code": func(s *sender) {
			s.try(notLocal, Recipient, "a@x.example", "b@x.example")
			s.try(notLocal, Refused, "c@x.example")
			s.opens(time.Minute)
			s.back("a@x.example", "b@x.example")
		},
		"words that differ in an address or a number": func(s *sender) {
			for n, name := range []string{"a@x.example", "b@y.example", "c@z.example"} {
				o := notLocal
				o.Message = fmt.Sprintf("answered: 550 <***@***>: not local: %s (id=%d)", to(name).Domain, n)
				s.try(o, []Class{Recipient, Recipient, Refused}[n], name)
			}
			s.is(circuitOpen)
		},
		"an enhanced code that says nothing": func(s *sender) {
			o := notLocal
			o.Enhanced = "5.0.0"
			s.try(o, Recipient, "a@x.example", "b@x.example")
			s.try(o, Refused, "c@x.example")
		},
		"other words": func(s *sender) {
			o := notLocal
			o.Message = "answered: 550 unknown"
			s.try(notLocal, Recipient, "a@x.example", "b@x.example")
			s.try(o, Recipient, "c@x.example", "d@x.example")
			s.is(circuitClosed)
		},
		"another stage": func(s *sender) {
			o := notLocal
			o.Stage = StageContent
			s.try(notLocal, Recipient, "a@x.example", "b@x.example")
			s.try(o, Recipient, "c@x.example", "d@x.example")
			s.is(circuitClosed)
		},
		"one accepted in between": func(s *sender) {
			s.try(notLocal, Recipient, "a@x.example", "b@x.example")
			s.try(accepted, Accepted, "c@x.example")
			s.try(notLocal, Recipient, "d@x.example", "e@x.example")
			s.is(circuitClosed)
		},
		"three mails for one recipient": func(s *sender) {
			s.try(notLocal, Recipient, "a@x.example", "a@x.example/2", "a@x.example/3", "b@x.example")
			s.is(circuitClosed)
		},
		"five wrong addresses of one domain": func(s *sender) {
			s.try(noSuchUser, Recipient, five...)
			s.is(circuitClosed)
		},
		"five of two domains": func(s *sender) {
			s.try(noSuchUser, Recipient, five[:4]...)
			s.try(noSuchUser, Refused, "e@y.example")
			s.opens(time.Minute)
			s.back(five[:4]...)
		},
		"one of another domain after many of one": func(s *sender) {
			s.try(noSuchUser, Recipient, "p@x.example", "q@x.example")
			s.try(noSuchUser, Recipient, five[:4]...)
			s.try(noSuchUser, Refused, "e@y.example")
			s.back(five[:4]...)
		},
		"four of two domains": func(s *sender) {
			s.try(noSuchUser, Recipient, "a@x.example", "b@y.example", "c@x.example", "d@y.example")
			s.is(circuitClosed)
		},
		"many that were under way": func(s *sender) {
			for _, name := range five {
				s.ask(name, Granted)
			}
			s.learn(notLocal, Recipient, five[:2]...)
			s.learn(notLocal, Refused, five[2:]...)
			s.opens(time.Minute)
			s.back(five[:2]...)
		},
		"a probe that is refused alike is a refusal": func(s *sender) {
			s.try(notLocal, Recipient, "a@x.example", "b@x.example")
			s.try(notLocal, Refused, "c@x.example")
			s.untilProbe()
			s.try(notLocal, Refused, "d@x.example")
			s.opens(2 * time.Minute)
			s.back("a@x.example", "b@x.example")
		},
		"probes that are refused alike while the sender was": func(s *sender) {
			s.try(senderRefused, Refused, "a@x.example")
			s.untilProbe()
			s.try(notLocal, Recipient, "b@x.example", "c@x.example")
			s.try(notLocal, Refused, "d@x.example")
			s.opens(2 * time.Minute)
			s.back("b@x.example", "c@x.example")
		},
		"who is refused again although another was accepted": func(s *sender) {
			s.try(notLocal, Recipient, "a@x.example", "b@x.example")
			s.try(notLocal, Refused, "c@x.example")
			s.untilProbe()
			s.after(othersFirst)
			s.try(accepted, Accepted, "d@x.example")
			delete(s.tries, "a@x.example") // what was taken back has no time of a try
			s.try(notLocal, Recipient, "a@x.example", "b@x.example", "c@x.example", "e@x.example", "f@x.example")
			s.is(circuitClosed)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSender(t)
			test(s)
			if s.state == circuitClosed && len(s.takenBack) > 0 && !strings.HasPrefix(name, "who is") {
				t.Errorf("taken back without a reason: %v", s.takenBack)
			}
		})
	}
}

// back expects which mails are to be tried again.
func (s *sender) back(names ...string) {
	s.t.Helper()
	if !slices.Equal(s.takenBack, names) {
		s.t.Errorf("taken back %v, want %v", s.takenBack, names)
	}
}

func TestSenderSlow(t *testing.T) {
	s := newSender(t)
	s.try(hangs, Temporary, "a@x.example")
	s.try(greylisted, Temporary, "b@x.example")
	s.is(circuitClosed)
	if !s.Slow() {
		t.Error("a server that did not answer in time is not slow")
	}
	s.try(accepted, Accepted, "c@x.example")
	if s.Slow() {
		t.Error("a server that took a mail is slow")
	}
}

func TestSenderMemoryIsBounded(t *testing.T) {
	s := newSender(t)
	name := func(n int) string { return fmt.Sprintf("p%d@x%d.example", n, n) }
	s.try(senderRefused, Refused, "a@x.example")
	for n := range 5 * mostWaiting {
		s.ask(name(n), Closed)
	}
	if len(s.waiting) != mostWaiting {
		t.Errorf("remembers %d that wait", len(s.waiting))
	}
	for n := range 3 * mostDomains {
		s.untilProbe()
		s.after(othersFirst)
		s.try(senderRefused, Refused, name(n))
	}
	s.untilProbeIfOpen()
	for n := range 2 * mostRefusals {
		s.try(accepted, Accepted, "b@x.example")
		s.try(relayDenied, Refused, name(n))
		s.try(accepted, Accepted, "b@x.example")
		if len(s.waiting) > mostWaiting || len(s.domains) > mostDomains || len(s.refusals) > mostRefusals || len(s.recipients.refused) > longestRun {
			t.Fatalf("remembers %d that wait, %d domains, %d refusals", len(s.waiting), len(s.domains), len(s.refusals))
		}
		s.untilProbeIfOpen()
	}
	if len(s.refusals) != mostRefusals {
		t.Errorf("remembers %d refusals", len(s.refusals))
	}
	for n := range 2 * mostRefusals {
		if _, found := s.refusals[to(name(n)).id()]; found != (n >= mostRefusals) {
			t.Fatalf("remembers number %d: %v", n, found)
		}
	}
}

func (s *sender) untilProbeIfOpen() {
	if s.state == circuitOpen {
		s.untilProbe()
		s.after(othersFirst)
	}
}

// Of too many that wait, those are remembered that tell most.
func TestSenderRemembersWhoTellsMost(t *testing.T) {
	s := newSender(t)
	s.try(senderRefused, Refused, "a@x.example")
	for n := range 2 * mostWaiting {
		s.ask(fmt.Sprintf("p%d@x.example", n), Closed)
	}
	s.ask("b@y.example", Closed)
	s.untilProbe()
	s.ask("p0@x.example", Closed)
	s.ask("b@y.example", Granted)
}

// Whatever happened, mails that are accepted close the circuit, and one at a time is under way while that is the limit.
func TestSenderProperties(t *testing.T) {
	outcomes := []Outcome{accepted, senderRefused, relayDenied, spam, noSuchUser, notLocal, greylisted, tooBig, hangs, unreachable, badPassword, forbidden}
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 2))
		s := newSender(t)
		kinds := 1 + random.IntN(len(outcomes))
		var underWay []string
		end := func(o Outcome) {
			n := random.IntN(len(underWay))
			name := underWay[n]
			underWay = slices.Delete(underWay, n, n+1)
			if ruled, _ := s.Learn(s.mail(name), o, s.now); ruled.Class == Ambiguous {
				t.Fatalf("seed %d: nothing was ruled", seed)
			}
		}
		ask := func() {
			name := fmt.Sprintf("p%d@x%d.example", random.IntN(6), random.IntN(2))
			limit := s.Limit()
			if answer, _ := s.Ask(s.mail(name), s.now); answer == Granted {
				s.tries[name] = s.now
				underWay = append(underWay, name)
				if (limit == 1 || s.Limit() == 1) && len(underWay) > 1 {
					t.Fatalf("seed %d: %v at once", seed, underWay)
				}
			}
		}
		for range 400 {
			s.after(time.Duration(random.Int64N(int64(time.Second))))
			switch {
			case random.IntN(8) == 0:
				s.untilProbeIfOpen()
			case len(underWay) > 0 && random.IntN(10) == 0:
				s.Withdraw(s.mail(underWay[0]))
				underWay = underWay[1:]
			case len(underWay) > 0 && random.IntN(2) == 0:
				end(outcomes[len(outcomes)-1-random.IntN(kinds)])
			default:
				ask()
			}
		}
		for steps := 0; s.Limit() != 0 || s.Hold() != nil; steps++ {
			if steps > 20 {
				t.Fatalf("seed %d: does not close: %+v", seed, s.SenderCircuit)
			}
			for len(underWay) > 0 {
				end(accepted)
			}
			s.untilProbeIfOpen()
			s.after(2 * othersFirst)
			ask()
		}
	}
}

func TestServer(t *testing.T) {
	type step struct {
		after   time.Duration // since the step before
		probe   bool          // sign in, else hand a mail over; with no outcome, ask only
		outcome Outcome
		want    Answer // of Ask, before
		state   circuitState
		wait    time.Duration // open: until the next probe
	}
	none := Outcome{}
	for name, steps := range map[string][]step{
		"unreachable, for 15 seconds up to five minutes": {
			{0, false, unreachable, Granted, circuitOpen, 15 * time.Second},
			{time.Second, false, none, Closed, circuitOpen, 14 * time.Second},
			{18 * time.Second, true, unreachable, Closed, circuitOpen, 30 * time.Second},
			{36 * time.Second, true, unreachable, Closed, circuitOpen, time.Minute},
			{72 * time.Second, true, unreachable, Closed, circuitOpen, 2 * time.Minute},
			{144 * time.Second, true, unreachable, Closed, circuitOpen, 4 * time.Minute},
			{288 * time.Second, true, unreachable, Closed, circuitOpen, 5 * time.Minute},
			{360 * time.Second, true, unreachable, Closed, circuitOpen, 5 * time.Minute},
		},
		"refused, for a minute up to an hour": {
			{0, false, badPassword, Granted, circuitOpen, time.Minute},
			{72 * time.Second, true, badPassword, Closed, circuitOpen, 2 * time.Minute},
			{144 * time.Second, true, badPassword, Closed, circuitOpen, 4 * time.Minute},
			{10 * time.Minute, true, badPassword, Closed, circuitOpen, 8 * time.Minute},
			{10 * time.Minute, true, badPassword, Closed, circuitOpen, 16 * time.Minute},
			{20 * time.Minute, true, badPassword, Closed, circuitOpen, 32 * time.Minute},
			{time.Hour, true, badPassword, Closed, circuitOpen, time.Hour},
			{2 * time.Hour, true, badPassword, Closed, circuitOpen, time.Hour},
		},
		"not allowed is as refused": {
			{0, false, forbidden, Granted, circuitOpen, time.Minute},
			{72 * time.Second, true, forbidden, Closed, circuitOpen, 2 * time.Minute},
		},
		"mended: one mail, then all": {
			{0, false, unreachable, Granted, circuitOpen, 15 * time.Second},
			{18 * time.Second, true, accepted, Closed, circuitHalfOpen, 0},
			{0, false, accepted, Granted, circuitClosed, 0},
			{0, false, unreachable, Granted, circuitOpen, 15 * time.Second},
		},
		"what fails after signing in closes it": {
			{0, false, badPassword, Granted, circuitOpen, time.Minute},
			{72 * time.Second, true, accepted, Closed, circuitHalfOpen, 0},
			{0, false, senderRefused, Granted, circuitClosed, 0},
		},
		"a mail fails after the sign-in did not: twice as long": {
			{0, false, unreachable, Granted, circuitOpen, 15 * time.Second},
			{18 * time.Second, true, accepted, Closed, circuitHalfOpen, 0},
			{0, false, unreachable, Granted, circuitOpen, 30 * time.Second},
		},
		"unreachable first does not lengthen a refusal": {
			{0, false, unreachable, Granted, circuitOpen, 15 * time.Second},
			{18 * time.Second, true, unreachable, Closed, circuitOpen, 30 * time.Second},
			{36 * time.Second, true, badPassword, Closed, circuitOpen, time.Minute},
			{72 * time.Second, true, unreachable, Closed, circuitOpen, time.Minute},
			{72 * time.Second, true, badPassword, Closed, circuitOpen, 2 * time.Minute},
		},
		"a probe before its time is none": {
			{0, false, unreachable, Granted, circuitOpen, 15 * time.Second},
			{14 * time.Second, true, accepted, Closed, circuitOpen, time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var c ServerCircuit
			now := start
			for n, step := range steps {
				now = now.Add(step.after)
				answer, again := c.Ask(now)
				if answer != step.want || answer == Closed && !again.Equal(c.ProbeAt()) {
					t.Fatalf("step %d: %s until %v, want %s", n, answer, again, step.want)
				}
				switch {
				case step.probe && c.StartProbe(now):
					if c.StartProbe(now) {
						t.Fatalf("step %d: two sign in", n)
					}
					c.Probed(step.outcome, now)
				case !step.probe && step.outcome != none:
					c.Learn(step.outcome, now)
				}
				wait := c.ProbeAt().Sub(now)
				if c.state != step.state || step.wait > 0 && (wait < step.wait || wait > step.wait+step.wait/5+3*time.Second) {
					t.Fatalf("step %d: state %d for %v, want %d for %v", n, c.state, wait, step.state, step.wait)
				}
				if (c.state == circuitClosed) != (c.Limit() == 0) || c.state != circuitOpen && !c.ProbeAt().IsZero() {
					t.Fatalf("step %d: limit %d, probe at %v", n, c.Limit(), c.ProbeAt())
				}
			}
		})
	}
}

func TestServerHold(t *testing.T) {
	for name, test := range map[string]struct {
		outcome               Outcome
		reason, message, told string
	}{
		"unreachable": {unreachable, v1alpha1.ReasonTemporaryFailure, unreachable.Message, v1alpha1.ReasonTransportUnreachable},
		"refused":     {badPassword, v1alpha1.ReasonHeld, badPassword.Message + waitsFor, v1alpha1.ReasonTransportRejected},
		"not allowed": {forbidden, v1alpha1.ReasonHeld, forbidden.Message, v1alpha1.ReasonBrandInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			var c ServerCircuit
			if reason, _ := c.Cause(); c.Hold() != nil || reason != "" {
				t.Error("it is not closed at first")
			}
			c.Ask(start)
			c.Ask(start)
			ruled := c.Learn(test.outcome, start)
			hold := c.Hold()
			if hold == nil || *hold != (Hold{test.reason, test.message, c.ProbeAt()}) || ruled.Message != test.message {
				t.Errorf("hold %+v, recorded %q", hold, ruled.Message)
			}
			if reason, message := c.Cause(); reason != test.told || message != test.outcome.Message {
				t.Errorf("told %s: %s", reason, message)
			}
			late := c.Learn(test.outcome, start.Add(10*time.Second)) // it was under way
			if *c.Hold() != *hold || late.Message != test.message {
				t.Errorf("what was under way extends it: %+v, recorded %q", c.Hold(), late.Message)
			}
			if c.StartProbe(c.ProbeAt()); c.ProbeAt().IsZero() {
				t.Error("closed while somebody signs in")
			}
			c.Probed(accepted, start.Add(time.Hour))
			if hold = c.Hold(); hold == nil || !hold.Until.IsZero() {
				t.Errorf("half-open: hold %+v, want one until somebody tells", hold)
			}
			c.Learn(accepted, start.Add(time.Hour))
			if c.Hold() != nil {
				t.Error("held while it is closed")
			}
		})
	}
}

func TestServerOneAtATime(t *testing.T) {
	var c ServerCircuit
	c.Ask(start)
	c.Learn(unreachable, start)
	now := c.ProbeAt()
	c.StartProbe(now)
	c.Probed(accepted, now)
	c.Learn(unreachable, now) // it was under way when the circuit opened
	for _, want := range []Answer{Granted, Busy, Busy} {
		if answer, _ := c.Ask(now); answer != want {
			t.Fatalf("%s, want %s", answer, want)
		}
	}
	c.Withdraw()
	if answer, _ := c.Ask(now); answer != Granted {
		t.Errorf("%s after a mail was withdrawn", answer)
	}
	if answer, _ := c.Ask(now.Add(InFlight)); answer != Granted {
		t.Errorf("%s after the try must be over", answer)
	}
}
