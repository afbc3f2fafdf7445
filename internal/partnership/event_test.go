package partnership

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
)

func TestTransition(t *testing.T) {
	const active, revoked = v1alpha1.PartnershipActive, v1alpha1.PartnershipRevoked
	status := func(state v1alpha1.PartnershipState, group string) v1alpha1.PartnershipStatus {
		return v1alpha1.PartnershipStatus{State: state, Group: group}
	}
	for name, test := range map[string]struct {
		before, after v1alpha1.PartnershipStatus
		want          event.Event // zero: none
	}{
		"seen for the first time": {status("", ""), status(active, "gold"), event.Normal("Activated", "Activate", "The partner has access")},
		"created revoked":         {status("", ""), status(revoked, ""), event.Normal("Revoked", "Revoke", "Access ended; sessions are dead")},
		"nothing changed":         {status(active, "gold"), status(active, "gold"), event.Event{}},
		"not seen by the rules":   {status("", ""), status("", "gold"), event.Event{}},
		"revoked":                 {status(active, "gold"), status(revoked, "gold"), event.Normal("Revoked", "Revoke", "Access ended; sessions are dead")},
		"revoked and moved":       {status(active, "gold"), status(revoked, "standard"), event.Normal("Revoked", "Revoke", "Access ended; sessions are dead")},
		"reinstated":              {status(revoked, "gold"), status(active, "gold"), event.Normal("Reinstated", "Reinstate", "Access restored; sessions from before stay dead")},
		"moved":                   {status(active, "standard"), status(active, "gold"), event.Normal("Moved", "Move", `Moved from group "standard" to "gold"`)},
		"moved into its first":    {status(active, ""), status(active, "gold"), event.Normal("Moved", "Move", `Moved from group none to "gold"`)},
		"moved out of any":        {status(active, "gold"), status(active, ""), event.Normal("Moved", "Move", `Moved from group "gold" to none`)},
		"moved while revoked":     {status(revoked, "standard"), status(revoked, "gold"), event.Normal("Moved", "Move", `Moved from group "standard" to "gold"`)},
	} {
		t.Run(name, func(t *testing.T) {
			got, told := Transition(test.before, test.after)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
			if told != (test.want != event.Event{}) {
				t.Errorf("told = %v", told)
			}
		})
	}
}

// Each step is told once, however often the rules look again.
func TestEachTransitionIsToldOnce(t *testing.T) {
	l := newLife()
	var told []string
	for _, happens := range []step{
		func(*life) {}, moveTo("gold"), serverIs(busy), revoke("", nil), after(4 * time.Minute), after(4 * time.Minute), reinstate, suspends, resumes, moveTo("silver"), goldGoes,
	} {
		happens(l)
		for range 3 {
			before := *l.partnership.Status.DeepCopy()
			l.settle(t)
			if e, ok := Transition(before, l.partnership.Status); ok {
				told = append(told, e.Reason)
			}
		}
	}
	if got, want := strings.Join(told, " "), "Activated Moved Revoked Reinstated Moved"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}
