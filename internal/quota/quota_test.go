package quota

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestSent(t *testing.T) {
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(minute int) *metav1.Time {
		return &metav1.Time{Time: start.Add(time.Duration(minute) * time.Minute)}
	}
	grants := func(names ...string) (all []v1alpha1.ProgramGrant) {
		for _, name := range names {
			all = append(all, v1alpha1.ProgramGrant{Name: name})
		}
		return all
	}
	invites := []v1alpha1.PartnerInvite{
		{Status: v1alpha1.PartnerInviteStatus{Programs: grants("referral", "reseller"), LastAttemptTime: at(1)}},
		{Status: v1alpha1.PartnerInviteStatus{Programs: grants("referral"), LastAttemptTime: at(2), Repeat: &v1alpha1.MailDelivery{LastAttemptTime: at(3)}}},
		{Status: v1alpha1.PartnerInviteStatus{Programs: grants("referral"), Repeat: &v1alpha1.MailDelivery{}}},
	}
	groups := []v1alpha1.PartnerGroup{
		{
			Spec:   v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: "reseller"}},
			Status: v1alpha1.PartnerGroupStatus{VerificationRecipients: []v1alpha1.VerificationRecipients{{StartTime: *at(0), Marks: "AAAAAAAAAABBBBBBBBB8"}}},
		},
		{Spec: v1alpha1.PartnerGroupSpec{ProgramRef: v1alpha1.ProgramReference{Name: "referral"}}},
	}
	in := func(name, program string, mails ...v1alpha1.MailDelivery) v1alpha1.Partnership {
		return v1alpha1.Partnership{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: program}},
			Status:     v1alpha1.PartnershipStatus{Mails: mails},
		}
	}
	partnerships := []v1alpha1.Partnership{
		in("ada", "affiliate",
			v1alpha1.MailDelivery{Kind: v1alpha1.MailApproved, LastAttemptTime: at(4)},
			v1alpha1.MailDelivery{Kind: v1alpha1.MailSignIn, LastAttemptTime: at(5)}, // does not count
			v1alpha1.MailDelivery{Kind: v1alpha1.MailRevoked, State: v1alpha1.DeliverySkipped},
			v1alpha1.MailDelivery{Kind: v1alpha1.MailApplicationReceived, LastAttemptTime: at(6)}),
		in("team", "affiliate",
			v1alpha1.MailDelivery{Kind: v1alpha1.MailRejected, To: "one@example.com", LastAttemptTime: at(7)},
			v1alpha1.MailDelivery{Kind: v1alpha1.MailRejected, To: "two@example.com", LastAttemptTime: at(8)}),
		in("cora-1", "platinum", v1alpha1.MailDelivery{Kind: v1alpha1.MailRevoked, LastAttemptTime: at(9), About: []string{"cora-2", "cora-3", "gone"}}),
		in("cora-2", "gold", v1alpha1.MailDelivery{Kind: v1alpha1.MailRevoked, State: v1alpha1.DeliverySkipped}),
		in("cora-3", "gold"),
	}
	want := map[string][]time.Time{
		"referral":  {at(1).Time, at(2).Time, at(3).Time},
		"reseller":  {at(1).Time, start, start.Add(124 * time.Second)}, // B is 1 and 8 is 60
		"affiliate": {at(4).Time, at(6).Time, at(7).Time, at(8).Time},
		"platinum":  {at(9).Time},
		"gold":      {at(9).Time},
	}
	got := Sent(invites, groups, partnerships)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected (-want +got):\n%s", diff)
	}
}
