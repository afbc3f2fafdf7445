package partnership

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// standingIn fills in what is so in a state without trouble.
func standingIn(state v1alpha1.PartnershipState, mails, handedOver string) standing {
	return partner(func(s *standing) {
		s.State, s.Mails, s.HandedOver = state, mails, handedOver
		if state != v1alpha1.PartnershipActive {
			s.Active, s.Ready = "False/"+string(state), "True/"+string(state)
		}
	})
}

func inGroup(s standing, group string) standing {
	s.Group = group
	return s
}

var (
	approve  = decide(v1alpha1.ApprovalApproved, "")
	reject   = decide(v1alpha1.ApprovalRejected, "We work in Europe only.")
	undecide = edit(func(s *v1alpha1.PartnershipSpec) { s.Approval = nil })
	closes   = portal(v1alpha1.PortalAccessDisabled)
	opens    = portal(v1alpha1.PortalAccessEnabled)
	silently = revoke("", no)
)

func TestDecideApproval(t *testing.T) {
	const active, pending, rejected = v1alpha1.PartnershipActive, v1alpha1.PartnershipPending, v1alpha1.PartnershipRejected
	steps := func(s ...step) []step { return s }
	for name, test := range map[string]struct {
		created, then []step
		want          standing
	}{
		"waits":                               {steps(wantsApproval), nil, standingIn(pending, "", "")},
		"approved":                            {steps(wantsApproval), steps(approve), standingIn(active, "approved/1 Sent", "approved/1")},
		"approved into another group":         {steps(wantsApproval), steps(both(approve, moveTo("gold"))), inGroup(standingIn(active, "approved/1 Sent", "approved/1"), "gold")},
		"approved, and applied again":         {steps(wantsApproval), steps(approve, approve), standingIn(active, "approved/1 Sent", "approved/1")},
		"approved, taken back":                {steps(wantsApproval), steps(approve, undecide), standingIn(pending, "approved/1 Sent", "approved/1")},
		"approved, taken back, and again":     {steps(wantsApproval), steps(approve, undecide, approve), standingIn(active, "approved/1 Sent", "approved/1")},
		"rejected":                            {steps(wantsApproval), steps(reject), standingIn(rejected, "rejected/1 Sent", "rejected/1")},
		"rejected, in other words":            {steps(wantsApproval), steps(reject, decide(v1alpha1.ApprovalRejected, "")), standingIn(rejected, "rejected/1 Sent", "rejected/1")},
		"rejected, taken back":                {steps(wantsApproval), steps(reject, undecide), standingIn(pending, "rejected/1 Sent", "rejected/1")},
		"rejected, taken back, and again":     {steps(wantsApproval), steps(reject, undecide, reject), standingIn(rejected, "rejected/1 Sent", "rejected/1")},
		"approved after rejecting":            {steps(wantsApproval), steps(reject, approve), standingIn(active, "rejected/1 Sent, approved/2 Sent", "rejected/1, approved/2")},
		"approved after taking it back":       {steps(wantsApproval), steps(reject, undecide, approve), standingIn(active, "rejected/1 Sent, approved/2 Sent", "rejected/1, approved/2")},
		"rejected after approving":            {steps(wantsApproval), steps(approve, reject), standingIn(rejected, "approved/1 Sent, rejected/2 Sent", "approved/1, rejected/2")},
		"approved, rejected, approved":        {steps(wantsApproval), steps(approve, reject, approve), standingIn(active, "approved/3 Sent, rejected/2 Sent", "approved/1, rejected/2, approved/3")},
		"created approved":                    {steps(wantsApproval, approve), nil, standingIn(active, "approved/1 Skipped", "")},
		"created rejected":                    {steps(wantsApproval, reject), nil, standingIn(rejected, "rejected/1 Skipped", "")},
		"created rejected, approved":          {steps(wantsApproval, reject), steps(approve), standingIn(active, "rejected/1 Skipped, approved/2 Sent", "approved/2")},
		"approved, though nobody asked":       {nil, steps(approve), standingIn(active, "approved/1 Skipped", "")},
		"rejected, though nobody asked":       {nil, steps(reject), standingIn(rejected, "rejected/1 Sent", "rejected/1")},
		"rejected and approved, nobody asked": {nil, steps(reject, approve), standingIn(active, "rejected/1 Sent, approved/2 Sent", "rejected/1, approved/2")},

		"approved while revoked":             {steps(wantsApproval), steps(silently, approve), standingIn(v1alpha1.PartnershipRevoked, "revoked/1 Skipped, approved/1 Skipped", "")},
		"approved while revoked, restored":   {steps(wantsApproval), steps(silently, approve, reinstate), standingIn(active, "revoked/1 Skipped, approved/1 Skipped", "")},
		"approved and reinstated at once":    {steps(wantsApproval), steps(silently, both(approve, reinstate)), standingIn(active, "revoked/1 Skipped, approved/1 Sent", "approved/1")},
		"rejected while revoked, restored":   {steps(wantsApproval), steps(silently, reject, reinstate), standingIn(rejected, "revoked/1 Skipped, rejected/1 Skipped", "")},
		"approved while in conflict":         {steps(wantsApproval, olderComes), steps(approve, olderGoes), standingIn(active, "approved/1 Skipped", "")},
		"revoked while in conflict":          {steps(olderComes), steps(revoke("", nil), olderGoes), revoked("revoked/1 Skipped", "")},
		"approved, the portal is closed":     {steps(wantsApproval, closes), steps(approve, opens), standingIn(active, "approved/1 Skipped", "")},
		"rejected, the portal is closed":     {steps(wantsApproval, closes), steps(reject, opens), standingIn(rejected, "rejected/1 Skipped", "")},
		"revoked, the portal is closed":      {steps(closes), steps(revoke("", nil)), revoked("revoked/1 Sent", "revoked/1")},
		"closed before the mail could leave": {steps(wantsApproval, noMailer), steps(approve, closes, mailerComes, opens), standingIn(active, "approved/1 Skipped", "")},

		"approved while suspended":             {steps(wantsApproval, suspends), steps(approve), inSuspended("approved/1 Pending", "")},
		"approved while suspended, no more":    {steps(wantsApproval, suspends), steps(approve, after(week), resumes), standingIn(active, "approved/1 Sent", "approved/1")},
		"approved and rejected before a mail":  {steps(wantsApproval, noMailer), steps(approve, reject, mailerComes), standingIn(rejected, "approved/1 Skipped, rejected/2 Sent", "rejected/2")},
		"rejected and approved before a mail":  {steps(wantsApproval, noMailer), steps(reject, approve, mailerComes), standingIn(active, "rejected/1 Skipped, approved/2 Sent", "approved/2")},
		"approved and revoked before a mail":   {steps(wantsApproval, noMailer), steps(approve, silently, mailerComes, reinstate), standingIn(active, "approved/1 Skipped, revoked/1 Skipped", "")},
		"approved, and all mail is held":       {steps(wantsApproval, holds), steps(approve, after(week), releases), standingIn(active, "approved/1 Sent", "approved/1")},
		"approved, and its program comes back": {steps(wantsApproval), steps(programGoes, approve, programComes), inGroup(standingIn(active, "approved/1 Sent", "approved/1"), "")},
		"approved, and its program is gone": {steps(wantsApproval), steps(programGoes, approve), func() standing {
			s := unresolved(v1alpha1.ReasonProgramNotFound, "standard")
			s.Active, s.Mails = "False/ProgramNotFound", "approved/1 Pending"
			return s
		}()},
		"approved, the process dies":          {steps(wantsApproval), steps(serverIs(silent), approve, serverIs(takes), after(time.Minute)), standingIn(active, "approved/1 Sent", "approved/1, approved/1")},
		"approved, the recipient is refused":  {steps(wantsApproval), steps(serverIs(refuses), approve, after(time.Hour)), standingIn(active, "approved/1 Failed", "approved/1")},
		"rejected before the person accepted": {steps(invites), steps(reject), standingIn(rejected, "rejected/1 Skipped", "")},
		"approved before the person accepted": {steps(invites), steps(approve), standingIn(v1alpha1.PartnershipInvited, "approved/1 Skipped", "")},
		"approved in advance, then accepted": {
			steps(invites), steps(both(policyIs(v1alpha1.OnboardingApproval), approve), accepts), standingIn(active, "approved/1 Skipped", ""),
		},
		"accepted, then approved": {
			steps(invites), steps(both(policyIs(v1alpha1.OnboardingApproval), accepts), policyIs(v1alpha1.OnboardingAutomatic), approve),
			standingIn(active, "approved/1 Sent", "approved/1"),
		},
		"accepted, then the policy is loosened": {
			steps(invites), steps(both(policyIs(v1alpha1.OnboardingApproval), accepts), policyIs(v1alpha1.OnboardingAutomatic)),
			standingIn(pending, "", ""),
		},
		"accepted, then the policy is tightened": {steps(invites), steps(accepts, policyIs(v1alpha1.OnboardingApproval)), standingIn(active, "", "")},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.created, test.then, test.want) })
	}
}

