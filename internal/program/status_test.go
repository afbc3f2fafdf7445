package program

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// conditionsOf are conditions in words that a table can hold.
func conditionsOf(conditions []metav1.Condition) map[string]string {
	got := map[string]string{}
	for _, c := range conditions {
		got[c.Type] = string(c.Status) + "/" + c.Reason
	}
	return got
}

func fine() map[string]string {
	return map[string]string{"Ready": "True/Ready", "ResolvedRefs": "True/ResolvedRefs"}
}

func waits(reason string) map[string]string {
	return map[string]string{"Ready": "False/" + reason, "ResolvedRefs": "False/" + reason, "Reconciling": "True/" + reason}
}

// limited is what does what it is for, without something that is missing.
func limited(reason string) map[string]string {
	return map[string]string{"Ready": "True/" + reason, "ResolvedRefs": "False/" + reason}
}

// stuck is the same until somebody changes something.
func stuck(reason string) map[string]string {
	return map[string]string{"Ready": "False/" + reason, "ResolvedRefs": "False/" + reason, "Stalled": "True/" + reason}
}

func TestStatus(t *testing.T) {
	for name, test := range map[string]struct {
		defaultGroup string
		want         map[string]string
		says         string
	}{
		"no default group":           {"", fine(), "partners can be invited"},
		"a default group":            {"standard", fine(), "partners can be invited"},
		"it does not exist":          {"platinum", limited(v1alpha1.ReasonGroupNotFound), `partners can be invited; defaultGroupRef: PartnerGroup "platinum" does not exist`},
		"it belongs to another":      {"silver", stuck(v1alpha1.ReasonGroupNotInProgram), `defaultGroupRef: PartnerGroup "silver" belongs to Program "reseller"`},
		"it says what that leads to": {"platinum", limited(v1alpha1.ReasonGroupNotFound), "are in none"},
	} {
		t.Run(name, func(t *testing.T) {
			c := catalogWith(test.defaultGroup)
			p := c.Programs["referral"]
			p.Generation = 3
			status := Status(p, c, nil, MailHealth{}, Counts{}, start)
			if diff := cmp.Diff(test.want, conditionsOf(status.Conditions)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); !strings.Contains(ready.Message, test.says) {
				t.Errorf("%q does not say %q", ready.Message, test.says)
			}
			observed(t, status.ObservedGeneration, 3, status.Conditions)
			if len(p.Status.Conditions) > 0 {
				t.Error("it changes what was observed")
			}
			p.Status = status
			if diff := cmp.Diff(status, Status(p, c, nil, MailHealth{}, Counts{}, start.Add(time.Hour))); diff != "" {
				t.Errorf("an hour later it says something else (-before +after):\n%s", diff)
			}
		})
	}
}

// A program that is suspended is as its spec wants it, and says so.
func TestSuspended(t *testing.T) {
	for group, want := range map[string]string{"standard": "True/Suspended", "platinum": "True/Suspended", "silver": "False/GroupNotInProgram"} {
		c := catalogWith(group)
		p := c.Programs["referral"]
		p.Spec.Suspend = true
		if got := conditionsOf(Status(p, c, nil, MailHealth{}, Counts{}, start).Conditions)["Ready"]; got != want {
			t.Errorf("with the default group %s Ready is %s, want %s", group, got, want)
		}
	}
}

func TestGroupStatus(t *testing.T) {
	for name, test := range map[string]struct {
		program string
		want    map[string]string
		says    string
	}{
		"its program exists":         {"referral", fine(), `divides Program "referral"`},
		"its program does not exist": {"affiliate", waits(v1alpha1.ReasonProgramNotFound), `Program "affiliate" does not exist`},
	} {
		t.Run(name, func(t *testing.T) {
			c := catalogWith("standard")
			g := groupOf("gold", test.program)
			g.Generation = 3
			status := GroupStatus(&g, c, nil, v1alpha1.PartnershipCounts{}, start)
			if diff := cmp.Diff(test.want, conditionsOf(status.Conditions)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); !strings.Contains(ready.Message, test.says) {
				t.Errorf("%q does not say %q", ready.Message, test.says)
			}
			observed(t, status.ObservedGeneration, 3, status.Conditions)
			g.Status = status
			if diff := cmp.Diff(status, GroupStatus(&g, c, nil, v1alpha1.PartnershipCounts{}, start.Add(time.Hour))); diff != "" {
				t.Errorf("an hour later it says something else (-before +after):\n%s", diff)
			}
		})
	}
}

func observed(t *testing.T, got, want int64, conditions []metav1.Condition) {
	t.Helper()
	if got != want {
		t.Errorf("observedGeneration = %d, want %d", got, want)
	}
	for _, c := range conditions {
		if c.ObservedGeneration != want || !c.LastTransitionTime.Time.Equal(start) {
			t.Errorf("%s was observed at generation %d and changed at %s", c.Type, c.ObservedGeneration, c.LastTransitionTime)
		}
	}
}

