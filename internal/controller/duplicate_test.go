package controller

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/invite"
)

// An invite for the same person that came and was issued after this one was judged, but before it is claimed, goes first.
func TestAClaimSeesAnInviteThatCameSinceItWasJudged(t *testing.T) {
	inviteOf := func(name string) *v1alpha1.PartnerInvite {
		return &v1alpha1.PartnerInvite{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: name, UID: types.UID(name + "-uid"), CreationTimestamp: metav1.NewTime(start)},
			Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "ada@example.com"}, Programs: grants("any")},
		}
	}
	judged, came := inviteOf("zoe"), inviteOf("ada")
	c := fakeCache(t).WithObjects(judged).Build()
	h := newHourOf(t, c)
	r := &PartnerInviteReconciler{base: base{Client: c, live: c, now: h.now}, brake: h.brake}
	in := invite.Input{
		Invite: judged, Catalog: h.catalog, MailerConfigured: true,
		HoldsKey: func(string) bool { return true }, NewestKeyID: "key-1", Now: h.clock,
	}
	d := invite.Decide(in)
	if d.Action != invite.ActionSend {
		t.Fatalf("the action is %s", d.Action)
	}
	if err := c.Create(t.Context(), came); err != nil {
		t.Fatal(err)
	}
	came.Status = v1alpha1.PartnerInviteStatus{Serial: 1, Programs: grants("any"), ExpiryTime: &metav1.Time{Time: start.Add(time.Hour)}, SentTime: &metav1.Time{Time: start}}
	if err := c.Status().Update(t.Context(), came); err != nil {
		t.Fatal(err)
	}
	claimed := judged.DeepCopy()
	claimed.Status = d.Status
	if err := r.claim(t.Context(), in, claimed); !errors.Is(err, errLost) {
		t.Errorf("the claim: %v, want it lost", err)
	}
	if again := invite.Decide(invite.Input{Invite: judged, Catalog: h.catalog, Rivals: []v1alpha1.PartnerInvite{*came}, MailerConfigured: true, Now: h.clock}); again.Status.State != v1alpha1.InviteRefused {
		t.Errorf("judged again it is %s", again.Status.State)
	}
}
