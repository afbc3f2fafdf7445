package courier

import (
	"context"
	"slices"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
	"github.com/partner-operator/partner-operator/internal/delivery"
)

func TestWhatIsTakenBackIsHeardOnce(t *testing.T) {
	a := newAttempt(t)
	key := func(serial int64) delivery.Key { return delivery.Key{Kind: v1alpha1.MailInvite, Serial: serial} }
	takeBack := func(serial int64) {
		a.courier.takenBack.add(delivery.Try{Object: "partnerinvite/acme/ada", Key: key(serial)})
	}
	wants := func(when string, want ...delivery.Key) {
		t.Helper()
		if got, _ := a.courier.TakenBack("partnerinvite", a.object); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	takeBack(1)
	takeBack(1)
	wants("when it was taken back twice", key(1))
	_, heard := a.courier.TakenBack("partnerinvite", a.object)
	takeBack(2) // while the first is being written
	heard()
	heard()
	wants("when the first was written", key(2))

	_, a.heard = a.courier.TakenBack("partnerinvite", a.object)
	a.claiming = func(context.Context) error { return ErrLost }
	if err := a.send(t.Context()); err == nil {
		t.Error("the claim was not lost")
	}
	wants("when the claim was lost", key(2))
	a.claiming = nil
	if err := a.send(t.Context()); err != nil {
		t.Fatal(err)
	}
	wants("when it was claimed")
}
