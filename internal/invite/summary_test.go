package invite

import (
	"strings"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/event"
)

func TestExpired(t *testing.T) {
	l := newLife()
	mailed(nil)(t, l)
	for name, test := range map[string]struct {
		status v1alpha1.PartnerInviteStatus
		now    time.Time
		want   bool
	}{
		"never issued":    {v1alpha1.PartnerInviteStatus{}, start.Add(week), false},
		"a moment before": {l.invite.Status, start.Add(week - time.Nanosecond), false},
		"at that moment":  {l.invite.Status, start.Add(week), true},
		"long after":      {l.invite.Status, start.Add(2 * week), true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Expired(test.status, test.now); got != test.want {
				t.Errorf("Expired = %v", got)
			}
		})
	}
}

// Every transition is told once, and a retry or a second look never.
func TestTransition(t *testing.T) {
	const masked = "a***@example.com"
	steps := func(s ...step) []step { return s }
	lookThrice := func(t testing.TB, l *life) {
		for range 3 {
			l.decide(t)
		}
	}
	died := step(func(t testing.TB, l *life) { l.decide(t); after(delivery.InFlight)(t, l) })
	platinum := offers(grantIn("referral", "platinum"))
	for name, test := range map[string]struct {
		happens []step
		want    string // the reasons
	}{
		"sent and accepted":                   {steps(mailed(nil), lookThrice, answers(v1alpha1.DecisionAccepted), looksAgain, finished, lookThrice), "Sent Accepted"},
		"sent and declined":                   {steps(mailed(nil), answers(v1alpha1.DecisionDeclined), lookThrice), "Sent Declined"},
		"sent and expired":                    {steps(mailed(nil), after(week), lookThrice), "Sent Expired"},
		"refused for good":                    {steps(mailed(refused), lookThrice), "AddressRejected"},
		"an address that mail cannot reach":   {steps(edit(func(s *v1alpha1.PartnerInviteSpec) { s.Contact.Email = "ada@a_b.example" }), lookThrice), "AddressRejected"},
		"tried three times":                   {steps(mailed(busy), after(time.Hour), mailed(busy), after(time.Hour), mailed(nil), lookThrice), "TemporaryFailure Sent"},
		"tried again by another process":      {steps(died, mailed(nil), lookThrice), "Sent"},
		"tried for a day":                     {steps(mailed(busy), lookThrice, triedForADay, lookThrice), "TemporaryFailure GaveUp"},
		"waits for its program":               {steps(programGoes, lookThrice, programComes, mailed(nil)), "ProgramNotFound Sent"},
		"waits for its program and its group": {steps(programGoes, platinum, lookThrice, programComes, lookThrice), "ProgramNotFound GroupNotFound"},
		"waits for the mail server":           {steps(mailerGoes, lookThrice, mailerComes, mailed(nil)), "MailerNotConfigured Sent"},
		"waits, and is refused for now":       {steps(programGoes, looksAgain, programComes, mailed(busy), after(time.Hour), mailed(busy)), "ProgramNotFound TemporaryFailure"},
		"expires between two tries":           {steps(mailed(busy), after(week), lookThrice), "TemporaryFailure Expired"},
		"refused for good, then sent":         {steps(mailed(refused), rename, mailed(nil)), "AddressRejected Sent"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			var told []string
			for _, happens := range test.happens {
				before := *l.invite.Status.DeepCopy()
				happens(t, l)
				e, ok := Transition(before, l.invite.Status, masked)
				if ok != (e != event.Event{}) {
					t.Errorf("told = %v with %+v", ok, e)
				}
				if ok {
					told = append(told, e.Reason)
				}
				if strings.Contains(e.Note, string(l.invite.Spec.Contact.Email)) {
					t.Errorf("the event tells the address: %q", e.Note)
				}
			}
			if got := strings.Join(told, " "); got != test.want {
				t.Errorf("told %q, want %q", got, test.want)
			}
		})
	}
}

func TestEventsSayWhatHappened(t *testing.T) {
	for name, test := range map[string]struct {
		happens step
		want    event.Event
	}{
		"sent":     {mailed(nil), event.Normal("Sent", "Send", "Mailed invite 1 to a***@example.com")},
		"refused":  {mailed(refused), event.Warning("AddressRejected", "Send", refused.Message+"; create a new invite for the right address, or change this one's spec to try again")},
		"busy":     {mailed(busy), event.Warning("TemporaryFailure", "Wait", busy.Message+"; next try at "+start.Add(delivery.Backoff(1, messageID)).Format(time.RFC3339))},
		"accepted": {answers(v1alpha1.DecisionAccepted), event.Normal("Accepted", "Accept", "a***@example.com accepted")},
		"declined": {answers(v1alpha1.DecisionDeclined), event.Normal("Declined", "Decline", "a***@example.com declined")},
		"expired": {
			func(t testing.TB, l *life) { mailed(nil)(t, l); after(week)(t, l); l.decide(t) },
			event.Normal("Expired", "Expire", "a***@example.com did not answer in time"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			before := l.invite.Status
			test.happens(t, l)
			if got, _ := Transition(before, l.invite.Status, "a***@example.com"); got != test.want {
				t.Errorf("the event is %+v, want %+v", got, test.want)
			}
		})
	}
}
