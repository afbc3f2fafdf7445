package kubectl

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// An invite that is there says the same as one that is asked for, if what counts is the same.
func TestSameWish(t *testing.T) {
	teammates := func(members ...v1alpha1.ProposedMember) v1alpha1.PartnerInviteSpec {
		return v1alpha1.PartnerInviteSpec{TeamRef: &v1alpha1.TeamReference{Name: "agency"}, Members: members}
	}
	newTeam := func(email v1alpha1.EmailAddress, members ...v1alpha1.ProposedMember) v1alpha1.PartnerInviteSpec {
		return v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: email}, Team: &v1alpha1.NewTeam{Name: "agency", Members: members}}
	}
	for name, test := range map[string]struct {
		there, wish v1alpha1.PartnerInviteSpec
		want        bool
	}{
		"another case of a contact": {newTeam("Olga@agency.example"), newTeam("olga@Agency.example"), true},
		"another case of a teammate": {
			teammates(v1alpha1.ProposedMember{Email: "Carl@agency.example"}), teammates(v1alpha1.ProposedMember{Email: "carl@Agency.example"}), true},
		"another case of a member of a new team": {
			newTeam("olga@agency.example", v1alpha1.ProposedMember{Email: "Carl@agency.example"}),
			newTeam("olga@agency.example", v1alpha1.ProposedMember{Email: "carl@Agency.example"}), true},
		"the role Member, said": {
			teammates(v1alpha1.ProposedMember{Email: "carl@agency.example"}), teammates(v1alpha1.ProposedMember{Email: "carl@agency.example", Role: "Member"}), true},
		"the role Member of a new team, said": {
			newTeam("olga@agency.example", v1alpha1.ProposedMember{Email: "carl@agency.example"}),
			newTeam("olga@agency.example", v1alpha1.ProposedMember{Email: "carl@agency.example", Role: "Member"}), true},
		"the defaults, said":  {v1alpha1.PartnerInviteSpec{Delivery: "Email", Form: "Skip", ResendToken: "1"}, v1alpha1.PartnerInviteSpec{}, true},
		"another contact":     {newTeam("olga@agency.example"), newTeam("olaf@agency.example"), false},
		"another teammate":    {teammates(v1alpha1.ProposedMember{Email: "carl@agency.example"}), teammates(v1alpha1.ProposedMember{Email: "karl@agency.example"}), false},
		"another role":        {teammates(v1alpha1.ProposedMember{Email: "carl@agency.example"}), teammates(v1alpha1.ProposedMember{Email: "carl@agency.example", Role: "Admin"}), false},
		"a team, and no team": {newTeam("olga@agency.example"), v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "olga@agency.example"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			there, wish := test.there.DeepCopy(), test.wish.DeepCopy()
			if got := sameWish(test.there, test.wish); got != test.want {
				t.Errorf("sameWish is %t", got)
			}
			if diff := cmp.Diff(*there, test.there) + cmp.Diff(*wish, test.wish); diff != "" {
				t.Errorf("comparing changes what is compared: %s", diff)
			}
		})
	}
}