// What was changed after the creation has happened just now, even if the rules were away when it did.
func TestWhatHappenedBeforeTheFirstLook(t *testing.T) {
	for name, test := range map[string]struct {
		happens step
		want    string
	}{
		"approved": {both(wantsApproval, approve), "approved/1"},
		"rejected": {both(wantsApproval, reject), "rejected/1"},
		"revoked":  {revoke("", nil), "revoked/1"},
	} {
		t.Run(name, func(t *testing.T) {
			for generation, want := range map[int64]string{1: "", 2: test.want} {
				l := newLife()
				test.happens(l)
				l.partnership.Generation = generation
				l.settle(t)
				if got := strings.Join(l.handedOver, " "); got != want {
					t.Errorf("of generation %d it mails %q, want %q", generation, got, want)
				}
			}
		})
	}
}

func TestDecideEndAndConflict(t *testing.T) {
	const active, expired = v1alpha1.PartnershipActive, v1alpha1.PartnershipExpired
	steps := func(s ...step) []step { return s }
	inConflict := standingIn(v1alpha1.PartnershipConflict, "", "")
	inConflict.Ready, inConflict.Stalled = "False/Conflict", "Conflict"
	until := func(d time.Duration) step { return endsAt(start.Add(d)) }
	closed := standingIn(active, "", "")
	closed.Active = "True/PortalAccessDisabled"
	for name, test := range map[string]struct {
		created, then []step
		want          standing
	}{
		"an end is to come":          {steps(until(time.Hour)), nil, again(standingIn(active, "", ""), time.Hour, time.Hour)},
		"it comes nearer":            {steps(until(time.Hour)), steps(after(50 * time.Minute)), again(standingIn(active, "", ""), 10*time.Minute, 10*time.Minute)},
		"it has come":                {steps(until(time.Hour)), steps(after(time.Hour)), standingIn(expired, "", "")},
		"it had come":                {steps(until(-time.Hour)), nil, standingIn(expired, "", "")},
		"it is put off":              {steps(until(time.Hour)), steps(after(time.Hour), until(2*time.Hour)), again(standingIn(active, "", ""), time.Hour, time.Hour)},
		"it is removed":              {steps(until(time.Hour)), steps(after(time.Hour), edit(func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = "" })), standingIn(active, "", "")},
		"it comes while pending":     {steps(wantsApproval, until(time.Hour)), steps(after(time.Hour)), standingIn(expired, "", "")},
		"it comes, and is approved":  {steps(wantsApproval, until(time.Hour)), steps(after(time.Hour), approve), standingIn(expired, "approved/1 Skipped", "")},
		"approved as it is put off":  {steps(wantsApproval, until(time.Hour)), steps(after(time.Hour), both(approve, until(3*time.Hour))), again(standingIn(active, "approved/1 Sent", "approved/1"), 2*time.Hour, 2*time.Hour)},
		"an older one":               {steps(olderComes), nil, inConflict},
		"an older one comes":         {nil, steps(olderComes), inConflict},
		"it goes":                    {steps(olderComes), steps(olderGoes), standingIn(active, "", "")},
		"it goes, and this is ended": {steps(olderComes, until(time.Hour)), steps(after(time.Hour), olderGoes), standingIn(expired, "", "")},
		"the portal is closed":       {nil, steps(closes), closed},
		"it is opened":               {nil, steps(closes, opens), standingIn(active, "", "")},
		"in conflict, the program is gone": {steps(olderComes), steps(programGoes), func() standing {
			s := inConflict
			s.Refs = "False/ProgramNotFound"
			return s
		}()},
		"the program is gone, then an older one": {steps(programGoes), steps(olderComes), func() standing {
			s := inConflict
			s.Refs, s.Group = "False/ProgramNotFound", ""
			return s
		}()},
		"the program is gone, an older one was there": {steps(programGoes, olderComes), steps(olderGoes), func() standing {
			s := unresolved(v1alpha1.ReasonProgramNotFound, "")
			s.Active = "False/ProgramNotFound"
			return s
		}()},
		"closed and suspended": {steps(closes, suspends), nil, inSuspended("", "")},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.created, test.then, test.want) })
	}
}

