package invite

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// asksAgain is what the portal does when the person asks to sign in.
func asksAgain(t testing.TB, l *life) {
	if Repeatable(Input{Invite: l.invite, Catalog: l.catalog, Partnerships: l.partnerships, Now: l.now}) {
		AskRepeat(&l.invite.Status)
		l.invite.Status = stored(t, l.invite.Status)
	}
}

// repeated carries out what the rules say, and tells what the mail server answered; nil: it took the mail.
func repeated(o *delivery.Outcome) step {
	return func(t testing.TB, l *life) {
		t.Helper()
		if d := l.decide(t); d.Send != nil && d.Send.Repeat > 0 {
			l.record(t, *d.Send, o)
		}
	}
}

func TestRepeat(t *testing.T) {
	minute, hour, closes := after(time.Minute), after(time.Hour), circuit(v1alpha1.ReasonHeld, 0)
	const sending, isSent, skipped, waits, isGone = v1alpha1.DeliverySending, v1alpha1.DeliverySent, v1alpha1.DeliverySkipped, v1alpha1.DeliveryPending, v1alpha1.DeliveryFailed
	for name, test := range map[string]struct {
		happens []step
		action  Action
		state   v1alpha1.DeliveryState
		serial  int64
	}{
		"not asked for":                     {steps(mailed(nil), minute), ActionNone, "", 0},
		"asked for":                         {steps(mailed(nil), minute, asksAgain), ActionSend, sending, 1},
		"asked for too soon":                {steps(mailed(nil), after(59*time.Second), asksAgain), ActionNone, "", 0},
		"asked for before the first":        {steps(asksAgain), ActionSend, "", 0},
		"carried out":                       {steps(mailed(nil), minute, asksAgain, repeated(nil)), ActionNone, isSent, 1},
		"and again, too soon":               {steps(mailed(nil), minute, asksAgain, repeated(nil), asksAgain), ActionNone, isSent, 1},
		"and again after a minute":          {steps(mailed(nil), minute, asksAgain, repeated(nil), minute, asksAgain), ActionNone, isSent, 1},
		"and again":                         {steps(mailed(nil), minute, asksAgain, repeated(nil), after(5*time.Minute), asksAgain), ActionSend, sending, 2},
		"twice before it left":              {steps(mailed(nil), minute, asksAgain, hour, asksAgain), ActionSend, sending, 1},
		"in the long cool-down":             {steps(coolsDown("referral", "2h"), mailed(nil), hour, asksAgain), ActionNone, "", 0},
		"without a cool-down, soon":         {steps(coolsDown("referral", "0"), mailed(nil), after(59*time.Second), asksAgain), ActionNone, "", 0},
		"busy":                              {steps(mailed(nil), minute, asksAgain, repeated(busy)), ActionNone, waits, 1},
		"busy, and then":                    {steps(mailed(nil), minute, asksAgain, repeated(busy), hour), ActionSend, sending, 1},
		"refused for good":                  {steps(mailed(nil), minute, asksAgain, repeated(refused), hour), ActionNone, isGone, 1},
		"a process died":                    {steps(mailed(nil), minute, asksAgain, looksAgain, minute), ActionSend, sending, 1},
		"a process died a moment ago":       {steps(mailed(nil), minute, asksAgain, looksAgain), ActionNone, sending, 1},
		"held":                              {steps(mailed(nil), minute, asksAgain, holds), ActionNone, waits, 1},
		"held, and then":                    {steps(mailed(nil), minute, asksAgain, holds, looksAgain, hour, releases), ActionSend, sending, 1},
		"refused for good, taken back":      {steps(mailed(nil), minute, asksAgain, repeated(refused), takesBack(1, 1)), ActionSend, sending, 1},
		"another is taken back":             {steps(mailed(nil), minute, asksAgain, repeated(refused), takesBack(1, 2)), ActionNone, isGone, 1},
		"the circuit is open":               {steps(mailed(nil), minute, asksAgain, closes), ActionNone, waits, 1},
		"the circuit is open, and then":     {steps(mailed(nil), minute, asksAgain, closes, looksAgain, hour, circuitEnds), ActionSend, sending, 1},
		"refused with everything":           {steps(mailed(nil), minute, asksAgain, repeated(refusesUs), closes), ActionNone, waits, 1},
		"refused with everything, and then": {steps(mailed(nil), minute, asksAgain, repeated(refusesUs)), ActionSend, sending, 1},
		"declined while it waits":           {steps(mailed(nil), minute, asksAgain, closes, looksAgain, answers(v1alpha1.DecisionDeclined)), ActionNone, skipped, 1},
		"expires while it waits":            {steps(mailed(nil), minute, asksAgain, closes, looksAgain, after(week)), ActionNone, skipped, 1},
		"accepted while it waits":           {steps(mailed(nil), minute, asksAgain, closes, looksAgain, answers(v1alpha1.DecisionAccepted), finished), ActionNone, skipped, 1},
		"declined while it is sent":         {steps(mailed(nil), minute, asksAgain, looksAgain, answers(v1alpha1.DecisionDeclined)), ActionNone, sending, 1},
		"revoked while it waits":            {steps(mailed(nil), minute, asksAgain, closes, looksAgain, isRevokedIn("referral")), ActionNone, skipped, 1},
		"suspended":                         {steps(mailed(nil), minute, asksAgain, suspends("referral")), ActionNone, skipped, 1},
		"asked for while suspended":         {steps(mailed(nil), minute, suspends("referral"), asksAgain), ActionNone, "", 0},
		"asked for, declined":               {steps(mailed(nil), minute, answers(v1alpha1.DecisionDeclined), asksAgain), ActionNone, "", 0},
		"asked for when it expired":         {steps(mailed(nil), after(week), asksAgain), ActionNone, "", 0},
		"revoked meanwhile":                 {steps(mailed(nil), minute, asksAgain, isRevokedIn("referral")), ActionNone, skipped, 1},
		"without a mail":                    {steps(linkOnly, mailed(nil), minute, asksAgain), ActionNone, "", 0},
		"a new link takes its place":        {steps(mailed(nil), minute, asksAgain, annotates("a")), ActionSend, skipped, 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, happens := range test.happens {
				happens(t, l)
			}
			d := l.decide(t)
			got := v1alpha1.MailDelivery{}
			if d.Status.Repeat != nil {
				got = *d.Status.Repeat
			}
			if d.Action != test.action || got.State != test.state || got.Serial != test.serial {
				t.Errorf("%s, %s number %d; want %s, %s number %d", d.Action, got.State, got.Serial, test.action, test.state, test.serial)
			}
			if claims := d.Send != nil && d.Send.Repeat > 0; claims != (d.Action == ActionSend && test.state == sending) || claims && d.Send.Repeat != test.serial {
				t.Errorf("the claim is %+v", d.Send)
			}
			if d.Send != nil && d.Send.Repeat > 0 && (d.Status.Serial != 1 || d.Status.SentTime == nil || d.Status.ExpiryTime == nil) {
				t.Errorf("it changes the link: %+v", d.Status)
			}
		})
	}
}

