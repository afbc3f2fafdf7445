package invite

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/team"
)

// Whoever is invited, into a program or into a team, gets the mail again by the same rule.
func TestRepeatableIsOneRule(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *metav1.Time { return &metav1.Time{Time: now.Add(-d)} }
	repeat := func(state v1alpha1.DeliveryState, tried time.Duration) *v1alpha1.MailDelivery {
		return &v1alpha1.MailDelivery{Kind: v1alpha1.MailInvite, Serial: 1, State: state, LastAttemptTime: ago(tried)}
	}
	for name, test := range map[string]struct {
		sent   *metav1.Time
		before *v1alpha1.MailDelivery
		// again: it was repeated before, which Before says for an invite.
		again bool
		want  bool
	}{
		"it has not left":                  {nil, nil, false, false},
		"it left a moment ago":             {ago(time.Second), nil, false, false},
		"within the minute":                {ago(59 * time.Second), nil, false, false},
		"a minute ago":                     {ago(time.Minute), nil, false, true},
		"a repeat waits":                   {ago(time.Hour), repeat(v1alpha1.DeliveryPending, time.Hour), true, false},
		"a repeat is being sent":           {ago(time.Hour), repeat(v1alpha1.DeliverySending, time.Hour), true, false},
		"a repeat failed a minute ago":     {ago(time.Hour), repeat(v1alpha1.DeliveryFailed, time.Minute), true, false},
		"a repeat failed five minutes ago": {ago(time.Hour), repeat(v1alpha1.DeliveryFailed, 5*time.Minute), true, true},
		"the mail is younger than that":    {ago(4 * time.Minute), repeat(v1alpha1.DeliveryFailed, time.Hour), true, false},
	} {
		t.Run("a program: "+name, func(t *testing.T) {
			l := newLife()
			for _, happens := range steps(mailed(nil)) {
				happens(t, l)
			}
			i := l.invite
			i.Status.SentTime, i.Status.Repeat = test.sent, test.before
			i.Status.ExpiryTime = &metav1.Time{Time: now.Add(time.Hour)}
			if got := Repeatable(Input{Invite: i, Catalog: l.catalog, Partnerships: l.partnerships, Now: now}); got != test.want {
				t.Errorf("Repeatable = %v", got)
			}
		})
		t.Run("a team: "+name, func(t *testing.T) {
			m := v1alpha1.TeamMember{Email: "ada@example.com", State: v1alpha1.MemberInvited, Serial: 7, SentTime: test.sent, ExpiryTime: &metav1.Time{Time: now.Add(time.Hour)}}
			a := &v1alpha1.PartnerTeam{}
			if test.again {
				m.Repeat = 1
			}
			if test.before != nil {
				mail := *test.before
				mail.Kind, mail.To, mail.Serial, mail.Repeat = v1alpha1.MailTeammateInvite, "ada@example.com", 7, 1
				a.Status.Mails = []v1alpha1.MailDelivery{mail}
			}
			a.Status.Members = []v1alpha1.TeamMember{m}
			first := team.RepeatInvite(a, &a.Status.Members[0], now)
			if first != test.want || team.RepeatInvite(a, &a.Status.Members[0], now.Add(time.Hour)) && first {
				t.Errorf("RepeatInvite = %v, or one more while it waits", first)
			}
		})
	}
}
