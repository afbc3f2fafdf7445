package delivery

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

const (
	pending   = v1alpha1.DeliveryPending
	sending   = v1alpha1.DeliverySending
	sent      = v1alpha1.DeliverySent
	skipped   = v1alpha1.DeliverySkipped
	hasFailed = v1alpha1.DeliveryFailed
)

func at(d time.Duration) time.Time        { return start.Add(d) }
func moment(d time.Duration) *metav1.Time { return &metav1.Time{Time: at(d)} }

// queued is a mail as status has it, whose tries began at first and last after start; below 0: there was none.
func queued(state v1alpha1.DeliveryState, cause v1alpha1.MailCause, attempts int32, first, last time.Duration) v1alpha1.MailDelivery {
	m := v1alpha1.MailDelivery{Kind: v1alpha1.MailRevoked, Serial: 1, State: state, Cause: cause, Attempts: attempts, Message: "before"}
	if first >= 0 {
		m.FirstAttemptTime = moment(first)
	}
	if last >= 0 {
		m.LastAttemptTime = moment(last)
	}
	return m
}

const never = -time.Nanosecond

func with(m v1alpha1.MailDelivery, message string) v1alpha1.MailDelivery {
	m.Message = message
	return m
}

func TestNext(t *testing.T) {
	backoff := Backoff(1, "id")
	hold := &Hold{Reason: v1alpha1.ReasonHeld, Message: "the program is suspended", Until: at(time.Hour)}
	told := &Hold{Reason: v1alpha1.ReasonHeld, Message: "the mail server refuses"}
	const refused, unreachable = v1alpha1.MailRefused, v1alpha1.MailUnreachable
	for name, test := range map[string]struct {
		from     v1alpha1.MailDelivery
		unwanted bool
		hold     *Hold
		now      time.Duration
		want     v1alpha1.MailDelivery
		claimed  bool
		again    time.Time
	}{
		"not wanted any more, and held": {queued(pending, refused, 1, never, 0), true, hold, time.Minute,
			queued(skipped, "", 1, never, 0), false, time.Time{}},
		"held before its first try": {queued(pending, "", 0, never, never), false, hold, 0,
			with(queued(pending, "", 0, never, never), hold.Message), false, hold.Until},
		"held after a try, until somebody tells": {queued(pending, refused, 0, never, 0), false, told, 2 * time.Hour,
			with(queued(pending, refused, 0, never, 0), told.Message), false, time.Time{}},
		"held while it waits by itself": {queued(pending, "", 1, 0, 0), false, hold, time.Second,
			with(queued(pending, "", 1, 0, 0), hold.Message), false, hold.Until},
		"waits by itself": {queued(pending, "", 1, 0, 0), false, nil, backoff - 1,
			queued(pending, "", 1, 0, 0), false, at(backoff)},
		"has waited": {queued(pending, "", 1, 0, 0), false, nil, backoff,
			queued(sending, "", 2, 0, backoff), true, time.Time{}},
		"never tried": {queued(pending, "", 0, never, never), false, nil, time.Second,
			queued(sending, "", 1, time.Second, time.Second), true, time.Time{}},
		"was refused, and is not held any more": {queued(pending, refused, 3, 0, time.Hour), false, nil, time.Hour + 1,
			queued(sending, "", 4, 0, time.Hour+1), true, time.Time{}},
		"was refused in its only try": {queued(pending, refused, 0, never, 0), false, nil, time.Second,
			queued(sending, "", 1, time.Second, time.Second), true, time.Time{}},
		"was not reachable": {queued(pending, unreachable, 1, never, 0), false, nil, time.Second,
			queued(sending, "", 2, time.Second, time.Second), true, time.Time{}},
		"under way": {queued(sending, "", 1, 0, 0), false, nil, InFlight - 1,
			queued(sending, "", 1, 0, 0), false, at(InFlight)},
		"under way, and not wanted any more": {queued(sending, "", 1, 0, 0), true, hold, InFlight - 1,
			queued(sending, "", 1, 0, 0), false, at(InFlight)},
		"its process died": {queued(sending, "", 1, 0, 0), false, nil, InFlight,
			queued(sending, "", 2, 0, InFlight), true, time.Time{}},
		"its process died, and it is not wanted any more": {queued(sending, "", 1, 0, 0), true, nil, InFlight,
			queued(skipped, "", 1, 0, 0), false, time.Time{}},
		"its process died, and it is held": {queued(sending, "", 1, 0, 0), false, hold, InFlight,
			with(queued(pending, "", 1, 0, 0), hold.Message), false, hold.Until},
		"past the day, before a try": {queued(pending, "", 30, 0, 24*time.Hour), false, nil, 72 * time.Hour,
			queued(sending, "", 31, 0, 72*time.Hour), true, time.Time{}},
		"sent":    {queued(sent, "", 1, 0, 0), true, hold, time.Hour, queued(sent, "", 1, 0, 0), false, time.Time{}},
		"failed":  {queued(hasFailed, "", 1, 0, 0), true, hold, time.Hour, queued(hasFailed, "", 1, 0, 0), false, time.Time{}},
		"skipped": {queued(skipped, "", 0, never, never), false, nil, time.Hour, queued(skipped, "", 0, never, never), false, time.Time{}},
	} {
		t.Run(name, func(t *testing.T) {
			m := test.from
			claim, again := Next([]Mail{{MailDelivery: &m, ID: "id", Unwanted: test.unwanted, Hold: test.hold}}, at(test.now))
			if !reflect.DeepEqual(m, test.want) {
				t.Errorf("became %+v,\nwant %+v", m, test.want)
			}
			if (claim == 0) != test.claimed || !again.Equal(test.again) {
				t.Errorf("claim %d, look again at %v, want %v and %v", claim, again, test.claimed, test.again)
			}
			if claim >= 0 {
				return
			}
			before := m
			Next([]Mail{{MailDelivery: &m, ID: "id", Unwanted: test.unwanted, Hold: test.hold}}, at(test.now))
			if !reflect.DeepEqual(m, before) {
				t.Errorf("changes once more, to %+v", m)
			}
		})
	}
}

