package invite

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/event"
	"github.com/partner-operator/partner-operator/internal/program"
)

// What keeps an accepted invite from being carried out is told once, and is gone once it is carried out.
func TestObstruct(t *testing.T) {
	l := newLife()
	mailed(nil)(t, l)
	answers(v1alpha1.DecisionAccepted)(t, l)
	before := *l.invite.Status.DeepCopy()
	taken := program.Unresolved{Reason: v1alpha1.ReasonNameTaken, Message: "in the way"}
	Obstruct(&l.invite.Status, taken, l.now)
	if !Obstructed(l.invite) || meta.FindStatusCondition(l.invite.Status.Conditions, v1alpha1.ConditionReconciling) != nil {
		t.Errorf("the conditions are %v", l.invite.Status.Conditions)
	}
	if e, told := Transition(before, l.invite.Status, "***"); !told || e != event.Warning(v1alpha1.ReasonNameTaken, "Wait", "in the way") {
		t.Errorf("told is %+v", e)
	}
	again := l.invite.Status.DeepCopy()
	Obstruct(again, taken, l.now.Add(time.Minute))
	if diff := cmp.Diff(l.invite.Status, *again); diff != "" {
		t.Errorf("what stays is written anew:\n%s", diff)
	}
	Finished(&l.invite.Status, []string{"partner-abc"}, l.now)
	if Obstructed(l.invite) || meta.FindStatusCondition(l.invite.Status.Conditions, v1alpha1.ConditionStalled) != nil {
		t.Errorf("the conditions are %v", l.invite.Status.Conditions)
	}
}
