package partnership

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
)

func TestTransitions(t *testing.T) {
	const active, revoked, pending = v1alpha1.PartnershipActive, v1alpha1.PartnershipRevoked, v1alpha1.PartnershipPending
	const invited, rejected, expired, conflict = v1alpha1.PartnershipInvited, v1alpha1.PartnershipRejected, v1alpha1.PartnershipExpired, v1alpha1.PartnershipConflict
	clash := v1alpha1.PartnershipStatus{State: conflict}
	v1alpha1.ConditionSetter{Conditions: &clash.Conditions}.False(v1alpha1.ConditionActive, v1alpha1.ReasonConflict, "an older one counts")
	told := func(events ...event.Event) []event.Event { return events }
	status := func(state v1alpha1.PartnershipState, group string) v1alpha1.PartnershipStatus {
		return v1alpha1.PartnershipStatus{State: state, Group: group}
	}
	for name, test := range map[string]struct {
		before, after v1alpha1.PartnershipStatus
		want          []event.Event
	}{
		"seen for the first time": {status("", ""), status(active, "gold"), told(event.Normal("Activated", "Activate", "The partner has access"))},
		"created revoked":         {status("", ""), status(revoked, ""), told(event.Normal("Revoked", "Revoke", "Access ended; sessions are dead"))},
		"nothing changed":         {status(active, "gold"), status(active, "gold"), nil},
		"not seen by the rules":   {status("", ""), status("", "gold"), nil},
		"revoked":                 {status(active, "gold"), status(revoked, "gold"), told(event.Normal("Revoked", "Revoke", "Access ended; sessions are dead"))},
		"revoked and moved": {status(active, "gold"), status(revoked, "standard"), told(
			event.Normal("Revoked", "Revoke", "Access ended; sessions are dead"),
			event.Normal("Moved", "Move", `Moved from group "gold" to "standard"`),
		)},
		"reinstated":              {status(revoked, "gold"), status(active, "gold"), told(event.Normal("Reinstated", "Reinstate", "Access restored; sessions from before stay dead"))},
		"moved":                   {status(active, "standard"), status(active, "gold"), told(event.Normal("Moved", "Move", `Moved from group "standard" to "gold"`))},
		"moved into its first":    {status(active, ""), status(active, "gold"), told(event.Normal("Moved", "Move", `Moved from group none to "gold"`))},
		"moved out of any":        {status(active, "gold"), status(active, ""), told(event.Normal("Moved", "Move", `Moved from group "gold" to none`))},
		"to be invited":           {status("", ""), status(invited, ""), told(event.Normal("Invited", "Invite", "The partner has access once they accept"))},
		"accepted":                {status(invited, ""), status(active, ""), told(event.Normal("Activated", "Activate", "The partner has access"))},
		"accepted, to be decided": {status(invited, ""), status(pending, ""), told(event.Normal("Pending", "Wait", "The partner has access once the company approves"))},
		"to be decided":           {status("", ""), status(pending, ""), told(event.Normal("Pending", "Wait", "The partner has access once the company approves"))},
		"taken back":              {status(active, ""), status(pending, ""), told(event.Normal("Pending", "Wait", "The partner has access once the company approves"))},
		"approved":                {status(pending, ""), status(active, ""), told(event.Normal("Approved", "Approve", "The company approved; the partner has access"))},
		"approved after all":      {status(rejected, ""), status(active, ""), told(event.Normal("Approved", "Approve", "The company approved; the partner has access"))},
		"approved into a group": {status(pending, "standard"), status(active, "gold"), told(
			event.Normal("Approved", "Approve", "The company approved; the partner has access"),
			event.Normal("Moved", "Move", `Moved from group "standard" to "gold"`),
		)},
		"rejected":               {status(pending, ""), status(rejected, ""), told(event.Normal("Rejected", "Reject", "The company decided against the partner"))},
		"expired":                {status(active, ""), status(expired, ""), told(event.Normal("Expired", "Expire", "Access ended at validUntil; sessions are dead"))},
		"extended":               {status(expired, ""), status(active, ""), told(event.Normal("Extended", "Extend", "Access restored; sessions from before stay dead"))},
		"reinstated as invited":  {status(revoked, ""), status(invited, ""), told(event.Normal("Reinstated", "Reinstate", "The partnership is Invited as before"))},
		"reinstated as pending":  {status(revoked, ""), status(pending, ""), told(event.Normal("Reinstated", "Reinstate", "The partnership is Pending as before"))},
		"reinstated as rejected": {status(revoked, ""), status(rejected, ""), told(event.Normal("Reinstated", "Reinstate", "The partnership is Rejected as before"))},
		"extended, and rejected": {status(expired, ""), status(rejected, ""), told(event.Normal("Extended", "Extend", "The partnership is Rejected as before"))},
		"in conflict":            {status("", ""), clash, told(event.Warning("Conflict", "Conflict", "an older one counts"))},
		"in conflict no more":    {clash, status(pending, ""), told(event.Normal("ConflictResolved", "Resolve", "No older Partnership of the same partner stands in the way any more; this one is Pending"))},
		"moved while revoked":    {status(revoked, "standard"), status(revoked, "gold"), told(event.Normal("Moved", "Move", `Moved from group "standard" to "gold"`))},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Transitions(test.before, test.after)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
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
			for _, e := range Transitions(before, l.partnership.Status) {
				told = append(told, e.Reason)
			}
		}
	}
	if got, want := strings.Join(told, " "), "Activated Moved Revoked Reinstated Moved"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
}
