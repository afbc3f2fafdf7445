package invite

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestOpenInvitesMakeTeams(t *testing.T) {
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	toNewTeam := func(change func(*v1alpha1.PartnerInvite)) v1alpha1.PartnerInvite {
		i := v1alpha1.PartnerInvite{Spec: v1alpha1.PartnerInviteSpec{
			Contact: v1alpha1.Contact{Email: "sue@studio.example"}, Team: &v1alpha1.NewTeam{Name: "studio"},
			Programs: []v1alpha1.ProgramGrant{{Name: "referral"}, {Name: "reseller"}},
		}}
		change(&i)
		return i
	}
	for name, test := range map[string]struct {
		about []v1alpha1.PartnerInvite
		want  bool
	}{
		"none":                  {nil, false},
		"one that has not left": {[]v1alpha1.PartnerInvite{toNewTeam(func(*v1alpha1.PartnerInvite) {})}, true},
		"one that was sent": {[]v1alpha1.PartnerInvite{toNewTeam(func(i *v1alpha1.PartnerInvite) {
			i.Status.SentTime, i.Status.ExpiryTime = &metav1.Time{Time: now}, &metav1.Time{Time: now.Add(time.Hour)}
		})}, true},
		"one that has expired": {[]v1alpha1.PartnerInvite{toNewTeam(func(i *v1alpha1.PartnerInvite) { i.Status.ExpiryTime = &metav1.Time{Time: now} })}, false},
		"one that was declined": {[]v1alpha1.PartnerInvite{toNewTeam(func(i *v1alpha1.PartnerInvite) {
			i.Status.Acceptance = &v1alpha1.InviteAcceptance{Decision: v1alpha1.DecisionDeclined}
		})}, false},
		"one that is being deleted": {[]v1alpha1.PartnerInvite{toNewTeam(func(i *v1alpha1.PartnerInvite) { i.DeletionTimestamp = &metav1.Time{Time: now} })}, false},
		"one that needs the team": {[]v1alpha1.PartnerInvite{toNewTeam(func(i *v1alpha1.PartnerInvite) {
			i.Spec.Team, i.Spec.TeamRef = nil, &v1alpha1.TeamReference{Name: "studio"}
		})}, false},
		"one of two": {[]v1alpha1.PartnerInvite{
			toNewTeam(func(i *v1alpha1.PartnerInvite) { i.Status.ExpiryTime = &metav1.Time{Time: now} }), toNewTeam(func(*v1alpha1.PartnerInvite) {}),
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := MakesTeam(test.about, now); got != test.want {
				t.Errorf("makes the team: %v, want %v", got, test.want)
			}
		})
	}
	i := toNewTeam(func(*v1alpha1.PartnerInvite) {})
	for _, name := range []string{"studio-referral", "studio-reseller"} {
		if names := PartnershipNames(&i); !slices.Contains(names, name) {
			t.Errorf("its partnerships are called %q, not %q", names, name)
		}
	}
}
