package partnership

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// applies is an application by a join link, sent so long before the partnership is created.
func applies(before time.Duration) step {
	return edit(func(s *v1alpha1.PartnershipSpec) {
		s.Source, s.Onboarding = v1alpha1.SourceJoinLink, v1alpha1.OnboardingApproval
		s.Application.SubmittedTime = v1alpha1.NewMicroTimestamp(start.Add(-before))
	})
}

func hasStaff(l *life) { l.staff = true }

// appliesAgain is what the portal notes when a rejected person applies again.
func appliesAgain(l *life) {
	status := &l.partnership.Status
	serial := int64(1)
	if status.Reapplication != nil {
		serial = status.Reapplication.Serial + 1
	}
	status.Reapplication = &v1alpha1.Reapplication{
		Serial: serial, Time: metav1.MicroTime{Time: l.now}, Approval: *l.partnership.Spec.Approval, ApprovalSerial: status.HandledApproval.Serial,
	}
}

func sendsOn(l *life) {
	edit(func(s *v1alpha1.PartnershipSpec) {
		s.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalApproved, JoinTeamRef: &v1alpha1.TeamReference{Name: "agency"}}
	})(l)
}

func joinTeamIs(there bool) step {
	return func(l *life) {
		if l.joinTeam = nil; there {
			l.joinTeam = &v1alpha1.PartnerTeam{}
		}
	}
}

func matchingTeams(names ...string) step {
	return edit(func(s *v1alpha1.PartnershipSpec) {
		for _, name := range names {
			s.Application.MatchingTeams = append(s.Application.MatchingTeams, v1alpha1.TeamReference{Name: name})
		}
	})
}

