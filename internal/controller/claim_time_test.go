package controller

import (
	"context"
	netmail "net/mail"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/brand"
	"github.com/partner-operator/partner-operator/internal/delivery"
	"github.com/partner-operator/partner-operator/internal/invite"
	"github.com/partner-operator/partner-operator/internal/keyring/mint"
	"github.com/partner-operator/partner-operator/internal/mail"
	"github.com/partner-operator/partner-operator/internal/program"
)

// slowRate is a sender whose rate makes a mail wait longer than a claim is in force.
type slowRate struct {
	wait func()
	seen func()
}

func (s slowRate) Ready(context.Context) error { s.wait(); return nil }

func (s slowRate) Send(context.Context, mail.Message) error { s.seen(); return nil }

func (slowRate) Greet(context.Context) error { return nil }

func (slowRate) Close() {}

// A claim that is as old as the wait for the rate looks like that of a dead process, and somebody else sends, too.
func TestAClaimIsMadeAfterTheWaitForTheRate(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	i := &v1alpha1.PartnerInvite{
		ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "ada", UID: "8d5f5a2e-7b1c-4c8e-9a44-0a2f5b6c7d8e"},
		Spec:       v1alpha1.PartnerInviteSpec{Contact: v1alpha1.Contact{Email: "ada@example.com"}, Programs: []v1alpha1.ProgramGrant{{Name: "referral"}}},
	}
	referral := v1alpha1.Program{ObjectMeta: metav1.ObjectMeta{Namespace: "acme", Name: "referral"}}
	c := fakeCache(t).WithObjects(i).Build()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(i), i); err != nil {
		t.Fatal(err)
	}
	keys, err := mint.Load(t.Context(), c, "system", now)
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	sender := slowRate{
		wait: func() { now = now.Add(2 * delivery.InFlight) },
		seen: func() {
			sent++
			claimed := &v1alpha1.PartnerInvite{}
			if err := c.Get(t.Context(), client.ObjectKeyFromObject(i), claimed); err != nil {
				t.Error(err)
			} else if at := claimed.Status.LastAttemptTime; at == nil || now.Sub(at.Time) > time.Second {
				t.Errorf("while the mail leaves at %s, its claim is of %s", now, at)
			}
		},
	}
	clock := func() time.Time { return now }
	b := base{Client: c, live: c, events: events.NewFakeRecorder(8), now: clock}
	r := &PartnerInviteReconciler{
		base: b, brake: newBrake(c, clock),
		post: &post{base: b, keys: keys, mode: MailSend},
	}
	catalog := program.NewCatalog([]v1alpha1.Program{referral}, nil)
	looks := &style{catalog: catalog, invite: i, tenant: tenant{
		Brand:     brand.Default(&netmail.Address{Address: "partners@acme.example"}),
		transport: &transport{sender: sender, now: clock, tell: func(context.Context) {}},
	}}
	in := invite.Input{
		Invite: i, Catalog: catalog, MailerConfigured: true,
		HoldsKey: keys.Current().Holds, NewestKeyID: keys.Current().NewestKeyID(), MessageDomain: "acme.example", Now: now,
	}
	if _, err := r.send(t.Context(), in, looks); err != nil {
		t.Fatal(err)
	}
	if sent != 1 {
		t.Errorf("%d mails left", sent)
	}
}
