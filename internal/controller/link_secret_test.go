package controller

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/program"
)

// What the API server says to a write of the Secret of a link, and what the invite then says.
func TestLinkRights(t *testing.T) {
	secrets := corev1.Resource("secrets")
	denied := func(who, verb string) error {
		return apierrors.NewForbidden(secrets, "ada-link", errors.New(`User "`+who+`" cannot `+verb+` resource "secrets" in API group "" in the namespace "acme"`))
	}
	const let = "the operator may not write the Secret for the link; let it, and this goes on by itself: " +
		"kubectl -n acme create rolebinding partner-operator-links --clusterrole=partner-operator-links "
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"it is written":            {nil, ""},
		"it is there":              {apierrors.NewAlreadyExists(secrets, "ada-link"), ""},
		"it may make none":         {denied("system:serviceaccount:system:operator", "create"), let + "--serviceaccount=system:operator"},
		"it may replace none":      {denied("system:serviceaccount:system:operator", "update"), let + "--serviceaccount=system:operator"},
		"somebody runs it by hand": {denied("ann@acme.example", "create"), let + "--user=ann@acme.example"},
		"a quota is used up":       {apierrors.NewForbidden(secrets, "ada-link", errors.New("exceeded quota: secrets")), ""},
		"the API server is away":   {apierrors.NewServiceUnavailable("away"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			clock := start
			l := &linkRights{now: func() time.Time { return clock }}
			l.learn("acme", denied("system:serviceaccount:system:operator", "create"))
			if got := l.learn("acme", test.err); got != test.want {
				t.Errorf("it learns %q, want %q", got, test.want)
			}
			if got := l.hold("acme"); (got != nil) != (test.want != "") || got != nil && (got.Message != test.want || !got.Until.Equal(start.Add(askAgain))) {
				t.Errorf("it is held by %+v", got)
			}
			if got := l.hold("globex"); got != nil {
				t.Errorf("another namespace is held by %+v", got)
			}
			clock = clock.Add(askAgain)
			if got := l.hold("acme"); got != nil {
				t.Errorf("it is held for good by %+v", got)
			}
		})
	}
}

// An invite whose link cannot be written is not issued, and says why; one that is mailed does not care.
func TestALinkThatCannotBeWrittenIsNotIssued(t *testing.T) {
	for how, want := range map[v1alpha1.InviteDelivery]bool{v1alpha1.DeliveryLink: false, v1alpha1.DeliveryEmail: true} {
		i := &v1alpha1.PartnerInvite{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada", UID: "uid"},
			Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "ada@example.com"}, Programs: grants("any"), Delivery: how},
		}
		d := invite.Decide(invite.Input{
			Invite: i, Catalog: program.NewCatalog([]v1alpha1.Program{programOf("any", nil)}, nil),
			LinkHold: &delivery.Hold{Reason: v1alpha1.ReasonHeld, Message: "let it", Until: start.Add(askAgain)}, Keys: []string{"key-1"}, Now: start,
		})
		held := d.Status.State == v1alpha1.InviteHeld && d.Status.Serial == 0 && d.RequeueAfter == askAgain
		if (d.Send != nil) != want || held == want {
			t.Errorf("by %s: it sends %v, the state is %s, the serial %d, to be looked at after %s", how, d.Send, d.Status.State, d.Status.Serial, d.RequeueAfter)
		}
	}
}