func TestRepeatIDIsItsOwn(t *testing.T) {
	i := &v1alpha1.PartnerInvite{Status: v1alpha1.PartnerInviteStatus{
		Serial: 1, MessageID: "invite.uid.1@acme.example", Repeat: &v1alpha1.MailDelivery{Serial: 2, State: v1alpha1.DeliverySending},
	}}
	if got := RepeatID(i.Status); got != "invite.uid.1-r2@acme.example" {
		t.Errorf("RepeatID is %q", got)
	}
	for what, key := range map[string]delivery.Key{
		"another repeat":           {Kind: v1alpha1.MailInvite, Serial: 1, Repeat: 1},
		"a repeat of another link": {Kind: v1alpha1.MailInvite, Serial: 2, Repeat: 2},
		"the mail itself":          {Kind: v1alpha1.MailInvite, Serial: 1},
		"another kind":             {Kind: v1alpha1.MailTeamInvite, Serial: 1, Repeat: 2},
	} {
		if Record(i, key, delivery.Outcome{Class: delivery.Accepted}, start) || i.Status.Repeat.State != v1alpha1.DeliverySending || i.Status.SentTime != nil {
			t.Errorf("the outcome of %s is recorded", what)
		}
	}
}

// A repeat heeds what all mail heeds: a refusal of the operator is no try of it, and an outage does not end it.
func TestARepeatWaitsLikeAnyMail(t *testing.T) {
	l := newLife()
	for _, happens := range steps(expiresAfter("8760h"), mailed(nil), after(time.Hour), asksAgain) {
		happens(t, l)
	}
	for range 30 {
		repeated(refusesUs)(t, l)
		if r := l.invite.Status.Repeat; r.State != v1alpha1.DeliveryPending || r.Attempts != 0 || r.Cause != v1alpha1.MailRefused || r.Message != refusesUs.Message {
			t.Fatalf("after a refusal of the operator it is %+v", r)
		}
		after(time.Hour)(t, l)
	}
	circuit(v1alpha1.ReasonHeld, time.Minute)(t, l)
	if d := l.decide(t); d.RequeueAfter != time.Minute || d.Status.Repeat.Message != l.circuit.Message {
		t.Errorf("it looks again after %s, and says %q", d.RequeueAfter, d.Status.Repeat.Message)
	}
	circuitEnds(t, l)
	repeated(nil)(t, l)
	if r := l.invite.Status.Repeat; r.State != v1alpha1.DeliverySent || r.Attempts != 1 {
		t.Errorf("in the end it is %+v", r)
	}
}

// What holds a repeat may say more than status holds.
func TestALongMessageOfARepeatIsCut(t *testing.T) {
	l := newLife()
	for _, happens := range steps(mailed(nil), after(time.Hour), asksAgain, holds) {
		happens(t, l)
	}
	l.hold = strings.Repeat("ü", 2000)
	l.decide(t)
	if got := utf8.RuneCountInString(l.invite.Status.Repeat.Message); got != maxMessage {
		t.Errorf("it has %d characters", got)
	}
	releases(t, l)
	repeated(&delivery.Outcome{Class: delivery.Temporary, Message: strings.Repeat("ü", 2000)})(t, l)
	if got := utf8.RuneCountInString(l.invite.Status.Repeat.Message); got != maxMessage {
		t.Errorf("an answer has %d characters", got)
	}
}