func TestMoves(t *testing.T) {
	l := newLife()
	l.settle(t)
	if l.partnership.Status.LastMove != nil {
		t.Errorf("a new partner moved: %+v", l.partnership.Status.LastMove)
	}
	moved := func(what, from, to string, at time.Duration) {
		t.Helper()
		l.settle(t)
		want := v1alpha1.GroupMove{From: from, To: to, Time: metav1.NewTime(start.Add(at))}
		if got := l.partnership.Status.LastMove; got == nil || got.From != want.From || got.To != want.To || !got.Time.Equal(&want.Time) {
			t.Errorf("%s: the last move is %+v, want %+v", what, got, want)
		}
	}
	for _, happens := range []step{after(time.Hour), moveTo("gold")} {
		happens(l)
	}
	moved("moved", "standard", "gold", time.Hour)
	after(time.Hour)(l)
	moved("nothing happened", "standard", "gold", time.Hour)
	moveTo("silver")(l)
	moved("a group of another program", "standard", "gold", time.Hour)
	moveTo("gold")(l)
	goldGoes(l)
	moved("the group is deleted", "gold", "standard", 2*time.Hour)
	l.catalog.Programs["referral"].Spec.DefaultGroupRef = nil
	moved("there is no default group any more", "gold", "standard", 2*time.Hour)
	moveTo("platinum")(l)
	moved("a group that does not exist", "gold", "standard", 2*time.Hour)
}

func TestMessagesNameTheRemedy(t *testing.T) {
	for name, test := range map[string]struct {
		happens   []step
		condition string
		want      []string
	}{
		"pending":              {[]step{wantsApproval}, v1alpha1.ConditionActive, []string{"spec.approval"}},
		"rejected":             {[]step{wantsApproval, reject}, v1alpha1.ConditionReady, []string{"We work in Europe only."}},
		"expired":              {[]step{endsAt(start)}, v1alpha1.ConditionActive, []string{"2026-01-01T12:00:00Z", "validUntil"}},
		"in conflict":          {[]step{olderComes}, v1alpha1.ConditionStalled, []string{`Partnership "zoe"`, "delete one"}},
		"the portal is closed": {[]step{closes}, v1alpha1.ConditionActive, []string{"portalAccess is Disabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, happens := range test.happens {
				happens(l)
			}
			l.settle(t)
			got := meta.FindStatusCondition(l.partnership.Status.Conditions, test.condition)
			for _, want := range test.want {
				if got == nil || !strings.Contains(got.Message, want) {
					t.Errorf("%s does not say %q: %+v", test.condition, want, got)
				}
			}
		})
	}
}