func TestNextClaimsOneOfMany(t *testing.T) {
	mails := []v1alpha1.MailDelivery{
		queued(sent, "", 1, 0, 0), queued(pending, "", 1, 0, 0), queued(pending, "", 0, never, never),
		queued(pending, "", 0, never, never), queued(sending, "", 1, 0, 0),
	}
	var list []Mail
	for n := range mails {
		list = append(list, Mail{MailDelivery: &mails[n], ID: "id"})
	}
	now := at(time.Second)
	claim, again := Next(list, now)
	if claim != 2 || !again.Equal(now) {
		t.Errorf("claim %d, look again at %v", claim, again)
	}
	if mails[3].State != pending || mails[3].Attempts != 0 {
		t.Errorf("the next one was touched: %+v", mails[3])
	}
	if claim, again = Next(list, now); claim != 3 || !again.Equal(at(InFlight)) {
		t.Errorf("claim %d, look again at %v", claim, again)
	}
}

func TestRecord(t *testing.T) {
	first := queued(sending, "", 1, time.Minute, time.Minute)
	fourth := queued(sending, "", 4, 0, time.Hour)
	last := queued(sending, "", 30, 0, 23*time.Hour+30*time.Minute)
	const refused, unreachable = v1alpha1.MailRefused, v1alpha1.MailUnreachable
	for name, test := range map[string]struct {
		from   v1alpha1.MailDelivery
		class  Class
		want   v1alpha1.MailDelivery
		reason string
	}{
		"accepted":             {fourth, Accepted, with(queued(sent, "", 4, 0, time.Hour), ""), v1alpha1.ReasonSent},
		"recipient":            {first, Recipient, queued(hasFailed, "", 1, time.Minute, time.Minute), v1alpha1.ReasonAddressRejected},
		"content":              {fourth, Content, queued(hasFailed, "", 4, 0, time.Hour), v1alpha1.ReasonContentRejected},
		"temporary":            {first, Temporary, queued(pending, "", 1, time.Minute, time.Minute), v1alpha1.ReasonTemporaryFailure},
		"temporary again":      {fourth, Temporary, queued(pending, "", 4, 0, time.Hour), v1alpha1.ReasonTemporaryFailure},
		"temporary, at last":   {last, Temporary, queued(hasFailed, "", 30, 0, 23*time.Hour+30*time.Minute), v1alpha1.ReasonGaveUp},
		"refused":              {first, Refused, queued(pending, refused, 0, never, time.Minute), v1alpha1.ReasonHeld},
		"refused later":        {fourth, Refused, queued(pending, refused, 3, 0, time.Hour), v1alpha1.ReasonHeld},
		"refused, at last":     {last, Refused, queued(pending, refused, 29, 0, 23*time.Hour+30*time.Minute), v1alpha1.ReasonHeld},
		"not allowed":          {first, NotAllowed, queued(pending, refused, 0, never, time.Minute), v1alpha1.ReasonHeld},
		"unreachable":          {first, Unreachable, queued(pending, unreachable, 1, never, time.Minute), v1alpha1.ReasonTemporaryFailure},
		"unreachable later":    {fourth, Unreachable, queued(pending, unreachable, 4, 0, time.Hour), v1alpha1.ReasonTemporaryFailure},
		"unreachable, at last": {last, Unreachable, queued(pending, unreachable, 30, 0, 23*time.Hour+30*time.Minute), v1alpha1.ReasonTemporaryFailure},
		"refused, times lost":  {queued(sending, "", 0, never, never), Refused, queued(pending, refused, 0, never, never), v1alpha1.ReasonHeld},
		"temporary, time lost": {queued(sending, "", 1, never, never), Temporary, queued(pending, "", 1, never, never), v1alpha1.ReasonTemporaryFailure},
	} {
		t.Run(name, func(t *testing.T) {
			m, want := test.from, test.want
			if want.State != sent {
				want.Message = "words"
			}
			reason, recorded := Mail{MailDelivery: &m, ID: "id"}.Record(Outcome{Class: test.class, Message: "words"})
			if !recorded || reason != test.reason {
				t.Errorf("recorded %v, reason %q, want %q", recorded, reason, test.reason)
			}
			if !reflect.DeepEqual(m, want) {
				t.Errorf("became %+v,\nwant %+v", m, want)
			}
		})
	}
	for _, state := range []v1alpha1.DeliveryState{pending, sent, skipped, hasFailed} {
		m := queued(state, "", 1, 0, 0)
		if _, recorded := (Mail{MailDelivery: &m}).Record(Outcome{Class: Accepted}); recorded || !reflect.DeepEqual(m, queued(state, "", 1, 0, 0)) {
			t.Errorf("%s: an outcome of a mail that is not claimed was recorded", state)
		}
	}
	if _, recorded := (Mail{}).Record(Outcome{Class: Accepted}); recorded {
		t.Error("an outcome of no mail was recorded")
	}
}

