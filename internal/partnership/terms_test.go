package partnership

import (
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestTerms(t *testing.T) {
	worded := func(version string) *v1alpha1.Program {
		return &v1alpha1.Program{Spec: v1alpha1.ProgramSpec{Terms: &v1alpha1.ProgramTerms{URL: "https://acme.example/terms", Version: v1alpha1.LineOfText(version)}}}
	}
	p := &v1alpha1.Partnership{}
	if TermsDue(p, &v1alpha1.Program{}) {
		t.Error("a program without terms asks for them")
	}
	if !TermsDue(p, worded("1")) {
		t.Error("nothing is asked for")
	}
	if !AcceptTerms(&p.Status, "1", "ada@example.com", start) || TermsDue(p, worded("1")) {
		t.Errorf("accepting leaves %+v", p.Status.Terms)
	}
	if AcceptTerms(&p.Status, "1", "eve@example.com", start.Add(time.Hour)) || p.Status.Terms.AcceptedBy != "ada@example.com" || !p.Status.Terms.Time.Time.Equal(start) {
		t.Errorf("accepting twice leaves %+v", p.Status.Terms)
	}
	if !TermsDue(p, worded("2")) {
		t.Error("another wording is not asked for")
	}
	if !AcceptTerms(&p.Status, "2", "bob@example.com", start) || p.Status.Terms.AcceptedBy != "bob@example.com" {
		t.Errorf("accepting the new wording leaves %+v", p.Status.Terms)
	}
}
