package program

import (
	"reflect"
	"testing"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

// Each state has a count of its own, and no two share one.
func TestCountPartnerships(t *testing.T) {
	states := []v1alpha1.PartnershipState{
		v1alpha1.PartnershipInvited, v1alpha1.PartnershipPending, v1alpha1.PartnershipActive, v1alpha1.PartnershipRevoked,
		v1alpha1.PartnershipRejected, v1alpha1.PartnershipExpired, v1alpha1.PartnershipConflict,
	}
	for _, state := range states {
		counts := reflect.ValueOf(CountPartnerships([]v1alpha1.Partnership{{Status: v1alpha1.PartnershipStatus{State: state}}, {}}))
		if got := counts.FieldByName(string(state)); !got.IsValid() || got.Int() != 1 {
			t.Errorf("%s is not counted as such: %+v", state, counts)
		}
		if fields := counts.NumField(); fields != len(states) {
			t.Errorf("there are %d counts for %d states", fields, len(states))
		}
	}
	if got := CountPartnerships([]v1alpha1.Partnership{{}}); got != (v1alpha1.PartnershipCounts{}) {
		t.Errorf("one that was not looked at is counted: %+v", got)
	}
}

// Each state has a count of its own, and no two share one.
func TestCountInvites(t *testing.T) {
	states := []v1alpha1.InviteState{
		v1alpha1.InvitePending, v1alpha1.InviteHeld, v1alpha1.InviteSent, v1alpha1.InviteAccepted, v1alpha1.InviteDeclined,
		v1alpha1.InviteExpired, v1alpha1.InviteFailed, v1alpha1.InviteAlreadyPartner, v1alpha1.InviteRefused,
	}
	for _, state := range states {
		counts := reflect.ValueOf(CountInvites([]v1alpha1.PartnerInvite{{Status: v1alpha1.PartnerInviteStatus{State: state}}}))
		if got := counts.FieldByName(string(state)); !got.IsValid() || got.Int() != 1 {
			t.Errorf("%s is not counted as such: %+v", state, counts)
		}
		if fields := counts.NumField(); fields != len(states) {
			t.Errorf("there are %d counts for %d states", fields, len(states))
		}
	}
	if got := CountInvites([]v1alpha1.PartnerInvite{{}}); got.Pending != 1 {
		t.Errorf("a new one is not pending: %+v", got)
	}
}
