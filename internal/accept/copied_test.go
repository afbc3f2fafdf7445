package accept

import (
	"strings"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/program"
	"github.com/partner-operator/partner-operator/internal/team"
)

// An invite from before a character was refused can be accepted: what is made of it is without.
func TestWhatIsMadeOfAnOlderInviteCanBeStored(t *testing.T) {
	i := &v1alpha1.PartnerInvite{}
	i.Namespace, i.Name = "acme", "ada"
	i.Spec.DisplayName, i.Spec.Contact = "Ada\u202e", v1alpha1.Contact{Email: "ada@example.com", FirstName: "A\u202eda", LastName: "L\u2067", JobTitle: "C\u202aEO", Phone: "12\u2069"}
	var lines []v1alpha1.LineOfText
	contact := func(c *v1alpha1.Contact) { lines = append(lines, c.FirstName, c.LastName, c.JobTitle, c.Phone) }
	p := newPartnership(i, v1alpha1.ProgramGrant{Name: "referral"}, program.Catalog{})
	lines = append(lines, p.Spec.DisplayName)
	contact(p.Spec.Contact)

	i.Spec.Team = &v1alpha1.NewTeam{Name: "agency", DisplayName: "\u202e"}
	made := newTeam(i)
	if made.Spec.DisplayName != "agency" {
		t.Errorf("a team without a name that can be shown is called %q", made.Spec.DisplayName)
	}
	lines = append(lines, made.Spec.Owner.FirstName, made.Spec.Owner.LastName)

	older := &v1alpha1.PartnerTeam{Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "ada@example.com", FirstName: "A\u202eda", LastName: "\u2066L"}}}
	team.Founded(older, older.CreationTimestamp.Time)
	lines = append(lines, older.Status.Owner.FirstName, older.Status.Owner.LastName, older.Status.Members[0].FirstName, older.Status.Members[0].LastName)
	for n, line := range lines {
		if line == "" || strings.ContainsFunc(string(line), v1alpha1.IsControl) {
			t.Errorf("line %d is %q", n, line)
		}
	}
}
