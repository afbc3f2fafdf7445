package controller

import (
	"context"
	"errors"
	netmail "net/mail"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/brandbook"
	"github.com/partner-operator/partner-operator/internal/courier"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/keyring/mint"
	"github.com/partner-operator/partner-operator/internal/program"
)

// claimer is an invite that is about to be claimed.
type claimer struct {
	*PartnerInviteReconciler
	in  invite.Input
	now time.Time
}

func newClaimer(t *testing.T) *claimer {
	t.Helper()
	i := &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "zoe", UID: types.UID("8d5f5a2e-7b1c-4c8e-9a44-0a2f5b6c7d8e"), CreationTimestamp: metav1.NewTime(start)},
		Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "ada@example.com"}, Programs: grants("any")},
	}
	c := fakeCache(t).WithObjects(i).Build()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(i), i); err != nil {
		t.Fatal(err)
	}
	keys, err := mint.Load(t.Context(), c, "system", start)
	if err != nil {
		t.Fatal(err)
	}
	of := &claimer{now: start}
	b := base{Client: c, live: c, keys: keys, book: &brandbook.Book{}, now: func() time.Time { return of.now }}
	of.PartnerInviteReconciler = &PartnerInviteReconciler{base: b}
	of.in = invite.Input{
		Invite: i, Catalog: program.NewCatalog([]v1alpha1.Program{programOf("any", nil)}, nil),
		Keys: keys.Current().KeyIDs(), MessageDomain: "acme.example", Now: start,
	}
	return of
}

// claims claims what is due, and gives what was written.
func (of *claimer) claims(t *testing.T) (written *v1alpha1.PartnerInvite, err error) {
	t.Helper()
	d := invite.Decide(of.in)
	if d.Send == nil {
		t.Fatal("nothing is due")
	}
	claimed := of.in.Invite.DeepCopy()
	tenant := &courier.Tenant{Brand: brand.Default(&netmail.Address{Address: "partners@acme.example"})}
	_, err = of.claim(t.Context(), of.in, *d.Send, claimed, tenant, func(context.Context) error {
		written = claimed.DeepCopy()
		return nil
	})
	return written, err
}

// A claim that is as old as what was observed could look like that of a dead process, and somebody else would send, too.
func TestAClaimIsOfTheMomentThatItIsWritten(t *testing.T) {
	of := newClaimer(t)
	of.now = start.Add(2 * delivery.InFlight)
	written, err := of.claims(t)
	if err != nil {
		t.Fatal(err)
	}
	if at := written.Status.LastAttemptTime; at == nil || !at.Time.Equal(of.now) {
		t.Errorf("the claim is of %s, and it is %s", at, of.now)
	}
}

// Whoever claims has taken the last place, which is not in its own way.
func TestTheLastPlaceIsClaimed(t *testing.T) {
	of := newClaimer(t)
	key := *invite.Decide(of.in).Send
	of.in.Quota = &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: "used up"}
	claimed := of.in.Invite.DeepCopy()
	tenant := &courier.Tenant{Brand: brand.Default(&netmail.Address{Address: "partners@acme.example"})}
	if _, err := of.claim(t.Context(), of.in, key, claimed, tenant, func(context.Context) error { return nil }); err != nil {
		t.Errorf("the claim: %v", err)
	}
}

// An invite for the same person that came and was issued after this one was judged, but before it is claimed, goes first.
func TestAClaimSeesAnInviteThatCameSinceItWasJudged(t *testing.T) {
	of := newClaimer(t)
	came := &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada", UID: types.UID("9d5f5a2e-7b1c-4c8e-9a44-0a2f5b6c7d8e"), CreationTimestamp: metav1.NewTime(start)},
		Spec:       of.in.Invite.Spec,
	}
	if err := of.Create(t.Context(), came); err != nil {
		t.Fatal(err)
	}
	came.Status = v1alpha1.PartnerInviteStatus{Serial: 1, Programs: grants("any"), ExpiryTime: &metav1.Time{Time: start.Add(time.Hour)}, SentTime: &metav1.Time{Time: start}}
	if err := of.Status().Update(t.Context(), came); err != nil {
		t.Fatal(err)
	}
	if _, err := of.claims(t); !errors.Is(err, courier.ErrLost) {
		t.Errorf("the claim: %v, want it lost", err)
	}
	of.in.Rivals = []v1alpha1.PartnerInvite{*came}
	if again := invite.Decide(of.in); again.Status.State != v1alpha1.InviteRefused {
		t.Errorf("judged again it is %s", again.Status.State)
	}
}
