package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Enter notes the state that an invite is in, and since when if that is new.
func (s *PartnerInviteStatus) Enter(state InviteState, now time.Time) {
	enter(&s.State, &s.StateTime, state, now)
}

// Enter notes the state that a partnership is in, and since when if that is new.
func (s *PartnershipStatus) Enter(state PartnershipState, now time.Time) {
	enter(&s.State, &s.StateTime, state, now)
}

// Enter notes the state that a link is in, and since when if that is new.
func (s *PartnerLinkStatus) Enter(state LinkState, now time.Time) {
	enter(&s.State, &s.StateTime, state, now)
}

func enter[S ~string](state *S, since **metav1.Time, is S, now time.Time) {
	if *state != is {
		*state, *since = is, &metav1.Time{Time: now}
	}
}