func TestRetry(t *testing.T) {
	m := queued(hasFailed, "", 30, 0, time.Hour)
	Retry(&m)
	if want := with(queued(pending, "", 0, never, never), ""); !reflect.DeepEqual(m, want) {
		t.Errorf("became %+v,\nwant %+v", m, want)
	}
	for _, state := range []v1alpha1.DeliveryState{pending, sending, sent, skipped} {
		m := queued(state, "", 1, 0, 0)
		if Retry(&m); !reflect.DeepEqual(m, queued(state, "", 1, 0, 0)) {
			t.Errorf("%s: became %+v", state, m)
		}
	}
}

func TestRepeat(t *testing.T) {
	for name, test := range map[string]struct {
		state   v1alpha1.DeliveryState
		repeat  int64
		after   time.Duration
		allowed bool
	}{
		"too soon":               {sent, 0, time.Minute - 1, false},
		"after a minute":         {sent, 0, time.Minute, true},
		"again, too soon":        {sent, 1, 5*time.Minute - 1, false},
		"again, after a while":   {sent, 1, 5 * time.Minute, true},
		"under way":              {sending, 0, time.Hour, false},
		"not sent yet":           {pending, 0, time.Hour, false},
		"does not reach anybody": {hasFailed, 0, time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := queued(test.state, "", 2, 0, 0)
			m.Repeat = test.repeat
			want := m
			if test.allowed {
				want = with(queued(pending, "", 0, never, 0), "")
				want.Repeat = test.repeat + 1
			}
			if got := Repeat(&m, at(test.after)); got != test.allowed || !reflect.DeepEqual(m, want) {
				t.Errorf("allowed %v, became %+v,\nwant %+v", got, m, want)
			}
			if claim, _ := Next([]Mail{{MailDelivery: &m, ID: "id"}}, at(test.after)); test.allowed && claim != 0 {
				t.Error("what was asked for is not claimed")
			}
		})
	}
}

// A mail waits as long as the mail server is away or refuses, however long that is, and leaves once it is back.
func TestOutage(t *testing.T) {
	for _, hours := range []time.Duration{30, 72} {
		for name, outcome := range map[string]Outcome{
			"sign-in refused": {Class: Refused, BeforeMail: true, Stage: StageSignIn, Code: 535, Message: "refused"},
			"not allowed":     {Class: NotAllowed, BeforeMail: true, Message: "not allowed"},
			"unreachable":     {Class: Unreachable, BeforeMail: true, Stage: StageConnect, Message: "cannot be reached"},
			"sender refused":  {Class: Refused, Stage: StageSender, Code: 550, Message: "refused"},
			"ambiguous":       {Class: Ambiguous, Stage: StageRecipient, Code: 554, Message: "Relay access denied"},
		} {
			t.Run(fmt.Sprintf("%s for %d hours", name, hours), func(t *testing.T) {
				outage(t, outcome, hours*time.Hour)
			})
		}
	}
}

