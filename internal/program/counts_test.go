package program

import (
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/partner-operator/partner-operator/api/v1alpha1"
)

func TestCountPartnerships(t *testing.T) {
	in := func(states ...v1alpha1.PartnershipState) (all []v1alpha1.Partnership) {
		for _, state := range states {
			all = append(all, v1alpha1.Partnership{Status: v1alpha1.PartnershipStatus{State: state}})
		}
		return all
	}
	for name, test := range map[string]struct {
		partnerships []v1alpha1.Partnership
		want         v1alpha1.PartnershipCounts
	}{
		"none":                   {},
		"not looked at yet":      {partnerships: in("")},
		"two active, one not":    {partnerships: in(v1alpha1.PartnershipActive, v1alpha1.PartnershipRevoked, v1alpha1.PartnershipActive), want: v1alpha1.PartnershipCounts{Active: 2, Revoked: 1}},
		"one that is not looked": {partnerships: in(v1alpha1.PartnershipActive, ""), want: v1alpha1.PartnershipCounts{Active: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, CountPartnerships(test.partnerships)); diff != "" {
				t.Errorf("unexpected (-want +got):\n%s", diff)
			}
		})
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
