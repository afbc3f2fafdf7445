package partnership

import (
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestDisplayName(t *testing.T) {
	jane := &v1alpha1.Contact{Email: "jane@bigcorp.example", FirstName: "Jane", LastName: "Roe"}
	for name, test := range map[string]struct {
		chosen  v1alpha1.LineOfText
		contact *v1alpha1.Contact
		team    string
		want    string
	}{
		"as the company says": {"BigCorp", jane, "", "BigCorp"},
		"of a contact":        {"", jane, "", "Jane Roe"},
		"a first name":        {"", &v1alpha1.Contact{Email: "jane@bigcorp.example", FirstName: "Jane"}, "", "Jane"},
		"a last name":         {"", &v1alpha1.Contact{Email: "jane@bigcorp.example", LastName: "Roe"}, "", "Roe"},
		"an address alone":    {"", &v1alpha1.Contact{Email: "jane@bigcorp.example"}, "", "j***@bigcorp.example"},
		"a team":              {"", nil, "agency", "agency"},
		"too long":            {v1alpha1.LineOfText("Zoë " + strings.Repeat("é", 40)), nil, "", "Zoë " + strings.Repeat("é", 19) + "…"},
		"just short enough":   {v1alpha1.LineOfText(strings.Repeat("é", 24)), nil, "", strings.Repeat("é", 24)},
		"a blank at the cut":  {v1alpha1.LineOfText(strings.Repeat("é", 22) + " and sons"), nil, "", strings.Repeat("é", 22) + "…"},
		"nobody":              {"", nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := DisplayName(test.chosen, test.contact, test.team); got != test.want {
				t.Errorf("DisplayName = %q", got)
			}
		})
	}
}

// Who it is is written with what else a change of the spec leads to: what was settled before there were such names is not
// written for their sake.
func TestDisplayNameComesWithAChangeOfTheSpec(t *testing.T) {
	for observed, want := range map[int64]string{1: "j***@bigcorp.example", 2: ""} {
		p := &v1alpha1.Partnership{Spec: person("jane@bigcorp.example", "referral")}
		p.Generation, p.Status.ObservedGeneration = 2, observed
		if got := Decide(Input{Partnership: p}).Status.DisplayName; got != want {
			t.Errorf("with generation %d observed of 2 the name is %q", observed, got)
		}
	}
}
