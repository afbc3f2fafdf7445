package team

import (
	"slices"
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Of the people of a team the company can have anybody forgotten but the owner.
func TestForget(t *testing.T) {
	for name, test := range map[string]struct {
		asked string
		stay  []string
	}{
		"nobody is named":          {"", []string{"olga", "bob", "carl", "dora"}},
		"a member":                 {"3", []string{"olga", "carl", "dora"}},
		"two, of whatever state":   {"3,5", []string{"olga", "carl"}},
		"the owner":                {"0", []string{"olga", "bob", "carl", "dora"}},
		"one who was invited anew": {"2", []string{"olga", "bob", "carl", "dora"}},
		"nothing that is a number": {"all", []string{"olga", "bob", "carl", "dora"}},
	} {
		t.Run(name, func(t *testing.T) {
			of := &v1alpha1.PartnerTeam{Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "olga@example.com"}}}
			of.Annotations = map[string]string{v1alpha1.ForgetMembersAnnotation: test.asked}
			of.Status.Owner = &v1alpha1.TeamOwner{Email: "Olga@example.com"}
			of.Status.Members = []v1alpha1.TeamMember{
				{Email: "olga@example.com", Role: v1alpha1.RoleOwner, State: v1alpha1.MemberActive},
				{Email: "bob@example.com", Role: v1alpha1.RoleMember, State: v1alpha1.MemberActive, Serial: 3},
				{Email: "carl@example.com", Role: v1alpha1.RoleAdmin, State: v1alpha1.MemberActive, Serial: 4},
				{Email: "dora@example.com", Role: v1alpha1.RoleMember, State: v1alpha1.MemberRemoved, Serial: 5},
			}
			of.Status.Mails = []v1alpha1.MailDelivery{{Kind: v1alpha1.MailSignIn, To: "BOB@example.com", Serial: 1, State: v1alpha1.DeliveryPending}}
			of.Status.Invitations = []v1alpha1.TeamInvitation{{To: "Bob@example.com"}, {To: "olga@example.com"}}
			status := Decide(Input{Team: of, Open: true, Now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}).Status
			var stay []string
			for _, m := range status.Members {
				stay = append(stay, string(m.Email[:len(m.Email)-len("@example.com")]))
			}
			if !slices.Equal(stay, test.stay) {
				t.Errorf("%q stay, want %q", stay, test.stay)
			}
			if invitations := len(status.Invitations); (invitations == 2) != slices.Contains(stay, "bob") {
				t.Errorf("%d invitations stay", invitations)
			}
			if !slices.Contains(stay, "bob") && len(status.Mails) > 0 {
				t.Errorf("mails to somebody who is forgotten stay: %+v", status.Mails)
			}
		})
	}
}
