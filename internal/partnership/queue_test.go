package partnership

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// mailed is what the condition Mailed says; empty: it is not there.
func mailed(p *v1alpha1.Partnership) string {
	c := meta.FindStatusCondition(p.Status.Conditions, v1alpha1.ConditionMailed)
	if c == nil {
		return ""
	}
	return string(c.Status) + "/" + c.Reason + ": " + c.Message
}

// What waits says why, in one write, and the same for as long as it waits.
func TestWhatHoldsAMailBack(t *testing.T) {
	const name = `Program "referral" `
	for what, test := range map[string]struct {
		before []step
		why    string
		reason string
		goesOn step
	}{
		"no mail server":      {inOrder(noMailer), "there is no mail server", v1alpha1.ReasonMailerNotConfigured, mailerComes},
		"held back":           {inOrder(holds), "mail is held back", v1alpha1.ReasonHeld, releases},
		"a suspended program": {inOrder(suspends), name + "is suspended; the mail goes out when that ends", v1alpha1.ReasonHeld, resumes},
		"suspended and held":  {inOrder(suspends, noMailer), "there is no mail server", v1alpha1.ReasonMailerNotConfigured, func(l *life) { resumes(l); mailerComes(l) }},
	} {
		t.Run(what, func(t *testing.T) {
			l := newLife()
			l.settle(t)
			for _, step := range append(test.before, revoke("", nil)) {
				step(l)
			}
			l.settle(t)
			mail := *Mail(&l.partnership.Status, v1alpha1.MailRevoked, "")
			want := v1alpha1.MailDelivery{Kind: v1alpha1.MailRevoked, Serial: 1, State: v1alpha1.DeliveryPending, Message: test.why}
			if diff := cmp.Diff(want, mail); diff != "" {
				t.Errorf("unexpected mail (-want +got):\n%s", diff)
			}
			if got := mailed(l.partnership); got != "False/"+test.reason+": revoked: "+test.why {
				t.Errorf("Mailed is %q", got)
			}
			before := l.partnership.Status
			l.now = l.now.Add(30 * time.Hour)
			l.settle(t)
			if diff := cmp.Diff(before, l.partnership.Status); diff != "" || l.last.RequeueAfter != 0 {
				t.Errorf("it looks again after %s; status changes (-before +after):\n%s", l.last.RequeueAfter, diff)
			}
			test.goesOn(l)
			l.settle(t)
			if got := mailed(l.partnership); got != "True/Sent: the mail server took every mail that was due" || len(l.handedOver) != 1 {
				t.Errorf("Mailed is %q, sent are %v", got, l.handedOver)
			}
		})
	}
}

func TestAMissingProgramHoldsMailBack(t *testing.T) {
	l := newLife()
	for _, step := range inOrder(wantsApproval) {
		step(l)
	}
	l.settle(t)
	delete(l.catalog.Programs, "referral")
	approve(l)
	l.settle(t)
	if got := mailed(l.partnership); got != `False/Held: approved: Program "referral" does not exist; the mail goes out when it does` {
		t.Errorf("Mailed is %q", got)
	}
	revoke("", nil)(l)
	l.settle(t)
	if diff := cmp.Diff([]string{"revoked/1"}, l.handedOver); diff != "" {
		t.Errorf("unexpected mails (-want +got):\n%s", diff)
	}
}

// A mail that the mail server refuses for what is not the mail's fault never fails, however long that lasts.
func TestAnOutageBurnsNothing(t *testing.T) {
	for _, o := range []delivery.Outcome{
		{Class: delivery.Refused, Message: "535 no"}, {Class: delivery.Unreachable, Message: "away"}, {Class: delivery.NotAllowed, Message: "not here"},
	} {
		for _, lasts := range []time.Duration{30 * time.Hour, 72 * time.Hour} {
			l := newLife()
			l.settle(t)
			revoke("", nil)(l)
			for end := l.now.Add(lasts); l.now.Before(end); l.now = l.now.Add(time.Hour) {
				d := Decide(l.input())
				l.partnership.Status = stored(t, d.Status)
				if d.Send == nil || !Record(l.partnership, *d.Send, o, l.now) {
					t.Fatalf("%s, after %s: it is not tried, or not recorded", o.Class, l.now.Sub(start))
				}
			}
			if m := Mail(&l.partnership.Status, v1alpha1.MailRevoked, ""); m.State != v1alpha1.DeliveryPending || m.FirstAttemptTime != nil {
				t.Errorf("%s: after %s it is %+v", o.Class, lasts, m)
			}
			l.settle(t)
			if m := Mail(&l.partnership.Status, v1alpha1.MailRevoked, ""); m.State != v1alpha1.DeliverySent {
				t.Errorf("%s: once it is over it is %+v", o.Class, m)
			}
		}
	}
}

