package delivery

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// mailed is what the condition Mailed says, in one word; empty: it is not there.
func mailed(conditions []metav1.Condition) string {
	c := meta.FindStatusCondition(conditions, v1alpha1.ConditionMailed)
	if c == nil {
		return ""
	}
	return string(c.Status) + "/" + c.Reason + ": " + c.Message
}

func TestMailed(t *testing.T) {
	const kind, other = v1alpha1.MailRevoked, v1alpha1.MailSignIn
	with := func(kind v1alpha1.MailKind, state v1alpha1.DeliveryState, message string) Mail {
		return Mail{MailDelivery: &v1alpha1.MailDelivery{Kind: kind, State: state, Message: message}}
	}
	pending, sending, sent, skipped, isFailed := v1alpha1.DeliveryPending, v1alpha1.DeliverySending, v1alpha1.DeliverySent, v1alpha1.DeliverySkipped, v1alpha1.DeliveryFailed
	tried := func(m Mail, cause v1alpha1.MailCause) Mail { m.Attempts, m.Cause = 1, cause; return m }
	held := func(m Mail, reason string) Mail { m.Hold = &Hold{Reason: reason, Message: m.Message}; return m }
	no := func(reason, message string) *metav1.Condition {
		return &metav1.Condition{Type: v1alpha1.ConditionMailed, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	}
	yes := &metav1.Condition{Type: v1alpha1.ConditionMailed, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonSent, Message: allLeft}
	for name, test := range map[string]struct {
		was   *metav1.Condition
		mails []Mail
		want  string
	}{
		"nothing was due":                        {nil, nil, ""},
		"one is to be sent":                      {nil, []Mail{with(kind, pending, "")}, ""},
		"one is to be sent, after others":        {yes, []Mail{with(kind, pending, "")}, "True/Sent: " + allLeft},
		"one that was not to be":                 {nil, []Mail{with(kind, skipped, "")}, ""},
		"one that another told":                  {nil, []Mail{with(kind, skipped, ToldWith("Partnership", "ada"))}, "True/Sent: " + allLeft},
		"claimed":                                {yes, []Mail{with(kind, sending, "busy")}, "False/Sending: revoked: the mail is being handed to the mail server"},
		"sent":                                   {no(v1alpha1.ReasonSending, ""), []Mail{with(kind, sent, "")}, "True/Sent: " + allLeft},
		"held":                                   {nil, []Mail{held(with(kind, pending, "full"), v1alpha1.ReasonHeld)}, "False/Held: revoked: full"},
		"no mail server":                         {yes, []Mail{held(with(kind, pending, "none"), v1alpha1.ReasonMailerNotConfigured)}, "False/MailerNotConfigured: revoked: none"},
		"waits for another one, which is normal": {nil, []Mail{held(with(kind, pending, "waits"), "")}, ""},
		"refused":                                {nil, []Mail{tried(with(kind, pending, "535 no"), v1alpha1.MailRefused)}, "False/Held: revoked: 535 no"},
		"unreachable":                            {nil, []Mail{tried(with(kind, pending, "away"), v1alpha1.MailUnreachable)}, "False/TemporaryFailure: revoked: away"},
		"busy":                                   {nil, []Mail{tried(with(kind, pending, "busy"), "")}, "False/TemporaryFailure: revoked: busy"},
		"held before another one was recorded":   {no(v1alpha1.ReasonMailerNotConfigured, "revoked: none"), []Mail{with(kind, pending, "none"), with(other, sent, "")}, "False/MailerNotConfigured: revoked: none"},
		"a failure goes before what waits":       {nil, []Mail{tried(with(other, pending, "busy"), ""), with(kind, isFailed, "no")}, "False/GaveUp: revoked: no"},
		"a failure keeps its reason":             {no(v1alpha1.ReasonAddressRejected, "revoked: no"), []Mail{with(other, sending, ""), with(kind, isFailed, "no")}, "False/AddressRejected: revoked: no"},
		"what failed is forgotten":               {no(v1alpha1.ReasonAddressRejected, "revoked: no"), nil, ""},
		"what failed is forgotten, one was sent": {no(v1alpha1.ReasonAddressRejected, "revoked: no"), []Mail{with(other, sent, "")}, "True/Sent: " + allLeft},
		"what was held is skipped":               {no(v1alpha1.ReasonHeld, "revoked: full"), []Mail{with(kind, skipped, "")}, ""},
		"what was sent is forgotten":             {yes, nil, "True/Sent: " + allLeft},
	} {
		t.Run(name, func(t *testing.T) {
			var conditions []metav1.Condition
			if test.was != nil {
				conditions = append(conditions, *test.was)
			}
			SetMailed(v1alpha1.ConditionSetter{Conditions: &conditions, Now: time.Unix(0, 0)}, test.mails)
			if got := mailed(conditions); got != test.want {
				t.Errorf("it is %q, want %q", got, test.want)
			}
		})
	}
}

// What came of a claim is told with its reason, whatever else failed before.
func TestMailedOfARecord(t *testing.T) {
	before := &v1alpha1.MailDelivery{Kind: v1alpha1.MailSignIn, State: v1alpha1.DeliveryFailed, Message: "no such mailbox"}
	for reason, o := range map[string]Outcome{
		v1alpha1.ReasonAddressRejected:  {Class: Recipient, Message: "said no"},
		v1alpha1.ReasonContentRejected:  {Class: Content, Message: "said no"},
		v1alpha1.ReasonHeld:             {Class: Refused, Message: "said no"},
		v1alpha1.ReasonTemporaryFailure: {Class: Temporary, Message: "said no"},
		v1alpha1.ReasonSent:             {Class: Accepted},
	} {
		now := &metav1.Time{Time: time.Unix(1000, 0)}
		claimed := &v1alpha1.MailDelivery{Kind: v1alpha1.MailRevoked, State: v1alpha1.DeliverySending, Attempts: 1, FirstAttemptTime: now, LastAttemptTime: now}
		for _, mails := range [][]Mail{{{MailDelivery: claimed}}, {{MailDelivery: before}, {MailDelivery: claimed}}} {
			claimed.State, claimed.Attempts = v1alpha1.DeliverySending, 1
			got, _ := Mail{MailDelivery: claimed}.Record(o)
			conditions := []metav1.Condition{{Type: v1alpha1.ConditionMailed, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonAddressRejected, Message: "sign-in: no such mailbox"}}
			SetRecorded(v1alpha1.ConditionSetter{Conditions: &conditions}, mails, claimed, got)
			want := "False/" + reason + ": revoked: said no"
			switch {
			case reason == v1alpha1.ReasonSent && len(mails) == 1:
				want = "True/Sent: " + allLeft
			case len(mails) == 2 && claimed.State != v1alpha1.DeliveryFailed:
				want = "False/AddressRejected: sign-in: no such mailbox"
			}
			if got := mailed(conditions); got != want {
				t.Errorf("%s, of %d: it is %q, want %q", reason, len(mails), got, want)
			}
		}
	}
}

func TestFailures(t *testing.T) {
	at := func(n int64) *metav1.Time { return &metav1.Time{Time: time.Unix(n, 0)} }
	of := func(kind v1alpha1.MailKind, state v1alpha1.DeliveryState, tried *metav1.Time) v1alpha1.MailDelivery {
		return v1alpha1.MailDelivery{Kind: kind, Serial: 1, State: state, LastAttemptTime: tried, Message: "no such mailbox"}
	}
	const kind, isFailed = v1alpha1.MailRevoked, v1alpha1.DeliveryFailed
	for name, test := range map[string]struct {
		before, after []v1alpha1.MailDelivery
		want          []string
	}{
		"nothing":                      {nil, nil, nil},
		"one failed":                   {[]v1alpha1.MailDelivery{of(kind, v1alpha1.DeliveryPending, nil)}, []v1alpha1.MailDelivery{of(kind, isFailed, at(1))}, []string{"revoked"}},
		"it had failed":                {[]v1alpha1.MailDelivery{of(kind, isFailed, at(1))}, []v1alpha1.MailDelivery{of(kind, isFailed, at(1))}, nil},
		"it was tried anew and failed": {[]v1alpha1.MailDelivery{of(kind, isFailed, at(1))}, []v1alpha1.MailDelivery{of(kind, isFailed, at(2))}, []string{"revoked"}},
		"it is tried anew":             {[]v1alpha1.MailDelivery{of(kind, isFailed, at(1))}, []v1alpha1.MailDelivery{of(kind, v1alpha1.DeliveryPending, nil)}, nil},
		"another one failed":           {[]v1alpha1.MailDelivery{of(kind, isFailed, at(1))}, []v1alpha1.MailDelivery{of(kind, isFailed, at(1)), of(v1alpha1.MailSignIn, isFailed, at(1))}, []string{"sign-in"}},
	} {
		t.Run(name, func(t *testing.T) {
			var notes, want []string
			for _, e := range Failures(test.before, test.after) {
				if e.Reason != "MailFailed" || e.Type != "Warning" {
					t.Errorf("the event is %+v", e)
				}
				notes = append(notes, e.Note)
			}
			for _, kind := range test.want {
				want = append(want, `The mail "`+kind+`" could not be delivered: no such mailbox`)
			}
			if diff := cmp.Diff(want, notes); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
}
