package portal

import (
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// inTheWay makes partnerships of somebody else under names that one of Ada's could have.
func (o *open) inTheWay(names ...string) {
	o.t.Helper()
	for _, name := range names {
		o.must(o.Client.Create(o.t.Context(), &v1alpha1.Partnership{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name},
			Spec:       v1alpha1.PartnershipSpec{ProgramRef: v1alpha1.ProgramReference{Name: "referral"}, Contact: &v1alpha1.Contact{Email: "vera@example.com"}},
		}))
	}
}

// adas are the names of Ada's partnerships.
func (o *open) adas() (names []string) {
	o.t.Helper()
	var all v1alpha1.PartnershipList
	o.must(o.Client.List(o.t.Context(), &all, client.InNamespace("acme")))
	for _, p := range all.Items {
		if strings.EqualFold(string(p.Spec.Contact.Email), nobodyElse) {
			names = append(names, p.Name)
		}
	}
	return names
}

func TestApplyTakesAnotherNameIfOneIsTaken(t *testing.T) {
	for taken := range 3 {
		o := joinable(t, func(j *v1alpha1.GroupJoin) { j.Mode = v1alpha1.JoinOpen })
		o.inTheWay(adasNames[:taken]...)
		page := o.applying()
		if got := page.raw(http.MethodPost, page.path, nil); got.Code != http.StatusSeeOther {
			t.Errorf("with %d names taken the answer is %d: %s", taken, got.Code, got.Body)
		}
		if got := o.adas(); len(got) != 1 || got[0] != adasNames[taken] {
			t.Errorf("with %d names taken there are %v", taken, got)
		}
		if got := page.raw(http.MethodPost, page.path, nil); got.Code == http.StatusSeeOther || len(o.adas()) != 1 {
			t.Errorf("a second application is answered with %d, and there are %v", got.Code, o.adas())
		}
	}
}

// To try again would not help, so no page says so, and the company is told what is in the way.
func TestAllNamesTaken(t *testing.T) {
	o := joinable(t, func(j *v1alpha1.GroupJoin) { j.Mode = v1alpha1.JoinOpen })
	o.inTheWay(adasNames...)
	applied := o.raw(http.MethodPost, o.applying().path, nil)
	if applied.Code != http.StatusConflict || strings.Contains(applied.Body.String(), "try again") {
		t.Errorf("an application is answered with %d: %s", applied.Code, applied.Body)
	}
	select {
	case told := <-o.Accept.Events.(*events.FakeRecorder).Events:
		if !strings.Contains(told, "NameTaken") || !strings.Contains(told, adasNames[0]) || strings.Contains(told, "example.com") {
			t.Errorf("the company is told %q", told)
		}
	default:
		t.Error("nobody is told")
	}

	o = opened(t, v1alpha1.FormSkip)
	o.inTheWay(adasNames...)
	got := o.post("accept", "email", nobodyElse)
	if got.code != http.StatusAccepted || strings.Contains(got.text, "try again") || !strings.Contains(got.text, "You accepted the invitation") {
		t.Errorf("an acceptance is answered with %d: %s", got.code, got.text)
	}
	i := o.invite()
	if i.Status.Acceptance == nil {
		t.Fatal("the answer is not recorded")
	}
	i.Status.State = v1alpha1.InviteAccepted
	v1alpha1.ConditionSetter{Conditions: &i.Status.Conditions}.True(v1alpha1.ConditionStalled, v1alpha1.ReasonNameTaken, "in the way")
	o.must(o.Client.Status().Update(t.Context(), i))
	for name, again := range map[string]answer{"the link": o.get(), "the form": o.post("accept", "email", nobodyElse)} {
		if again.code != http.StatusAccepted || !strings.Contains(again.text, "You accepted the invitation") {
			t.Errorf("%s once more is answered with %d: %s", name, again.code, again.text)
		}
	}
}
