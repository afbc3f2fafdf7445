package event

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTypes(t *testing.T) {
	if got, want := Normal("Sent", "Send", "Mailed"), (Event{"Normal", "Sent", "Send", "Mailed"}); got != want {
		t.Errorf("Normal = %+v", got)
	}
	if got, want := Warning("GaveUp", "Send", "Given up"), (Event{"Warning", "GaveUp", "Send", "Given up"}); got != want {
		t.Errorf("Warning = %+v", got)
	}
}

func TestTogether(t *testing.T) {
	ada, bob := Normal("MemberInvited", "Invite", "a*** is invited"), Normal("MemberInvited", "Invite", "b*** is invited")
	eve, warned := Normal("MemberRejected", "Reject", "e*** is rejected"), Warning("MemberInvited", "Invite", "c*** is invited")
	for name, test := range map[string]struct{ events, want []Event }{
		"nothing":       {nil, nil},
		"one":           {[]Event{ada}, []Event{ada}},
		"two of a kind": {[]Event{ada, eve, bob}, []Event{Normal("MemberInvited", "Invite", "a*** is invited; b*** is invited"), eve}},
		"another type":  {[]Event{ada, warned}, []Event{ada, warned}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Together(test.events)); diff != "" {
				t.Error(diff)
			}
		})
	}
	var many []Event
	for range 50 {
		many = append(many, Normal("MemberInvited", "Invite", strings.Repeat("a", 100)))
	}
	if got := Together(many); len(got) != 1 || len(got[0].Note) > 1024 {
		t.Errorf("fifty of a kind make %d events, and a note of %d bytes", len(got), len(got[0].Note))
	}
}
