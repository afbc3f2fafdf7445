package partnership

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
	"github.com/partner-operator/partner-operator/internal/program"
)

func TestTransitions(t *testing.T) {
	const active, revoked, pending = v1alpha1.PartnershipActive, v1alpha1.PartnershipRevoked, v1alpha1.PartnershipPending
	const invited, rejected, expired, conflict = v1alpha1.PartnershipInvited, v1alpha1.PartnershipRejected, v1alpha1.PartnershipExpired, v1alpha1.PartnershipConflict
	clash := v1alpha1.PartnershipStatus{State: conflict}
	v1alpha1.ConditionSetter{Conditions: &clash.Conditions}.False(v1alpha1.ConditionActive, v1alpha1.ReasonConflict, "an older one counts")
	told := func(events ...event.Event) []event.Event { return events }
	status := func(state v1alpha1.PartnershipState, group string) v1alpha1.PartnershipStatus {
		is := v1alpha1.PartnershipStatus{State: state, Group: group, ObservedGeneration: 1}
		if state == active {
			is.ActivatedTime = &metav1.Time{Time: start}
		}
		return is
	}
	with := func(is v1alpha1.PartnershipStatus, change func(*v1alpha1.PartnershipStatus)) v1alpha1.PartnershipStatus {
		change(&is)
		return is
	}
	changed := func(is *v1alpha1.PartnershipStatus) { is.ObservedGeneration++ }
	locked := func(is *v1alpha1.PartnershipStatus) {
		is.ActivatedTime = nil
		set := v1alpha1.ConditionSetter{Conditions: &is.Conditions}
		set.False(v1alpha1.ConditionActive, v1alpha1.ReasonProgramNotFound, "there is no program")
		set.False(v1alpha1.ConditionResolvedRefs, v1alpha1.ReasonProgramNotFound, "there is no program")
	}
	left := func(is *v1alpha1.PartnershipStatus) {
		locked(is)
		is.LastMove = &v1alpha1.GroupMove{From: "gold"}
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
		"reinstated":                        {status(revoked, "gold"), status(active, "gold"), told(event.Normal("Reinstated", "Reinstate", "Access restored; sessions from before stay dead"))},
		"moved":                             {status(active, "standard"), status(active, "gold"), told(event.Normal("Moved", "Move", `Moved from group "standard" to "gold"`))},
		"moved into its first":              {status(active, ""), with(status(active, "gold"), changed), told(event.Normal("Moved", "Move", `Moved from group none to "gold"`))},
		"a default group is made":           {status(active, ""), status(active, "gold"), told(event.Normal("InGroup", "Move", `In group "gold"`))},
		"without its program":               {status("", ""), with(status(active, ""), locked), nil},
		"its program comes":                 {with(status(active, ""), locked), status(active, "gold"), told(event.Normal("Activated", "Activate", "The partner has access"))},
		"its group comes back":              {with(status(revoked, ""), left), status(revoked, "gold"), told(event.Normal("InGroup", "Move", `In group "gold"`))},
		"a group that it named later comes": {with(with(status(revoked, ""), locked), changed), with(status(revoked, "gold"), changed), told(event.Normal("InGroup", "Move", `In group "gold"`))},
		"approved without its program":      {status(pending, ""), with(status(active, ""), locked), told(event.Normal("Approved", "Approve", "The company approved; there is no program"))},
		"reinstated without its program":    {status(revoked, ""), with(status(active, ""), locked), told(event.Normal("Reinstated", "Reinstate", "The partnership is Active as before; there is no program"))},
		"moved out of any":                  {status(active, "gold"), status(active, ""), told(event.Normal("Moved", "Move", `Moved from group "gold" to none`))},
		"to be invited":                     {status("", ""), status(invited, ""), told(event.Normal("Invited", "Invite", "The partner has access once they accept"))},
		"accepted":                          {status(invited, ""), status(active, ""), told(event.Normal("Activated", "Activate", "The partner has access"))},
		"accepted, to be decided":           {status(invited, ""), status(pending, ""), told(event.Normal("Pending", "Wait", "The partner has access once the company approves"))},
		"to be decided":                     {status("", ""), status(pending, ""), told(event.Normal("Pending", "Wait", "The partner has access once the company approves"))},
		"taken back":                        {status(active, ""), status(pending, ""), told(event.Normal("Pending", "Wait", "The partner has access once the company approves"))},
		"approved":                          {status(pending, ""), status(active, ""), told(event.Normal("Approved", "Approve", "The company approved; the partner has access"))},
		"approved after all":                {status(rejected, ""), status(active, ""), told(event.Normal("Approved", "Approve", "The company approved; the partner has access"))},
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
			if diff := gocmp.Diff(test.want, Transitions(test.before, test.after)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
	}
}

// The objects of one apply are told in the same way in whatever order they come: the partner has access, and nobody moved.
func TestAnyOrderOfOneApply(t *testing.T) {
	programs := map[string]v1alpha1.Program{"program": {ObjectMeta: metav1.ObjectMeta{Name: "referral"}, Spec: v1alpha1.ProgramSpec{DefaultGroupRef: &v1alpha1.GroupReference{Name: "standard"}}}}
	groups := map[string]v1alpha1.PartnerGroup{"gold": groupOf("gold", "referral"), "standard": groupOf("standard", "referral")}
	for _, wished := range []string{"gold", ""} {
		for _, order := range orders("partnership", "program", "gold", "standard") {
			l := newLife()
			l.catalog = program.NewCatalog(nil, nil)
			if wished != "" {
				l.partnership.Spec.GroupRef = &v1alpha1.GroupReference{Name: wished}
			}
			var told []string
			there := false
			for _, name := range order {
				if p, ok := programs[name]; ok {
					l.catalog.Programs[p.Name] = &p
				}
				if g, ok := groups[name]; ok {
					l.catalog.Groups[name] = &g
				}
				if there = there || name == "partnership"; !there {
					continue
				}
				before := *l.partnership.Status.DeepCopy()
				l.settle(t)
				for _, e := range Transitions(before, l.partnership.Status) {
					told = append(told, e.Reason)
				}
			}
			want := "Activated"
			if at := func(name string) int { return slices.Index(order, name) }; wished == "" && at("standard") > max(at("program"), at("partnership")) {
				want = "Activated InGroup" // they had access without a group meanwhile
			}
			if got := strings.Join(told, " "); got != want {
				t.Errorf("a partner in %q, %v: told %s, want %s", wished, order, got, want)
			}
			if got := l.partnership.Status.Group; got != cmp.Or(wished, "standard") {
				t.Errorf("a partner in %q, %v: the group is %q", wished, order, got)
			}
		}
	}
}

// orders are all orders of some things.
func orders(things ...string) (all [][]string) {
	if len(things) == 0 {
		return [][]string{nil}
	}
	for i, first := range things {
		for _, rest := range orders(slices.Delete(slices.Clone(things), i, i+1)...) {
			all = append(all, append([]string{first}, rest...))
		}
	}
	return all
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
