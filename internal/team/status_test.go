package team

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

var start = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func TestStatus(t *testing.T) {
	owner := func(email v1alpha1.EmailAddress, name v1alpha1.LineOfText) v1alpha1.TeamOwner {
		return v1alpha1.TeamOwner{Email: email, FirstName: name}
	}
	handedOver := owner("second@agency.example", "Bea")
	unreachable := owner("second@a_b.example", "Bea")
	ready := map[string]string{"Ready": "True/Ready"}
	stalled := map[string]string{"Ready": "False/OwnerInvalid", "Stalled": "True/OwnerInvalid"}
	for name, test := range map[string]struct {
		first v1alpha1.TeamOwner
		now   *v1alpha1.TeamOwner // as status tells
		owner v1alpha1.TeamOwner
		want  map[string]string
	}{
		"a new team":                            {owner("first@agency.example", "Ada"), nil, owner("first@agency.example", "Ada"), ready},
		"handed over":                           {owner("first@agency.example", "Ada"), &handedOver, handedOver, ready},
		"the spec corrects the owner's name":    {owner("second@agency.example", "Beatrice"), &handedOver, handedOver, ready},
		"an owner whom mail cannot reach":       {owner("first@a_b.example", "Ada"), nil, owner("first@a_b.example", "Ada"), stalled},
		"handed over by one it cannot reach":    {owner("first@a_b.example", "Ada"), &handedOver, handedOver, ready},
		"handed over to one it cannot reach":    {owner("first@agency.example", "Ada"), &unreachable, unreachable, stalled},
		"an owner with an international domain": {owner("zoe@bücher.example", ""), nil, owner("zoe@bücher.example", ""), ready},
	} {
		t.Run(name, func(t *testing.T) {
			team := &v1alpha1.PartnerTeam{
				ObjectMeta: metav1.ObjectMeta{Generation: 3},
				Spec:       v1alpha1.PartnerTeamSpec{Owner: test.first},
				Status:     v1alpha1.PartnerTeamStatus{ObservedGeneration: -1, Owner: test.now},
			}
			status := Status(team, start)
			if diff := cmp.Diff(&test.owner, status.Owner); diff != "" {
				t.Errorf("unexpected owner (-want +got):\n%s", diff)
			}
			got := map[string]string{}
			for _, c := range status.Conditions {
				got[c.Type] = string(c.Status) + "/" + c.Reason
				if c.ObservedGeneration != 3 {
					t.Errorf("%s was observed at generation %d", c.Type, c.ObservedGeneration)
				}
				if strings.Contains(c.Message, string(test.owner.Email)) {
					t.Errorf("%s tells the address: %q", c.Type, c.Message)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("unexpected conditions (-want +got):\n%s", diff)
			}
			if status.ObservedGeneration != 3 {
				t.Errorf("observedGeneration = %d", status.ObservedGeneration)
			}
			team.Status = status
			if diff := cmp.Diff(status, Status(team, start.Add(time.Hour))); diff != "" {
				t.Errorf("an hour later it says something else (-before +after):\n%s", diff)
			}
		})
	}
}

func TestTheOwnerOfStatusIsNoPartOfTheSpec(t *testing.T) {
	team := &v1alpha1.PartnerTeam{Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "first@agency.example"}}}
	Status(team, start).Owner.FirstName = "Ada"
	if team.Spec.Owner.FirstName != "" {
		t.Error("a change of the one changes the other")
	}
}

func TestStalledGoesWithItsCause(t *testing.T) {
	team := &v1alpha1.PartnerTeam{Spec: v1alpha1.PartnerTeamSpec{Owner: v1alpha1.TeamOwner{Email: "first@a_b.example"}}}
	team.Status = Status(team, start)
	team.Status.Owner = &v1alpha1.TeamOwner{Email: "second@agency.example"}
	team.Status = Status(team, start.Add(time.Hour))
	if meta.FindStatusCondition(team.Status.Conditions, v1alpha1.ConditionStalled) != nil {
		t.Error("Stalled stays")
	}
	if c := meta.FindStatusCondition(team.Status.Conditions, v1alpha1.ConditionReady); !c.LastTransitionTime.Time.Equal(start.Add(time.Hour)) {
		t.Errorf("Ready changed at %s", c.LastTransitionTime)
	}
}