func TestDecideApplication(t *testing.T) {
	const active, pending, rejected = v1alpha1.PartnershipActive, v1alpha1.PartnershipPending, v1alpha1.PartnershipRejected
	steps := func(s ...step) []step { return s }
	joining := func(mails, handed string) standing {
		s := standingIn(pending, mails, handed)
		s.Active = "False/JoiningTeam"
		return s
	}
	fresh := applies(time.Second)
	rejectedOnce, applied := decide(v1alpha1.ApprovalRejected, "No."), "application-received/1 Sent"
	for name, test := range map[string]struct {
		created, then []step
		want          standing
	}{
		"nobody to tell":                     {steps(fresh), nil, standingIn(pending, "application-received/1 Skipped", "")},
		"nobody to tell, and somebody later": {steps(fresh), steps(hasStaff), standingIn(pending, "application-received/1 Skipped", "")},
		"the staff is told":                  {steps(fresh, hasStaff), nil, standingIn(pending, applied, "application-received/1")},
		"the staff is told once":             {steps(fresh, hasStaff), steps(moveTo("gold"), after(time.Hour)), inGroup(standingIn(pending, applied, "application-received/1"), "gold")},
		"from a backup":                      {steps(applies(24*time.Hour), hasStaff), nil, standingIn(pending, "application-received/1 Skipped", "")},
		"declared, not applied":              {steps(hasStaff), nil, standingIn(active, "", "")},
		"held, and later":                    {steps(fresh, hasStaff, func(l *life) { l.hold = true }), steps(func(l *life) { l.hold = false }), standingIn(pending, applied, "application-received/1")},
		"an automatic one": {steps(fresh, hasStaff, edit(func(s *v1alpha1.PartnershipSpec) { s.Onboarding = v1alpha1.OnboardingAutomatic })), nil,
			standingIn(active, applied, "application-received/1")},

		"rejected, applies again": {steps(fresh, hasStaff), steps(rejectedOnce, appliesAgain),
			standingIn(pending, "application-received/2 Sent, rejected/1 Sent", "application-received/1, rejected/1, application-received/2")},
		"applies again, and the same once more": {steps(fresh), steps(rejectedOnce, appliesAgain, rejectedOnce),
			standingIn(pending, "application-received/2 Skipped, rejected/1 Sent", "rejected/1")},
		"applies again, rejected in other words": {steps(fresh), steps(rejectedOnce, appliesAgain, decide(v1alpha1.ApprovalRejected, "Never.")),
			standingIn(rejected, "application-received/2 Skipped, rejected/2 Sent", "rejected/1, rejected/2")},
		"applies again, and again": {steps(fresh), steps(rejectedOnce, appliesAgain, decide(v1alpha1.ApprovalRejected, "Never."), appliesAgain, decide(v1alpha1.ApprovalRejected, "I said never.")),
			standingIn(rejected, "application-received/3 Skipped, rejected/3 Sent", "rejected/1, rejected/2, rejected/3")},
		"applies again, approved": {steps(fresh), steps(rejectedOnce, appliesAgain, approve),
			standingIn(active, "application-received/2 Skipped, rejected/1 Sent, approved/2 Sent", "rejected/1, approved/2")},
		"applies again, approved, rejected as before": {steps(fresh), steps(rejectedOnce, appliesAgain, approve, rejectedOnce),
			standingIn(rejected, "application-received/2 Skipped, rejected/3 Sent, approved/2 Sent", "rejected/1, approved/2, rejected/3")},
		"applies again, the rejection taken back": {steps(fresh), steps(rejectedOnce, appliesAgain, undecide),
			standingIn(pending, "application-received/2 Skipped, rejected/1 Sent", "rejected/1")},
		"granted, rejected, applies again": {nil, steps(rejectedOnce, appliesAgain),
			standingIn(pending, "rejected/1 Sent, application-received/1 Skipped", "rejected/1")},
		"applies again, and status is lost": {steps(fresh), steps(rejectedOnce, appliesAgain, func(l *life) { l.partnership.Status = v1alpha1.PartnershipStatus{} }),
			standingIn(rejected, "rejected/1 Sent, application-received/1 Skipped", "rejected/1, rejected/1")},

		"sent on to a team":           {steps(fresh), steps(joinTeamIs(true), sendsOn), joining("application-received/1 Skipped", "")},
		"sent on, and then a partner": {steps(fresh), steps(joinTeamIs(true), sendsOn, approve), standingIn(active, "application-received/1 Skipped, approved/1 Sent", "approved/1")},
		"a partner, and then sent on": {steps(fresh), steps(joinTeamIs(true), approve, sendsOn), joining("application-received/1 Skipped, approved/1 Sent", "approved/1")},
		"granted, and sent on":        {nil, steps(joinTeamIs(true), sendsOn), joining("", "")},
		"with the domain of one team": {steps(fresh, matchingTeams("agency")), nil, partner(func(s *standing) {
			s.State, s.Active, s.Ready, s.Mails = pending, "False/DomainMatched", "True/Pending", "application-received/1 Skipped"
		})},
		"with the domain of several":       {steps(fresh, matchingTeams("agency", "studio")), nil, standingIn(pending, "application-received/1 Skipped", "")},
		"with the domain of one, approved": {steps(fresh, matchingTeams("agency")), steps(approve), standingIn(active, "application-received/1 Skipped, approved/1 Sent", "approved/1")},
		"a partner, and then sent on to a team that is not there": {steps(fresh), steps(approve, joinTeamIs(false), sendsOn), partner(func(s *standing) {
			s.Ready, s.Refs, s.Reconciling = "False/TeamNotFound", "False/TeamNotFound", "TeamNotFound"
			s.Mails, s.HandedOver = "application-received/1 Skipped, approved/1 Sent", "approved/1"
		})},
		"a partner, sent on to a team that comes to exist": {steps(fresh), steps(approve, joinTeamIs(false), sendsOn, joinTeamIs(true)), joining("application-received/1 Skipped, approved/1 Sent", "approved/1")},
		"a partner, sent on to a team that is removed": {steps(fresh), steps(joinTeamIs(true), approve, sendsOn, joinTeamIs(false)), partner(func(s *standing) {
			s.State, s.Active, s.Ready, s.Refs, s.Reconciling = pending, "False/JoiningTeam", "False/TeamNotFound", "False/TeamNotFound", "TeamNotFound"
			s.Mails, s.HandedOver = "application-received/1 Skipped, approved/1 Sent", "approved/1"
		})},
		"sent on to a team that is not there": {steps(fresh), steps(joinTeamIs(false), sendsOn), partner(func(s *standing) {
			s.State, s.Active, s.Ready, s.Refs, s.Reconciling, s.Mails = pending, "False/JoiningTeam", "False/TeamNotFound", "False/TeamNotFound", "TeamNotFound", "application-received/1 Skipped"
		})},
	} {
		t.Run(name, func(t *testing.T) { judge(t, test.created, test.then, test.want) })
	}
}

func TestMessagesOfApplications(t *testing.T) {
	for name, test := range map[string]struct {
		happens []step
		want    []string
	}{
		"one team":      {[]step{applies(0), matchingTeams("agency")}, []string{`"agency"`, "joinTeamRef"}},
		"several teams": {[]step{applies(0), matchingTeams("agency", "studio")}, []string{`"agency", "studio"`, "spec.approval"}},
		"sent on":       {[]step{applies(0), joinTeamIs(true), sendsOn}, []string{`"agency"`, "leave joinTeamRef out"}},
		"applied again": {[]step{applies(0), reject, func(l *life) { l.settle(t) }, appliesAgain}, []string{"status.reapplication", "another note"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			for _, happens := range test.happens {
				happens(l)
			}
			l.settle(t)
			message := meta.FindStatusCondition(l.partnership.Status.Conditions, v1alpha1.ConditionActive).Message
			for _, want := range test.want {
				if !strings.Contains(message, want) {
					t.Errorf("the message %q lacks %q", message, want)
				}
			}
		})
	}
}
