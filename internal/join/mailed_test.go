package join

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

// mailed is what the condition Mailed says; empty: it is not there.
func mailed(g *v1alpha1.PartnerGroup) string {
	c := meta.FindStatusCondition(g.Status.Conditions, v1alpha1.ConditionMailed)
	if c == nil {
		return ""
	}
	return string(c.Status) + "/" + c.Reason + ": " + c.Message
}

// What waits says why, in one write, and is looked at again when its time is over.
func TestWhatHoldsAVerificationMailBack(t *testing.T) {
	suspended := referral()
	suspended.Spec.Suspend = true
	hold := &delivery.Hold{Reason: v1alpha1.ReasonMailerNotConfigured, Message: "there is no mail server"}
	for name, test := range map[string]struct {
		program *v1alpha1.Program
		hold    *delivery.Hold
		want    string
	}{
		"no mail server":      {referral(), hold, "MailerNotConfigured: verify-address: there is no mail server"},
		"a suspended program": {suspended, nil, `Held: verify-address: Program "referral" is suspended; the mail goes out when that ends`},
		"both":                {suspended, hold, "MailerNotConfigured: verify-address: there is no mail server"},
	} {
		t.Run(name, func(t *testing.T) {
			g := gold()
			Request(g, "sealed", start)
			o := Outbox{Group: g, Program: test.program, Hold: test.hold, Now: start}
			d := Post(o)
			g.Status = d.Status
			if got := mailed(g); got != "False/"+test.want || d.RequeueAfter != VerificationLifetime {
				t.Errorf("Mailed is %q, it looks again after %s", got, d.RequeueAfter)
			}
			o.Now = start.Add(VerificationLifetime - time.Second)
			if d = Post(o); !cmp.Equal(g.Status, d.Status) {
				t.Errorf("status changes:\n%s", cmp.Diff(g.Status, d.Status))
			}
			o.Now = start.Add(VerificationLifetime)
			g.Status = Post(o).Status
			if got := mailed(g); got != "" || len(g.Status.Verifications) > 0 {
				t.Errorf("Mailed is %q, %d wait", got, len(g.Status.Verifications))
			}
		})
	}
}

// A refusal that is not the address's fault neither burns the mail nor counts as one more mail to the address.
func TestAnOutageBurnsNoVerificationMail(t *testing.T) {
	for _, class := range []delivery.Class{delivery.Refused, delivery.Unreachable} {
		g := gold()
		Request(g, "sealed", start)
		marks := map[int64][]string{1: {"AAAAAAAA"}}
		for now := start; now.Before(start.Add(VerificationLifetime)); now = now.Add(time.Hour) {
			d := Post(Outbox{Group: g, Program: referral(), Marks: marks, Now: now})
			g.Status = d.Status
			if d.Send == nil || !Record(g, *d.Send, delivery.Outcome{Class: class, Message: "no"}, now) {
				t.Fatalf("%s, after %s: it is not tried, or not recorded", class, now.Sub(start))
			}
		}
		if n := len(SentTimes(&g.Status)); n != 1 {
			t.Errorf("%s: %d mails are noted", class, n)
		}
		now := start.Add(VerificationLifetime - time.Minute)
		d := Post(Outbox{Group: g, Program: referral(), Marks: marks, Now: now})
		g.Status = d.Status
		if d.Send == nil || !Record(g, *d.Send, taken, now) || len(g.Status.Verifications) > 0 || mailed(g) != "True/Sent: the mail server took every mail that was due" {
			t.Errorf("%s: in the end Mailed is %q, and wait %+v", class, mailed(g), g.Status.Verifications)
		}
	}
}

func TestTwoWritesForAVerificationMail(t *testing.T) {
	for class, test := range map[delivery.Class]struct {
		want   string
		events int
	}{
		delivery.Accepted:  {"True/Sent: the mail server took every mail that was due", 0},
		delivery.Recipient: {"False/AddressRejected: verify-address: no", 1},
		delivery.Content:   {"False/ContentRejected: verify-address: no", 1},
		delivery.Temporary: {"False/TemporaryFailure: verify-address: no", 0},
		delivery.Refused:   {"False/Held: verify-address: no", 0},
	} {
		g := gold()
		Request(g, "sealed", start)
		before := g.Status.DeepCopy()
		d := Post(Outbox{Group: g, Program: referral(), Now: start})
		g.Status = d.Status
		if got := mailed(g); got != "False/Sending: verify-address: the mail is being handed to the mail server" {
			t.Errorf("claimed: Mailed is %q", got)
		}
		Record(g, *d.Send, delivery.Outcome{Class: class, Message: "no"}, start)
		if got := mailed(g); got != test.want {
			t.Errorf("%s: Mailed is %q", class, got)
		}
		events := Transitions(*d.Send, before, &g.Status)
		if len(events) != test.events {
			t.Errorf("%s: the events are %+v", class, events)
		}
		for _, e := range events {
			if e.Reason != "MailFailed" || e.Type != "Warning" || e.Note != `The mail "verify-address" could not be delivered: no` {
				t.Errorf("%s: the event is %+v", class, e)
			}
		}
	}
}

// Of two claims of one group, each is recorded by itself.
func TestARecordOfTwoThatWait(t *testing.T) {
	g := gold()
	Request(g, "sealed", start)
	Request(g, "sealed", start)
	first := *Post(Outbox{Group: g, Program: referral(), Now: start}).Send
	g.Status = Post(Outbox{Group: g, Program: referral(), Now: start}).Status
	if Record(g, delivery.Key{Kind: v1alpha1.MailInvite, Serial: 1}, taken, start) || Record(g, delivery.Key{Kind: first.Kind, Serial: 2}, taken, start) || !Record(g, first, taken, start) || len(g.Status.Verifications) != 1 {
		t.Errorf("there wait %+v", g.Status.Verifications)
	}
}
