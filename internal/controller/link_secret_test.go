package controller

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
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
			if got, until := l.refused("acme"); got != test.want || got != "" && !until.Equal(start.Add(askAgain)) {
				t.Errorf("it is refused until %s: %q", until, got)
			}
			if got, _ := l.refused("globex"); got != "" {
				t.Errorf("another namespace is refused: %q", got)
			}
			clock = clock.Add(askAgain)
			if got, _ := l.refused("acme"); got != "" {
				t.Errorf("it is refused for good: %q", got)
			}
		})
	}
}

// An invite whose link cannot be written is not issued, and says why; one that is mailed does not care.
func TestALinkThatCannotBeWrittenIsNotIssued(t *testing.T) {
	for delivery, want := range map[v1alpha1.InviteDelivery]invite.Action{v1alpha1.DeliveryLink: invite.ActionNone, v1alpha1.DeliveryEmail: invite.ActionSend} {
		i := &v1alpha1.PartnerInvite{
			ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada", UID: "uid"},
			Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "ada@example.com"}, Programs: grants("any"), Delivery: delivery},
		}
		d := invite.Decide(invite.Input{
			Invite: i, Catalog: program.NewCatalog([]v1alpha1.Program{programOf("any", nil)}, nil), MailerConfigured: true,
			LinkRefused: "let it", LinkRefusedUntil: start.Add(askAgain),
			HoldsKey: func(string) bool { return true }, NewestKeyID: "key-1", Now: start,
		})
		held := d.Status.State == v1alpha1.InviteHeld && d.Status.Serial == 0 && d.RequeueAfter == askAgain
		if d.Action != want || held != (delivery == v1alpha1.DeliveryLink) {
			t.Errorf("by %s: the action is %s, the state %s, the serial %d, to be looked at after %s", delivery, d.Action, d.Status.State, d.Status.Serial, d.RequeueAfter)
		}
	}
}
