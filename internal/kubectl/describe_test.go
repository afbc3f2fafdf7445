package kubectl

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// A link that is dead, or on the way there, is seen where people look.
func TestDescribeTellsOfWrongAddresses(t *testing.T) {
	for count, want := range map[v1alpha1.WrongAddresses]string{
		0: "Sent ", 3: "Sent (3 of 10 wrong addresses)", v1alpha1.MaxWrongAddresses: "Sent (the link is dead, 10 wrong addresses)",
	} {
		p := &Portrait{Contact: &v1alpha1.Contact{Email: "ada@example.com"}, Invites: make([]v1alpha1.PartnerInvite, 1)}
		i := &p.Invites[0]
		i.Name, i.Status.State, i.Status.WrongAddresses = "ada", v1alpha1.InviteSent, count
		var out strings.Builder
		if err := p.show(&out); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.String(), want) {
			t.Errorf("with %d wrong addresses it says:\n%s", count, out.String())
		}
		if told := afterInvite(i); strings.Contains(told, "dead") != count.LinkDead() || !strings.Contains(told, "kubectl partner resend ada") {
			t.Errorf("with %d wrong addresses inviting again says %q", count, told)
		}
		if !count.LinkDead() {
			continue
		}
		if _, err := Link(t.Context(), Desk{}, i, Installation{}); err == nil || !strings.Contains(err.Error(), "kubectl partner resend ada") {
			t.Errorf("the link of it: %v", err)
		}
	}
	p := &Portrait{Team: &v1alpha1.PartnerTeam{}}
	p.Team.Status.Members = []v1alpha1.TeamMember{
		{Email: "ada@example.com", State: v1alpha1.MemberInvited, WrongAddresses: 10}, {Email: "bob@example.com", State: v1alpha1.MemberActive, WrongAddresses: 3},
	}
	var out strings.Builder
	if err := p.show(&out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); !strings.Contains(got, "Invited (the link is dead, 10 wrong addresses)") || strings.Contains(got, "3 of 10") {
		t.Errorf("of a team it says:\n%s", got)
	}
}

// Into the first group nobody moves.
func TestHistoryOfGroups(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC))
	for want, move := range map[string]v1alpha1.GroupMove{
		"in referral in group gold":               {To: "gold", Time: at},
		"moved in referral from standard to gold": {From: "standard", To: "gold", Time: at},
		"moved in referral from standard to none": {From: "standard", Time: at},
	} {
		p := v1alpha1.Partnership{Spec: v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: "referral"}}}
		p.Status.LastMove = &move
		history := (&Portrait{Partnerships: []v1alpha1.Partnership{p}}).history()
		if len(history) != 1 || history[0].what != want {
			t.Errorf("the history is %v, want %q", history, want)
		}
	}
}
