package v1alpha1_test

import (
	"testing"
	"time"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// The time of a state is when it came, and stays as long as the state does.
func TestEnter(t *testing.T) {
	first := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var p v1alpha1.PartnershipStatus
	for n, step := range []struct {
		state v1alpha1.PartnershipState
		since int
	}{
		{v1alpha1.PartnershipActive, 0}, {v1alpha1.PartnershipActive, 0}, {v1alpha1.PartnershipRevoked, 2}, {v1alpha1.PartnershipActive, 3}, {v1alpha1.PartnershipActive, 3},
	} {
		p.Enter(step.state, first.Add(time.Duration(n)*time.Hour))
		if want := first.Add(time.Duration(step.since) * time.Hour); p.State != step.state || !p.StateTime.Time.Equal(want) {
			t.Errorf("%d: %s since %s, want %s since %s", n, p.State, p.StateTime, step.state, want)
		}
	}
	before := v1alpha1.PartnerInviteStatus{State: v1alpha1.InviteSent} // of a version without times
	if before.Enter(v1alpha1.InviteSent, first); before.StateTime != nil {
		t.Errorf("nobody knows since when, and it says %s", before.StateTime)
	}
	var l v1alpha1.PartnerLinkStatus
	if l.Enter(v1alpha1.LinkActive, first); l.State != v1alpha1.LinkActive || !l.StateTime.Time.Equal(first) {
		t.Errorf("%s since %s", l.State, l.StateTime)
	}
}
