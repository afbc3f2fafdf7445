package invite

import (
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// asksAgain is what the portal does when the person asks to sign in.
func asksAgain(t testing.TB, l *life) {
	if Repeatable(l.invite, l.catalog, l.partnerships, l.now) {
		AskRepeat(&l.invite.Status)
		l.invite.Status = stored(t, l.invite.Status)
	}
}

// repeated carries out what the rules say, and tells what the mail server answered.
func repeated(failure *delivery.Failure) step {
	return func(t testing.TB, l *life) {
		d := l.decide(t)
		if d.Action != ActionRepeat {
			return
		}
		Repeated(&l.invite.Status, RepeatID(l.invite.Status), failure)
		l.invite.Status = stored(t, l.invite.Status)
	}
}

func TestRepeat(t *testing.T) {
	minute, hour := after(time.Minute), after(time.Hour)
	busy, gone := &delivery.Failure{Message: "busy"}, &delivery.Failure{Message: "no", Permanent: true}
	const sending, isSent, skipped, waits, isGone = v1alpha1.DeliverySending, v1alpha1.DeliverySent, v1alpha1.DeliverySkipped, v1alpha1.DeliveryPending, v1alpha1.DeliveryFailed
	for name, test := range map[string]struct {
		happens []step
		action  Action
		state   v1alpha1.DeliveryState
		serial  int64
	}{
		"not asked for":               {steps(mailed(nil), minute), ActionNone, "", 0},
		"asked for":                   {steps(mailed(nil), minute, asksAgain), ActionRepeat, sending, 1},
		"asked for too soon":          {steps(mailed(nil), after(59*time.Second), asksAgain), ActionNone, "", 0},
		"asked for before the first":  {steps(asksAgain), ActionSend, "", 0},
		"carried out":                 {steps(mailed(nil), minute, asksAgain, repeated(nil)), ActionNone, isSent, 1},
		"and again, too soon":         {steps(mailed(nil), minute, asksAgain, repeated(nil), asksAgain), ActionNone, isSent, 1},
		"and again after a minute":    {steps(mailed(nil), minute, asksAgain, repeated(nil), minute, asksAgain), ActionNone, isSent, 1},
		"and again":                   {steps(mailed(nil), minute, asksAgain, repeated(nil), after(5*time.Minute), asksAgain), ActionRepeat, sending, 2},
		"twice before it left":        {steps(mailed(nil), minute, asksAgain, hour, asksAgain), ActionRepeat, sending, 1},
		"in the long cool-down":       {steps(coolsDown("referral", "2h"), mailed(nil), hour, asksAgain), ActionNone, "", 0},
		"without a cool-down, soon":   {steps(coolsDown("referral", "0"), mailed(nil), after(59*time.Second), asksAgain), ActionNone, "", 0},
		"busy":                        {steps(mailed(nil), minute, asksAgain, repeated(busy)), ActionNone, waits, 1},
		"busy, and then":              {steps(mailed(nil), minute, asksAgain, repeated(busy), hour), ActionRepeat, sending, 1},
		"refused for good":            {steps(mailed(nil), minute, asksAgain, repeated(gone), hour), ActionNone, isGone, 1},
		"a process died":              {steps(mailed(nil), minute, asksAgain, looksAgain, minute), ActionRepeat, sending, 1},
		"a process died a moment ago": {steps(mailed(nil), minute, asksAgain, looksAgain), ActionNone, sending, 1},
		"held":                        {steps(mailed(nil), minute, asksAgain, holds), ActionNone, skipped, 1},
		"suspended":                   {steps(mailed(nil), minute, asksAgain, suspends("referral")), ActionNone, skipped, 1},
		"asked for while suspended":   {steps(mailed(nil), minute, suspends("referral"), asksAgain), ActionNone, "", 0},
		"asked for, declined":         {steps(mailed(nil), minute, answers(v1alpha1.DecisionDeclined), asksAgain), ActionNone, "", 0},
		"asked for when it expired":   {steps(mailed(nil), after(week), asksAgain), ActionNone, "", 0},
		"revoked meanwhile":           {steps(mailed(nil), minute, asksAgain, isRevokedIn("referral")), ActionNone, skipped, 1},
		"without a mail":              {steps(linkOnly, mailed(nil), minute, asksAgain), ActionNone, "", 0},
		"a new link takes its place":  {steps(mailed(nil), minute, asksAgain, annotates("a")), ActionSend, skipped, 1},
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
			if d.Action == ActionRepeat && (d.Status.Serial != 1 || d.Status.SentTime == nil || d.Status.ExpiryTime == nil) {
				t.Errorf("it changes the link: %+v", d.Status)
			}
		})
	}
}

func TestRepeatIDIsItsOwn(t *testing.T) {
	status := v1alpha1.PartnerInviteStatus{MessageID: "invite.uid.1@acme.example", Repeat: &v1alpha1.MailDelivery{Serial: 2, State: v1alpha1.DeliverySending}}
	if got := RepeatID(status); got != "invite.uid.1-r2@acme.example" {
		t.Errorf("RepeatID is %q", got)
	}
	if Repeated(&status, "invite.uid.1-r1@acme.example", nil) || status.Repeat.State != v1alpha1.DeliverySending {
		t.Error("the outcome of another repeat is recorded")
	}
}