func outage(t *testing.T, outcome Outcome, length time.Duration) {
	var server ServerCircuit
	var sender SenderCircuit
	m := queued(pending, "", 0, never, never)
	mail := Mail{MailDelivery: &m, ID: "id"}
	tries, signIns := 0, 0
	for now := start; m.State != sent; now = now.Add(time.Second) {
		over := now.Sub(start) >= length
		if now.Sub(start) > length+2*time.Hour {
			t.Fatalf("not sent two hours after it ended: %+v", m)
		}
		current := outcome
		if over {
			current = Outcome{Class: Accepted}
		}
		if server.StartProbe(now) {
			signIns++
			signIn := current
			if !outcome.BeforeMail {
				signIn = Outcome{Class: Accepted}
			}
			server.Probed(signIn, now)
		}
		if offer(mail, &server, &sender, current, now) {
			tries++
		}
		if m.State == hasFailed {
			t.Fatalf("failed after %v: %+v", now.Sub(start), m)
		}
	}
	if most := int(length/time.Hour)*13 + 10; tries+signIns > most {
		t.Errorf("%d tries and %d sign-ins, at most %d make sense", tries, signIns, most)
	}
	if outcome.BeforeMail && tries != 2 {
		t.Errorf("%d claims, want one before and one after", tries)
	}
}

// offer does what a courier does about one mail, and tells whether it was tried.
func offer(mail Mail, server *ServerCircuit, sender *SenderCircuit, o Outcome, now time.Time) bool {
	try := Try{Object: "partnership/cora", Key: KeyOf(mail.MailDelivery), Recipient: "cora@x.example", Domain: "x.example"}
	if mail.LastAttemptTime != nil {
		try.LastTry = mail.LastAttemptTime.Time
	}
	granted := false
	if answer, _ := server.Ask(now); answer != Granted {
		mail.Hold = server.Hold()
	} else if answer, _ := sender.Ask(try, now); answer != Granted {
		server.Withdraw()
		if mail.Hold = sender.Hold(); mail.Hold == nil {
			return false
		}
	} else {
		granted = true
	}
	claim, _ := Next([]Mail{mail}, now)
	if claim < 0 {
		if granted {
			server.Withdraw()
			sender.Withdraw(try)
		}
		return false
	}
	ruled, _ := sender.Learn(try, o, now)
	mail.Record(server.Learn(ruled, now))
	return true
}

// Whatever happens, one claim of a mail is in flight at a time, and what counts its tries falls by a refusal or Retry alone.
func TestQueueProperties(t *testing.T) {
	classes := []Class{Accepted, Recipient, Content, Temporary, Refused, Unreachable, NotAllowed}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		mails := make([]v1alpha1.MailDelivery, 4)
		claimed := map[Key]time.Time{}
		for n := range mails {
			mails[n] = queued(pending, "", 0, never, never)
			mails[n].Serial = int64(n)
		}
		now := start
		for range 300 {
			before := make([]int32, len(mails))
			for n := range mails {
				before[n] = mails[n].Attempts
			}
			n := random.IntN(len(mails))
			may := false // the tries of mail n may fall
			switch random.IntN(6) {
			case 0:
				now = now.Add(time.Duration(random.Int64N(int64(2 * time.Minute))))
			case 1:
				now = now.Add(time.Duration(random.Int64N(int64(3 * time.Hour))))
			case 2:
				o := Outcome{Class: classes[random.IntN(len(classes))], Message: "m"}
				if _, recorded := (Mail{MailDelivery: &mails[n], ID: "id"}).Record(o); recorded {
					delete(claimed, KeyOf(&mails[n]))
					may = o.Class == Refused || o.Class == NotAllowed
				}
			case 3:
				may = mails[n].State == hasFailed
				Retry(&mails[n])
			default:
				var list []Mail
				for n := range mails {
					m := Mail{MailDelivery: &mails[n], ID: "id", Unwanted: random.IntN(100) == 0}
					if random.IntN(4) == 0 {
						m.Hold = &Hold{Message: "held"}
					}
					list = append(list, m)
				}
				if claim, _ := Next(list, now); claim >= 0 {
					key := KeyOf(&mails[claim])
					if since, found := claimed[key]; found && now.Before(since.Add(InFlight)) {
						t.Fatalf("seed %d: claimed twice, at %v and %v", seed, since, now)
					}
					claimed[key] = now
				}
			}
			for i := range mails {
				if mails[i].Attempts < before[i] && (i != n || !may) || mails[i].Attempts < 0 {
					t.Fatalf("seed %d: the tries fell from %d: %+v", seed, before[i], mails[i])
				}
			}
		}
	}
}
