package invite

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// What can be in the way of an open invite, and its end. The page, a renewal, a repeat and the conditions say the same.
func TestAnOpenInviteSaysWhatIsInTheWay(t *testing.T) {
	resellerGoes := step(func(_ testing.TB, l *life) { delete(l.catalog.Programs, "reseller") })
	goldGoes := step(func(_ testing.TB, l *life) { delete(l.catalog.Groups, "gold") })
	partnershipIs := func(change func(*v1alpha1.PartnershipSpec)) step {
		return func(_ testing.TB, l *life) {
			spec := v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: "referral"}}
			change(&spec)
			l.partnerships = []v1alpha1.Partnership{{ObjectMeta: metav1.ObjectMeta{Name: "ada-1"}, Spec: spec}}
		}
	}
	revoked := partnershipIs(func(s *v1alpha1.PartnershipSpec) { s.Revocation = &v1alpha1.Revocation{} })
	rejected := partnershipIs(func(s *v1alpha1.PartnershipSpec) {
		s.Approval = &v1alpha1.Approval{Decision: v1alpha1.ApprovalRejected}
	})
	expired := partnershipIs(func(s *v1alpha1.PartnershipSpec) { s.ValidUntil = "2020-01-01T00:00:00Z" })
	reinstated := partnershipIs(func(*v1alpha1.PartnershipSpec) {})
	const none, resolved = "Unknown/Pending", "True/ResolvedRefs"
	for name, test := range map[string]struct {
		offers        []v1alpha1.ProgramGrant
		happens       []step // after it was mailed
		accepted      string
		resolved      string
		reissued      bool // a resend then mails
		scopeOfResend int
	}{
		"nothing":                        {nil, nil, none, resolved, true, 1},
		"its program is gone":            {nil, steps(programGoes), "Unknown/ProgramNotFound", "False/ProgramNotFound", false, 0},
		"its program is back":            {nil, steps(programGoes, looksAgain, programComes), none, resolved, true, 1},
		"one of two programs is gone":    {[]v1alpha1.ProgramGrant{{Name: "referral"}, {Name: "reseller"}}, steps(resellerGoes), none, "False/ProgramNotFound", true, 1},
		"its program is suspended":       {nil, steps(suspends("referral")), "Unknown/ProgramSuspended", resolved, false, 0},
		"another program is suspended":   {nil, steps(suspends("reseller")), none, resolved, true, 1},
		"its program runs again":         {nil, steps(suspends("referral"), looksAgain, resumes("referral")), none, resolved, true, 1},
		"its group is gone":              {[]v1alpha1.ProgramGrant{grantIn("referral", "gold")}, steps(goldGoes), none, "False/GroupNotFound", false, 0},
		"access was revoked":             {nil, steps(revoked), "Unknown/PartnerRevoked", resolved, false, 0},
		"access ended":                   {nil, steps(expired), "Unknown/PartnerRevoked", resolved, false, 0},
		"the person was rejected":        {nil, steps(rejected), "Unknown/PartnerRejected", resolved, false, 0},
		"access was revoked, given back": {nil, steps(revoked, looksAgain, reinstated), none, resolved, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			if test.offers != nil {
				l.invite.Spec.Programs = test.offers
			}
			mailed(nil)(t, l)
			for _, happens := range test.happens {
				happens(t, l)
			}
			looksAgain(t, l)
			status := l.invite.Status
			if got := condition(status.Conditions, v1alpha1.ConditionAccepted); got != test.accepted {
				t.Errorf("Accepted is %s, want %s", got, test.accepted)
			}
			if got := condition(status.Conditions, v1alpha1.ConditionResolvedRefs); got != test.resolved {
				t.Errorf("ResolvedRefs is %s, want %s", got, test.resolved)
			}
			if status.State != v1alpha1.InviteSent {
				t.Errorf("the state is %s", status.State)
			}
			inTheWay := test.accepted != none
			openness, why := Answerable(l.input(), 1)
			if refused := openness == Refused; refused != inTheWay || refused != (why != nil) {
				t.Errorf("the page says %s, %v", openness, why)
			}
			after(time.Hour)(t, l)
			if got := Repeatable(l.input()); got == inTheWay {
				t.Errorf("Repeatable = %v", got)
			}
			annotates("again")(t, l)
			d := l.decide(t)
			if d.Send != nil != test.reissued || len(d.scope) != test.scopeOfResend && test.reissued {
				t.Errorf("a resend claims %v with %v", d.Send, d.scope)
			}
		})
	}
}

// The page of an expired link offers a new one only where that would come.
func TestRenewalIsOfferedWhereItCanBeAnswered(t *testing.T) {
	for name, test := range map[string]struct {
		happens []step
		serial  int64
		want    Openness
	}{
		"open":                     {nil, 1, Gone},
		"expired":                  {steps(after(week)), 1, Open},
		"expired, an older link":   {steps(after(week)), 0, Gone},
		"expired, suspended":       {steps(after(week), suspends("referral")), 1, Refused},
		"expired, program is gone": {steps(after(week), programGoes), 1, Refused},
		"expired, program is back": {steps(after(week), programGoes, programComes), 1, Open},
		"dead":                     {steps(wrongAddresses(10)), 1, Open},
		"dead, suspended":          {steps(wrongAddresses(10), suspends("referral")), 1, Refused},
		"expired, revoked": {steps(after(week), func(_ testing.TB, l *life) {
			l.partnerships = []v1alpha1.Partnership{{Spec: v1alpha1.PartnershipSpec{
				ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Revocation: &v1alpha1.Revocation{},
			}}}
		}), 1, Refused},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife()
			mailed(nil)(t, l)
			for _, happens := range test.happens {
				happens(t, l)
			}
			if got := Renewal(l.input(), test.serial); got != test.want {
				t.Errorf("Renewal = %s, want %s", got, test.want)
			}
		})
	}
}
