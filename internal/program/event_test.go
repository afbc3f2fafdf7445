package program

import (
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestMailReadyIsTold(t *testing.T) {
	unknown := MailHealth{}
	ready := MailHealth{v1alpha1.ReasonReady, "the mail server takes mail"}
	rejected := MailHealth{v1alpha1.ReasonTransportRejected, "535 no"}
	unreachable := MailHealth{v1alpha1.ReasonTransportUnreachable, "connection refused"}
	for name, test := range map[string]struct {
		seen []MailHealth // the last two are the change
		want string       // the status and reason of MailReady, and the event
	}{
		"nothing is known":              {[]MailHealth{unknown, unknown}, ""},
		"all is well from the start":    {[]MailHealth{unknown, ready}, "True/Ready"},
		"refused from the start":        {[]MailHealth{unknown, rejected}, "False/TransportRejected Warning/TransportRejected"},
		"refused":                       {[]MailHealth{ready, rejected}, "False/TransportRejected Warning/TransportRejected"},
		"refused again":                 {[]MailHealth{rejected, {rejected.Reason, "535 still no"}}, "False/TransportRejected"},
		"unreachable after refused":     {[]MailHealth{rejected, unreachable}, "False/TransportUnreachable Warning/TransportUnreachable"},
		"well again":                    {[]MailHealth{rejected, ready}, "True/Ready Normal/MailReady"},
		"a new process knows nothing":   {[]MailHealth{rejected, unknown}, "False/TransportRejected"},
		"a new process finds it mended": {[]MailHealth{rejected, unknown, ready}, "True/Ready Normal/MailReady"},
	} {
		t.Run(name, func(t *testing.T) {
			p := catalogWith("").Programs["referral"]
			var before v1alpha1.ProgramStatus
			for _, health := range test.seen {
				before = p.Status
				p.Status = Status(p, catalogWith(""), nil, health, Counts{}, start)
			}
			got := ""
			for _, c := range p.Status.Conditions {
				if c.Type == v1alpha1.ConditionMailReady {
					got = string(c.Status) + "/" + c.Reason
				}
			}
			if e, ok := Transition(before, p.Status); ok {
				got += " " + e.Type + "/" + e.Reason
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