// A claim and its outcome are two changes of status, whatever the outcome, and the condition is in them.
func TestTwoWritesForAMail(t *testing.T) {
	for class, want := range map[delivery.Class]string{
		delivery.Accepted:    "True/Sent",
		delivery.Recipient:   "False/AddressRejected",
		delivery.Content:     "False/ContentRejected",
		delivery.Temporary:   "False/TemporaryFailure",
		delivery.Unreachable: "False/TemporaryFailure",
		delivery.Refused:     "False/Held",
	} {
		l := newLife()
		l.settle(t)
		revoke("", nil)(l)
		d := Decide(l.input())
		l.partnership.Status = stored(t, d.Status)
		if got := mailed(l.partnership); got != "False/Sending: revoked: the mail is being handed to the mail server" {
			t.Errorf("claimed: Mailed is %q", got)
		}
		Record(l.partnership, *d.Send, delivery.Outcome{Class: class, Message: "550 no"}, l.now)
		l.partnership.Status = stored(t, l.partnership.Status)
		if got := mailed(l.partnership); got[:min(len(got), len(want))] != want {
			t.Errorf("%s: Mailed is %q", class, got)
		}
		if class == delivery.Unreachable || class == delivery.Refused { // the controller asks the gate first
			continue
		}
		if diff := cmp.Diff(l.partnership.Status, Decide(l.input()).Status); diff != "" {
			t.Errorf("%s: there is one more write (-before +after):\n%s", class, diff)
		}
	}
}

func TestFailedMailsAreTriedAnew(t *testing.T) {
	asks := func(text string) step {
		return func(l *life) { l.partnership.Annotations = map[string]string{v1alpha1.ResendAnnotation: text} }
	}
	takesBack := func(l *life) { l.takenBack = []delivery.Key{{Kind: v1alpha1.MailRevoked, Serial: 1}} }
	for name, test := range map[string]struct {
		created, then []step
		want          string
		tries         int
	}{
		"nobody asks":                   {nil, inOrder(), "Failed", 1},
		"somebody asks":                 {nil, inOrder(asks("now")), "Sent", 2},
		"what stands there at creation": {inOrder(asks("now")), inOrder(), "Failed", 1},
		"a new text after that":         {inOrder(asks("now")), inOrder(asks("then")), "Sent", 2},
		"taken away and put back":       {inOrder(asks("now")), inOrder(func(l *life) { l.partnership.Annotations = nil; l.settle(t) }, asks("now")), "Failed", 1},
		"refused once more":             {nil, inOrder(asks("now"), serverIs(refuses)), "Failed", 2},
		"its refusal is taken back":     {nil, inOrder(takesBack), "Sent", 2},
		"it makes no sense any more":    {nil, inOrder(asks("now"), reinstate), "Skipped", 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, step := range test.created {
				step(l)
			}
			l.settle(t)
			for _, step := range inOrder(serverIs(refuses), revoke("", nil)) {
				step(l)
			}
			before := l.partnership.Status
			l.settle(t)
			if events := Transitions(before, l.partnership.Status); len(events) != 2 || events[1].Reason != "MailFailed" || events[1].Type != "Warning" {
				t.Errorf("the events are %+v", events)
			}
			l.server = takes
			for _, step := range test.then {
				step(l)
			}
			l.settle(t)
			l.takenBack = nil
			l.settle(t)
			if m := Mail(&l.partnership.Status, v1alpha1.MailRevoked, ""); string(m.State) != test.want || len(l.handedOver) != test.tries {
				t.Errorf("it is %+v, after %v", m, l.handedOver)
			}
		})
	}
}

func inOrder(s ...step) []step { return s }

// What the version before left behind needs no write.
func TestWhatTheVersionBeforeLeft(t *testing.T) {
	for _, state := range []v1alpha1.DeliveryState{v1alpha1.DeliverySent, v1alpha1.DeliverySkipped, v1alpha1.DeliveryFailed} {
		l := newLife()
		l.settle(t)
		revoke("", no)(l)
		l.settle(t)
		l.partnership.Status.Mails = []v1alpha1.MailDelivery{{Kind: v1alpha1.MailRevoked, Serial: 1, State: state, Message: "as it was"}}
		if diff := cmp.Diff(l.partnership.Status, Decide(l.input()).Status); diff != "" {
			t.Errorf("%s (-before +after):\n%s", state, diff)
		}
	}
}
