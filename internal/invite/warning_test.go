package invite

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	grants "github.com/partner-operator/partner-operator/internal/grant"
)

// A sent invite says that the person is in a team, or was in one that was ended.
func TestWarning(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	sent := v1alpha1.PartnerInviteStatus{State: v1alpha1.InviteSent, Programs: []v1alpha1.ProgramGrant{{Name: "reseller"}, {Name: "referral"}}}
	for name, test := range map[string]struct {
		email   v1alpha1.EmailAddress
		program string
		revoked bool
		state   v1alpha1.InviteState
		want    string
	}{
		"in a team that is a partner":  {email: "Owner@x.example", program: "referral", state: v1alpha1.InviteSent, want: "which the person is in;"},
		"in a team that was ended":     {email: "owner@x.example", program: "referral", revoked: true, state: v1alpha1.InviteSent, want: "which was ended;"},
		"in a team of another program": {email: "owner@x.example", program: "training", state: v1alpha1.InviteSent},
		"in no team":                   {email: "ann@x.example", program: "referral", state: v1alpha1.InviteSent},
		"not sent yet":                 {email: "owner@x.example", program: "referral", state: v1alpha1.InvitePending},
	} {
		of := v1alpha1.Partnership{Spec: v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: test.program}, TeamRef: &v1alpha1.TeamReference{Name: "agency"}}}
		if test.revoked {
			of.Spec.Revocation = &v1alpha1.Revocation{}
		}
		agency := &v1alpha1.PartnerTeam{ObjectMeta: metav1.ObjectMeta{Name: "agency"}, Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "owner@x.example"}}}
		in := Input{
			Invite: &v1alpha1.PartnerInvite{Spec: v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: test.email}}},
			Teams:  []grants.Membership{{Team: agency, Partnerships: []v1alpha1.Partnership{of}}}, Now: now,
		}
		status := sent
		status.State = test.state
		got := Warning(in, status)
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) || got != "" && !strings.Contains(got, "team invite agency") {
			t.Errorf("%s: %q", name, got)
		}
	}
}