// Reconciling and Stalled are there only while they are True, and a condition changes its time only with its status.
func TestConditionsOverTime(t *testing.T) {
	c := catalogWith("platinum")
	p := c.Programs["referral"]
	look := func(after time.Duration) { p.Status = Status(p, c, nil, MailHealth{}, Counts{}, start.Add(after)) }
	changed := func(name string, want time.Duration) {
		t.Helper()
		if c := meta.FindStatusCondition(p.Status.Conditions, name); c == nil || !c.LastTransitionTime.Time.Equal(start.Add(want)) {
			t.Errorf("%s is %+v, want one that changed %s after the start", name, c, want)
		}
	}
	look(0)
	if diff := cmp.Diff(limited(v1alpha1.ReasonGroupNotFound), conditionsOf(p.Status.Conditions)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}

	foreign := groupOf("platinum", "reseller")
	c.Groups["platinum"] = &foreign
	look(time.Hour)
	if diff := cmp.Diff(stuck(v1alpha1.ReasonGroupNotInProgram), conditionsOf(p.Status.Conditions)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	changed(v1alpha1.ConditionResolvedRefs, 0)
	changed(v1alpha1.ConditionReady, time.Hour)
	changed(v1alpha1.ConditionStalled, time.Hour)

	own := groupOf("platinum", "referral")
	c.Groups["platinum"] = &own
	look(2 * time.Hour)
	if diff := cmp.Diff(fine(), conditionsOf(p.Status.Conditions)); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
	changed(v1alpha1.ConditionReady, 2*time.Hour)
	changed(v1alpha1.ConditionResolvedRefs, 2*time.Hour)

	delete(c.Groups, "platinum")
	look(3 * time.Hour)
	changed(v1alpha1.ConditionResolvedRefs, 3*time.Hour)
	changed(v1alpha1.ConditionReady, 2*time.Hour)
}

// A program and a group are not Ready while something that they name is wrong, or, of a group, while its program is missing.
// A mistake goes before what is missing, and neither hides that the other is not there.
func TestWhatHindersAndWhatLimits(t *testing.T) {
	missing := &Unresolved{v1alpha1.ReasonTemplateNotFound, "no template"}
	invalid := &Unresolved{v1alpha1.ReasonTemplateInvalid, "a bad template"}
	const group, foreign, templateMissing, templateBad = v1alpha1.ReasonGroupNotFound, v1alpha1.ReasonGroupNotInProgram, v1alpha1.ReasonTemplateNotFound, v1alpha1.ReasonTemplateInvalid
	stalled := func(ready, refs string) map[string]string {
		return map[string]string{"Ready": "False/" + ready, "Stalled": "True/" + ready, "ResolvedRefs": refs}
	}
	for name, test := range map[string]struct {
		defaultGroup string
		template     *Unresolved
		want         map[string]string
	}{
		"nothing":                            {"standard", nil, fine()},
		"no template":                        {"standard", missing, limited(templateMissing)},
		"a bad template":                     {"standard", invalid, stalled(templateBad, "True/ResolvedRefs")},
		"no group and no template":           {"platinum", missing, limited(group)},
		"no group and a bad template":        {"platinum", invalid, stalled(templateBad, "False/"+group)},
		"another's group and no template":    {"silver", missing, stalled(foreign, "False/"+foreign)},
		"another's group and a bad template": {"silver", invalid, stalled(foreign, "False/"+foreign)},
	} {
		t.Run("a program with "+name, func(t *testing.T) {
			c := catalogWith(test.defaultGroup)
			status := Status(c.Programs["referral"], c, test.template, MailHealth{}, Counts{}, start)
			if diff := cmp.Diff(test.want, conditionsOf(status.Conditions)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
	for name, test := range map[string]struct {
		program  string
		template *Unresolved
		want     map[string]string
	}{
		"no template":                {"referral", missing, limited(templateMissing)},
		"a bad template":             {"referral", invalid, stalled(templateBad, "True/ResolvedRefs")},
		"no program and no template": {"affiliate", missing, waits(v1alpha1.ReasonProgramNotFound)},
		"no program, a bad template": {"affiliate", invalid, waits(v1alpha1.ReasonProgramNotFound)},
	} {
		t.Run("a group with "+name, func(t *testing.T) {
			g := groupOf("gold", test.program)
			status := GroupStatus(&g, catalogWith(""), test.template, v1alpha1.PartnershipCounts{}, start)
			if diff := cmp.Diff(test.want, conditionsOf(status.Conditions)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			if ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady); ready.Status == metav1.ConditionTrue && !strings.HasPrefix(ready.Message, `the group divides Program "referral"; `) {
				t.Errorf("the message is %q", ready.Message)
			}
		})
	}
}
