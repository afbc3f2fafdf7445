package team

import (
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// The API server fills in no role, and what it stored when it did means the same.
func TestRoleOfAProposedPerson(t *testing.T) {
	for proposed, want := range map[v1alpha1.ProposedRole]v1alpha1.TeamRole{
		"": v1alpha1.RoleMember, "Member": v1alpha1.RoleMember, "Admin": v1alpha1.RoleAdmin, "Finance": v1alpha1.RoleFinance,
	} {
		if got := PersonOf(v1alpha1.ProposedMember{Email: "bob@agency.example", Role: proposed}, nil).Role; got != want {
			t.Errorf("the role %q is %s, want %s", proposed, got, want)
		}
	}
}
