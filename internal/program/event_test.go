package program

import (
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
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
			var parts []string
			for _, c := range p.Status.Conditions {
				if c.Type == v1alpha1.ConditionMailReady {
					parts = append(parts, string(c.Status)+"/"+c.Reason)
				}
			}
			for _, e := range Transitions(before, p.Status) {
				parts = append(parts, e.Type+"/"+e.Reason)
			}
			got := strings.Join(parts, " ")
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// What cannot be followed is told once, when it begins or becomes something else.
func TestWhatCannotBeFollowedIsTold(t *testing.T) {
	missing := &Unresolved{v1alpha1.ReasonTemplateNotFound, "ConfigMap \"words\" does not exist"}
	invalid := &Unresolved{v1alpha1.ReasonTemplateInvalid, "ConfigMap \"words\" is no mail"}
	for name, test := range map[string]struct {
		seen []*Unresolved // of the template; the last two are the change
		want string
	}{
		"fine":                {[]*Unresolved{nil, nil}, ""},
		"missing":             {[]*Unresolved{nil, missing}, "Warning/TemplateNotFound"},
		"missing still":       {[]*Unresolved{missing, missing}, ""},
		"made, and no good":   {[]*Unresolved{missing, invalid}, "Warning/TemplateInvalid"},
		"no good still":       {[]*Unresolved{invalid, invalid}, ""},
		"mended":              {[]*Unresolved{invalid, nil}, ""},
		"missing once more":   {[]*Unresolved{missing, nil, missing}, "Warning/TemplateNotFound"},
		"no good, then taken": {[]*Unresolved{invalid, missing}, "Warning/TemplateNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			c := catalogWith("")
			p, g := c.Programs["referral"], c.Groups["gold"]
			var program v1alpha1.ProgramStatus
			var group v1alpha1.PartnerGroupStatus
			for _, template := range test.seen {
				program, group = p.Status, g.Status
				p.Status = Status(p, c, template, MailHealth{}, Counts{}, start)
				g.Status = GroupStatus(g, c, template, v1alpha1.PartnershipCounts{}, start)
			}
			for kind, events := range map[string][]event.Event{
				"program": Transitions(program, p.Status), "group": Unfollowed(group.Conditions, g.Status.Conditions),
			} {
				var got []string
				for _, e := range events {
					got = append(got, e.Type+"/"+e.Reason)
				}
				if is := strings.Join(got, " "); is != test.want {
					t.Errorf("%s: got %q, want %q", kind, is, test.want)
				}
			}
		})
	}
}
